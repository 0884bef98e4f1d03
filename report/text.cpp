// Text for HTML and SVG: escaping, and numbers that people read.
#include "report/text.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>

namespace setun::report {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";  // U+FFFD

struct Character {
    std::size_t bytes = 1;
    bool valid = false;
};

/// The UTF-8 character at the start of `text`, which is not empty; valid when XML 1.0 allows it.
Character first_character(std::string_view text) {
    const auto byte = [&](std::size_t i) {
        return static_cast<std::uint32_t>(static_cast<unsigned char>(text[i]));
    };
    const std::uint32_t lead = byte(0);
    if (lead < 0x80) {
        return {1, lead >= 0x20 || lead == '\t' || lead == '\n' || lead == '\r'};
    }
    const std::size_t length = lead >= 0xF0 ? 4 : lead >= 0xE0 ? 3 : 2;
    constexpr std::array<std::uint32_t, 5> kSmallest{0, 0, 0x80, 0x800, 0x10000};
    if (lead < 0xC2 || lead > 0xF4 || text.size() < length) {
        return {};
    }
    std::uint32_t code = lead & (0xFFU >> (length + 1));
    for (std::size_t i = 1; i < length; ++i) {
        if ((byte(i) & 0xC0U) != 0x80U) {
            return {};
        }
        code = code << 6U | (byte(i) & 0x3FU);
    }
    const bool allowed = code >= kSmallest.at(length) && code <= 0x10FFFF &&
                         (code < 0xD800 || code > 0xDFFF) && code != 0xFFFE && code != 0xFFFF;
    return {allowed ? length : 1, allowed};
}

std::string without_trailing_zeros(std::string text) {
    if (text.find('.') != std::string::npos) {
        text.erase(text.find_last_not_of('0') + 1);
        if (text.back() == '.') {
            text.pop_back();
        }
    }
    return text == "-0" ? "0" : text;
}

/// Decimals that leave three significant digits of `magnitude`.
int decimals_of(double magnitude) {
    return std::clamp(2 - static_cast<int>(std::floor(std::log10(magnitude) + 1e-9)), 0, 12);
}

std::string with_commas(std::string text) {
    const std::size_t point = std::min(text.find('.'), text.size());
    const std::size_t sign = text.front() == '-' ? 1 : 0;
    for (std::size_t at = point; at > 3 + sign; at -= 3) {
        text.insert(at - 3, 1, ',');
    }
    return text;
}

}  // namespace

std::string escape(std::string_view text) {
    std::string result;
    result.reserve(text.size());
    while (!text.empty()) {
        const Character character = first_character(text);
        if (!character.valid) {
            result += kReplacement;
        } else if (text.front() == '&') {
            result += "&amp;";
        } else if (text.front() == '<') {
            result += "&lt;";
        } else if (text.front() == '>') {
            result += "&gt;";
        } else if (text.front() == '"') {
            result += "&quot;";
        } else if (text.front() == '\'') {
            result += "&#39;";
        } else {
            result += text.substr(0, character.bytes);
        }
        text.remove_prefix(character.bytes);
    }
    return result;
}

std::size_t characters(std::string_view text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

double text_width(std::string_view text, double size) {
    // Digits and lower-case letters of a wide sans-serif font (DejaVu Sans), so that others fit as well.
    return 0.62 * size * static_cast<double>(characters(text));
}

std::string shortened(std::string_view text, std::size_t most) {
    if (characters(text) <= most || most == 0) {
        return std::string(text);
    }
    std::size_t bytes = 0;
    for (std::size_t count = 0; count + 1 < most; ++count) {
        bytes += first_character(text.substr(bytes)).bytes;
    }
    return std::string(text.substr(0, bytes)) + "\xE2\x80\xA6";
}

Prefix prefix_of(double value) {
    constexpr std::array<Prefix, 11> kPrefixes{{{1e15, "P"},
                                                {1e12, "T"},
                                                {1e9, "G"},
                                                {1e6, "M"},
                                                {1e3, "k"},
                                                {1, ""},
                                                {1e-3, "m"},
                                                {1e-6, "\xC2\xB5"},
                                                {1e-9, "n"},
                                                {1e-12, "p"},
                                                {1e-15, "f"}}};
    const double magnitude = std::abs(value);
    if (magnitude == 0 || !std::isfinite(magnitude)) {
        return {};
    }
    for (const Prefix& prefix : kPrefixes) {
        if (magnitude / prefix.factor >= 0.9995) {
            return prefix;
        }
    }
    return kPrefixes.back();
}

std::string plain(double value) {
    if (value == 0 || !std::isfinite(value)) {
        return value == 0 ? "0" : fmt::format("{}", value);
    }
    return with_commas(without_trailing_zeros(fmt::format("{:.{}f}", value, decimals_of(std::abs(value)))));
}

std::string si(double value, std::string_view unit) {
    const Prefix prefix = prefix_of(value);
    const std::string number = plain(value / prefix.factor);
    if (unit.empty()) {
        return number + prefix.name;
    }
    return fmt::format("{} {}{}", number, prefix.name, unit);
}

std::string coordinate(double value) { return without_trailing_zeros(fmt::format("{:.2f}", value)); }

}  // namespace setun::report
