// Attention of one query position over a KV cache, grouped-query.
#include "hls/attention.h"

#include "hls/elementary.h"
#include "hls/hls.h"
#include "hls/reduce.h"
#include "hls/softmax.h"

namespace setun {
namespace hls {
namespace {

/// Elements whose sums stay in registers while all positions pass.
constexpr std::uint32_t kValueBlock = 64;

/// out[i] = sum over p, ascending, of weight[p] * value[p * row + i], from +0; i < kValueBlock.
SETUN_HLS_VECTORS void weighted_values(const float* weight, const float* value, std::uint32_t positions,
                                       std::uint64_t row, float* out) {
    float sum[kValueBlock] = {};
    SETUN_HLS(HLS ARRAY_PARTITION variable = sum complete)
    for (std::uint32_t p = 0; p < positions; ++p) {
        SETUN_HLS(HLS PIPELINE)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
        const float w = weight[p];
        const float* const v = value + p * row;
        for (std::uint32_t i = 0; i < kValueBlock; ++i) {
            SETUN_HLS(HLS UNROLL)
            sum[i] = sum[i] + w * v[i];
        }
    }
    for (std::uint32_t i = 0; i < kValueBlock; ++i) {
        SETUN_HLS(HLS UNROLL)
        out[i] = sum[i];
    }
}

/// The same for i < n, n less than kValueBlock.
void weighted_rest(const float* weight, const float* value, std::uint32_t positions, std::uint64_t row,
                   std::uint32_t n, float* out) {
    for (std::uint32_t i = 0; i < n; ++i) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kValueBlock - 1)
        float sum = 0.0F;
        for (std::uint32_t p = 0; p < positions; ++p) {
            SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
            sum = sum + weight[p] * value[p * row + i];
        }
        out[i] = sum;
    }
}

}  // namespace

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

    for (std::uint32_t d = 0; d < shape.head_dim; d += kValueBlock) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim / kValueBlock)
        const std::uint32_t left = shape.head_dim - d;
        if (left >= kValueBlock) {
            weighted_values(scores, values + column + d, shape.positions, row, out + d);
        } else {
            weighted_rest(scores, values + column + d, shape.positions, row, left, out + d);
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
