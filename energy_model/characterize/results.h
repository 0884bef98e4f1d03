// Results of a characterisation as files: energy_model/tech/asap7-units.json (everything) and asap7.json (the
// technology table that is made from it).
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "energy_model/characterize/measure.h"

namespace setun::characterize {

/// One synthesis that was tried, without wires, under the unit's first workload.
struct RecipeResult {
    std::string recipe;
    double logic = 0;  ///< fJ per operation
    double core = 0;
    double path = 0;  ///< ps
    std::size_t wrong_cycles = 0;
};

/// What is known of one unit.
struct UnitResult {
    std::string unit;
    std::string text;
    std::string operation;
    double operations = 1;  ///< a cycle
    std::string recipe;     ///< the one that was chosen
    std::vector<RecipeResult> tried;
    std::vector<Measurement> measurements;  ///< of the chosen recipe: every workload, without and with wires
    std::vector<std::string> texts;         ///< of the workload of each measurement
};

struct Results {
    std::string yosys;  ///< version
    std::vector<UnitResult> units;

    /// Throws CharacterizeError when there is no such unit or measurement.
    [[nodiscard]] const UnitResult& unit(std::string_view name) const;
    [[nodiscard]] const Measurement& measurement(std::string_view unit, std::string_view workload,
                                                 bool wires) const;
};

/// The recipe to quote: the least core energy among those whose critical path fits 1 ns; the shortest path
/// when none does.
[[nodiscard]] const RecipeResult& chosen(const std::vector<RecipeResult>& tried);

[[nodiscard]] std::string to_json(const Results& results);
/// Throws CharacterizeError "FILE: ..." when it is no such file.
[[nodiscard]] Results read_results(const std::filesystem::path& file);

/// The technology table in the format of energy_model/tech: one entry for each energy that reports use.
[[nodiscard]] std::string technology_table(const Results& results);

/// The two tables of docs/characterisation.md, in Markdown: every unit under its first workload, and the
/// workloads of the ternary trees.
[[nodiscard]] std::string markdown_tables(const Results& results);

}  // namespace setun::characterize
