// What is left of the published 71.4x when more than bare operators is counted.
#pragma once

#include <string>
#include <vector>

#include "energy_model/table.h"

namespace setun::energy {

/// One way to count "one weight": what FP16 pays, what ternary pays, and what the quotient leaves out.
struct RatioStep {
    std::string name;
    std::string assumption;
    double ternary_pj = 0;
    double fp16_pj = 0;

    [[nodiscard]] double ratio() const noexcept { return fp16_pj / ternary_pj; }
};

/// What is left of the published 71.4x when more is counted, for one weight in a tree of `lanes` lanes: bare
/// operators; adders as wide as the tree needs (linear in bits); the row's INT32 accumulator; an INT32 add
/// for every weight; weights from memory. The memory step is left out when `memory` is "none". Throws
/// TableError; std::invalid_argument when lanes is 0.
[[nodiscard]] std::vector<RatioStep> ratio_ladder(const Table& operations, const Table& memories,
                                                  const std::string& memory, unsigned lanes);

}  // namespace setun::energy
