// Sums in the one order that every back-end keeps (docs/numerics.md section 3).
#pragma once

#include <cstdint>

namespace setun {
namespace hls {

/// Partial sums of a reduction. Element i goes to partial sum i mod 16, in ascending i, starting from +0;
/// then p[l] += p[l + 8] for l < 8, p[l] += p[l + 4] for l < 4, then 2, then 1. Sixteen keeps a pipelined
/// adder of up to 16 stages busy and fills the vector registers of a processor.
constexpr unsigned kPartialSums = 16;

/// sum_i x[i]
float sum(const float* x, std::uint32_t n);

/// sum_i x[i] * x[i]
float sum_of_squares(const float* x, std::uint32_t n);

/// sum_i a[i] * b[i]
float dot(const float* a, const float* b, std::uint32_t n);

/// Largest x[i]; n >= 1. A NaN after the first element is passed over.
float maximum(const float* x, std::uint32_t n);

}  // namespace hls
}  // namespace setun
