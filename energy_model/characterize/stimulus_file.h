// Activations and weights recorded from a model, as text: the stimulus of a real workload.
#pragma once

#include <array>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace setun::characterize {

/// Lanes of a row of the file: those of the engine with PORT_BITS = 128.
constexpr unsigned kStimulusLanes = 80;

struct ModelStimulus {
    std::string source;                                                ///< which model and which matrix
    std::vector<std::array<std::int8_t, kStimulusLanes>> activations;  ///< quantised inputs, one chunk each
    std::vector<std::array<std::int8_t, kStimulusLanes>> weights;      ///< -1, 0, +1, one row's chunk each

    /// Share of the weights that are zero.
    [[nodiscard]] double zeros() const;
};

/// Reads a file of lines "source TEXT", "x HEX" (80 bytes, two's complement) and "w TRITS" (80 of "-0+");
/// lines that begin with # and blank ones are skipped. Throws CharacterizeError "FILE:LINE: ..." otherwise,
/// or when it has no activations or no weights.
[[nodiscard]] ModelStimulus read_stimulus(const std::filesystem::path& file);

}  // namespace setun::characterize
