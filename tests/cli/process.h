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

/// What someone types at a terminal once text has appeared.
struct Typed {
    std::string
        after;  ///< on stdout, behind what was there when the keys before were typed; empty: any output
    std::string keys;  ///< "\n" is the return key, "\x03" Ctrl-C
};

struct ProcessOptions {
    std::string interrupt_after;                ///< send SIGINT once this has appeared on stdout
    std::vector<std::string> environment = {};  ///< additional NAME=VALUE
    std::string input = {};                     ///< standard input, at most 64 KiB; empty: that of the test
    std::vector<Typed> terminal = {};           ///< when not empty, standard input is a terminal of its own
};

/// Runs arguments[0] with the others and waits for its end.
ProcessResult run_process(const std::vector<std::string>& arguments, const ProcessOptions& options = {});

}  // namespace setun::test
