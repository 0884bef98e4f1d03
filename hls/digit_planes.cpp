// One row of a digit-plane matrix out of the packed weight streams (docs/memory-format.md sections 2 to 4).
#include "hls/digit_planes.h"

namespace setun {
namespace hls {

namespace {

/// Rows that a port has.
std::uint32_t groups_of(const DigitPlanes& matrix) {
    return matrix.m / matrix.ports + (matrix.m % matrix.ports != 0 ? 1U : 0U);
}

}  // namespace

std::uint32_t chunks_of(const DigitPlanes& matrix) {
    const std::uint32_t lanes = kTritsPerCode * (matrix.port_bits / 8);
    return matrix.k / lanes + (matrix.k % lanes != 0 ? 1U : 0U);
}

std::uint64_t stream_bytes(const DigitPlanes& matrix) {
    return static_cast<std::uint64_t>(matrix.planes) * chunks_of(matrix) * groups_of(matrix) *
           (matrix.port_bits / 8);
}

std::uint64_t beat_offset(const DigitPlanes& matrix, std::uint32_t row, std::uint32_t plane,
                          std::uint32_t chunk) {
    const std::uint32_t chunks = chunks_of(matrix);
    const std::uint32_t group = row / matrix.ports;
    const std::uint32_t tile = group - group % matrix.tile_rows;  // group that begins the tile
    const std::uint32_t rest = groups_of(matrix) - tile;
    const std::uint32_t in_tile = rest < matrix.tile_rows ? rest : matrix.tile_rows;
    const std::uint64_t before = static_cast<std::uint64_t>(tile) * matrix.planes * chunks;
    const std::uint64_t block = static_cast<std::uint64_t>(plane) * chunks + chunk;
    return (before + block * in_tile + (group - tile)) * (matrix.port_bits / 8);
}

bool add_digits(const std::uint8_t* beat, std::uint32_t bytes, bool first, std::int8_t* digits) {
    bool legal = true;
    for (std::uint32_t i = 0; i < kMaxBeatBytes; ++i) {
        SETUN_HLS(HLS UNROLL)
        if (i >= bytes) {
            continue;
        }
        std::int8_t trits[kTritsPerCode];
        legal = decode_trits(code_of_beat(beat, bytes, i), trits) && legal;
        for (unsigned t = 0; t < kTritsPerCode; ++t) {
            SETUN_HLS(HLS UNROLL)
            const int before = first ? 0 : digits[t * bytes + i];
            digits[t * bytes + i] = static_cast<std::int8_t>(3 * before + trits[t]);
        }
    }
    return legal;
}

}  // namespace hls
}  // namespace setun
