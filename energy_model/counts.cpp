// Counting: operations and bytes of a command from its shape, and their replacement by what a device
// measured.
#include "energy_model/counts.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <stdexcept>

namespace setun::energy {
namespace {

constexpr std::uint64_t kCommandBytes = 64;
constexpr std::uint64_t kResultBytes = 4;  // INT32

std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

void check(const Matrix& matrix, const Engine& engine) {
    if (matrix.rows == 0 || matrix.inputs == 0 || matrix.planes == 0 || matrix.tokens == 0) {
        throw std::invalid_argument("energy count: rows, inputs, planes and tokens must be at least 1");
    }
    if (engine.port_bits < 8 || engine.ports == 0 || engine.tile_rows == 0) {
        throw std::invalid_argument("energy count: engine needs port_bits, ports and tile_rows");
    }
    if (matrix.tokens > engine.tokens) {
        throw std::invalid_argument(fmt::format("energy count: {} tokens on an engine with {} columns",
                                                matrix.tokens, engine.tokens));
    }
}

/// Everything that adds up.
constexpr std::array kSums{&WorkCounts::macs,
                           &WorkCounts::trit_macs,
                           &WorkCounts::nonzero_trit_macs,
                           &WorkCounts::accumulator_adds,
                           &WorkCounts::plane_steps,
                           &WorkCounts::fp16_macs,
                           &WorkCounts::weights,
                           &WorkCounts::head_weights,
                           &WorkCounts::trits,
                           &WorkCounts::inputs,
                           &WorkCounts::outputs,
                           &WorkCounts::commands,
                           &WorkCounts::beats,
                           &WorkCounts::weight_bytes,
                           &WorkCounts::head_weight_bytes,
                           &WorkCounts::activation_bytes,
                           &WorkCounts::result_bytes,
                           &WorkCounts::kv_read_elements,
                           &WorkCounts::kv_write_elements,
                           &WorkCounts::fp32_adds,
                           &WorkCounts::fp32_muls,
                           &WorkCounts::quantiser_adds,
                           &WorkCounts::quantiser_muls,
                           &WorkCounts::vector_words,
                           &WorkCounts::quantiser_words,
                           &WorkCounts::cycles};

bool holds_work(const WorkCounts& work) {
    return work.macs != 0 || work.weight_bytes != 0 || work.activation_bytes != 0 || work.result_bytes != 0;
}

Basis combine(Basis a, Basis b) {
    return a == Basis::kMeasured && b == Basis::kMeasured ? Basis::kMeasured : Basis::kShapes;
}

}  // namespace

WorkCounts& WorkCounts::operator+=(const WorkCounts& other) {
    if (!holds_work(*this)) {
        nonzero_basis = other.nonzero_basis;
        bytes_basis = other.bytes_basis;
    } else if (holds_work(other)) {
        nonzero_basis = combine(nonzero_basis, other.nonzero_basis);
        bytes_basis = combine(bytes_basis, other.bytes_basis);
    }
    for (const auto field : kSums) {
        this->*field += other.*field;
    }
    return *this;
}

WorkCounts& WorkCounts::operator*=(std::uint64_t times) {
    for (const auto field : kSums) {
        this->*field *= times;
    }
    return *this;
}

WorkCounts count(const Matrix& matrix, const Engine& engine) {
    check(matrix, engine);
    const std::uint64_t chunks = ceil_div(matrix.inputs, engine.lanes());
    const std::uint64_t padded_rows = ceil_div(matrix.rows, engine.ports) * engine.ports;
    const std::uint64_t tile_span = std::uint64_t{engine.ports} * engine.tile_rows;
    const std::uint64_t tiles = ceil_div(matrix.rows, tile_span);
    const std::uint64_t row_bytes = ceil_div(matrix.inputs, engine.beat_bytes()) * engine.beat_bytes();
    // Every tile and plane loads its chunks again; a single chunk stays in place.
    const std::uint64_t loads = chunks == 1 ? 1 : tiles * matrix.planes;

    WorkCounts work;
    work.weights = matrix.rows * matrix.inputs;
    work.trits = work.weights * matrix.planes;
    work.macs = work.weights * matrix.tokens;
    work.trit_macs = work.trits * matrix.tokens;
    work.nonzero_trit_macs = work.trit_macs;
    work.accumulator_adds = padded_rows * chunks * matrix.planes * matrix.tokens;
    work.plane_steps = padded_rows * (matrix.planes - 1) * matrix.tokens;
    work.inputs = matrix.inputs * matrix.tokens;
    work.outputs = matrix.rows * matrix.tokens;
    work.commands = 1;
    work.beats = padded_rows * chunks * matrix.planes;
    work.weight_bytes = work.beats * engine.beat_bytes();
    work.activation_bytes = row_bytes * matrix.tokens * loads + kCommandBytes;
    work.result_bytes = kResultBytes * matrix.rows * engine.tokens;
    return work;
}

void apply_measured(WorkCounts& work, const Measured& measured) {
    if (measured.nonzero) {
        if (*measured.nonzero > work.trits) {
            throw std::invalid_argument(
                fmt::format("energy count: {} non-zero trits measured, but only {} fetched",
                            *measured.nonzero, work.trits));
        }
        const double sharing =
            work.trits == 0 ? 0.0 : static_cast<double>(work.trit_macs) / static_cast<double>(work.trits);
        work.nonzero_trit_macs =
            static_cast<std::uint64_t>(std::llround(static_cast<double>(*measured.nonzero) * sharing));
        work.nonzero_basis = Basis::kMeasured;
    }
    work.weight_bytes = measured.weight_bytes;
    work.activation_bytes = measured.data_read_bytes;
    work.result_bytes = measured.data_write_bytes;
    work.bytes_basis = Basis::kMeasured;
}

}  // namespace setun::energy
