// A slave of 32-bit registers on the platform's bus.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <cstring>
#include <systemc>

#include "sim/vp/clock.h"

namespace setun::vp {

/// Base of everything with registers: takes aligned 32-bit accesses, answers everything else with an error.
class RegisterBlock : public sc_core::sc_module {
  public:
    tlm_utils::simple_target_socket<RegisterBlock, 512> socket;

  protected:
    static constexpr unsigned kAccessClocks = 1;

    explicit RegisterBlock(const sc_core::sc_module_name& name) : sc_module(name), socket("registers") {
        socket.register_b_transport(this, &RegisterBlock::transport);
    }

    /// The register at `offset`, a multiple of 4. `delay` is what has been annotated so far; a block whose
    /// access takes longer than a clock adds to it. False: no such register.
    virtual bool read_register(std::uint32_t offset, std::uint32_t& value, sc_core::sc_time& delay) = 0;
    virtual bool write_register(std::uint32_t offset, std::uint32_t value, sc_core::sc_time& delay) = 0;

  private:
    void transport(tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
        if (payload.get_data_length() != 4 || payload.get_address() % 4 != 0 ||
            payload.get_byte_enable_ptr() != nullptr) {
            payload.set_response_status(tlm::TLM_BURST_ERROR_RESPONSE);
            return;
        }
        const auto offset = static_cast<std::uint32_t>(payload.get_address());
        std::uint32_t value = 0;
        bool known = false;
        if (payload.is_read()) {
            known = read_register(offset, value, delay);
            std::memcpy(payload.get_data_ptr(), &value, sizeof value);
        } else {
            std::memcpy(&value, payload.get_data_ptr(), sizeof value);
            known = write_register(offset, value, delay);
        }
        delay += cycles_to_sc(kAccessClocks);
        payload.set_response_status(known ? tlm::TLM_OK_RESPONSE : tlm::TLM_ADDRESS_ERROR_RESPONSE);
    }
};

/// An interrupt line. More than one process may drive it: a unit raises it, an acknowledging access lowers
/// it.
using IrqSignal = sc_core::sc_signal<bool, sc_core::SC_MANY_WRITERS>;

}  // namespace setun::vp
