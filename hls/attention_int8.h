// Attention of one query position over an INT8 KV cache: both products are sums of integers.
#pragma once

#include <cstdint>

#include "hls/attention.h"

namespace setun {
namespace hls {

/// An INT8 cache: keys and values [positions][kv_heads][head_dim] as quantize_heads() (hls/kv_cache.h) makes
/// them, with a scale for each head of each position [positions][kv_heads]; x = q / scale.
struct Int8Cache {
    const std::int8_t* keys;
    const std::int8_t* values;
    const float* key_scales;
    const float* value_scales;
};

/// out[heads][head_dim] for query q[heads][head_dim], for each head (docs/numerics.md section 4.1):
///     (i, s_q) = quantize(q),  g = (1 / sqrt(head_dim)) / s_q                  once
///     score_p  = (float(sum_d i_d * key_pd) * g) / key_scale_p                 INT32 sum, exact
///     w        = softmax(score),  u_p = w_p / value_scale_p,  s_u = 32767 / max(u)
///     t_p      = round_half_to_even(u_p * s_u)                                 0 .. 32767
///     out_d    = float(sum_p t_p * value_pd) / s_u                             INT64 sum, exact
/// Something not finite in a head's query, or in any row of the cache that it sees, makes all its results
/// NaN. head_dim is at most kMaxHeadDim. `scores` is scratch of `positions` floats. out may be q.
void attention_int8(const AttentionShape& shape, const float* q, const Int8Cache& cache, float* scores,
                    float* out);

/// One query head of the above: q[head_dim], out[head_dim].
void attention_int8_head(const AttentionShape& shape, std::uint32_t head, const float* q,
                         const Int8Cache& cache, float* scores, float* out);

}  // namespace hls
}  // namespace setun
