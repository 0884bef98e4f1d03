// Runs the command-line tool, and what every test of its errors checks.
#pragma once

#include <string>
#include <vector>

#include "tests/cli/process.h"

namespace setun::test {

/// Runs setun with these arguments.
ProcessResult setun(std::vector<std::string> arguments, const ProcessOptions& options = {});

/// The command must exit with 2 and one line on stderr that holds `text`; stdout stays empty.
void expect_bad_input(const std::vector<std::string>& arguments, const std::string& text);

}  // namespace setun::test
