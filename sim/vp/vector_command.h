// What a vector unit does with a command: check it, know its memory and its cycles, and compute it.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

#include "rtl/setun_vector_abi.h"

namespace setun::vp {

/// What decides where a weight stands (docs/memory-format.md): EMBED reads the engine's streams.
struct EngineGeometry {
    unsigned ports = 1;         ///< weight ports: 1, 2, 4, 8 or 16
    unsigned port_bits = 512;   ///< bits of a beat: 128, 256 or 512
    unsigned tile_rows = 1024;  ///< rows a tile gives to each port: power of two, 16 to 4096
};

/// Bytes of one memory that a command reads or writes, without gaps.
struct Region {
    static constexpr int kData = -1;
    int port = kData;          ///< weight port, or kData
    std::uint64_t offset = 0;  ///< from DATA_BASE, or from that port's weight base
    std::uint64_t bytes = 0;
    bool operator==(const Region&) const = default;
};

/// A checked command. With an error there are no regions and no cycles.
struct CommandPlan {
    std::uint32_t error = SETUN_ERR_NONE;  ///< SETUN_ERR_*, the lowest code that applies
    std::vector<Region> reads;             ///< in the order in which the unit needs them
    std::vector<Region> writes;            ///< written when everything is read
    std::uint64_t cycles = 0;              ///< of computing (hls/contract.h); memory comes on top
};

/// Checks a command and resolves its addresses. Regions by opcode:
///     NORM_QUANTIZE  reads x, a unless NO_GAIN; writes y, b
///     ROPE           reads x, b; writes y
///     KV_APPEND      reads x, a, b; writes key row, value row, for INT8 also key scales and value scales
///     ATTENTION      reads x, keys, values, for INT8 also key scales and value scales, of positions 0 ..
///                    `position`; writes y
///     GATE           reads x, a, b; writes y
///     RESIDUAL       reads x, b, y; writes y
///     EMBED          reads the row's beats, chunk by chunk, each plane by plane; writes y
///     ARGMAX         reads x, b; writes y
/// `position` and `token` are the unit's registers. Throws std::invalid_argument for a geometry that no
/// engine has.
CommandPlan plan(const VectorCommand& command, std::uint32_t position, std::uint32_t token,
                 const EngineGeometry& geometry);

/// SETUN_ERR_NONE, the plan's error, or SETUN_ERR_TRIT; then `region` is the index of the beat in the plan's
/// reads and the outputs are not defined.
struct ExecuteResult {
    std::uint32_t error = SETUN_ERR_NONE;
    std::size_t region = 0;
};

/// Computes a command with the units of hls/units/: inputs[i] holds the bytes of reads[i] of its plan,
/// outputs[i] takes those of writes[i]; every span has its region's size and is aligned to 4 bytes. Outputs
/// must not overlap inputs. One caller at a time, as the units are. Throws std::invalid_argument when spans
/// and plan disagree.
ExecuteResult execute(const VectorCommand& command, std::uint32_t position, std::uint32_t token,
                      const EngineGeometry& geometry, std::span<const std::span<const std::byte>> inputs,
                      std::span<const std::span<std::byte>> outputs);

}  // namespace setun::vp
