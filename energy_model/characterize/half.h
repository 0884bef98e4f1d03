// IEEE binary16 as the comparison units compute it: the software reference.
#pragma once

#include <cstdint>

namespace setun::characterize {

/// The value of a half; a subnormal counts as a zero of its sign.
[[nodiscard]] double half_value(std::uint16_t half);

/// Rounded to nearest even; what is below 2^-14 after rounding with unbounded exponent becomes a zero of its
/// sign, from 65520 on infinity, every NaN 0x7E00. `value` must be exact or a double that no second rounding
/// can harm.
[[nodiscard]] std::uint16_t half_from(double value);

/// Product and sum, each rounded once: both are exact in binary64 before.
[[nodiscard]] std::uint16_t half_multiply(std::uint16_t a, std::uint16_t b);
[[nodiscard]] std::uint16_t half_add(std::uint16_t a, std::uint16_t b);

}  // namespace setun::characterize
