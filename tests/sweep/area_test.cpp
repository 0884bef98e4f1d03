// The area estimate against the engines that were synthesised.
#include "energy_model/area.h"

#include <gtest/gtest.h>

#include <cmath>
#include <stdexcept>

namespace setun::area {
namespace {

TEST(Area, LutsAreNearEverySynthesisedEngine) {
    const Model model = Model::builtin();
    EXPECT_GE(model.engines().size(), 36U);
    for (const MeasuredEngine& e : model.engines()) {
        const Estimate estimate = model.estimate(e.leaf, e.ports, e.port_bits, e.tokens);
        EXPECT_NEAR(estimate.luts / e.luts, 1, 0.06)
            << e.leaf << " " << e.ports << "x" << e.port_bits << "x" << e.tokens;
        EXPECT_FALSE(estimate.extrapolated);
        EXPECT_LE(std::abs(estimate.luts / e.luts - 1), model.worst_fit(e.leaf) + 1e-12);
        EXPECT_GE(e.luts_raw, e.luts);
    }
}

TEST(Area, BlockRamIsThatOfEverySynthesisedEngine) {
    const Model model = Model::builtin();
    for (const MeasuredEngine& e : model.engines()) {
        EXPECT_DOUBLE_EQ(model.estimate(e.leaf, e.ports, e.port_bits, e.tokens).block_ram, e.block_ram)
            << e.leaf << " " << e.ports << "x" << e.port_bits << "x" << e.tokens;
    }
}

TEST(Area, AnEngineOfTwiceTheSizeThatIsNotInTheFitIsPredicted) {
    // Yosys 0.23, setun_engine, xcup, tree 1x512x8: 25,257 LUTs packed, 16 RAMB18.
    const Estimate estimate = Model::builtin().estimate("tree", 1, 512, 8);
    EXPECT_NEAR(estimate.luts / 25257, 1, 0.03);
    EXPECT_DOUBLE_EQ(estimate.block_ram, 16);
    EXPECT_TRUE(estimate.extrapolated);
}

TEST(Area, MoreOfAnythingTakesMore) {
    const Model model = Model::builtin();
    for (const char* leaf : {"tree", "table", "bram"}) {
        const double base = model.estimate(leaf, 1, 128, 1).luts;
        EXPECT_GT(base, 0);
        EXPECT_GT(model.estimate(leaf, 2, 128, 1).luts, base);
        EXPECT_GT(model.estimate(leaf, 1, 256, 1).luts, base);
        EXPECT_GT(model.estimate(leaf, 1, 128, 2).luts, base);
    }
    EXPECT_LT(model.estimate("bram", 4, 512, 1).luts, model.estimate("table", 4, 512, 1).luts);
    EXPECT_LT(model.estimate("table", 4, 512, 1).luts, model.estimate("tree", 4, 512, 1).luts);
}

TEST(Area, RefusesWhatItDoesNotKnow) {
    EXPECT_THROW(static_cast<void>(Model::builtin().estimate("planes", 1, 128, 1)), std::invalid_argument);
    EXPECT_THROW(Model({{"tree", 1, 128, 1, 100, 100, 2}}, "few"), std::invalid_argument);
    std::vector<MeasuredEngine> alike;
    for (const char* leaf : {"tree", "table", "bram"}) {
        alike.insert(alike.end(), 5, {leaf, 1, 128, 1, 1000, 1000, 2});
    }
    EXPECT_THROW(Model(alike, "the same engine five times"), std::invalid_argument);
}

}  // namespace
}  // namespace setun::area
