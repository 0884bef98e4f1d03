// The matrix product as the chip does it: from packed weight streams, beat by beat.
#pragma once

#include <cstdint>

#include "hls/hls.h"

namespace setun {
namespace hls {

/// Shape of one product and of the kernel that runs it (docs/memory-format.md).
struct MatmulShape {
    std::uint32_t ports;      ///< weight ports, 1 to kMaxPorts
    std::uint32_t port_bits;  ///< bits of a beat: multiple of 8, up to 8 * kMaxBeatBytes
    std::uint32_t tile_rows;  ///< rows a tile gives to each port
    std::uint32_t columns;    ///< TOKENS: columns of y, 1 to kMaxTokens
    std::uint32_t m;          ///< output rows
    std::uint32_t k;          ///< inputs
    std::uint32_t planes;     ///< digit planes, 1 to 5
    std::uint32_t tokens;     ///< rows of x, 1 to columns; the other columns of y become zero
};

/// The packed stream of each port.
struct WeightStreams {
    const std::uint8_t* port[kMaxPorts];
};

/// What happened. `error` is SETUN_ERR_NONE or SETUN_ERR_TRIT; then `port` and `offset` (bytes, of the beat
/// in that port's stream) name the first illegal code in consumption order and y is not defined.
struct MatmulStatus {
    std::uint32_t error;
    std::uint32_t port;
    std::uint64_t offset;
    std::uint64_t beats;    ///< weight beats consumed, all ports
    std::uint64_t nonzero;  ///< non-zero weights seen
};

/// Beats that each port's stream of this shape holds: planes * ceil(k / lanes) * ceil(m / ports).
std::uint64_t beats_per_port(const MatmulShape& shape);

/// y[m][columns] = W[m][k] * x[tokens][k] transposed, exact.
/// Row t of x stands at x + t * x_stride (elements); elements beyond k are not read. No size checks: a
/// descriptor has been checked before it comes here.
MatmulStatus ternary_matmul(const MatmulShape& shape, const WeightStreams& weights, const std::int8_t* x,
                            std::uint64_t x_stride, std::int32_t* y);

/// The specification in three lines: y[r][t] = sum_j w[r][j] * x[t][j].
/// w[m][k] integers within +-121, x[tokens][k] (row stride k), y[m][tokens].
void matmul_reference(const std::int8_t* w, std::uint32_t m, std::uint32_t k, const std::int8_t* x,
                      std::uint32_t tokens, std::int32_t* y);

}  // namespace hls
}  // namespace setun
