// Device xrt through the installed XRT and its hardware emulation, against device rtl. The program starts
// itself again inside the emulation, as `setun` does.
#include <gtest/gtest.h>

#include <cstring>
#include <iostream>
#include <random>

#include "host/device/packing.h"
#include "host/device/rtl_device.h"
#include "host/xrt/xrt_emulation.h"
#include "sim/kernel_sim.h"

namespace setun {
namespace {

const sim::KernelConfig& config() { return sim::kernel_configs()[0]; }

std::unique_ptr<Device> open_xrt(const std::string& xclbin = xrt_emulation_xclbin()) {
    XrtOptions options;
    options.xclbin = xclbin;
    options.label = "the image";
    options.emulated = true;
    options.ports = config().ports;
    options.port_bits = config().port_bits;
    options.tokens = config().tokens;
    options.tile_rows = config().tile_rows;
    return open_xrt_device(options, SETUN_PROGRAM_FOLDER);
}

std::unique_ptr<Device> open_rtl() {
    RtlOptions options;
    options.ports = config().ports;
    options.port_bits = config().port_bits;
    options.tokens = config().tokens;
    options.tile_rows = config().tile_rows;
    options.memory = "ideal";
    return make_rtl_device(options);
}

/// One random product on a device.
struct Product {
    Product(Device& device, std::uint32_t m, std::uint32_t k, std::uint64_t seed) : device_(&device), m_(m) {
        const DeviceInfo& info = device.info();
        streams_ = random_streams({info.ports, info.port_bits, info.tile_rows}, m, k, 1, seed, 0.4);
        command.opcode = SETUN_OP_MATMUL;
        command.m = m;
        command.k = k;
        command.tokens = static_cast<std::uint16_t>(info.tokens);
        command.planes = 1;
        command.encoding = SETUN_TRIT_CODE_T5;
        command.x_stride = (k + SETUN_ALIGN - 1) / SETUN_ALIGN * SETUN_ALIGN;
        for (unsigned p = 0; p < info.ports; ++p) {
            command.weight_offset = device.map(Space::weights(p), streams_[p]);
        }
        command.x_offset = device.allocate(Space::data(), std::size_t{command.x_stride} * info.tokens);
        command.y_offset = device.allocate(Space::data(), result_bytes());
        list = device.allocate(Space::data(), sizeof command);
        std::mt19937_64 random(seed);
        std::vector<std::byte> x(std::size_t{command.x_stride} * info.tokens);
        for (std::byte& value : x) {
            value = static_cast<std::byte>(random());
        }
        device.write(Space::data(), command.x_offset, x);
        write_command();
    }

    void write_command() { device_->write(Space::data(), list, std::as_bytes(std::span(&command, 1))); }
    RunResult run(std::chrono::milliseconds deadline = std::chrono::minutes(2)) {
        device_->submit(list, 1);
        return device_->wait(deadline);
    }
    std::vector<std::int32_t> results() {
        std::vector<std::int32_t> y(result_bytes() / 4);
        device_->read(Space::data(), command.y_offset, std::as_writable_bytes(std::span(y)));
        return y;
    }
    [[nodiscard]] std::size_t result_bytes() const { return std::size_t{4} * m_ * device_->info().tokens; }

    Command command;
    std::uint64_t list = 0;

  private:
    Device* device_;
    std::uint32_t m_;
    PackedStreams streams_;
};

TEST(XrtDevice, TakesItsConfigurationFromTheChip) {
    const auto device = open_xrt();
    const DeviceInfo& info = device->info();
    EXPECT_EQ(info.name, "xrt");
    EXPECT_EQ(info.ports, config().ports);
    EXPECT_EQ(info.port_bits, config().port_bits);
    EXPECT_EQ(info.memory, "ideal") << "from the platform's name";
    EXPECT_GT(info.clock_hz, 1e8);
    EXPECT_NE(info.engine.find("XRT hardware emulation"), std::string::npos) << info.engine;
}

TEST(XrtDevice, IntegersAndCountersEqualTheSimulationInProcess) {
    const auto xrt = open_xrt();
    const auto rtl = open_rtl();
    for (const std::uint64_t seed : {0U, 1U, 2U}) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        const auto m = static_cast<std::uint32_t>(1 + random() % 300);
        const auto k = static_cast<std::uint32_t>(1 + random() % 900);
        Product a(*xrt, m, k, seed);
        Product b(*rtl, m, k, seed);
        const RunResult ra = a.run();
        const RunResult rb = b.run();
        ASSERT_TRUE(ra.ok()) << ra.describe();
        ASSERT_TRUE(rb.ok()) << rb.describe();
        EXPECT_EQ(a.results(), b.results());
        EXPECT_EQ(ra.completed, 1U);
        EXPECT_EQ(ra.counters.busy, rb.counters.busy);
        EXPECT_EQ(ra.counters.beats, rb.counters.beats);
        EXPECT_EQ(ra.counters.nonzero, rb.counters.nonzero);
        EXPECT_EQ(ra.counters.cycles, rb.counters.cycles) << "memory 'ideal' has no phase";
        EXPECT_EQ(ra.counters.weight_bytes, rb.counters.weight_bytes);
        EXPECT_EQ(ra.counters.data_write_bytes, rb.counters.data_write_bytes);
    }
}

TEST(XrtDevice, MemoryGrowsAndKeepsWhatIsInIt) {
    const auto device = open_xrt();
    std::mt19937_64 random(0);
    Product early(*device, 65, 200, 1);
    ASSERT_TRUE(early.run().ok());
    const auto expected = early.results();
    std::vector<std::pair<std::uint64_t, std::vector<std::byte>>> buffers;
    for (const std::size_t size : {1U, 4095U, 4096U, 70'000U, 300'000U, 1'000'001U}) {
        std::vector<std::byte> bytes(size);
        for (std::byte& value : bytes) {
            value = static_cast<std::byte>(random());
        }
        buffers.emplace_back(device->allocate(Space::data(), size), bytes);
        EXPECT_EQ(buffers.back().first % 4096, 0U);
        std::vector<std::byte> fresh(size, std::byte{1});
        device->read(Space::data(), buffers.back().first, fresh);
        EXPECT_EQ(fresh, std::vector<std::byte>(size)) << "zero-filled";
        device->write(Space::data(), buffers.back().first, bytes);
    }
    for (const auto& [offset, bytes] : buffers) {
        std::vector<std::byte> back(bytes.size());
        device->read(Space::data(), offset, back);
        EXPECT_EQ(back, bytes);
    }
    EXPECT_EQ(early.results(), expected) << "results of a run survive the move to a larger buffer";
    ASSERT_TRUE(early.run().ok());
    EXPECT_EQ(early.results(), expected);
    EXPECT_THROW(device->write(Space::data(), buffers[0].first, buffers[1].second), DeviceError);
    std::vector<std::byte> one(1);
    EXPECT_THROW(device->read(Space::data(), ~std::uint64_t{0}, one), DeviceError);
    EXPECT_THROW(device->allocate(Space::weights(config().ports), 1), DeviceError);
}

TEST(XrtDevice, ErrorsCarryIndexAndAddressAndTheNextRunWorks) {
    const auto device = open_xrt();
    Product product(*device, 40, 100, 3);
    const Command good = product.command;
    ASSERT_TRUE(product.run().ok());
    const auto expected = product.results();

    product.command.x_offset = std::uint64_t{1} << 30U;  // nothing is there
    product.write_command();
    RunResult result = product.run();
    EXPECT_EQ(result.error, SETUN_ERR_DATA_READ);
    EXPECT_EQ(result.error_index, 0U);
    EXPECT_EQ(result.error_address % (std::uint64_t{1} << 30U) % 4096, 0U);
    EXPECT_NE(result.describe().find("DATA_READ in command 0 at address 0x"), std::string::npos)
        << result.describe();

    product.command = good;
    product.command.opcode = 99;
    product.write_command();
    result = product.run();
    EXPECT_EQ(result.error, SETUN_ERR_OPCODE) << result.describe();

    product.command = good;
    const std::vector<std::byte> illegal(
        stream_bytes({config().ports, config().port_bits, config().tile_rows}, good.m, good.k, good.planes),
        std::byte{0xFF});
    for (unsigned p = 0; p < config().ports; ++p) {
        product.command.weight_offset = device->map(Space::weights(p), illegal);
    }
    product.write_command();
    result = product.run();
    EXPECT_EQ(result.error, SETUN_ERR_TRIT) << result.describe();
    EXPECT_NE(result.error_address, 0U);

    product.command = good;
    product.write_command();
    result = product.run();
    ASSERT_TRUE(result.ok()) << result.describe();
    EXPECT_EQ(product.results(), expected);
}

TEST(XrtDevice, AnEmptyListAndWrongUse) {
    const auto device = open_xrt();
    const std::uint64_t list = device->allocate(Space::data(), 64);
    EXPECT_THROW(static_cast<void>(device->wait(std::chrono::seconds(1))), DeviceError);
    device->submit(list, 0);
    EXPECT_THROW(device->submit(list, 0), DeviceError);
    const RunResult result = device->wait(std::chrono::minutes(1));
    EXPECT_TRUE(result.ok());
    EXPECT_EQ(result.completed, 0U);
}

TEST(XrtDevice, ADeadlineEndsTheWait) {
    const auto device = open_xrt();
    Product product(*device, 1024, 20'000, 0);  // some 65,000 beats: not done at once
    product.command.m = SETUN_MAX_M;            // and far more than that announced
    product.write_command();
    device->submit(product.list, 1);
    EXPECT_THROW(static_cast<void>(device->wait(std::chrono::milliseconds(0))), DeviceError);
}

}  // namespace
}  // namespace setun

int main(int argc, char** argv) {
    testing::InitGoogleTest(&argc, argv);
    if (testing::GTEST_FLAG(list_tests) || setun::inside_xrt_emulation()) {
        const int result = RUN_ALL_TESTS();
        setun::end_emulated_host();
        return result;
    }
    try {
        setun::XrtEmulation emulation;
        emulation.config = setun::config();
        emulation.memory = "ideal";
        emulation.folder = SETUN_PROGRAM_FOLDER;
        return setun::run_in_xrt_emulation(emulation);
    } catch (const std::exception& error) {
        std::cerr << error.what() << '\n';
        return 1;
    }
}
