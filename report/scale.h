// Axes: where a value lies on a drawing, and which values get a tick.
#pragma once

#include <span>
#include <vector>

namespace setun::report {

/// Maps values to a stretch of the drawing. Linear, or logarithmic for positive values.
class Scale {
  public:
    /// `from` and `to` are coordinates of the ends of the axis, `low` < `high` its values. Throws
    /// std::invalid_argument when they are not finite, not in order, or not positive on a logarithmic axis.
    Scale(bool logarithmic, double low, double high, double from, double to);

    [[nodiscard]] double at(double value) const;
    [[nodiscard]] bool logarithmic() const { return logarithmic_; }
    [[nodiscard]] double low() const { return low_; }
    [[nodiscard]] double high() const { return high_; }

  private:
    bool logarithmic_;
    double low_;
    double high_;
    double from_;
    double to_;
};

/// Multiples of 1, 2 or 5 times a power of ten within [low, high]: at most `most` of them, 2 or more.
[[nodiscard]] std::vector<double> linear_ticks(double low, double high, unsigned most);

/// Powers of ten within [low, high], thinned to at most `most`; with 2 and 5 in between when fewer than three
/// powers are inside. `low` is positive.
[[nodiscard]] std::vector<double> log_ticks(double low, double high, unsigned most);

/// Ends of an axis that holds all `values` with a little room. Linear axes of values that are not negative
/// begin at 0; values that a logarithmic axis cannot show are ignored. {0, 1} or {1, 10} when there are none.
struct Range {
    double low = 0;
    double high = 1;
};
[[nodiscard]] Range axis_range(std::span<const double> values, bool logarithmic);

}  // namespace setun::report
