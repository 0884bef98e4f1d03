// Norm unit: NORM_QUANTIZE.
#include "hls/hls.h"
#include "hls/quantize.h"
#include "hls/rms_norm.h"
#include "hls/units/units.h"

extern "C" void setun_hls_norm_quantize(const float* x, const float* gain, std::int8_t* q, float* scale,
                                        std::uint32_t k, float eps, std::uint32_t no_gain) {
    SETUN_HLS(HLS INTERFACE mode = m_axi port = x offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = gain offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = q offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = scale offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = s_axilite port = return )
    using namespace setun::hls;  // NOLINT(google-build-using-namespace): names of pragmas

    // The row is needed two or three times and leaves memory once.
    SETUN_HLS_BUFFER float row[kMaxWidth];
    SETUN_HLS(HLS ARRAY_PARTITION variable = row cyclic factor = kNormLanes)
    for (std::uint32_t j = 0; j < k; ++j) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS UNROLL factor = kNormLanes)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxWidth)
        row[j] = x[j];
    }
    if (no_gain == 0) {
        rms_norm(row, gain, k, eps, row);
    }
    quantize(row, k, q, scale);
}
