// Text for HTML and SVG: escaping, and numbers that people read.
#pragma once

#include <string>
#include <string_view>

namespace setun::report {

/// `text` from anywhere as character data or attribute value of XML and HTML: the five special characters as
/// entities, bytes that are not UTF-8 and characters that XML forbids as U+FFFD.
[[nodiscard]] std::string escape(std::string_view text);

/// Characters of UTF-8 text.
[[nodiscard]] std::size_t characters(std::string_view text);

/// Width of `text` in a sans-serif font of `size`, roughly: charts have no font metrics.
[[nodiscard]] double text_width(std::string_view text, double size);

/// Cuts what is longer than `most` characters and ends it with an ellipsis.
[[nodiscard]] std::string shortened(std::string_view text, std::size_t most);

/// Three significant digits with an SI prefix, "1.23 mJ"; "0 J" for zero. Without unit: "1.23 m" becomes
/// "1.23m".
[[nodiscard]] std::string si(double value, std::string_view unit);

/// Three significant digits without prefix, no trailing zeros: "0.007", "12.3", "1,234".
[[nodiscard]] std::string plain(double value);

/// The power of 1000 and its prefix in which `value` reads best; between 1e-15 and 1e15.
struct Prefix {
    double factor = 1;
    const char* name = "";
};
[[nodiscard]] Prefix prefix_of(double value);

/// A coordinate of a drawing: two decimals, no trailing zeros.
[[nodiscard]] std::string coordinate(double value);

}  // namespace setun::report
