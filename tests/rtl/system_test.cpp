// The simulated kernel as a device of the runtime: what a host program sees.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>

#include "hls/ternary_matmul.h"
#include "host/device/packing.h"
#include "host/device/rtl_device.h"
#include "sim/leaf_names.h"
#include "tests/rtl/bench.h"

namespace setun::sim::test {
namespace {

RtlOptions options_of(const KernelConfig& config) {
    RtlOptions o;
    o.ports = config.ports;
    o.port_bits = config.port_bits;
    o.tokens = config.tokens;
    o.tile_rows = config.tile_rows;
    o.leaf = config.leaf;
    o.counts_nonzero = config.counts_nonzero;
    return o;
}

/// One product on a device, with its reference.
class Product {
  public:
    Product(Device& device, std::uint32_t m, std::uint32_t k, unsigned planes, std::uint64_t seed)
        : device_(device), m_(m) {
        const DeviceInfo& info = device.info();
        std::mt19937_64 random(seed);
        std::vector<std::int8_t> w(std::size_t{m} * k);
        const int limit = planes == 1 ? 1 : 4;
        for (auto& v : w) {
            v = static_cast<std::int8_t>(static_cast<int>(random() % static_cast<unsigned>(2 * limit + 1)) -
                                         limit);
        }
        std::vector<std::int8_t> x(k);
        for (auto& v : x) {
            v = static_cast<std::int8_t>(random());
        }
        expected_.resize(m);
        hls::matmul_reference(w.data(), m, k, x.data(), 1, expected_.data());
        streams_ = pack_matrix({info.ports, info.port_bits, info.tile_rows}, m, k, planes, w);
        for (unsigned p = 0; p < info.ports; ++p) {
            command_.weight_offset = device.map(Space::weights(p), streams_[p]);
        }
        command_.opcode = SETUN_OP_MATMUL;
        command_.m = m;
        command_.k = k;
        command_.tokens = 1;
        command_.planes = static_cast<std::uint8_t>(planes);
        command_.encoding = SETUN_TRIT_CODE_T5;
        command_.x_stride = (k + 63) / 64 * 64;
        command_.x_offset = device.allocate(Space::data(), command_.x_stride);
        command_.y_offset = device.allocate(Space::data(), std::size_t{4} * m * info.tokens);
        device.write(Space::data(), command_.x_offset, std::as_bytes(std::span(x)));
        list_ = device.allocate(Space::data(), sizeof(Command));
    }

    Command& command() { return command_; }

    void submit() {
        device_.write(Space::data(), list_, std::as_bytes(std::span(&command_, 1)));
        device_.submit(list_, 1);
    }
    RunResult finish() { return device_.wait(std::chrono::minutes(5)); }
    RunResult run() {
        submit();
        return finish();
    }
    void check() {
        const unsigned columns = device_.info().tokens;
        std::vector<std::int32_t> y(std::size_t{m_} * columns);
        device_.read(Space::data(), command_.y_offset, std::as_writable_bytes(std::span(y)));
        for (std::uint32_t r = 0; r < m_; ++r) {
            ASSERT_EQ(y[std::size_t{r} * columns], expected_[r]) << "row " << r;
        }
    }

  private:
    Device& device_;
    std::uint32_t m_;
    PackedStreams streams_;
    std::vector<std::int32_t> expected_;
    Command command_;
    std::uint64_t list_ = 0;
};

class System : public testing::TestWithParam<KernelConfig> {};

TEST_P(System, ProductWithCounters) {
    RtlOptions options = options_of(GetParam());
    options.verify_protocol = true;
    const auto device = make_rtl_device(options);
    Product product(*device, 100, 600, 2, 0);
    const RunResult result = product.run();
    ASSERT_TRUE(result.ok()) << result.describe();
    product.check();
    const std::uint64_t beats =
        beats_per_port({GetParam().ports, GetParam().port_bits, GetParam().tile_rows}, 100, 600, 2) *
        GetParam().ports;
    EXPECT_EQ(result.completed, 1U);
    EXPECT_EQ(result.counters.beats, beats);
    EXPECT_EQ(result.counters.weight_bytes, beats * GetParam().beat_bytes());
    EXPECT_EQ(result.counters.data_write_bytes, 4U * 100 * GetParam().tokens);
    EXPECT_GE(result.counters.data_read_bytes, 64U + 600);
    EXPECT_GT(result.counters.cycles, result.counters.busy);
    EXPECT_EQ(result.counters.nonzero.has_value(), GetParam().counts_nonzero);
    EXPECT_GT(result.counters.nonzero.value_or(1), 0U);

    const RunResult again = product.run();
    EXPECT_EQ(again.counters.weight_bytes, result.counters.weight_bytes) << "bytes are of one run";
}

TEST_P(System, InfoDescribesTheChip) {
    RtlOptions options = options_of(GetParam());
    options.memory = "kv260";
    const auto device = make_rtl_device(options);
    const DeviceInfo& info = device->info();
    EXPECT_EQ(info.name, "rtl");
    EXPECT_EQ(info.ports, GetParam().ports);
    EXPECT_EQ(info.port_bits, GetParam().port_bits);
    EXPECT_EQ(info.tokens, GetParam().tokens);
    EXPECT_EQ(info.tile_rows, GetParam().tile_rows);
    EXPECT_EQ(info.memory, "kv260");
    EXPECT_EQ(info.clock_hz, 250e6);
    EXPECT_TRUE(info.cycle_accurate);
    EXPECT_NE(info.engine.find(kLeafNames.at(GetParam().leaf)), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Kernel, System, testing::ValuesIn(kernel_configs().begin(), kernel_configs().end()),
                         config_test_name);

/// The message with which opening a device is refused.
std::string refusal(const RtlOptions& options) {
    try {
        const auto device = make_rtl_device(options);
    } catch (const DeviceError& error) {
        return error.what();
    }
    return "not refused";
}

RtlOptions first_kernel() { return options_of(kernel_configs().front()); }

TEST(RtlDevice, TwoKernelsInOneProcess) {
    RtlOptions other = options_of(kernel_configs().back());
    other.memory = "ideal";
    const auto a = make_rtl_device(first_kernel());
    const auto b = make_rtl_device(other);
    const auto c = make_rtl_device(other);  // two of the same Verilated class
    Product on_a(*a, 50, 300, 1, 1);
    Product on_b(*b, 60, 200, 1, 2);
    Product on_c(*c, 61, 200, 1, 3);
    on_a.submit();
    on_b.submit();
    on_c.submit();
    const RunResult result_b = on_b.finish();
    const RunResult result_c = on_c.finish();
    const RunResult result_a = on_a.finish();
    ASSERT_TRUE(result_a.ok() && result_b.ok() && result_c.ok());
    on_a.check();
    on_b.check();
    on_c.check();
}

TEST(RtlDevice, ErrorsOfTheKernelAreResults) {
    const auto device = make_rtl_device(first_kernel());
    Product product(*device, 20, 100, 1, 4);
    const std::uint64_t good = product.command().y_offset;
    product.command().y_offset = std::uint64_t{1} << 34U;
    const RunResult result = product.run();
    EXPECT_EQ(result.error, SETUN_ERR_DATA_WRITE);
    EXPECT_EQ(result.completed, 0U);
    product.command().y_offset = good;
    EXPECT_TRUE(product.run().ok());
    product.check();
}

TEST(RtlDevice, RefusesWhatIsNotInThisBuild) {
    RtlOptions options = first_kernel();
    options.memory = "ddr9";
    EXPECT_NE(refusal(options).find("ideal, ddr4"), std::string::npos) << refusal(options);
    options = first_kernel();
    options.tile_rows = 2048;
    EXPECT_NE(refusal(options).find(kernel_configs().front().name()), std::string::npos) << refusal(options);
}

TEST(RtlDevice, RefusesWrongUse) {
    const auto device = make_rtl_device(first_kernel());
    EXPECT_THROW(device->wait(std::chrono::seconds(1)), DeviceError);
    EXPECT_THROW(device->allocate(Space::weights(99), 64), DeviceError);
    const std::uint64_t offset = device->allocate(Space::data(), 100);
    std::vector<std::byte> bytes(101);
    EXPECT_THROW(device->write(Space::data(), offset, bytes), DeviceError);
    EXPECT_THROW(device->read(Space::data(), offset + 1, std::span(bytes).first(100)), DeviceError);
    EXPECT_NO_THROW(device->write(Space::data(), offset, std::span(bytes).first(100)));
    EXPECT_THROW(device->write(Space::data(), std::uint64_t{1} << 40U, bytes), DeviceError);
    EXPECT_THROW(device->allocate(Space::data(), std::size_t{1} << 50U), DeviceError);
}

TEST(RtlDevice, AllocatedMemoryIsZeroAndPageAligned) {
    const auto device = make_rtl_device(first_kernel());
    std::uint64_t previous_end = 0;
    for (const std::size_t size : {1U, 4096U, 5000U, 64U}) {
        const std::uint64_t offset = device->allocate(Space::data(), size);
        EXPECT_EQ(offset % 4096, 0U);
        EXPECT_GE(offset, previous_end);
        previous_end = offset + size;
        std::vector<std::byte> bytes(size, std::byte{1});
        device->read(Space::data(), offset, bytes);
        EXPECT_EQ(std::ranges::count(bytes, std::byte{0}), static_cast<std::ptrdiff_t>(size));
    }
}

TEST(RtlDevice, DeadlineThrows) {
    RtlOptions options = first_kernel();
    options.memory = "ideal";
    const auto device = make_rtl_device(options);
    Product product(*device, 20000, 3000, 1, 5);
    product.submit();
    EXPECT_THROW(device->wait(std::chrono::milliseconds(0)), DeviceError);
}

TEST(RtlDevice, EmptyList) {
    const auto device = make_rtl_device(first_kernel());
    device->submit(0, 0);
    const RunResult result = device->wait(std::chrono::minutes(1));
    EXPECT_TRUE(result.ok());
    EXPECT_EQ(result.completed, 0U);
}

TEST(RtlDevice, TraceHoldsTheWindow) {
    // A folder of this process: several may run the test at once.
    const auto folder =
        std::filesystem::temp_directory_path() / ("setun_trace_test_" + std::to_string(::getpid()));
    std::filesystem::create_directories(folder);
    std::uintmax_t sizes[2] = {};
    std::uint64_t cycles[2] = {};
    for (const bool wide : {false, true}) {
        RtlOptions options = first_kernel();
        options.trace_file = (folder / (wide ? "wide.fst" : "narrow.fst")).string();
        options.trace_first_cycle = 200;
        options.trace_cycles = wide ? 2000 : 10;
        {
            const auto device = make_rtl_device(options);
            Product product(*device, 300, 600, 1, 6);
            const RunResult result = product.run();
            ASSERT_TRUE(result.ok());
            product.check();
            cycles[wide] = result.counters.cycles;
        }
        sizes[wide] = std::filesystem::file_size(options.trace_file);
        std::ifstream file(options.trace_file, std::ios::binary);
        EXPECT_EQ(file.get(), 0) << "an FST file begins with its header block, type 0";
    }
    EXPECT_GT(sizes[0], 300U);
    EXPECT_GT(sizes[1], 2 * sizes[0]) << "more cycles, more changes";
    EXPECT_EQ(cycles[0], cycles[1]) << "tracing must not change the run";
    std::filesystem::remove_all(folder);
}

TEST(RtlDevice, UnwritableTraceIsAnError) {
    RtlOptions options = first_kernel();
    options.trace_file = "/nonexistent-folder/trace.fst";
    EXPECT_NE(refusal(options).find("cannot write waveform file"), std::string::npos) << refusal(options);
}

TEST(RtlDevice, SpeedIsMeasured) {
    const SimulationSpeed speed = measure_rtl_speed(first_kernel(), 100, 500, 3);
    EXPECT_GT(speed.cycles, 0U);
    EXPECT_EQ(speed.weights % kernel_configs().front().lanes(), 0U);
    EXPECT_GT(speed.seconds, 0.0);
}

}  // namespace
}  // namespace setun::sim::test
