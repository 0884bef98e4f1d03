// Attention of one query position over a KV cache, grouped-query.
#pragma once

#include <cstdint>

namespace setun {
namespace hls {

/// Sizes of one attention step. Query head j reads KV head j / (heads / kv_heads).
struct AttentionShape {
    std::uint32_t heads;      ///< query heads, a multiple of kv_heads
    std::uint32_t kv_heads;   ///< key and value heads
    std::uint32_t head_dim;   ///< elements of a head
    std::uint32_t positions;  ///< rows of the cache that the query may see, itself included; >= 1
};

/// out[heads][head_dim] for query q[heads][head_dim], keys and values [positions][kv_heads][head_dim].
///     score_p = dot(q, key_p) * (1 / sqrt(head_dim)),  w = softmax(score),
///     out_d   = ((w_0 * v_0d + w_1 * v_1d) + w_2 * v_2d) + ...   in ascending position, starting from +0
/// `scores` is scratch of `positions` floats. Reads q before it writes out, head by head: out may be q.
void attention(const AttentionShape& shape, const float* q, const float* keys, const float* values,
               float* scores, float* out);

/// One query head of the above, so that heads can be shared out: q[head_dim], out[head_dim].
void attention_head(const AttentionShape& shape, std::uint32_t head, const float* q, const float* keys,
                    const float* values, float* scores, float* out);

}  // namespace hls
}  // namespace setun
