// The emulated card without sockets: memory, registers, a run of the Verilated kernel, and nonsense on the
// wire.
#include "sim/xrt/emulated_device.h"

#include <gtest/gtest.h>

#include <cstring>
#include <random>

#include "rtl/setun_abi.h"
#include "sim/xrt/kernel_image.h"

namespace setun::emulation {
namespace {

std::vector<std::byte> filled(std::size_t size, std::uint64_t seed) {
    std::mt19937_64 random(seed);
    std::vector<std::byte> bytes(size);
    for (std::byte& b : bytes) {
        b = static_cast<std::byte>(random());
    }
    return bytes;
}

class EmulatedDeviceTest : public testing::Test {
  protected:
    EmulatedDeviceTest() : device_(sim::make_kernel_sim(sim::kernel_configs()[0])) {
        banks_ = xclbin::emulation_banks(device_.sim().config().ports);
    }

    MessageReader call(Call number, const MessageWriter& request) {
        reply_ = device_.handle(number, request.data());
        return MessageReader(reply_);
    }
    void allocate(std::uint64_t address, std::uint64_t bytes) {
        MessageWriter request;
        request.number(1, address);
        request.number(2, bytes);
        EXPECT_EQ(call(Call::kAllocate, request).number(1), 1U);
    }
    void release(std::uint64_t address) {
        MessageWriter request;
        request.number(1, address);
        EXPECT_EQ(call(Call::kFree, request).number(1), 1U);
    }
    void write(std::uint64_t address, std::uint64_t seek, std::span<const std::byte> bytes) {
        MessageWriter request;
        request.number(3, address);
        request.bytes(4, bytes);
        request.number(5, bytes.size());
        request.number(6, seek);
        EXPECT_EQ(call(Call::kHostToDevice, request).number(1), bytes.size());
    }
    std::vector<std::byte> read(std::uint64_t address, std::uint64_t skip, std::uint64_t size) {
        MessageWriter request;
        request.number(4, address);
        request.number(5, size);
        request.number(6, skip);
        const auto bytes = call(Call::kDeviceToHost, request).bytes(2);
        return {bytes.begin(), bytes.end()};
    }
    void write_register(std::uint32_t offset, std::uint32_t value) {
        MessageWriter request;
        request.number(2, xclbin::kControlBase + offset);
        request.number(3, sizeof value);
        request.bytes(4, std::as_bytes(std::span(&value, 1)));
        EXPECT_EQ(call(Call::kWriteRegisters, request).number(1), 1U);
    }
    std::uint32_t read_register(std::uint32_t offset) {
        MessageWriter request;
        request.number(2, xclbin::kControlBase + offset);
        request.number(3, 4);
        std::uint32_t value = 0;
        const auto bytes = call(Call::kReadRegisters, request).bytes(2);
        EXPECT_EQ(bytes.size(), sizeof value);
        std::memcpy(&value, bytes.data(), sizeof value);
        return value;
    }
    void expect_refused(Call number, const MessageWriter& request, const std::string& why) {
        try {
            static_cast<void>(device_.handle(number, request.data()));
            ADD_FAILURE() << "not refused: " << why;
        } catch (const ProtocolError& error) {
            EXPECT_NE(std::string(error.what()).find(why), std::string::npos) << error.what();
        }
    }
    [[nodiscard]] std::uint64_t data_base() const { return banks_.back().base; }

    EmulatedDevice device_;
    std::vector<xclbin::Bank> banks_;
    std::vector<std::byte> reply_;
};

TEST_F(EmulatedDeviceTest, MemoryKeepsWhatIsWritten) {
    for (const auto& bank : banks_) {
        const std::uint64_t address = bank.base + 0x3000;
        allocate(address, 8192);
        EXPECT_EQ(read(address, 0, 8192), std::vector<std::byte>(8192));
        const auto first = filled(8192, bank.base);
        write(address, 0, first);
        const auto part = filled(100, 1);
        write(address, 5000, part);  // seek counts from the address
        auto expected = first;
        std::copy(part.begin(), part.end(), expected.begin() + 5000);
        EXPECT_EQ(read(address, 0, 8192), expected);
        EXPECT_EQ(read(address, 5000, 100), part);
        release(address);
        allocate(address, 4096);
        EXPECT_EQ(read(address, 0, 4096), std::vector<std::byte>(4096)) << "a new buffer is zero";
    }
}

TEST_F(EmulatedDeviceTest, RunsACommandListLikeXrtDoes) {
    const sim::KernelConfig config = device_.sim().config();
    const std::uint64_t list = data_base() + 0x10000;
    allocate(list, 4096);
    std::array<Command, 3> commands{};  // NOPs
    write(list, 0, std::as_bytes(std::span(commands)));
    EXPECT_EQ(read_register(SETUN_REG_MAGIC), SETUN_MAGIC);
    EXPECT_EQ(read_register(SETUN_REG_CONFIG0),
              config.port_bits | config.ports << 16U | config.tokens << 24U);
    for (int round = 0; round < 3; ++round) {
        // One write a register, gaps included, then the start bit.
        const auto last = xclbin::kernel_arguments(config.ports).back();
        for (std::uint32_t offset = 0x10; offset < last.offset + last.bytes; offset += 4) {
            const std::uint32_t value = offset == SETUN_REG_LIST_LO ? static_cast<std::uint32_t>(list)
                                        : offset == SETUN_REG_LIST_HI
                                            ? static_cast<std::uint32_t>(list >> 32U)
                                        : offset == SETUN_REG_LIST_COUNT ? 3U
                                                                         : 0U;
            write_register(offset, value);
        }
        EXPECT_FALSE(device_.busy());
        write_register(SETUN_REG_CTRL, SETUN_CTRL_START);
        EXPECT_TRUE(device_.busy());
        EXPECT_EQ(read_register(SETUN_REG_CTRL) & SETUN_CTRL_IDLE, 0U) << "idle drops with the start";
        std::uint32_t control = 0;
        for (int i = 0; i < 1000 && (control & SETUN_CTRL_DONE) == 0; ++i) {
            device_.advance(16);
            control = read_register(SETUN_REG_CTRL);
        }
        EXPECT_NE(control & SETUN_CTRL_DONE, 0U);
        EXPECT_FALSE(device_.busy()) << "reading done stops the clock";
        EXPECT_EQ(read_register(SETUN_REG_CTRL) & SETUN_CTRL_DONE, 0U) << "done clears on read";
        EXPECT_EQ(read_register(SETUN_REG_ERROR), SETUN_ERR_NONE);
        EXPECT_EQ(read_register(SETUN_REG_COMPLETED), 3U);
    }
}

TEST_F(EmulatedDeviceTest, ABufferFreedDuringARunStaysReadable) {
    const std::uint64_t list = data_base();
    allocate(list, 4096);
    write_register(SETUN_REG_LIST_LO, static_cast<std::uint32_t>(list));
    write_register(SETUN_REG_LIST_HI, static_cast<std::uint32_t>(list >> 32U));
    write_register(SETUN_REG_LIST_COUNT, 1);
    std::array<Command, 1> commands{};
    write(list, 0, std::as_bytes(std::span(commands)));
    write_register(SETUN_REG_CTRL, SETUN_CTRL_START);
    release(list);
    EXPECT_EQ(read(list, 0, 64).size(), 64U);
    device_.advance(2000);
    EXPECT_NE(read_register(SETUN_REG_CTRL) & SETUN_CTRL_DONE, 0U);
    EXPECT_EQ(read_register(SETUN_REG_ERROR), SETUN_ERR_NONE);
    MessageWriter request;
    request.number(4, list);
    request.number(5, 64);
    expect_refused(Call::kDeviceToHost, request, "leaves the allocated buffers");
}

TEST_F(EmulatedDeviceTest, ServiceCalls) {
    EXPECT_EQ(call(Call::kSetEnvironment, {}).number(1), 1U);
    EXPECT_TRUE(call(Call::kTimestamp, {}).number(1).has_value());
    EXPECT_TRUE(call(Call::kDebugMessages, {}).bytes(1).empty());
    EXPECT_FALSE(device_.closed());
    EXPECT_EQ(call(Call::kClose, {}).number(1), 1U);
    EXPECT_TRUE(device_.closed());
}

TEST_F(EmulatedDeviceTest, NonsenseIsRefusedWithAReason) {
    const auto numbers = [](std::initializer_list<std::pair<unsigned, std::uint64_t>> fields) {
        MessageWriter writer;
        for (const auto& [field, value] : fields) {
            writer.number(field, value);
        }
        return writer;
    };
    constexpr std::uint64_t kHuge = ~std::uint64_t{0};
    const std::uint64_t base = data_base();
    expect_refused(static_cast<Call>(77), {}, "call 77");
    expect_refused(Call::kAllocate, {}, "buffer address");
    expect_refused(Call::kAllocate, numbers({{1, base}}), "buffer size");
    expect_refused(Call::kAllocate, numbers({{1, 0x1000}, {2, 4096}}), "no memory");
    expect_refused(Call::kAllocate, numbers({{1, base}, {2, kHuge}}), "does not fit");
    expect_refused(Call::kAllocate, numbers({{1, base + 4096}, {2, banks_.back().bytes}}), "does not fit");
    expect_refused(Call::kAllocate, numbers({{1, base}, {2, 0}}), "does not fit");
    expect_refused(Call::kAllocate, numbers({{1, base + 8}, {2, 4096}}), "multiple of 4096");
    allocate(base, 4096);
    expect_refused(Call::kAllocate, numbers({{1, base}, {2, 4096}}), "overlaps");
    expect_refused(Call::kFree, numbers({{1, base + 4096}}), "not allocated");
    expect_refused(Call::kDeviceToHost, numbers({{4, base}, {5, 4097}}), "leaves the allocated");
    expect_refused(Call::kDeviceToHost, numbers({{4, base}, {5, kHuge}}), "larger than 16 MiB");
    expect_refused(Call::kDeviceToHost, numbers({{4, base}, {5, 8}, {6, kHuge}}), "end of the address space");
    expect_refused(Call::kHostToDevice, numbers({{3, base}, {5, 8}}), "more bytes than it brings");
    const std::uint64_t control = xclbin::kControlBase;
    expect_refused(Call::kReadRegisters, numbers({{2, control + 2}, {3, 4}}), "whole registers");
    expect_refused(Call::kReadRegisters, numbers({{2, control}, {3, 3}}), "whole registers");
    expect_refused(Call::kReadRegisters, numbers({{2, control + 0xFFC}, {3, 8}}), "whole registers");
    expect_refused(Call::kReadRegisters, numbers({{2, control}, {3, kHuge & ~3ULL}}), "whole registers");
    expect_refused(Call::kReadRegisters, numbers({{2, 0}, {3, 4}}), "whole registers");
    expect_refused(Call::kWriteRegisters, numbers({{2, control}, {3, 4}}), "more bytes than it brings");
    release(base);
    expect_refused(Call::kFree, numbers({{1, base}}), "not allocated");
}

TEST_F(EmulatedDeviceTest, RandomRequestsNeverCrash) {
    const std::array calls{Call::kAllocate,     Call::kFree,           Call::kHostToDevice,
                           Call::kDeviceToHost, Call::kWriteRegisters, Call::kReadRegisters,
                           Call::kDebugMessages};
    std::size_t refused = 0;
    std::mt19937_64 random(0);
    for (int round = 0; round < 3000; ++round) {
        MessageWriter request;
        for (unsigned i = 0; i < 4; ++i) {
            const auto field = static_cast<unsigned>(1 + random() % 6);
            const std::array<std::uint64_t, 6> values{random(),
                                                      data_base() + random() % 8192,
                                                      xclbin::kControlBase + random() % 0x1100,
                                                      random() % 9000,
                                                      0,
                                                      4096};
            if (random() % 4 == 0) {
                request.bytes(field, filled(random() % 64, random()));
            } else {
                request.number(field, values[random() % values.size()]);
            }
        }
        try {
            static_cast<void>(device_.handle(calls[random() % calls.size()], request.data()));
        } catch (const ProtocolError&) {
            ++refused;
        }
    }
    EXPECT_GT(refused, 1000U);
    EXPECT_EQ(read_register(SETUN_REG_MAGIC), SETUN_MAGIC);
}

}  // namespace
}  // namespace setun::emulation
