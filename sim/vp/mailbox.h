// Mailbox between host and firmware: doorbell, request, status.
#pragma once

#include <array>
#include <cstdint>
#include <systemc>

#include "sim/vp/register_block.h"
#include "sim/vp/timeline.h"

namespace setun::vp {

/// Registers: SETUN_MBOX_* of firmware/platform.h.
class Mailbox final : public RegisterBlock {
  public:
    static constexpr unsigned kPhases = 5;

    sc_core::sc_out<bool> doorbell;  ///< to the interrupt controller
    sc_core::sc_out<bool> host_irq;

    Mailbox(const sc_core::sc_module_name& name, Timeline& timeline);

    /// Cycles that the processor has spent in each SETUN_PHASE_*.
    [[nodiscard]] std::array<std::uint64_t, kPhases> phase_cycles() const;

  private:
    static constexpr std::uint32_t kWords = 17;

    bool read_register(std::uint32_t offset, std::uint32_t& value, sc_core::sc_time& delay) override;
    bool write_register(std::uint32_t offset, std::uint32_t value, sc_core::sc_time& delay) override;
    void ring();
    void enter(std::uint32_t phase);
    void drive();

    std::array<std::uint32_t, kWords> words_{};
    std::array<std::uint64_t, kPhases> cycles_{};
    std::uint64_t phase_since_ = 0;
    sc_core::sc_event changed_;
    Timeline* timeline_;
    Timeline::Track track_;
};

}  // namespace setun::vp
