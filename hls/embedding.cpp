// Embedding row of a token.
#include "hls/embedding.h"

#include "hls/hls.h"

namespace setun {
namespace hls {

void embedding_row(const std::int8_t* row, std::uint32_t n, float scale, float* h) {
    for (std::uint32_t j = 0; j < n; ++j) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 1 max = kMaxWidth)
        h[j] = static_cast<float>(row[j]) * scale;
    }
}

}  // namespace hls
}  // namespace setun
