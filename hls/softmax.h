// Softmax of one row.
#pragma once

#include <cstdint>

namespace setun {
namespace hls {

/// x[i] = e_i / sum(e), e_i = exponential(x[i] - max(x)), in place; n >= 1. The sum has the order of
/// hls/reduce.h.
void softmax(float* x, std::uint32_t n);

}  // namespace hls
}  // namespace setun
