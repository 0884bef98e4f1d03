// Machine mode of the processor: its CSRs, and entering and leaving traps.
#include "sim/vp/riscv_machine.h"

namespace setun::vp {
namespace {

enum Csr : std::uint32_t {
    kMstatus = 0x300,
    kMisa = 0x301,
    kMie = 0x304,
    kMtvec = 0x305,
    kMscratch = 0x340,
    kMepc = 0x341,
    kMcause = 0x342,
    kMtval = 0x343,
    kMip = 0x344,
    kMcycle = 0xB00,
    kMinstret = 0xB02,
    kMcycleh = 0xB80,
    kMinstreth = 0xB82,
    kCycle = 0xC00,
    kInstret = 0xC02,
    kCycleh = 0xC80,
    kInstreth = 0xC82,
    kMvendorid = 0xF11,
    kMarchid = 0xF12,
    kMimpid = 0xF13,
    kMhartid = 0xF14,
};

constexpr std::uint32_t kStatusMie = 1U << 3U;
constexpr std::uint32_t kStatusMpie = 1U << 7U;
constexpr std::uint32_t kStatusMppMachine = 3U << 11U;
constexpr std::uint32_t kExternalBit = 1U << 11U;
constexpr std::uint32_t kMisaRv32im = 1U << 30U | 1U << 8U | 1U << 12U;

}  // namespace

std::optional<std::uint32_t> MachineState::read(std::uint32_t address, std::uint64_t instructions) const {
    switch (address) {
        case kMstatus:
            return kStatusMppMachine | (enabled_ ? kStatusMie : 0U) | (previous_enabled_ ? kStatusMpie : 0U);
        case kMisa:
            return kMisaRv32im;
        case kMie:
            return external_enabled_ ? kExternalBit : 0U;
        case kMip:
            return external_ ? kExternalBit : 0U;
        case kMtvec:
            return handler_;
        case kMscratch:
            return scratch_;
        case kMepc:
            return pc_;
        case kMcause:
            return cause_;
        case kMtval:
            return value_;
        case kMcycle:
        case kMinstret:
        case kCycle:
        case kInstret:
            return static_cast<std::uint32_t>(instructions);
        case kMcycleh:
        case kMinstreth:
        case kCycleh:
        case kInstreth:
            return static_cast<std::uint32_t>(instructions >> 32U);
        case kMvendorid:
        case kMarchid:
        case kMimpid:
        case kMhartid:
            return 0U;
        default:
            return std::nullopt;
    }
}

bool MachineState::write(std::uint32_t address, std::uint32_t value) {
    switch (address) {
        case kMstatus:
            enabled_ = (value & kStatusMie) != 0;
            previous_enabled_ = (value & kStatusMpie) != 0;
            return true;
        case kMie:
            external_enabled_ = (value & kExternalBit) != 0;
            return true;
        case kMtvec:
            handler_ = value & ~3U;
            return true;
        case kMscratch:
            scratch_ = value;
            return true;
        case kMepc:
            pc_ = value & ~3U;
            return true;
        case kMcause:
            cause_ = value;
            return true;
        case kMtval:
            value_ = value;
            return true;
        case kMisa:
        case kMip:
        case kMcycle:
        case kMinstret:
        case kMcycleh:
        case kMinstreth:
            return true;
        default:
            return false;
    }
}

std::uint32_t MachineState::enter_trap(std::uint32_t cause, std::uint32_t pc, std::uint32_t value) {
    previous_enabled_ = enabled_;
    enabled_ = false;
    pc_ = pc & ~3U;
    cause_ = cause;
    value_ = value;
    return handler_;
}

std::uint32_t MachineState::leave_trap() {
    enabled_ = previous_enabled_;
    previous_enabled_ = true;
    return pc_;
}

}  // namespace setun::vp
