// What INT8 keeps of a row of the key/value cache.
#include "hls/kv_cache.h"

#include "hls/hls.h"
#include "hls/quantize.h"

namespace setun {
namespace hls {

void quantize_heads(const float* x, std::uint32_t heads, std::uint32_t head_dim, std::int8_t* q,
                    float* scale) {
    for (std::uint32_t head = 0; head < heads; ++head) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxHeads)
        const std::uint64_t offset = static_cast<std::uint64_t>(head) * head_dim;
        quantize(x + offset, head_dim, q + offset, scale + head);
    }
}

}  // namespace hls
}  // namespace setun
