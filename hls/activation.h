// Gated activations of the feed-forward block.
#pragma once

#include <cstdint>

namespace setun {
namespace hls {

/// y[i] = (r * r) * up[i],  r = gate[i] <= 0 ? 0 : gate[i]. All arrays [n]; y may be gate or up.
/// The product can pass 65504: it must not be held in binary16.
void relu2_gate(const float* gate, const float* up, std::uint32_t n, float* y);

/// y[i] = (gate[i] / (1 + exponential(-gate[i]))) * up[i]. All arrays [n]; y may be gate or up.
void silu_gate(const float* gate, const float* up, std::uint32_t n, float* y);

}  // namespace hls
}  // namespace setun
