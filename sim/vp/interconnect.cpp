// The crossbar between the masters of the platform and its memories and registers.
#include "sim/vp/interconnect.h"

#include <algorithm>

#include "firmware/platform.h"
#include "sim/vp/burst_timing.h"
#include "sim/vp/clock.h"

namespace setun::vp {

Interconnect::Interconnect(const sc_core::sc_module_name& name, Timeline& timeline,
                           const std::vector<std::string>& masters, const std::vector<Window>& slaves)
    : sc_module(name), timeline_(&timeline) {
    for (const std::string& master : masters) {
        const int tag = static_cast<int>(masters_.size());
        stats_.emplace_back();
        tracks_.push_back(timeline.track("port " + master));
        masters_.push_back(std::make_unique<In>(("from_" + master).c_str()));
        In& socket = *masters_.back();
        socket.register_b_transport(this, &Interconnect::transport, tag);
        socket.register_transport_dbg(this, &Interconnect::debug, tag);
        socket.register_get_direct_mem_ptr(this, &Interconnect::direct, tag);
    }
    for (const Window& window : slaves) {
        slaves_.push_back({window, 0, std::make_unique<Out>(("to_" + window.name).c_str())});
    }
}

Interconnect::Slave* Interconnect::find(std::uint64_t address, std::uint64_t bytes) {
    for (Slave& slave : slaves_) {
        const Window& window = slave.window;
        if (address >= window.base && address - window.base < window.bytes) {
            return bytes <= window.bytes - (address - window.base) ? &slave : nullptr;
        }
    }
    return nullptr;
}

void Interconnect::transport(int master, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    const std::uint64_t address = payload.get_address();
    const unsigned bytes = payload.get_data_length();
    Slave* const slave = find(address, bytes);
    if (slave == nullptr) {
        delay += cycles_to_sc(std::uint64_t{2} * kHop);
        payload.set_response_status(tlm::TLM_ADDRESS_ERROR_RESPONSE);
        return;
    }
    auto* const timing = payload.get_extension<BurstTiming>();
    const bool timed = timing == nullptr || timing->timed;
    const auto index = static_cast<std::size_t>(master);
    MasterStats& stats = stats_[index];
    const Time stamp = now_time();
    const Time asked = stamp + to_time(delay);
    if (timed) {
        const Time arrival = asked + kHop * kCycle;
        const Time begin = std::max(arrival, slave->free_at);
        const std::uint64_t clocks =
            std::max<std::uint64_t>(1, (bytes + kBytesPerClock - 1) / kBytesPerClock);
        slave->free_at = begin + clocks * kCycle;
        stats.arbitration_cycles += (begin - arrival) >> kTimeShift;
        (payload.is_read() ? stats.read_bytes : stats.write_bytes) += bytes;
        stats.weight_bytes += payload.is_read() && (address >> SETUN_WEIGHT_BASE_SHIFT) != 0 ? bytes : 0;
        delay = to_sc(begin - stamp);
        if (timing != nullptr) {
            timing->first = delay;
        }
    }
    if (slave->window.registers) {
        payload.set_address(address - slave->window.base);
    }
    (*slave->socket)->b_transport(payload, delay);
    payload.set_address(address);
    if (timed) {
        delay += cycles_to_sc(kHop);
        if (timing != nullptr) {
            timing->first += cycles_to_sc(kHop);
        }
        timeline_->activity(tracks_[index], asked, stamp + to_time(delay));
    }
}

unsigned Interconnect::debug(int /*master*/, tlm::tlm_generic_payload& payload) {
    const std::uint64_t address = payload.get_address();
    Slave* const slave = find(address, payload.get_data_length());
    if (slave == nullptr || slave->window.registers) {
        return 0;
    }
    return (*slave->socket)->transport_dbg(payload);
}

bool Interconnect::direct(int /*master*/, tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
    Slave* const slave = find(payload.get_address(), 1);
    return slave != nullptr && !slave->window.registers && (*slave->socket)->get_direct_mem_ptr(payload, dmi);
}

}  // namespace setun::vp
