// Square root, exponential, sine and cosine with the same bits on every machine: no libm.
#include "hls/elementary.h"

#ifdef __SYNTHESIS__
#include <hls_math.h>
#endif

#include "hls/bits.h"
#include "hls/hls.h"

namespace setun {
namespace hls {
namespace {

/// 1.5 * 2^52 and 1.5 * 2^23: adding and subtracting them rounds to an integer, half to even.
constexpr double kRoundDouble = 6755399441055744.0;
constexpr float kRoundFloat = 12582912.0F;

/// ln 2 as a sum: the first part has 33 significant bits, so that its product with an exponent is exact.
constexpr double kLn2High = 0.6931471803691238;
constexpr double kLn2Low = 1.9082149292705877e-10;
constexpr double kInverseLn2 = 1.4426950408889634;

/// pi / 2 as a sum of three: the first two have 33 significant bits, products with integers up to 2^20 are
/// exact.
constexpr double kHalfPi1 = 1.5707963267341256;
constexpr double kHalfPi2 = 6.077100506303966e-11;
constexpr double kHalfPi3 = 2.0222662487959506e-21;
constexpr double kInverseHalfPi = 0.6366197723675814;

/// 2^n for -1022 <= n <= 1023.
double power_of_two(std::int64_t n) { return double_of(static_cast<std::uint64_t>(n + 1023) << 52); }

/// Taylor series of e^r, |r| <= ln(2) / 2: the first omitted term is below 2^-62.
double exponential_series(double r) {
    double sum = 1.0;
    for (int n = 14; n > 0; --n) {  // e^r = 1 + r (1 + r/2 (1 + r/3 (...)))
        SETUN_HLS(HLS UNROLL)
        sum = 1.0 + (r / static_cast<double>(n)) * sum;
    }
    return sum;
}

/// Taylor series of sin r and cos r, |r| <= pi / 4: the first omitted terms are below 2^-62.
double sine_series(double r) {
    const double square = r * r;
    double sum = 1.0;
    for (int n = 18; n > 0; n -= 2) {  // sin r = r (1 - r^2/(2*3) (1 - r^2/(4*5) (...)))
        SETUN_HLS(HLS UNROLL)
        sum = 1.0 - (square / static_cast<double>(n * (n + 1))) * sum;
    }
    return r * sum;
}

double cosine_series(double r) {
    const double square = r * r;
    double sum = 1.0;
    for (int n = 19; n > 0; n -= 2) {  // cos r = 1 - r^2/(1*2) (1 - r^2/(3*4) (...))
        SETUN_HLS(HLS UNROLL)
        sum = 1.0 - (square / static_cast<double>(n * (n + 1))) * sum;
    }
    return sum;
}

}  // namespace

float square_root(float x) {
#ifdef __SYNTHESIS__
    return ::hls::sqrtf(x);
#else
    return __builtin_sqrtf(x);
#endif
}

float exponential(float x) {
    SETUN_HLS(HLS INLINE)
    constexpr float kLowest = -87.0F;
    constexpr float kHighest = 88.0F;
    constexpr float kFloatInverseLn2 = 1.44269502F;
    constexpr float kFloatLn2High = 0.693115234F;  // 13 bits: exact times |n| <= 2^7
    constexpr float kFloatLn2Low = 3.19461833e-05F;

    const float above = x < kLowest ? kLowest : x;
    const float clamped = above > kHighest ? kHighest : above;
    const float shifted = clamped * kFloatInverseLn2 + kRoundFloat;
    const float n = shifted - kRoundFloat;
    const float r = (clamped - n * kFloatLn2High) - n * kFloatLn2Low;
    // Taylor coefficients 1 / k!, Horner from degree 7: the first omitted term is below 2^-27.
    float p = 1.0F / 5040.0F;
    p = p * r + 1.0F / 720.0F;
    p = p * r + 1.0F / 120.0F;
    p = p * r + 1.0F / 24.0F;
    p = p * r + 1.0F / 6.0F;
    p = p * r + 0.5F;
    p = p * r + 1.0F;
    p = p * r + 1.0F;
    // 2^n as an exponent field; n is in [-126, 127]. A NaN keeps p NaN, whatever the field.
    const float scale = float_of((bits_of(shifted) - bits_of(kRoundFloat) + 127U) << 23);
    return x < kLowest ? 0.0F : p * scale;
}

double exponential_double(double x) {
    const double shifted = x * kInverseLn2 + kRoundDouble;
    const double n = shifted - kRoundDouble;
    const double r = (x - n * kLn2High) - n * kLn2Low;
    return exponential_series(r) * power_of_two(static_cast<std::int64_t>(n));
}

double logarithm_double(double x) {
    constexpr std::uint64_t kMantissa = (1ULL << 52) - 1;
    const std::uint64_t bits = bits_of(x);
    std::int64_t exponent = static_cast<std::int64_t>(bits >> 52) - 1023;
    double m = double_of((bits & kMantissa) | (1023ULL << 52));  // 1 <= m < 2
    if (m > 1.4142135623730951) {                                // sqrt(2)
        m = m * 0.5;
        exponent = exponent + 1;
    }
    // ln m = 2 artanh(s), s = (m - 1) / (m + 1), |s| < 0.1716; odd powers up to s^23.
    const double s = (m - 1.0) / (m + 1.0);
    const double square = s * s;
    double sum = 0.0;
    for (int n = 23; n > 0; n -= 2) {
        SETUN_HLS(HLS UNROLL)
        sum = sum * square + 1.0 / static_cast<double>(n);
    }
    const auto e = static_cast<double>(exponent);
    return e * kLn2High + ((2.0 * s) * sum + e * kLn2Low);
}

void sine_cosine_double(double x, double* sine, double* cosine) {
    const double shifted = x * kInverseHalfPi + kRoundDouble;
    const double n = shifted - kRoundDouble;
    const double r = ((x - n * kHalfPi1) - n * kHalfPi2) - n * kHalfPi3;
    const double s = sine_series(r);
    const double c = cosine_series(r);
    const std::uint64_t quadrant = static_cast<std::uint64_t>(static_cast<std::int64_t>(n)) & 3U;
    const double other_s = (quadrant & 1U) != 0 ? c : s;
    const double other_c = (quadrant & 1U) != 0 ? s : c;
    *sine = (quadrant & 2U) != 0 ? -other_s : other_s;
    *cosine = quadrant == 1 || quadrant == 2 ? -other_c : other_c;
}

}  // namespace hls
}  // namespace setun
