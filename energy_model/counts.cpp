// Counting: operations and bytes of a command from its shape, and their replacement by what a device
// measured.
#include <fmt/format.h>

#include <cmath>

#include "energy_model/energy.h"

namespace setun::energy {
namespace {

constexpr std::uint64_t kActivationWord = 64;  // bytes: the granularity in which activation rows are readable
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
    macs += other.macs;
    trit_macs += other.trit_macs;
    nonzero_trit_macs += other.nonzero_trit_macs;
    accumulator_adds += other.accumulator_adds;
    plane_steps += other.plane_steps;
    fp16_macs += other.fp16_macs;
    weights += other.weights;
    trits += other.trits;
    inputs += other.inputs;
    outputs += other.outputs;
    weight_bytes += other.weight_bytes;
    activation_bytes += other.activation_bytes;
    result_bytes += other.result_bytes;
    return *this;
}

WorkCounts count(const Matrix& matrix, const Engine& engine) {
    check(matrix, engine);
    const std::uint64_t chunks = ceil_div(matrix.inputs, engine.lanes());
    const std::uint64_t padded_rows = ceil_div(matrix.rows, engine.ports) * engine.ports;
    const std::uint64_t tile_span = std::uint64_t{engine.ports} * engine.tile_rows;
    const std::uint64_t tiles = ceil_div(matrix.rows, tile_span);
    const std::uint64_t row_bytes = ceil_div(matrix.inputs, kActivationWord) * kActivationWord;

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
    work.weight_bytes = padded_rows * chunks * matrix.planes * (engine.port_bits / 8);
    work.activation_bytes = row_bytes * matrix.tokens * tiles * matrix.planes + kCommandBytes;
    work.result_bytes = kResultBytes * matrix.rows * engine.tokens;
    return work;
}

void apply_measured(WorkCounts& work, const Measured& measured) {
    if (measured.nonzero > work.trits) {
        throw std::invalid_argument(fmt::format(
            "energy count: {} non-zero trits measured, but only {} fetched", measured.nonzero, work.trits));
    }
    const double sharing =
        work.trits == 0 ? 0.0 : static_cast<double>(work.trit_macs) / static_cast<double>(work.trits);
    work.nonzero_trit_macs =
        static_cast<std::uint64_t>(std::llround(static_cast<double>(measured.nonzero) * sharing));
    work.weight_bytes = measured.weight_bytes;
    work.activation_bytes = measured.data_read_bytes;
    work.result_bytes = measured.data_write_bytes;
    work.nonzero_basis = Basis::kMeasured;
    work.bytes_basis = Basis::kMeasured;
}

}  // namespace setun::energy
