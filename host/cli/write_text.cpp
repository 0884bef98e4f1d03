// Output files of commands: a name of "-" is standard output.
#include "host/cli/write_text.h"

#include <fmt/format.h>
#include <unistd.h>

#include <cstdio>
#include <filesystem>

#include "host/base/error.h"
#include "host/base/file.h"

namespace setun::cli {

void write_text(const char* option, const std::string& path, const std::string& text) {
    if (path == "-") {
        std::fwrite(text.data(), 1, text.size(), stdout);
        return;
    }
    check_writable(option, path);
    AtomicFile file(path, true);
    file.write(bytes_of(text));
    file.commit();
}

void check_writable(const char* option, const std::string& path) {
    if (path == "-") {
        return;
    }
    const std::filesystem::path target(path);
    const std::filesystem::path folder = target.has_parent_path() ? target.parent_path() : ".";
    std::error_code ignored;
    if (path.empty() || std::filesystem::is_directory(target, ignored) || !target.has_filename()) {
        throw InputError(fmt::format("{} '{}': expected the name of a file", option, path));
    }
    if (!std::filesystem::is_directory(folder, ignored) || ::access(folder.c_str(), W_OK) != 0) {
        throw InputError(
            fmt::format("{} '{}': the folder does not exist or cannot be written", option, path));
    }
}

}  // namespace setun::cli
