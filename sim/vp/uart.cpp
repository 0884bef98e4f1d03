// UART: what the firmware prints.
#include "sim/vp/uart.h"

#include "firmware/platform.h"

namespace setun::vp {

bool Uart::read_register(std::uint32_t offset, std::uint32_t& value, sc_core::sc_time& /*delay*/) {
    value = offset == SETUN_UART_STATUS ? 1 : 0;
    return offset == SETUN_UART_STATUS || offset == SETUN_UART_DATA;
}

bool Uart::write_register(std::uint32_t offset, std::uint32_t value, sc_core::sc_time& /*delay*/) {
    if (offset != SETUN_UART_DATA) {
        return false;
    }
    const char character = static_cast<char>(value & 0xFFU);
    if (character != '\n' && line_.size() < kMaxLine) {
        if (character != '\r') {
            line_ += character;
        }
        return true;
    }
    if (sink_) {
        sink_(line_);
    }
    line_.clear();
    return true;
}

}  // namespace setun::vp
