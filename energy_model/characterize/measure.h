// Energy, path and area of one unit under one workload.
#pragma once

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "energy_model/characterize/design.h"
#include "energy_model/characterize/units.h"

namespace setun::characterize {

/// One clock period, fs: every unit is simulated at 1 GHz.
constexpr std::int64_t kPeriod = 1'000'000;

/// What one simulation says. Energies in fJ per operation of the unit.
struct Measurement {
    std::string unit;
    std::string workload;
    std::string recipe;
    bool wires = false;
    double logic = 0;  ///< arithmetic: combinational cells and nets
    double core = 0;   ///< logic, and result, pipeline and accumulator registers with their clock pins
    double all = 0;    ///< core, and operand registers and whatever else the unit has
    std::vector<std::pair<std::string, double>> groups;
    double path = 0;     ///< ps; 1000 are available
    double area = 0;     ///< um^2 of the whole unit
    double leakage = 0;  ///< fJ per operation at 1 GHz, in none of the energies
    double glitch = 0;   ///< toggles over useful toggles
    double toggles = 0;  ///< of cell outputs, per cycle
    std::size_t cells = 0;
    std::size_t flip_flops = 0;
    std::size_t cycles = 0;        ///< counted
    std::size_t wrong_cycles = 0;  ///< cycles with an output unlike the reference
};

/// Group of every instance: registers by the unit's rules, clock gates with what they clock, logic with the
/// first rule whose registers it leads to.
[[nodiscard]] std::vector<std::uint8_t> instance_groups(const Unit& unit, const Design& design);

/// Simulates `workload` and compares every output in every cycle from its first checked one.
[[nodiscard]] Measurement measure(const Unit& unit, const Design& design, const Workload& workload);

}  // namespace setun::characterize
