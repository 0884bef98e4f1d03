// Numbers, tables and progress for people.
#include "host/cli/format.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>

namespace setun::cli {
namespace {

/// Columns on a terminal: bytes that do not continue a UTF-8 character.
std::size_t width(const std::string& text) {
    return static_cast<std::size_t>(
        std::count_if(text.begin(), text.end(), [](char c) { return (c & 0xC0) != 0x80; }));
}

std::string padded(const std::string& text, std::size_t columns, bool left) {
    const std::string space(columns - std::min(columns, width(text)), ' ');
    return left ? text + space : space + text;
}

}  // namespace

void write_out(std::string_view text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

std::string grouped(std::uint64_t value) {
    std::string digits = std::to_string(value);
    for (std::size_t at = digits.size(); at > 3; at -= 3) {
        digits.insert(at - 3, 1, ',');
    }
    return digits;
}

std::string si(double value, const std::string& unit) {
    struct Prefix {
        double factor;
        const char* name;
    };
    constexpr std::array<Prefix, 9> kPrefixes{{{1e12, "T"},
                                               {1e9, "G"},
                                               {1e6, "M"},
                                               {1e3, "k"},
                                               {1, ""},
                                               {1e-3, "m"},
                                               {1e-6, "µ"},
                                               {1e-9, "n"},
                                               {1e-12, "p"}}};
    if (value == 0 || !std::isfinite(value)) {
        return fmt::format("{} {}", value, unit);
    }
    for (const Prefix& prefix : kPrefixes) {
        const double scaled = value / prefix.factor;
        if (std::abs(scaled) >= 0.9995 || &prefix == &kPrefixes.back()) {
            const int decimals = std::abs(scaled) >= 99.95 ? 0 : std::abs(scaled) >= 9.995 ? 1 : 2;
            return fmt::format("{:.{}f} {}{}", scaled, decimals, prefix.name, unit);
        }
    }
    return {};
}

std::string percent(double share) { return fmt::format("{:.1f} %", share * 100); }

std::string Block::text() const {
    std::size_t columns = 0;
    for (const Line& line : lines_) {
        columns = std::max(columns, width(line.label));
    }
    std::string result;
    for (const Line& line : lines_) {
        result += "  " + padded(line.label, columns, true) + "   " + line.value + "\n";
    }
    return result;
}

std::string Table::text() const {
    std::vector<std::size_t> columns;
    for (const auto& row : rows_) {
        columns.resize(std::max(columns.size(), row.size()));
        for (std::size_t i = 0; i < row.size(); ++i) {
            columns[i] = std::max(columns[i], width(row[i]));
        }
    }
    std::string result;
    for (const auto& row : rows_) {
        std::string line = " ";
        for (std::size_t i = 0; i < row.size(); ++i) {
            line += (i == 0 ? " " : "  ") + padded(row[i], columns[i], i == 0);
        }
        line.erase(line.find_last_not_of(' ') + 1);
        result += line + "\n";
    }
    return result;
}

Progress::Progress(std::string label)
    : label_(std::move(label)),
      terminal_(::isatty(STDERR_FILENO) == 1),
      begin_(std::chrono::steady_clock::now()),
      drawn_(begin_) {}

void Progress::update(double share) {
    const auto now = std::chrono::steady_clock::now();
    if (!terminal_ || now - begin_ < std::chrono::seconds(1) ||
        now - drawn_ < std::chrono::milliseconds(100)) {
        return;
    }
    drawn_ = now;
    shown_ = true;
    constexpr int kWidth = 30;
    const int full = static_cast<int>(std::clamp(share, 0.0, 1.0) * kWidth);
    fmt::print(stderr, "\r\033[K{} [{}{}] {:.0f} %", label_, std::string(static_cast<std::size_t>(full), '#'),
               std::string(static_cast<std::size_t>(kWidth - full), ' '), share * 100);
    std::fflush(stderr);
}

void Progress::clear() {
    if (shown_) {
        fmt::print(stderr, "\r\033[K");
        std::fflush(stderr);
        shown_ = false;
    }
}

}  // namespace setun::cli
