// Bars: stacked or side by side, horizontal, each category with its name above.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>

#include "report/chart.h"
#include "report/figure.h"
#include "report/scale.h"
#include "report/text.h"

namespace setun::report {
namespace {

constexpr double kName = 17;     // height of a category's name
constexpr double kBar = 18;      // height of a stacked bar
constexpr double kThinBar = 14;  // height of a bar among others
constexpr double kGap = 8;       // below a category
constexpr double kAxis = 36;     // below the bars: ticks and the axis' label
constexpr double kInset = 4;     // between a bar and text

class Bars {
  public:
    explicit Bars(const BarChart& chart) : chart_(chart), prefix_(check_and_scale()) {
        double reserved = 0;
        for (std::size_t c = 0; c < chart_.categories.size(); ++c) {
            for (const std::string& label : end_labels(c)) {
                reserved = std::max(reserved, text_width(label, kChartText));
            }
        }
        right_ = kChartWidth - std::min(reserved + kInset, kChartWidth / 2);
        scale_ = Scale(false, 0, largest_ > 0 ? largest_ : 1, 0.5, right_);
    }

    std::string draw() {
        std::string bars;
        for (std::size_t c = 0; c < chart_.categories.size(); ++c) {
            bars +=
                text_element(0, y_ + 12, "start", "name",
                             shortened(chart_.categories[c], static_cast<std::size_t>(kChartWidth / 6.5)));
            y_ += kName;
            bars += chart_.form == BarForm::kStacked ? stacked(c) : grouped(c);
            y_ += kGap;
        }
        const std::string axis = axis_below();
        std::vector<LegendEntry> legend;
        if (chart_.series.size() > 1) {
            for (std::size_t s = 0; s < chart_.series.size(); ++s) {
                legend.push_back({chart_.series[s].name, colour(s), false, false, false, 0});
            }
        }
        return compose(chart_.head, legend, y_ + kAxis, axis + bars, table());
    }

  private:
    [[nodiscard]] static unsigned colour(std::size_t series) {
        return static_cast<unsigned>(series % kChartColours);
    }

    Prefix check_and_scale() {
        if (chart_.series.empty() || chart_.categories.empty()) {
            throw std::invalid_argument("bar chart: needs a category and a series");
        }
        if (!chart_.remarks.empty() && chart_.remarks.size() != chart_.categories.size()) {
            throw std::invalid_argument("bar chart: remarks must be one a category or none");
        }
        for (const auto& series : chart_.series) {
            if (series.values.size() != chart_.categories.size()) {
                throw std::invalid_argument(
                    fmt::format("bar chart: series '{}' has {} values for {} categories", series.name,
                                series.values.size(), chart_.categories.size()));
            }
            for (const double value : series.values) {
                if (value < 0 || std::isinf(value)) {
                    throw std::invalid_argument(fmt::format(
                        "bar chart: series '{}' has a value that is negative or infinite", series.name));
                }
            }
        }
        for (std::size_t c = 0; c < chart_.categories.size(); ++c) {
            double bar = 0;
            for (const auto& series : chart_.series) {
                const double value = std::isnan(series.values[c]) ? 0 : series.values[c];
                bar = chart_.form == BarForm::kStacked ? bar + value : std::max(bar, value);
            }
            largest_ = std::max(largest_, bar);
        }
        return chart_.unit.empty() ? Prefix{} : prefix_of(largest_);
    }

    [[nodiscard]] std::string shown(double value) const {
        return chart_.unit.empty() ? plain(value) : si(value, chart_.unit);
    }

    [[nodiscard]] double sum(std::size_t category) const {
        double total = 0;
        for (const auto& series : chart_.series) {
            total += std::isnan(series.values[category]) ? 0 : series.values[category];
        }
        return total;
    }

    [[nodiscard]] std::string remark(std::size_t category) const {
        return chart_.remarks.empty() || chart_.remarks[category].empty()
                   ? ""
                   : " \xC2\xB7 " + chart_.remarks[category];
    }

    /// What stands behind the bars of a category.
    [[nodiscard]] std::vector<std::string> end_labels(std::size_t category) const {
        if (chart_.form == BarForm::kStacked) {
            return {shown(sum(category)) + remark(category)};
        }
        std::vector<std::string> labels;
        for (const auto& series : chart_.series) {
            const double value = series.values[category];
            labels.push_back(std::isnan(value) ? ""
                                               : shown(value) + (labels.empty() ? remark(category) : ""));
        }
        return labels;
    }

    std::string bar(double from, double to, double height, std::size_t series,
                    const std::string& tooltip) const {
        return fmt::format(
                   R"(<rect class="f{}" x="{}" y="{}" width="{}" height="{}"><title>{}</title></rect>)",
                   colour(series), coordinate(from), coordinate(y_), coordinate(to - from),
                   coordinate(height), escape(tooltip)) +
               "\n";
    }

    std::string stacked(std::size_t category) {
        std::string svg;
        double below = 0;
        const double total = sum(category);
        for (std::size_t s = 0; s < chart_.series.size(); ++s) {
            const double value = chart_.series[s].values[category];
            if (std::isnan(value) || value == 0) {
                continue;
            }
            const double from = scale_.at(below);
            below += value;
            const double to = scale_.at(below);
            svg += bar(from, to, kBar, s, fmt::format("{}: {}", chart_.series[s].name, shown(value)));
            const std::string share = fmt::format("{:.0f} %", 100 * value / total);
            if (chart_.series.size() > 1 && to - from > text_width(share, kChartText) + 2 * kInset) {
                svg +=
                    text_element((from + to) / 2, y_ + 13, "middle", fmt::format("on{}", colour(s)), share);
            }
        }
        svg +=
            text_element(scale_.at(below) + kInset, y_ + 13, "start", "value", end_labels(category).front()) +
            "\n";
        y_ += kBar;
        return svg;
    }

    std::string grouped(std::size_t category) {
        std::string svg;
        const std::vector<std::string> labels = end_labels(category);
        for (std::size_t s = 0; s < chart_.series.size(); ++s) {
            const double value = chart_.series[s].values[category];
            if (std::isnan(value)) {
                continue;
            }
            svg += bar(
                scale_.at(0), scale_.at(value), kThinBar - 2, s,
                fmt::format("{}, {}: {}", chart_.categories[category], chart_.series[s].name, shown(value)));
            svg += text_element(scale_.at(value) + kInset, y_ + 10, "start", "value", labels[s]) + "\n";
            y_ += kThinBar;
        }
        return svg;
    }

    /// Gridlines, drawn first, with their numbers and the label of the axis.
    std::string axis_below() {
        std::string svg;
        for (const double tick : linear_ticks(0, scale_.high(), 5)) {
            const double x = scale_.at(tick);
            svg += fmt::format(R"(<path class="grid" d="M{} 0V{}"/>)", coordinate(x), coordinate(y_));
            svg += text_element(x, y_ + 13, tick == 0 ? "start" : "middle", "tick",
                                plain(tick / prefix_.factor)) +
                   "\n";
        }
        const std::string unit = chart_.unit.empty() ? "" : fmt::format(" ({}{})", prefix_.name, chart_.unit);
        return svg + text_element(0, y_ + 29, "start", "axis", chart_.axis + unit) + "\n";
    }

    [[nodiscard]] ChartTable table() const {
        ChartTable result;
        const bool total = chart_.form == BarForm::kStacked && chart_.series.size() > 1;
        result.header.emplace_back("");
        for (const auto& series : chart_.series) {
            result.header.push_back(series.name);
        }
        if (total) {
            result.header.emplace_back("sum");
        }
        if (!chart_.remarks.empty()) {
            result.header.emplace_back("remark");
        }
        for (std::size_t c = 0; c < chart_.categories.size(); ++c) {
            std::vector<std::string> row{chart_.categories[c]};
            for (const auto& series : chart_.series) {
                row.push_back(std::isnan(series.values[c]) ? "-" : shown(series.values[c]));
            }
            if (total) {
                row.push_back(shown(sum(c)));
            }
            if (!chart_.remarks.empty()) {
                row.push_back(chart_.remarks[c]);
            }
            result.rows.push_back(std::move(row));
        }
        return result;
    }

    const BarChart& chart_;
    double largest_ = 0;
    Prefix prefix_;
    double right_ = kChartWidth;
    Scale scale_{false, 0, 1, 0, 1};
    double y_ = 4;
};

}  // namespace

std::string figure(const BarChart& chart) { return Bars(chart).draw(); }

}  // namespace setun::report
