// The processor as a device: results, errors and counters of command lists.
#include "host/cpu/cpu_device.h"

#include <gtest/gtest.h>

#include <functional>
#include <string>
#include <vector>

#include "hls/ternary_matmul.h"
#include "hls/trit.h"
#include "host/base/error.h"
#include "host/device/packing.h"
#include "tests/hls/random_data.h"

namespace setun {
namespace {

constexpr std::chrono::milliseconds kLong{600000};

template <class T>
std::span<const std::byte> bytes_of(const std::vector<T>& values) {
    return std::as_bytes(std::span(values));
}

/// A device with one matrix, its activations and room for results.
class CpuDeviceTest : public ::testing::Test {
  protected:
    static constexpr std::uint32_t kM = 70;
    static constexpr std::uint32_t kK = 333;
    static constexpr unsigned kPlanes = 2;
    static constexpr unsigned kColumns = 4;
    static constexpr unsigned kTokens = 3;
    static constexpr std::uint32_t kStride = 384;

    void SetUp() override {
        test::Random random(0);
        w_ = random.integers<std::int8_t>(static_cast<std::size_t>(kM) * kK, -4, 4);
        streams_ = pack_matrix(layout_, kM, kK, kPlanes, std::span<const std::int8_t>(w_));
        for (unsigned port = 0; port < layout_.ports; ++port) {
            weight_offset_ = device_->map(Space::weights(port), streams_[port]);
        }
        x_.assign(static_cast<std::size_t>(kTokens) * kStride, 99);
        std::vector<std::int8_t> tight;
        for (unsigned t = 0; t < kTokens; ++t) {
            const auto row = random.integers<std::int8_t>(kK, -128, 127);
            std::copy(row.begin(), row.end(), x_.begin() + t * kStride);
            tight.insert(tight.end(), row.begin(), row.end());
        }
        x_offset_ = device_->allocate(Space::data(), x_.size());
        device_->write(Space::data(), x_offset_, bytes_of(x_));
        y_offset_ = device_->allocate(Space::data(), 4UL * kM * kColumns);
        std::vector<std::int32_t> narrow(static_cast<std::size_t>(kM) * kTokens);
        hls::matmul_reference(w_.data(), kM, kK, tight.data(), kTokens, narrow.data());
        expected_.assign(static_cast<std::size_t>(kM) * kColumns, 0);
        for (std::size_t i = 0; i < narrow.size(); ++i) {
            expected_[i / kTokens * kColumns + i % kTokens] = narrow[i];
        }
    }

    [[nodiscard]] Command matmul() const {
        Command c;
        c.opcode = SETUN_OP_MATMUL;
        c.weight_offset = weight_offset_;
        c.x_offset = x_offset_;
        c.y_offset = y_offset_;
        c.m = kM;
        c.k = kK;
        c.tokens = kTokens;
        c.planes = kPlanes;
        c.encoding = SETUN_TRIT_CODE_T5;
        c.x_stride = kStride;
        return c;
    }

    RunResult run(const std::vector<Command>& list) {
        list_offset_ = device_->allocate(Space::data(), list.size() * sizeof(Command));
        device_->write(Space::data(), list_offset_, bytes_of(list));
        device_->submit(list_offset_, static_cast<std::uint32_t>(list.size()));
        return device_->wait(kLong);
    }

    std::vector<std::int32_t> results() {
        std::vector<std::int32_t> y(static_cast<std::size_t>(kM) * kColumns);
        device_->read(Space::data(), y_offset_, std::as_writable_bytes(std::span(y)));
        return y;
    }

    StreamLayout layout_{2, 128, 16};
    std::unique_ptr<Device> device_ = make_cpu_device({2, 128, kColumns, 16, 2, KernelPath::kBest});
    std::vector<std::int8_t> w_, x_;
    PackedStreams streams_;
    std::vector<std::int32_t> expected_;
    std::uint64_t weight_offset_ = 0, x_offset_ = 0, y_offset_ = 0, list_offset_ = 0;
};

TEST_F(CpuDeviceTest, SaysWhatItIs) {
    const DeviceInfo& info = device_->info();
    EXPECT_EQ(info.name, "cpu");
    EXPECT_EQ(info.ports, 2U);
    EXPECT_EQ(info.port_bits, 128U);
    EXPECT_EQ(info.tokens, kColumns);
    EXPECT_EQ(info.tile_rows, 16U);
    EXPECT_FALSE(info.cycle_accurate);
    EXPECT_NE(info.engine.find("2 threads"), std::string::npos) << info.engine;
}

TEST_F(CpuDeviceTest, RunsAListAndCounts) {
    Command fence;
    fence.flags = SETUN_FLAG_FENCE;
    const RunResult result = run({matmul(), fence, matmul()});
    ASSERT_TRUE(result.ok()) << result.describe();
    EXPECT_EQ(result.completed, 3U);
    EXPECT_EQ(results(), expected_);
    const StreamIndex index(layout_, kM, kK, kPlanes);
    EXPECT_EQ(result.counters.beats, 2 * 2 * index.beats_per_port());
    EXPECT_EQ(result.counters.weight_bytes, result.counters.beats * 16);
    EXPECT_EQ(result.counters.nonzero, 2 * count_trits(index, views(streams_)).nonzero);
    EXPECT_EQ(result.counters.data_write_bytes, 2 * 4 * kM * kColumns);
    EXPECT_EQ(result.counters.data_read_bytes, 3 * 64 + 2 * kTokens * 384);
    EXPECT_EQ(result.counters.cycles, 0U) << "this device has no clock";
}

TEST_F(CpuDeviceTest, EmptyListIsDoneAtOnce) {
    device_->submit(0, 0);
    const RunResult result = device_->wait(kLong);
    EXPECT_TRUE(result.ok());
    EXPECT_EQ(result.completed, 0U);
}

TEST_F(CpuDeviceTest, DescriptorErrors) {
    const auto m = [](auto edit) { return std::function<void(Command&)>(edit); };
    const std::vector<std::pair<std::uint32_t, std::function<void(Command&)>>> cases = {
        {SETUN_ERR_VERSION, m([](Command& c) { c.version = 2; })},
        {SETUN_ERR_OPCODE, m([](Command& c) { c.opcode = 2; })},
        {SETUN_ERR_FLAGS, m([](Command& c) { c.flags = 2; })},
        {SETUN_ERR_FLAGS, m([](Command& c) { c.reserved[0] = 1; })},
        {SETUN_ERR_FLAGS, m([](Command& c) { c.reserved[15] = 0x80; })},
        {SETUN_ERR_SHAPE, m([](Command& c) { c.m = 0; })},
        {SETUN_ERR_SHAPE, m([](Command& c) { c.m = SETUN_MAX_M + 1; })},
        {SETUN_ERR_SHAPE, m([](Command& c) { c.k = 0; })},
        {SETUN_ERR_SHAPE, m([](Command& c) { c.k = SETUN_MAX_K + 1; })},
        {SETUN_ERR_SHAPE, m([](Command& c) { c.tokens = 0; })},
        {SETUN_ERR_SHAPE, m([](Command& c) { c.tokens = kColumns + 1; })},
        {SETUN_ERR_SHAPE, m([](Command& c) { c.planes = 0; })},
        {SETUN_ERR_SHAPE, m([](Command& c) { c.planes = 6; })},
        {SETUN_ERR_ALIGN, m([](Command& c) { c.weight_offset += 32; })},
        {SETUN_ERR_ALIGN, m([](Command& c) { c.x_offset += 1; })},
        {SETUN_ERR_ALIGN, m([](Command& c) { c.y_offset += 4; })},
        {SETUN_ERR_ALIGN, m([](Command& c) { c.x_stride += 8; })},
        {SETUN_ERR_ADDRESS, m([](Command& c) { c.weight_offset = 0ULL - 64; })},
        {SETUN_ERR_ADDRESS, m([](Command& c) { c.x_offset = 0ULL - 64; })},
        {SETUN_ERR_ADDRESS, m([](Command& c) { c.y_offset = 0ULL - 64; })},
        {SETUN_ERR_ENCODING, m([](Command& c) { c.encoding = 0; })},
        {SETUN_ERR_WEIGHT_READ, m([](Command& c) { c.weight_offset += 1ULL << 40; })},
        {SETUN_ERR_WEIGHT_READ, m([](Command& c) { c.m = 1000; })},
        {SETUN_ERR_DATA_READ, m([](Command& c) { c.x_offset += 1ULL << 40; })},
        {SETUN_ERR_DATA_READ, m([](Command& c) { c.x_stride += 64; })},
        {SETUN_ERR_DATA_WRITE, m([](Command& c) { c.y_offset += 64; })},
    };
    for (std::size_t i = 0; i < cases.size(); ++i) {
        SCOPED_TRACE("case " + std::to_string(i));
        Command bad = matmul();
        cases[i].second(bad);
        const RunResult result = run({Command{}, bad, matmul()});
        EXPECT_EQ(result.error, cases[i].first) << result.describe();
        EXPECT_EQ(result.error_index, 1U);
        EXPECT_EQ(result.completed, 1U);
        if (result.error <= SETUN_ERR_ENCODING) {
            EXPECT_EQ(result.error_address, list_offset_ + 64) << result.describe();
        }
        const RunResult next = run({matmul()});
        EXPECT_TRUE(next.ok()) << "a start clears the error: " << next.describe();
    }
}

TEST_F(CpuDeviceTest, TheLowestCodeIsReported) {
    Command bad = matmul();
    std::uint32_t want = SETUN_ERR_ENCODING;
    const std::vector<std::function<void(Command&)>> edits = {
        [](Command& c) { c.encoding = 9; },    [](Command& c) { c.y_offset = 0ULL - 64; },
        [](Command& c) { c.x_offset += 1; },   [](Command& c) { c.planes = 7; },
        [](Command& c) { c.reserved[3] = 1; }, [](Command& c) { c.opcode = 77; },
        [](Command& c) { c.version = 0; },
    };
    for (const auto& edit : edits) {
        edit(bad);
        EXPECT_EQ(run({bad}).error, want);
        --want;
    }
    EXPECT_EQ(want, 0U);
}

TEST_F(CpuDeviceTest, ANopIsNotAskedForAShape) {
    Command nop;
    nop.m = 0xFFFFFFFF;
    nop.x_offset = 1;
    nop.encoding = 200;
    EXPECT_TRUE(run({nop}).ok());
    nop.reserved[7] = 1;
    EXPECT_EQ(run({nop}).error, SETUN_ERR_FLAGS);
}

TEST_F(CpuDeviceTest, OperandsMayEndExactlyAtTheEndOfTheAddressSpace) {
    Command c = matmul();
    c.y_offset = 0ULL - 4 * kM * kColumns;  // 1120, not a multiple of 64
    EXPECT_EQ(run({c}).error, SETUN_ERR_ALIGN);
    c.m = 64;
    c.y_offset = 0ULL - 4 * 64 * kColumns;
    EXPECT_EQ(run({c}).error, SETUN_ERR_DATA_WRITE) << "no wrap: the bus is asked and refuses";
}

TEST_F(CpuDeviceTest, IllegalTritNamesPortAndBeat) {
    PackedStreams damaged = streams_;
    std::fill_n(damaged[1].begin() + 16 * 5, 16, std::byte{0xFF});
    Command c = matmul();
    for (unsigned port = 0; port < 2; ++port) {
        c.weight_offset = device_->map(Space::weights(port), damaged[port]);
    }
    const RunResult result = run({matmul(), c});
    EXPECT_EQ(result.error, SETUN_ERR_TRIT);
    EXPECT_EQ(result.error_index, 1U);
    EXPECT_EQ(result.error_info, 1U);
    EXPECT_EQ(result.error_address, c.weight_offset + 16 * 5);
    EXPECT_EQ(result.completed, 1U);
}

TEST_F(CpuDeviceTest, ListOutsideMemoryOrMisaligned) {
    device_->submit(1ULL << 41, 1);
    RunResult result = device_->wait(kLong);
    EXPECT_EQ(result.error, SETUN_ERR_LIST_READ);
    EXPECT_EQ(result.error_address, 1ULL << 41);
    device_->submit(x_offset_ + 8, 1);
    EXPECT_EQ(device_->wait(kLong).error, SETUN_ERR_ALIGN);
}

TEST_F(CpuDeviceTest, MapDoesNotCopy) {
    std::vector<std::int8_t> moved = x_;
    Command c = matmul();
    c.x_offset = device_->map(Space::data(), bytes_of(moved));
    ASSERT_TRUE(run({c}).ok());
    EXPECT_EQ(results(), expected_);
    std::fill(moved.begin(), moved.end(), std::int8_t{0});
    ASSERT_TRUE(run({c}).ok());
    EXPECT_EQ(results(), std::vector<std::int32_t>(expected_.size(), 0));
    Command to_mapped = matmul();
    to_mapped.y_offset = c.x_offset;
    to_mapped.m = 8;
    EXPECT_EQ(run({to_mapped}).error, SETUN_ERR_DATA_WRITE) << "mapped bytes are not the kernel's to write";
}

TEST_F(CpuDeviceTest, WrongUseIsRefused) {
    std::vector<std::byte> bytes(128);
    EXPECT_THROW(device_->write(Space::data(), 1ULL << 50, bytes), DeviceError);
    EXPECT_THROW(device_->read(Space::data(), y_offset_ + 4UL * kM * kColumns - 64, bytes), DeviceError);
    EXPECT_THROW(device_->write(Space::weights(0), weight_offset_, bytes), DeviceError)
        << "mapped, not allocated";
    EXPECT_THROW(device_->allocate(Space::weights(2), 64), DeviceError);
    EXPECT_THROW(device_->allocate(Space::data(), ~std::size_t{0} / 4), DeviceError);
    EXPECT_THROW(device_->wait(kLong), DeviceError);
    device_->submit(0, 0);
    EXPECT_THROW(device_->submit(0, 0), DeviceError);
}

TEST_F(CpuDeviceTest, AllocationsAreZeroAlignedAndApart) {
    const std::uint64_t a = device_->allocate(Space::data(), 10);
    const std::uint64_t b = device_->allocate(Space::data(), 5000);
    EXPECT_EQ(a % 4096, 0U);
    EXPECT_EQ(b % 4096, 0U);
    EXPECT_GE(b, a + 10);
    std::vector<std::byte> bytes(5000, std::byte{1});
    device_->read(Space::data(), b, bytes);
    EXPECT_EQ(bytes, std::vector<std::byte>(5000));
}

TEST(CpuDeviceOptions, WhatNoKernelHasIsRefused) {
    EXPECT_THROW(make_cpu_device({3, 512, 1, 1024, 1, KernelPath::kBest}), InputError);
    EXPECT_THROW(make_cpu_device({1, 100, 1, 1024, 1, KernelPath::kBest}), InputError);
    EXPECT_THROW(make_cpu_device({1, 512, 3, 1024, 1, KernelPath::kBest}), InputError);
    EXPECT_THROW(make_cpu_device({1, 512, 1, 1000, 1, KernelPath::kBest}), InputError);
}

/// Every configuration gives the same integers for the same matrix.
TEST(CpuDeviceOptions, ConfigurationsAgree) {
    test::Random random(5);
    const std::uint32_t m = 97;
    const std::uint32_t k = 450;
    const auto w = random.integers<std::int8_t>(static_cast<std::size_t>(m) * k, -40, 40);
    std::vector<std::int8_t> x(512, 0);
    std::generate_n(x.begin(), k, [&] { return static_cast<std::int8_t>(random.between(-128, 127)); });
    std::vector<std::int32_t> want(m);
    hls::matmul_reference(w.data(), m, k, x.data(), 1, want.data());
    for (const unsigned ports : {1U, 2U, 4U}) {
        for (const unsigned bits : {128U, 256U, 512U}) {
            for (const unsigned columns : {1U, 2U, 8U}) {
                const auto device = make_cpu_device({ports, bits, columns, 16, 1, KernelPath::kBest});
                const PackedStreams streams =
                    pack_matrix({ports, bits, 16}, m, k, 4, std::span<const std::int8_t>(w));
                Command c;
                for (unsigned p = 0; p < ports; ++p) {
                    c.weight_offset = device->map(Space::weights(p), streams[p]);
                }
                c.opcode = SETUN_OP_MATMUL;
                c.x_offset = device->map(Space::data(), bytes_of(x));
                c.y_offset = device->allocate(Space::data(), 4UL * m * columns);
                c.m = m;
                c.k = k;
                c.tokens = 1;
                c.planes = 4;
                c.encoding = SETUN_TRIT_CODE_T5;
                const std::vector<Command> list = {c};
                device->submit(device->map(Space::data(), bytes_of(list)), 1);
                ASSERT_TRUE(device->wait(kLong).ok());
                std::vector<std::int32_t> y(static_cast<std::size_t>(m) * columns);
                device->read(Space::data(), c.y_offset, std::as_writable_bytes(std::span(y)));
                for (std::size_t r = 0; r < m; ++r) {
                    ASSERT_EQ(y[r * columns], want[r])
                        << ports << ' ' << bits << ' ' << columns << " row " << r;
                }
            }
        }
    }
}

}  // namespace
}  // namespace setun
