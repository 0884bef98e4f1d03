// The register block: identification, read-back, strobes, unmapped offsets, ap_ctrl_hs semantics, interrupts,
// AXI4-Lite channel order.
#include <gtest/gtest.h>

#include <array>
#include <random>

#include "tests/rtl/bench.h"

namespace setun::sim::test {
namespace {

constexpr std::uint32_t kWatchdogReset = 0x00100000;
constexpr unsigned kPasses = 7 * 7;  // tiles x chunks of the largest product here, in the smallest kernel
constexpr std::uint32_t kDone = 1;
constexpr std::uint32_t kReady = 2;

class Control : public testing::TestWithParam<KernelConfig> {
  protected:
    Control() : bench_(GetParam(), options()) {
        // The bench enables interrupts; start from what reset leaves.
        sim().reset();
    }
    void TearDown() override { bench_.expect_no_violations(); }

    static SimOptions options() {
        SimOptions o;
        o.check_protocol = true;
        return o;
    }
    KernelSim& sim() { return bench_.sim(); }

    LiteRead read(std::uint32_t offset, unsigned ar_delay = 0, unsigned r_delay = 0) {
        LiteRead r{.offset = offset, .ar_delay = ar_delay, .r_delay = r_delay};
        sim().access(nullptr, &r);
        return r;
    }
    LiteWrite write(LiteWrite w) {
        sim().access(&w, nullptr);
        return w;
    }

    struct Register {
        std::uint32_t offset;
        std::uint32_t mask;
    };
    std::vector<Register> writable() {
        std::vector<Register> all = {{SETUN_REG_LIST_LO, ~0U},      {SETUN_REG_LIST_HI, ~0U},
                                     {SETUN_REG_LIST_COUNT, ~0U},   {SETUN_REG_DATA_BASE_LO, ~0U},
                                     {SETUN_REG_DATA_BASE_HI, ~0U}, {SETUN_REG_WATCHDOG, ~0U},
                                     {SETUN_REG_GIE, 1U},           {SETUN_REG_IER, 3U}};
        for (unsigned p = 0; p < sim().config().ports; ++p) {
            all.push_back({SETUN_REG_W_BASE_LO + p * SETUN_REG_W_STRIDE, ~0U});
            all.push_back({SETUN_REG_W_BASE_HI + p * SETUN_REG_W_STRIDE, ~0U});
        }
        return all;
    }

    /// Starts an empty list and waits until the kernel is idle again, without reading CTRL's done bit away.
    void run_empty_list() {
        sim().write_register(SETUN_REG_LIST_COUNT, 0);
        sim().write_register(SETUN_REG_CTRL, SETUN_CTRL_START);
        sim().step(20);
    }

    Bench bench_;
};

TEST_P(Control, Identification) {
    const KernelConfig& c = GetParam();
    EXPECT_EQ(sim().read_register(SETUN_REG_MAGIC), SETUN_MAGIC);
    EXPECT_EQ(sim().read_register(SETUN_REG_VERSION), SETUN_ABI_VERSION);
    EXPECT_EQ(sim().read_register(SETUN_REG_CONFIG0), c.port_bits | c.ports << 16U | c.tokens << 24U);
    EXPECT_EQ(sim().read_register(SETUN_REG_CONFIG1),
              c.tile_rows | SETUN_TRIT_CODE_T5 << 16U | c.leaf << 24U);
    EXPECT_EQ(sim().read_register(SETUN_REG_OMITTED), c.counts_nonzero ? 0U : SETUN_OMITTED_NONZERO);
}

TEST_P(Control, ResetValues) {
    EXPECT_EQ(sim().read_register(SETUN_REG_CTRL), SETUN_CTRL_IDLE);
    EXPECT_EQ(sim().read_register(SETUN_REG_GIE), 0U);
    EXPECT_EQ(sim().read_register(SETUN_REG_IER), 0U);
    EXPECT_EQ(sim().read_register(SETUN_REG_ISR), 0U);
    EXPECT_EQ(sim().read_register(SETUN_REG_WATCHDOG), kWatchdogReset);
    EXPECT_EQ(sim().read_register(SETUN_REG_ERROR), SETUN_ERR_NONE);
    EXPECT_EQ(sim().read_register(SETUN_REG_COMPLETED), 0U);
    EXPECT_FALSE(sim().interrupt());
}

TEST_P(Control, ResetClearsAllButTheWatchdog) {
    for (const Register& r : writable()) {
        sim().write_register(r.offset, ~0U);
    }
    sim().reset(2);
    for (const Register& r : writable()) {
        EXPECT_EQ(sim().read_register(r.offset), r.offset == SETUN_REG_WATCHDOG ? kWatchdogReset : 0U)
            << r.offset;
    }
}

TEST_P(Control, ReadBackOfEveryBit) {
    for (const Register& r : writable()) {
        SCOPED_TRACE("offset " + std::to_string(r.offset));
        for (unsigned bit = 0; bit < 32; ++bit) {
            sim().write_register(r.offset, 1U << bit);
            EXPECT_EQ(sim().read_register(r.offset), (1U << bit) & r.mask);
        }
        sim().write_register(r.offset, ~0U);
        EXPECT_EQ(sim().read_register(r.offset), r.mask);
    }
}

TEST_P(Control, RegistersAreIndependent) {
    std::mt19937 random(0);
    std::vector<Register> registers = writable();
    std::vector<std::uint32_t> values;
    for (const Register& r : registers) {
        values.push_back(static_cast<std::uint32_t>(random()));
        sim().write_register(r.offset, values.back());
    }
    for (std::size_t i = 0; i < registers.size(); ++i) {
        EXPECT_EQ(sim().read_register(registers[i].offset), values[i] & registers[i].mask)
            << registers[i].offset;
    }
}

TEST_P(Control, ByteStrobes) {
    for (const Register& r : writable()) {
        for (unsigned strobe = 0; strobe < 16; ++strobe) {
            sim().write_register(r.offset, 0xFFFFFFFF);
            write({.offset = r.offset, .value = 0x00000000, .strobe = strobe});
            std::uint32_t expected = 0xFFFFFFFF;
            for (unsigned byte = 0; byte < 4; ++byte) {
                if ((strobe >> byte & 1U) != 0) {
                    expected &= ~(0xFFU << 8 * byte);
                }
            }
            EXPECT_EQ(sim().read_register(r.offset), expected & r.mask)
                << "offset " << r.offset << " strobe " << strobe;
        }
    }
}

TEST_P(Control, StartNeedsItsByte) {
    // Byte 0 not strobed: the start bit on the bus must not start anything.
    write({.offset = SETUN_REG_CTRL, .value = SETUN_CTRL_START, .strobe = 0xE});
    sim().step(20);
    EXPECT_EQ(sim().read_register(SETUN_REG_CTRL), SETUN_CTRL_IDLE);
}

TEST_P(Control, ReadOnlyRegistersIgnoreWrites) {
    for (const std::uint32_t offset :
         {SETUN_REG_MAGIC, SETUN_REG_VERSION, SETUN_REG_CONFIG0, SETUN_REG_CONFIG1, SETUN_REG_OMITTED,
          SETUN_REG_ERROR, SETUN_REG_ERROR_INDEX, SETUN_REG_ERROR_ADDR_LO, SETUN_REG_ERROR_ADDR_HI,
          SETUN_REG_ERROR_INFO, SETUN_REG_COMPLETED, SETUN_REG_CYCLES_LO, SETUN_REG_BUSY_LO,
          SETUN_REG_BEATS_LO, SETUN_REG_STALL_W_LO, SETUN_REG_STALL_X_LO, SETUN_REG_STALL_Y_LO,
          SETUN_REG_NONZERO_LO}) {
        const std::uint32_t before = sim().read_register(offset);
        sim().write_register(offset, ~before);
        EXPECT_EQ(sim().read_register(offset), before) << offset;
    }
}

TEST_P(Control, UnmappedOffsetsReadZero) {
    std::vector<bool> mapped(SETUN_REG_END, false);
    for (const Register& r : writable()) {
        mapped[r.offset] = true;
    }
    for (const std::uint32_t offset : {SETUN_REG_CTRL, SETUN_REG_ISR}) {
        mapped[offset] = true;
    }
    for (std::uint32_t offset = SETUN_REG_MAGIC; offset <= SETUN_REG_OMITTED; offset += 4) {
        mapped[offset] = true;
    }
    for (std::uint32_t offset = SETUN_REG_CYCLES_LO; offset < SETUN_REG_END; offset += 4) {
        mapped[offset] = true;
    }
    for (std::uint32_t offset = 0; offset < SETUN_REG_END; offset += 4) {
        if (!mapped[offset]) {
            const LiteWrite w = write({.offset = offset, .value = 0xDEADBEEF});
            EXPECT_EQ(w.response, Response::kOkay) << offset;
            const LiteRead r = read(offset);
            EXPECT_EQ(r.response, Response::kOkay) << offset;
            EXPECT_EQ(r.value, 0U) << offset;
        }
    }
}

TEST_P(Control, BeyondTheMapIsAnError) {
    for (const std::uint32_t offset : {SETUN_REG_END, SETUN_REG_END + 4, 0x400U, 0x800U, 0xFFCU}) {
        EXPECT_EQ(read(offset).response, Response::kSlvErr) << offset;
        EXPECT_EQ(write({.offset = offset, .value = 1}).response, Response::kSlvErr) << offset;
    }
    EXPECT_EQ(read(SETUN_REG_END - 4).response, Response::kOkay);
    EXPECT_EQ(sim().read_register(SETUN_REG_CTRL), SETUN_CTRL_IDLE) << "an address bit is not decoded";
}

TEST_P(Control, AnyOrderOfAddressAndData) {
    std::uint32_t value = 0x12345678;
    for (const unsigned aw : {0U, 1U, 2U, 9U}) {
        for (const unsigned w : {0U, 1U, 2U, 9U}) {
            for (const unsigned b : {0U, 3U, 20U}) {
                value = value * 1664525U + 1013904223U;
                const LiteWrite done = write({.offset = SETUN_REG_LIST_LO,
                                              .value = value,
                                              .aw_delay = aw,
                                              .w_delay = w,
                                              .b_delay = b});
                EXPECT_EQ(done.response, Response::kOkay);
                EXPECT_EQ(read(SETUN_REG_LIST_LO, aw, b).value, value) << aw << ' ' << w << ' ' << b;
            }
        }
    }
}

TEST_P(Control, ReadAndWriteAtOnce) {
    const auto delay = [this] { return static_cast<unsigned>(bench_.between(0, 5)); };
    sim().write_register(SETUN_REG_DATA_BASE_LO, 0xCAFEF00D);
    for (int i = 0; i < 200; ++i) {
        LiteWrite w{.offset = SETUN_REG_LIST_HI, .value = static_cast<std::uint32_t>(bench_.random()())};
        w.aw_delay = delay();
        w.w_delay = delay();
        w.b_delay = delay();
        LiteRead r{.offset = SETUN_REG_DATA_BASE_LO};
        r.ar_delay = delay();
        r.r_delay = delay();
        sim().access(&w, &r);
        EXPECT_EQ(r.value, 0xCAFEF00D);
        EXPECT_EQ(sim().read_register(SETUN_REG_LIST_HI), w.value);
    }
}

TEST_P(Control, WritesThatDoNotWaitForResponses) {
    // The next address and data stand at the port while the kernel still holds those before.
    constexpr std::uint32_t kRegisters[] = {SETUN_REG_LIST_LO, SETUN_REG_LIST_HI, SETUN_REG_DATA_BASE_LO,
                                            SETUN_REG_DATA_BASE_HI};
    const auto delay = [this] { return static_cast<unsigned>(bench_.between(0, 1) * bench_.between(0, 6)); };
    std::array<std::uint32_t, std::size(kRegisters)> values{};
    for (int round = 0; round < 60; ++round) {
        std::vector<LiteWrite> writes;
        for (int i = 0; i < 8; ++i) {
            const std::size_t target = bench_.between(0, std::size(kRegisters) - 1);
            LiteWrite w{.offset = kRegisters[target], .value = static_cast<std::uint32_t>(bench_.random()())};
            w.aw_delay = delay();
            w.w_delay = delay();
            w.b_delay = delay();
            values[target] = w.value;
            writes.push_back(w);
        }
        writes.push_back({.offset = SETUN_REG_END, .value = 1});
        sim().write_pipelined(writes);
        for (const LiteWrite& w : writes) {
            EXPECT_EQ(w.response, w.offset == SETUN_REG_END ? Response::kSlvErr : Response::kOkay);
        }
        for (std::size_t i = 0; i < std::size(kRegisters); ++i) {
            EXPECT_EQ(sim().read_register(kRegisters[i]), values[i]) << "round " << round;
        }
    }
}

TEST_P(Control, ResetTakesAStartBack) {
    bench_.add_matmul({.m = 3, .k = 10});
    bench_.program();
    sim().write_register(SETUN_REG_GIE, 1);
    sim().write_register(SETUN_REG_IER, kDone);
    sim().write_register(SETUN_REG_CTRL, SETUN_CTRL_START | SETUN_CTRL_AUTO_RESTART);
    sim().reset();
    EXPECT_EQ(sim().read_register(SETUN_REG_CTRL), SETUN_CTRL_IDLE);
    sim().step(50);
    EXPECT_EQ(sim().read_register(SETUN_REG_CTRL), SETUN_CTRL_IDLE) << "a run began after reset";
    EXPECT_FALSE(sim().interrupt());
}

TEST_P(Control, EmptyListFinishesAndDoneClearsOnRead) {
    run_empty_list();
    const std::uint32_t first = sim().read_register(SETUN_REG_CTRL);
    EXPECT_EQ(first, SETUN_CTRL_DONE | SETUN_CTRL_IDLE | SETUN_CTRL_READY);
    EXPECT_EQ(sim().read_register(SETUN_REG_CTRL), SETUN_CTRL_IDLE);
    EXPECT_EQ(sim().read_register(SETUN_REG_ERROR), SETUN_ERR_NONE);
    EXPECT_EQ(sim().read_register(SETUN_REG_COMPLETED), 0U);
}

TEST_P(Control, DoneOfASecondRunAfterUnreadDone) {
    run_empty_list();
    run_empty_list();
    EXPECT_TRUE(sim().read_register(SETUN_REG_CTRL) & SETUN_CTRL_DONE);
    EXPECT_FALSE(sim().read_register(SETUN_REG_CTRL) & SETUN_CTRL_DONE);
}

TEST_P(Control, InterruptsFollowGieIerAndIsr) {
    run_empty_list();
    EXPECT_EQ(sim().read_register(SETUN_REG_ISR), 0U)
        << "an event that IER does not enable must not be latched";

    sim().write_register(SETUN_REG_IER, kDone);
    run_empty_list();
    EXPECT_EQ(sim().read_register(SETUN_REG_ISR), kDone);
    EXPECT_FALSE(sim().interrupt()) << "global enable is off";
    sim().write_register(SETUN_REG_GIE, 1);
    sim().step(2);
    EXPECT_TRUE(sim().interrupt());
    sim().write_register(SETUN_REG_GIE, 0);
    sim().step(2);
    EXPECT_FALSE(sim().interrupt());
    sim().write_register(SETUN_REG_GIE, 1);
    sim().write_register(SETUN_REG_ISR, kReady);
    EXPECT_EQ(sim().read_register(SETUN_REG_ISR), kDone | kReady) << "a 1 toggles its bit";
    sim().write_register(SETUN_REG_ISR, kDone | kReady);
    EXPECT_EQ(sim().read_register(SETUN_REG_ISR), 0U);
    sim().step(2);
    EXPECT_FALSE(sim().interrupt());

    sim().write_register(SETUN_REG_IER, kReady);
    run_empty_list();
    EXPECT_EQ(sim().read_register(SETUN_REG_ISR), kReady);
    sim().step(2);
    EXPECT_TRUE(sim().interrupt());
    sim().write_register(SETUN_REG_ISR, 0);
    EXPECT_EQ(sim().read_register(SETUN_REG_ISR), kReady) << "a 0 leaves its bit";
}

TEST_P(Control, StartBitAndIdleDuringARun) {
    bench_.add_matmul({.m = 100, .k = 500});
    bench_.program();
    bench_.start();
    const std::uint32_t during = sim().read_register(SETUN_REG_CTRL);
    EXPECT_TRUE(during & SETUN_CTRL_START);
    EXPECT_FALSE(during & SETUN_CTRL_IDLE);
    EXPECT_FALSE(during & SETUN_CTRL_DONE);
    sim().step(5000 + kPasses * GetParam().fill_cycles());
    const std::uint32_t after = sim().read_register(SETUN_REG_CTRL);
    EXPECT_EQ(after, SETUN_CTRL_DONE | SETUN_CTRL_IDLE | SETUN_CTRL_READY);
    bench_.check_memory(bench_.size());
}

TEST_P(Control, WithoutAutoRestartOneRunIsOneRun) {
    bench_.add_matmul({.m = 3, .k = 10});
    bench_.program();
    bench_.start();
    sim().step(5000);
    const std::uint64_t writes = sim().stats(KernelSim::kDataPort).write_bursts;
    EXPECT_GT(writes, 0U);
    sim().step(5000);
    EXPECT_EQ(sim().stats(KernelSim::kDataPort).write_bursts, writes);
}

TEST_P(Control, AutoRestartRepeatsUntilCleared) {
    bench_.add_matmul({.m = 3, .k = 10});
    bench_.program();
    sim().write_register(SETUN_REG_CTRL, SETUN_CTRL_START | SETUN_CTRL_AUTO_RESTART);
    sim().step(5000);
    const std::uint64_t writes = sim().stats(KernelSim::kDataPort).write_bursts;
    EXPECT_GT(writes, 3U);
    EXPECT_TRUE(sim().read_register(SETUN_REG_CTRL) & SETUN_CTRL_AUTO_RESTART);
    sim().write_register(SETUN_REG_CTRL, 0);
    sim().step(5000);
    const std::uint64_t last = sim().stats(KernelSim::kDataPort).write_bursts;
    EXPECT_TRUE(sim().read_register(SETUN_REG_CTRL) & SETUN_CTRL_IDLE);
    sim().step(5000);
    EXPECT_EQ(sim().stats(KernelSim::kDataPort).write_bursts, last);
    bench_.check_memory(bench_.size());
}

TEST_P(Control, ArgumentsWrittenDuringARunBelongToTheNext) {
    bench_.add_matmul({.m = 60, .k = 400});
    bench_.program();
    bench_.start();
    sim().step(5);
    sim().write_address(SETUN_REG_LIST_LO, 0x40);
    sim().write_register(SETUN_REG_LIST_COUNT, 77);
    sim().write_address(SETUN_REG_DATA_BASE_LO, 0x80);
    for (unsigned p = 0; p < sim().config().ports; ++p) {
        sim().write_address(SETUN_REG_W_BASE_LO + p * SETUN_REG_W_STRIDE, 0xC0);
    }
    sim().step(5000 + kPasses * GetParam().fill_cycles());
    EXPECT_TRUE(sim().read_register(SETUN_REG_CTRL) & SETUN_CTRL_DONE)
        << "the run waits for the next run's commands";
    const Status status = read_status(sim());
    EXPECT_EQ(status.error, SETUN_ERR_NONE);
    EXPECT_EQ(status.completed, 1U);
    bench_.check_memory(1);
}

TEST_P(Control, CountersStayUntilTheNextStart) {
    bench_.add_matmul({.m = 30, .k = 400});
    bench_.program();
    bench_.start();
    sim().step(5000 + kPasses * GetParam().fill_cycles());
    const Status first = read_status(sim());
    EXPECT_GT(first.cycles, 0U);
    sim().step(100);
    EXPECT_EQ(read_status(sim()).cycles, first.cycles);
    run_empty_list();
    const Status empty = read_status(sim());
    EXPECT_EQ(empty.cycles, 2U) << "one to look at the arguments, one to say done";
    EXPECT_EQ(empty.beats, 0U);
    EXPECT_EQ(empty.nonzero, 0U);
    EXPECT_EQ(empty.busy, 0U);
    EXPECT_EQ(empty.stall_w, 0U);
    EXPECT_EQ(empty.stall_x, 0U);
    EXPECT_EQ(empty.stall_y, 0U);
}

INSTANTIATE_TEST_SUITE_P(Kernel, Control, testing::ValuesIn(kernel_configs().begin(), kernel_configs().end()),
                         config_test_name);

}  // namespace
}  // namespace setun::sim::test
