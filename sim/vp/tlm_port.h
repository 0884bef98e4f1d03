// One AXI port of the Verilated kernel as a TLM-2.0 master.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <array>
#include <cstdint>
#include <deque>
#include <string>
#include <systemc>
#include <vector>

#include "sim/burst_target.h"
#include "sim/vp/burst_timing.h"
#include "sim/vp/clock.h"

namespace setun::vp {

/// Turns every burst that the kernel's pins show into one b_transport() with annotated timing. The pins
/// themselves, beat by beat, are the work of sim/axi_slave.h, so that the kernel stays cycle-accurate.
class TlmPort final : public sim::BurstTarget {
  public:
    /// `timing` gives the beat rate; `skew` is added to the kernel's time to make platform time.
    TlmPort(const std::string& name, const sim::ChannelTiming& timing, const Time& skew)
        : socket(name.c_str()), timing_(timing), skew_(&skew), buffers_(timing.outstanding + 1) {}

    tlm_utils::simple_initiator_socket<TlmPort, 512> socket;

    ReadGrant read(std::uint64_t address, unsigned bytes, Time now) override {
        std::vector<std::byte>& buffer = buffers_[next_++ % buffers_.size()];
        buffer.resize(bytes);
        BurstTiming timing;
        const bool good =
            transport(tlm::TLM_READ_COMMAND, address, buffer, now, timing, nullptr) == tlm::TLM_OK_RESPONSE;
        return {good ? buffer.data() : nullptr, to_kernel(timing.first)};
    }

    sim::Response read_beat(std::uint64_t address, std::span<std::byte> bytes) override {
        BurstTiming timing;
        timing.timed = false;
        const tlm::tlm_response_status status =
            transport(tlm::TLM_READ_COMMAND, address, bytes, 0, timing, nullptr);
        return status == tlm::TLM_OK_RESPONSE ? sim::Response::kOkay : axi(status);
    }

    Time write(const sim::WriteBurst& burst, Time now) override {
        std::vector<std::byte> data(burst.data.begin(), burst.data.end());
        std::vector<unsigned char> enable(data.size());
        for (std::size_t i = 0; i < enable.size(); ++i) {
            const bool set = (burst.strobes[i / burst.beat_bytes] >> (i % burst.beat_bytes) & 1U) != 0;
            enable[i] = set ? TLM_BYTE_ENABLED : TLM_BYTE_DISABLED;
        }
        BurstTiming timing;
        const tlm::tlm_response_status status =
            transport(tlm::TLM_WRITE_COMMAND, burst.address, data, now, timing, &enable);
        responses_.push_back(status == tlm::TLM_OK_RESPONSE ? sim::Response::kOkay : axi(status));
        return to_kernel(delay_);
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
    static sim::Response axi(tlm::tlm_response_status status) {
        return status == tlm::TLM_ADDRESS_ERROR_RESPONSE ? sim::Response::kDecErr : sim::Response::kSlvErr;
    }

    [[nodiscard]] Time to_kernel(const sc_core::sc_time& delay) const {
        return now_time() + to_time(delay) - *skew_;
    }

    tlm::tlm_response_status transport(tlm::tlm_command command, std::uint64_t address,
                                       std::span<std::byte> bytes, Time now, BurstTiming& timing,
                                       std::vector<unsigned char>* enable) {
        tlm::tlm_generic_payload payload;
        payload.set_command(command);
        payload.set_address(address);
        payload.set_data_ptr(reinterpret_cast<unsigned char*>(bytes.data()));
        payload.set_data_length(static_cast<unsigned>(bytes.size()));
        payload.set_streaming_width(static_cast<unsigned>(bytes.size()));
        payload.set_byte_enable_ptr(enable != nullptr ? enable->data() : nullptr);
        payload.set_byte_enable_length(enable != nullptr ? static_cast<unsigned>(enable->size()) : 0);
        payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
        payload.set_extension(&timing);
        // The kernel runs some clocks ahead of SystemC: the burst begins that much later than now.
        delay_ = timing.timed ? to_sc(now + *skew_ - now_time()) : sc_core::SC_ZERO_TIME;
        timing.first = delay_;
        socket->b_transport(payload, delay_);
        payload.clear_extension(&timing);
        return payload.get_response_status();
    }

    sim::ChannelTiming timing_;
    const Time* skew_;
    std::vector<std::vector<std::byte>> buffers_;  ///< a ring: one for each burst in flight
    std::size_t next_ = 0;
    std::deque<sim::Response> responses_;
    sc_core::sc_time delay_;
};

}  // namespace setun::vp
