// Cycles of one pass over a whole model, from the performance model: of every command, or projected from a
// shortened list.
#pragma once

#include <cstdint>

#include "host/cpu/kernel_timing.h"
#include "host/model.h"

namespace setun {

/// One command list of a model: all layers and, for a token that is drawn, the output head.
struct PassShape {
    Architecture architecture;
    unsigned head_planes = 5;  ///< digit planes of the output head; 0 leaves the head out
    unsigned tokens = 1;       ///< activation rows that share the pass, at most TimingOptions::tokens
};

/// What such a pass takes.
struct PassCycles {
    std::uint64_t cycles = 0;
    bool projected = false;      ///< from a shortened list, see pass_cycles()
    std::uint64_t beats = 0;     ///< weight beats of each port, of the whole pass; exact
    double simulated_share = 1;  ///< of those, run through the performance model
};

/// How far a pass may be shortened.
enum class PassMethod : std::uint8_t {
    kExact,   ///< run every command of every layer
    kProject  ///< shorten where that saves at least half of the beats
};

/// Cycles of the pass as one command list on a kernel that has just been reset, as `setun bench --shape`
/// counts them.
///
/// kProject runs a list with two layers, and with three tiles (the first, one more, the last) of each product
/// that has more. The time of the second tile stands for all that were left out, the time from the second
/// command of the first layer to that of the second layer for every further layer. All rows of a tile but
/// the last one's, and all layers, are alike, so that this is exact as long as the memory answers alike every
/// time; refresh and jitter do not, and then it is a projection (docs/sweep.md has the measured difference).
///
/// Throws InputError for a kernel or memory that does not exist, and when `tokens` does not fit.
PassCycles pass_cycles(const PassShape& shape, const TimingOptions& timing, PassMethod method);

/// Weight beats of each port that the pass needs.
std::uint64_t pass_beats(const PassShape& shape, const TimingOptions& timing);

}  // namespace setun
