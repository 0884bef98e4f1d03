// Every register of the virtual chip's blocks as its processor reads it, with a program of the test's own in
// place of the firmware; and what the platform says when a program does not do.
#include <gtest/gtest.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "rtl/setun_vector_abi.h"
#include "sim/vp/platform.h"
#include "tests/firmware/assembler.h"
#include "tests/firmware/synthetic_elf.h"

namespace setun::vp {
namespace {

using namespace rv;

constexpr std::uint32_t kResults = SETUN_DATA_BASE + 0x1000;
constexpr std::uint32_t kHandler = 0x20;  // behind the header
constexpr std::uint32_t kStart = 0x60;
constexpr std::uint32_t kNorm = SETUN_UNIT_BASE + SETUN_UNIT_NORM * SETUN_UNIT_STRIDE;
constexpr std::uint32_t kDataBytes = 1U << 20U;

/// A program that looks at registers and keeps what it sees in data memory, from kResults on. Its trap
/// handler keeps cause and value of the trap there too and goes on behind the instruction.
class Probe {
  public:
    Probe() {
        code_ << jal(zero, kStart);
        code_.at(kHandler);
        code_ << csrr(t2, mcause) << sw(t2, s0, 0) << csrr(t2, mtval) << sw(t2, s0, 4) << addi(s0, s0, 8);
        code_ << csrr(t2, mepc) << addi(t2, t2, 4) << csrw(mepc, t2) << kMret;
        code_.at(kStart);
        code_.li(s0, kResults).li(t0, kHandler) << csrw(mtvec, t0);
    }
    void write(std::uint32_t address, std::uint32_t value) {
        code_.li(t0, address).li(t1, value) << sw(t1, t0, 0);
    }
    /// The word at `address` must be `expected`.
    void read(std::uint32_t address, std::uint32_t expected, const std::string& what) {
        code_.li(t0, address) << lw(t1, t0, 0);
        keep(expected, what);
    }
    void read_csr(std::uint32_t csr, std::uint32_t expected, const std::string& what) {
        code_ << csrr(t1, csr);
        keep(expected, what);
    }
    /// The instruction, with `address` in t0, must trap.
    void trap(std::uint32_t instruction, std::uint32_t address, std::uint32_t cause,
              const std::string& what) {
        code_.li(t0, address) << instruction;
        expected_.push_back({what + ", cause", cause});
        expected_.push_back({what + ", address", address});
    }
    /// Waits until a bit of a register is set.
    void wait_for(std::uint32_t address, std::int32_t bit) {
        code_.li(t0, address) << lw(t1, t0, 0) << op_imm(7, t1, t1, bit) << branch(0, t1, zero, -8);
    }
    Probe& operator<<(std::uint32_t instruction) {
        code_ << instruction;
        return *this;
    }
    /// Tells the host that it is ready, with `version`, and does nothing until the doorbell rings.
    void ready(std::uint32_t version) {
        write(SETUN_MAILBOX_BASE + SETUN_MBOX_BOOT, version);
        write(SETUN_MAILBOX_BASE + SETUN_MBOX_STATUS, SETUN_STATUS_IDLE);
        wait_for(SETUN_MAILBOX_BASE + SETUN_MBOX_DOORBELL, 1);
    }
    /// The image as a file, which stays until the process ends.
    [[nodiscard]] std::string file(const std::string& name) const {
        test::Elf elf;
        const auto size = static_cast<std::uint32_t>(code_.words().size() * 4);
        elf.header.e_phnum = 1;
        elf.segment[0] = {PT_LOAD, 256, 0, 0, size, size, PF_R | PF_X, 4};
        std::vector<std::byte> bytes = elf.bytes();  // with the headers, but other code
        bytes.resize(256 + size);
        std::memcpy(&bytes.at(256), code_.words().data(), size);
        std::memcpy(&bytes.at(256 + SETUN_HEADER_OFFSET), &elf.firmware, sizeof elf.firmware);
        const std::string path =
            testing::TempDir() + "/setun-" + name + "-" + std::to_string(::getpid()) + ".elf";
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        return path;
    }
    struct Expected {
        std::string what;
        std::uint32_t value;
    };
    [[nodiscard]] const std::vector<Expected>& expected() const { return expected_; }

  private:
    void keep(std::uint32_t expected, const std::string& what) {
        code_ << sw(t1, s0, 0) << addi(s0, s0, 4);
        expected_.push_back({what, expected});
    }
    Program code_;
    std::vector<Expected> expected_;
};

PlatformOptions options_of(const Probe& probe, const std::string& name) {
    PlatformOptions options;
    options.kernel = {1, 512, 1, 0, 1024};
    options.memory = "u50";
    options.data_bytes = kDataBytes;
    options.firmware = probe.file(name);
    return options;
}

/// Builds the platform in a process of its own, which ends with code 3 and the error.
void expect_refused(const PlatformOptions& options, const std::string& text) {
    const auto build = [&options] {
        try {
            const VirtualPlatform platform(options);
        } catch (const PlatformError& error) {
            std::fprintf(stderr, "%s\n", error.what());
            std::exit(3);
        }
        std::exit(0);
    };
    EXPECT_EXIT(build(), testing::ExitedWithCode(3), text);
    std::filesystem::remove(options.firmware);
}

TEST(PlatformDeathTest, NamesWhatDoesNotFitIt) {
    PlatformOptions options = options_of(Probe(), "memory");
    options.memory = "floppy";
    expect_refused(options, "unknown memory preset 'floppy'");
    options = options_of(Probe(), "kernel");
    options.kernel.tokens = 8;
    options.kernel.ports = 4;
    expect_refused(options, "no simulation of kernel 4x512x8");
    options = options_of(Probe(), "data");
    options.data_bytes = 0;
    expect_refused(options, "data memory of 0 bytes; the processor reaches 1 to 2147483648");
}

TEST(PlatformDeathTest, SaysThatAProgramIsNoFirmware) {
    Probe silent;
    silent << jal(zero, 0);  // never ready
    expect_refused(options_of(silent, "silent"), "the firmware did not become ready within [0-9]+ cycles");
    Probe other;
    other.ready(SETUN_PLATFORM_VERSION + 0x10000);
    expect_refused(options_of(other, "other"), "the firmware is for platform version 2, this one is 1");
    Probe stopped;
    stopped << csrw(mtvec, zero) << kEcall;
    expect_refused(options_of(stopped, "stopped"), "device vp: the processor stopped: ");
}

TEST(PlatformRegisters, AreWhatTheProcessorReads) {
    Probe probe;
    const std::uint32_t intc = SETUN_INTC_BASE;
    probe.write(intc + SETUN_INTC_ENABLE, 0x2A5);
    probe.read(intc + SETUN_INTC_ENABLE, 0x2A5, "INTC_ENABLE");
    probe.read(intc + SETUN_INTC_PENDING, 0, "INTC_PENDING");
    probe.write(intc + SETUN_INTC_ENABLE, 0);
    const std::uint32_t timer = SETUN_TIMER_BASE;
    probe.read(timer + SETUN_TIMER_COMPARE_LO, 0xFFFFFFFF, "COMPARE_LO after reset");
    probe.read(timer + SETUN_TIMER_COMPARE_HI, 0xFFFFFFFF, "COMPARE_HI after reset");
    probe.write(timer + SETUN_TIMER_COMPARE_LO, 0x12345678);
    probe.write(timer + SETUN_TIMER_COMPARE_HI, 9);
    probe.read(timer + SETUN_TIMER_COMPARE_LO, 0x12345678, "COMPARE_LO");
    probe.read(timer + SETUN_TIMER_COMPARE_HI, 9, "COMPARE_HI");

    probe.read(kNorm + SETUN_VU_IDENT, SETUN_UNIT_NORM | SETUN_COMMAND_VERSION << 8U, "VU_IDENT");
    probe.read(kNorm + SETUN_VU_CTRL, 0, "VU_CTRL at rest");
    probe.write(kNorm + SETUN_VU_POSITION, 77);
    probe.write(kNorm + SETUN_VU_TOKEN, 88);
    probe.read(kNorm + SETUN_VU_POSITION, 77, "VU_POSITION");
    probe.read(kNorm + SETUN_VU_TOKEN, 88, "VU_TOKEN");
    const auto run = [&](std::uint32_t command, std::uint32_t error, std::uint32_t address,
                         const std::string& what) {
        probe.write(kNorm + SETUN_VU_COMMAND, command);
        probe.read(kNorm + SETUN_VU_COMMAND, command, what + ", VU_COMMAND");
        probe.write(kNorm + SETUN_VU_CTRL, SETUN_VU_START);
        probe.wait_for(kNorm + SETUN_VU_CTRL, SETUN_VU_DONE);
        probe.read(kNorm + SETUN_VU_CTRL, SETUN_VU_DONE, what + ", VU_CTRL");
        probe.read(intc + SETUN_INTC_PENDING, 1U << SETUN_IRQ_UNIT(SETUN_UNIT_NORM), what + ", INTC_PENDING");
        probe.read(kNorm + SETUN_VU_ERROR, error, what + ", VU_ERROR");
        probe.read(kNorm + SETUN_VU_ERROR_ADDR, address, what + ", VU_ERROR_ADDR");
        probe.write(kNorm + SETUN_VU_CTRL, SETUN_VU_ACK);
        probe.read(kNorm + SETUN_VU_CTRL, 0, what + ", VU_CTRL acknowledged");
    };
    run(SETUN_DATA_BASE + 8, SETUN_ERR_ALIGN, SETUN_DATA_BASE + 8, "command off a multiple of 64");
    probe.read(kNorm + SETUN_VU_CYCLES, 0, "VU_CYCLES of it");
    run(SETUN_DATA_BASE, SETUN_ERR_VERSION, SETUN_DATA_BASE, "command of zeros");
    run(SETUN_DATA_BASE + kDataBytes, SETUN_ERR_DATA_READ, SETUN_DATA_BASE + kDataBytes,
        "command behind memory");

    // What no block answers.
    probe.trap(lw(t1, t0, 0), SETUN_MMIO_BASE + 0x9000, 5, "load from nowhere");
    probe.trap(sw(t1, t0, 0), SETUN_MMIO_BASE + 0x9000, 7, "store to nowhere");
    probe.trap(load(0, t1, t0, 0), timer, 5, "byte of a register");
    probe.trap(lw(t1, t0, 0), timer + 0x40, 5, "register that is none");
    probe.trap(sw(t1, t0, 0), intc + SETUN_INTC_PENDING, 7, "register that is read only");

    // Machine registers that firmware saves and restores.
    probe << addi(t1, zero, 11) << csrw(mcause, t1) << addi(t1, zero, 44) << csrw(mtval, t1);
    probe.read_csr(mcause, 11, "mcause");
    probe.read_csr(mtval, 44, "mtval");
    probe.read_csr(0xB82, 0, "minstreth");
    probe.ready(SETUN_PLATFORM_VERSION);
    probe << csrw(mtvec, zero) << kEcall;

    const PlatformOptions options = options_of(probe, "probe");
    VirtualPlatform platform(options);
    std::filesystem::remove(options.firmware);
    EXPECT_EQ(platform.kernel().name(), "1x512x1");
    EXPECT_EQ(platform.clock_hz(), 300e6);
    for (std::size_t i = 0; i < probe.expected().size(); ++i) {
        std::uint32_t value = 0;
        std::memcpy(&value, platform.data().data() + (kResults - SETUN_DATA_BASE) + i * 4, sizeof value);
        EXPECT_EQ(value, probe.expected()[i].value) << probe.expected()[i].what;
    }

    const auto error_of = [](const auto& what) -> std::string {
        try {
            what();
        } catch (const PlatformError& error) {
            return error.what();
        }
        return "accepted";
    };
    EXPECT_EQ(error_of([&] { static_cast<void>(platform.read_mailbox(0x400)); }),
              "device vp: the mailbox has no register 1024");
    EXPECT_EQ(error_of([&] { platform.write_mailbox(SETUN_MBOX_REFUSED, 1); }),
              "device vp: the mailbox has no register 52");
    EXPECT_EQ(error_of([&] { platform.map_weights(1, {}); }),
              "device vp: weight port 1 does not exist, the kernel has 1");
    EXPECT_EQ(error_of([&] { const VirtualPlatform second(options); }),
              "device vp: a process can simulate one chip, once; start another process");
    EXPECT_FALSE(platform.run(1000));  // nothing happens until the doorbell
    platform.write_mailbox(SETUN_MBOX_DOORBELL, 1);
    EXPECT_EQ(error_of([&] { platform.run(100000); }).rfind("device vp: the processor stopped: ", 0), 0U);
}

}  // namespace
}  // namespace setun::vp
