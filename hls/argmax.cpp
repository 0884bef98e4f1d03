// Greedy choice of a token.
#include "hls/argmax.h"

#include "hls/hls.h"

namespace setun {
namespace hls {

std::uint32_t argmax(const float* x, std::uint32_t n) {
    std::uint32_t best = 0;
    for (std::uint32_t i = 1; i < n; ++i) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
        const bool best_is_nan = !(x[best] <= x[best]);
        const bool is_number = x[i] <= x[i];
        if (x[i] > x[best] || (best_is_nan && is_number)) {
            best = i;
        }
    }
    return best;
}

std::uint32_t argmax_int(const std::int32_t* acc, std::uint32_t n, std::uint32_t stride) {
    std::uint32_t best = 0;
    std::int32_t largest = acc[0];
    for (std::uint32_t i = 1; i < n; ++i) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxPositions)
        const std::int32_t value = acc[static_cast<std::uint64_t>(i) * stride];
        if (value > largest) {
            largest = value;
            best = i;
        }
    }
    return best;
}

}  // namespace hls
}  // namespace setun
