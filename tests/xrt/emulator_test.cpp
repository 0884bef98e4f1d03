// The emulation process started by hand: help, and one line for everything that it refuses.
#include <gtest/gtest.h>

#include "tests/cli/process.h"

namespace setun::test {
namespace {

ProcessResult emulator(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), SETUN_EMULATOR);
    ProcessOptions options;
    options.environment = {"USER=" + std::string(200, 'u')};
    return run_process(arguments, options);
}

void expect_refused(const std::vector<std::string>& arguments, int exit_code, const std::string& text) {
    const ProcessResult result = emulator(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    EXPECT_EQ(result.err.rfind("setun-xrt-emulator: ", 0), 0U) << result.err;
    EXPECT_NE(result.err.find(text), std::string::npos) << result.err;
    EXPECT_EQ(result.err.find('\n'), result.err.size() - 1) << result.err;
    EXPECT_EQ(result.out, "");
}

TEST(EmulatorByHand, ShowsItsOptions) {
    const ProcessResult result = emulator({"--help"});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    for (const char* const option : {"--kernel", "--memory", "--seed"}) {
        EXPECT_NE(result.out.find(option), std::string::npos) << result.out;
    }
}

TEST(EmulatorByHand, RefusesInOneLine) {
    expect_refused({"--kernel"}, 2, "--kernel needs a value");
    expect_refused({"--kernel", "3x512"}, 2, "3x512");
    expect_refused({"--memory", "floppy"}, 1, "unknown memory preset 'floppy'");
    expect_refused({"--kernel", "4x512x8"}, 1, "no simulation of kernel 4x512x8");
    // XRT adds an option for its own simulator. The user's name becomes part of a socket's, which is short.
    expect_refused({"--waveform", "--kernel", "1x512x1"}, 1, "is too long; choose a shorter USER");
}

}  // namespace
}  // namespace setun::test
