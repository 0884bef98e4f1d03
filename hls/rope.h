// Rotary position embedding, rotate-half pairing.
#pragma once

#include <cstdint>

namespace setun {
namespace hls {

/// Table for one position: angle_i = position * theta^(-2 i / head_dim), cosine[i] and sine[i] for i <
/// head_dim / 2, computed in double and rounded once to float. position <= 2^20, head_dim even.
void rope_table(std::uint32_t position, float theta, std::uint32_t head_dim, float* cosine, float* sine);

/// Rotates `heads` vectors of head_dim elements in place, x[heads][head_dim]. With half = head_dim / 2, a =
/// x[i], b = x[i + half]:
///     x[i]        = a * cosine[i] - b * sine[i]
///     x[i + half] = b * cosine[i] + a * sine[i]
void rope_rotate(float* x, std::uint32_t heads, std::uint32_t head_dim, const float* cosine,
                 const float* sine);

}  // namespace hls
}  // namespace setun
