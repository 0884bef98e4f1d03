// Latency, bandwidth, refresh and jitter of a memory channel, and the presets they come from.
#include "sim/memory_channel.h"

#include <gtest/gtest.h>

namespace setun::sim {
namespace {

ChannelTiming timing(Time byte_time, Time read_latency) {
    ChannelTiming t;
    t.byte_time = byte_time;
    t.read_latency = read_latency;
    return t;
}

TEST(MemoryChannel, FirstReadTakesTheLatency) {
    MemoryChannel channel(timing(kCycle / 64, 27 * kCycle), 0);
    EXPECT_EQ(channel.read(100 * kCycle, 4096), 127 * kCycle);
}

TEST(MemoryChannel, BurstsQueueForTheBandwidth) {
    MemoryChannel channel(timing(kCycle / 64, 10 * kCycle), 0);
    EXPECT_EQ(channel.read(0, 4096), 10 * kCycle);
    EXPECT_EQ(channel.read(0, 4096), 74 * kCycle) << "64 clocks of 64 bytes later";
    EXPECT_EQ(channel.read(200 * kCycle, 4096), 210 * kCycle) << "an idle channel has no debt";
}

TEST(MemoryChannel, UnlimitedBandwidthNeverQueues) {
    MemoryChannel channel(timing(0, kCycle), 0);
    for (int i = 0; i < 10; ++i) {
        EXPECT_EQ(channel.read(0, 4096), kCycle);
    }
}

TEST(MemoryChannel, WritesOccupyTheSameBandwidth) {
    ChannelTiming t = timing(kCycle / 64, 10 * kCycle);
    t.write_latency = 5 * kCycle;
    MemoryChannel channel(t, 0);
    EXPECT_EQ(channel.write(0, 4096), 69 * kCycle);
    EXPECT_EQ(channel.read(0, 64), 74 * kCycle);
}

TEST(MemoryChannel, RefreshBlocksTheChannel) {
    ChannelTiming t = timing(kCycle / 64, kCycle);
    t.refresh_period = 1000 * kCycle;
    t.refresh_time = 100 * kCycle;
    MemoryChannel channel(t, 0);
    EXPECT_EQ(channel.read(999 * kCycle, 64), 1000 * kCycle) << "not due yet";
    EXPECT_EQ(channel.read(1000 * kCycle, 64), 1101 * kCycle) << "due at 1000, over at 1100";
    EXPECT_EQ(channel.read(1500 * kCycle, 64), 1501 * kCycle);
    EXPECT_EQ(channel.read(5000 * kCycle, 64), 5101 * kCycle) << "refreshes of idle time are past";
}

TEST(MemoryChannel, RefreshWaitsForTheBurstInProgress) {
    ChannelTiming t = timing(kCycle / 64, kCycle);
    t.refresh_period = 1000 * kCycle;
    t.refresh_time = 100 * kCycle;
    MemoryChannel channel(t, 0);
    EXPECT_EQ(channel.read(980 * kCycle, 4096), 981 * kCycle);
    EXPECT_EQ(channel.read(990 * kCycle, 64), 1145 * kCycle) << "burst until 1044, refresh until 1144";
}

TEST(MemoryChannel, SustainedBandwidthLosesTheRefreshShare) {
    ChannelTiming t = timing(kCycle / 64, kCycle);
    t.refresh_period = 2340 * kCycle;
    t.refresh_time = 105 * kCycle;
    MemoryChannel channel(t, 0);
    constexpr unsigned kBursts = 10000;
    Time last = 0;
    for (unsigned i = 0; i < kBursts; ++i) {
        last = channel.read(0, 4096);
    }
    const double cycles = static_cast<double>(last / kCycle);
    EXPECT_NEAR(64.0 * kBursts / cycles, 1 - 105.0 / 2340, 0.002);
}

TEST(MemoryChannel, JitterIsBoundedSeededAndUsed) {
    ChannelTiming t = timing(0, 10 * kCycle);
    t.jitter_cycles = 5;
    for (const std::uint64_t seed : {0U, 1U, 2U}) {
        MemoryChannel a(t, seed);
        MemoryChannel b(t, seed);
        Time smallest = kNever;
        Time largest = 0;
        for (int i = 0; i < 200; ++i) {
            const Time delay = a.read(0, 64);
            EXPECT_EQ(delay, b.read(0, 64));
            smallest = std::min(smallest, delay);
            largest = std::max(largest, delay);
        }
        EXPECT_EQ(smallest, 10 * kCycle);
        EXPECT_EQ(largest, 15 * kCycle);
    }
}

TEST(MemoryPresets, CyclesFollowFromNanoseconds) {
    const ChannelTiming ddr4 = make_channel_timing(memory_preset("ddr4"));
    EXPECT_EQ(64 * ddr4.byte_time, kCycle) << "19.2 GB/s at 300 MHz is 64 bytes a clock";
    EXPECT_EQ(ddr4.read_latency, 27 * kCycle) << "90 ns";
    EXPECT_EQ(ddr4.refresh_period, 2340 * kCycle);
    EXPECT_EQ(ddr4.refresh_time, 105 * kCycle);
    const ChannelTiming ideal = make_channel_timing(memory_preset("ideal"));
    EXPECT_EQ(ideal.read_latency, kCycle);
    EXPECT_EQ(ideal.byte_time, 0U);
    EXPECT_EQ(ideal.refresh_period, 0U);
}

TEST(MemoryPresets, EveryPresetNamesItsSource) {
    for (const MemoryPreset& preset : memory_presets()) {
        EXPECT_FALSE(preset.source.empty()) << preset.name;
        EXPECT_FALSE(preset.description.empty()) << preset.name;
        EXPECT_GT(preset.clock_hz, 0) << preset.name;
        EXPECT_GT(preset.outstanding, 0U) << preset.name;
        EXPECT_EQ(&memory_preset(preset.name), &preset);
        EXPECT_NE(memory_preset_names().find(preset.name), std::string::npos);
    }
    EXPECT_EQ(memory_presets().front().name, "ideal");
}

TEST(MemoryPresets, UnknownNameListsTheValidOnes) {
    try {
        static_cast<void>(memory_preset("sram"));
        FAIL();
    } catch (const std::invalid_argument& error) {
        EXPECT_NE(std::string(error.what()).find("u280"), std::string::npos) << error.what();
    }
}

}  // namespace
}  // namespace setun::sim
