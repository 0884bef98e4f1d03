// Timer: counts clocks, interrupts from a given count on.
#pragma once

#include <cstdint>
#include <systemc>

#include "sim/vp/register_block.h"

namespace setun::vp {

/// Registers: SETUN_TIMER_* of firmware/platform.h.
class Timer final : public RegisterBlock {
  public:
    sc_core::sc_out<bool> irq;

    explicit Timer(const sc_core::sc_module_name& name);

  private:
    bool read_register(std::uint32_t offset, std::uint32_t& value, sc_core::sc_time& delay) override;
    bool write_register(std::uint32_t offset, std::uint32_t value, sc_core::sc_time& delay) override;
    void update();

    std::uint64_t compare_ = ~std::uint64_t{0};
    std::uint32_t captured_high_ = 0;
    sc_core::sc_event changed_;
};

}  // namespace setun::vp
