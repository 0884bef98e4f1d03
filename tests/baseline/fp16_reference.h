// Software reference of the FP16 comparison units (rtl/baseline): what every bit of a product and of a sum
// must be.
//
// IEEE binary16 with round to nearest even, but without subnormals: an operand below 2^-14 counts as a zero
// of its sign, and a result that, rounded with unbounded exponent to 11 significant bits, is below 2^-14 is a
// zero of its sign. Every NaN is 0x7E00.
//
// Why double arithmetic is enough: a product of two binary16 has at most 22 significant bits, and a sum is a
// multiple of 2^-24 below 2^17, so 41 bits. Both are exact in a double (53 bits), and the only rounding is
// round_to_fp16's.
#pragma once

#include <cstdint>

namespace setun::baseline {

/// Bits of a binary16.
using Fp16 = std::uint16_t;

inline constexpr Fp16 kFp16NaN = 0x7E00;
inline constexpr Fp16 kFp16Infinity = 0x7C00;
inline constexpr Fp16 kFp16Sign = 0x8000;

/// The value of an operand: subnormals are zeros of their sign; infinities and NaN as in double.
[[nodiscard]] double fp16_value(Fp16 bits);

/// The nearest binary16, ties to even; overflow gives infinity, underflow a zero, see above.
[[nodiscard]] Fp16 round_to_fp16(double exact);

/// a * b and a + b with one rounding.
[[nodiscard]] Fp16 fp16_mul(Fp16 a, Fp16 b);
[[nodiscard]] Fp16 fp16_add(Fp16 a, Fp16 b);

}  // namespace setun::baseline
