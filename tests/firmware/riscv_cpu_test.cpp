// The processor model: RV32IM against C++, bus accesses, traps, interrupts, WFI and the count of
// instructions.
#include "sim/vp/riscv_cpu.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>
#include <stdexcept>
#include <vector>

#include "sim/random.h"
#include "tests/firmware/assembler.h"

namespace {

using namespace setun::vp::rv;  // NOLINT(google-build-using-namespace): the names of registers and
                                // instructions
using setun::vp::CpuBus;
using setun::vp::RiscvCpu;
using State = RiscvCpu::State;

constexpr std::uint32_t kDevice = 0x10000000;   // answers
constexpr std::uint32_t kNothing = 0x20000000;  // bus error
constexpr std::uint32_t kHandler = 0x400;
constexpr std::uint32_t kSramBytes = 0x10000;

/// Records accesses; a read returns the address mixed with the number of the access.
class RecordingBus : public CpuBus {
  public:
    struct Access {
        bool write;
        std::uint32_t address;
        unsigned bytes;
        std::uint32_t value;
        std::uint64_t instructions;
        bool operator==(const Access&) const = default;
    };
    bool read(std::uint32_t address, unsigned bytes, std::uint32_t& value) override {
        if (address >= kNothing) {
            return false;
        }
        value = next_read;
        accesses.push_back({false, address, bytes, value, cpu->instructions()});
        return true;
    }
    bool write(std::uint32_t address, unsigned bytes, std::uint32_t value) override {
        if (throws) {
            throw std::runtime_error("the bus was told to");
        }
        if (address >= kNothing) {
            return false;
        }
        accesses.push_back({true, address, bytes, value, cpu->instructions()});
        if (address == kDevice + 0x100) {
            cpu->set_external_interrupt(value != 0);
        }
        return true;
    }
    RiscvCpu* cpu = nullptr;
    std::uint32_t next_read = 0xFEDCBA98;
    bool throws = false;
    std::vector<Access> accesses;
};

class RiscvCpuTest : public testing::Test {
  protected:
    RiscvCpuTest() : sram_(kSramBytes), cpu_(bus_, sram_) { bus_.cpu = &cpu_; }

    void install(const Program& program) {
        std::fill(sram_.begin(), sram_.end(), std::byte{0});
        std::memcpy(sram_.data(), program.words().data(), program.words().size() * 4);
        cpu_.reset();
    }
    /// Runs a program that ends with WFI, and expects it to.
    void run(const Program& program) {
        install(program);
        const RiscvCpu::Run result = cpu_.run(1'000'000);
        ASSERT_EQ(result.state, State::kWaiting) << cpu_.error() << " pc " << cpu_.pc();
    }
    std::uint32_t word(std::uint32_t address) {
        std::uint32_t value = 0;
        std::memcpy(&value, &sram_[address], 4);
        return value;
    }
    /// Writes a handler to kHandler that stores mcause, mepc, mtval from 0x8000 on, and waits.
    static Program with_handler(Program program) {
        program.at(kHandler).li(s2, 0x8000);
        program << csrr(s3, mcause) << sw(s3, s2, 0) << csrr(s3, mepc) << sw(s3, s2, 4) << csrr(s3, mtval)
                << sw(s3, s2, 8) << kWfi;
        return program;
    }
    static Program set_handler() {
        Program program;
        program.li(t0, kHandler);
        program << csrw(mtvec, t0);
        return program;
    }
    void expect_trap(const Program& program, std::uint32_t cause, std::uint32_t pc, std::uint32_t value) {
        run(with_handler(program));
        EXPECT_EQ(word(0x8000), cause);
        EXPECT_EQ(word(0x8004), pc);
        EXPECT_EQ(word(0x8008), value);
    }

    RecordingBus bus_;
    std::vector<std::byte> sram_;
    RiscvCpu cpu_;
};

std::uint32_t expected_op(std::uint32_t f7, std::uint32_t f3, std::uint32_t a, std::uint32_t b) {
    const auto sa = static_cast<std::int32_t>(a);
    const auto sb = static_cast<std::int32_t>(b);
    const auto wide = [](std::int64_t x, std::int64_t y) {
        return static_cast<std::uint32_t>(static_cast<std::uint64_t>(x * y) >> 32U);
    };
    const bool overflow = sa == std::numeric_limits<std::int32_t>::min() && sb == -1;
    switch (f7 << 4U | f3) {
        case 0x000:
            return a + b;
        case 0x200:
            return a - b;
        case 0x001:
            return a << (b & 31U);
        case 0x002:
            return sa < sb ? 1 : 0;
        case 0x003:
            return a < b ? 1 : 0;
        case 0x004:
            return a ^ b;
        case 0x005:
            return a >> (b & 31U);
        case 0x205:
            return static_cast<std::uint32_t>(sa >> (b & 31U));
        case 0x006:
            return a | b;
        case 0x007:
            return a & b;
        case 0x010:
            return a * b;
        case 0x011:
            return wide(sa, sb);
        case 0x012:
            return wide(sa, std::int64_t{b});
        case 0x013:
            return static_cast<std::uint32_t>(std::uint64_t{a} * b >> 32U);
        case 0x014:
            return b == 0 ? 0xFFFFFFFFU : overflow ? a : static_cast<std::uint32_t>(sa / sb);
        case 0x015:
            return b == 0 ? 0xFFFFFFFFU : a / b;
        case 0x016:
            return b == 0 ? a : overflow ? 0U : static_cast<std::uint32_t>(sa % sb);
        default:
            return b == 0 ? a : a % b;
    }
}

TEST_F(RiscvCpuTest, ArithmeticEqualsCpp) {
    std::vector<std::uint32_t> values = {0,          1,          2,          31,         32,
                                         0x7FFFFFFF, 0x80000000, 0x80000001, 0xFFFFFFFF, 0xFFFFFFFE};
    setun::sim::Random random(0);
    for (int i = 0; i < 10; ++i) {
        values.push_back(static_cast<std::uint32_t>(random.next() >> 20U));
    }
    // f7, f3 of the 18 register-register operations. Each program computes all of them for one pair.
    std::vector<std::pair<std::uint32_t, std::uint32_t>> operations = {{0x20, 0}, {0x20, 5}};
    for (std::uint32_t f3 = 0; f3 < 8; ++f3) {
        operations.emplace_back(0, f3);
        operations.emplace_back(1, f3);
    }
    for (const std::uint32_t a : values) {
        Program program;
        program.li(s0, 0x4000).li(t0, a);
        for (const std::uint32_t b : values) {
            program.li(t1, b);
            for (const auto& [f7, f3] : operations) {
                program << op(f7, f3, t2, t0, t1) << sw(t2, s0, 0) << addi(s0, s0, 4);
            }
        }
        program << kWfi;
        ASSERT_LT(program.here(), 0x4000U);
        run(program);
        std::uint32_t address = 0x4000;
        for (const std::uint32_t b : values) {
            for (const auto& [f7, f3] : operations) {
                ASSERT_EQ(word(address), expected_op(f7, f3, a, b))
                    << f7 << '/' << f3 << ' ' << a << ' ' << b;
                address += 4;
            }
        }
    }
}

TEST_F(RiscvCpuTest, ImmediatesShiftsUpperAndZero) {
    Program program;
    program.li(t0, 0x80000010);
    program << op_imm(0, a0, t0, -1) << op_imm(2, a1, t0, 5) << op_imm(3, a2, t0, 5) << op_imm(4, a3, t0, -1)
            << op_imm(6, a4, t0, 0x55) << op_imm(7, a5, t0, -16) << op_imm(1, a6, t0, 4)
            << op_imm(5, a7, t0, 4) << op_imm(5, s2, t0, 0x400 | 4) << addi(zero, t0, 1) << auipc(s3, 0x1000)
            << kWfi;
    run(program);
    EXPECT_EQ(cpu_.reg(a0), 0x8000000FU);
    EXPECT_EQ(cpu_.reg(a1), 1U);
    EXPECT_EQ(cpu_.reg(a2), 0U);
    EXPECT_EQ(cpu_.reg(a3), 0x7FFFFFEFU);
    EXPECT_EQ(cpu_.reg(a4), 0x80000055U);
    EXPECT_EQ(cpu_.reg(a5), 0x80000010U);
    EXPECT_EQ(cpu_.reg(a6), 0x100U);
    EXPECT_EQ(cpu_.reg(a7), 0x08000001U);
    EXPECT_EQ(cpu_.reg(s2), 0xF8000001U);
    EXPECT_EQ(cpu_.reg(zero), 0U);
    EXPECT_EQ(cpu_.reg(s3), 0x1000U + 12 * 4);
}

TEST_F(RiscvCpuTest, BranchesEqualCpp) {
    const std::vector<std::uint32_t> values = {0, 1, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF};
    for (const std::uint32_t f3 : {0U, 1U, 4U, 5U, 6U, 7U}) {
        for (const std::uint32_t a : values) {
            for (const std::uint32_t b : values) {
                const auto sa = static_cast<std::int32_t>(a);
                const auto sb = static_cast<std::int32_t>(b);
                const bool taken = f3 == 0   ? a == b
                                   : f3 == 1 ? a != b
                                   : f3 == 4 ? sa < sb
                                   : f3 == 5 ? sa >= sb
                                   : f3 == 6 ? a < b
                                             : a >= b;
                Program program;
                program.li(t0, a).li(t1, b);
                // The second branch leads out of the memory, which the model decides itself.
                program << addi(a0, zero, 1) << branch(f3, t0, t1, 8) << addi(a0, zero, 0) << kWfi;
                run(program);
                ASSERT_EQ(cpu_.reg(a0) == 1, taken) << f3 << ' ' << a << ' ' << b;
                Program outside;
                outside.li(t0, a).li(t1, b);
                outside << branch(f3, t0, t1, -2048) << kWfi;
                install(outside);
                ASSERT_EQ(cpu_.run(100).state, taken ? State::kStopped : State::kWaiting);
            }
        }
    }
}

TEST_F(RiscvCpuTest, LoadsAndStoresExtendAndCallsReturn) {
    Program program;
    program.li(s0, 0x2000).li(t0, 0x81828384);
    program << sw(t0, s0, 0) << load(0, a0, s0, 3) << load(4, a1, s0, 3) << load(1, a2, s0, 2)
            << load(5, a3, s0, 2) << store(0, t0, s0, 5) << store(1, t0, s0, 6) << lw(a4, s0, 4)
            << jal(ra, 12) << addi(a6, zero, 7) << kWfi << addi(a5, zero, 9) << jalr(zero, ra, 0);
    run(program);
    EXPECT_EQ(cpu_.reg(a0), 0xFFFFFF81U);
    EXPECT_EQ(cpu_.reg(a1), 0x81U);
    EXPECT_EQ(cpu_.reg(a2), 0xFFFF8182U);
    EXPECT_EQ(cpu_.reg(a3), 0x8182U);
    EXPECT_EQ(cpu_.reg(a4), 0x83848400U);
    EXPECT_EQ(cpu_.reg(a5), 9U);
    EXPECT_EQ(cpu_.reg(a6), 7U);
}

TEST_F(RiscvCpuTest, BusAccessesKeepOrderWidthAndCount) {
    Program program;
    program.li(s0, kDevice).li(t0, 0x11223344);                      // 4 instructions
    program << sw(t0, s0, 0) << lw(a0, s0, 4) << load(0, a1, s0, 8)  // 4, 5, 6
            << load(4, a2, s0, 9) << load(1, a3, s0, 10) << load(5, a4, s0, 12) << kNop
            << store(0, t0, s0, 13) << store(1, t0, s0, 14) << kWfi;
    run(program);
    const std::vector<RecordingBus::Access> expected = {
        {true, kDevice, 4, 0x11223344, 4},       {false, kDevice + 4, 4, 0xFEDCBA98, 5},
        {false, kDevice + 8, 1, 0xFEDCBA98, 6},  {false, kDevice + 9, 1, 0xFEDCBA98, 7},
        {false, kDevice + 10, 2, 0xFEDCBA98, 8}, {false, kDevice + 12, 2, 0xFEDCBA98, 9},
        {true, kDevice + 13, 1, 0x44, 11},       {true, kDevice + 14, 2, 0x3344, 12}};
    EXPECT_EQ(bus_.accesses, expected);
    EXPECT_EQ(cpu_.instructions(), 14U);
    EXPECT_EQ(cpu_.reg(a0), 0xFEDCBA98U);
    EXPECT_EQ(cpu_.reg(a1), 0xFFFFFF98U);
    EXPECT_EQ(cpu_.reg(a2), 0x98U);
    EXPECT_EQ(cpu_.reg(a3), 0xFFFFBA98U);
    EXPECT_EQ(cpu_.reg(a4), 0xBA98U);
}

TEST_F(RiscvCpuTest, BudgetIsExactAndSlicesChangeNothing) {
    Program program;
    program.li(t0, 1000).li(s0, kDevice);
    program << addi(t0, t0, -1) << sw(t0, s0, 0) << branch(1, t0, zero, -8) << kWfi;
    run(program);
    const std::vector<RecordingBus::Access> once = bus_.accesses;
    EXPECT_EQ(cpu_.instructions(), 3005U);
    for (const std::uint64_t slice : {1U, 2U, 3U, 7U}) {
        bus_.accesses.clear();
        const std::uint64_t start = cpu_.instructions();
        cpu_.reset();
        for (std::uint64_t done = 0; done < 3005;) {
            const std::uint64_t wanted = std::min<std::uint64_t>(slice, 3005 - done);
            const RiscvCpu::Run result = cpu_.run(slice);
            ASSERT_EQ(result.retired, wanted);
            done += result.retired;
        }
        ASSERT_EQ(bus_.accesses.size(), once.size());
        for (std::size_t i = 0; i < once.size(); ++i) {
            ASSERT_EQ(bus_.accesses[i].value, once[i].value);
            ASSERT_EQ(bus_.accesses[i].instructions - start, once[i].instructions);
        }
    }
    EXPECT_EQ(cpu_.run(0).retired, 0U);
}

TEST_F(RiscvCpuTest, CsrsReadBackWhatIsImplemented) {
    Program program;
    program.li(t0, 0xFFFFFFFF);
    program << csrw(mstatus, t0) << csrr(a0, mstatus) << csrw(mie, t0) << csrr(a1, mie)
            << csr(1, a2, mtvec, t0) << csrr(a3, mtvec) << csr(5, zero, mscratch, Reg(21))
            << csr(6, a4, mscratch, Reg(10)) << csr(7, a5, mscratch, Reg(3)) << csrr(a6, mscratch)
            << csrr(a7, minstret) << csrr(s2, misa) << csr(3, s3, mstatus, t0) << csrr(s1, mstatus) << kWfi;
    run(program);
    EXPECT_EQ(cpu_.reg(a0), 0x1888U);
    EXPECT_EQ(cpu_.reg(a1), 0x800U);
    EXPECT_EQ(cpu_.reg(a2), 0U);
    EXPECT_EQ(cpu_.reg(a3), 0xFFFFFFFCU);
    EXPECT_EQ(cpu_.reg(a4), 21U);
    EXPECT_EQ(cpu_.reg(a5), 31U);
    EXPECT_EQ(cpu_.reg(a6), 28U);
    EXPECT_EQ(cpu_.reg(a7), 12U);
    EXPECT_EQ(cpu_.reg(s2), 0x40001100U);
    EXPECT_EQ(cpu_.reg(s3), 0x1888U);
    EXPECT_EQ(cpu_.reg(s1), 0x1800U);
}

TEST_F(RiscvCpuTest, ExceptionsTrapWithCauseAndPlace) {
    Program program = set_handler();  // 3 instructions
    program.li(s0, kNothing);         // 2; the next is at 20
    const Program base = program;
    const auto after = [&](std::uint32_t word) { return Program(base) << word << kWfi; };
    expect_trap(after(lw(a0, s0, 8)), 5, 20, kNothing + 8);
    expect_trap(after(sw(a0, s0, 12)), 7, 20, kNothing + 12);
    expect_trap(after(lw(a0, zero, 2)), 4, 20, 2);
    expect_trap(after(load(1, a0, s0, 1)), 4, 20, kNothing + 1);
    expect_trap(after(store(1, a0, zero, 1)), 6, 20, 1);
    expect_trap(after(kEcall), 11, 20, 0);
    expect_trap(after(kEbreak), 3, 20, 20);
    expect_trap(after(jalr(a0, s0, 0)), 1, kNothing, kNothing);
    expect_trap(after(jal(a0, 6)), 0, 20, 26);
    expect_trap(after(jalr(zero, zero, 6)), 0, 20, 6);
    expect_trap(after(branch(0, zero, zero, 6)), 0, 20, 26);
    expect_trap(after(jal(zero, -24)), 1, 0xFFFFFFFC, 0xFFFFFFFC);
    // Not taken: no trap.
    run(with_handler(after(branch(1, zero, zero, 6))));
    EXPECT_EQ(word(0x8000), 0U);
    // Nothing of the instruction happened.
    Program store_fault = set_handler();
    store_fault.li(s0, kNothing).li(a0, 77);
    store_fault << lw(a0, s0, 0);
    run(with_handler(store_fault));
    EXPECT_EQ(cpu_.reg(a0), 77U);
}

TEST_F(RiscvCpuTest, ForeignInstructionsAreIllegal) {
    const std::vector<std::uint32_t> foreign = {
        0x00000000,                  // all zero
        0xFFFFFFFF,                  // all ones
        0x00000001,                  // c.nop
        0x00052007 | a0 << 7U,       // flw
        0x100522AF,                  // lr.w
        0x0000100F,                  // fence.i
        0x0000000B,                  // custom-0
        op(0x10, 0, a0, a0, a0),     // Zba sh...
        op(0x20, 1, a0, a0, a0),     // f7 of sub with sll
        op_imm(1, a0, a0, 0x400),    // slli with a sign bit
        op_imm(5, a0, a0, 0x200),    //
        load(3, a0, zero, 0),        // ld
        load(6, a0, zero, 0),        // lwu
        store(3, a0, zero, 0),       // sd
        branch(2, a0, a0, 8),        //
        0x00001067,                  // jalr with funct3
        0x30200073 | 1U << 7U,       // mret with rd
        0x10200073,                  // sret
        csr(1, zero, 0x180, zero),   // satp
        csrr(a0, 0x7C0),             // no such CSR
        csrw(mhartid, a0),           // read-only
        csr(2, zero, mhartid, a0),   //
        csr(4, zero, mscratch, a0),  // hypervisor loads
        0x12000073,                  // sfence.vma
    };
    for (const std::uint32_t instruction : foreign) {
        SCOPED_TRACE(instruction);
        expect_trap(set_handler() << instruction, 2, 12, instruction);
    }
}

TEST_F(RiscvCpuTest, ExceptionsThatCannotBeDeliveredStop) {
    Program none;
    none << kNop << kEcall;
    install(none);
    RiscvCpu::Run result = cpu_.run(100);
    EXPECT_EQ(result.state, State::kStopped);
    EXPECT_EQ(result.retired, 1U);
    EXPECT_NE(cpu_.error().find("exception 11 at 0x00000004"), std::string::npos) << cpu_.error();
    EXPECT_EQ(cpu_.run(100).retired, 0U);

    Program twice = set_handler();
    twice << kEcall;
    twice.at(kHandler) << kNop << 0U;
    install(twice);
    result = cpu_.run(100);
    EXPECT_EQ(result.state, State::kStopped);
    EXPECT_EQ(result.retired, 4U);
    EXPECT_NE(cpu_.error().find("within the handler"), std::string::npos) << cpu_.error();

    Program nowhere;
    nowhere.li(t0, kNothing);
    nowhere << csrw(mtvec, t0) << kEcall;
    install(nowhere);
    EXPECT_EQ(cpu_.run(100).state, State::kStopped);

    // The end of the memory, with and without a jump there.
    Program end;
    end.li(t0, kSramBytes - 4);
    end << jalr(zero, t0, 0);
    for (const std::uint32_t last : {kNop, sw(zero, zero, 0x700), jal(zero, 4), kWfi}) {
        install(end);
        std::memcpy(&sram_[kSramBytes - 4], &last, 4);
        cpu_.set_external_interrupt(true);
        const RiscvCpu::Run ran = cpu_.run(100);
        EXPECT_TRUE(ran.state == State::kStopped || (last == kWfi && ran.state == State::kWaiting)) << last;
        cpu_.set_external_interrupt(false);
    }
    // Reset helps.
    run(Program() << kWfi);
    EXPECT_TRUE(cpu_.error().empty());
}

TEST_F(RiscvCpuTest, HandledExceptionsMayFollowEachOther) {
    Program program = set_handler();
    program << kEcall << kEcall << kEcall << kWfi;
    program.at(kHandler) << csrr(t0, mepc) << addi(t0, t0, 4) << csrw(mepc, t0) << addi(a0, a0, 1) << kMret;
    run(program);
    EXPECT_EQ(cpu_.reg(a0), 3U);
    EXPECT_EQ(cpu_.instructions(), 3U + 3 * 5 + 1);
}

/// Enables interrupts, then `body`; the handler counts in a1 and takes the interrupt away at its device.
Program interruptible(const Program& body) {
    Program program;
    program.li(t0, kHandler);
    program << csrw(mtvec, t0);
    program.li(t0, 0x800);
    program << csr(2, zero, mie, t0) << csr(6, zero, mstatus, Reg(8));
    program.li(s0, kDevice);  // the body is at 36
    for (const std::uint32_t word : body.words()) {
        program << word;
    }
    program.at(kHandler) << addi(a1, a1, 1) << csrr(a2, mcause) << csrr(a3, mepc) << csrr(a4, mstatus)
                         << sw(zero, s0, 0x100) << kMret;
    return program;
}

TEST_F(RiscvCpuTest, InterruptEntersBeforeTheNextInstruction) {
    // The bus raises it within a store: the store is done, the next instruction is where it is taken.
    run(interruptible(Program() << addi(t1, zero, 1) << sw(t1, s0, 0x100) << addi(a0, zero, 5)
                                << csrr(a5, mstatus) << kWfi));
    EXPECT_EQ(cpu_.reg(a1), 1U);
    EXPECT_EQ(cpu_.reg(a2), 0x8000000BU);
    EXPECT_EQ(cpu_.reg(a3), 44U);
    EXPECT_EQ(cpu_.reg(a4), 0x1880U);  // MPIE, not MIE
    EXPECT_EQ(cpu_.reg(a0), 5U);
    EXPECT_EQ(cpu_.reg(a5), 0x1888U);  // both after MRET
}

TEST_F(RiscvCpuTest, InterruptWaitsForItsEnables) {
    Program program;
    program.li(t0, kHandler);
    program << csrw(mtvec, t0);
    program.li(s0, kDevice).li(t0, 0x800);
    program << csrr(s1, mip) << csr(6, zero, mstatus, Reg(8))                  // MIE without MEIE
            << kNop << csr(7, zero, mstatus, Reg(8)) << csr(2, zero, mie, t0)  // MEIE without MIE
            << addi(a0, zero, 1) << csr(6, zero, mstatus, Reg(8)) << addi(a0, zero, 2) << kWfi;
    program.at(kHandler) << add(a1, a0, zero) << csrr(a3, mepc) << sw(zero, s0, 0x100) << kMret;
    install(program);
    cpu_.set_external_interrupt(true);
    EXPECT_EQ(cpu_.run(1000).state, State::kWaiting);
    EXPECT_EQ(cpu_.reg(s1), 0x800U);
    EXPECT_EQ(cpu_.reg(a1), 1U);
    EXPECT_EQ(cpu_.reg(a3), 56U);
    EXPECT_EQ(cpu_.reg(a0), 2U);
}

TEST_F(RiscvCpuTest, WfiWaitsAndWakes) {
    install(interruptible(Program() << kWfi << addi(a0, zero, 3) << kWfi));
    RiscvCpu::Run result = cpu_.run(1000);
    EXPECT_TRUE(result.waiting);
    EXPECT_EQ(result.state, State::kWaiting);
    EXPECT_EQ(result.retired, 10U);
    result = cpu_.run(1000);
    EXPECT_TRUE(result.waiting);
    EXPECT_EQ(result.retired, 0U);
    cpu_.set_external_interrupt(true);
    result = cpu_.run(1000);
    EXPECT_TRUE(result.waiting);
    EXPECT_EQ(result.retired, 8U);  // handler 6, addi, wfi
    EXPECT_EQ(cpu_.reg(a1), 1U);
    EXPECT_EQ(cpu_.reg(a3), 40U);  // behind the WFI
    EXPECT_EQ(cpu_.reg(a0), 3U);
}

TEST_F(RiscvCpuTest, WfiWakesWithoutTrapWhenInterruptsAreOff) {
    Program program;
    program.li(t0, 0x800);
    program << csrw(mie, t0) << kWfi << addi(a0, zero, 1) << kWfi << addi(a0, zero, 2) << jal(zero, 0);
    install(program);
    EXPECT_EQ(cpu_.run(1000).state, State::kWaiting);
    cpu_.set_external_interrupt(true);
    const RiscvCpu::Run result = cpu_.run(1000);  // pending: no WFI waits any more
    EXPECT_EQ(result.state, State::kRunning);
    EXPECT_EQ(result.retired, 1000U);
    EXPECT_EQ(cpu_.reg(a0), 2U);
    EXPECT_EQ(cpu_.reg(a1), 0U);
}

TEST_F(RiscvCpuTest, WfiWithoutEnableIgnoresTheInterrupt) {
    install(Program() << kWfi << addi(a0, zero, 1) << kWfi);
    cpu_.set_external_interrupt(true);
    EXPECT_EQ(cpu_.run(1000).state, State::kWaiting);
    EXPECT_EQ(cpu_.reg(a0), 0U);
    cpu_.reset();
    EXPECT_EQ(cpu_.pc(), 0U);
}

TEST_F(RiscvCpuTest, ExceptionsOfTheBusLeaveTheAccessUndone) {
    Program program;
    program.li(s0, kDevice);
    program << sw(s0, s0, 0) << kWfi;
    install(program);
    bus_.throws = true;
    EXPECT_THROW(cpu_.run(100), std::runtime_error);
    EXPECT_EQ(cpu_.instructions(), 2U);
    EXPECT_EQ(cpu_.pc(), 8U);
    bus_.throws = false;
    EXPECT_EQ(cpu_.run(100).state, State::kWaiting);
    EXPECT_EQ(bus_.accesses.size(), 1U);
}

TEST_F(RiscvCpuTest, ProgramsMayChangeTheirCode) {
    Program program;
    program.li(t0, addi(a0, zero, 42));
    program << jal(ra, 24) << sw(t0, zero, 32) << add(a1, a0, zero) << jal(ra, 12) << kWfi << kNop
            << addi(a0, zero, 1) << jalr(zero, ra, 0);
    ASSERT_EQ(program.here(), 40U);
    run(program);
    EXPECT_EQ(cpu_.reg(a1), 1U);
    EXPECT_EQ(cpu_.reg(a0), 42U);
    // And a reset takes up what the host has put there.
    run(Program() << addi(a0, zero, 7) << kWfi);
    EXPECT_EQ(cpu_.reg(a0), 7U);
}

TEST_F(RiscvCpuTest, RandomWordsNeverEscape) {
    setun::sim::Random random(0);
    for (int round = 0; round < 60; ++round) {
        Program program = set_handler();
        for (int i = 0; i < 200; ++i) {
            const auto bits = static_cast<std::uint32_t>(random.next() >> 16U);
            program << (i % 3 == 0 ? bits : (bits & ~0x7FU) | (i % 3 == 1 ? 0x13U : 0x63U));
        }
        program.at(kHandler) << csrr(t0, mepc) << addi(t0, t0, 4) << csrw(mepc, t0) << kMret;
        install(program);
        const RiscvCpu::Run first = cpu_.run(5000);
        const std::uint32_t pc = cpu_.pc();
        install(program);
        const RiscvCpu::Run second = cpu_.run(5000);
        ASSERT_LE(first.retired, 5000U);
        ASSERT_EQ(first.retired, second.retired);
        ASSERT_EQ(first.state, second.state);
        ASSERT_EQ(pc, cpu_.pc());
    }
}

TEST(RiscvCpu, RefusesOddMemories) {
    RecordingBus bus;
    std::vector<std::byte> memory(5000);
    EXPECT_THROW(RiscvCpu(bus, memory), std::invalid_argument);
    EXPECT_THROW(RiscvCpu(bus, std::span<std::byte>()), std::invalid_argument);
    // A memory at any host address will do.
    std::vector<std::byte> large(8192 + 4);
    const std::uint32_t wfi = kWfi;
    std::memcpy(large.data() + 4, &wfi, 4);
    RiscvCpu cpu(bus, std::span(large).subspan(4));
    EXPECT_EQ(cpu.run(10).state, State::kWaiting);
}

}  // namespace
