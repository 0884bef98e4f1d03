// A vector unit as a module of the platform: runs the commands of one unit with the functions of hls/.
#pragma once

#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <string>
#include <systemc>
#include <vector>

#include "rtl/setun_vector_abi.h"
#include "sim/vp/bus_master.h"
#include "sim/vp/occupancy.h"
#include "sim/vp/platform.h"
#include "sim/vp/register_block.h"
#include "sim/vp/timeline.h"
#include "sim/vp/vector_command.h"

namespace setun::vp {

/// Registers: SETUN_VU_* of firmware/platform.h. A command is fetched, its operands are read with up to
/// kOutstanding bursts in flight while the datapath works, and its results written when both have finished:
///     cycles = descriptor + max(operands, compute) + results
/// Operands and results are plain memory; nothing is cached between commands.
class VectorUnit final : public RegisterBlock {
  public:
    static constexpr unsigned kBurstBytes = 1024;
    static constexpr unsigned kOutstanding = 16;

    BusMaster bus{"bus"};
    sc_core::sc_out<bool> irq;

    VectorUnit(const sc_core::sc_module_name& name, unsigned unit, const EngineGeometry& geometry,
               Timeline& timeline, Occupancy& occupancy);

    [[nodiscard]] const UnitTotals& totals() const { return totals_; }
    /// Names a command for the timeline.
    void on_label(std::function<std::string(std::uint64_t address, std::uint32_t count)> label) {
        label_ = std::move(label);
    }

  private:
    struct Failure {
        std::uint32_t error = SETUN_ERR_NONE;
        std::uint64_t address = 0;
    };

    bool read_register(std::uint32_t offset, std::uint32_t& value, sc_core::sc_time& delay) override;
    bool write_register(std::uint32_t offset, std::uint32_t value, sc_core::sc_time& delay) override;
    void control(std::uint32_t bits);
    void run();
    [[nodiscard]] Failure execute(std::uint32_t address);
    [[nodiscard]] std::uint64_t address_of(const Region& region) const;
    [[nodiscard]] Failure request(const Region& region, std::span<std::byte> bytes, bool write);
    void drain();

    unsigned unit_;
    EngineGeometry geometry_;
    Timeline* timeline_;
    Occupancy* occupancy_;
    Timeline::Track track_;
    std::function<std::string(std::uint64_t, std::uint32_t)> label_;
    sc_core::sc_event start_;
    std::uint32_t command_ = 0;
    std::uint32_t position_ = 0;
    std::uint32_t token_ = 0;
    bool busy_ = false;
    bool done_ = false;
    bool running_ = false;    ///< the datapath works; outlives busy_ after a reset
    bool abandoned_ = false;  ///< reset while a command ran: its end is not reported, its results not written
    std::deque<Time> in_flight_;  ///< ends of the bursts that have been asked for
    Failure failure_;
    std::uint32_t last_cycles_ = 0;
    UnitTotals totals_;
};

}  // namespace setun::vp
