// Counts against the Verilated kernel's own counters on every list of a model: equal, not close.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdint>
#include <vector>

#include "energy_model/energy.h"
#include "host/device/packing.h"
#include "host/device/rtl_device.h"
#include "host/generate/sampler.h"
#include "host/model/model.h"
#include "host/schedule/lowering.h"
#include "sim/kernel_sim.h"

namespace setun::test {
namespace {

class Kernel : public testing::TestWithParam<sim::KernelConfig> {};

std::string config_name(const testing::TestParamInfo<sim::KernelConfig>& info) {
    std::string name = info.param.name();
    std::ranges::replace(name, '-', '_');
    return name;
}

/// Sizes that leave padding in chunks, tiles and groups.
Architecture odd() {
    Architecture a;
    a.hidden = 360;
    a.ffn = 700;
    a.layers = 2;
    a.heads = 9;
    a.kv_heads = 3;
    a.head_dim = 40;
    a.vocab = 333;
    a.context = 64;
    a.rope_theta = 10000;
    a.eps = 1e-5F;
    return a;
}

energy::ModelShape shape_of(const Architecture& a) {
    energy::ModelShape s;
    s.name = "test";
    s.hidden = a.hidden;
    s.ffn = a.ffn;
    s.layers = a.layers;
    s.heads = a.heads;
    s.kv_heads = a.kv_heads;
    s.head_dim = a.head_dim;
    s.vocab = a.vocab;
    s.head_planes = SETUN_MAX_PLANES;
    return s;
}

/// Counters of one pass of `tokens` rows through every list.
Counters run_pass(Device& device, const LoweredModel& lowered, unsigned tokens) {
    SampleRandom random(tokens);
    Counters sum;
    for (std::size_t g = 0; g < lowered.size(); ++g) {
        std::vector<std::int8_t> q(std::size_t{lowered.group(g).k} * tokens);
        for (auto& value : q) {
            value = static_cast<std::int8_t>(random.next() >> 56U);
        }
        lowered.write_activations(device, g, q, tokens);
        device.submit(lowered.list_offset(g, tokens), lowered.list_count(g));
        const RunResult result = device.wait(std::chrono::minutes(5));
        EXPECT_TRUE(result.ok()) << result.describe();
        sum += result.counters;
    }
    return sum;
}

void expect_equal(const energy::WorkCounts& work, const Counters& counters) {
    EXPECT_EQ(work.beats, counters.beats);
    EXPECT_EQ(work.weight_bytes, counters.weight_bytes);
    EXPECT_EQ(work.activation_bytes, counters.data_read_bytes);
    EXPECT_EQ(work.result_bytes, counters.data_write_bytes);
}

TEST_P(Kernel, CountsAreItsCounters) {
    const sim::KernelConfig& config = GetParam();
    const StreamLayout layout{config.ports, config.port_bits, config.tile_rows};
    const energy::Engine engine{config.port_bits, config.ports, config.tokens, config.tile_rows};
    for (const Architecture& architecture : {known_shape("tiny"), odd()}) {
        SCOPED_TRACE(architecture.hidden);
        const Model model = random_model(architecture, "test", 7, layout);
        RtlOptions options;
        options.ports = config.ports;
        options.port_bits = config.port_bits;
        options.tokens = config.tokens;
        options.leaf = config.leaf;
        options.tile_rows = config.tile_rows;
        options.counts_nonzero = config.counts_nonzero;
        options.memory = "ideal";
        const auto device = make_rtl_device(options);
        const LoweredModel lowered(product_groups(model), *device);

        std::uint64_t nonzero = 0;
        std::uint64_t trits = 0;
        for (const PackedMatrix* matrix : model.matrices()) {
            nonzero += count_trits(matrix->index(), matrix->streams).nonzero;
            trits += matrix->trits();
        }
        Counters all;
        // A batch of TOKENS + 1 sequences: a full pass, then one row.
        for (const unsigned tokens : {config.tokens, 1U}) {
            SCOPED_TRACE(tokens);
            const Counters counters = run_pass(*device, lowered, tokens);
            all += counters;
            energy::WorkCounts work =
                energy::model_work(shape_of(architecture), {energy::Phase::kDecode, 1, tokens}, engine);
            expect_equal(work, counters);
            EXPECT_EQ(counters.nonzero,
                      config.counts_nonzero ? std::optional<std::uint64_t>(nonzero) : std::nullopt);
            EXPECT_EQ(work.trits, trits);
            EXPECT_EQ(work.commands, 7U * architecture.layers + 1);

            const energy::WorkCounts shapes = work;
            energy::apply_measured(work, {counters.nonzero, counters.weight_bytes, counters.data_read_bytes,
                                          counters.data_write_bytes});
            EXPECT_EQ(work.nonzero_trit_macs, config.counts_nonzero ? nonzero * tokens : work.trit_macs);
            EXPECT_EQ(work.weight_bytes, shapes.weight_bytes);
            EXPECT_EQ(work.activation_bytes, shapes.activation_bytes);
        }
        expect_equal(
            energy::model_work(shape_of(architecture),
                               {energy::Phase::kDecode, 1, std::uint64_t{config.tokens} + 1}, engine),
            all);
    }
}

INSTANTIATE_TEST_SUITE_P(Configurations, Kernel,
                         testing::ValuesIn(sim::kernel_configs().begin(), sim::kernel_configs().end()),
                         config_name);

TEST(Shapes, TheOneThatShipsIsKnown) {
    const Architecture a = known_shape("tiny");
    const energy::ModelShape known = energy::find_shape("setun-3.8m");
    EXPECT_EQ(known.hidden, a.hidden);
    EXPECT_EQ(known.ffn, a.ffn);
    EXPECT_EQ(known.layers, a.layers);
    EXPECT_EQ(known.heads, a.heads);
    EXPECT_EQ(known.kv_heads, a.kv_heads);
    EXPECT_EQ(known.head_dim, a.head_dim);
    EXPECT_EQ(known.vocab, a.vocab);
    EXPECT_EQ(known.sub_norms, a.sub_norms);
    EXPECT_EQ(known.tied_head, a.tied_head);
    EXPECT_EQ(known.silu, a.activation == Activation::kSilu);
}

}  // namespace
}  // namespace setun::test
