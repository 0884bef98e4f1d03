// Attention of one query position over a KV cache, grouped-query.
#include "hls/attention.h"

#include "hls/elementary.h"
#include "hls/hls.h"
#include "hls/reduce.h"
#include "hls/softmax.h"

namespace setun {
namespace hls {

void attention_head(const AttentionShape& shape, std::uint32_t head, const float* q, const float* keys,
                    const float* values, float* scores, float* out) {
    const std::uint64_t row = static_cast<std::uint64_t>(shape.kv_heads) * shape.head_dim;
    const std::uint64_t column =
        static_cast<std::uint64_t>(head / (shape.heads / shape.kv_heads)) * shape.head_dim;
    const float scale = 1.0F / square_root(static_cast<float>(shape.head_dim));

    for (std::uint32_t p = 0; p < shape.positions; ++p) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
        scores[p] = dot(q, keys + p * row + column, shape.head_dim) * scale;
    }
    softmax(scores, shape.positions);

    for (std::uint32_t d = 0; d < shape.head_dim; ++d) {
        SETUN_HLS(HLS UNROLL factor = 16)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim)
        out[d] = 0.0F;
    }
    for (std::uint32_t p = 0; p < shape.positions; ++p) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
        const float weight = scores[p];
        const float* const value = values + p * row + column;
        for (std::uint32_t d = 0; d < shape.head_dim; ++d) {
            SETUN_HLS(HLS PIPELINE II = 1)
            SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim)
            out[d] = out[d] + weight * value[d];
        }
    }
}

void attention(const AttentionShape& shape, const float* q, const float* keys, const float* values,
               float* scores, float* out) {
    for (std::uint32_t head = 0; head < shape.heads; ++head) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxWidth / kMaxHeadDim)
        const std::uint64_t offset = static_cast<std::uint64_t>(head) * shape.head_dim;
        attention_head(shape, head, q + offset, keys, values, scores, out + offset);
    }
}

}  // namespace hls
}  // namespace setun
