// The performance model against the Verilated kernel: the same counters, on random lists, shapes, memories and seeds.
#include <gtest/gtest.h>

#include <cstdlib>
#include <iostream>

#include "tests/perf/chip.h"

namespace setun::sim::test {
namespace {

/// Lists of a configuration, a preset and a seed; SETUN_PERF_LISTS asks for more.
unsigned lists_per_case() {
    const char* const text = std::getenv("SETUN_PERF_LISTS");
    return text == nullptr ? 12 : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

std::string case_name(const testing::TestParamInfo<std::tuple<KernelConfig, MemoryPreset>>& info) {
    std::string name = std::get<0>(info.param).name() + "_" + std::string(std::get<1>(info.param).name);
    std::ranges::replace(name, '-', '_');
    return name;
}

class Performance : public testing::TestWithParam<std::tuple<KernelConfig, MemoryPreset>> {};

TEST_P(Performance, CountsLikeTheChip) {
    const auto& [config, memory] = GetParam();
    std::uint64_t lists = 0;
    std::uint64_t cycles = 0;
    std::uint64_t largest = 0;
    double largest_share = 0;
    for (const std::uint64_t seed : {0U, 7U}) {
        Chip chip(config, memory, seed);
        std::mt19937_64 random(seed);
        for (unsigned i = 0; i < lists_per_case(); ++i) {
            SCOPED_TRACE("seed " + std::to_string(seed) + " list " + std::to_string(i));
            const std::vector<Command> list = random_list(random, config, 40'000);
            const auto [real, fast, slow] = chip.run(list, 64 * (random() % 1000));
            ++lists;
            cycles += real.cycles;
            const std::uint64_t off = real.cycles > fast.cycles ? real.cycles - fast.cycles : fast.cycles - real.cycles;
            largest = std::max(largest, off);
            largest_share = std::max(largest_share, static_cast<double>(off) / static_cast<double>(real.cycles));
            ASSERT_EQ(difference(real, fast), "") << "fast";
            ASSERT_EQ(difference(real, slow), "") << "every cycle";
        }
    }
    std::cout << config.name() << ' ' << memory.name << ": " << lists << " lists, " << cycles
              << " cycles, largest difference " << largest << " cycles, " << 100 * largest_share << " %\n";
}

INSTANTIATE_TEST_SUITE_P(Kernel, Performance,
                         testing::Combine(testing::ValuesIn(kernel_configs().begin(), kernel_configs().end()),
                                          testing::ValuesIn(memory_presets().begin(), memory_presets().end())),
                         case_name);

}  // namespace
}  // namespace setun::sim::test
