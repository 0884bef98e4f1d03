// The bit pattern of a float, as synthesis tools take it.
#pragma once

#include <cstdint>

namespace setun {
namespace hls {

/// A union is the form that synthesis tools turn into wires; g++ and clang++ define it the same way.
inline std::uint32_t bits_of(float x) {
    union {
        float value;
        std::uint32_t bits;
    } both{};
    both.value = x;
    return both.bits;
}

inline float float_of(std::uint32_t bits) {
    union {
        float value;
        std::uint32_t bits;
    } both{};
    both.bits = bits;
    return both.value;
}

inline std::uint64_t bits_of(double x) {
    union {
        double value;
        std::uint64_t bits;
    } both{};
    both.value = x;
    return both.bits;
}

inline double double_of(std::uint64_t bits) {
    union {
        double value;
        std::uint64_t bits;
    } both{};
    both.bits = bits;
    return both.value;
}

/// Neither infinite nor NaN. By bits, so that no compiler option can make it always true.
inline bool is_finite(float x) { return (bits_of(x) & 0x7F800000U) != 0x7F800000U; }

}  // namespace hls
}  // namespace setun
