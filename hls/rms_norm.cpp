// Root-mean-square normalisation.
#include "hls/rms_norm.h"

#include "hls/elementary.h"
#include "hls/hls.h"
#include "hls/reduce.h"

namespace setun {
namespace hls {

void rms_norm(const float* x, const float* weight, std::uint32_t n, float eps, float* y) {
    const float mean = sum_of_squares(x, n) / static_cast<float>(n);
    const float r = 1.0F / square_root(mean + eps);
    for (std::uint32_t j = 0; j < n; ++j) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS UNROLL factor = kNormLanes)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxWidth)
        y[j] = (x[j] * r) * weight[j];
    }
}

}  // namespace hls
}  // namespace setun
