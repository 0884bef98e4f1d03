// Runs the command-line tool, and what every test of its errors checks.
#pragma once

#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/process.h"

namespace setun::test {

/// Runs setun with these arguments.
ProcessResult setun(std::vector<std::string> arguments, const ProcessOptions& options = {});

/// The one object that setun prints with these arguments and --json. It must exit with `exit_code`.
nlohmann::json setun_json(std::vector<std::string> arguments, int exit_code = 0);

/// The command must exit with 2 and one line on stderr that holds `text`; stdout stays empty.
void expect_bad_input(const std::vector<std::string>& arguments, const std::string& text);

}  // namespace setun::test
