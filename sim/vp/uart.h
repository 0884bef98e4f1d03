// UART: what the firmware prints.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <systemc>

#include "sim/vp/register_block.h"

namespace setun::vp {

/// Registers: SETUN_UART_* of firmware/platform.h. Takes a character at once: no baud rate is modelled.
class Uart final : public RegisterBlock {
  public:
    explicit Uart(const sc_core::sc_module_name& name) : RegisterBlock(name) {}

    /// Called with each whole line, without its end. May be empty.
    void on_line(std::function<void(const std::string&)> sink) { sink_ = std::move(sink); }

  private:
    static constexpr std::size_t kMaxLine = 4096;  ///< a firmware gone wild must not fill the host's memory

    bool read_register(std::uint32_t offset, std::uint32_t& value, sc_core::sc_time& delay) override;
    bool write_register(std::uint32_t offset, std::uint32_t value, sc_core::sc_time& delay) override;

    std::string line_;
    std::function<void(const std::string&)> sink_;
};

}  // namespace setun::vp
