// One row of a digit-plane matrix out of the packed weight streams (docs/memory-format.md sections 2 to 4).
#pragma once

#include <cstdint>

#include "hls/hls.h"
#include "hls/trit.h"

namespace setun {
namespace hls {

/// A matrix in weight memory; sizes as MatmulShape (hls/ternary_matmul.h) has them.
struct DigitPlanes {
    std::uint32_t ports;
    std::uint32_t port_bits;
    std::uint32_t tile_rows;
    std::uint32_t m;
    std::uint32_t k;
    std::uint32_t planes;
};

/// Weights of a beat, at most.
constexpr unsigned kMaxLanes = kTritsPerCode * kMaxBeatBytes;

/// Beats that a plane of a row has: ceil(k / lanes).
std::uint32_t chunks_of(const DigitPlanes& matrix);

/// Bytes of each port's stream.
std::uint64_t stream_bytes(const DigitPlanes& matrix);

/// Byte offset of a beat of `row` in the stream of port row % ports. Plane 0 is the most significant.
std::uint64_t beat_offset(const DigitPlanes& matrix, std::uint32_t row, std::uint32_t plane,
                          std::uint32_t chunk);

/// Takes a beat of the next lower plane: digits[l] = 3 * digits[l] + its trit, or the trit itself when
/// `first`. Writes 5 * bytes digits in the order of the lanes. False when a code is illegal; digits are then
/// not defined.
bool add_digits(const std::uint8_t* beat, std::uint32_t bytes, bool first, std::int8_t* digits);

}  // namespace hls
}  // namespace setun
