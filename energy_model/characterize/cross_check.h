// The same netlist in other people's tools: toggles in Icarus Verilog, the critical path in OpenSTA.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "energy_model/characterize/design.h"
#include "energy_model/characterize/units.h"

namespace setun::characterize {

/// Verilog of the netlist with names of our own (n12, i34). `delays` gives each instance a parameter DELAY in
/// fs; nullptr: none.
[[nodiscard]] std::string netlist_verilog(const Netlist& netlist, const std::vector<std::int64_t>* delays);

/// Verilog models of the library's cells that the netlist uses, from their Liberty functions: inertial delay
/// DELAY (fs) on every output, and a count of toggles in bench.toggles.
[[nodiscard]] std::string gate_models(const LibertyLibrary& library, const Netlist& netlist);

struct ToggleComparison {
    std::uint64_t ours = 0;
    std::uint64_t icarus = 0;
    std::uint64_t cycles = 0;
    std::uint64_t wrong_outputs = 0;  ///< cycles in which the two disagree on an output port
};

/// Simulates the first `cycles` of the workload in both with one made-up delay per gate. Throws
/// CharacterizeError when Icarus Verilog is missing or fails.
[[nodiscard]] ToggleComparison compare_toggles(const LibertyLibrary& library, const Unit& unit,
                                               const Netlist& netlist, const Workload& workload,
                                               std::size_t cycles, const std::filesystem::path& work);

/// Critical path by OpenSTA from the unpacked Liberty files, ps, setup included. Throws CharacterizeError
/// when `sta` is missing or says something else than a path.
[[nodiscard]] double opensta_path(const std::filesystem::path& liberty, const Netlist& netlist,
                                  const std::filesystem::path& work);

/// Charge balance of the inputs of two-input gates whose output does not move: the greatest and smallest
/// (table(VSS) - table(VDD)) / (C V^2) of a rising input, C at the low end of its range. One half is what two
/// tables of half a rail's V * Q each give; docs/characterisation.md.
struct RailFractions {
    double lowest = 0;
    double highest = 0;
    unsigned count = 0;
};
[[nodiscard]] RailFractions rail_fractions(const LibertyLibrary& library);

}  // namespace setun::characterize
