// The platform's processor: an RV32IM hart on Unicorn, with exact instruction counts and precise traps.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>

#include "sim/vp/riscv_machine.h"

struct uc_struct;

namespace setun::vp {

/// Where loads and stores outside the processor's memory go. `bytes` is 1, 2 or 4, `address` a multiple of
/// it; data stands in the low bits. False = bus error, which is an access fault of the instruction. A call
/// may take as long as it likes, switch coroutines and raise or lower the interrupt: no frame of Unicorn is
/// on the stack. It must not call run() or reset(). An exception leaves run() with the access not done, and
/// run() may be called again.
class CpuBus {
  public:
    CpuBus() = default;
    CpuBus(const CpuBus&) = delete;
    CpuBus& operator=(const CpuBus&) = delete;
    virtual ~CpuBus() = default;
    virtual bool read(std::uint32_t address, unsigned bytes, std::uint32_t& value) = 0;
    virtual bool write(std::uint32_t address, unsigned bytes, std::uint32_t value) = 0;
};

/// RV32IM with Zicsr, machine mode only (riscv_machine.h), little endian. It fetches from its memory at
/// SETUN_SRAM_BASE alone. Misaligned accesses, compressed and all other foreign instructions trap, FENCE does
/// nothing.
///
/// Unicorn executes arithmetic, branches, and loads and stores inside the memory. Everything that can trap,
/// wait or reach the bus is recognised before Unicorn sees it and done here, so that behaviour does not
/// depend on Unicorn's system emulation, and every instruction is counted exactly.
class RiscvCpu {
  public:
    enum class State {
        kRunning,  ///< stopped because the budget was used up
        kWaiting,  ///< in WFI, and no enabled interrupt is pending
        kStopped,  ///< an exception could not be delivered, see error(); only reset() helps
    };
    struct Run {
        std::uint64_t retired = 0;  ///< instructions of this call; one that traps is not among them
        bool waiting = false;
        State state = State::kRunning;
    };

    /// `sram` is the memory at SETUN_SRAM_BASE: a multiple of 4096 bytes, outliving the processor. The
    /// program must be in it before reset(); between resets the program alone may change code. Throws
    /// std::invalid_argument for another size, std::runtime_error when Unicorn cannot start.
    RiscvCpu(CpuBus& bus, std::span<std::byte> sram);
    RiscvCpu(const RiscvCpu&) = delete;
    RiscvCpu& operator=(const RiscvCpu&) = delete;
    ~RiscvCpu();

    /// Registers and CSRs zero, program counter at SETUN_SRAM_BASE. The level of the interrupt stays, and
    /// instructions() goes on.
    void reset();
    /// Level of the external interrupt. Taken before the next instruction, also when set by a bus call.
    void set_external_interrupt(bool level);
    /// Runs until `max_instructions` have retired, or WFI waits, or the processor has stopped. An exception
    /// within an exception's handler (before its MRET), or without a handler (mtvec = 0), stops it. May run
    /// on a coroutine's stack; Unicorn needs some 16 KiB of it, so give it 64 KiB and more.
    Run run(std::uint64_t max_instructions);

    /// Instructions retired since construction; within a bus call without the instruction that makes it.
    [[nodiscard]] std::uint64_t instructions() const { return instructions_; }
    /// Why the processor has stopped, one line; empty while it has not.
    [[nodiscard]] const std::string& error() const { return error_; }
    /// Program counter and general registers between two instructions.
    [[nodiscard]] std::uint32_t pc() const { return pc_; }
    [[nodiscard]] std::uint32_t reg(unsigned index) const;

  private:
    struct CloseEngine {
        void operator()(uc_struct* engine) const;
    };

    static void instruction_hook(uc_struct* engine, std::uint64_t address, std::uint32_t size, void* cpu);
    void about_to_execute(std::uint32_t pc);
    [[nodiscard]] bool in_sram(std::uint32_t address) const { return address < sram_.size(); }
    [[nodiscard]] std::uint32_t fetch(std::uint32_t pc) const;
    [[nodiscard]] bool plain(std::uint32_t word, std::uint32_t pc) const;
    [[nodiscard]] bool branch_taken(std::uint32_t word) const;
    [[nodiscard]] std::uint32_t jump_target(std::uint32_t word, std::uint32_t pc) const;
    void set_reg(unsigned index, std::uint32_t value);
    void retire(std::uint32_t next);
    void raise(std::uint32_t cause, std::uint32_t value);
    void emulate();
    void step(std::uint32_t word);
    void jump(std::uint32_t word);
    void load(std::uint32_t word);
    void store(std::uint32_t word);
    void system(std::uint32_t word);
    void access_csr(std::uint32_t word);
    void stop(const std::string& reason);

    CpuBus& bus_;
    std::span<std::byte> sram_;
    std::unique_ptr<uc_struct, CloseEngine> engine_;
    MachineState machine_;
    std::uint32_t pc_ = 0;
    std::uint64_t instructions_ = 0;
    std::uint64_t limit_ = 0;      // value of instructions_ at which run() returns
    std::uint32_t last_pc_ = 0;    // of the last instruction that Unicorn was given
    bool stop_requested_ = false;  // the hook has ended this stretch of Unicorn at pc_
    bool waiting_ = false;
    bool in_exception_ = false;
    bool external_ = false;
    std::string error_;
};

}  // namespace setun::vp
