// The papers' counting rules, by hand and against printed figures; the list of claims.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <map>
#include <set>
#include <string>

#include "energy_model/energy.h"
#include "tests/energy/small_shape.h"

namespace setun::energy {
namespace {

double fp16_ratio(const char* shape, PaperRule rule) {
    const PaperReport report = paper_energy(builtin_table("7nm"), find_shape(shape), 512, rule);
    return report.fp16.total_j() / report.setun.total_j();
}

TEST(Paper, RebuildsTheEndToEndRatiosWithinOnePercent) {
    for (const PaperRule rule : {PaperRule::kB158, PaperRule::kV1}) {
        EXPECT_NEAR(fp16_ratio("b158-1.3b", rule), 18.6, 0.186);
        EXPECT_NEAR(fp16_ratio("llama-70b", rule), 41.2, 0.412);
    }
}

TEST(Paper, LinearLayersAloneAreThePublishedQuotient) {
    for (const char* shape : {"2b4t", "llama-7b"}) {
        const auto ratios =
            paper_energy(builtin_table("7nm"), find_shape(shape), 512, PaperRule::kB158).ratios();
        const auto linear = std::find_if(ratios.begin(), ratios.end(),
                                         [](const Ratio& r) { return r.name == "fp16_linear"; });
        ASSERT_NE(linear, ratios.end());
        EXPECT_NEAR(linear->value, 0.5 / 0.007, 1e-9);
    }
}

TEST(Paper, SmallSequenceByHand) {
    ModelShape s = small_shape();
    const double linear = 10.0 * 3 * (2 * 16 + 2 * 8 + 3 * 24);
    const double attention = 10.0 * 2 * 10 * 4 * 3;
    const double scales = 10.0 * 3 * (8 + 6 + 6 + 8 + 3 * 10);
    const PaperReport report = paper_energy(builtin_table("7nm"), s, 10, PaperRule::kV1);
    EXPECT_NEAR(report.setun.add_j(), (linear * 0.007 + attention * 0.16) * 1e-12, 1e-22);
    EXPECT_NEAR(report.setun.mul_j(), (scales + attention) * 0.34 * 1e-12, 1e-22);
    EXPECT_NEAR(report.fp16.add_j(), (linear + attention) * 0.16 * 1e-12, 1e-20);
    EXPECT_NEAR(report.fp16.mul_j(), (linear + attention) * 0.34 * 1e-12, 1e-20);
    EXPECT_NEAR(report.fp32.add_j(), (linear + attention) * 0.38 * 1e-12, 1e-20);
    EXPECT_NEAR(report.fp32.mul_j(), (linear + attention) * 1.31 * 1e-12, 1e-20);
    EXPECT_NEAR(report.int8.total_j(), (linear * 0.1 + attention * 0.5) * 1e-12, 1e-20);
    const PaperReport plain = paper_energy(builtin_table("7nm"), s, 10, PaperRule::kB158);
    EXPECT_NEAR(plain.setun.mul_j(), attention * 0.34 * 1e-12, 1e-22);
    EXPECT_NEAR(plain.setun.add_j(), report.setun.add_j(), 1e-24);
    s.gated = false;
    const PaperReport two = paper_energy(builtin_table("7nm"), s, 10, PaperRule::kV1);
    EXPECT_NEAR(two.setun.add_j(), ((linear - 10 * 3 * 24) * 0.007 + attention * 0.16) * 1e-12, 1e-22);
    EXPECT_NEAR(two.setun.mul_j(), (scales - 10 * 3 * 10 + attention) * 0.34 * 1e-12, 1e-22);
}

TEST(Paper, LongSequencesDoNotOverflow) {
    const PaperReport report =
        paper_energy(builtin_table("7nm"), find_shape("llama-70b"), 1U << 20U, PaperRule::kB158);
    const double t = 1 << 20;
    const double weights = 80.0 * (4.0 * 8192 * 8192 + 3.0 * 8192 * 22016);
    EXPECT_NEAR(report.setun.total_j(), t * (weights * 0.007 + 2 * t * 8192 * 80 * 0.5) * 1e-12, 1e-3);
    EXPECT_THROW((void)paper_energy(builtin_table("7nm"), find_shape("2b4t"), 0, PaperRule::kB158), BadInput);
    EXPECT_THROW((void)report.machine("bf16"), BadInput);
    EXPECT_THROW((void)paper_energy(builtin_table("memory"), find_shape("2b4t"), 1, PaperRule::kB158),
                 TableError);
}

TEST(Claims, EveryOneHasASourceAndAReason) {
    std::set<std::string> ids;
    for (const Claim& claim : evaluate_claims()) {
        EXPECT_TRUE(ids.insert(claim.id).second) << claim.id << " twice";
        EXPECT_FALSE(claim.claim.empty());
        EXPECT_FALSE(claim.source.empty());
        EXPECT_FALSE(claim.basis.empty());
        EXPECT_FALSE(claim.unit.empty());
        EXPECT_GT(claim.published, 0) << claim.id;
        EXPECT_TRUE(std::isfinite(claim.ours) && claim.ours > 0) << claim.id;
        EXPECT_GT(claim.tolerance, 0) << claim.id;
        const bool equal = std::abs(claim.ours / claim.published - 1) <= claim.tolerance;
        EXPECT_EQ(equal, claim.verdict != Verdict::kNotReproduced) << claim.id;
        EXPECT_EQ(claim.because.empty(), claim.verdict == Verdict::kReproduced) << claim.id;
        const std::set<std::string> readings{"read", "second-hand", "derived", "unverified"};
        EXPECT_EQ(readings.count(claim.reading), 1U) << claim.id;
    }
}

TEST(Claims, VerdictsAreTheExpectedOnes) {
    std::map<std::string, Claim> claims;
    for (const Claim& claim : evaluate_claims()) {
        claims[claim.id] = claim;
    }
    EXPECT_EQ(claims.at("op-ratio").verdict, Verdict::kReproduced);
    EXPECT_EQ(claims.at("op-ratio-accumulator").verdict, Verdict::kReproduced);
    for (const char* id : {"e2e-1.3B", "e2e-70B", "e2e-1.3B-scales", "e2e-70B-scales"}) {
        EXPECT_EQ(claims.at(id).verdict, Verdict::kReproducedAssuming) << id;
        EXPECT_EQ(claims.at(id).reading, "second-hand") << id;
    }
    for (const char* id : {"e2e-3B", "e2e-7B", "e2e-13B"}) {
        EXPECT_EQ(claims.at(id).reading, "unverified") << id;
    }
    EXPECT_EQ(claims.at("e2e-3B").verdict, Verdict::kNotReproduced);
    EXPECT_EQ(claims.at("kv260-energy").verdict, Verdict::kNotReproduced);
    EXPECT_NE(claims.at("kv260-energy").because.find("scope"), std::string::npos);
    EXPECT_EQ(claims.at("memory-3B-ratio").verdict, Verdict::kNotReproduced);
    EXPECT_EQ(claims.at("2b4t-decode-memory").verdict, Verdict::kReproduced);
    EXPECT_EQ(claims.at("2b4t-weight-ratio").verdict, Verdict::kReproduced);
    // Joules of the 2B4T report and the first paper's FP16 and FP32 columns come out to the printed digit.
    for (const auto& [id, claim] : claims) {
        if (id.rfind("2b4t-energy-", 0) == 0 || id.find("-fp16-") != std::string::npos ||
            id.find("-fp32-") != std::string::npos) {
            EXPECT_EQ(claim.verdict, Verdict::kReproducedAssuming) << id;
        }
    }
    EXPECT_EQ(claims.at("v1-bitnet-6.7b-W1A8-7nm-add").verdict, Verdict::kNotReproduced);
    EXPECT_EQ(claims.at("v1-bitnet-6.7b-W1A8-45nm-add").verdict, Verdict::kReproducedAssuming);
}

}  // namespace
}  // namespace setun::energy
