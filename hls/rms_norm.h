// Root-mean-square normalisation.
#pragma once

#include <cstdint>

namespace setun {
namespace hls {

/// y[j] = (x[j] * r) * weight[j],  r = 1 / sqrt(sum(x * x) / n + eps).
/// x[n], weight[n], y[n]; y may be x. The sum has the order of sum_of_squares() in hls/reduce.h.
void rms_norm(const float* x, const float* weight, std::uint32_t n, float eps, float* y);

}  // namespace hls
}  // namespace setun
