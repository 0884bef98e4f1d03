// Numbers, tables and progress for people.
#pragma once

#include <chrono>
#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace setun::cli {

/// 1234567 as "1,234,567".
std::string grouped(std::uint64_t value);
/// Three significant digits with an SI prefix: si(1.234e-6, "J") is "1.23 µJ".
std::string si(double value, const std::string& unit);
/// 0.123 as "12.3 %".
std::string percent(double share);

/// Text on standard output, at once.
void write_out(std::string_view text);

/// Lines of a label and a value with the labels in one column.
class Block {
  public:
    void add(std::string label, std::string value) { lines_.push_back({std::move(label), std::move(value)}); }
    [[nodiscard]] std::string text() const;

  private:
    struct Line {
        std::string label;
        std::string value;
    };
    std::vector<Line> lines_;
};

/// Rows of cells; the first column is aligned left, the others right.
class Table {
  public:
    explicit Table(std::vector<std::string> header) : rows_{std::move(header)} {}
    void add(std::vector<std::string> row) { rows_.push_back(std::move(row)); }
    [[nodiscard]] std::string text() const;

  private:
    std::vector<std::vector<std::string>> rows_;
};

/// A bar on standard error: only on a terminal, and only once the work has taken longer than a second.
class Progress {
  public:
    explicit Progress(std::string label);
    Progress(const Progress&) = delete;
    Progress& operator=(const Progress&) = delete;
    ~Progress() { clear(); }
    /// share in [0, 1].
    void update(double share);
    /// Removes the bar, e.g. before other output.
    void clear();

  private:
    std::string label_;
    bool terminal_;
    bool shown_ = false;
    std::chrono::steady_clock::time_point begin_;
    std::chrono::steady_clock::time_point drawn_;
};

}  // namespace setun::cli
