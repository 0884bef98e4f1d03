// A small RV32IM assembler, so that the processor's tests need no toolchain: one function per instruction.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace setun::vp::rv {

enum Reg : std::uint32_t { zero, ra, sp, gp, tp, t0, t1, t2, s0, s1, a0, a1, a2, a3, a4, a5, a6, a7, s2, s3 };
enum Csr : std::uint32_t {
    mstatus = 0x300,
    misa = 0x301,
    mie = 0x304,
    mtvec = 0x305,
    mscratch = 0x340,
    mepc = 0x341,
    mcause = 0x342,
    mtval = 0x343,
    mip = 0x344,
    minstret = 0xB02,
    mhartid = 0xF14,
};

constexpr std::uint32_t r_type(std::uint32_t f7, std::uint32_t rs2, std::uint32_t rs1, std::uint32_t f3,
                               std::uint32_t rd, std::uint32_t op) {
    return f7 << 25U | rs2 << 20U | rs1 << 15U | f3 << 12U | rd << 7U | op;
}
constexpr std::uint32_t i_type(std::int32_t imm, std::uint32_t rs1, std::uint32_t f3, std::uint32_t rd,
                               std::uint32_t op) {
    return static_cast<std::uint32_t>(imm) << 20U | rs1 << 15U | f3 << 12U | rd << 7U | op;
}

/// Register-register operation: `f7` 0 or 0x20 of the base set, 1 of M.
constexpr std::uint32_t op(std::uint32_t f7, std::uint32_t f3, Reg rd, Reg rs1, Reg rs2) {
    return r_type(f7, rs2, rs1, f3, rd, 0x33);
}
constexpr std::uint32_t op_imm(std::uint32_t f3, Reg rd, Reg rs1, std::int32_t imm) {
    return i_type(imm, rs1, f3, rd, 0x13);
}
constexpr std::uint32_t addi(Reg rd, Reg rs1, std::int32_t imm) { return op_imm(0, rd, rs1, imm); }
constexpr std::uint32_t add(Reg rd, Reg rs1, Reg rs2) { return op(0, 0, rd, rs1, rs2); }
constexpr std::uint32_t lui(Reg rd, std::uint32_t upper) { return (upper & 0xFFFFF000U) | rd << 7U | 0x37U; }
constexpr std::uint32_t auipc(Reg rd, std::uint32_t upper) {
    return (upper & 0xFFFFF000U) | rd << 7U | 0x17U;
}
/// `f3`: 0 lb, 1 lh, 2 lw, 4 lbu, 5 lhu
constexpr std::uint32_t load(std::uint32_t f3, Reg rd, Reg rs1, std::int32_t imm) {
    return i_type(imm, rs1, f3, rd, 0x03);
}
constexpr std::uint32_t lw(Reg rd, Reg rs1, std::int32_t imm) { return load(2, rd, rs1, imm); }
/// `f3`: 0 sb, 1 sh, 2 sw
constexpr std::uint32_t store(std::uint32_t f3, Reg rs2, Reg rs1, std::int32_t imm) {
    const auto u = static_cast<std::uint32_t>(imm);
    return (u >> 5U & 0x7FU) << 25U | rs2 << 20U | rs1 << 15U | f3 << 12U | (u & 0x1FU) << 7U | 0x23U;
}
constexpr std::uint32_t sw(Reg rs2, Reg rs1, std::int32_t imm) { return store(2, rs2, rs1, imm); }
/// `f3`: 0 beq, 1 bne, 4 blt, 5 bge, 6 bltu, 7 bgeu; `offset` from this instruction
constexpr std::uint32_t branch(std::uint32_t f3, Reg rs1, Reg rs2, std::int32_t offset) {
    const auto u = static_cast<std::uint32_t>(offset);
    return (u >> 12U & 1U) << 31U | (u >> 5U & 0x3FU) << 25U | rs2 << 20U | rs1 << 15U | f3 << 12U |
           (u >> 1U & 0xFU) << 8U | (u >> 11U & 1U) << 7U | 0x63U;
}
constexpr std::uint32_t jal(Reg rd, std::int32_t offset) {
    const auto u = static_cast<std::uint32_t>(offset);
    return (u >> 20U & 1U) << 31U | (u >> 1U & 0x3FFU) << 21U | (u >> 11U & 1U) << 20U |
           (u >> 12U & 0xFFU) << 12U | rd << 7U | 0x6FU;
}
constexpr std::uint32_t jalr(Reg rd, Reg rs1, std::int32_t imm) { return i_type(imm, rs1, 0, rd, 0x67); }
/// `f3`: 1 csrrw, 2 csrrs, 3 csrrc; 5 to 7 with the number of `rs1` as operand
constexpr std::uint32_t csr(std::uint32_t f3, Reg rd, std::uint32_t address, Reg rs1) {
    return address << 20U | rs1 << 15U | f3 << 12U | rd << 7U | 0x73U;
}
constexpr std::uint32_t csrw(std::uint32_t address, Reg rs1) { return csr(1, zero, address, rs1); }
constexpr std::uint32_t csrr(Reg rd, std::uint32_t address) { return csr(2, rd, address, zero); }
constexpr std::uint32_t kNop = 0x13;
constexpr std::uint32_t kEcall = 0x73;
constexpr std::uint32_t kEbreak = 0x100073;
constexpr std::uint32_t kMret = 0x30200073;
constexpr std::uint32_t kWfi = 0x10500073;

/// A program being written, from address 0 on.
class Program {
  public:
    Program& operator<<(std::uint32_t word) {
        words_.push_back(word);
        return *this;
    }
    /// rd = value, always two instructions.
    Program& li(Reg rd, std::uint32_t value) {
        const auto low = static_cast<std::int32_t>(value << 20U) >> 20;
        return *this << lui(rd, value - static_cast<std::uint32_t>(low)) << addi(rd, rd, low);
    }
    /// Fills with NOPs up to `address`.
    Program& at(std::uint32_t address) {
        words_.resize(address / 4, kNop);
        return *this;
    }
    [[nodiscard]] std::uint32_t here() const { return static_cast<std::uint32_t>(words_.size() * 4); }
    [[nodiscard]] const std::vector<std::uint32_t>& words() const { return words_; }

  private:
    std::vector<std::uint32_t> words_;
};

}  // namespace setun::vp::rv
