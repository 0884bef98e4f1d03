// Device `cpu` with a memory preset counts what device `rtl` counts, and lists made from shapes are those of
// a model.
#include <gtest/gtest.h>

#include <algorithm>

#include "host/base/error.h"
#include "host/cpu/cpu_device.h"
#include "host/cpu/kernel_timing.h"
#include "host/device/rtl_device.h"
#include "host/model/model.h"
#include "host/schedule/lowering.h"
#include "host/schedule/shape_list.h"
#include "sim/kernel_sim.h"

namespace setun::test {
namespace {

class Devices : public testing::TestWithParam<sim::KernelConfig> {};

std::string config_name(const testing::TestParamInfo<sim::KernelConfig>& info) {
    std::string name = info.param.name();
    std::ranges::replace(name, '-', '_');
    return name;
}

void expect_same(const Counters& a, const Counters& b) {
    EXPECT_EQ(a.cycles, b.cycles);
    EXPECT_EQ(a.busy, b.busy);
    EXPECT_EQ(a.beats, b.beats);
    EXPECT_EQ(a.stall_w, b.stall_w);
    EXPECT_EQ(a.stall_x, b.stall_x);
    EXPECT_EQ(a.stall_y, b.stall_y);
    EXPECT_EQ(a.weight_bytes, b.weight_bytes);
    EXPECT_EQ(a.data_read_bytes, b.data_read_bytes);
    EXPECT_EQ(a.data_write_bytes, b.data_write_bytes);
}

TEST_P(Devices, CountTheSameOnEveryListOfAModel) {
    const sim::KernelConfig& config = GetParam();
    const StreamLayout layout{config.ports, config.port_bits, config.tile_rows};
    const Architecture architecture = known_shape("tiny");
    const Model model = random_model(architecture, "tiny", 1, layout);
    const auto shapes = shape_groups(architecture, ListForm::kGroups);
    for (const char* const memory : {"kv260", "u50"}) {
        SCOPED_TRACE(memory);
        RtlOptions rtl_options;
        rtl_options.ports = config.ports;
        rtl_options.port_bits = config.port_bits;
        rtl_options.tokens = config.tokens;
        rtl_options.leaf = config.leaf;
        rtl_options.tile_rows = config.tile_rows;
        rtl_options.counts_nonzero = config.counts_nonzero;
        rtl_options.memory = memory;
        rtl_options.seed = 3;
        CpuOptions cpu_options;
        cpu_options.ports = config.ports;
        cpu_options.port_bits = config.port_bits;
        cpu_options.tokens = config.tokens;
        cpu_options.tile_rows = config.tile_rows;
        cpu_options.threads = 1;
        cpu_options.memory = memory;
        cpu_options.seed = 3;
        cpu_options.fill_cycles = sim::leaf_fill_cycles(config.leaf);
        const auto rtl = make_rtl_device(rtl_options);
        const auto cpu = make_cpu_device(cpu_options);
        KernelTiming timing({config.ports, config.port_bits, config.tokens, config.tile_rows, memory, 3,
                             sim::leaf_fill_cycles(config.leaf)});
        EXPECT_FALSE(cpu->info().cycle_accurate);
        EXPECT_EQ(cpu->info().clock_hz, rtl->info().clock_hz);
        EXPECT_NE(cpu->info().engine.find("performance model"), std::string::npos);
        const LoweredModel on_rtl(product_groups(model), *rtl);
        const LoweredModel on_cpu(product_groups(model), *cpu);
        for (const unsigned tokens : {config.tokens, 1U}) {
            const auto lists = shape_lists(shapes, layout, config.tokens, tokens);
            ASSERT_EQ(lists.size(), on_rtl.size());
            for (std::size_t g = 0; g < on_rtl.size(); ++g) {
                SCOPED_TRACE(g);
                rtl->submit(on_rtl.list_offset(g, tokens), on_rtl.list_count(g));
                cpu->submit(on_cpu.list_offset(g, tokens), on_cpu.list_count(g));
                const RunResult a = rtl->wait(std::chrono::minutes(1));
                const RunResult b = cpu->wait(std::chrono::minutes(1));
                ASSERT_TRUE(a.ok() && b.ok());
                EXPECT_GT(a.counters.cycles, 0U);
                EXPECT_EQ(a.counters.nonzero.value_or(*b.counters.nonzero), b.counters.nonzero);
                expect_same(a.counters, b.counters);
                expect_same(a.counters, timing.run(lists[g].commands, lists[g].offset));
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Kernel, Devices,
                         testing::ValuesIn(sim::kernel_configs().begin(), sim::kernel_configs().end()),
                         config_name);

TEST(ShapeList, WholeListHoldsEveryProductOfADecodeStep) {
    const Architecture a = known_shape("2b4t");
    const auto whole = shape_groups(a, ListForm::kWhole);
    ASSERT_EQ(whole.size(), 1U);
    EXPECT_EQ(whole[0].size(), 7U * a.layers + 1);
    std::uint64_t weights = 0;
    for (const ProductShape& product : whole[0]) {
        weights += std::uint64_t{product.m} * product.k;
    }
    EXPECT_EQ(weights, 2084044800ULL + 328335360ULL);  // ternary layers and head of BitNet b1.58 2B4T
    EXPECT_EQ(shape_groups(a, ListForm::kGroups).size(), 4U * a.layers + 1);
    const auto lists = shape_lists(whole, {4, 128, 1024}, 1, 1);
    EXPECT_EQ(lists[0].commands.back().planes, SETUN_MAX_PLANES);
    EXPECT_EQ(lists[0].commands.back().m, a.vocab);
}

TEST(ShapeList, EveryKnownShapeCanBeCosted) {
    for (const char* const name : {"tiny", "2b4t-layer", "700m", "1.3b", "3b", "7b"}) {
        SCOPED_TRACE(name);
        check_architecture(known_shape(name), name);
        KernelTiming timing({4, 512, 1, 1024, "ideal", 0, 0});
        const auto list =
            shape_lists(shape_groups(known_shape(name), ListForm::kWhole), {4, 512, 1024}, 1, 1);
        const Counters c = timing.run(list[0].commands, list[0].offset);
        EXPECT_EQ(c.weight_bytes, shape_bytes(known_shape(name), {4, 512, 1024}));
        EXPECT_EQ(c.weight_bytes, c.beats * 64);
        EXPECT_LE(static_cast<double>(c.cycles), 1.02 * static_cast<double>(c.busy) + 200);
    }
}

TEST(KernelTiming, RefusesWhatDoesNotExist) {
    EXPECT_THROW(KernelTiming({3, 512, 1, 1024, "ddr4", 0, 0}), InputError);
    EXPECT_THROW(KernelTiming({1, 512, 1, 1024, "floppy", 0, 0}), InputError);
    CpuOptions options;
    options.memory = "floppy";
    EXPECT_THROW(make_cpu_device(options), InputError);
}

}  // namespace
}  // namespace setun::test
