// A netlist bound to a library: loads, slews, delays and energies of every instance, and its critical path.
//
// One slew per net and edge: the mean over the arcs that drive it (the worst is taken for the critical path,
// as in any static timing). Clocks are ideal: every flip-flop and clock gate sees the edge at the same time,
// with kClockSlew. Units: ps, fF, fJ, um^2, pW; times of the simulator are whole femtoseconds.
#pragma once

#include <array>
#include <cstdint>
#include <limits>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "energy_model/characterize/liberty.h"
#include "energy_model/characterize/netlist.h"

namespace setun::characterize {

/// Slew of the clock and of the input ports, ps: about what the library's flip-flops themselves give at a
/// small load.
constexpr double kClockSlew = 20.0;
constexpr double kInputSlew = 20.0;

/// Capacitance that is not in the library.
struct Wires {
    double per_sink = 0;       ///< fF on a net for every pin that it drives
    double per_clock_pin = 0;  ///< fF of clock wire and buffers for every clock pin
};

/// The estimate for laid-out wires: 0.166 fF/um (ASAP7 setRC.tcl) times 3.4 um of routed wire per instance
/// (median of the ASAP7 designs in OpenROAD-flow-scripts) is 0.56 fF a net, 0.25 fF a sink; 1.2 fF a clock
/// pin is an assumption.
constexpr Wires kEstimatedWires = {0.25, 1.2};

/// What a library cell does in each state, worked out once a cell. Bit i of a state is input i.
struct CellModel {
    static constexpr std::uint16_t kNone = 0xFFFF;

    const LibertyCell* cell = nullptr;
    unsigned inputs = 0;
    unsigned outputs = 0;
    unsigned clock_pin = 0;  ///< of flip-flops and clock gates
    std::vector<std::uint8_t>
        value;  ///< [state]: bit o is output o. Of a flip-flop: the next value of each output
    std::vector<std::uint16_t>
        arc;  ///< [(output * inputs + pin) << inputs | state]: timing arc of the output
    std::vector<std::uint16_t> power;  ///< same index: pair of power groups of the output
    /// Of an input pin that moves nothing: [pin][state of inputs and outputs] -> pair of power groups. The
    /// state is inputs, and for flip-flops and clock gates the outputs above them.
    std::vector<std::uint16_t> hidden;
    unsigned hidden_bits = 0;  ///< bits of that state
    unsigned arcs = 0;         ///< timing arcs of all outputs, numbered through
    unsigned powers = 0;       ///< power pairs of outputs, then of inputs, numbered through
    struct PowerPair {
        unsigned pin = 0;  ///< of an output pair: the output; of a hidden one: the input
        unsigned related = 0;
        const PowerGroup* vdd = nullptr;
        const PowerGroup* vss = nullptr;
    };
    std::vector<const TimingArc*> arc_list;
    std::vector<unsigned> arc_output;
    std::vector<PowerPair> power_list;

    /// By timing arc: there is a state, in which the inputs of the mask `known` have their bit of `values`,
    /// and a move of the arc's pin takes it. An arc without condition beside arcs that name every state is in
    /// force in none. Of flip-flops and clock gates all are.
    [[nodiscard]] std::vector<bool> arcs_in_force(std::uint32_t known, std::uint32_t values) const;
};

/// Throws CharacterizeError when the cell cannot be simulated (latches, cells without function, missing
/// arcs).
[[nodiscard]] CellModel make_cell_model(const LibertyCell& cell);

/// Delay (fs) or energy (fJ) by the edge of the pin that moves.
template <typename T>
struct ByEdge {
    T rise{};
    T fall{};
    [[nodiscard]] T of(bool rising) const { return rising ? rise : fall; }
};

struct Sink {
    std::uint32_t instance = 0;
    std::uint8_t pin = 0;
};

struct Instance {
    const CellModel* model = nullptr;
    std::string name;
    std::vector<Net> in;
    std::vector<Net> out;
    std::uint32_t first_arc = 0;     ///< into Design::delays
    std::uint32_t first_power = 0;   ///< into Design::energies
    std::uint32_t first_output = 0;  ///< outputs of all instances are numbered through
    std::uint32_t gate = kNoGate;    ///< of a flip-flop behind a clock gate: that gate's instance
    static constexpr std::uint32_t kNoGate = 0xFFFFFFFF;
};

/// The netlist with everything worked out. Not copied: instances point into it.
class Design {
  public:
    /// Binds `netlist` to `library`; `clock` is the name of the clock's port, "" for none. Throws
    /// CharacterizeError for unknown cells and pins, nets without or with two drivers, combinational loops,
    /// clocks through logic other than one clock gate.
    Design(const LibertyLibrary& library, const Netlist& netlist, std::string_view clock, const Wires& wires);
    Design(const Design&) = delete;
    Design& operator=(const Design&) = delete;
    ~Design() = default;

    std::vector<Instance> instances;
    std::vector<std::uint32_t> topological;  ///< combinational instances, drivers first
    std::vector<std::vector<Sink>> sinks;    ///< [net], clock pins left out
    std::vector<std::uint32_t> driver;       ///< [net]: instance, or kPortDriver
    std::vector<double> load;                ///< [net], fF
    std::vector<double> clock_load;          ///< [instance]: its clock pin with wire, fF
    std::vector<ByEdge<std::int64_t>> delays;
    std::vector<ByEdge<double>> energies;
    std::vector<std::uint32_t> flip_flops;
    std::vector<std::uint32_t> clock_gates;
    std::vector<NetlistPort> ports;  ///< without the clock
    std::uint32_t nets = 0;
    std::uint32_t outputs = 0;
    double voltage = 0;
    double area = 0;
    double leakage = 0;        ///< pW
    double critical_path = 0;  ///< ps from clock edge to clock edge, setup included; 0 without registers
    std::string critical_end;  ///< the register that it ends in

    static constexpr std::uint32_t kPortDriver = 0xFFFFFFFF;

    [[nodiscard]] const NetlistPort& port(std::string_view name) const;

  private:
    void connect(const LibertyLibrary& library, const Netlist& netlist, std::string_view clock);
    void sort_instances();
    void add_loads(const Wires& wires);
    void add_slews();
    void add_tables();
    void add_critical_path();
    [[nodiscard]] double input_slew(const Instance& instance, unsigned pin, bool rising) const;

    std::vector<std::unique_ptr<CellModel>> models_;
    std::vector<ByEdge<double>> slew_;  // [net], mean
};

}  // namespace setun::characterize
