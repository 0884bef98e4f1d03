// The performance model against the Verilated kernel: the same counters, on random lists, shapes, memories
// and seeds.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdlib>
#include <iostream>

#include "host/device/packing.h"
#include "tests/perf/chip.h"

namespace setun::sim {

void PrintTo(const MemoryPreset& preset, std::ostream* out) { *out << preset.name; }
void PrintTo(const KernelConfig& config, std::ostream* out) { *out << config.name(); }

namespace test {
namespace {

/// Lists of a configuration, a memory and a seed; SETUN_PERF_LISTS asks for another number.
unsigned lists_per_case() {
    const char* const text = std::getenv("SETUN_PERF_LISTS");
    return text == nullptr ? 8 : static_cast<unsigned>(std::strtoul(text, nullptr, 10));
}

/// How far the model is from the chip, over many lists.
class Differences {
  public:
    explicit Differences(std::string name) : name_(std::move(name)) {}
    ~Differences() {
        std::cout << name_ << ": " << lists_ << " lists, " << cycles_ << " cycles, largest difference "
                  << largest_ << " cycles, " << 100 * share_ << " %\n";
    }
    Differences(const Differences&) = delete;
    Differences& operator=(const Differences&) = delete;

    void add(std::uint64_t chip, std::uint64_t model) {
        const std::uint64_t difference = std::max(chip, model) - std::min(chip, model);
        ++lists_;
        cycles_ += chip;
        largest_ = std::max(largest_, difference);
        share_ = std::max(share_, static_cast<double>(difference) / static_cast<double>(chip));
    }

  private:
    std::string name_;
    std::uint64_t lists_ = 0;
    std::uint64_t cycles_ = 0;
    std::uint64_t largest_ = 0;
    double share_ = 0;
};

/// Random lists on one chip, one after the other.
void expect_equal(const KernelConfig& config, const MemoryPreset& memory, std::uint64_t seed, unsigned lists,
                  Differences& differences) {
    Chip chip(config, memory, seed);
    std::mt19937_64 random(seed);
    for (unsigned i = 0; i < lists; ++i) {
        SCOPED_TRACE("seed " + std::to_string(seed) + ", list " + std::to_string(i));
        const std::vector<Command> list = random_list(random, config, 40'000);
        const auto [real, fast, slow] = chip.run(list, 64 * (random() % 1000));
        differences.add(real.cycles, fast.cycles);
        ASSERT_EQ(difference(real, fast), "") << "jumps";
        ASSERT_EQ(difference(real, slow), "") << "every cycle";
    }
}

/// A memory that no preset has: anything from one burst in flight and a trickle of bytes to the ideal.
MemoryPreset random_memory(std::mt19937_64& random) {
    const auto between = [&](double low, double high) {
        return std::uniform_real_distribution<double>(low, high)(random);
    };
    MemoryPreset memory = memory_preset("ideal");
    memory.name = "random";
    memory.channel_bytes_per_second = random() % 4 == 0 ? 0 : between(2e9, 60e9);
    memory.sharing = static_cast<ChannelSharing>(random() % 3);
    memory.read_latency_ns = between(0, 1500);
    memory.write_latency_ns = between(0, 1500);
    memory.refresh_period_ns = random() % 3 == 0 ? 0 : between(1000, 8000);
    memory.refresh_time_ns = between(0, 500);
    memory.jitter_ns = random() % 3 == 0 ? 0 : between(0, 300);
    memory.outstanding = 1 + static_cast<unsigned>(random() % 40);
    return memory;
}

std::string config_name(const testing::TestParamInfo<KernelConfig>& info) {
    std::string name = info.param.name();
    std::ranges::replace(name, '-', '_');
    return name;
}

class Performance : public testing::TestWithParam<KernelConfig> {};

TEST_P(Performance, CountsLikeTheChipWithEveryPreset) {
    for (const MemoryPreset& memory : memory_presets()) {
        SCOPED_TRACE(memory.name);
        Differences differences(GetParam().name() + ' ' + std::string(memory.name));
        for (const std::uint64_t seed : {0U, 7U}) {
            ASSERT_NO_FATAL_FAILURE(expect_equal(GetParam(), memory, seed, lists_per_case(), differences));
        }
    }
}

TEST_P(Performance, CountsLikeTheChipWithAnyMemory) {
    std::mt19937_64 random(3);
    Differences differences(GetParam().name() + " random memories");
    for (unsigned i = 0; i < lists_per_case(); ++i) {
        SCOPED_TRACE("memory " + std::to_string(i));
        ASSERT_NO_FATAL_FAILURE(expect_equal(GetParam(), random_memory(random), i, 2, differences));
    }
}

TEST_P(Performance, CountsALayerLikeTheChip) {
    // BitNet b1.58 2B4T: q, k, v, o, gate, up, down, and some rows of its output head; weights lie anywhere.
    const KernelConfig& config = GetParam();
    const StreamLayout layout{config.ports, config.port_bits, config.tile_rows};
    std::vector<Command> list;
    const auto add = [&](std::uint32_t m, std::uint32_t k, std::uint8_t planes) {
        Command c;
        c.opcode = SETUN_OP_MATMUL;
        c.encoding = SETUN_TRIT_CODE_T5;
        c.m = m;
        c.k = k;
        c.tokens = 1;
        c.planes = planes;
        c.x_stride = 6912;
        c.y_offset = 4U << 20U;
        c.weight_offset = list.size() * 4096;
        ASSERT_LT(c.weight_offset + stream_bytes(layout, m, k, planes), Chip::kWeightBytes);
        list.push_back(c);
    };
    add(2560, 2560, 1);
    add(640, 2560, 1);
    add(640, 2560, 1);
    add(2560, 2560, 1);
    add(6912, 2560, 1);
    add(6912, 2560, 1);
    add(2560, 6912, 1);
    add(2100, 2560, 5);
    for (const char* const memory : {"ideal", "ddr4", "kv260", "u280"}) {
        SCOPED_TRACE(memory);
        Chip chip(config, memory_preset(memory), 11);
        const auto [real, fast, slow] = chip.run(list, 0);
        EXPECT_EQ(difference(real, fast), "");
        EXPECT_EQ(difference(real, slow), "");
    }
}

INSTANTIATE_TEST_SUITE_P(Kernel, Performance,
                         testing::ValuesIn(kernel_configs().begin(), kernel_configs().end()), config_name);

TEST(PerformanceModel, KnowsRegisterAccessesAndReset) {
    const auto sim = make_kernel_sim(kernel_configs().front());
    EXPECT_EQ(sim->cycle(), PerformanceModel::kResetCycles);
    const std::uint64_t begin = sim->cycle();
    sim->write_register(SETUN_REG_GIE, 1);
    EXPECT_EQ(sim->cycle() - begin, PerformanceModel::kRegisterWriteCycles);
    sim->read_register(SETUN_REG_MAGIC);
    EXPECT_EQ(sim->cycle() - begin,
              PerformanceModel::kRegisterWriteCycles + PerformanceModel::kRegisterReadCycles);
}

TEST(PerformanceModel, ClockEndsWithTheInterrupt) {
    const auto sim = make_kernel_sim(kernel_configs().front());
    sim->memory(KernelSim::kDataPort).allocate(0, 4096);
    sim->write_register(SETUN_REG_GIE, 1);
    sim->write_register(SETUN_REG_IER, 1);
    for (const std::uint32_t count : {0U, 3U}) {  // NOPs are what zeroed memory must not be: write them
        Command nop;
        std::vector<Command> list(count, nop);
        const auto data = sim->memory(KernelSim::kDataPort).allocated(0, 4096);
        std::copy_n(reinterpret_cast<const std::byte*>(list.data()), 64 * list.size(), data.begin());
        sim->write_register(SETUN_REG_LIST_COUNT, count);
        sim->write_register(SETUN_REG_CTRL, SETUN_CTRL_START);
        PerformanceOptions options;
        options.kernel = kernel_configs().front();
        PerformanceModel model(options);
        model.idle(sim->cycle() - model.cycle());
        const PredictedRun run = model.run(list, {});
        sim->run(1000);
        EXPECT_EQ(model.cycle(), sim->cycle());
        EXPECT_EQ(run.cycles, sim->read_counter(SETUN_REG_CYCLES_LO));
        sim->write_register(SETUN_REG_ISR, 1);
    }
}

/// Kernels that nobody compiled, leaves that take longer to fill: the jumps must not change anything.
TEST(PerformanceModel, JumpsChangeNothing) {
    std::mt19937_64 random(0);
    const auto pick = [&](std::initializer_list<unsigned> values) {
        return values.begin()[random() % values.size()];
    };
    for (unsigned i = 0; i < 20 * lists_per_case(); ++i) {
        PerformanceOptions options;
        options.kernel = {pick({1, 2, 4}), pick({128, 256, 512}), pick({1, 2, 4, 8}), 0,
                          pick({16, 64, 1024, 4096})};
        options.memory = random_memory(random);
        options.seed = i;
        options.fill_cycles = pick({0, 0, 1, 9, 40});
        SCOPED_TRACE(options.kernel.name() + ", case " + std::to_string(i));
        PerformanceModel fast(options);
        options.every_cycle = true;
        PerformanceModel slow(options);
        for (unsigned n = 0; n < 2; ++n) {
            const std::vector<Command> list = random_list(random, options.kernel, 20'000);
            const ListPlacement placement{.list = 64 * (random() % 1000)};
            const PredictedRun a = slow.run(list, placement);
            const PredictedRun b = fast.run(list, placement);
            ASSERT_EQ(difference(a, b), "");
        }
        EXPECT_EQ(fast.cycle(), slow.cycle());
    }
}

TEST(PerformanceModel, FillTimeIsPaidWhereNothingHidesIt) {
    Command c;
    c.opcode = SETUN_OP_MATMUL;
    c.encoding = SETUN_TRIT_CODE_T5;
    c.m = 64;
    c.k = 320;
    c.tokens = 1;
    c.planes = 1;
    c.x_stride = 320;
    PerformanceOptions options;
    const PredictedRun none = PerformanceModel(options).run({&c, 1}, {});
    options.fill_cycles = 30;
    const PredictedRun filled = PerformanceModel(options).run({&c, 1}, {});
    EXPECT_EQ(filled.cycles, none.cycles + 30);  // one chunk: the beats wait for it
    c.k = 16 * 320;
    c.m = 1024;
    c.x_stride = 16 * 320;
    options.fill_cycles = 0;
    const PredictedRun many = PerformanceModel(options).run({&c, 1}, {});
    options.fill_cycles = 30;
    EXPECT_EQ(PerformanceModel(options).run({&c, 1}, {}).cycles,
              many.cycles + 30);  // the others fill in its shadow
}

TEST(PerformanceModel, RefusesWhatTheKernelRefuses) {
    PerformanceOptions options;
    options.kernel.port_bits = 64;
    EXPECT_THROW(PerformanceModel{options}, std::invalid_argument);
    options.kernel = {};
    options.memory.outstanding = 0;
    EXPECT_THROW(PerformanceModel{options}, std::invalid_argument);
    options.memory.outstanding = 1;
    PerformanceModel model(options);
    Command c;
    c.opcode = SETUN_OP_MATMUL;
    c.m = c.k = 1;
    c.tokens = 2;  // the kernel has TOKENS = 1
    c.planes = 1;
    EXPECT_THROW(model.run({&c, 1}, {}), std::invalid_argument);
    c.tokens = 1;
    c.x_offset = 32;
    EXPECT_THROW(model.run({&c, 1}, {}), std::invalid_argument);
    c.x_offset = 0;
    EXPECT_EQ(model.run({&c, 1}, {}).busy, 1U);
}

}  // namespace
}  // namespace test
}  // namespace setun::sim
