// Interrupt controller: level sources, a mask, one line to the processor.
#pragma once

#include <array>
#include <cstdint>
#include <systemc>

#include "sim/vp/register_block.h"

namespace setun::vp {

/// Registers: SETUN_INTC_* of firmware/platform.h.
class InterruptController final : public RegisterBlock {
  public:
    static constexpr unsigned kSources = 16;

    std::array<sc_core::sc_in<bool>, kSources> sources;
    sc_core::sc_out<bool> irq;

    explicit InterruptController(const sc_core::sc_module_name& name);

  private:
    bool read_register(std::uint32_t offset, std::uint32_t& value, sc_core::sc_time& delay) override;
    bool write_register(std::uint32_t offset, std::uint32_t value, sc_core::sc_time& delay) override;
    [[nodiscard]] std::uint32_t pending() const;
    void update();

    std::uint32_t enable_ = 0;
    sc_core::sc_event enable_changed_;
};

}  // namespace setun::vp
