// Output files of commands: a name of "-" is standard output.
#pragma once

#include <string>

namespace setun::cli {

/// Writes a text file whole or not at all, replacing one that is there. Throws InputError naming `option` and
/// the path when that cannot be done.
void write_text(const char* option, const std::string& path, const std::string& text);

/// Throws the same error before any work is done, for a path whose folder does not exist or takes no files.
void check_writable(const char* option, const std::string& path);

}  // namespace setun::cli
