// Attention unit: ATTENTION over a cache of floats or of INT8.
#include "hls/attention.h"

#include "hls/attention_int8.h"
#include "hls/hls.h"
#include "hls/units/units.h"
#include "rtl/setun_vector_abi.h"

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

    // Four bytes for every position that a cache may have: a chip for shorter contexts lowers kMaxPositions.
    static float scores[kMaxPositions];
    const AttentionShape shape = {heads, kv_heads, head_dim, positions};
    if (kind == SETUN_KV_INT8) {
        const Int8Cache cache = {key_int8, value_int8, key_scale, value_scale};
        attention_int8(shape, q, cache, scores, out);
    } else {
        attention(shape, q, key_float, value_float, scores, out);
    }
}
