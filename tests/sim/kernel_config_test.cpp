// Names of kernel configurations and the registry of compiled ones.
#include <gtest/gtest.h>

#include "rtl/setun_abi.h"
#include "sim/kernel_sim.h"

namespace setun::sim {
namespace {

TEST(KernelConfig, NamesAndParses) {
    for (const char* const name :
         {"1x512x1", "4x128x8-tree", "2x256x4-r16", "1x128x2-tree-r64", "1x128x2-table-r16", "1x256x1-bram",
          "1x512x1-uncounted", "1x128x1-bram-r16-uncounted"}) {
        EXPECT_EQ(KernelConfig::parse(name).name(), name);
    }
    const KernelConfig config = KernelConfig::parse("2x256x4-tree-r64");
    EXPECT_EQ(config, (KernelConfig{2, 256, 4, SETUN_LEAF_TREE, 64}));
    EXPECT_FALSE(KernelConfig::parse("1x512x1-uncounted").counts_nonzero);
    EXPECT_EQ(config.beat_bytes(), 32U);
    EXPECT_EQ(config.lanes(), 160U);
}

TEST(KernelConfig, RefusesOtherForms) {
    for (const char* const name : {"", "1", "1x512", "1x512x", "x512x1", "1x512x1x1", "1x512x1-",
                                   "1x512x1-leaf", "1x512x1-r", "1x512x1-r16-tree", "1x512x1-uncounted-r16",
                                   " 1x512x1", "1x512x1 ", "-1x512x1", "1X512X1", "99999999999x512x1"}) {
        EXPECT_THROW(static_cast<void>(KernelConfig::parse(name)), std::invalid_argument) << name;
    }
}

TEST(KernelRegistry, EveryConfigurationOpens) {
    ASSERT_FALSE(kernel_configs().empty());
    for (const KernelConfig& config : kernel_configs()) {
        EXPECT_EQ(make_kernel_sim(config)->config(), config);
    }
}

TEST(KernelRegistry, OthersAreRefusedWithTheList) {
    try {
        static_cast<void>(make_kernel_sim({.ports = 3}));
        FAIL();
    } catch (const std::invalid_argument& error) {
        const std::string text = error.what();
        for (const KernelConfig& config : kernel_configs()) {
            EXPECT_NE(text.find(config.name()), std::string::npos) << text;
        }
    }
}

}  // namespace
}  // namespace setun::sim
