// The kernel's integers and counters against the reference product: every configuration, random and hostile
// data, ideal memory and random back-pressure.
#include <gtest/gtest.h>

#include "tests/rtl/bench.h"

namespace setun::sim::test {
namespace {

class Smoke : public testing::TestWithParam<KernelConfig> {};
class Exact : public testing::TestWithParam<KernelConfig> {};

SimOptions checked(std::uint64_t seed) {
    SimOptions options;
    options.seed = seed;
    options.check_protocol = true;
    return options;
}

SimOptions throttled(std::uint64_t seed, unsigned min_wait, unsigned max_wait) {
    SimOptions options = checked(seed);
    options.throttle = Throttle{min_wait, max_wait};
    return options;
}

/// A shape whose work stays small: M up to a few tiles where tiles are small, K up to a few chunks.
Shape random_shape(Bench& bench) {
    const KernelConfig& c = bench.config();
    const std::uint64_t rows = c.tile_rows <= 64 ? std::uint64_t{3} * c.ports * c.tile_rows : 200;
    Shape s;
    s.m = static_cast<std::uint32_t>(bench.between(1, rows));
    s.k = static_cast<std::uint32_t>(bench.between(1, std::uint64_t{3} * c.lanes()));
    s.planes = static_cast<unsigned>(bench.between(0, 2) == 0 ? bench.between(1, 5) : 1);
    s.tokens = static_cast<unsigned>(bench.between(1, c.tokens));
    return s;
}

/// A list of products, NOPs and dependent products in random order.
void fill_list(Bench& bench, std::size_t commands) {
    while (bench.size() < commands) {
        const std::uint64_t kind = bench.between(0, 9);
        if (kind == 0) {
            bench.add_nop(bench.between(0, 1) != 0 ? SETUN_FLAG_FENCE : 0);
        } else if (kind <= 3 && bench.size() > 0) {
            const std::size_t earlier = bench.between(0, bench.size() - 1);
            const Command& c = bench.command(earlier);
            const std::uint64_t bytes = std::uint64_t{4} * c.m * bench.config().tokens / 64 * 64;
            if (c.opcode == SETUN_OP_MATMUL && bytes > 0) {
                bench.add_dependent(
                    earlier, static_cast<std::uint32_t>(bench.between(1, 40)),
                    static_cast<std::uint32_t>(bench.between(1, std::min<std::uint64_t>(bytes, 1500))));
            }
        } else {
            bench.add_matmul(random_shape(bench), bench.between(0, 3) == 0 ? Data::kSparse : Data::kRandom);
            if (bench.between(0, 7) == 0) {
                bench.command(bench.size() - 1).flags = SETUN_FLAG_FENCE;
            }
        }
    }
}

TEST_P(Smoke, OneWeightTimesOneInput) {
    Bench bench(GetParam(), checked(0));
    bench.add_matmul({.m = 1, .k = 1});
    bench.run_and_check();
}

TEST_P(Smoke, OneProduct) {
    Bench bench(GetParam(), checked(1));
    bench.add_matmul({.m = 37, .k = 700, .planes = 1, .tokens = bench.config().tokens});
    bench.run_and_check();
}

TEST_P(Smoke, WithoutProtocolChecks) {
    Bench bench(GetParam(), SimOptions{});
    bench.add_matmul({.m = 37, .k = 700, .planes = 1, .tokens = bench.config().tokens});
    bench.run_and_check();
}

TEST_P(Exact, EveryTokenCount) {
    Bench bench(GetParam(), checked(2));
    for (unsigned tokens = 1; tokens <= bench.config().tokens; ++tokens) {
        bench.add_matmul({.m = 19, .k = bench.config().lanes() + 13, .planes = 1, .tokens = tokens});
    }
    bench.run_and_check();
}

TEST_P(Exact, EveryPlaneCount) {
    Bench bench(GetParam(), checked(3));
    for (unsigned planes = 1; planes <= SETUN_MAX_PLANES; ++planes) {
        bench.add_matmul({.m = 21,
                          .k = 2 * bench.config().lanes() - 1,
                          .planes = planes,
                          .tokens = bench.config().tokens});
    }
    bench.run_and_check();
}

TEST_P(Exact, EdgesOfLanesRowsAndTiles) {
    Bench bench(GetParam(), checked(4), 16U << 20U, 8U << 20U);
    const std::uint32_t lanes = bench.config().lanes();
    for (const std::uint32_t k : {1U, 63U, 64U, 65U, lanes - 1, lanes, lanes + 1, 2 * lanes, 2 * lanes + 1}) {
        bench.add_matmul({.m = 3, .k = k});
    }
    const std::uint32_t span = bench.config().ports * bench.config().tile_rows;
    for (const std::uint32_t m : {1U, 2U, 3U, 4U, 5U, 15U, 16U, 17U, span - 1, span, span + 1}) {
        bench.add_matmul({.m = m, .k = lanes + 1});
    }
    bench.run_and_check();
}

TEST_P(Exact, SeveralTiles) {
    Bench bench(GetParam(), checked(5), 16U << 20U, 8U << 20U);
    const std::uint32_t span = bench.config().ports * bench.config().tile_rows;
    bench.add_matmul({.m = 2 * span + 7,
                      .k = 2 * bench.config().lanes() + 3,
                      .planes = 2,
                      .tokens = bench.config().tokens});
    bench.add_matmul({.m = span + 1, .k = 100});
    bench.run_and_check();
}

TEST_P(Exact, ExtremeValues) {
    Bench bench(GetParam(), checked(6));
    for (const Data data :
         {Data::kAllPlus, Data::kAllMinus, Data::kAlternating, Data::kZeroWeights, Data::kZeroInputs}) {
        for (const unsigned planes : {1U, 5U}) {
            bench.add_matmul(
                {.m = 9, .k = 3 * bench.config().lanes(), .planes = planes, .tokens = bench.config().tokens},
                data);
        }
    }
    bench.run_and_check();
}

TEST_P(Exact, LargestSumFitsInt32) {
    // K = 2^17 inputs of -128 under five planes of all ones: 2^17 * 128 * 121, the largest magnitude a
    // command can make.
    Bench bench(GetParam(), SimOptions{}, 8U << 20U, 8U << 20U);
    bench.add_matmul({.m = 1, .k = SETUN_MAX_K, .planes = 5, .tokens = bench.config().tokens},
                     Data::kAllPlus);
    bench.add_matmul({.m = 1, .k = SETUN_MAX_K, .planes = 5, .tokens = bench.config().tokens},
                     Data::kAllMinus);
    bench.run_and_check();
}

TEST_P(Exact, MixedListIdealMemory) {
    for (const std::uint64_t seed : {0U, 1U, 2U, 3U}) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Bench bench(GetParam(), checked(seed));
        fill_list(bench, 20);
        bench.run_and_check();
    }
}

TEST_P(Exact, MixedListRandomBackPressure) {
    struct Case {
        std::uint64_t seed;
        unsigned min_wait, max_wait;
    };
    for (const Case c : {Case{0, 0, 1}, Case{1, 0, 3}, Case{2, 1, 2}, Case{3, 0, 20}, Case{4, 0, 7}}) {
        SCOPED_TRACE("seed " + std::to_string(c.seed));
        Bench bench(GetParam(), throttled(c.seed, c.min_wait, c.max_wait));
        fill_list(bench, 12);
        bench.run_and_check();
    }
}

TEST_P(Exact, MixedListTimedMemory) {
    for (const char* const preset : {"ddr4", "kv260", "u50"}) {
        SCOPED_TRACE(preset);
        SimOptions options = checked(7);
        options.memory = memory_preset(preset);
        Bench bench(GetParam(), options);
        fill_list(bench, 15);
        bench.run_and_check();
    }
}

TEST_P(Exact, ManyShortCommands) {
    Bench bench(GetParam(), checked(8));
    for (int i = 0; i < 150; ++i) {
        bench.add_matmul({.m = static_cast<std::uint32_t>(bench.between(1, 3)),
                          .k = static_cast<std::uint32_t>(bench.between(1, 70))});
    }
    bench.run_and_check();
}

TEST_P(Exact, ChainOfDependentCommands) {
    for (const bool slow : {false, true}) {
        Bench bench(GetParam(), slow ? throttled(9, 0, 12) : checked(9));
        std::size_t last = bench.add_matmul({.m = 64, .k = 64});
        for (int i = 0; i < 20; ++i) {
            last = bench.add_dependent(last, 64, 64 * bench.config().tokens);
        }
        bench.run_and_check();
    }
}

TEST_P(Exact, ResultsWaitForTheBus) {
    // One chunk: a result with every beat, far more than the kernel can hold while the bus takes no write
    // data.
    Bench bench(GetParam(), checked(12), 4U << 20U, 4U << 20U);
    bench.add_matmul(
        {.m = 3072 * bench.config().ports, .k = 64, .planes = 1, .tokens = bench.config().tokens});
    bench.add_matmul({.m = 500, .k = 64});
    bench.program();
    bench.start();
    for (const unsigned channel : {kStuckW, kStuckAw, kStuckB}) {
        bench.sim().step(100);
        bench.sim().stick(KernelSim::kDataPort, channel);
        bench.sim().step(5000);
        bench.sim().stick(KernelSim::kDataPort, kStuckNone);
    }
    const Status status = bench.finish();
    EXPECT_EQ(status.error, SETUN_ERR_NONE);
    EXPECT_GT(status.stall_y, 0U);
    bench.check_memory(bench.size());
    bench.check_counters(status);
    bench.expect_no_violations();
}

TEST_P(Exact, SlavesThatWaitForTheOtherWriteChannel) {
    for (const WriteOrder order : {WriteOrder::kDataFirst, WriteOrder::kAddressFirst}) {
        for (const unsigned max_wait : {0U, 5U}) {
            SCOPED_TRACE(testing::Message() << "order " << static_cast<int>(order) << ", wait " << max_wait);
            SimOptions options = max_wait == 0 ? checked(13) : throttled(13, 0, max_wait);
            options.write_order = order;
            options.stuck_after = 20000;
            Bench bench(GetParam(), options);
            fill_list(bench, 8);
            bench.add_nop(SETUN_FLAG_FENCE);
            fill_list(bench, 4);
            bench.run_and_check();
        }
    }
}

TEST_P(Exact, SameWeightsTwice) {
    Bench bench(GetParam(), checked(10));
    const std::size_t first = bench.add_matmul({.m = 50, .k = 300});
    const std::size_t second = bench.add_matmul({.m = 50, .k = 300});
    bench.command(second).weight_offset = bench.command(first).weight_offset;
    bench.run_and_check();
}

TEST_P(Exact, RunAfterRun) {
    Bench bench(GetParam(), checked(11));
    for (int run = 0; run < 5; ++run) {
        SCOPED_TRACE(run);
        fill_list(bench, 3);
        bench.run_and_check();
        bench.clear_list();
    }
}

INSTANTIATE_TEST_SUITE_P(Kernel, Smoke, testing::ValuesIn(kernel_configs().begin(), kernel_configs().end()),
                         config_test_name);
INSTANTIATE_TEST_SUITE_P(Kernel, Exact, testing::ValuesIn(kernel_configs().begin(), kernel_configs().end()),
                         config_test_name);

}  // namespace
}  // namespace setun::sim::test
