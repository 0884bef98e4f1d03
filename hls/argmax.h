// Greedy choice of a token.
#pragma once

#include <cstdint>

namespace setun {
namespace hls {

/// Index of the largest of x[n], n >= 1; the lowest index among equals. NaN is never chosen unless all are
/// NaN (then 0).
std::uint32_t argmax(const float* x, std::uint32_t n);

/// The same over integer sums acc[i * stride]: the head has one positive scale, so no float is needed for
/// greedy decoding. `stride` is TOKENS for a result matrix in memory.
std::uint32_t argmax_int(const std::int32_t* acc, std::uint32_t n, std::uint32_t stride);

}  // namespace hls
}  // namespace setun
