// The matrix product as the chip does it: from packed weight streams, beat by beat.
#include "hls/ternary_matmul.h"

#include "hls/trit.h"
#include "rtl/setun_abi.h"

namespace setun {
namespace hls {
namespace {

std::uint32_t ceil_div(std::uint32_t a, std::uint32_t b) { return a / b + (a % b != 0 ? 1U : 0U); }

/// What one beat adds to the sums of its row, one sum for each token.
struct BeatSum {
    std::int32_t sum[kMaxTokens];
    std::uint32_t nonzero;
    bool legal;
};

/// Select-and-add of one beat against the activations of its chunk, which begins at input k0.
BeatSum add_beat(const MatmulShape& shape, const std::uint8_t* beat, const std::int8_t* x,
                 std::uint64_t x_stride, std::uint32_t k0) {
    const std::uint32_t bytes = shape.port_bits / 8;
    BeatSum out = {};
    out.legal = true;
    // Bounds of unrolled loops are constants, as synthesis needs them; smaller beats leave the rest idle.
    for (std::uint32_t i = 0; i < kMaxBeatBytes; ++i) {
        SETUN_HLS(HLS UNROLL)
        if (i >= bytes) {
            continue;
        }
        std::int8_t w[kTritsPerCode];
        out.legal = decode_trits(code_of_beat(beat, bytes, i), w) && out.legal;
        for (unsigned t = 0; t < kTritsPerCode; ++t) {
            SETUN_HLS(HLS UNROLL)
            const std::uint32_t input = k0 + t * bytes + i;  // lane t * B + i of the chunk
            if (w[t] == 0) {
                continue;
            }
            ++out.nonzero;
            for (std::uint32_t token = 0; token < kMaxTokens; ++token) {
                SETUN_HLS(HLS UNROLL)
                if (token < shape.tokens && input < shape.k) {
                    const std::int32_t value = x[token * x_stride + input];
                    out.sum[token] += w[t] > 0 ? value : -value;
                }
            }
        }
    }
    return out;
}

}  // namespace

std::uint64_t beats_per_port(const MatmulShape& shape) {
    const std::uint32_t lanes = kTritsPerCode * (shape.port_bits / 8);
    return static_cast<std::uint64_t>(shape.planes) * ceil_div(shape.k, lanes) *
           ceil_div(shape.m, shape.ports);
}

MatmulStatus ternary_matmul(const MatmulShape& shape, const WeightStreams& weights, const std::int8_t* x,
                            std::uint64_t x_stride, std::int32_t* y) {
    const std::uint32_t bytes = shape.port_bits / 8;
    const std::uint32_t lanes = kTritsPerCode * bytes;
    const std::uint32_t chunks = ceil_div(shape.k, lanes);
    const std::uint64_t tile_span = static_cast<std::uint64_t>(shape.ports) * shape.tile_rows;
    const std::uint64_t total = beats_per_port(shape) * shape.ports;

    MatmulStatus status = {};
    std::uint64_t tile_row = 0;  // first row of the tile
    std::uint64_t rows = shape.m < tile_span ? shape.m : tile_span;
    std::uint32_t plane = 0;
    std::uint32_t chunk = 0;
    std::uint64_t local = 0;  // row within the tile = group * ports + port
    std::uint32_t port = 0;
    std::uint64_t beat_index = 0;  // beats already taken from each port

    // One flat loop over tile / plane / chunk / group / port, one beat an iteration. Invariant: before
    // iteration n, (tile_row, plane, chunk, local) is the n-th tuple of that order, beat_index the number of
    // whole groups before it, and y[r] of every row r of the tile holds
    //     sum over planes e < plane of 3^(plane-e) * product(r, e)            all chunks of the earlier
    //     planes
    //   + product of plane `plane` over the chunks c < chunk                  (and chunk itself if r
    //   precedes)
    // with the factor 3 applied when the first chunk of a plane meets the row.
    for (std::uint64_t n = 0; n < total; ++n) {
        SETUN_HLS(HLS PIPELINE II = 1)
        const std::uint64_t offset = beat_index * bytes;
        const BeatSum part = add_beat(shape, weights.port[port] + offset, x, x_stride, chunk * lanes);
        status.beats += 1;
        status.nonzero += part.nonzero;
        if (!part.legal) {
            status.error = SETUN_ERR_TRIT;
            status.port = port;
            status.offset = offset;
            return status;
        }
        if (local < rows) {  // the last group of the matrix may be padded with zero rows
            std::int32_t* const row = y + (tile_row + local) * shape.columns;
            for (std::uint32_t token = 0; token < kMaxTokens; ++token) {
                SETUN_HLS(HLS UNROLL)
                if (token < shape.columns) {
                    const std::int32_t before = chunk != 0 ? row[token] : (plane != 0 ? 3 * row[token] : 0);
                    row[token] = before + part.sum[token];
                }
            }
        }

        // Next tuple.
        ++local;
        ++port;
        if (port < shape.ports) {
            continue;
        }
        port = 0;
        ++beat_index;
        if (local < rows) {
            continue;
        }
        local = 0;
        ++chunk;
        if (chunk < chunks) {
            continue;
        }
        chunk = 0;
        ++plane;
        if (plane < shape.planes) {
            continue;
        }
        plane = 0;
        tile_row += rows;
        rows = shape.m - tile_row < tile_span ? shape.m - tile_row : tile_span;
    }
    return status;
}

void matmul_reference(const std::int8_t* w, std::uint32_t m, std::uint32_t k, const std::int8_t* x,
                      std::uint32_t tokens, std::int32_t* y) {
    for (std::uint64_t r = 0; r < m; ++r) {
        for (std::uint64_t t = 0; t < tokens; ++t) {
            std::int32_t acc = 0;
            for (std::uint64_t j = 0; j < k; ++j) {
                acc += w[r * k + j] * x[t * k + j];
            }
            y[r * tokens + t] = acc;
        }
    }
}

}  // namespace hls
}  // namespace setun
