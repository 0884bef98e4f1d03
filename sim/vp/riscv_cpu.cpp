// The platform's processor: an RV32IM hart on Unicorn, with exact instruction counts and precise traps.
#include "sim/vp/riscv_cpu.h"

#include <unicorn/unicorn.h>

#include <cstring>
#include <optional>
#include <stdexcept>

#include "firmware/platform.h"

namespace setun::vp {
namespace {

static_assert(SETUN_SRAM_BASE == 0, "in_sram() and fetch() take an address for an offset");

enum Opcode : std::uint32_t {
    kLoad = 0x03,
    kFence = 0x0F,
    kOpImm = 0x13,
    kAuipc = 0x17,
    kStore = 0x23,
    kOp = 0x33,
    kLui = 0x37,
    kBranch = 0x63,
    kJalr = 0x67,
    kJal = 0x6F,
    kSystem = 0x73,
};

constexpr std::uint32_t kEcall = 0x00000073;
constexpr std::uint32_t kEbreak = 0x00100073;
constexpr std::uint32_t kMret = 0x30200073;
constexpr std::uint32_t kWfi = 0x10500073;
// Never reached: an odd address outside the memory.
constexpr std::uint64_t kNowhere = 0xFFFFFFFD;

constexpr std::uint32_t opcode(std::uint32_t word) { return word & 0x7FU; }
constexpr unsigned rd(std::uint32_t word) { return word >> 7U & 0x1FU; }
constexpr unsigned rs1(std::uint32_t word) { return word >> 15U & 0x1FU; }
constexpr unsigned rs2(std::uint32_t word) { return word >> 20U & 0x1FU; }
constexpr std::uint32_t funct3(std::uint32_t word) { return word >> 12U & 7U; }
constexpr std::uint32_t funct7(std::uint32_t word) { return word >> 25U; }

/// The low `bits` of `value` as a signed number.
constexpr std::uint32_t sign_extend(std::uint32_t value, unsigned bits) {
    const std::uint32_t sign = 1U << (bits - 1U);
    const std::uint32_t mask = sign | (sign - 1U);
    return ((value & mask) ^ sign) - sign;
}
constexpr std::uint32_t immediate_i(std::uint32_t word) { return sign_extend(word >> 20U, 12); }
constexpr std::uint32_t immediate_s(std::uint32_t word) {
    return sign_extend((word >> 25U) << 5U | rd(word), 12);
}
constexpr std::uint32_t immediate_b(std::uint32_t word) {
    return sign_extend((word >> 31U) << 12U | (word >> 7U & 1U) << 11U | (word >> 25U & 0x3FU) << 5U |
                           (word >> 8U & 0xFU) << 1U,
                       13);
}
constexpr std::uint32_t immediate_j(std::uint32_t word) {
    return sign_extend((word >> 31U) << 20U | (word >> 12U & 0xFFU) << 12U | (word >> 20U & 1U) << 11U |
                           (word >> 21U & 0x3FFU) << 1U,
                       21);
}
/// Bytes of a load or store: funct3 is log2 of it, and bit 2 says that a load is unsigned.
constexpr unsigned access_bytes(std::uint32_t word) { return 1U << (funct3(word) & 3U); }

/// Whether `word` is an instruction of RV32I or M with this opcode; SYSTEM is looked at elsewhere.
bool known(std::uint32_t word) {
    const std::uint32_t f3 = funct3(word);
    const std::uint32_t f7 = funct7(word);
    switch (opcode(word)) {
        case kLui:
        case kAuipc:
        case kJal:
        case kSystem:
            return true;
        case kFence:
        case kJalr:
            return f3 == 0;
        case kBranch:
            return f3 != 2 && f3 != 3;
        case kLoad:
            return f3 != 3 && f3 < 6;
        case kStore:
            return f3 < 3;
        case kOpImm:
            return (f3 != 1 && f3 != 5) || f7 == 0 || (f3 == 5 && f7 == 0x20);
        case kOp:
            return f7 <= 1 || (f7 == 0x20 && (f3 == 0 || f3 == 5));
        default:
            return false;
    }
}

void require(uc_err status, const char* what) {
    if (status != UC_ERR_OK) {
        throw std::runtime_error(std::string("Unicorn cannot ") + what + ": " + uc_strerror(status));
    }
}

std::string hex(std::uint32_t value) {
    constexpr const char* kDigits = "0123456789abcdef";
    std::string text = "0x00000000";
    for (std::size_t i = 0; i < 8; ++i) {
        text[9 - i] = kDigits[value >> (4 * i) & 0xFU];
    }
    return text;
}

}  // namespace

void RiscvCpu::CloseEngine::operator()(uc_struct* engine) const { uc_close(engine); }

RiscvCpu::RiscvCpu(CpuBus& bus, std::span<std::byte> sram) : bus_(bus), sram_(sram) {
    if (sram.empty() || sram.size() % 4096 != 0 || sram.size() > SETUN_MMIO_BASE) {
        throw std::invalid_argument("the processor's memory has " + std::to_string(sram.size()) +
                                    " bytes; it must be a multiple of 4096");
    }
    reset();
}

RiscvCpu::~RiscvCpu() = default;

void RiscvCpu::reset() {
    // A new engine, so that no translation of the previous program survives.
    uc_engine* engine = nullptr;
    require(uc_open(UC_ARCH_RISCV, UC_MODE_RISCV32, &engine), "start");
    engine_.reset(engine);
    require(uc_mem_map_ptr(engine, SETUN_SRAM_BASE, sram_.size(), UC_PROT_ALL, sram_.data()), "map memory");
    uc_hook hook = 0;
    // An empty range: every address. Unicorn's interface takes callbacks as void*.
    require(uc_hook_add(engine, &hook, UC_HOOK_CODE, reinterpret_cast<void*>(&instruction_hook), this, 1, 0),
            "watch instructions");
    machine_ = MachineState();
    machine_.set_external_interrupt(external_);
    pc_ = SETUN_SRAM_BASE;
    waiting_ = false;
    in_exception_ = false;
    error_.clear();
}

void RiscvCpu::set_external_interrupt(bool level) {
    external_ = level;
    machine_.set_external_interrupt(level);
}

std::uint32_t RiscvCpu::reg(unsigned index) const {
    std::uint32_t value = 0;
    uc_reg_read(engine_.get(), UC_RISCV_REG_X0 + static_cast<int>(index & 0x1FU), &value);
    return value;
}

void RiscvCpu::set_reg(unsigned index, std::uint32_t value) {
    if (index != 0) {
        uc_reg_write(engine_.get(), UC_RISCV_REG_X0 + static_cast<int>(index), &value);
    }
}

RiscvCpu::Run RiscvCpu::run(std::uint64_t max_instructions) {
    const std::uint64_t start = instructions_;
    limit_ = start + max_instructions;
    if (limit_ < start) {
        limit_ = UINT64_MAX;
    }
    while (error_.empty() && instructions_ < limit_) {
        if (waiting_ && !machine_.wakes()) {
            break;
        }
        waiting_ = false;
        if (machine_.interrupt_deliverable()) {
            const std::uint32_t handler = machine_.enter_trap(kExternalInterrupt, pc_, 0);
            if (handler == 0) {
                stop("interrupt without a handler (mtvec is 0) at " + hex(pc_));
                break;
            }
            pc_ = handler;
        }
        if (!in_sram(pc_)) {
            raise(kFetchFault, pc_);
            continue;
        }
        const std::uint32_t word = fetch(pc_);
        if (plain(word, pc_)) {
            emulate();
        } else {
            step(word);
        }
    }
    Run result;
    result.retired = instructions_ - start;
    result.waiting = error_.empty() && waiting_ && !machine_.wakes();
    if (!error_.empty()) {
        result.state = State::kStopped;
    } else if (result.waiting) {
        result.state = State::kWaiting;
    }
    return result;
}

/// The instruction at `pc`, which is a multiple of 4 inside the memory.
std::uint32_t RiscvCpu::fetch(std::uint32_t pc) const {
    std::uint32_t word = 0;
    std::memcpy(&word, &sram_[pc], sizeof word);
    return word;
}

/// Whether Unicorn may execute `word`: it neither traps nor waits, and touches nothing outside the memory.
bool RiscvCpu::plain(std::uint32_t word, std::uint32_t pc) const {
    if (!known(word)) {
        return false;
    }
    switch (opcode(word)) {
        case kSystem:
            return false;
        case kLoad:
        case kStore: {
            const std::uint32_t offset = opcode(word) == kLoad ? immediate_i(word) : immediate_s(word);
            const std::uint32_t address = reg(rs1(word)) + offset;
            return in_sram(address) && address % access_bytes(word) == 0 && in_sram(pc + 4);
        }
        case kJal:
        case kJalr:
        case kBranch: {
            // Of a branch the target counts even when it is not taken: then step() does it just as well.
            const std::uint32_t target = jump_target(word, pc);
            return in_sram(target) && target % 4 == 0 && in_sram(pc + 4);
        }
        default:
            // So that the program never runs off the end of the memory inside Unicorn.
            return in_sram(pc + 4);
    }
}

bool RiscvCpu::branch_taken(std::uint32_t word) const {
    const std::uint32_t a = reg(rs1(word));
    const std::uint32_t b = reg(rs2(word));
    bool taken = false;
    switch (funct3(word) & 6U) {
        case 0:
            taken = a == b;
            break;
        case 4:
            taken = static_cast<std::int32_t>(a) < static_cast<std::int32_t>(b);
            break;
        default:
            taken = a < b;
            break;
    }
    return taken != ((funct3(word) & 1U) != 0);
}

std::uint32_t RiscvCpu::jump_target(std::uint32_t word, std::uint32_t pc) const {
    switch (opcode(word)) {
        case kJal:
            return pc + immediate_j(word);
        case kJalr:
            return (reg(rs1(word)) + immediate_i(word)) & ~1U;
        default:
            return pc + immediate_b(word);
    }
}

void RiscvCpu::instruction_hook(uc_struct* /*engine*/, std::uint64_t address, std::uint32_t /*size*/,
                                void* cpu) {
    static_cast<RiscvCpu*>(cpu)->about_to_execute(static_cast<std::uint32_t>(address));
}

void RiscvCpu::about_to_execute(std::uint32_t pc) {
    if (stop_requested_) {
        return;
    }
    if (instructions_ == limit_ || !plain(fetch(pc), pc)) {
        stop_requested_ = true;
        pc_ = pc;
        uc_emu_stop(engine_.get());
        return;
    }
    last_pc_ = pc;
    ++instructions_;
}

/// Lets Unicorn execute plain instructions from pc_ on, at least one, up to the next that is not plain.
void RiscvCpu::emulate() {
    stop_requested_ = false;
    const uc_err status = uc_emu_start(engine_.get(), pc_, kNowhere, 0, 0);
    if (status != UC_ERR_OK || !stop_requested_) {
        stop("Unicorn gave up behind " + hex(last_pc_) + ": " + uc_strerror(status));
    }
}

void RiscvCpu::retire(std::uint32_t next) {
    ++instructions_;
    pc_ = next;
}

/// An exception of the instruction at pc_.
void RiscvCpu::raise(std::uint32_t cause, std::uint32_t value) {
    const std::uint32_t pc = pc_;
    const std::string what =
        "exception " + std::to_string(cause) + " at " + hex(pc) + " (value " + hex(value) + ")";
    if (in_exception_) {
        stop(what + " within the handler of another");
        return;
    }
    const std::uint32_t handler = machine_.enter_trap(cause, pc, value);
    if (handler == 0) {
        stop(what + " without a handler (mtvec is 0)");
        return;
    }
    in_exception_ = true;
    pc_ = handler;
}

/// Does one instruction that is not plain.
void RiscvCpu::step(std::uint32_t word) {
    if (!known(word)) {
        raise(kIllegalInstruction, word);
        return;
    }
    switch (opcode(word)) {
        case kLoad:
            load(word);
            break;
        case kStore:
            store(word);
            break;
        case kSystem:
            system(word);
            break;
        case kJal:
        case kJalr:
        case kBranch:
            jump(word);
            break;
        default:
            // Plain but for its place: the last word of the memory, where only a jump makes sense.
            raise(kFetchFault, pc_ + 4);
            break;
    }
}

void RiscvCpu::jump(std::uint32_t word) {
    const bool taken = opcode(word) != kBranch || branch_taken(word);
    const std::uint32_t target = taken ? jump_target(word, pc_) : pc_ + 4;
    if (target % 4 != 0) {
        raise(kFetchMisaligned, target);
        return;
    }
    if (opcode(word) != kBranch) {
        set_reg(rd(word), pc_ + 4);
    }
    retire(target);
}

void RiscvCpu::load(std::uint32_t word) {
    const std::uint32_t address = reg(rs1(word)) + immediate_i(word);
    const unsigned bytes = access_bytes(word);
    if (address % bytes != 0) {
        raise(kLoadMisaligned, address);
        return;
    }
    std::uint32_t value = 0;
    if (in_sram(address)) {
        std::memcpy(&value, &sram_[address], bytes);
    } else if (!bus_.read(address, bytes, value)) {
        raise(kLoadFault, address);
        return;
    }
    const bool is_unsigned = (funct3(word) & 4U) != 0;
    if (bytes < 4) {
        value = is_unsigned ? value & ((1U << (8U * bytes)) - 1U) : sign_extend(value, 8U * bytes);
    }
    set_reg(rd(word), value);
    retire(pc_ + 4);
}

void RiscvCpu::store(std::uint32_t word) {
    const std::uint32_t address = reg(rs1(word)) + immediate_s(word);
    const unsigned bytes = access_bytes(word);
    if (address % bytes != 0) {
        raise(kStoreMisaligned, address);
        return;
    }
    std::uint32_t value = reg(rs2(word));
    if (bytes < 4) {
        value &= (1U << (8U * bytes)) - 1U;
    }
    if (in_sram(address)) {
        std::memcpy(&sram_[address], &value, bytes);
    } else if (!bus_.write(address, bytes, value)) {
        raise(kStoreFault, address);
        return;
    }
    retire(pc_ + 4);
}

void RiscvCpu::system(std::uint32_t word) {
    switch (word) {
        case kEcall:
            raise(kMachineCall, 0);
            return;
        case kEbreak:
            raise(kBreakpoint, pc_);
            return;
        case kMret:
            in_exception_ = false;
            retire(machine_.leave_trap());
            return;
        case kWfi:
            waiting_ = true;
            retire(pc_ + 4);
            return;
        default:
            access_csr(word);
            return;
    }
}

void RiscvCpu::access_csr(std::uint32_t word) {
    const std::uint32_t address = word >> 20U;
    const std::uint32_t operation = funct3(word) & 3U;  // 1 write, 2 set, 3 clear
    const bool immediate = (funct3(word) & 4U) != 0;
    const std::uint32_t operand = immediate ? rs1(word) : reg(rs1(word));
    const std::optional<std::uint32_t> old = machine_.read(address, instructions_);
    bool legal = operation != 0 && old.has_value();
    // Setting or clearing with x0 or 0 is a read, legal for read-only registers too.
    if (legal && (operation == 1 || rs1(word) != 0)) {
        const std::uint32_t value = operation == 1   ? operand
                                    : operation == 2 ? *old | operand
                                                     : *old & ~operand;
        legal = machine_.write(address, value);
    }
    if (!legal) {
        raise(kIllegalInstruction, word);
        return;
    }
    set_reg(rd(word), *old);
    retire(pc_ + 4);
}

void RiscvCpu::stop(const std::string& reason) { error_ = "the processor has stopped: " + reason; }

}  // namespace setun::vp
