// Figures per token.
#include "host/generate/run_report.h"

#include <gtest/gtest.h>

#include <stdexcept>

namespace setun {
namespace {

DeviceInfo kernel(const std::string& memory, unsigned ports) {
    DeviceInfo info;
    info.ports = ports;
    info.port_bits = 512;
    info.memory = memory;
    info.clock_hz = 300e6;
    return info;
}

Counters counters(std::uint64_t beats, std::uint64_t cycles) {
    Counters c;
    c.beats = beats;
    c.cycles = cycles;
    c.weight_bytes = beats * 64;
    return c;
}

TEST(Report, RooflineIsThePortLimitOrTheBandwidth) {
    EXPECT_DOUBLE_EQ(roofline_cycles(kernel("ideal", 2), counters(1000, 0)), 500);
    // DDR4-2400: 19.2 GB/s at 300 MHz are 64 bytes a cycle for all ports together.
    EXPECT_DOUBLE_EQ(roofline_cycles(kernel("ddr4", 1), counters(1000, 0)), 1000);
    EXPECT_DOUBLE_EQ(roofline_cycles(kernel("ddr4", 4), counters(1000, 0)), 1000);
    // HBM2: 14.375 GB/s a port.
    EXPECT_NEAR(roofline_cycles(kernel("u280", 2), counters(1000, 0)), 500 * 64 / (14.375e9 / 300e6), 1e-9);
    EXPECT_THROW(static_cast<void>(roofline_cycles(kernel("nothing", 1), counters(1, 1))),
                 std::invalid_argument);
}

TEST(Report, PerTokenFiguresAreOfDecodeStepsAlone) {
    GenerateResult result;
    result.tokens = {1, 2, 3};
    result.seconds = 2;
    result.prompt.counters = counters(5000, 9000);
    result.prompt.steps = 5;
    result.prompt.drawn = 1;
    result.decode.counters = counters(2000, 2500);
    result.decode.steps = 2;
    result.decode.drawn = 2;
    result.decode.work = energy::count({320, 320, 1, 1}, {512, 1, 1, 1024});
    const RunReport report = make_report(kernel("ideal", 1), result);
    EXPECT_TRUE(report.decode_only);
    EXPECT_EQ(report.total_cycles, 11500U);
    EXPECT_DOUBLE_EQ(report.cycles_per_token, 1250);
    EXPECT_DOUBLE_EQ(report.roofline.value(), 0.8);
    EXPECT_DOUBLE_EQ(report.weight_bytes_per_token, 64000);
    EXPECT_DOUBLE_EQ(report.weights_per_second, 320 * 320 / 2.0);
    EXPECT_GT(report.energy.fp16.arithmetic_j, report.energy.setun.arithmetic_j);
}

TEST(Report, OneTokenIsChargedWithItsPrompt) {
    GenerateResult result;
    result.tokens = {1};
    result.prompt.counters = counters(5000, 9000);
    result.prompt.steps = 5;
    result.prompt.drawn = 1;
    result.prompt.work = energy::count({320, 320, 1, 1}, {512, 1, 1, 1024});
    const RunReport report = make_report(kernel("ddr4", 1), result);
    EXPECT_FALSE(report.decode_only);
    EXPECT_DOUBLE_EQ(report.cycles_per_token, 9000);
}

TEST(Report, NoCyclesNoRoofline) {
    GenerateResult result;
    result.tokens = {1};
    result.prompt.counters = counters(5000, 0);
    result.prompt.steps = 1;
    result.prompt.work = energy::count({320, 320, 1, 1}, {512, 1, 1, 1024});
    EXPECT_FALSE(make_report(kernel("", 1), result).roofline.has_value());
}

TEST(Report, EveryPresetHasAnEnergy) {
    EXPECT_EQ(energy_memory_of("ideal"), "none");
    EXPECT_EQ(energy_memory_of("ddr4"), "ddr4");
    EXPECT_EQ(energy_memory_of("kv260"), "ddr4");
    EXPECT_EQ(energy_memory_of("u50"), "hbm2");
    EXPECT_EQ(energy_memory_of("u280"), "hbm2");
    EXPECT_EQ(energy_memory_of(""), "ddr4");
}

}  // namespace
}  // namespace setun
