// Token unit: EMBED and ARGMAX, both ends of a decoder step.
#include "hls/bits.h"
#include "hls/digit_planes.h"
#include "hls/embedding.h"
#include "hls/hls.h"
#include "hls/quantize.h"
#include "hls/units/units.h"
#include "rtl/setun_abi.h"

namespace {

constexpr std::uint32_t kBlock = setun::hls::kVectorLanes;

struct Candidate {
    float value;
    std::uint32_t index;
};

/// The rule of argmax(): the larger, the lower index among equals, a number before a NaN. `low` has the lower
/// index. The order is total, so candidates may be paired in any way that keeps them in sequence.
Candidate better(const Candidate& low, const Candidate& high) {
    SETUN_HLS(HLS INLINE)
    const bool low_is_nan = !(low.value <= low.value);
    const bool high_is_number = high.value <= high.value;
    return high.value > low.value || (low_is_nan && high_is_number) ? high : low;
}

}  // namespace

extern "C" void setun_hls_embed(const std::uint8_t* w0, const std::uint8_t* w1, const std::uint8_t* w2,
                                const std::uint8_t* w3, float* h, std::uint64_t* status, std::uint32_t ports,
                                std::uint32_t port_bits, std::uint32_t tile_rows, std::uint32_t m,
                                std::uint32_t k, std::uint32_t planes, std::uint32_t token, float row_scale) {
    SETUN_HLS(HLS INTERFACE mode = m_axi port = w0 offset = slave bundle = w0)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = w1 offset = slave bundle = w1)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = w2 offset = slave bundle = w2)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = w3 offset = slave bundle = w3)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = h offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = status offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = s_axilite port = return )
    using namespace setun::hls;  // NOLINT(google-build-using-namespace): names of pragmas

    const DigitPlanes matrix = {ports, port_bits, tile_rows, m, k, planes};
    const std::uint32_t port = token % ports;
    const std::uint8_t* const stream = port == 0 ? w0 : (port == 1 ? w1 : (port == 2 ? w2 : w3));
    const std::uint32_t bytes = port_bits / 8;
    const std::uint32_t lanes = kTritsPerCode * bytes;
    status[0] = SETUN_ERR_NONE;
    status[1] = port;
    status[2] = 0;
    for (std::uint32_t chunk = 0; chunk < chunks_of(matrix); ++chunk) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxWidth / 80)
        std::int8_t digits[kMaxLanes];
        SETUN_HLS(HLS ARRAY_PARTITION variable = digits complete)
        for (std::uint32_t plane = 0; plane < kMaxPlanes; ++plane) {
            SETUN_HLS(HLS PIPELINE II = 1)
            if (plane >= planes) {
                continue;
            }
            const std::uint64_t offset = beat_offset(matrix, token, plane, chunk);
            if (!add_digits(stream + offset, bytes, plane == 0, digits)) {
                status[0] = SETUN_ERR_TRIT;
                status[2] = offset;
                return;
            }
        }
        const std::uint32_t first = chunk * lanes;
        const std::uint32_t count = k - first < lanes ? k - first : lanes;
        embedding_row(digits, count, row_scale, h + first);
    }
}

extern "C" void setun_hls_argmax(const std::int32_t* x, const float* scale, std::uint32_t* result,
                                 std::uint32_t n, std::uint32_t columns, float weight_scale) {
    SETUN_HLS(HLS INTERFACE mode = m_axi port = x offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = scale offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = m_axi port = result offset = slave bundle = data)
    SETUN_HLS(HLS INTERFACE mode = s_axilite port = return )
    using namespace setun::hls;  // NOLINT(google-build-using-namespace): names of pragmas

    const float s_x = *scale;
    Candidate best = {float_of(0x7FC00000U), 0};
    for (std::uint32_t i = 0; i < n; i += kBlock) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = SETUN_MAX_M / kBlock)
        Candidate block[kBlock];
        SETUN_HLS(HLS ARRAY_PARTITION variable = block complete)
        for (std::uint32_t l = 0; l < kBlock; ++l) {
            SETUN_HLS(HLS UNROLL)
            const bool inside = l < n - i;
            const std::int32_t acc = inside ? x[(static_cast<std::uint64_t>(i) + l) * columns] : 0;
            block[l].value = inside ? dequantize(acc, weight_scale, s_x) : float_of(0x7FC00000U);
            block[l].index = i + l;
        }
        // A tree inside the block, so that only one comparison depends on the block before.
        for (std::uint32_t width = 1; width < kBlock; width *= 2) {
            SETUN_HLS(HLS UNROLL)
            for (std::uint32_t l = 0; l < kBlock; l += 2 * width) {
                SETUN_HLS(HLS UNROLL)
                block[l] = better(block[l], block[l + width]);
            }
        }
        best = i == 0 ? block[0] : better(best, block[0]);
    }
    result[0] = best.index;
    result[1] = bits_of(best.value);
}
