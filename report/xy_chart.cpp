// Lines and points over two axes, with labels placed where nothing is in their way.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <stdexcept>

#include "report/chart.h"
#include "report/figure.h"
#include "report/scale.h"
#include "report/text.h"

namespace setun::report {
namespace {

constexpr double kTop = 24;     // label of the y axis
constexpr double kBottom = 36;  // ticks and label of the x axis
constexpr double kRight = 10;
constexpr double kGap = 5;

struct Box {
    double left = 0;
    double top = 0;
    double right = 0;
    double bottom = 0;

    [[nodiscard]] bool meets(const Box& other) const {
        return left < other.right && other.left < right && top < other.bottom && other.top < bottom;
    }
    [[nodiscard]] bool inside(const Box& other) const {
        return left >= other.left && right <= other.right && top >= other.top && bottom <= other.bottom;
    }
};

Box around(double x, double y, double half) { return {x - half, y - half, x + half, y + half}; }

class Plot {
  public:
    explicit Plot(const XyChart& chart) : chart_(chart) {
        check();
        const Range x = range(chart.x, &XyPoint::x);
        const Range y = range(chart.y, &XyPoint::y);
        x_ticks_ = ticks(chart.x, x, 5);
        y_ticks_ = ticks(chart.y, y, 7);
        x_prefix_ = prefix(chart.x, x);
        y_prefix_ = prefix(chart.y, y);
        double gutter = 0;
        for (const double tick : y_ticks_) {
            gutter = std::max(gutter, text_width(tick_text(chart.y, y_prefix_, tick), kChartText));
        }
        area_ = {gutter + kGap, kTop, kChartWidth - kRight, chart.height - kBottom};
        x_ = Scale(chart.x.logarithmic, x.low, x.high, area_.left, area_.right);
        y_ = Scale(chart.y.logarithmic, y.low, y.high, area_.bottom, area_.top);
    }

    std::string draw() {
        std::string svg = axes();
        for (std::size_t s = 0; s < chart_.series.size(); ++s) {
            svg += line(s);
        }
        for (std::size_t s = 0; s < chart_.series.size(); ++s) {
            svg += markers(s);
        }
        svg += labels();
        std::vector<LegendEntry> legend;
        for (std::size_t s = 0; s < chart_.series.size() && chart_.series.size() > 1; ++s) {
            const XySeries& series = chart_.series[s];
            legend.push_back({series.name, colour(s), series.line, series.markers, series.hollow,
                              static_cast<unsigned>(s)});
        }
        return compose(chart_.head, legend, chart_.height, svg, table());
    }

  private:
    void check() const {
        if (chart_.series.empty()) {
            throw std::invalid_argument("chart: needs a series");
        }
        for (const XySeries& series : chart_.series) {
            for (const XyPoint& point : series.points) {
                if (!std::isfinite(point.x) || !std::isfinite(point.y) ||
                    (chart_.x.logarithmic && point.x <= 0) || (chart_.y.logarithmic && point.y <= 0)) {
                    throw std::invalid_argument(
                        fmt::format("chart: series '{}' has a point that its axes cannot show", series.name));
                }
            }
        }
    }

    [[nodiscard]] Range range(const Axis& axis, double XyPoint::*member) const {
        std::vector<double> values;
        for (const XySeries& series : chart_.series) {
            for (const XyPoint& point : series.points) {
                values.push_back(point.*member);
            }
        }
        return axis_range(values, axis.logarithmic);
    }

    static std::vector<double> ticks(const Axis& axis, const Range& range, unsigned most) {
        return axis.logarithmic ? log_ticks(range.low, range.high, most)
                                : linear_ticks(range.low, range.high, most);
    }

    /// One prefix for all ticks of a linear axis; on a logarithmic one each tick has its own.
    static Prefix prefix(const Axis& axis, const Range& range) {
        return axis.logarithmic || !axis.prefixes
                   ? Prefix{}
                   : prefix_of(std::max(std::abs(range.low), std::abs(range.high)));
    }

    static std::string tick_text(const Axis& axis, const Prefix& prefix, double tick) {
        if (!axis.prefixes) {
            return plain(tick);
        }
        // A long unit stands in the label of the axis alone.
        constexpr std::size_t kShortUnit = 2;
        const std::string unit = axis.unit.size() <= kShortUnit ? axis.unit : "";
        return axis.logarithmic ? si(tick, unit) : plain(tick / prefix.factor);
    }

    static std::string axis_text(const Axis& axis, const Prefix& prefix) {
        const std::string unit = prefix.name + axis.unit;
        return unit.empty() ? axis.label : fmt::format("{} ({})", axis.label, unit);
    }

    static std::string shown(const Axis& axis, double value) {
        if (!axis.prefixes) {
            return axis.unit.empty() ? plain(value) : plain(value) + " " + axis.unit;
        }
        return si(value, axis.unit);
    }

    [[nodiscard]] unsigned colour(std::size_t series) const {
        const int chosen = chart_.series[series].colour;
        return (chosen < 0 ? static_cast<unsigned>(series) : static_cast<unsigned>(chosen)) % kChartColours;
    }

    std::string axes() const {
        std::string svg;
        double written_to = 0;
        for (const double tick : x_ticks_) {
            const double x = x_.at(tick);
            svg += fmt::format(R"(<path class="grid" d="M{} {}V{}"/>)", coordinate(x), coordinate(area_.top),
                               coordinate(area_.bottom));
            const std::string text = tick_text(chart_.x, x_prefix_, tick);
            const double half = text_width(text, kChartText) / 2;
            if (x - half >= written_to && x + half <= kChartWidth) {
                svg += text_element(x, area_.bottom + 14, "middle", "tick", text);
                written_to = x + half + kGap;
            }
            svg += "\n";
        }
        for (const double tick : y_ticks_) {
            const double y = y_.at(tick);
            svg += fmt::format(R"(<path class="grid" d="M{} {}H{}"/>)", coordinate(area_.left), coordinate(y),
                               coordinate(area_.right));
            svg +=
                text_element(area_.left - kGap, y + 4, "end", "tick", tick_text(chart_.y, y_prefix_, tick)) +
                "\n";
        }
        svg += fmt::format(R"(<path class="frame" d="M{} {}V{}H{}"/>)", coordinate(area_.left),
                           coordinate(area_.top), coordinate(area_.bottom), coordinate(area_.right));
        svg += text_element(0, 12, "start", "axis", axis_text(chart_.y, y_prefix_));
        return svg +
               text_element(area_.right, chart_.height - 5, "end", "axis", axis_text(chart_.x, x_prefix_)) +
               "\n";
    }

    std::string line(std::size_t s) {
        const XySeries& series = chart_.series[s];
        if (!series.line || series.points.size() < 2) {
            return "";
        }
        std::string path;
        for (std::size_t i = 0; i < series.points.size(); ++i) {
            const double x = x_.at(series.points[i].x);
            const double y = y_.at(series.points[i].y);
            path += fmt::format("{}{} {}", i == 0 ? "M" : "L", coordinate(x), coordinate(y));
            if (i != 0) {
                obstruct(x_.at(series.points[i - 1].x), y_.at(series.points[i - 1].y), x, y);
            }
        }
        return fmt::format(R"(<path class="l{}{}" d="{}"/>)", colour(s), series.hollow ? " dash" : "", path) +
               "\n";
    }

    /// Labels keep off a line.
    void obstruct(double x0, double y0, double x1, double y1) {
        constexpr double kStep = 4;
        const int steps = 1 + static_cast<int>(std::hypot(x1 - x0, y1 - y0) / kStep);
        for (int i = 0; i <= steps; ++i) {
            const double share = static_cast<double>(i) / steps;
            taken_.push_back(around(x0 + share * (x1 - x0), y0 + share * (y1 - y0), 1.5));
        }
    }

    std::string markers(std::size_t s) {
        const XySeries& series = chart_.series[s];
        if (!series.markers) {
            return "";
        }
        std::string svg;
        for (const XyPoint& point : series.points) {
            const double x = x_.at(point.x);
            const double y = y_.at(point.y);
            std::string tooltip = fmt::format("{}: {}, {}", point.label.empty() ? series.name : point.label,
                                              shown(chart_.x, point.x), shown(chart_.y, point.y));
            if (!point.note.empty()) {
                tooltip += " (" + point.note + ")";
            }
            svg += marker(x, y, colour(s), static_cast<unsigned>(s), series.hollow, tooltip) + "\n";
            taken_.push_back(around(x, y, 4.5));
        }
        return svg;
    }

    /// Each label at the first of eight places around its point that is free; left out when none is.
    std::string labels() {
        std::string svg;
        for (const XySeries& series : chart_.series) {
            for (const XyPoint& point : series.points) {
                if (!point.label.empty()) {
                    svg += label(x_.at(point.x), y_.at(point.y), point.label);
                }
            }
        }
        return svg;
    }

    std::string label(double x, double y, const std::string& text) {
        struct Place {
            double dx;
            double dy;
            const char* anchor;
        };
        constexpr std::array<Place, 8> kPlaces{{{8, 4, "start"},
                                                {0, -8, "middle"},
                                                {-8, 4, "end"},
                                                {0, 17, "middle"},
                                                {6, -6, "start"},
                                                {6, 14, "start"},
                                                {-6, -6, "end"},
                                                {-6, 14, "end"}}};
        const double width = text_width(text, kChartText);
        const Box whole{area_.left + 1, kTop - 8, kChartWidth, area_.bottom - 1};
        for (const Place& place : kPlaces) {
            const double anchor_x = x + place.dx;
            const double left = place.anchor[0] == 's'   ? anchor_x
                                : place.anchor[0] == 'm' ? anchor_x - width / 2
                                                         : anchor_x - width;
            const double base = y + place.dy;
            const Box box{left, base - 9, left + width, base + 2.5};
            if (box.inside(whole) && std::none_of(taken_.begin(), taken_.end(),
                                                  [&](const Box& other) { return box.meets(other); })) {
                taken_.push_back(box);
                return text_element(anchor_x, base, place.anchor, "value", text) + "\n";
            }
        }
        return "";
    }

    [[nodiscard]] ChartTable table() const {
        bool notes = false;
        bool names = false;
        for (const XySeries& series : chart_.series) {
            for (const XyPoint& point : series.points) {
                notes = notes || !point.note.empty();
                names = names || !point.label.empty();
            }
        }
        ChartTable result;
        result.header = {"series"};
        if (names) {
            result.header.emplace_back("point");
        }
        result.numbers_from = result.header.size();
        result.header.push_back(chart_.x.label);
        result.header.push_back(chart_.y.label);
        if (notes) {
            result.header.emplace_back("note");
        }
        for (const XySeries& series : chart_.series) {
            for (const XyPoint& point : series.points) {
                std::vector<std::string> row{series.name};
                if (names) {
                    row.push_back(point.label);
                }
                row.push_back(shown(chart_.x, point.x));
                row.push_back(shown(chart_.y, point.y));
                if (notes) {
                    row.push_back(point.note);
                }
                result.rows.push_back(std::move(row));
            }
        }
        return result;
    }

    const XyChart& chart_;
    std::vector<double> x_ticks_;
    std::vector<double> y_ticks_;
    Prefix x_prefix_;
    Prefix y_prefix_;
    Box area_;
    Scale x_{false, 0, 1, 0, 1};
    Scale y_{false, 0, 1, 0, 1};
    std::vector<Box> taken_;
};

}  // namespace

std::string figure(const XyChart& chart) { return Plot(chart).draw(); }

}  // namespace setun::report
