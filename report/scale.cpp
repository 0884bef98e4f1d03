// Axes: where a value lies on a drawing, and which values get a tick.
#include "report/scale.h"

#include <algorithm>
#include <cmath>
#include <stdexcept>

namespace setun::report {
namespace {

constexpr double kSlack = 1e-9;  // of a step: ends of an axis count as inside

}  // namespace

Scale::Scale(bool logarithmic, double low, double high, double from, double to)
    : logarithmic_(logarithmic), low_(low), high_(high), from_(from), to_(to) {
    if (!std::isfinite(low) || !std::isfinite(high) || low >= high || (logarithmic && low <= 0)) {
        throw std::invalid_argument("axis: needs finite ends in order, positive ones when logarithmic");
    }
}

double Scale::at(double value) const {
    const double share = logarithmic_
                             ? (std::log(value) - std::log(low_)) / (std::log(high_) - std::log(low_))
                             : (value - low_) / (high_ - low_);
    return from_ + share * (to_ - from_);
}

std::vector<double> linear_ticks(double low, double high, unsigned most) {
    const double rough = (high - low) / std::max(1U, most - 1);
    double power = std::pow(10.0, std::floor(std::log10(rough)));
    std::vector<double> ticks;
    while (true) {
        for (const double factor : {1.0, 2.0, 5.0}) {
            const double step = factor * power;
            const auto first = static_cast<long long>(std::ceil(low / step - kSlack));
            const auto last = static_cast<long long>(std::floor(high / step + kSlack));
            if (last - first + 1 <= static_cast<long long>(most)) {
                for (long long i = first; i <= last; ++i) {
                    ticks.push_back(static_cast<double>(i) * step);
                }
                return ticks;
            }
        }
        power *= 10;
    }
}

std::vector<double> log_ticks(double low, double high, unsigned most) {
    const auto first = static_cast<int>(std::ceil(std::log10(low) - kSlack));
    const auto last = static_cast<int>(std::floor(std::log10(high) + kSlack));
    std::vector<double> ticks;
    if (last - first + 1 < 3) {
        for (int power = first - 1; power <= last; ++power) {
            for (const double factor : {1.0, 2.0, 5.0}) {
                const double tick = factor * std::pow(10.0, power);
                if (tick >= low * (1 - kSlack) && tick <= high * (1 + kSlack)) {
                    ticks.push_back(tick);
                }
            }
        }
        return ticks.size() >= 2 ? ticks : linear_ticks(low, high, most);
    }
    const int step =
        std::max(1, (last - first) / static_cast<int>(std::max(1U, most - 1)) +
                        ((last - first) % static_cast<int>(std::max(1U, most - 1)) != 0 ? 1 : 0));
    for (int power = first; power <= last; power += step) {
        ticks.push_back(std::pow(10.0, power));
    }
    return ticks;
}

Range axis_range(std::span<const double> values, bool logarithmic) {
    std::vector<double> shown;
    std::copy_if(values.begin(), values.end(), std::back_inserter(shown),
                 [&](double v) { return std::isfinite(v) && (!logarithmic || v > 0); });
    if (shown.empty()) {
        return logarithmic ? Range{1, 10} : Range{0, 1};
    }
    const auto [low, high] = std::minmax_element(shown.begin(), shown.end());
    if (logarithmic) {
        constexpr double kRoom = 1.25;
        return {*low / kRoom, *high * kRoom};
    }
    constexpr double kRoom = 0.08;
    const double begin = std::min(0.0, *low);
    const double end = *high > begin ? *high : begin + 1;
    return {begin, end + kRoom * (end - begin)};
}

}  // namespace setun::report
