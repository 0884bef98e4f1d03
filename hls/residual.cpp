// Residual connection.
#include "hls/residual.h"

#include "hls/hls.h"

namespace setun {
namespace hls {

void residual_add(float* h, const float* y, std::uint32_t n) {
    for (std::uint32_t i = 0; i < n; ++i) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxWidth)
        h[i] = h[i] + y[i];
    }
}

}  // namespace hls
}  // namespace setun
