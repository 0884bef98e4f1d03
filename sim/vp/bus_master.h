// Reads and writes of a module on the platform's bus.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>

#include <cstdint>
#include <span>
#include <systemc>

#include "sim/vp/burst_timing.h"
#include "sim/vp/clock.h"

namespace setun::vp {

/// A TLM-2.0 master of one burst at a time. Nothing here waits: time comes back as a delay.
class BusMaster {
  public:
    explicit BusMaster(const char* name) : socket(name) {}

    tlm_utils::simple_initiator_socket<BusMaster, 512> socket;

    /// Reads or writes `bytes` at `address`. `delay` goes in as the time from now to the request and comes
    /// out as the time from now to the end of the burst. `timing`, when given, travels with the burst. Of a
    /// write with `enables`, one TLM byte enable for each byte, only enabled bytes are written.
    tlm::tlm_response_status read(std::uint64_t address, std::span<std::byte> bytes, sc_core::sc_time& delay,
                                  BurstTiming* timing = nullptr) {
        return transport(tlm::TLM_READ_COMMAND, address, bytes.data(), bytes.size(), delay, timing, {});
    }
    tlm::tlm_response_status write(std::uint64_t address, std::span<const std::byte> bytes,
                                   sc_core::sc_time& delay, BurstTiming* timing = nullptr,
                                   std::span<unsigned char> enables = {}) {
        // TLM has one pointer for both directions; a target does not write to the data of a write.
        return transport(
            tlm::TLM_WRITE_COMMAND, address,
            const_cast<std::byte*>(bytes.data()),  // NOLINT(cppcoreguidelines-pro-type-const-cast)
            bytes.size(), delay, timing, enables);
    }

  private:
    tlm::tlm_response_status transport(tlm::tlm_command command, std::uint64_t address, std::byte* data,
                                       std::size_t bytes, sc_core::sc_time& delay, BurstTiming* timing,
                                       std::span<unsigned char> enables) {
        tlm::tlm_generic_payload payload;
        payload.set_command(command);
        payload.set_address(address);
        payload.set_data_ptr(reinterpret_cast<unsigned char*>(data));
        payload.set_data_length(static_cast<unsigned>(bytes));
        payload.set_streaming_width(static_cast<unsigned>(bytes));
        payload.set_byte_enable_ptr(enables.data());
        payload.set_byte_enable_length(static_cast<unsigned>(enables.size()));
        payload.set_response_status(tlm::TLM_INCOMPLETE_RESPONSE);
        payload.set_extension(timing);
        socket->b_transport(payload, delay);
        payload.clear_extension(timing);  // it is the caller's
        return payload.get_response_status();
    }
};

}  // namespace setun::vp
