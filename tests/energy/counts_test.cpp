// Counts of commands: closed forms by hand, and conservation of bytes against the beats of
// docs/memory-format.md.
#include <gtest/gtest.h>

#include <algorithm>
#include <random>
#include <stdexcept>

#include "energy_model/energy.h"

namespace setun::energy {
namespace {

TEST(Counts, OneTernaryMatrixByHand) {
    // 10 rows, 650 inputs, 3 tokens on 2 ports of 512 bits: 3 chunks of 320, 5 groups, one tile.
    const Engine engine{.port_bits = 512, .ports = 2, .tokens = 4, .tile_rows = 16};
    const WorkCounts work = count({.rows = 10, .inputs = 650, .planes = 1, .tokens = 3}, engine);
    EXPECT_EQ(work.macs, 19500U);
    EXPECT_EQ(work.trit_macs, 19500U);
    EXPECT_EQ(work.nonzero_trit_macs, 19500U);
    EXPECT_EQ(work.accumulator_adds, 10U * 3 * 3);
    EXPECT_EQ(work.plane_steps, 0U);
    EXPECT_EQ(work.weights, 6500U);
    EXPECT_EQ(work.trits, 6500U);
    EXPECT_EQ(work.inputs, 1950U);
    EXPECT_EQ(work.outputs, 30U);
    EXPECT_EQ(work.weight_bytes, 10U * 3 * 64);
    EXPECT_EQ(work.activation_bytes, 704U * 3 + 64);
    EXPECT_EQ(work.result_bytes, 10U * 4 * 4);
    EXPECT_EQ(work.nonzero_basis, Basis::kShapes);
    EXPECT_EQ(work.tokens, 0U);
}

TEST(Counts, PaddingRowsTilesAndPlanesByHand) {
    // 35 rows on 4 ports: 9 groups, so 36 rows of beats; tile span 64 would be one tile, 32 is two.
    const Engine engine{.port_bits = 128, .ports = 2, .tokens = 1, .tile_rows = 16};
    const WorkCounts work = count({.rows = 35, .inputs = 80, .planes = 5, .tokens = 1}, engine);
    EXPECT_EQ(work.macs, 35U * 80);
    EXPECT_EQ(work.trit_macs, 35U * 80 * 5);
    EXPECT_EQ(work.accumulator_adds, 36U * 5);
    EXPECT_EQ(work.plane_steps, 36U * 4);
    EXPECT_EQ(work.weight_bytes, 36U * 5 * 16);
    EXPECT_EQ(work.activation_bytes, 80U + 64);  // one chunk: loaded once, in words of 16 bytes
    EXPECT_EQ(work.result_bytes, 35U * 4);
}

TEST(Counts, ActivationsAreLoadedForEveryTileAndPlane) {
    // 90 inputs are two chunks of 80 lanes and six words of 16 bytes; 35 rows are two tiles of 32.
    const Engine engine{.port_bits = 128, .ports = 2, .tokens = 2, .tile_rows = 16};
    const WorkCounts work = count({.rows = 35, .inputs = 90, .planes = 5, .tokens = 2}, engine);
    EXPECT_EQ(work.activation_bytes, 96U * 2 * 2 * 5 + 64);
    EXPECT_EQ(work.beats, 36U * 2 * 5);
    EXPECT_EQ(work.commands, 1U);
}

TEST(Counts, WeightBytesAreTheBeatsOfTheFormat) {
    for (const unsigned seed : {0U, 1U, 2U}) {
        SCOPED_TRACE(seed);
        std::mt19937 random(seed);
        for (int i = 0; i < 200; ++i) {
            const Engine engine{.port_bits = 128U << (random() % 3),
                                .ports = 1U << (random() % 3),
                                .tokens = 8,
                                .tile_rows = 16U << (random() % 4)};
            const Matrix matrix{.rows = 1 + random() % 500,
                                .inputs = 1 + random() % 2000,
                                .planes = 1 + static_cast<unsigned>(random() % 5),
                                .tokens = 1 + static_cast<unsigned>(random() % 8)};
            const WorkCounts work = count(matrix, engine);
            // Walk the stream as the format defines it: tiles, planes, chunks, groups.
            std::uint64_t beats = 0;
            const std::uint64_t span = std::uint64_t{engine.ports} * engine.tile_rows;
            for (std::uint64_t row = 0; row < matrix.rows; row += span) {
                const std::uint64_t rows = std::min(span, matrix.rows - row);
                for (std::uint64_t k = 0; k < matrix.inputs; k += engine.lanes()) {
                    beats += (rows + engine.ports - 1) / engine.ports;
                }
            }
            beats *= matrix.planes;
            EXPECT_EQ(work.weight_bytes, beats * engine.ports * engine.port_bits / 8);
            EXPECT_EQ(work.accumulator_adds, beats * engine.ports * matrix.tokens);
            EXPECT_GE(work.weight_bytes * 5, work.trits);  // five trits a byte at most
            EXPECT_GE(work.activation_bytes, work.inputs);
        }
    }
}

TEST(Counts, RefusesImpossibleShapes) {
    const Engine engine{.port_bits = 512, .ports = 1, .tokens = 2, .tile_rows = 16};
    EXPECT_THROW((void)count({.rows = 0, .inputs = 1}, engine), std::invalid_argument);
    EXPECT_THROW((void)count({.rows = 1, .inputs = 0}, engine), std::invalid_argument);
    EXPECT_THROW((void)count({.rows = 1, .inputs = 1, .planes = 0}, engine), std::invalid_argument);
    EXPECT_THROW((void)count({.rows = 1, .inputs = 1, .tokens = 0}, engine), std::invalid_argument);
    EXPECT_THROW((void)count({.rows = 1, .inputs = 1, .tokens = 3}, engine), std::invalid_argument);
    EXPECT_THROW((void)count({.rows = 1, .inputs = 1}, {.port_bits = 512, .ports = 0}),
                 std::invalid_argument);
}

TEST(Counts, SumsAreSums) {
    const Engine engine{.port_bits = 256, .ports = 1, .tokens = 1, .tile_rows = 64};
    const WorkCounts a = count({.rows = 7, .inputs = 300}, engine);
    const WorkCounts b = count({.rows = 9, .inputs = 100, .planes = 2}, engine);
    WorkCounts sum;
    sum += a;
    sum += b;
    EXPECT_EQ(sum.macs, a.macs + b.macs);
    EXPECT_EQ(sum.trits, a.trits + b.trits);
    EXPECT_EQ(sum.trit_macs, a.trit_macs + b.trit_macs);
    EXPECT_EQ(sum.nonzero_trit_macs, a.nonzero_trit_macs + b.nonzero_trit_macs);
    EXPECT_EQ(sum.accumulator_adds, a.accumulator_adds + b.accumulator_adds);
    EXPECT_EQ(sum.plane_steps, a.plane_steps + b.plane_steps);
    EXPECT_EQ(sum.weights, a.weights + b.weights);
    EXPECT_EQ(sum.inputs, a.inputs + b.inputs);
    EXPECT_EQ(sum.outputs, a.outputs + b.outputs);
    EXPECT_EQ(sum.weight_bytes, a.weight_bytes + b.weight_bytes);
    EXPECT_EQ(sum.activation_bytes, a.activation_bytes + b.activation_bytes);
    EXPECT_EQ(sum.result_bytes, a.result_bytes + b.result_bytes);
}

TEST(Counts, MeasurementReplacesBytesAndScalesNonzeros) {
    const Engine engine{.port_bits = 512, .ports = 1, .tokens = 4, .tile_rows = 1024};
    WorkCounts work = count({.rows = 10, .inputs = 320, .planes = 1, .tokens = 4}, engine);
    apply_measured(work,
                   {.nonzero = 1600, .weight_bytes = 11, .data_read_bytes = 12, .data_write_bytes = 13});
    EXPECT_EQ(work.nonzero_trit_macs, 6400U);  // half of 3200 trits, shared by 4 tokens
    EXPECT_EQ(work.weight_bytes, 11U);
    EXPECT_EQ(work.activation_bytes, 12U);
    EXPECT_EQ(work.result_bytes, 13U);
    EXPECT_EQ(work.nonzero_basis, Basis::kMeasured);
    EXPECT_EQ(work.bytes_basis, Basis::kMeasured);
    EXPECT_THROW(apply_measured(work, {.nonzero = 3201}), std::invalid_argument);
}

TEST(Counts, BytesCanBeMeasuredWithoutNonzeros) {
    WorkCounts work = count({.rows = 10, .inputs = 320, .planes = 1, .tokens = 1}, {.port_bits = 512});
    const WorkCounts shapes = work;
    apply_measured(work, {.nonzero = std::nullopt, .weight_bytes = 11});
    EXPECT_EQ(work.nonzero_trit_macs, shapes.trit_macs);
    EXPECT_EQ(work.nonzero_basis, Basis::kShapes);
    EXPECT_EQ(work.weight_bytes, 11U);
    EXPECT_EQ(work.bytes_basis, Basis::kMeasured);
}

TEST(Counts, ASumIsMeasuredOnlyIfAllOfItIs) {
    const Engine engine;
    WorkCounts measured = count({.rows = 4, .inputs = 4}, engine);
    apply_measured(measured,
                   {.nonzero = 3, .weight_bytes = 256, .data_read_bytes = 128, .data_write_bytes = 16});
    WorkCounts sum;
    sum += measured;
    EXPECT_EQ(sum.bytes_basis, Basis::kMeasured);
    sum += measured;
    EXPECT_EQ(sum.bytes_basis, Basis::kMeasured);
    sum += count({.rows = 4, .inputs = 4}, engine);
    EXPECT_EQ(sum.bytes_basis, Basis::kShapes);
    EXPECT_EQ(sum.nonzero_basis, Basis::kShapes);
}

}  // namespace
}  // namespace setun::energy
