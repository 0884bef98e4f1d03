// Cycles of a pass: the same as the command lists of a model, and what projection may differ by.
#include "host/sweep/pass_cycles.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <tuple>

#include "host/base/error.h"

namespace setun {
namespace {

energy::ModelShape shape_of(const char* name) { return energy::find_shape(name); }

TimingOptions timing(unsigned ports, unsigned bits, unsigned tokens, const char* memory) {
    TimingOptions options;
    options.ports = ports;
    options.port_bits = bits;
    options.tokens = tokens;
    options.memory = memory;
    return options;
}

TEST(PassCycles, ShapesAreThoseOfTheModel) {
    const ShapeGroup products = shape_groups(known_shape("2b4t"), ListForm::kWhole).front();
    const PassShape pass = pass_shape(shape_of("2b4t"), true, true, 1);
    ASSERT_EQ(pass.layers * pass.layer.size() + 1, products.size());
    for (std::size_t i = 0; i < products.size(); ++i) {
        const ProductShape& mine = i + 1 == products.size() ? *pass.head : pass.layer[i % pass.layer.size()];
        EXPECT_EQ(mine.m, products[i].m) << i;
        EXPECT_EQ(mine.k, products[i].k) << i;
        EXPECT_EQ(mine.planes, products[i].planes) << i;
    }
}

TEST(PassCycles, ExactIsTheWholeListOnAFreshKernel) {
    const TimingOptions options = timing(2, 256, 4, "kv260");
    const auto lists = shape_lists(shape_groups(known_shape("700m"), ListForm::kWhole), {2, 256, 1024}, 4, 3);
    KernelTiming kernel(options);
    const Counters counters = kernel.run(lists.front().commands, lists.front().offset);
    energy::ModelShape shape = shape_of("b158-700m");
    const PassCycles exact = pass_cycles(pass_shape(shape, true, true, 3), options, PassMethod::kExact);
    EXPECT_EQ(exact.cycles, counters.cycles);
    EXPECT_EQ(exact.beats * 2, counters.beats);
    EXPECT_FALSE(exact.projected);
}

/// Largest difference of projected and full cycles of layers, head, and both, on a few kernels behind ideal
/// memory.
std::uint64_t largest_difference(const char* name) {
    energy::ModelShape model = shape_of(name);
    model.layers = 8;
    std::uint64_t largest = 0;
    for (const auto& [ports, bits, tokens, rows] :
         {std::tuple{1U, 512U, 1U, 1U}, {4U, 128U, 8U, 8U}, {2U, 256U, 4U, 3U}, {4U, 512U, 2U, 2U}}) {
        const TimingOptions options = timing(ports, bits, tokens, "ideal");
        for (const auto& [layers, head] : {std::pair{true, true}, {true, false}, {false, true}}) {
            const PassShape shape = pass_shape(model, layers, head, rows);
            const PassCycles fast = pass_cycles(shape, options, PassMethod::kProject);
            const PassCycles full = pass_cycles(shape, options, PassMethod::kExact);
            EXPECT_EQ(fast.beats, full.beats);
            EXPECT_FALSE(full.projected);
            EXPECT_TRUE(fast.projected || fast.cycles == full.cycles);
            largest =
                std::max(largest, std::max(fast.cycles, full.cycles) - std::min(fast.cycles, full.cycles));
        }
    }
    return largest;
}

TEST(PassCycles, ProjectionIsExactWhereMemoryAnswersAlike) {
    for (const char* name : {"b158-700m", "2b4t", "bitnet-6.7b"}) {
        EXPECT_EQ(largest_difference(name), 0U) << name;
    }
}

TEST(PassCycles, ProjectionIsSomeCyclesOffWhereResultsEndInsideOfPages) {
    EXPECT_LE(largest_difference("b158-1.3b"), 8U)
        << "feed-forward of 5460 rows: every layer begins elsewhere";
}

TEST(PassCycles, ProjectionIsCloseWithRefreshAndJitter) {
    for (const char* memory : {"kv260", "ddr4", "u250", "u280"}) {
        for (const auto& [ports, bits, tokens] : {std::tuple{1U, 512U, 1U}, {4U, 128U, 2U}, {2U, 512U, 8U}}) {
            TimingOptions options = timing(ports, bits, tokens, memory);
            options.seed = ports;
            const PassShape shape = pass_shape(shape_of("b158-1.3b"), true, true, tokens);
            const PassCycles fast = pass_cycles(shape, options, PassMethod::kProject);
            const PassCycles full = pass_cycles(shape, options, PassMethod::kExact);
            EXPECT_TRUE(fast.projected);
            EXPECT_LT(fast.simulated_share, 0.5);
            const double ratio = static_cast<double>(fast.cycles) / static_cast<double>(full.cycles);
            EXPECT_NEAR(ratio, 1, 0.005) << memory << " " << ports << "x" << bits << "x" << tokens;
        }
    }
}

TEST(PassCycles, ClockChangesCyclesOnlyBehindRealMemory) {
    const PassShape shape = pass_shape(shape_of("b158-700m"), true, true, 1);
    TimingOptions options = timing(1, 512, 1, "ideal");
    const std::uint64_t ideal = pass_cycles(shape, options, PassMethod::kProject).cycles;
    options.clock_hz = 150e6;
    EXPECT_EQ(pass_cycles(shape, options, PassMethod::kProject).cycles, ideal);
    options = timing(1, 512, 1, "ddr4");
    const std::uint64_t fast = pass_cycles(shape, options, PassMethod::kProject).cycles;
    options.clock_hz = 150e6;
    EXPECT_LT(pass_cycles(shape, options, PassMethod::kProject).cycles, fast)
        << "memory takes fewer cycles of a slower clock";
}

TEST(PassCycles, SmallModelsAreCountedInFull) {
    energy::ModelShape shape = shape_of("b158-700m");
    shape.layers = 1;
    shape.vocab = 512;
    EXPECT_FALSE(
        pass_cycles(pass_shape(shape, true, true, 1), timing(1, 128, 1, "ddr4"), PassMethod::kProject)
            .projected);
}

TEST(PassCycles, RefusesWhatTheKernelDoesNotTake) {
    energy::ModelShape shape = shape_of("b158-700m");
    EXPECT_THROW(static_cast<void>(pass_cycles(pass_shape(shape, true, true, 2), timing(1, 128, 1, "ddr4"),
                                               PassMethod::kProject)),
                 InputError);
    EXPECT_THROW(static_cast<void>(pass_cycles(pass_shape(shape, true, true, 1), timing(3, 128, 1, "ddr4"),
                                               PassMethod::kProject)),
                 InputError);
    shape.ffn = 1U << 18U;
    EXPECT_THROW(static_cast<void>(pass_shape(shape, true, true, 1)), InputError);
}

}  // namespace
}  // namespace setun
