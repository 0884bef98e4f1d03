// Event-driven simulation of a design with inertial delays, and the energy of every event.
//
// Energy of a toggle of a net: half its load times the square of the voltage, and the internal energy of the
// cell that drives it, from the table of the state in force when the cause arrived. Of an input that moves no
// output: the hidden energy of that pin. Of a clock edge: the clock pin's load and the internal energy of the
// phase, also where nothing is stored. Every internal energy is table(VDD) + table(VSS): each rail's table is
// read as half of V * Q of that rail (docs/characterisation.md). A pulse shorter than a gate's delay vanishes
// and costs nothing in that gate.
#pragma once

#include <cstdint>
#include <queue>
#include <span>
#include <string_view>
#include <vector>

#include "energy_model/characterize/design.h"

namespace setun::characterize {

/// When input ports change after the clock edge, fs: a register outside would need as long.
constexpr std::int64_t kInputDelay = 50'000;

/// What was counted since the last reset_counters().
struct Activity {
    std::vector<double> energy;  ///< [group], fJ
    std::uint64_t toggles = 0;   ///< of the outputs of cells
    std::uint64_t useful = 0;  ///< outputs of cells that ended a cycle with another value than they began it
    std::uint64_t cycles = 0;
};

class Simulator {
  public:
    /// `period` in fs. `group[i]` is where instance i's energy is booked; what input ports cost goes to
    /// `port_group`. All groups are less than `groups`. The design must outlive the simulator.
    Simulator(const Design& design, std::int64_t period, std::vector<std::uint8_t> group, std::size_t groups,
              std::uint8_t port_group);

    /// Gives every arc of instance i the delay `delay[i]` fs instead of the library's.
    void override_delays(std::span<const std::int64_t> delay);

    /// All registers 0 (their outputs by the cell's function of a stored 0 at every input), inputs as given,
    /// everything settled, at no energy. Bits are those of the design's input ports, port by port, lowest bit
    /// first.
    void settle(std::span<const std::uint8_t> inputs);

    /// One clock period: rising edge, inputs as given after kInputDelay, falling edge, up to just before the
    /// next edge.
    void cycle(std::span<const std::uint8_t> inputs);

    /// Bits of the output ports now, port by port, lowest bit first.
    [[nodiscard]] std::vector<std::uint8_t> outputs() const;

    [[nodiscard]] const Activity& activity() const { return activity_; }
    void reset_counters();

    /// Value of a net now.
    [[nodiscard]] bool value(Net net) const { return value_[net] != 0; }

  private:
    struct Event {
        std::int64_t time;
        std::uint32_t output;
        std::uint32_t generation;
        friend bool operator>(const Event& a, const Event& b) {
            return a.time != b.time ? a.time > b.time : a.output > b.output;
        }
    };
    struct Output {
        Net net = 0;
        std::uint32_t instance = 0;
        std::uint32_t generation = 0;
        bool pending = false;
        double energy = 0;  // of the pending transition
    };

    void run_until(std::int64_t time);
    void toggle(Net net, std::int64_t time);
    void input_toggle(const Sink& sink, std::int64_t time);
    void schedule(std::uint32_t output, std::uint16_t arc, std::uint16_t power, bool rising,
                  std::int64_t time);
    void clock_edge(bool rising, std::int64_t time);
    void clock_cell(std::uint32_t instance, bool rising, std::int64_t time);
    void book_hidden(std::uint32_t instance, unsigned pin, std::uint32_t state, bool rising);
    [[nodiscard]] std::uint32_t hidden_state(std::uint32_t instance) const;

    const Design& design_;
    std::int64_t period_;
    std::int64_t now_ = 0;
    std::vector<std::uint8_t> group_;
    std::uint8_t port_group_;
    std::vector<std::int64_t> override_;
    double half_square_;  // V^2 / 2
    std::vector<std::uint8_t> value_;
    std::vector<std::uint16_t> state_;  // [instance]: inputs
    std::vector<Output> output_;
    std::vector<std::uint8_t> at_begin_;  // value of a net when the cycle began, for nets in touched_
    std::vector<std::uint8_t> is_touched_;
    std::vector<Net> touched_;
    std::vector<Net> input_nets_;
    std::vector<std::uint8_t> gate_open_;  // [instance]: clock gates whose output is high
    std::priority_queue<Event, std::vector<Event>, std::greater<>> events_;
    Activity activity_;
};

}  // namespace setun::characterize
