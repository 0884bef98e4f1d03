// Rotary position embedding, rotate-half pairing.
#include "hls/rope.h"

#include "hls/elementary.h"
#include "hls/hls.h"

namespace setun {
namespace hls {

void rope_table(std::uint32_t position, float theta, std::uint32_t head_dim, float* cosine, float* sine) {
    const double log_theta = logarithm_double(static_cast<double>(theta));
    for (std::uint32_t i = 0; i < head_dim / 2; ++i) {
        SETUN_HLS(HLS PIPELINE II = 8)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim / 2)
        const double exponent = -(2.0 * static_cast<double>(i)) / static_cast<double>(head_dim);
        const double frequency = exponential_double(exponent * log_theta);
        double s = 0;
        double c = 0;
        sine_cosine_double(static_cast<double>(position) * frequency, &s, &c);
        sine[i] = static_cast<float>(s);
        cosine[i] = static_cast<float>(c);
    }
}

void rope_rotate(float* x, std::uint32_t heads, std::uint32_t head_dim, const float* cosine,
                 const float* sine) {
    const std::uint32_t half = head_dim / 2;
    for (std::uint32_t head = 0; head < heads; ++head) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxWidth / kMaxHeadDim)
        float* const low = x + static_cast<std::uint64_t>(head) * head_dim;
        float* const high = low + half;
        for (std::uint32_t i = 0; i < half; ++i) {
            SETUN_HLS(HLS PIPELINE II = 1)
            SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeadDim / 2)
            const float a = low[i];
            const float b = high[i];
            low[i] = a * cosine[i] - b * sine[i];
            high[i] = b * cosine[i] + a * sine[i];
        }
    }
}

}  // namespace hls
}  // namespace setun
