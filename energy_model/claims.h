// Published claims about ternary models' energy, memory and speed beside what this model computes.
#pragma once

#include <string>
#include <vector>

namespace setun::energy {

enum class Verdict {
    kReproduced,          ///< the published rule, applied to published inputs, gives the published figure
    kReproducedAssuming,  ///< with assumptions that the source does not print; `because` names them
    kNotReproduced,       ///< `because` says why
};
/// "reproduced", "reproduced under these assumptions", "not reproduced"
[[nodiscard]] const char* verdict_name(Verdict verdict) noexcept;

struct Claim {
    std::string id;     ///< short and stable, e.g. "op-ratio"
    std::string claim;  ///< what is claimed
    std::string unit;   ///< "x", "J", "GB", ...
    double published = 0;
    std::string source;
    std::string reading;  ///< "read", "second-hand", "derived" or "unverified" (remembered, never read again)
    double ours = 0;      ///< computed when the table is made
    std::string basis;    ///< what ours is
    double tolerance = 0;  ///< relative difference up to which the two are called equal
    Verdict verdict = Verdict::kNotReproduced;
    std::string because;  ///< assumptions, or the reason of the difference

    [[nodiscard]] double difference() const noexcept { return ours / published - 1; }
};

/// Every claim, with `ours` computed now from the builtin tables, shapes and machines. The verdict follows
/// from the difference and the tolerance.
[[nodiscard]] std::vector<Claim> evaluate_claims();

}  // namespace setun::energy
