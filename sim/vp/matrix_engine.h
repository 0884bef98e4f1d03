// The Verilated kernel as a module of the platform.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <systemc>
#include <vector>

#include "sim/kernel_sim.h"
#include "sim/vp/occupancy.h"
#include "sim/vp/platform.h"
#include "sim/vp/register_block.h"
#include "sim/vp/timeline.h"
#include "sim/vp/tlm_port.h"

namespace setun::vp {

/// Cycle-accurate inside; its ports are TLM-2.0 masters and its AXI4-Lite registers a TLM-2.0 slave. It is
/// clocked while a list runs or a register is accessed, and stands still otherwise. Runs at most kQuantum
/// clocks ahead of the rest of the platform.
class MatrixEngine final : public RegisterBlock {
  public:
    static constexpr std::uint64_t kQuantum = 32;

    sc_core::sc_out<bool> irq;

    /// `fail` is told of an exception (a broken RTL assertion), after which the module stands still.
    MatrixEngine(const sc_core::sc_module_name& name, const sim::KernelConfig& config,
                 const sim::ChannelTiming& timing, std::uint64_t seed, Timeline& timeline,
                 Occupancy& occupancy, std::function<void(std::exception_ptr)> fail);

    /// Master of weight port p, or of the data port for p = ports.
    [[nodiscard]] TlmPort& port(unsigned p) { return *ports_.at(p); }
    [[nodiscard]] const UnitTotals& totals() const { return totals_; }
    [[nodiscard]] const EngineTotals& counters() const { return counters_; }
    [[nodiscard]] const sim::KernelConfig& config() const { return sim_->config(); }
    /// Names a list for the timeline.
    void on_label(std::function<std::string(std::uint64_t address, std::uint32_t count)> label) {
        label_ = std::move(label);
    }

  private:
    bool read_register(std::uint32_t offset, std::uint32_t& value, sc_core::sc_time& delay) override;
    bool write_register(std::uint32_t offset, std::uint32_t value, sc_core::sc_time& delay) override;
    template <class Body>
    bool on_port(sc_core::sc_time& delay, Body&& body);
    void run();
    void clock_until_interrupt();
    void finish_run();
    void reset();
    [[nodiscard]] Time local_time() const { return (sim_->cycle() << kTimeShift) + skew_; }
    void catch_up(Time time);

    Time skew_ = 0;  ///< platform time of the kernel's cycle 0
    std::vector<std::unique_ptr<TlmPort>> ports_;
    std::unique_ptr<sim::KernelSim> sim_;
    Timeline* timeline_;
    Occupancy* occupancy_;
    Timeline::Track track_;
    std::function<void(std::exception_ptr)> fail_;
    std::function<std::string(std::uint64_t, std::uint32_t)> label_;
    sc_core::sc_event started_;
    bool active_ = false;
    Time started_at_ = 0;
    std::uint64_t list_ = 0;
    std::uint32_t count_ = 0;
    UnitTotals totals_;  ///< cycles from the start to the interrupt
    EngineTotals counters_;
};

}  // namespace setun::vp
