// Timer: counts clocks, interrupts from a given count on.
#include "sim/vp/timer.h"

#include "firmware/platform.h"

namespace setun::vp {

Timer::Timer(const sc_core::sc_module_name& name) : RegisterBlock(name) {
    SC_HAS_PROCESS(Timer);
    SC_METHOD(update);
    sensitive << changed_;
}

void Timer::update() {
    const std::uint64_t count = now_cycle();
    irq.write(count >= compare_);
    // Farther away than SystemC's 64-bit time reaches is never.
    if (count < compare_ && compare_ < (~Time{0} >> kTimeShift)) {
        next_trigger(cycles_to_sc(compare_ - count), changed_);
    } else {
        next_trigger(changed_);
    }
}

bool Timer::read_register(std::uint32_t offset, std::uint32_t& value, sc_core::sc_time& delay) {
    switch (offset) {
        case SETUN_TIMER_COUNT_LO: {
            const std::uint64_t count = (now_time() + to_time(delay)) >> kTimeShift;
            captured_high_ = static_cast<std::uint32_t>(count >> 32U);
            value = static_cast<std::uint32_t>(count);
            return true;
        }
        case SETUN_TIMER_COUNT_HI:
            value = captured_high_;
            return true;
        case SETUN_TIMER_COMPARE_LO:
            value = static_cast<std::uint32_t>(compare_);
            return true;
        case SETUN_TIMER_COMPARE_HI:
            value = static_cast<std::uint32_t>(compare_ >> 32U);
            return true;
        default:
            return false;
    }
}

bool Timer::write_register(std::uint32_t offset, std::uint32_t value, sc_core::sc_time& /*delay*/) {
    constexpr std::uint64_t kLow = 0xFFFFFFFFU;
    switch (offset) {
        case SETUN_TIMER_COMPARE_LO:
            compare_ = (compare_ & ~kLow) | value;
            break;
        case SETUN_TIMER_COMPARE_HI:
            compare_ = (compare_ & kLow) | std::uint64_t{value} << 32U;
            break;
        default:
            return false;
    }
    changed_.notify(sc_core::SC_ZERO_TIME);
    return true;
}

}  // namespace setun::vp
