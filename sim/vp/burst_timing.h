// What a burst on the platform's bus says beside its bytes: who asks, and when the first beat comes.
#pragma once

#include <systemc>
#include <tlm>

namespace setun::vp {

/// TLM-2.0 ignorable extension. The `delay` of b_transport() covers the whole burst; `first` is the delay to
/// its first beat, which a cycle-accurate initiator needs.
struct BurstTiming final : tlm::tlm_extension<BurstTiming> {
    sc_core::sc_time first;
    bool timed = true;  ///< false: bytes only; occupies nothing

    [[nodiscard]] tlm_extension_base* clone() const override { return new BurstTiming(*this); }
    void copy_from(const tlm_extension_base& other) override {
        *this = dynamic_cast<const BurstTiming&>(other);
    }
};

}  // namespace setun::vp
