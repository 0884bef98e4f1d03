// A sweep as CSV, and back: so that the parts of a sweep that ran as separate jobs can be joined.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "host/sweep/sweep.h"

namespace setun {

/// What is the same in every row of a file.
struct SweepCsvHead {
    std::string shape;
    std::string phase;  ///< "decode" or "prompt"
    std::string tech;

    bool operator==(const SweepCsvHead&) const = default;
};

/// A header line and a line for each row; numbers are written so that reading gives the same ones. `marked`
/// is false for a part of a sweep, in which nobody knows yet what is on the Pareto front: the column is
/// then empty.
std::string sweep_csv(const SweepCsvHead& head, const std::vector<SweepRow>& rows, bool marked);

struct SweepCsv {
    SweepCsvHead head;
    std::vector<SweepRow> rows;
};

/// Reads what sweep_csv() writes; `origin` names it in errors. Throws InputError that names line and column.
SweepCsv parse_sweep_csv(std::string_view text, const std::string& origin);

/// Joins parts in the order of their indices. Throws InputError when they are of different jobs, or when a
/// configuration is there twice or is missing.
SweepCsv merge_sweeps(const std::vector<SweepCsv>& parts);

}  // namespace setun
