// What a piece of work consists of: operations and bytes of commands, attention and elementwise steps.
#pragma once

#include <cstdint>
#include <optional>

namespace setun::energy {

/// One matrix times `tokens` activation vectors, in one command.
struct Matrix {
    std::uint64_t rows = 0;    ///< M: outputs
    std::uint64_t inputs = 0;  ///< K
    unsigned planes = 1;       ///< trits that make one weight on Setun; 1 = ternary
    unsigned tokens = 1;       ///< activation vectors that share one pass over the weights
};

/// Geometry of the engine as docs/memory-format.md defines it.
struct Engine {
    unsigned port_bits = 512;
    unsigned ports = 1;
    unsigned tokens = 1;  ///< columns of a result row, used or not
    unsigned tile_rows = 1024;

    [[nodiscard]] unsigned beat_bytes() const { return port_bits / 8; }
    [[nodiscard]] unsigned lanes() const { return port_bits / 8 * 5; }
};

/// Where a count comes from; reports print it.
enum class Basis { kShapes, kMeasured };

/// Work of any number of commands. Add counts with +=, then set `tokens` to the tokens of text that they paid
/// for.
struct WorkCounts {
    std::uint64_t tokens = 0;  ///< tokens of text; not summed by +=, must be set before an evaluation

    std::uint64_t macs = 0;  ///< weight x token pairs of the model, without padding
    std::uint64_t trit_macs =
        0;  ///< stored trit x token pairs: macs, times planes where a weight has several
    std::uint64_t nonzero_trit_macs = 0;  ///< of those, with a non-zero trit
    std::uint64_t accumulator_adds = 0;   ///< INT32: one per row (padding too), token, chunk and plane
    std::uint64_t plane_steps =
        0;  ///< INT32: acc = acc + 2 * acc, one per row, token and plane after the first
    std::uint64_t fp16_macs = 0;  ///< multiply-adds that every machine does in FP16: attention

    std::uint64_t weights = 0;       ///< weights fetched: each once per command, however many tokens share it
    std::uint64_t head_weights = 0;  ///< of those, of the output head
    std::uint64_t trits = 0;         ///< stored trits fetched: weights times planes
    std::uint64_t inputs = 0;        ///< activation elements in
    std::uint64_t outputs = 0;       ///< result elements out
    std::uint64_t commands = 0;
    std::uint64_t beats = 0;  ///< weight beats of all ports

    std::uint64_t weight_bytes = 0;       ///< Setun: bytes on the weight ports, padding included
    std::uint64_t head_weight_bytes = 0;  ///< of those, of the output head
    std::uint64_t activation_bytes = 0;   ///< Setun: bytes read on the data port (activations, commands)
    std::uint64_t result_bytes = 0;       ///< Setun: bytes written on the data port

    std::uint64_t kv_read_elements = 0;   ///< elements of K and V read from the cache
    std::uint64_t kv_write_elements = 0;  ///< and appended to it
    unsigned kv_bits = 8;                 ///< of such an element on Setun; not summed

    std::uint64_t fp32_adds =
        0;  ///< elementwise steps of every machine: norms, RoPE, softmax, gate, residual
    std::uint64_t fp32_muls = 0;
    std::uint64_t quantiser_adds = 0;  ///< the same, of machines with integer activations only
    std::uint64_t quantiser_muls = 0;
    std::uint64_t vector_words =
        0;  ///< 32-bit words that the first ones read and write, a step after the other
    std::uint64_t quantiser_words = 0;  ///< and the others

    std::uint64_t cycles = 0;  ///< Setun's clocks; 0: as many as beats of one port

    Basis nonzero_basis = Basis::kShapes;  ///< kShapes: nothing measured, every trit taken as non-zero
    Basis bytes_basis = Basis::kShapes;

    /// Sums everything but `tokens` and `kv_bits`. A basis stays kMeasured only if both sides (that hold
    /// work) are measured.
    WorkCounts& operator+=(const WorkCounts& other);
    /// The same work `times` times; `tokens` and `kv_bits` stay.
    WorkCounts& operator*=(std::uint64_t times);
};

/// Counts of one command from its shape alone (docs/memory-format.md, sections 3 to 6); equal to the kernel's
/// own counters. Bytes: every weight stream in full; activation rows in whole words of the port, once per
/// tile and plane, or once at all when one chunk holds a row; results of all columns once; 64 bytes of
/// command. Throws std::invalid_argument when a size is zero or matrix.tokens exceeds engine.tokens.
[[nodiscard]] WorkCounts count(const Matrix& matrix, const Engine& engine);

/// What the device's counters say about the same work.
struct Measured {
    /// Non-zero trits in the weight beats (each once, however many tokens share the beat); empty: not
    /// counted.
    std::optional<std::uint64_t> nonzero = 0;
    std::uint64_t weight_bytes = 0;      ///< bytes read on the weight ports
    std::uint64_t data_read_bytes = 0;   ///< bytes read on the data port (commands and activations)
    std::uint64_t data_write_bytes = 0;  ///< bytes written on the data port (results)
};

/// Replaces counted bytes, and non-zeros if they were counted, by measured ones. Non-zero trits are scaled by
/// trit_macs / trits, the tokens that shared each beat. Throws std::invalid_argument when more non-zero trits
/// are claimed than were fetched.
void apply_measured(WorkCounts& work, const Measured& measured);

}  // namespace setun::energy
