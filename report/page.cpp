// A report as one HTML file: headings, text, tables and charts, with everything inside that it needs.
#include "report/page.h"

#include <fmt/format.h>

#include <array>

#include "report/figure.h"
#include "report/text.h"

namespace setun::report {
namespace {

/// A palette colour on a light and on a dark screen, and the colour of text upon it.
struct Colour {
    const char* light;
    const char* on_light;
    const char* dark;
    const char* on_dark;
};

/// After M. Okabe and K. Ito, Color Universal Design, 2008, order chosen so that neighbours differ in
/// lightness; dark screens get lighter tones.
constexpr std::array<Colour, kChartColours> kPalette{{{"#0072b2", "#fff", "#4aa8e0", "#000"},
                                                      {"#e69f00", "#000", "#f0b323", "#000"},
                                                      {"#009e73", "#000", "#2fc39b", "#000"},
                                                      {"#cc79a7", "#000", "#e39ac4", "#000"},
                                                      {"#56b4e9", "#000", "#9ad4f7", "#000"},
                                                      {"#d55e00", "#000", "#f07f2e", "#000"},
                                                      {"#6b6b6b", "#fff", "#a8a8a8", "#000"},
                                                      {"#8a7a00", "#fff", "#e8dc3c", "#000"}}};

constexpr std::string_view kStyle = R"CSS(
*{box-sizing:border-box}
body{margin:0 auto;max-width:1020px;padding:12px;background:var(--paper);color:var(--ink);
 font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans","DejaVu Sans",sans-serif}
h1{font-size:1.5em;line-height:1.2;margin:.4em 0 .2em}
h2{font-size:1.15em;margin:1.8em 0 .4em;padding-top:.4em;border-top:1px solid var(--rule)}
p{margin:.4em 0;max-width:75ch}
.lead{color:var(--dim)}
.figures{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(100%,420px),1fr));gap:18px 28px}
figure{margin:.6em 0;min-width:0;max-width:480px}
figcaption{font-weight:600;margin-bottom:.2em}
.chart{display:block;width:100%;height:auto;overflow:visible}
.chart text{font-size:11.5px;fill:var(--ink)}
.chart .tick{fill:var(--dim)}
.chart .axis{fill:var(--dim)}
.chart .name{font-weight:600}
.grid{stroke:var(--rule);stroke-width:1;fill:none}
.frame{stroke:var(--dim);stroke-width:1;fill:none}
.dash{stroke-dasharray:5 4}
.legend{list-style:none;margin:0 0 .4em;padding:0;display:flex;flex-wrap:wrap;gap:2px 14px;font-size:12.5px}
.legend li{display:flex;align-items:center;gap:5px}
.swatch{flex:none}
.note{font-size:12.5px;color:var(--dim);margin:.3em 0}
details{margin:.4em 0}
summary{cursor:pointer;font-size:12.5px;color:var(--dim)}
.scroll{overflow-x:auto}
table{border-collapse:collapse;font-size:13px;margin:.4em 0}
th,td{padding:3px 10px 3px 0;text-align:left;vertical-align:top;border-bottom:1px solid var(--rule)}
th{font-weight:600}
td:not(.n){min-width:6em}
td:first-child{min-width:9em}
.n{text-align:right;white-space:nowrap;font-variant-numeric:tabular-nums}
dl{display:grid;grid-template-columns:minmax(7em,max-content) 1fr;gap:2px 14px;margin:.6em 0;font-size:14px}
dt{color:var(--dim)}
dd{margin:0;overflow-wrap:anywhere}
li{margin:.15em 0;overflow-wrap:anywhere}
@media print{
 body{max-width:none;padding:0;font-size:10.5pt;-webkit-print-color-adjust:exact;print-color-adjust:exact}
 table{font-size:8pt}
 .scroll{overflow:visible}
 figure,tr,dl{break-inside:avoid}
 h2,figcaption{break-after:avoid}
 .figures{grid-template-columns:1fr 1fr}
 .figures details{display:none}
}
)CSS";

std::string palette(bool dark) {
    std::string css = dark ? "--paper:#16181b;--ink:#e8e8e6;--dim:#a9adb1;--rule:#3a3e43"
                           : "--paper:#fff;--ink:#1b1b1b;--dim:#5a5a5a;--rule:#dcdcdc";
    for (unsigned i = 0; i < kChartColours; ++i) {
        const Colour& c = kPalette.at(i);
        css +=
            fmt::format(";--c{}:{};--t{}:{}", i, dark ? c.dark : c.light, i, dark ? c.on_dark : c.on_light);
    }
    return css;
}

std::string style() {
    std::string css = fmt::format(
        ":root{{color-scheme:light dark;{}}}\n@media screen and (prefers-color-scheme:dark){{:root{{{}}}}}",
        palette(false), palette(true));
    css += kStyle;
    for (unsigned i = 0; i < kChartColours; ++i) {
        css += fmt::format(
            ".f{0}{{fill:var(--c{0});stroke:var(--paper);stroke-width:.7}}"
            ".h{0}{{fill:var(--paper);stroke:var(--c{0});stroke-width:1.6}}"
            ".l{0}{{fill:none;stroke:var(--c{0});stroke-width:2;stroke-linejoin:round}}"
            ".chart .on{0}{{fill:var(--t{0})}}\n",
            i);
    }
    return css;
}

}  // namespace

Page::Page(std::string_view title, std::string_view subtitle) : title_(title) {
    body_ = fmt::format("<h1>{}</h1>\n<p class=\"lead\">{}</p>\n", escape(title), escape(subtitle));
}

void Page::heading(std::string_view text) { body_ += fmt::format("<h2>{}</h2>\n", escape(text)); }

void Page::paragraph(std::string_view text) { body_ += fmt::format("<p>{}</p>\n", escape(text)); }

void Page::list(const std::vector<std::string>& items) {
    body_ += "<ul>\n";
    for (const std::string& item : items) {
        body_ += fmt::format("<li>{}</li>\n", escape(item));
    }
    body_ += "</ul>\n";
}

void Page::facts(const std::vector<std::pair<std::string, std::string>>& facts) {
    body_ += "<dl>\n";
    for (const auto& [name, value] : facts) {
        body_ += fmt::format("<dt>{}</dt><dd>{}</dd>\n", escape(name), escape(value));
    }
    body_ += "</dl>\n";
}

void Page::table(const std::vector<std::string>& header, const std::vector<std::vector<std::string>>& rows,
                 std::size_t numbers_from) {
    body_ += html_table({header, rows, numbers_from});
}

void Page::folded_table(std::string_view summary, const std::vector<std::string>& header,
                        const std::vector<std::vector<std::string>>& rows, std::size_t numbers_from) {
    body_ += fmt::format("<details><summary>{}</summary>\n{}</details>\n", escape(summary),
                         html_table({header, rows, numbers_from}));
}

void Page::figures(const std::vector<std::string>& figures) {
    body_ += "<div class=\"figures\">\n";
    for (const std::string& figure : figures) {
        body_ += figure;
    }
    body_ += "</div>\n";
}

void Page::sources(const std::vector<std::string>& sources) {
    body_ += "<ol>\n";
    for (const std::string& source : sources) {
        body_ += fmt::format("<li>{}</li>\n", escape(source));
    }
    body_ += "</ol>\n";
}

std::string Page::html() const {
    return fmt::format(
        "<!DOCTYPE html>\n<html xmlns=\"http://www.w3.org/1999/xhtml\" lang=\"en\">\n<head>\n<meta "
        "charset=\"utf-8\"/>\n"
        "<meta name=\"viewport\" content=\"width=device-width, initial-scale=1\"/>\n"
        "<title>{}</title>\n<style>{}</style>\n</head>\n<body>\n<main>\n{}</main>\n</body>\n</html>\n",
        escape(title_), style(), body_);
}

}  // namespace setun::report
