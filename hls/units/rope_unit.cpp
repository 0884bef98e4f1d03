// Rotary unit: ROPE and KV_APPEND, head by head.
#include "hls/hls.h"
#include "hls/kv_cache.h"
#include "hls/quantize.h"
#include "hls/rope.h"
#include "hls/units/units.h"
#include "rtl/setun_vector_abi.h"

namespace {

/// Pairs that are rotated together.
constexpr std::uint32_t kPairs = setun::hls::kVectorLanes / 2;

}  // namespace

extern "C" void setun_hls_rope(const std::int32_t* x, const float* scale, float* y, std::uint32_t heads,
                               std::uint32_t head_dim, std::uint32_t columns, float weight_scale, float theta,
                               std::uint32_t position) {
    SETUN_HLS(HLS INTERFACE mode = m_axi port = x offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = scale offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = y offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = s_axilite port = return )
    using namespace setun::hls;  // NOLINT(google-build-using-namespace): names of pragmas

    float cosine[kMaxHeadDim / 2];
    SETUN_HLS(HLS ARRAY_PARTITION variable = cosine cyclic factor = kVectorLanes)
    float sine[kMaxHeadDim / 2];
    SETUN_HLS(HLS ARRAY_PARTITION variable = sine cyclic factor = kVectorLanes)
    rope_table(position, theta, head_dim, cosine, sine);
    const float s_x = *scale;
    const std::uint32_t half = head_dim / 2;
    for (std::uint32_t head = 0; head < heads; ++head) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeads)
        for (std::uint32_t i = 0; i < half; i += kPairs) {
            SETUN_HLS(HLS PIPELINE II = 1)
            SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim / 2 / kPairs)
            const std::uint32_t pairs = half - i < kPairs ? half - i : kPairs;
            const std::uint64_t low = static_cast<std::uint64_t>(head) * head_dim + i;
            const std::uint64_t high = low + half;
            // The pairs of a block are a little head of their own.
            float block[2 * kPairs];
            SETUN_HLS(HLS ARRAY_PARTITION variable = block complete)
            dequantize_row(x + low * columns, pairs, columns, weight_scale, s_x, block);
            dequantize_row(x + high * columns, pairs, columns, weight_scale, s_x, block + pairs);
            rope_rotate(block, 1, 2 * pairs, cosine + i, sine + i);
            for (std::uint32_t j = 0; j < kPairs; ++j) {
                SETUN_HLS(HLS UNROLL)
                if (j < pairs) {
                    y[low + j] = block[j];
                    y[high + j] = block[pairs + j];
                }
            }
        }
    }
}

extern "C" void setun_hls_kv_append(const float* key, const std::int32_t* value, const float* scale,
                                    float* key_float, float* value_float, std::int8_t* key_int8,
                                    std::int8_t* value_int8, float* key_scale, float* value_scale,
                                    std::uint32_t heads, std::uint32_t head_dim, std::uint32_t columns,
                                    float weight_scale, std::uint32_t kind) {
    SETUN_HLS(HLS INTERFACE mode = m_axi port = key offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = value offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = scale offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = key_float offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = value_float offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = key_int8 offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = value_int8 offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = key_scale offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = value_scale offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = s_axilite port = return )
    using namespace setun::hls;  // NOLINT(google-build-using-namespace): names of pragmas

    const float s_x = *scale;
    for (std::uint32_t head = 0; head < heads; ++head) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeads)
        const std::uint64_t first = static_cast<std::uint64_t>(head) * head_dim;
        float key_row[kMaxHeadDim];
        SETUN_HLS(HLS ARRAY_PARTITION variable = key_row cyclic factor = kVectorLanes)
        float value_row[kMaxHeadDim];
        SETUN_HLS(HLS ARRAY_PARTITION variable = value_row cyclic factor = kVectorLanes)
        for (std::uint32_t i = 0; i < head_dim; ++i) {
            SETUN_HLS(HLS PIPELINE II = 1)
            SETUN_HLS(HLS UNROLL factor = kVectorLanes)
            SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim)
            key_row[i] = key[first + i];
        }
        dequantize_row(value + first * columns, head_dim, columns, weight_scale, s_x, value_row);
        if (kind == SETUN_KV_INT8) {
            quantize_heads(key_row, 1, head_dim, key_int8 + first, key_scale + head);
            quantize_heads(value_row, 1, head_dim, value_int8 + first, value_scale + head);
            continue;
        }
        for (std::uint32_t i = 0; i < head_dim; ++i) {
            SETUN_HLS(HLS PIPELINE II = 1)
            SETUN_HLS(HLS UNROLL factor = kVectorLanes)
            SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim)
            key_float[first + i] = key_row[i];
            value_float[first + i] = value_row[i];
        }
    }
}
