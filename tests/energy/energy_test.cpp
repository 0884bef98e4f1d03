// Energy of a token: hand computations, sums that must hold, monotonicity, and the published figures.
#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>
#include <string>

#include "energy_model/energy.h"

namespace setun::energy {
namespace {

const Engine kEngine{.port_bits = 512, .ports = 1, .tokens = 1, .tile_rows = 1024};

WorkCounts one_matrix(std::uint64_t rows, std::uint64_t inputs, unsigned planes = 1) {
    WorkCounts work = count({.rows = rows, .inputs = inputs, .planes = planes, .tokens = 1}, kEngine);
    work.tokens = 1;
    return work;
}

TokenEnergy at_7nm(const WorkCounts& work, const std::string& memory = "hbm2") {
    return per_token(builtin_table("7nm"), builtin_table("memory"), memory, work);
}

double sum_of_lines(const MachineEnergy& machine) {
    double sum = 0;
    for (const Contribution& line : machine.contributions) {
        sum += line.joules;
    }
    return sum;
}

TEST(Energy, OneMatrixByHand) {
    // 640 rows x 640 inputs = 409600 weights, 2 chunks; 640 * 2 beats of 64 bytes.
    const TokenEnergy e = at_7nm(one_matrix(640, 640));
    EXPECT_NEAR(e.setun.arithmetic_j, (409600 * 0.007 + 1280 * 0.03) * 1e-12, 1e-18);
    EXPECT_NEAR(e.setun.weights_j, 1280.0 * 512 * 3.9e-12, 1e-15);
    EXPECT_NEAR(e.setun.activations_j, (640.0 + 64) * 8 * 3.9e-12, 1e-16);
    EXPECT_NEAR(e.setun.results_j, 640.0 * 32 * 3.9e-12, 1e-16);
    EXPECT_NEAR(e.fp16.arithmetic_j, 409600 * 0.5e-12, 1e-18);
    EXPECT_NEAR(e.fp16.weights_j, 409600.0 * 16 * 3.9e-12, 1e-15);
    EXPECT_NEAR(e.fp16.activations_j, 640.0 * 16 * 3.9e-12, 1e-16);
    EXPECT_NEAR(e.fp16.results_j, 640.0 * 16 * 3.9e-12, 1e-16);
    EXPECT_NEAR(e.int8.arithmetic_j, 409600 * 0.1e-12, 1e-18);
    EXPECT_NEAR(e.int8.weights_j, 409600.0 * 8 * 3.9e-12, 1e-15);
    EXPECT_NEAR(e.int8.activations_j, 640.0 * 8 * 3.9e-12, 1e-16);
    EXPECT_NEAR(e.int8.results_j, 640.0 * 32 * 3.9e-12, 1e-16);
}

TEST(Energy, WeightsFromMemoryAloneGiveTheRatioOfTheirBits) {
    const TokenEnergy e = at_7nm(one_matrix(1024, 3200));  // no padding: 10 full chunks
    EXPECT_DOUBLE_EQ(e.fp16.weights_j / e.setun.weights_j, 10.0);
}

TEST(Energy, DigitPlanesCostAStepAndNotAMultiply) {
    const TokenEnergy e = at_7nm(one_matrix(100, 320, 5), "none");
    EXPECT_NEAR(e.setun.arithmetic_j, (100 * 320 * 5 * 0.007 + 100 * 5 * 0.03 + 100 * 4 * 0.03) * 1e-12,
                1e-18);
    EXPECT_NEAR(e.fp16.arithmetic_j, 100 * 320 * 0.5e-12, 1e-18);  // the same model weight is one FP16 weight
}

TEST(Energy, LinesSumToTotalsAndCarryTheirSources) {
    WorkCounts work = one_matrix(333, 1234, 2);
    work.fp16_macs = 5000;
    const TokenEnergy e = at_7nm(work, "ddr4");
    for (const MachineEnergy* machine : {&e.setun, &e.fp16, &e.int8}) {
        EXPECT_NEAR(sum_of_lines(*machine), machine->total_j(), 1e-12 * machine->total_j());
        EXPECT_DOUBLE_EQ(machine->total_j(), machine->arithmetic_j + machine->memory_j());
        EXPECT_FALSE(machine->basis.empty());
        for (const Contribution& line : machine->contributions) {
            EXPECT_FALSE(line.entry.source.empty()) << line.what;
            EXPECT_DOUBLE_EQ(line.joules, line.count * line.entry.energy_pj * 1e-12) << line.what;
        }
    }
    EXPECT_FALSE(e.assumptions.empty());
    EXPECT_EQ(e.operations, "7nm");
    EXPECT_EQ(e.memory, "ddr4");
}

TEST(Energy, IsPerToken) {
    WorkCounts work = one_matrix(100, 640);
    const TokenEnergy one = at_7nm(work);
    work.tokens = 4;
    const TokenEnergy quarter = at_7nm(work);
    EXPECT_DOUBLE_EQ(quarter.setun.total_j() * 4, one.setun.total_j());
    EXPECT_DOUBLE_EQ(quarter.fp16.total_j() * 4, one.fp16.total_j());
    work.tokens = 0;
    EXPECT_THROW((void)at_7nm(work), std::invalid_argument);
}

TEST(Energy, SharedWeightBeatsSaveMemoryOnly) {
    const Engine engine{.port_bits = 512, .ports = 1, .tokens = 8, .tile_rows = 1024};
    WorkCounts batch = count({.rows = 100, .inputs = 640, .planes = 1, .tokens = 8}, engine);
    batch.tokens = 8;
    const TokenEnergy shared = at_7nm(batch);
    const TokenEnergy alone = at_7nm(one_matrix(100, 640));
    EXPECT_NEAR(shared.setun.weights_j * 8, alone.setun.weights_j, 1e-18);
    EXPECT_NEAR(shared.fp16.weights_j * 8, alone.fp16.weights_j, 1e-18);
    EXPECT_NEAR(shared.setun.arithmetic_j, alone.setun.arithmetic_j, 1e-20);
}

TEST(Energy, MoreWorkCostsMoreOnEveryMachine) {
    TokenEnergy last = at_7nm(one_matrix(64, 320));
    for (std::uint64_t rows : {128U, 256U, 1000U, 5000U}) {
        const TokenEnergy e = at_7nm(one_matrix(rows, 320));
        EXPECT_GT(e.setun.total_j(), last.setun.total_j());
        EXPECT_GT(e.fp16.total_j(), last.fp16.total_j());
        EXPECT_GT(e.int8.total_j(), last.int8.total_j());
        last = e;
    }
}

TEST(Energy, OlderNodeCostsMore) {
    const WorkCounts work = one_matrix(640, 640);
    const TokenEnergy e7 = at_7nm(work, "none");
    const TokenEnergy e45 = per_token(builtin_table("45nm"), builtin_table("memory"), "none", work);
    EXPECT_GT(e45.setun.total_j(), e7.setun.total_j());
    EXPECT_GT(e45.fp16.total_j(), e7.fp16.total_j());
    EXPECT_GT(e45.int8.total_j(), e7.int8.total_j());
}

TEST(Energy, ZerosBoundTheArithmeticFromBelow) {
    WorkCounts work = one_matrix(100, 320);
    EXPECT_DOUBLE_EQ(at_7nm(work).setun_nonzero_arithmetic_j, at_7nm(work).setun.arithmetic_j);
    apply_measured(work,
                   {.nonzero = 20000, .weight_bytes = 6400, .data_read_bytes = 384, .data_write_bytes = 400});
    const TokenEnergy e = at_7nm(work);
    EXPECT_NEAR(e.setun_nonzero_arithmetic_j, (20000 * 0.007 + 100 * 0.03) * 1e-12, 1e-20);
    EXPECT_NEAR(e.setun.arithmetic_j, (32000 * 0.007 + 100 * 0.03) * 1e-12, 1e-20);
    EXPECT_NEAR(e.setun.weights_j, 6400 * 8 * 3.9e-12, 1e-18);
}

TEST(Energy, AttentionIsTheSameOnEveryMachine) {
    WorkCounts work = one_matrix(100, 320);
    const TokenEnergy without = at_7nm(work);
    work.fp16_macs = 1000000;
    const TokenEnergy with = at_7nm(work);
    const double attention = 1e6 * 0.5e-12;
    EXPECT_NEAR(with.setun.arithmetic_j - without.setun.arithmetic_j, attention, 1e-18);
    EXPECT_NEAR(with.fp16.arithmetic_j - without.fp16.arithmetic_j, attention, 1e-18);
    EXPECT_NEAR(with.int8.arithmetic_j - without.int8.arithmetic_j, attention, 1e-18);
}

TEST(Energy, NoMemoryIsSaid) {
    const TokenEnergy e = at_7nm(one_matrix(10, 10), "none");
    EXPECT_EQ(e.setun.memory_j(), 0.0);
    EXPECT_EQ(e.fp16.memory_j(), 0.0);
    bool said = false;
    for (const std::string& line : e.assumptions) {
        said = said || line.find("off-chip memory is not counted") != std::string::npos;
    }
    EXPECT_TRUE(said);
}

TEST(Energy, RefusesUnknownMemoryAndWrongUnits) {
    const Table ops = builtin_table("7nm");
    const WorkCounts work = one_matrix(10, 10);
    EXPECT_THROW((void)at_7nm(work, "hbm9"), TableError);
    EXPECT_THROW((void)per_token(ops, ops, "int8_add", work), TableError);  // an operation is not a memory
    EXPECT_THROW((void)per_token(builtin_table("memory"), builtin_table("memory"), "hbm2", work), TableError);
}

TEST(Ratio, BareOperatorsGiveThePublishedFigureExactly) {
    const auto steps = ratio_ladder(builtin_table("7nm"), builtin_table("memory"), "hbm2", 320);
    EXPECT_DOUBLE_EQ(steps.at(0).ratio(), (0.34 + 0.16) / 0.007);
    EXPECT_DOUBLE_EQ(std::round(steps.at(0).ratio() * 10) / 10, 71.4);
}

TEST(Ratio, LadderByHandForFourLanes) {
    const auto steps = ratio_ladder(builtin_table("7nm"), builtin_table("memory"), "hbm2", 4);
    ASSERT_EQ(steps.size(), 5U);
    const double tree = 0.007 / 8 * (9 + 9 + 10) / 4;  // two 9-bit adders, one 10-bit adder, four weights
    EXPECT_NEAR(steps[1].ternary_pj, tree, 1e-15);
    EXPECT_NEAR(steps[2].ternary_pj, tree + 0.03 / 4, 1e-15);
    EXPECT_NEAR(steps[3].ternary_pj, 0.03, 1e-15);
    EXPECT_NEAR(steps[3].ratio(), 16.7, 0.04);
    EXPECT_NEAR(steps[4].ternary_pj, tree + 0.03 / 4 + 1.6 * 3.9, 1e-12);
    EXPECT_NEAR(steps[4].fp16_pj, 0.5 + 16 * 3.9, 1e-12);
}

TEST(Ratio, ATreeWithAnOddNodeHasEveryAdder) {
    // 5 lanes: 2 adders of 9 bits, one of 10 (a third value passes), one of 11.
    const auto steps = ratio_ladder(builtin_table("7nm"), builtin_table("memory"), "none", 5);
    ASSERT_EQ(steps.size(), 4U);
    EXPECT_NEAR(steps[1].ternary_pj, 0.007 / 8 * (9 + 9 + 10 + 11) / 5, 1e-15);
    EXPECT_THROW((void)ratio_ladder(builtin_table("7nm"), builtin_table("memory"), "none", 0),
                 std::invalid_argument);
}

TEST(Ratio, MemoryLeavesAboutTen) {
    const auto steps = ratio_ladder(builtin_table("7nm"), builtin_table("memory"), "hbm2", 320);
    EXPECT_GT(steps.back().ratio(), 10.0);
    EXPECT_LT(steps.back().ratio(), 10.1);
}

}  // namespace
}  // namespace setun::energy
