// The report of `setun sweep` as one HTML page.
#pragma once

#include <string>
#include <vector>

#include "host/sweep/sweep_csv.h"

namespace setun::cli {

/// Pareto charts, the rows on the front, all rows, and what the figures cover. `notes` as sweep_notes().
std::string sweep_page(const SweepCsv& sweep, const std::vector<std::string>& notes,
                       const std::vector<std::string>& assumptions);

}  // namespace setun::cli
