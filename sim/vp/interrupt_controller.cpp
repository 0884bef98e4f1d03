// Interrupt controller: level sources, a mask, one line to the processor.
#include "sim/vp/interrupt_controller.h"

#include "firmware/platform.h"

namespace setun::vp {

InterruptController::InterruptController(const sc_core::sc_module_name& name) : RegisterBlock(name) {
    SC_HAS_PROCESS(InterruptController);
    SC_METHOD(update);
    for (auto& source : sources) {
        sensitive << source;
    }
    sensitive << enable_changed_;
}

std::uint32_t InterruptController::pending() const {
    std::uint32_t bits = 0;
    for (unsigned i = 0; i < kSources; ++i) {
        bits |= std::uint32_t{sources[i].read()} << i;
    }
    return bits;
}

void InterruptController::update() { irq.write((pending() & enable_) != 0); }

bool InterruptController::read_register(std::uint32_t offset, std::uint32_t& value,
                                        sc_core::sc_time& /*delay*/) {
    switch (offset) {
        case SETUN_INTC_PENDING:
            value = pending();
            return true;
        case SETUN_INTC_ENABLE:
            value = enable_;
            return true;
        default:
            return false;
    }
}

bool InterruptController::write_register(std::uint32_t offset, std::uint32_t value,
                                         sc_core::sc_time& /*delay*/) {
    if (offset != SETUN_INTC_ENABLE) {
        return false;
    }
    enable_ = value;
    enable_changed_.notify(sc_core::SC_ZERO_TIME);
    return true;
}

}  // namespace setun::vp
