// One AXI port of the Verilated kernel as a TLM-2.0 master.
#pragma once

#include <cstdint>
#include <deque>
#include <string>
#include <systemc>
#include <vector>

#include "sim/burst_target.h"
#include "sim/vp/bus_master.h"
#include "sim/vp/responses.h"

namespace setun::vp {

/// Turns every burst that the kernel's pins show into one b_transport() with annotated timing. The pins
/// themselves, beat by beat, are the work of sim/axi_slave.h, so that the kernel stays cycle-accurate.
class TlmPort final : public sim::BurstTarget {
  public:
    /// `timing` gives the beat rate; `skew` is added to the kernel's time to make platform time.
    TlmPort(const std::string& name, const sim::ChannelTiming& timing, const Time& skew)
        : bus(name.c_str()), timing_(timing), skew_(&skew), buffers_(timing.outstanding + 1) {}

    BusMaster bus;

    ReadGrant read(std::uint64_t address, unsigned bytes, Time now) override {
        std::vector<std::byte>& buffer = buffers_[next_++ % buffers_.size()];
        buffer.resize(bytes);
        BurstTiming timing;
        sc_core::sc_time delay = timing.first = ahead(now);
        const bool good = bus.read(address, buffer, delay, &timing) == tlm::TLM_OK_RESPONSE;
        return {good ? buffer.data() : nullptr, to_kernel(timing.first)};
    }

    sim::Response read_beat(std::uint64_t address, std::span<std::byte> bytes) override {
        BurstTiming timing;
        timing.timed = false;
        sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
        return to_axi(bus.read(address, bytes, delay, &timing));
    }

    Time write(const sim::WriteBurst& burst, Time now) override {
        std::vector<unsigned char> enables(burst.data.size());
        for (std::size_t i = 0; i < enables.size(); ++i) {
            const bool set = (burst.strobes[i / burst.beat_bytes] >> (i % burst.beat_bytes) & 1U) != 0;
            enables[i] = set ? TLM_BYTE_ENABLED : TLM_BYTE_DISABLED;
        }
        sc_core::sc_time delay = ahead(now);
        responses_.push_back(to_axi(bus.write(burst.address, burst.data, delay, nullptr, enables)));
        return to_kernel(delay);
    }

    sim::Response finish_write(const sim::WriteBurst& /*burst*/) override {
        const sim::Response response = responses_.front();
        responses_.pop_front();
        return response;
    }

    /// After a reset of the kernel: responses that nobody waits for any more.
    void forget() { responses_.clear(); }

    [[nodiscard]] unsigned outstanding() const override { return timing_.outstanding; }
    [[nodiscard]] Time byte_time() const override { return timing_.byte_time; }

  private:
    /// The kernel runs some clocks ahead of SystemC: a burst begins that much later than now.
    [[nodiscard]] sc_core::sc_time ahead(Time now) const { return to_sc(now + *skew_ - now_time()); }
    [[nodiscard]] Time to_kernel(const sc_core::sc_time& delay) const {
        return now_time() + to_time(delay) - *skew_;
    }

    sim::ChannelTiming timing_;
    const Time* skew_;
    std::vector<std::vector<std::byte>> buffers_;  ///< a ring: one for each burst in flight
    std::size_t next_ = 0;
    std::deque<sim::Response> responses_;
};

}  // namespace setun::vp
