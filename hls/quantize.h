// Float activations to INT8 and integer sums back to float (docs/numerics.md sections 2 and 4).
#pragma once

#include <cstdint>

namespace setun {
namespace hls {

/// Quantises one row of activations.
///     scale = 127 / max(max_j |x[j]|, 1e-5f)
///     q[j]  = clamp(round_half_to_even(x[j] * scale), -128, 127)
/// x[n], q[n], scale[1]. When an x[j] is not finite every q is 0 and the scale is NaN, so that all results of
/// the row are NaN rather than plausible.
void quantize(const float* x, std::uint32_t n, std::int8_t* q, float* scale);

/// y = (float(acc) * weight_scale) / s_x, in this order. `weight_scale` is the factor that a ternary weight
/// stands for (mean|W|; a file that stores 1/mean|W| must be inverted by its reader); `s_x` is the scale from
/// quantize().
float dequantize(std::int32_t acc, float weight_scale, float s_x);

/// dequantize() of acc[n * stride]: element j is acc[j * stride]. `stride` is TOKENS for a result matrix in
/// memory.
void dequantize_row(const std::int32_t* acc, std::uint32_t n, std::uint32_t stride, float weight_scale,
                    float s_x, float* y);

}  // namespace hls
}  // namespace setun
