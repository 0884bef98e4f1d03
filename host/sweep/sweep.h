// Many kernel configurations on one model: tokens a second, joules a token and area of each, and which of
// them no other beats.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

#include "energy_model/area.h"
#include "energy_model/energy.h"
#include "host/sweep/pass_cycles.h"

namespace setun {

/// The values of every axis; a sweep is their Cartesian product.
struct SweepAxes {
    std::vector<unsigned> ports{1};
    std::vector<unsigned> port_bits{512};
    std::vector<unsigned> tokens{1};  ///< rows of activations that share a pass over the weights
    std::vector<std::string> leaves{"tree"};
    std::vector<double> clock_mhz{0};           ///< 0: the preset's clock
    std::vector<std::string> memories{"ddr4"};  ///< presets of sim/memory_presets.h
    std::vector<std::uint64_t> contexts{512};
    std::vector<std::uint64_t> batches{1};
};

/// What all configurations have in common.
struct SweepJob {
    energy::ModelShape model;
    energy::Phase phase = energy::Phase::kDecode;
    std::string tech = "7nm";
    PassMethod method = PassMethod::kProject;
    std::uint64_t seed = 0;  ///< of the memory's jitter
    unsigned threads = 0;    ///< 0: one a processor
    unsigned checks = 0;     ///< projected passes to run in full as well
};

/// One configuration.
struct SweepPoint {
    std::uint64_t index = 0;  ///< place in the sweep, from 0
    unsigned ports = 1;
    unsigned port_bits = 512;
    unsigned tokens = 1;
    std::string leaf = "tree";
    double clock_hz = 0;
    std::string memory = "ddr4";
    std::uint64_t context = 1;
    std::uint64_t batch = 1;
};

/// One configuration with its figures. Decode: of one step in which every sequence draws a token. Prompt: of
/// all positions of all prompts.
struct SweepRow {
    SweepPoint point;
    std::uint64_t passes = 1;   ///< over the weights
    std::uint64_t cycles = 0;   ///< of all passes; every matrix product, and nothing else
    bool projected = false;     ///< cycles are no full count: shortened lists, or one pass for all like it
    double tokens_per_s = 0;    ///< tokens of those passes x clock / cycles
    double roofline = 0;        ///< cycles that ports or memory need at best / cycles
    bool memory_bound = false;  ///< that best is the memory's; otherwise the ports'
    bool fits = true;           ///< weights and KV cache fit the board of the preset
    double joules_per_token = 0;
    double arithmetic_j = 0;
    double on_chip_j = 0;
    double off_chip_j = 0;
    double static_j = 0;
    double fp16_joules_per_token = 0;
    double luts = 0;       ///< estimate, see area::Model
    double block_ram = 0;  ///< RAMB18
    bool area_extrapolated = false;
    bool pareto = false;  ///< see mark_pareto()
};

/// How far projected cycles are from full ones.
struct SweepCheck {
    unsigned passes = 0;  ///< run both ways
    double largest = 0;   ///< relative difference, absolute value
};

struct Sweep {
    std::vector<SweepRow> rows;       ///< in the order of sweep_points()
    std::size_t distinct_passes = 0;  ///< what had to be run for them
    SweepCheck check;
    double worst_area_fit = 0;  ///< of the leaves used
    std::string area_source;
    std::vector<std::string> assumptions;  ///< of the energies, from the first row
};

/// All configurations; the last axis (batch) runs fastest. Throws InputError that names the axis and what is
/// valid when a value is given twice or no kernel has it, when a list is empty, or when there are more than
/// `most`.
std::vector<SweepPoint> sweep_points(const SweepAxes& axes, std::uint64_t most);

/// Costs every point. Passes that several points have in common run once. `progress` gets the share done and
/// is called from this thread. Throws InputError, energy::BadInput.
Sweep run_sweep(const SweepJob& job, const std::vector<SweepPoint>& points,
                const std::function<void(double)>& progress = {});

/// Marks the rows that no other row dominates. One dominates another if it is no worse in tokens/s, joules a
/// token, LUTs and block RAM, and better in one of them: area is both of the last two. Equal rows do not
/// dominate each other.
void mark_pareto(std::vector<SweepRow>& rows);

/// What tokens_per_s, joules and area cover: sentences for every report.
std::vector<std::string> sweep_notes(const SweepJob& job, const Sweep& sweep);

}  // namespace setun
