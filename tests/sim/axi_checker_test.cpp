// Every rule of the protocol checkers: one clean sequence, and for each rule one that breaks only it.
#include "sim/axi_checker.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <functional>

namespace setun::sim {
namespace {

AddressSample address(std::uint64_t a, unsigned beats) {
    AddressSample s;
    s.valid = s.ready = true;
    s.address = a;
    s.len = beats - 1;
    s.size = 6;
    s.burst = 1;
    return s;
}

DataSample data(bool last) {
    DataSample s;
    s.valid = s.ready = true;
    s.last = last;
    s.strobe = ~std::uint64_t{0};
    return s;
}

/// A reset, a two-beat read, a two-beat write with its data one clock behind the address, all accepted at
/// once.
std::vector<AxiSample> clean() {
    std::vector<AxiSample> clocks(9);
    clocks[0].in_reset = clocks[1].in_reset = true;
    clocks[2].ar = address(0x1000, 2);
    clocks[3].r = data(false);
    clocks[3].r.strobe = 0;
    clocks[4].r = clocks[3].r;
    clocks[4].r.last = true;
    clocks[5].aw = address(0x2F80, 2);
    clocks[6].w = data(false);
    clocks[7].w = data(true);
    clocks[8].b.valid = clocks[8].b.ready = true;
    return clocks;
}

std::vector<std::string> violations(const std::vector<AxiSample>& clocks) {
    ViolationLog log;
    AxiChecker checker("port", 64, true, log);
    for (std::size_t i = 0; i < clocks.size(); ++i) {
        checker.check(i, clocks[i]);
    }
    return log.lines();
}

TEST(AxiChecker, CleanSequencePasses) {
    EXPECT_TRUE(violations(clean()).empty()) << violations(clean()).front();
}

struct Case {
    const char* name;
    const char* message;
    std::function<void(std::vector<AxiSample>&)> spoil;
};

void PrintTo(const Case& c, std::ostream* out) { *out << c.name; }

using Clocks = std::vector<AxiSample>&;

/// Inserts a clock before `at` in which the channel waits, for the rules on stability.
template <class Channel>
void hold(std::vector<AxiSample>& clocks, std::size_t at, Channel AxiSample::*channel) {
    clocks.insert(clocks.begin() + static_cast<std::ptrdiff_t>(at), clocks[at]);
    (clocks[at].*channel).ready = false;
}

const Case kCases[] = {
    {"ArvalidDropped", "ARVALID dropped",
     [](Clocks c) {
         c.insert(c.begin() + 2, c[2]);
         c[2].ar.ready = false;
         c.insert(c.begin() + 3, AxiSample{});
     }},
    {"ArChanged", "AR payload changed",
     [](Clocks c) {
         hold(c, 2, &AxiSample::ar);
         c[2].ar.address += 64;
     }},
    {"ArLenChanged", "AR payload changed",
     [](Clocks c) {
         hold(c, 2, &AxiSample::ar);
         c[2].ar.len = 0;
     }},
    {"AwChanged", "AW payload changed",
     [](Clocks c) {
         hold(c, 5, &AxiSample::aw);
         c[5].aw.address -= 64;
     }},
    {"WvalidDropped", "WVALID dropped",
     [](Clocks c) {
         hold(c, 6, &AxiSample::w);
         c.insert(c.begin() + 7, AxiSample{});
     }},
    {"WdataChanged", "W payload changed",
     [](Clocks c) {
         hold(c, 6, &AxiSample::w);
         c[6].w.bytes[5] = std::byte{1};
     }},
    {"WstrbChanged", "W payload changed",
     [](Clocks c) {
         hold(c, 6, &AxiSample::w);
         c[6].w.strobe = 1;
     }},
    {"RdataChanged", "R payload changed",
     [](Clocks c) {
         hold(c, 3, &AxiSample::r);
         c[3].r.bytes[63] = std::byte{1};
     }},
    {"RreadyLow", "RREADY low", [](Clocks c) { hold(c, 3, &AxiSample::r); }},
    {"BvalidDropped", "BVALID dropped",
     [](Clocks c) {
         hold(c, 8, &AxiSample::b);
         c.insert(c.begin() + 9, AxiSample{});
     }},
    {"ValidInReset", "during reset", [](Clocks c) { c[1].ar.valid = true; }},
    {"FixedBurst", "not INCR", [](Clocks c) { c[2].ar.burst = 0; }},
    {"NarrowBeat", "not the full width", [](Clocks c) { c[5].aw.size = 5; }},
    {"Exclusive", "ARLOCK", [](Clocks c) { c[2].ar.lock = 1; }},
    {"Misaligned", "not aligned", [](Clocks c) { c[2].ar.address = 0x1008; }},
    {"CrossesBoundary", "4 KiB boundary", [](Clocks c) { c[2].ar.address = 0x1FC0; }},
    {"AwCrossesBoundary", "4 KiB boundary", [](Clocks c) { c[5].aw.address = 0x2FC0; }},
    {"TooLong", "longer than 4 KiB", [](Clocks c) { c[2].ar.len = 64; }},
    {"LenAbove255", "above 255", [](Clocks c) { c[2].ar.len = 256; }},
    {"DataWithoutAddress", "RVALID without", [](Clocks c) { c[2].ar = {}; }},
    {"RlastEarly", "RLAST", [](Clocks c) { c[3].r.last = true; }},
    {"RlastMissing", "RLAST", [](Clocks c) { c[4].r.last = false; }},
    {"RidWrong", "RID", [](Clocks c) { c[3].r.id = 1; }},
    {"WlastEarly", "WLAST", [](Clocks c) { c[6].w.last = true; }},
    {"WlastMissing", "WLAST", [](Clocks c) { c[7].w.last = false; }},
    {"WlastWrongBeforeAddress", "WLAST",
     [](Clocks c) {
         std::swap(c[5], c[6]);  // data first, then one beat too many for the address
         c[5].w.last = true;
         c[7].w = {};
     }},
    {"ResponseBeforeLastData", "BVALID before", [](Clocks c) { c[7].b.valid = true; }},
    {"ResponseWithoutWrite", "BVALID before", [](Clocks c) { c[5].b.valid = c[5].b.ready = true; }},
    {"BidWrong", "BID", [](Clocks c) { c[8].b.id = 1; }},
};

class AxiRule : public testing::TestWithParam<Case> {};

TEST_P(AxiRule, IsReported) {
    std::vector<AxiSample> clocks = clean();
    GetParam().spoil(clocks);
    const std::vector<std::string> lines = violations(clocks);
    ASSERT_FALSE(lines.empty());
    const bool named = std::ranges::any_of(
        lines, [](const std::string& line) { return line.find(GetParam().message) != std::string::npos; });
    EXPECT_TRUE(named) << lines.front();
    EXPECT_NE(lines.front().find("port"), std::string::npos);
}

INSTANTIATE_TEST_SUITE_P(Axi, AxiRule, testing::ValuesIn(kCases),
                         [](const testing::TestParamInfo<Case>& rule) { return rule.param.name; });

TEST(AxiChecker, NarrowBusChecksItsStrobes) {
    ViolationLog log;
    AxiChecker checker("port", 16, false, log);
    AxiSample s;
    s.aw = address(0x100, 1);
    s.aw.size = 4;
    s.w = data(true);
    s.w.strobe = 0x1FFFF;
    checker.check(0, s);
    ASSERT_EQ(log.lines().size(), 1U);
    EXPECT_NE(log.lines().front().find("WSTRB"), std::string::npos);
}

TEST(AxiChecker, RreadyMayWaitWhereNothingElseIsPromised) {
    ViolationLog log;
    AxiChecker checker("port", 64, false, log);
    std::vector<AxiSample> clocks = clean();
    hold(clocks, 3, &AxiSample::r);
    for (std::size_t i = 0; i < clocks.size(); ++i) {
        checker.check(i, clocks[i]);
    }
    EXPECT_TRUE(log.lines().empty());
}

TEST(ViolationLog, KeepsTheFirstHundred) {
    ViolationLog log;
    for (unsigned i = 0; i < 1000; ++i) {
        log.add("port", i, "rule");
    }
    EXPECT_EQ(log.lines().size(), 100U);
    EXPECT_EQ(log.lines().front(), "cycle 0, port: rule");
}

// ---- AXI4-Lite
// ------------------------------------------------------------------------------------------------------

std::vector<LiteSample> lite_clean() {
    std::vector<LiteSample> clocks(6);
    clocks[0].in_reset = clocks[1].in_reset = true;
    clocks[2].aw_valid = clocks[2].aw_ready = true;
    clocks[3].w_valid = clocks[3].w_ready = true;
    clocks[3].ar_valid = clocks[3].ar_ready = true;
    clocks[4].b_valid = true;
    clocks[4].r_valid = clocks[4].r_ready = true;
    clocks[5].b_valid = clocks[5].b_ready = true;
    return clocks;
}

std::size_t lite_violations(const std::vector<LiteSample>& clocks) {
    ViolationLog log;
    LiteChecker checker(log);
    for (std::size_t i = 0; i < clocks.size(); ++i) {
        checker.check(i, clocks[i]);
    }
    return log.lines().size();
}

TEST(LiteChecker, Rules) {
    EXPECT_EQ(lite_violations(lite_clean()), 0U);
    auto c = lite_clean();
    c[5].b_valid = false;
    EXPECT_EQ(lite_violations(c), 1U) << "BVALID dropped";
    c = lite_clean();
    c[5].b_response = 2;
    EXPECT_EQ(lite_violations(c), 1U) << "BRESP changed";
    c = lite_clean();
    c[3].w_valid = false;
    EXPECT_EQ(lite_violations(c), 2U) << "response without data, in both clocks";
    c = lite_clean();
    c[3].ar_valid = false;
    EXPECT_EQ(lite_violations(c), 1U) << "read data without address";
    c = lite_clean();
    c[4].r_ready = false;
    c[5].r_valid = c[5].r_ready = true;
    c[5].r_data = 1;
    EXPECT_EQ(lite_violations(c), 1U) << "RDATA changed";
    c = lite_clean();
    c[1].r_valid = true;
    EXPECT_EQ(lite_violations(c), 1U) << "RVALID in reset";
}

}  // namespace
}  // namespace setun::sim
