// Float activations to INT8 and integer sums back to float (docs/numerics.md sections 2 and 4).
#include "hls/quantize.h"

#include "hls/bits.h"
#include "hls/hls.h"

namespace setun {
namespace hls {
namespace {

/// 1.5 * 2^23: adding it to |v| < 2^22 leaves no fraction bits, so the addition rounds half to even.
constexpr float kRoundToInteger = 12582912.0F;
constexpr float kSmallestMaximum = 1e-5F;
constexpr std::uint32_t kMagnitude = 0x7FFFFFFFU;
constexpr std::uint32_t kInfinity = 0x7F800000U;

/// clamp(round_half_to_even(v), -128, 127); clamping first is the same because both bounds are integers.
std::int8_t round_to_int8(float v) {
    const float low = v > -128.0F ? v : -128.0F;
    const float both = low < 127.0F ? low : 127.0F;
    const std::uint32_t bits = bits_of(both + kRoundToInteger);
    return static_cast<std::int8_t>(static_cast<std::int32_t>(bits - bits_of(kRoundToInteger)));
}

}  // namespace

void quantize(const float* x, std::uint32_t n, std::int8_t* q, float* scale) {
    // Magnitudes of floats order like their bit patterns, which also puts infinity and NaN on top.
    std::uint32_t largest = 0;
    for (std::uint32_t j = 0; j < n; ++j) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS UNROLL factor = kNormLanes)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxWidth)
        const std::uint32_t magnitude = bits_of(x[j]) & kMagnitude;
        largest = magnitude > largest ? magnitude : largest;
    }
    const bool finite = largest < kInfinity;
    const float max_abs = float_of(largest);
    const float s = 127.0F / (max_abs > kSmallestMaximum ? max_abs : kSmallestMaximum);
    *scale = finite ? s : float_of(0x7FC00000U);
    for (std::uint32_t j = 0; j < n; ++j) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS UNROLL factor = kNormLanes)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxWidth)
        q[j] = finite ? round_to_int8(x[j] * s) : static_cast<std::int8_t>(0);
    }
}

float dequantize(std::int32_t acc, float weight_scale, float s_x) {
    return (static_cast<float>(acc) * weight_scale) / s_x;
}

void dequantize_row(const std::int32_t* acc, std::uint32_t n, std::uint32_t stride, float weight_scale,
                    float s_x, float* y) {
    for (std::uint32_t j = 0; j < n; ++j) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS UNROLL factor = kVectorLanes)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxWidth)
        y[j] = dequantize(acc[static_cast<std::uint64_t>(j) * stride], weight_scale, s_x);
    }
}

}  // namespace hls
}  // namespace setun
