// Weight and data memories of the platform behind the timing presets.
#include "sim/vp/memory_system.h"

#include <algorithm>
#include <cstring>
#include <string>

#include "firmware/platform.h"
#include "sim/vp/burst_timing.h"
#include "sim/vp/clock.h"
#include "sim/vp/responses.h"

namespace setun::vp {
namespace {

constexpr std::size_t kBeat = 64;  // bytes that strobes of AxiMemory::write() cover

std::span<std::byte> bytes_of(tlm::tlm_generic_payload& payload) {
    return {reinterpret_cast<std::byte*>(payload.get_data_ptr()), payload.get_data_length()};
}

/// Strobes of `count` bytes from byte `first` of a payload.
std::uint64_t strobes(const tlm::tlm_generic_payload& payload, std::size_t first, std::size_t count) {
    const unsigned char* const enable = payload.get_byte_enable_ptr();
    std::uint64_t bits = 0;
    for (std::size_t i = 0; i < count; ++i) {
        const bool set =
            enable == nullptr || enable[(first + i) % payload.get_byte_enable_length()] == TLM_BYTE_ENABLED;
        bits |= std::uint64_t{set} << i;
    }
    return bits;
}

}  // namespace

MemorySystem::MemorySystem(const sc_core::sc_module_name& name, const sim::MemoryPreset& preset,
                           unsigned ports, std::uint64_t data_bytes, std::uint64_t seed)
    : sc_module(name),
      timing_(sim::make_channel_timing(preset)),
      sharing_(preset.sharing),
      ports_(ports),
      memories_(ports + 1) {
    data_ = memories_[ports].allocate(SETUN_DATA_BASE, data_bytes);
    for (unsigned p = 0; p <= ports; ++p) {
        channels_.emplace_back(timing_, seed + p);
        const std::string label = p == ports ? "data" : std::string("w").append(std::to_string(p));
        sockets_.push_back(std::make_unique<Socket>(label.c_str()));
        const int tag = static_cast<int>(p);
        sockets_[p]->register_b_transport(this, &MemorySystem::transport, tag);
        sockets_[p]->register_transport_dbg(this, &MemorySystem::debug, tag);
        sockets_[p]->register_get_direct_mem_ptr(this, &MemorySystem::direct, tag);
    }
}

sim::MemoryChannel& MemorySystem::channel(unsigned index) {
    switch (sharing_) {
        case sim::ChannelSharing::kAll:
            return channels_[0];
        case sim::ChannelSharing::kDataWithW0:
            return channels_[index == ports_ ? 0 : index];
        case sim::ChannelSharing::kPerPort:
            break;
    }
    return channels_[index];
}

sim::Response MemorySystem::copy(unsigned index, tlm::tlm_generic_payload& payload) {
    sim::AxiMemory& memory = memories_[index];
    const std::span<std::byte> bytes = bytes_of(payload);
    const std::uint64_t address = payload.get_address();
    if (payload.is_read() && payload.get_byte_enable_ptr() == nullptr) {
        if (const std::byte* const found = memory.direct(address, bytes.size())) {
            std::memcpy(bytes.data(), found, bytes.size());
            return sim::Response::kOkay;
        }
    }
    sim::Response worst = sim::Response::kOkay;
    for (std::size_t first = 0; first < bytes.size(); first += kBeat) {
        const auto part = bytes.subspan(first, std::min(kBeat, bytes.size() - first));
        worst = std::max(worst, payload.is_read() ? memory.read(address + first, part)
                                                  : memory.write(address + first, part,
                                                                 strobes(payload, first, part.size())));
    }
    return worst;
}

void MemorySystem::transport(int index, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay) {
    const auto port = static_cast<unsigned>(index);
    auto* const timing = payload.get_extension<BurstTiming>();
    if (timing == nullptr || timing->timed) {
        const Time stamp = now_time();
        const Time begin = stamp + to_time(delay);
        const unsigned bytes = payload.get_data_length();
        if (payload.is_read()) {
            const Time first = channel(port).read(begin, bytes);
            if (timing != nullptr) {
                timing->first = to_sc(first - stamp);
            }
            delay = to_sc(first + bytes * timing_.byte_time - stamp);
        } else {
            delay = to_sc(channel(port).write(begin, bytes) - stamp);
        }
    }
    payload.set_response_status(to_tlm(copy(port, payload)));
    payload.set_dmi_allowed(port == ports_);
}

unsigned MemorySystem::debug(int index, tlm::tlm_generic_payload& payload) {
    const sim::Response response = copy(static_cast<unsigned>(index), payload);
    payload.set_response_status(to_tlm(response));
    return response == sim::Response::kOkay ? payload.get_data_length() : 0;
}

bool MemorySystem::direct(int index, tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi) {
    const std::uint64_t address = payload.get_address();
    if (static_cast<unsigned>(index) != ports_ || address < SETUN_DATA_BASE ||
        address - SETUN_DATA_BASE >= data_.size()) {
        return false;  // weights stand in several read-only pieces of the host's memory
    }
    dmi.set_dmi_ptr(reinterpret_cast<unsigned char*>(data_.data()));
    dmi.set_start_address(SETUN_DATA_BASE);
    dmi.set_end_address(SETUN_DATA_BASE + data_.size() - 1);
    dmi.allow_read_write();
    return true;
}

}  // namespace setun::vp
