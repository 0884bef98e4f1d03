// Softmax of one row.
#include "hls/softmax.h"

#include "hls/elementary.h"
#include "hls/hls.h"
#include "hls/reduce.h"

namespace setun {
namespace hls {

void softmax(float* x, std::uint32_t n) {
    const float largest = maximum(x, n);
    for (std::uint32_t i = 0; i < n; ++i) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
        x[i] = exponential(x[i] - largest);
    }
    const float total = sum(x, n);
    for (std::uint32_t i = 0; i < n; ++i) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
        x[i] = x[i] / total;
    }
}

}  // namespace hls
}  // namespace setun
