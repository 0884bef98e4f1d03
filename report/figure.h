// The parts that all charts share: caption, legend, drawing, table of the numbers.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/chart.h"

namespace setun::report {

/// An entry of a legend.
struct LegendEntry {
    std::string name;
    unsigned colour = 0;
    bool line = false;    ///< a stroke behind the marker
    bool marker = false;  ///< otherwise a filled box
    bool hollow = false;
    unsigned shape = 0;  ///< see marker()
};

/// The numbers of a chart: rows of cells under a header; columns from `numbers_from` on are right-aligned.
struct ChartTable {
    std::vector<std::string> header;
    std::vector<std::vector<std::string>> rows;
    std::size_t numbers_from = 1;
};

/// A marker around (x, y) in CSS classes of the colour: circle, square, triangle, diamond by `shape`
/// modulo 4.
[[nodiscard]] std::string marker(double x, double y, unsigned colour, unsigned shape, bool hollow,
                                 std::string_view tooltip);

/// A <text> element. `anchor` is "start", "middle" or "end"; `classes` may be empty. Escapes `content`.
[[nodiscard]] std::string text_element(double x, double y, std::string_view anchor, std::string_view classes,
                                       std::string_view content);

/// A <table>, all cells escaped.
[[nodiscard]] std::string html_table(const ChartTable& table);

/// The whole figure around `drawing`, the inner elements of an SVG that is `height` high.
[[nodiscard]] std::string compose(const ChartHead& head, const std::vector<LegendEntry>& legend,
                                  double height, const std::string& drawing, const ChartTable& table);

}  // namespace setun::report
