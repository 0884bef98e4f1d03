// Attention of one query position over an INT8 KV cache: both products are sums of integers.
#include "hls/attention_int8.h"

#include "hls/bits.h"
#include "hls/elementary.h"
#include "hls/hls.h"
#include "hls/quantize.h"
#include "hls/softmax.h"

namespace setun {
namespace hls {
namespace {

constexpr float kLargestWeight = 32767.0F;      ///< of an INT16
constexpr float kRoundToInteger = 12582912.0F;  ///< 1.5 * 2^23: adding it to |v| < 2^22 rounds half to even

/// sum_d a[d] * b[d]: below 2^22 for kMaxHeadDim products of INT8, exact.
SETUN_HLS_VECTORS std::int32_t dot_int8(const std::int8_t* a, const std::int8_t* b, std::uint32_t n) {
    std::int32_t sum = 0;
    for (std::uint32_t d = 0; d < n; ++d) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS UNROLL factor = kCacheLanes)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim)
        sum += a[d] * b[d];
    }
    return sum;
}

/// sum[d] += weight * value[d]; after 2^20 positions below 2^15 * 2^7 * 2^20 = 2^42.
SETUN_HLS_VECTORS void add_weighted(std::int32_t weight, const std::int8_t* value, std::uint32_t n,
                                    std::int64_t* sum) {
    for (std::uint32_t d = 0; d < n; ++d) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS UNROLL factor = kCacheLanes)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim)
        const std::int32_t product = weight * value[d];  // below 2^22
        sum[d] += product;
    }
}

}  // namespace

void attention_int8_head(const AttentionShape& shape, std::uint32_t head, const float* q,
                         const Int8Cache& cache, float* scores, float* out) {
    const std::uint64_t kv_head = head / (shape.heads / shape.kv_heads);
    const std::uint64_t row = static_cast<std::uint64_t>(shape.kv_heads) * shape.head_dim;
    const std::uint64_t column = kv_head * shape.head_dim;

    std::int8_t query[kMaxHeadDim];
    SETUN_HLS(HLS ARRAY_PARTITION variable = query cyclic factor = kCacheLanes)
    float query_scale = 0.0F;
    quantize(q, shape.head_dim, query, &query_scale);
    const float g = (1.0F / square_root(static_cast<float>(shape.head_dim))) / query_scale;

    for (std::uint32_t p = 0; p < shape.positions; ++p) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
        const std::int32_t sum = dot_int8(query, cache.keys + p * row + column, shape.head_dim);
        const float scale = cache.key_scales[static_cast<std::uint64_t>(p) * shape.kv_heads + kv_head];
        scores[p] = (static_cast<float>(sum) * g) / scale;
    }
    softmax(scores, shape.positions);

    // The value's scale goes into the weight, so that the sum over positions is one of integers. Weights are
    // not negative: their bit patterns order like the numbers, infinity and NaN on top.
    std::uint32_t largest = 0;
    for (std::uint32_t p = 0; p < shape.positions; ++p) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
        scores[p] = scores[p] / cache.value_scales[static_cast<std::uint64_t>(p) * shape.kv_heads + kv_head];
        const std::uint32_t magnitude = bits_of(scores[p]) & 0x7FFFFFFFU;
        largest = magnitude > largest ? magnitude : largest;
    }
    const bool finite = is_finite(float_of(largest));
    const float weight_scale = finite ? kLargestWeight / float_of(largest) : float_of(0x7FC00000U);

    std::int64_t sum[kMaxHeadDim] = {};
    SETUN_HLS(HLS ARRAY_PARTITION variable = sum cyclic factor = kCacheLanes)
    for (std::uint32_t p = 0; p < shape.positions && finite; ++p) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 0 max = kMaxPositions)
        const std::uint32_t bits = bits_of(scores[p] * weight_scale + kRoundToInteger);
        const auto weight = static_cast<std::int32_t>(bits - bits_of(kRoundToInteger));
        add_weighted(weight, cache.values + p * row + column, shape.head_dim, sum);
    }
    for (std::uint32_t d = 0; d < shape.head_dim; ++d) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim)
        out[d] = static_cast<float>(sum[d]) / weight_scale;
    }
}

void attention_int8(const AttentionShape& shape, const float* q, const Int8Cache& cache, float* scores,
                    float* out) {
    for (std::uint32_t head = 0; head < shape.heads; ++head) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeads)
        const std::uint64_t offset = static_cast<std::uint64_t>(head) * shape.head_dim;
        attention_int8_head(shape, head, q + offset, cache, scores, out + offset);
    }
}

}  // namespace hls
}  // namespace setun
