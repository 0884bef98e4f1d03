// The FP16 reference in double arithmetic.
#include "tests/baseline/fp16_reference.h"

#include <cmath>
#include <limits>

namespace setun::baseline {

double fp16_value(Fp16 bits) {
    const int exponent = bits >> 10U & 31;
    const int fraction = bits & 1023;
    double magnitude = 0.0;
    if (exponent == 31) {
        magnitude = fraction == 0 ? std::numeric_limits<double>::infinity()
                                  : std::numeric_limits<double>::quiet_NaN();
    } else if (exponent != 0) {
        magnitude = std::ldexp(1024 + fraction, exponent - 25);
    }
    return (bits & kFp16Sign) != 0 ? -magnitude : magnitude;
}

Fp16 round_to_fp16(double exact) {
    if (std::isnan(exact)) {
        return kFp16NaN;
    }
    const unsigned sign = std::signbit(exact) ? kFp16Sign : 0U;
    if (std::isinf(exact)) {
        return static_cast<Fp16>(sign | kFp16Infinity);
    }
    // exact = fraction * 2^exponent with fraction in [0.5, 1): 11 bits of it are kept; nearbyint takes ties
    // to even.
    int exponent = 0;
    const double fraction = std::frexp(std::fabs(exact), &exponent);
    auto significand = static_cast<int>(std::nearbyint(std::ldexp(fraction, 11)));
    if (significand == 2048) {
        significand = 1024;
        ++exponent;
    }
    const int biased = exponent + 14;
    if (significand == 0 || biased <= 0) {
        return static_cast<Fp16>(sign);
    }
    if (biased >= 31) {
        return static_cast<Fp16>(sign | kFp16Infinity);
    }
    return static_cast<Fp16>(sign | static_cast<unsigned>(biased * 1024 + significand - 1024));
}

Fp16 fp16_mul(Fp16 a, Fp16 b) { return round_to_fp16(fp16_value(a) * fp16_value(b)); }

Fp16 fp16_add(Fp16 a, Fp16 b) { return round_to_fp16(fp16_value(a) + fp16_value(b)); }

}  // namespace setun::baseline
