// Gated activations of the feed-forward block.
#include "hls/activation.h"

#include "hls/elementary.h"
#include "hls/hls.h"

namespace setun {
namespace hls {

void relu2_gate(const float* gate, const float* up, std::uint32_t n, float* y) {
    for (std::uint32_t i = 0; i < n; ++i) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxWidth)
        // Written so that a NaN stays one: only a number that is not above zero becomes zero.
        const float r = gate[i] <= 0.0F ? 0.0F : gate[i];
        y[i] = (r * r) * up[i];
    }
}

void silu_gate(const float* gate, const float* up, std::uint32_t n, float* y) {
    for (std::uint32_t i = 0; i < n; ++i) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxWidth)
        y[i] = (gate[i] / (1.0F + exponential(-gate[i]))) * up[i];
    }
}

}  // namespace hls
}  // namespace setun
