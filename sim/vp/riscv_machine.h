// Machine mode of the processor: its CSRs, and entering and leaving traps.
#pragma once

#include <cstdint>
#include <optional>

namespace setun::vp {

/// Exception codes of mcause (RISC-V privileged specification 1.12, table 3.6).
enum Cause : std::uint32_t {
    kFetchMisaligned = 0,
    kFetchFault = 1,
    kIllegalInstruction = 2,
    kBreakpoint = 3,
    kLoadMisaligned = 4,
    kLoadFault = 5,
    kStoreMisaligned = 6,
    kStoreFault = 7,
    kMachineCall = 11,
    kExternalInterrupt = 0x8000000B,
};

/// The CSRs of a machine-mode-only hart with one interrupt, the external one: mstatus (MIE, MPIE; MPP reads
/// as machine), misa, mie and mip (MEIE, MEIP), mtvec (direct mode, 0 = not set), mscratch, mepc, mcause,
/// mtval, the identification registers (zero), and mcycle and minstret with their upper halves and user-mode
/// shadows. Both counters show retired instructions and ignore writes; the chip's clock is the platform's
/// timer.
class MachineState {
  public:
    /// The CSR at `address`, nothing when there is none. `instructions` is what the counters show.
    [[nodiscard]] std::optional<std::uint32_t> read(std::uint32_t address, std::uint64_t instructions) const;
    /// Writes a CSR; fields that are not implemented keep their value. False when there is none or it is
    /// read-only.
    bool write(std::uint32_t address, std::uint32_t value);

    void set_external_interrupt(bool level) { external_ = level; }
    /// What ends WFI: an interrupt is pending and enabled in mie, whatever mstatus.MIE says.
    [[nodiscard]] bool wakes() const { return external_ && external_enabled_; }
    [[nodiscard]] bool interrupt_deliverable() const { return wakes() && enabled_; }
    /// Enters a trap of the instruction at `pc`; returns the handler's address, 0 when none is set.
    std::uint32_t enter_trap(std::uint32_t cause, std::uint32_t pc, std::uint32_t value);
    /// MRET; returns where to go on.
    std::uint32_t leave_trap();

  private:
    bool external_ = false;
    bool external_enabled_ = false;
    bool enabled_ = false;
    bool previous_enabled_ = false;
    std::uint32_t handler_ = 0;
    std::uint32_t scratch_ = 0;
    std::uint32_t pc_ = 0;
    std::uint32_t cause_ = 0;
    std::uint32_t value_ = 0;
};

}  // namespace setun::vp
