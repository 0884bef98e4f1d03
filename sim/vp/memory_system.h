// Weight and data memories of the platform behind the timing presets.
#pragma once

#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <memory>
#include <systemc>
#include <vector>

#include "sim/axi_memory.h"
#include "sim/memory_channel.h"
#include "sim/memory_presets.h"

namespace setun::vp {

/// One memory for each weight port, and the data memory. Ports share channels as the preset says. Addresses
/// are those of the whole platform. Timing is annotated: b_transport() never waits.
class MemorySystem final : public sc_core::sc_module {
  public:
    using Socket = tlm_utils::simple_target_socket_tagged<MemorySystem, 512>;

    /// `data_bytes` of zero-filled data memory at SETUN_DATA_BASE. `seed` is that of the preset's jitter.
    MemorySystem(const sc_core::sc_module_name& name, const sim::MemoryPreset& preset, unsigned ports,
                 std::uint64_t data_bytes, std::uint64_t seed);

    /// Socket of weight port p, or of the data memory for p = ports.
    [[nodiscard]] Socket& socket(unsigned p) { return *sockets_.at(p); }
    [[nodiscard]] sim::AxiMemory& memory(unsigned p) { return memories_.at(p); }
    [[nodiscard]] const sim::ChannelTiming& timing() const { return timing_; }

  private:
    void transport(int index, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    unsigned debug(int index, tlm::tlm_generic_payload& payload);
    bool direct(int index, tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi);
    [[nodiscard]] sim::Response copy(unsigned index, tlm::tlm_generic_payload& payload);
    [[nodiscard]] sim::MemoryChannel& channel(unsigned index);

    sim::ChannelTiming timing_;
    sim::ChannelSharing sharing_;
    unsigned ports_;
    std::vector<sim::MemoryChannel> channels_;
    std::vector<sim::AxiMemory> memories_;
    std::span<std::byte> data_;
    std::vector<std::unique_ptr<Socket>> sockets_;
};

}  // namespace setun::vp
