// An energy report as JSON and as a table, the same for `setun energy`, `run --energy` and `bench --energy`.
#pragma once

#include <string>
#include <vector>

#include "energy_model/energy.h"
#include "host/cli/command.h"

namespace setun::cli {

/// The chosen machines in the order setun, fp16, int8: "all" or one name. Throws energy::BadInput.
std::vector<const energy::MachineEnergy*> chosen_machines(const energy::TokenEnergy& energy,
                                                          const std::string& name);

/// {"arithmetic": {"total_j", "<operation>": joules, ...}, "on_chip": ..., "off_chip": ..., "static": ...,
/// "total_j"} of lines that are scaled by `scale`.
Json breakdown_json(const std::vector<energy::Contribution>& lines, double scale = 1);

/// Every line with count, unit, energy and source.
Json lines_json(const std::vector<energy::Contribution>& lines);

/// {"name": {"value", "basis"}}
Json ratios_json(const std::vector<energy::Ratio>& ratios);

/// The fields that every report has: joules_per_token, joules_total, tokens, breakdown, machines, ratios,
/// assumptions, operations, memory. `machine` is "all" or the one that breakdown and joules are of.
Json energy_json(const energy::TokenEnergy& energy, const std::string& machine);

/// Joules of a token by part and line, a column for each machine; ratios; assumptions.
std::string energy_text(const energy::TokenEnergy& energy, const std::string& machine);

/// Assumptions as an indented list.
std::string notes_text(const std::vector<std::string>& notes);

}  // namespace setun::cli
