// Cycles of one pass over a whole model, from the performance model: of every command, or projected from a
// shortened list.
#pragma once

#include <cstdint>
#include <optional>
#include <vector>

#include "energy_model/shape.h"
#include "host/cpu/kernel_timing.h"
#include "host/schedule/shape_list.h"

namespace setun {

/// One command list: all layers, the output head, or both. TimingOptions::tokens rows share it, or fewer.
struct PassShape {
    std::vector<ProductShape> layer;  ///< products of a layer, in the order of shape_groups()
    std::uint64_t layers = 0;         ///< 0: the head alone
    std::optional<ProductShape> head;
    unsigned tokens = 1;  ///< rows of activations in this pass
};

/// The list of a model. Throws InputError when a matrix is larger than the kernel takes.
PassShape pass_shape(const energy::ModelShape& s, bool layers, bool head, unsigned tokens);

/// What a pass takes.
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
/// kProject runs a list with two layers at most, and with three tiles (the first, one more, the last) of each
/// product that has more. The time of the second tile stands for all that were left out, the time from the
/// second command of the first layer to that of the second layer for every further layer. Tiles between the
/// first and the last are alike, and so are layers, up to three things: refresh, jitter, and where operands
/// lie relative to 4 KiB pages. Without the first two the result is exact, or a few cycles off for shapes
/// whose results are not whole pages; docs/sweep.md has the differences that were measured.
///
/// Throws InputError for a kernel or memory that does not exist, and when the tokens do not fit.
PassCycles pass_cycles(const PassShape& shape, const TimingOptions& timing, PassMethod method);

}  // namespace setun
