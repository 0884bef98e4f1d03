// Charts as SVG inside an HTML figure: bars, and everything that has an x and a y axis.
//
// Drawings are narrow, so that their text stays readable on a phone; colours are CSS classes of report/page,
// which has a palette for light and dark screens that is safe for colour-blind readers. Every text that is
// handed in is escaped. No script, no font from outside.
#pragma once

#include <string>
#include <vector>

namespace setun::report {

/// Width of a drawing's coordinate system; a phone of 380 pixels shows it about one to one.
constexpr double kChartWidth = 360;
/// Size of all text of a drawing, in the same units.
constexpr double kChartText = 11.5;
/// Colours that a page defines; series beyond begin again.
constexpr unsigned kChartColours = 8;

/// What every chart has.
struct ChartHead {
    std::string title;               ///< what is shown, e.g. "Energy of a token"
    std::string description;         ///< a sentence for those who do not see the drawing
    std::vector<std::string> notes;  ///< below the drawing: scope, sources
};

enum class BarForm {
    kStacked,  ///< one bar a category, parts one after the other, its sum beside it
    kGrouped   ///< one bar a category and series, each with its value beside it
};

/// Horizontal bars; the category stands above its bars.
struct BarChart {
    ChartHead head;
    BarForm form = BarForm::kStacked;
    std::string axis;  ///< what the values are, e.g. "energy per token"
    std::string unit;  ///< e.g. "J"; values get an SI prefix
    std::vector<std::string> categories;
    struct Series {
        std::string name;
        std::vector<double> values;  ///< one a category, not negative; NaN where there is none
    };
    std::vector<Series> series;
    std::vector<std::string> remarks;  ///< behind the value, one a category, e.g. "7.4x"; may be empty
};

/// An axis of an XyChart.
struct Axis {
    std::string label;  ///< what it shows, without unit
    std::string unit;   ///< e.g. "J"; empty for plain numbers
    bool logarithmic = false;
    bool prefixes = true;  ///< SI prefixes; otherwise plain numbers
};

struct XyPoint {
    double x = 0;
    double y = 0;
    std::string label;  ///< beside the point when there is room, and always in the table
    std::string note;   ///< in the table, e.g. where the number is from
};

struct XySeries {
    std::string name;
    std::vector<XyPoint> points;  ///< in the order of the line
    bool line = true;
    bool markers = true;
    bool hollow = false;  ///< markers not filled, line dashed: unverified, or not among the best
    int colour = -1;      ///< number of a palette colour; -1: the series' own number
};

/// Lines and points over two axes: curves, scatter plots, rooflines, Pareto fronts.
struct XyChart {
    ChartHead head;
    Axis x;
    Axis y;
    std::vector<XySeries> series;
    double height = 290;  ///< in the units of kChartWidth
};

/// The chart as a <figure> of well-formed XML: caption, legend, drawing with title and description, notes,
/// and all numbers as a table that can be unfolded. Throws std::invalid_argument when a series has another
/// number of values than there are categories, a value is negative or infinite, or a logarithmic axis is
/// given a value that is not positive.
[[nodiscard]] std::string figure(const BarChart& chart);
[[nodiscard]] std::string figure(const XyChart& chart);

}  // namespace setun::report
