// From RTL to a netlist of library gates, by Yosys and its abc.
#pragma once

#include <filesystem>
#include <string>
#include <utility>
#include <vector>

#include "energy_model/characterize/netlist.h"

namespace setun::characterize {

/// Choices of one synthesis; each has its text in energy_model/characterize/recipes.
struct Recipe {
    bool full_adders = false;  ///< carry-save arrays of the library's full-adder cell instead of free gates
    bool ripple = false;       ///< ripple instead of parallel-prefix carries
    bool nf = false;           ///< abc's &nf instead of map

    /// "fa-ripple-nf", "free-prefix-map": for reports and on the command line.
    [[nodiscard]] std::string name() const;
    /// The recipe of that name. Throws CharacterizeError that lists the parts.
    [[nodiscard]] static Recipe parse(const std::string& name);
    /// All of them.
    [[nodiscard]] static std::vector<Recipe> all();
};

/// What is built.
struct SynthesisJob {
    std::string top;
    std::vector<std::string> files;  ///< relative to the source folder
    std::vector<std::pair<std::string, unsigned>> parameters;
    bool clock_gates = false;  ///< registers with an enable behind clock gates
    Recipe recipe;
};

/// Folders that a synthesis needs.
struct SynthesisPlace {
    std::filesystem::path source;   ///< root of the repository
    std::filesystem::path library;  ///< file with synthesis_liberty()
    std::filesystem::path work;     ///< scripts, logs and netlists go here
};

/// Runs Yosys and reads its netlist. Throws CharacterizeError when Yosys is missing or fails.
[[nodiscard]] Netlist synthesise(const SynthesisJob& job, const SynthesisPlace& place);

}  // namespace setun::characterize
