// Attention unit: ATTENTION over a cache of floats or of INT8, query heads that share a KV head together.
//
// The definition is attention() and attention_int8(), head by head; here up to kSharedHeads heads take each
// word of the cache as it passes, and scores, softmax and values are stages that work on different groups at
// a time. Every sum of floats keeps its order, so the bits are those of the definition; tests compare them.
#include "hls/attention_int8.h"
#include "hls/bits.h"
#include "hls/elementary.h"
#include "hls/hls.h"
#include "hls/quantize.h"
#include "hls/reduce.h"
#include "hls/units/units.h"
#include "rtl/setun_vector_abi.h"

namespace setun {
namespace hls {
namespace {

/// Query heads first .. first + count - 1, which read KV head kv_head.
struct Group {
    std::uint32_t first;
    std::uint32_t count;  // at most kSharedHeads
    std::uint32_t kv_head;
};

/// A cache of either kind.
struct Cache {
    const float* keys;
    const float* values;
    Int8Cache int8;
    bool is_int8;
};

/// What goes from stage to stage: a row of numbers for each head. Four bytes a position and head: a chip for
/// shorter contexts lowers kMaxPositions.
using Rows = float[kSharedHeads][kMaxPositions];

constexpr float kRoundToInteger = 12582912.0F;  // 1.5 * 2^23, as in hls/attention_int8.cpp
constexpr float kLargestWeight = 32767.0F;

std::uint64_t element(const AttentionShape& shape, std::uint32_t position, std::uint32_t kv_head) {
    SETUN_HLS(HLS INLINE)
    return (static_cast<std::uint64_t>(position) * shape.kv_heads + kv_head) * shape.head_dim;
}

/// scores[h][p] and the largest of each row, for a float cache: dot(q, key) * (1 / sqrt(head_dim)).
void score_floats(const AttentionShape& shape, const Group& group, const float* q, const float* keys,
                  Rows scores, float* largest) {
    const float scale = 1.0F / square_root(static_cast<float>(shape.head_dim));
    for (std::uint32_t p = 0; p < shape.positions; ++p) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
        const float* const key = keys + element(shape, p, group.kv_head);
        for (std::uint32_t h = 0; h < kSharedHeads; ++h) {
            SETUN_HLS(HLS UNROLL)
            if (h < group.count) {
                const std::uint64_t head = static_cast<std::uint64_t>(group.first) + h;
                const float score = dot(q + head * shape.head_dim, key, shape.head_dim) * scale;
                scores[h][p] = score;
                largest[h] = p == 0 || score > largest[h] ? score : largest[h];
            }
        }
    }
}

/// The same for an INT8 cache: kCacheLanes elements of the key meet every query of the group in a clock.
void score_int8(const AttentionShape& shape, const Group& group, const float* q, const Int8Cache& cache,
                Rows scores, float* largest) {
    std::int8_t query[kSharedHeads][kMaxHeadDim];
    SETUN_HLS(HLS ARRAY_PARTITION variable = query dim = 1 complete)
    SETUN_HLS(HLS ARRAY_PARTITION variable = query dim = 2 cyclic factor = kCacheLanes)
    float g[kSharedHeads];
    for (std::uint32_t h = 0; h < group.count; ++h) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kSharedHeads)
        const std::uint64_t head = static_cast<std::uint64_t>(group.first) + h;
        float query_scale = 0.0F;
        quantize(q + head * shape.head_dim, shape.head_dim, query[h], &query_scale);
        g[h] = (1.0F / square_root(static_cast<float>(shape.head_dim))) / query_scale;
    }
    for (std::uint32_t p = 0; p < shape.positions; ++p) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
        const std::int8_t* const key = cache.keys + element(shape, p, group.kv_head);
        const float scale = cache.key_scales[static_cast<std::uint64_t>(p) * shape.kv_heads + group.kv_head];
        std::int32_t sum[kSharedHeads] = {};
        SETUN_HLS(HLS ARRAY_PARTITION variable = sum complete)
        for (std::uint32_t d = 0; d < shape.head_dim; ++d) {
            SETUN_HLS(HLS PIPELINE II = 1)
            SETUN_HLS(HLS UNROLL factor = kCacheLanes)
            SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim)
            for (std::uint32_t h = 0; h < kSharedHeads; ++h) {
                SETUN_HLS(HLS UNROLL)
                if (h < group.count) {
                    sum[h] += query[h][d] * key[d];
                }
            }
        }
        for (std::uint32_t h = 0; h < kSharedHeads; ++h) {
            SETUN_HLS(HLS UNROLL)
            if (h < group.count) {
                const float score = (static_cast<float>(sum[h]) * g[h]) / scale;
                scores[h][p] = score;
                largest[h] = p == 0 || score > largest[h] ? score : largest[h];
            }
        }
    }
}

/// Softmax of each row in two passes: exponentials with their sum, in the order of sum() (hls/reduce.h); then
/// quotients, which for an INT8 cache take in the value's scale, with the largest of them.
void soften(const AttentionShape& shape, const Group& group, const Cache& cache, const float* largest,
            const Rows scores, Rows weights, std::uint32_t* largest_bits) {
    for (std::uint32_t h = 0; h < kSharedHeads; ++h) {
        SETUN_HLS(HLS UNROLL)
        if (h >= group.count) {
            continue;
        }
        float partial[kPartialSums] = {};
        SETUN_HLS(HLS ARRAY_PARTITION variable = partial complete)
        for (std::uint32_t p = 0; p < shape.positions; ++p) {
            SETUN_HLS(HLS PIPELINE II = 1)
            SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
            const float e = exponential(scores[h][p] - largest[h]);
            weights[h][p] = e;
            partial[p % kPartialSums] = partial[p % kPartialSums] + e;
        }
        const float total = sum(partial, kPartialSums);
        std::uint32_t top = 0;
        for (std::uint32_t p = 0; p < shape.positions; ++p) {
            SETUN_HLS(HLS PIPELINE II = 1)
            SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
            float w = weights[h][p] / total;
            if (cache.is_int8) {
                w = w /
                    cache.int8.value_scales[static_cast<std::uint64_t>(p) * shape.kv_heads + group.kv_head];
            }
            weights[h][p] = w;
            const std::uint32_t magnitude = bits_of(w) & 0x7FFFFFFFU;
            top = magnitude > top ? magnitude : top;
        }
        largest_bits[h] = top;
    }
}

/// out[h][d] = sum over p of weights[h][p] * value[p][d] in floats, ascending from +0.
void weigh_floats(const AttentionShape& shape, const Group& group, const float* values, const Rows weights,
                  float* out) {
    float sums[kSharedHeads][kMaxHeadDim] = {};
    SETUN_HLS(HLS ARRAY_PARTITION variable = sums dim = 1 complete)
    SETUN_HLS(HLS ARRAY_PARTITION variable = sums dim = 2 cyclic factor = kFloatCacheLanes)
    for (std::uint32_t p = 0; p < shape.positions; ++p) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
        const float* const value = values + element(shape, p, group.kv_head);
        for (std::uint32_t d = 0; d < shape.head_dim; ++d) {
            SETUN_HLS(HLS PIPELINE II = 1)
            SETUN_HLS(HLS UNROLL factor = kFloatCacheLanes)
            SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim)
            for (std::uint32_t h = 0; h < kSharedHeads; ++h) {
                SETUN_HLS(HLS UNROLL)
                if (h < group.count) {
                    sums[h][d] = sums[h][d] + weights[h][p] * value[d];
                }
            }
        }
    }
    for (std::uint32_t h = 0; h < group.count; ++h) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kSharedHeads)
        for (std::uint32_t d = 0; d < shape.head_dim; ++d) {
            SETUN_HLS(HLS PIPELINE II = 1)
            SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim)
            out[(static_cast<std::uint64_t>(group.first) + h) * shape.head_dim + d] = sums[h][d];
        }
    }
}

/// The same in integers: weights to 16 bits by the row's largest, sums exact.
void weigh_int8(const AttentionShape& shape, const Group& group, const std::int8_t* values,
                const Rows weights, const std::uint32_t* largest_bits, float* out) {
    std::int64_t sums[kSharedHeads][kMaxHeadDim] = {};
    SETUN_HLS(HLS ARRAY_PARTITION variable = sums dim = 1 complete)
    SETUN_HLS(HLS ARRAY_PARTITION variable = sums dim = 2 cyclic factor = kCacheLanes)
    bool finite[kSharedHeads] = {};
    float scale[kSharedHeads] = {};
    for (std::uint32_t h = 0; h < group.count; ++h) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kSharedHeads)
        finite[h] = is_finite(float_of(largest_bits[h]));
        scale[h] = finite[h] ? kLargestWeight / float_of(largest_bits[h]) : float_of(0x7FC00000U);
    }
    for (std::uint32_t p = 0; p < shape.positions; ++p) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
        const std::int8_t* const value = values + element(shape, p, group.kv_head);
        std::int32_t t[kSharedHeads] = {};
        for (std::uint32_t h = 0; h < kSharedHeads; ++h) {
            SETUN_HLS(HLS UNROLL)
            if (h < group.count && finite[h]) {
                const std::uint32_t bits = bits_of(weights[h][p] * scale[h] + kRoundToInteger);
                t[h] = static_cast<std::int32_t>(bits - bits_of(kRoundToInteger));
            }
        }
        for (std::uint32_t d = 0; d < shape.head_dim; ++d) {
            SETUN_HLS(HLS PIPELINE II = 1)
            SETUN_HLS(HLS UNROLL factor = kCacheLanes)
            SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim)
            for (std::uint32_t h = 0; h < kSharedHeads; ++h) {
                SETUN_HLS(HLS UNROLL)
                const std::int32_t product = t[h] * value[d];  // below 2^22
                sums[h][d] += product;
            }
        }
    }
    for (std::uint32_t h = 0; h < group.count; ++h) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kSharedHeads)
        for (std::uint32_t d = 0; d < shape.head_dim; ++d) {
            SETUN_HLS(HLS PIPELINE II = 1)
            SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim)
            out[(static_cast<std::uint64_t>(group.first) + h) * shape.head_dim + d] =
                static_cast<float>(sums[h][d]) / scale[h];
        }
    }
}

/// First and last stage for the cache's kind.
void score(const AttentionShape& shape, const Group& group, const float* q, const Cache& cache, Rows scores,
           float* largest) {
    if (cache.is_int8) {
        score_int8(shape, group, q, cache.int8, scores, largest);
    } else {
        score_floats(shape, group, q, cache.keys, scores, largest);
    }
}

void weigh(const AttentionShape& shape, const Group& group, const Cache& cache, const Rows weights,
           const std::uint32_t* largest_bits, float* out) {
    if (cache.is_int8) {
        weigh_int8(shape, group, cache.int8.values, weights, largest_bits, out);
    } else {
        weigh_floats(shape, group, cache.values, weights, out);
    }
}

/// Parts of at most kSharedHeads that the heads of one KV head make.
std::uint32_t parts_of(const AttentionShape& shape) {
    const std::uint32_t sharing = shape.heads / shape.kv_heads;
    return sharing / kSharedHeads + (sharing % kSharedHeads != 0 ? 1U : 0U);
}

Group group_of(const AttentionShape& shape, std::uint32_t index) {
    const std::uint32_t sharing = shape.heads / shape.kv_heads;
    const std::uint32_t kv_head = index / parts_of(shape);
    const std::uint32_t before = index % parts_of(shape) * kSharedHeads;
    const std::uint32_t left = sharing - before;
    return {kv_head * sharing + before, left < kSharedHeads ? left : kSharedHeads, kv_head};
}

/// All groups through the three stages. A group's part of q is read before its part of out is written: out
/// may be q.
void attend(const AttentionShape& shape, const float* q, const Cache& cache, float* out) {
    const std::uint32_t groups = shape.kv_heads * parts_of(shape);
    for (std::uint32_t index = 0; index < groups; ++index) {
        SETUN_HLS(HLS DATAFLOW)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeads)
        SETUN_HLS_BUFFER Rows scores;
        SETUN_HLS(HLS ARRAY_PARTITION variable = scores dim = 1 complete)
        SETUN_HLS_BUFFER Rows weights;
        SETUN_HLS(HLS ARRAY_PARTITION variable = weights dim = 1 complete)
        float largest[kSharedHeads] = {};
        std::uint32_t largest_bits[kSharedHeads] = {};
        const Group group = group_of(shape, index);
        score(shape, group, q, cache, scores, largest);
        soften(shape, group, cache, largest, scores, weights, largest_bits);
        weigh(shape, group, cache, weights, largest_bits, out);
    }
}

}  // namespace
}  // namespace hls
}  // namespace setun

extern "C" void setun_hls_attention(const float* q, const float* key_float, const float* value_float,
                                    const std::int8_t* key_int8, const std::int8_t* value_int8,
                                    const float* key_scale, const float* value_scale, float* out,
                                    std::uint32_t heads, std::uint32_t kv_heads, std::uint32_t head_dim,
                                    std::uint32_t positions, std::uint32_t kind) {
    SETUN_HLS(HLS INTERFACE mode = m_axi port = q offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = key_float offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = value_float offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = key_int8 offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = value_int8 offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = key_scale offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = value_scale offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = out offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = s_axilite port = return )
    using namespace setun::hls;  // NOLINT(google-build-using-namespace): names of pragmas

    const AttentionShape shape = {heads, kv_heads, head_dim, positions};
    const Cache cache = {
        key_float, value_float, {key_int8, value_int8, key_scale, value_scale}, kind == SETUN_KV_INT8};
    attend(shape, q, cache, out);
}
