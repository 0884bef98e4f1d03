// The SRAM fit: exact where it can be, near every cited point, and never an extrapolation.
#include <gtest/gtest.h>

#include <cmath>

#include "energy_model/energy.h"

namespace setun::energy {
namespace {

SramPoint point(std::uint64_t bytes, double read_pj, unsigned width = 64) {
    return {bytes, width, read_pj, "n", "a source", "user", "c"};
}

TEST(Sram, TwoPointsAreMetExactly) {
    // 3 + sqrt(bytes) / 10: 4.6 at 256 bytes, 9.4 at 4096.
    const SramModel sram({point(256, 4.6), point(4096, 9.4)});
    EXPECT_NEAR(sram.constant_pj(), 3.0, 1e-12);
    EXPECT_NEAR(sram.root_pj(), 0.1, 1e-13);
    EXPECT_NEAR(sram.access_pj(1024, 64), 6.2, 1e-12);
    EXPECT_NEAR(sram.access_pj(1024, 512), 8 * 6.2, 1e-11);
    EXPECT_NEAR(sram.worst_fit(), 0, 1e-12);
}

TEST(Sram, WidthOfTheCitedAccessCounts) {
    const SramModel narrow({point(256, 2.3, 32), point(4096, 4.7, 32)});
    EXPECT_NEAR(narrow.access_pj(256, 64), 4.6, 1e-12);
}

TEST(Sram, NothingIsExtrapolated) {
    const SramModel sram({point(256, 4.6), point(4096, 9.4)});
    EXPECT_DOUBLE_EQ(sram.access_pj(1, 64), sram.access_pj(256, 64));
    EXPECT_DOUBLE_EQ(sram.access_pj(1U << 30U, 64), sram.access_pj(4096, 64));
}

TEST(Sram, OnePointIsAConstant) {
    const SramModel sram({point(1024, 5)});
    EXPECT_DOUBLE_EQ(sram.access_pj(1, 64), 5);
    EXPECT_DOUBLE_EQ(sram.access_pj(1U << 20U, 128), 10);
    EXPECT_THROW(SramModel({}), TableError);
}

TEST(Sram, BuiltinPointsAreFittedWithinFivePercent) {
    for (const char* name : {"7nm", "45nm"}) {
        const Table table = builtin_table(name);
        ASSERT_EQ(table.sram().size(), 3U) << name;
        const SramModel sram(table.sram());
        EXPECT_LT(sram.worst_fit(), 0.05) << name;
        for (const SramPoint& p : table.sram()) {
            EXPECT_NEAR(sram.access_pj(p.bytes, p.width_bits), p.read_pj, 0.05 * p.read_pj)
                << name << p.bytes;
            EXPECT_GT(p.source.size(), 30U);
        }
    }
    // Both sets were not read in the original: the tables must say so.
    const Table at_7nm = builtin_table("7nm");
    const Table at_45nm = builtin_table("45nm");
    EXPECT_EQ(at_7nm.sram().front().accuracy, "remembered");
    EXPECT_EQ(at_45nm.sram().front().accuracy, "second-hand");
}

TEST(Sram, EntryCarriesWhereItComesFrom) {
    const Table table = builtin_table("7nm");
    const Entry entry = SramModel(table.sram()).entry(32768);
    EXPECT_EQ(entry.unit, Unit::kBit);
    EXPECT_EQ(entry.accuracy, "derived");
    EXPECT_NE(entry.source.find("Jouppi"), std::string::npos);
    EXPECT_NE(entry.condition.find("remembered"), std::string::npos);
}

}  // namespace
}  // namespace setun::energy
