// The parts that all charts share: caption, legend, drawing, table of the numbers.
#include "report/figure.h"

#include <fmt/format.h>

#include "report/text.h"

namespace setun::report {
namespace {

constexpr double kMarker = 4;  // half the size of a marker

std::string legend_entry(const LegendEntry& entry) {
    std::string swatch;
    if (entry.line) {
        swatch +=
            fmt::format(R"(<path class="l{}{}" d="M0 6H22"/>)", entry.colour, entry.hollow ? " dash" : "");
    }
    if (entry.marker) {
        swatch += marker(11, 6, entry.colour, entry.shape, entry.hollow, "");
    } else if (!entry.line) {
        swatch += fmt::format(R"(<rect class="f{}" x="5" width="12" height="12"/>)", entry.colour);
    }
    return fmt::format(
        R"(<li><svg class="swatch" width="22" height="12" viewBox="0 0 22 12" aria-hidden="true">{}</svg>{}</li>)",
        swatch, escape(entry.name));
}

}  // namespace

std::string marker(double x, double y, unsigned colour, unsigned shape, bool hollow,
                   std::string_view tooltip) {
    const std::string classes = fmt::format("{}{}", hollow ? "h" : "f", colour);
    const std::string title = tooltip.empty() ? "" : fmt::format("<title>{}</title>", escape(tooltip));
    const std::string at = fmt::format("M{} {}", coordinate(x), coordinate(y));
    std::string path;
    switch (shape % 4) {
        case 0:
            return fmt::format(R"(<circle class="{}" cx="{}" cy="{}" r="{}">{}</circle>)", classes,
                               coordinate(x), coordinate(y), kMarker, title);
        case 1:
            path = at + "m-3.6 -3.6h7.2v7.2h-7.2z";
            break;
        case 2:
            path = at + "m0 -4.8l4.6 8h-9.2z";
            break;
        default:
            path = at + "m0 -5.2l5.2 5.2l-5.2 5.2l-5.2 -5.2z";
            break;
    }
    return fmt::format(R"(<path class="{}" d="{}">{}</path>)", classes, path, title);
}

std::string text_element(double x, double y, std::string_view anchor, std::string_view classes,
                         std::string_view content) {
    const std::string style = classes.empty() ? "" : fmt::format(R"( class="{}")", classes);
    return fmt::format(R"(<text{} x="{}" y="{}" text-anchor="{}">{}</text>)", style, coordinate(x),
                       coordinate(y), anchor, escape(content));
}

std::string html_table(const ChartTable& table) {
    std::string html = "<div class=\"scroll\"><table><thead><tr>";
    const auto classes = [&](std::size_t column) {
        return column >= table.numbers_from ? R"( class="n")" : "";
    };
    for (std::size_t i = 0; i < table.header.size(); ++i) {
        html += fmt::format(R"(<th scope="col"{}>{}</th>)", classes(i), escape(table.header[i]));
    }
    html += "</tr></thead>\n<tbody>\n";
    for (const auto& row : table.rows) {
        html += "<tr>";
        for (std::size_t i = 0; i < row.size(); ++i) {
            html += fmt::format("<td{}>{}</td>", classes(i), escape(row[i]));
        }
        html += "</tr>\n";
    }
    return html + "</tbody></table></div>\n";
}

std::string compose(const ChartHead& head, const std::vector<LegendEntry>& legend, double height,
                    const std::string& drawing, const ChartTable& table) {
    std::string html = fmt::format("<figure>\n<figcaption>{}</figcaption>\n", escape(head.title));
    if (!legend.empty()) {
        html += "<ul class=\"legend\">";
        for (const LegendEntry& entry : legend) {
            html += legend_entry(entry);
        }
        html += "</ul>\n";
    }
    html += fmt::format(
        R"(<svg class="chart" role="img" viewBox="0 0 {} {}" xmlns="http://www.w3.org/2000/svg"><title>{}</title><desc>{}</desc>)",
        coordinate(kChartWidth), coordinate(height), escape(head.title), escape(head.description));
    html += "\n" + drawing + "</svg>\n";
    for (const std::string& note : head.notes) {
        html += fmt::format("<p class=\"note\">{}</p>\n", escape(note));
    }
    html += "<details><summary>Numbers of this chart</summary>\n" + html_table(table) + "</details>\n";
    return html + "</figure>\n";
}

}  // namespace setun::report
