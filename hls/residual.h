// Residual connection.
#pragma once

#include <cstdint>

namespace setun {
namespace hls {

/// h[i] = h[i] + y[i], i < n.
void residual_add(float* h, const float* y, std::uint32_t n);

}  // namespace hls
}  // namespace setun
