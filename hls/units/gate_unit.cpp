// Gate unit: GATE and RESIDUAL, element by element.
#include "hls/activation.h"
#include "hls/hls.h"
#include "hls/quantize.h"
#include "hls/residual.h"
#include "hls/units/units.h"
#include "rtl/setun_vector_abi.h"

namespace {

/// Elements that pass through together; the last block of a row may hold fewer.
constexpr std::uint32_t kBlock = setun::hls::kVectorLanes;

std::uint32_t block_of(std::uint32_t n, std::uint32_t first) {
    return n - first < kBlock ? n - first : kBlock;
}

}  // namespace

extern "C" void setun_hls_gate(const std::int32_t* gate, const std::int32_t* up, const float* scale, float* y,
                               std::uint32_t n, std::uint32_t columns, float gate_scale, float up_scale,
                               std::uint32_t kind) {
    SETUN_HLS(HLS INTERFACE mode = m_axi port = gate offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = up offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = scale offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = y offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = s_axilite port = return )
    using namespace setun::hls;  // NOLINT(google-build-using-namespace): names of pragmas

    const float s_x = *scale;
    for (std::uint32_t i = 0; i < n; i += kBlock) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxWidth / kBlock)
        const std::uint32_t count = block_of(n, i);
        float g[kBlock];
        SETUN_HLS(HLS ARRAY_PARTITION variable = g complete)
        float u[kBlock];
        SETUN_HLS(HLS ARRAY_PARTITION variable = u complete)
        const std::uint64_t first = static_cast<std::uint64_t>(i) * columns;
        dequantize_row(gate + first, count, columns, gate_scale, s_x, g);
        dequantize_row(up + first, count, columns, up_scale, s_x, u);
        if (kind == SETUN_GATE_SILU) {
            silu_gate(g, u, count, y + i);
        } else {
            relu2_gate(g, u, count, y + i);
        }
    }
}

extern "C" void setun_hls_residual(const std::int32_t* x, const float* scale, float* y, std::uint32_t n,
                                   std::uint32_t columns, float weight_scale) {
    SETUN_HLS(HLS INTERFACE mode = m_axi port = x offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = scale offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = y offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = s_axilite port = return )
    using namespace setun::hls;  // NOLINT(google-build-using-namespace): names of pragmas

    const float s_x = *scale;
    for (std::uint32_t i = 0; i < n; i += kBlock) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxWidth / kBlock)
        const std::uint32_t count = block_of(n, i);
        float block[kBlock];
        SETUN_HLS(HLS ARRAY_PARTITION variable = block complete)
        dequantize_row(x + static_cast<std::uint64_t>(i) * columns, count, columns, weight_scale, s_x, block);
        residual_add(y + i, block, count);
    }
}
