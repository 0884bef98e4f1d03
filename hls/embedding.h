// Embedding row of a token.
#pragma once

#include <cstdint>

namespace setun {
namespace hls {

/// h[j] = float(row[j]) * scale, row[n] integers within +-121 (what five digit planes hold).
void embedding_row(const std::int8_t* row, std::uint32_t n, float scale, float* h);

}  // namespace hls
}  // namespace setun
