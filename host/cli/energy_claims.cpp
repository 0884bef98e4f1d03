// `setun energy --claims`: published claims beside what this model computes.
#include "host/cli/energy_claims.h"

#include <fmt/format.h>

#include "host/cli/format.h"

namespace setun::cli {

Json claims_json() {
    Json list = Json::array();
    for (const energy::Claim& claim : energy::evaluate_claims()) {
        list.push_back({{"id", claim.id},
                        {"claim", claim.claim},
                        {"unit", claim.unit},
                        {"published", claim.published},
                        {"source", claim.source},
                        {"reading", claim.reading},
                        {"ours", claim.ours},
                        {"basis", claim.basis},
                        {"difference", claim.difference()},
                        {"tolerance", claim.tolerance},
                        {"verdict", energy::verdict_name(claim.verdict)},
                        {"because", claim.because}});
    }
    return {{"claims", std::move(list)}};
}

std::string claims_text() {
    Table table({"claim", "published", "ours", "difference", "source", "verdict"});
    Block why;
    std::string last;
    for (const energy::Claim& claim : energy::evaluate_claims()) {
        const std::string unverified = claim.reading == "unverified" ? " (unverified)" : "";
        table.add({claim.id, fmt::format("{:g} {}{}", claim.published, claim.unit, unverified),
                   fmt::format("{:.4g} {}", claim.ours, claim.unit),
                   fmt::format("{:+.1f} %", 100 * claim.difference()), claim.source,
                   energy::verdict_name(claim.verdict)});
        why.add(claim.id, claim.claim);
        why.add("", "ours: " + claim.basis);
        if (!claim.because.empty()) {
            why.add("", fmt::format("{}: {}",
                                    claim.verdict == energy::Verdict::kNotReproduced ? "because" : "assuming",
                                    claim.because));
        }
    }
    return table.text() + "\n" + why.text() +
           "\n  reproduced: equal in the printed digits (joules, sizes, 71.4x), within 1 % (end-to-end "
           "ratios), or within the "
           "tolerance of --json\n"
           "  unverified: the published figure is remembered; no source of it was read again\n";
}

}  // namespace setun::cli
