// Runs a program and keeps what it printed.
#pragma once

#include <string>
#include <vector>

namespace setun::test {

struct ProcessResult {
    int exit_code = -1;  ///< -signal when a signal ended it
    std::string out;
    std::string err;
};

struct ProcessOptions {
    std::string interrupt_after;                ///< send SIGINT once this has appeared on stdout
    std::vector<std::string> environment = {};  ///< additional NAME=VALUE
    std::string input = {};                     ///< standard input, at most 64 KiB; empty: that of the test
};

/// Runs arguments[0] with the others and waits for its end.
ProcessResult run_process(const std::vector<std::string>& arguments, const ProcessOptions& options = {});

}  // namespace setun::test
