// What a generated token cost: cycles, share of the roofline, bytes, joules, simulation speed.
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "energy_model/energy.h"
#include "host/device/device.h"
#include "host/generate/generate.h"

namespace setun {

/// Figures of one run. Per-token figures come from the decode steps alone; when the run had none (one token
/// was drawn), from the whole run divided by the tokens drawn.
struct RunReport {
    bool decode_only = true;   ///< per-token figures are of decode steps
    std::uint64_t tokens = 0;  ///< drawn in those steps: what the per-token figures are divided by
    Counters counters;         ///< sums over those steps
    std::uint64_t total_cycles = 0;
    std::uint64_t prompt_cycles = 0;
    std::uint64_t prompt_positions = 0;     ///< positions that went through the layers in those cycles
    double prompt_positions_per_cycle = 0;  ///< 0 when the device counts no cycles
    double positions_per_pass = 0;          ///< of decode steps: texts that shared a pass over the weights
    double head_planes = 0;                 ///< digit planes of the head that a pass read
    double cycles_per_token = 0;
    /// Cycles in which the weights of those steps could stream at best, divided by the cycles taken: 1 is the
    /// roofline. Absent when the device counts no cycles.
    std::optional<double> roofline;
    double bytes_per_token = 0;         ///< on all ports
    double weight_bytes_per_token = 0;  ///< of those, on the weight ports
    std::string energy_memory;          ///< entry of the memory table, "none" without off-chip energy
    energy::TokenEnergy energy;         ///< of one token
    double weights_per_second = 0;      ///< ternary weight x token products of all steps, by wall clock
};

/// Cycles that the weight beats of `counters` need at least: at one beat a port and cycle, or at the
/// bandwidth of the memory preset, whichever is longer. Throws std::invalid_argument for an unknown preset.
double roofline_cycles(const DeviceInfo& info, const Counters& counters);

/// Cycles in which the engine neither worked nor had anything to wait for: start and end of command lists.
std::uint64_t idle_cycles(const Counters& counters);

/// Memory of the energy table that stands for a timing preset; "ddr4" for a device without one.
std::string energy_memory_of(const std::string& preset);

RunReport make_report(const DeviceInfo& info, const GenerateTotals& result);

}  // namespace setun
