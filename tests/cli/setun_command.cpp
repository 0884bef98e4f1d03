// Runs the command-line tool, and what every test of its errors checks.
#include "tests/cli/setun_command.h"

#include <gtest/gtest.h>

namespace setun::test {

ProcessResult setun(std::vector<std::string> arguments, const ProcessOptions& options) {
    arguments.insert(arguments.begin(), SETUN_BINARY);
    return run_process(arguments, options);
}

nlohmann::json setun_json(std::vector<std::string> arguments, int exit_code) {
    arguments.emplace_back("--json");
    const ProcessResult result = setun(arguments);
    EXPECT_EQ(result.exit_code, exit_code) << result.err;
    return nlohmann::json::parse(result.out);  // exactly one object, or this throws
}

void expect_bad_input(const std::vector<std::string>& arguments, const std::string& text) {
    const ProcessResult result = setun(arguments);
    EXPECT_EQ(result.exit_code, 2) << result.err;
    EXPECT_EQ(result.err.rfind("setun: error: ", 0), 0U) << result.err;
    EXPECT_EQ(result.err.find('\n'), result.err.size() - 1) << "one line: " << result.err;
    EXPECT_NE(result.err.find(text), std::string::npos) << result.err;
    EXPECT_EQ(result.out, "");
}

}  // namespace setun::test
