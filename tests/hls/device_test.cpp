// Counters and run results in words.
#include "host/device/device.h"

#include <gtest/gtest.h>

namespace setun {
namespace {

TEST(Counters, AddFieldByField) {
    Counters a{1, 2, 3, 4, 5, 6, 7, 8, 9, 10};
    const Counters b{10, 20, 30, 40, 50, 60, 70, 80, 90, 100};
    a += b;
    EXPECT_EQ(a.cycles, 11U);
    EXPECT_EQ(a.busy, 22U);
    EXPECT_EQ(a.beats, 33U);
    EXPECT_EQ(a.stall_w, 44U);
    EXPECT_EQ(a.stall_x, 55U);
    EXPECT_EQ(a.stall_y, 66U);
    EXPECT_EQ(a.nonzero, 77U);
    EXPECT_EQ(a.weight_bytes, 88U);
    EXPECT_EQ(a.data_read_bytes, 99U);
    EXPECT_EQ(a.data_write_bytes, 110U);
}

TEST(RunResult, NamesErrorCommandAddressAndPort) {
    RunResult result;
    result.completed = 3;
    EXPECT_EQ(result.describe(), "ok: 3 commands completed");
    result.error = SETUN_ERR_TRIT;
    result.error_index = 3;
    result.error_address = 0x1040;
    result.error_info = 2;
    const std::string text = result.describe();
    for (const char* part : {"error 8 TRIT", "command 3", "0x1040", "weight port 2"}) {
        EXPECT_NE(text.find(part), std::string::npos) << text;
    }
    EXPECT_EQ(text.find('\n'), std::string::npos);
    result.error = SETUN_ERR_WATCHDOG;
    EXPECT_NE(result.describe().find("waiting channels 0x2"), std::string::npos) << result.describe();
    result.error = 99;
    EXPECT_NE(result.describe().find("error 99"), std::string::npos);
}

}  // namespace
}  // namespace setun
