// A report as one HTML file: headings, text, tables and charts, with everything inside that it needs.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "report/chart.h"

namespace setun::report {

/// Builds a page from top to bottom. Texts are escaped; the result is well-formed XML as well as HTML 5,
/// loads nothing, follows light and dark screens, and prints.
class Page {
  public:
    /// `title` is also the first heading; `subtitle` a sentence below it.
    Page(std::string_view title, std::string_view subtitle);

    void heading(std::string_view text);
    void paragraph(std::string_view text);
    void list(const std::vector<std::string>& items);
    /// Names and values, one a line.
    void facts(const std::vector<std::pair<std::string, std::string>>& facts);
    /// Columns from `numbers_from` on are right-aligned.
    void table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
               std::size_t numbers_from = 1);
    /// The same, unfolded on demand.
    void folded_table(std::string_view summary, const std::vector<std::string>& header,
                      const std::vector<std::vector<std::string>>& rows, std::size_t numbers_from = 1);
    /// Charts next to one another where the screen is wide enough: results of figure().
    void figures(const std::vector<std::string>& figures);
    /// A numbered list, for citations.
    void sources(const std::vector<std::string>& sources);

    /// The whole file.
    [[nodiscard]] std::string html() const;

  private:
    std::string title_;
    std::string body_;
};

}  // namespace setun::report
