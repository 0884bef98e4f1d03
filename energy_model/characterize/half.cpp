// binary16 by way of exact binary64.
#include "energy_model/characterize/half.h"

#include <cmath>
#include <limits>

namespace setun::characterize {
namespace {

constexpr std::uint16_t kSign = 0x8000;
constexpr std::uint16_t kInfinity = 0x7C00;
constexpr std::uint16_t kNaN = 0x7E00;
constexpr int kFractionBits = 10;
constexpr int kBias = 15;

}  // namespace

double half_value(std::uint16_t half) {
    const double sign = (half & kSign) != 0 ? -1.0 : 1.0;
    const int exponent = half >> kFractionBits & 31;
    const int fraction = half & ((1 << kFractionBits) - 1);
    if (exponent == 0) {
        return sign * 0.0;
    }
    if (exponent == 31) {
        return fraction == 0 ? sign * std::numeric_limits<double>::infinity()
                             : std::numeric_limits<double>::quiet_NaN();
    }
    return sign * std::ldexp((1 << kFractionBits) + fraction, exponent - kBias - kFractionBits);
}

std::uint16_t half_from(double value) {
    if (std::isnan(value)) {
        return kNaN;
    }
    const auto sign = static_cast<std::uint16_t>(std::signbit(value) ? kSign : 0);
    const double size = std::fabs(value);
    if (size == 0.0) {
        return sign;
    }
    if (std::isinf(size)) {
        return sign | kInfinity;
    }
    int exponent = 0;
    const double significand = std::frexp(size, &exponent);  // in [1/2, 1)
    // The default rounding mode is to nearest, ties to even.
    double rounded = std::nearbyint(std::ldexp(significand, kFractionBits + 1));
    if (rounded == std::ldexp(1.0, kFractionBits + 1)) {
        rounded /= 2;
        ++exponent;
    }
    const int biased = exponent - 1 + kBias;
    if (biased <= 0) {
        return sign;
    }
    if (biased >= 31) {
        return sign | kInfinity;
    }
    const auto bits = (static_cast<unsigned>(biased) << kFractionBits) +
                      (static_cast<unsigned>(rounded) - (1U << kFractionBits));
    return static_cast<std::uint16_t>(sign | bits);
}

std::uint16_t half_multiply(std::uint16_t a, std::uint16_t b) {
    return half_from(half_value(a) * half_value(b));
}

std::uint16_t half_add(std::uint16_t a, std::uint16_t b) { return half_from(half_value(a) + half_value(b)); }

}  // namespace setun::characterize
