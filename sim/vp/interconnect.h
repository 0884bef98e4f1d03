// The crossbar between the masters of the platform and its memories and registers.
#pragma once

#include <tlm_utils/simple_initiator_socket.h>
#include <tlm_utils/simple_target_socket.h>

#include <cstdint>
#include <memory>
#include <string>
#include <systemc>
#include <vector>

#include "sim/vp/clock.h"
#include "sim/vp/timeline.h"

namespace setun::vp {

/// What a master moved.
struct MasterStats {
    std::uint64_t read_bytes = 0;
    std::uint64_t weight_bytes = 0;  ///< of those, from weight memories
    std::uint64_t write_bytes = 0;
    std::uint64_t arbitration_cycles = 0;  ///< waited for other masters at a slave
};

/// Full crossbar. Each slave takes one burst at a time, 64 bytes a clock, first come first served; of two
/// that come in the same clock the one whose process SystemC runs first, which is the same in every run. An
/// address takes kHop clocks to a slave, data as long back. Timing is annotated: b_transport() never waits.
class Interconnect final : public sc_core::sc_module {
  public:
    using In = tlm_utils::simple_target_socket_tagged<Interconnect, 512>;
    using Out = tlm_utils::simple_initiator_socket_tagged<Interconnect, 512>;
    static constexpr unsigned kHop = 2;  ///< clocks
    static constexpr unsigned kBytesPerClock = 64;

    /// Where a slave stands.
    struct Window {
        std::string name;
        std::uint64_t base;
        std::uint64_t bytes;
        bool registers;  ///< sees offsets from `base`; a memory sees whole addresses
    };

    /// Windows must not overlap.
    Interconnect(const sc_core::sc_module_name& name, Timeline& timeline,
                 const std::vector<std::string>& masters, const std::vector<Window>& slaves);

    /// Sockets in the order of the lists.
    [[nodiscard]] In& master(std::size_t index) { return *masters_.at(index); }
    [[nodiscard]] Out& slave(std::size_t index) { return *slaves_.at(index).socket; }

    [[nodiscard]] const std::vector<MasterStats>& stats() const { return stats_; }

  private:
    struct Slave {
        Window window;
        Time free_at;
        std::unique_ptr<Out> socket;
    };

    [[nodiscard]] Slave* find(std::uint64_t address, std::uint64_t bytes);
    void transport(int master, tlm::tlm_generic_payload& payload, sc_core::sc_time& delay);
    unsigned debug(int master, tlm::tlm_generic_payload& payload);
    bool direct(int master, tlm::tlm_generic_payload& payload, tlm::tlm_dmi& dmi);

    Timeline* timeline_;
    std::vector<MasterStats> stats_;
    std::vector<Timeline::Track> tracks_;
    std::vector<std::unique_ptr<In>> masters_;
    std::vector<Slave> slaves_;
};

}  // namespace setun::vp
