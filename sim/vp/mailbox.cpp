// Mailbox between host and firmware: doorbell, request, status.
#include "sim/vp/mailbox.h"

#include "firmware/platform.h"

namespace setun::vp {
namespace {

constexpr std::array<const char*, Mailbox::kPhases> kPhaseNames{"idle", "load", "dispatch", "wait", "token"};

constexpr std::uint32_t word(std::uint32_t offset) { return offset / 4; }

}  // namespace

Mailbox::Mailbox(const sc_core::sc_module_name& name, Timeline& timeline)
    : RegisterBlock(name), timeline_(&timeline), track_(timeline.track("firmware")) {
    SC_HAS_PROCESS(Mailbox);
    SC_METHOD(drive);
    sensitive << changed_;
}

void Mailbox::drive() {
    doorbell.write(words_[word(SETUN_MBOX_DOORBELL)] != 0);
    host_irq.write(words_[word(SETUN_MBOX_HOST_IRQ)] != 0);
}

void Mailbox::ring() {
    if (words_[word(SETUN_MBOX_STATUS)] == SETUN_STATUS_BUSY || words_[word(SETUN_MBOX_DOORBELL)] != 0) {
        ++words_[word(SETUN_MBOX_REFUSED)];
    } else {
        words_[word(SETUN_MBOX_DOORBELL)] = 1;
    }
}

void Mailbox::enter(std::uint32_t phase) {
    const std::uint32_t before = words_[word(SETUN_MBOX_PHASE)];
    const std::uint64_t now = now_cycle();
    cycles_.at(before) += now - phase_since_;
    if (phase != before) {
        if (before != SETUN_PHASE_IDLE) {
            timeline_->span(track_, kPhaseNames.at(before), phase_since_ << kTimeShift, now << kTimeShift);
        }
        words_[word(SETUN_MBOX_PHASE)] = phase;
    }
    phase_since_ = now;
}

std::array<std::uint64_t, Mailbox::kPhases> Mailbox::phase_cycles() const {
    auto cycles = cycles_;
    cycles.at(words_[word(SETUN_MBOX_PHASE)]) += now_cycle() - phase_since_;
    return cycles;
}

bool Mailbox::read_register(std::uint32_t offset, std::uint32_t& value, sc_core::sc_time& /*delay*/) {
    if (word(offset) >= kWords) {
        return false;
    }
    value = words_[word(offset)];
    return true;
}

bool Mailbox::write_register(std::uint32_t offset, std::uint32_t value, sc_core::sc_time& /*delay*/) {
    if (word(offset) >= kWords || offset == SETUN_MBOX_REFUSED) {
        return false;
    }
    if (offset == SETUN_MBOX_DOORBELL && value != 0) {
        ring();
    } else if (offset == SETUN_MBOX_PHASE) {
        if (value >= kPhases) {
            return false;
        }
        enter(value);
    } else if (offset == SETUN_MBOX_REQUEST && words_[word(SETUN_MBOX_STATUS)] == SETUN_STATUS_BUSY) {
        return true;  // the request under way keeps its address; the doorbell that follows is refused
    } else {
        words_[word(offset)] = value;
    }
    changed_.notify(sc_core::SC_ZERO_TIME);
    return true;
}

}  // namespace setun::vp
