// Runs an external tool.
#pragma once

#include <filesystem>
#include <string>
#include <vector>

namespace setun::characterize {

/// Runs `command` (found on the PATH), waits for it, and returns what it printed. Throws CharacterizeError
/// when it is not installed (`package` is the Debian package that has it) or fails; the message ends with the
/// last line printed.
std::string run_tool(const std::vector<std::string>& command, const char* package,
                     const std::filesystem::path& log);

}  // namespace setun::characterize
