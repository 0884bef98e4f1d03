// Cycles: the kernel keeps every weight port busy, and the fast simulation loop counts exactly what the
// checked one counts.
#include <gtest/gtest.h>

#include <algorithm>

#include "hls/ternary_matmul.h"
#include "host/device/packing.h"
#include "tests/rtl/bench.h"

namespace setun::sim::test {
namespace {

struct Linear {
    const char* name;
    std::uint32_t m, k;
};

// The linear layers of one block of BitNet b1.58 2B4T, in order of execution.
constexpr Linear kLayer[] = {{"q", 2560, 2560},    {"k", 640, 2560},   {"v", 640, 2560},    {"o", 2560, 2560},
                             {"gate", 6912, 2560}, {"up", 6912, 2560}, {"down", 2560, 6912}};

/// Products of large random matrices, packed directly and checked against the golden model.
class LargeProducts {
  public:
    LargeProducts(const KernelConfig& config, const SimOptions& options)
        : sim_(make_kernel_sim(config, options)), layout_{config.ports, config.port_bits, config.tile_rows} {
        data_ = sim_->memory(KernelSim::kDataPort).allocate(kBase, kDataBytes);
    }

    void add(std::uint32_t m, std::uint32_t k, unsigned tokens) {
        streams_.push_back(random_streams(layout_, m, k, 1, streams_.size(), 0.4));
        Command c;
        c.opcode = SETUN_OP_MATMUL;
        c.m = m;
        c.k = k;
        c.tokens = static_cast<std::uint16_t>(tokens);
        c.planes = 1;
        c.encoding = SETUN_TRIT_CODE_T5;
        c.x_stride = (k + 63) / 64 * 64;
        c.weight_offset = next_weights_;
        c.x_offset = reserve(std::uint64_t{c.x_stride} * tokens);
        c.y_offset = reserve(std::uint64_t{4} * m * sim_->config().tokens);
        for (unsigned p = 0; p < sim_->config().ports; ++p) {
            sim_->memory(p).map(kBase + c.weight_offset, streams_.back()[p]);
        }
        next_weights_ += (streams_.back().front().size() + 8191) / 4096 * 4096;
        std::mt19937_64 random(list_.size());
        for (std::uint64_t i = 0; i < std::uint64_t{c.x_stride} * tokens; ++i) {
            data_[c.x_offset + i] = static_cast<std::byte>(random());
        }
        list_.push_back(c);
    }

    [[nodiscard]] std::uint64_t beats_per_port() const {
        std::uint64_t beats = 0;
        for (const Command& c : list_) {
            beats += setun::beats_per_port(layout_, c.m, c.k, c.planes);
        }
        return beats;
    }

    Status run() {
        const std::uint64_t list = reserve(64 * list_.size());
        std::memcpy(data_.data() + list, list_.data(), 64 * list_.size());
        sim_->write_register(SETUN_REG_GIE, 1);
        sim_->write_register(SETUN_REG_IER, 1);
        sim_->write_address(SETUN_REG_LIST_LO, kBase + list);
        sim_->write_register(SETUN_REG_LIST_COUNT, static_cast<std::uint32_t>(list_.size()));
        sim_->write_address(SETUN_REG_DATA_BASE_LO, kBase);
        for (unsigned p = 0; p < sim_->config().ports; ++p) {
            sim_->write_address(SETUN_REG_W_BASE_LO + p * SETUN_REG_W_STRIDE, kBase);
        }
        sim_->write_register(SETUN_REG_CTRL, SETUN_CTRL_START);
        EXPECT_EQ(sim_->run(100'000'000), StopReason::kInterrupt);
        const Status status = read_status(*sim_);
        EXPECT_EQ(status.error, SETUN_ERR_NONE);
        return status;
    }

    void check() const {
        for (std::size_t i = 0; i < list_.size(); ++i) {
            const Command& c = list_[i];
            const KernelConfig& k = sim_->config();
            const hls::MatmulShape shape{k.ports, k.port_bits, k.tile_rows, k.tokens,
                                         c.m,     c.k,         c.planes,    c.tokens};
            hls::WeightStreams weights{};
            for (unsigned p = 0; p < k.ports; ++p) {
                weights.port[p] = reinterpret_cast<const std::uint8_t*>(streams_[i][p].data());
            }
            std::vector<std::int32_t> y(std::size_t{c.m} * k.tokens);
            const auto* x = reinterpret_cast<const std::int8_t*>(data_.data() + c.x_offset);
            EXPECT_EQ(hls::ternary_matmul(shape, weights, x, c.x_stride, y.data()).error, SETUN_ERR_NONE);
            EXPECT_EQ(std::memcmp(y.data(), data_.data() + c.y_offset, 4 * y.size()), 0) << "product " << i;
        }
    }

  private:
    static constexpr std::uint64_t kBase = 0x1'0000'0000;
    static constexpr std::uint64_t kDataBytes = 32U << 20U;

    std::uint64_t reserve(std::uint64_t bytes) {
        const std::uint64_t offset = next_data_;
        next_data_ += (bytes + 63) / 64 * 64;
        return offset;
    }

    std::unique_ptr<KernelSim> sim_;
    StreamLayout layout_;
    std::span<std::byte> data_;
    std::vector<PackedStreams> streams_;
    std::vector<Command> list_;
    std::uint64_t next_data_ = 0;
    std::uint64_t next_weights_ = 0;
};

class Timing : public testing::TestWithParam<KernelConfig> {};
class Efficiency : public testing::TestWithParam<KernelConfig> {};
class Fill : public testing::TestWithParam<KernelConfig> {};

/// Clocks before the first beat of a list while the leaf fills its tables. Later fills hide behind the chunk
/// before.
std::uint64_t first_fill(const KernelConfig& c) { return c.fill_cycles(); }

/// Clocks that the results of the last tile of `m` rows may need on the data port after the last weight beat
/// when the engine makes results faster than one AXI word a clock: its words, and the gathering of the first
/// write burst (1 KiB).
std::uint64_t result_tail(const KernelConfig& c, std::uint32_t m) {
    const std::uint64_t groups = std::min<std::uint64_t>((m + c.ports - 1) / c.ports, c.tile_rows);
    const std::uint64_t words = std::uint64_t{c.ports} * c.tokens * 32 / c.port_bits;
    return words > 1 ? groups * words + 1024 / c.beat_bytes() : 0;
}

/// Cycles <= 1.02 x beats per port with ideal memory.
void expect_efficient(const Status& status, std::uint64_t beats_per_port, std::uint64_t tail) {
    EXPECT_GE(status.cycles, beats_per_port);
    EXPECT_LE(static_cast<double>(status.cycles),
              1.02 * static_cast<double>(beats_per_port) + static_cast<double>(tail))
        << "stalls: weights " << status.stall_w << ", activations " << status.stall_x << ", results "
        << status.stall_y;
    EXPECT_EQ(status.busy, beats_per_port);
}

TEST_P(Efficiency, EveryShapeOfALayerRunsAtOneBeatAClock) {
    for (const Linear& linear : kLayer) {
        SCOPED_TRACE(linear.name);
        LargeProducts products(GetParam(), SimOptions{});
        // Start and drain of a list count once; a list of a model's token is far longer than this.
        const std::uint64_t beats = setun::beats_per_port(
            {GetParam().ports, GetParam().port_bits, GetParam().tile_rows}, linear.m, linear.k, 1);
        for (std::uint64_t done = 0; done < 10000; done += beats) {
            products.add(linear.m, linear.k, 1);
        }
        expect_efficient(products.run(), products.beats_per_port(),
                         first_fill(GetParam()) + result_tail(GetParam(), linear.m));
        products.check();
    }
}

TEST_P(Efficiency, WholeLayerRunsAtOneBeatAClock) {
    for (const unsigned tokens : {1U, GetParam().tokens}) {
        SCOPED_TRACE(tokens);
        LargeProducts products(GetParam(), SimOptions{});
        for (const Linear& linear : kLayer) {
            products.add(linear.m, linear.k, tokens);
        }
        expect_efficient(products.run(), products.beats_per_port(),
                         first_fill(GetParam()) + result_tail(GetParam(), kLayer[6].m));
        products.check();
    }
}

TEST_P(Timing, FastLoopCountsLikeCheckedLoop) {
    for (const char* const preset : {"ideal", "ddr4", "u250", "kv260", "u280"}) {
        SCOPED_TRACE(preset);
        Status status[2];
        for (const bool check : {false, true}) {
            SimOptions options;
            options.seed = 5;
            options.check_protocol = check;
            options.memory = memory_preset(preset);
            Bench bench(GetParam(), options);
            for (int i = 0; i < 6; ++i) {
                bench.add_matmul({.m = 70 + 13U * static_cast<unsigned>(i),
                                  .k = 900,
                                  .planes = 1,
                                  .tokens = GetParam().tokens});
            }
            status[check] = bench.run_and_check();
        }
        EXPECT_EQ(status[0].cycles, status[1].cycles);
        EXPECT_EQ(status[0].stall_w, status[1].stall_w);
        EXPECT_EQ(status[0].stall_x, status[1].stall_x);
        EXPECT_EQ(status[0].stall_y, status[1].stall_y);
    }
}

TEST_P(Timing, SameSeedSameCycles) {
    std::uint64_t cycles[2] = {};
    for (std::uint64_t& c : cycles) {
        SimOptions options;
        options.seed = 9;
        options.throttle = Throttle{0, 5};
        Bench bench(GetParam(), options);
        bench.add_matmul({.m = 90, .k = 700});
        c = bench.run_and_check().cycles;
    }
    EXPECT_EQ(cycles[0], cycles[1]);
}

/// A kernel like `config` whose leaf has no tables, if one is compiled in.
const KernelConfig* without_tables(const KernelConfig& config) {
    const auto compiled = kernel_configs();
    const auto same = std::find_if(compiled.begin(), compiled.end(), [&](KernelConfig other) {
        const bool plain = other.fill_cycles() == 0;
        other.leaf = config.leaf;
        return plain && other == config;
    });
    return same == compiled.end() ? nullptr : &*same;
}

TEST_P(Fill, TakesExactlyItsCycles) {
    // In a leaf without tables the first chunk is ready one clock after its last word.
    const KernelConfig* const plain = without_tables(GetParam());
    if (plain == nullptr) {
        FAIL() << "table_kernels() lists only kernels with a twin";
    }
    std::uint64_t cycles[2] = {};
    for (const bool tables : {false, true}) {
        Bench bench(tables ? GetParam() : *plain, SimOptions{});
        bench.add_matmul({.m = 9, .k = 70});
        cycles[tables] = bench.run_and_check().cycles;
    }
    EXPECT_EQ(cycles[true], cycles[false] + GetParam().fill_cycles() - 1);
}

TEST_P(Timing, StallsAreCountedByTheirCause) {
    // The same list with a channel that is silent for a while: its counter has the time, the others do not.
    struct Case {
        const char* name;
        unsigned port, channel;
        std::uint64_t Status::*counter;
        std::uint32_t groups;  ///< of rows
    };
    // Results wait in the engine (a tile, or 64 groups) and in the writer (4 KiB).
    const std::uint32_t many =
        std::max(64U, GetParam().tile_rows) + 1024 / (GetParam().ports * GetParam().tokens) + 100;
    const Case kCases[] = {
        {"weights", 0, kStuckR, &Status::stall_w, 20},
        {"activations", KernelSim::kDataPort, kStuckR, &Status::stall_x, 20},
        {"results", KernelSim::kDataPort, kStuckW, &Status::stall_y, many},
    };
    for (const Case& c : kCases) {
        SCOPED_TRACE(c.name);
        const std::uint64_t silence = c.groups + GetParam().fill_cycles() + std::uint64_t{2000};
        Status status[2];
        for (const bool silent : {false, true}) {
            Bench bench(GetParam(), SimOptions{}, 2U << 20U, 1U << 20U);
            bench.add_matmul({.m = c.groups * GetParam().ports, .k = GetParam().lanes()});
            bench.program();
            const std::uint64_t lists = bench.sim().stats(KernelSim::kDataPort).read_bursts;
            bench.start();
            // The list is one burst, the activations are the next.
            while (bench.sim().stats(KernelSim::kDataPort).read_bursts < lists + 2) {
                bench.sim().step(1);
            }
            bench.sim().stick(c.port, silent ? c.channel : unsigned{kStuckNone});
            bench.sim().step(silence);
            bench.sim().stick(c.port, kStuckNone);
            status[silent] = bench.finish();
            bench.check_memory(1);
        }
        EXPECT_GE(status[true].*c.counter, status[false].*c.counter + 1000);
        for (const Case& other : kCases) {
            if (other.counter != c.counter) {
                EXPECT_LE(status[true].*other.counter, status[false].*other.counter + 10) << other.name;
            }
        }
    }
}

TEST_P(Timing, BandwidthOfTheMemoryIsRespected) {
    // Below the peak of the channel always, and with bandwidth as the limit, not far below.
    const MemoryPreset& preset = memory_preset("u50");
    SimOptions options;
    options.memory = preset;
    LargeProducts products(GetParam(), options);
    products.add(2048, 2560, 1);
    const Status status = products.run();
    const double seconds = static_cast<double>(status.cycles) / preset.clock_hz;
    const double bytes = static_cast<double>(products.beats_per_port()) * GetParam().beat_bytes();
    const double rate = bytes / seconds;
    EXPECT_LT(rate, preset.channel_bytes_per_second);
    const double port_peak = GetParam().beat_bytes() * preset.clock_hz;
    if (port_peak > preset.channel_bytes_per_second && GetParam().tile_rows >= 1024) {
        EXPECT_GT(rate, 0.85 * preset.channel_bytes_per_second);
    }
}

/// Small tiles are for tests of tiling: they reload the activations every few beats.
std::vector<KernelConfig> full_size_kernels() {
    std::vector<KernelConfig> configs;
    for (const KernelConfig& config : kernel_configs()) {
        if (config.tile_rows >= 1024) {
            configs.push_back(config);
        }
    }
    return configs;
}

/// Kernels with tables that have a twin without.
std::vector<KernelConfig> table_kernels() {
    std::vector<KernelConfig> configs;
    for (const KernelConfig& config : kernel_configs()) {
        if (config.fill_cycles() > 0 && without_tables(config) != nullptr) {
            configs.push_back(config);
        }
    }
    return configs;
}

GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Fill);  // in a build without such kernels
INSTANTIATE_TEST_SUITE_P(Kernel, Fill, testing::ValuesIn(table_kernels()), config_test_name);
GTEST_ALLOW_UNINSTANTIATED_PARAMETERIZED_TEST(Efficiency);  // in a build with small kernels only
INSTANTIATE_TEST_SUITE_P(Kernel, Efficiency, testing::ValuesIn(full_size_kernels()), config_test_name);
INSTANTIATE_TEST_SUITE_P(Kernel, Timing, testing::ValuesIn(kernel_configs().begin(), kernel_configs().end()),
                         config_test_name);

}  // namespace
}  // namespace setun::sim::test
