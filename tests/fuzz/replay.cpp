// Runs files through a fuzz target without a fuzzer: the arguments are files or directories.
#include <cstdio>
#include <exception>
#include <filesystem>
#include <string>

#include "tests/fuzz/target.h"
#include "tests/host/synthetic_model.h"

namespace {

unsigned replay(const std::filesystem::path& path) {
    if (std::filesystem::is_directory(path)) {
        unsigned count = 0;
        for (const auto& entry : std::filesystem::directory_iterator(path)) {
            count += replay(entry.path());
        }
        return count;
    }
    const std::string bytes = setun::test::read_file(path);
    try {
        LLVMFuzzerTestOneInput(reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size());
    } catch (const std::exception& error) {
        std::fprintf(stderr, "%s: %s\n", path.c_str(), error.what());
        throw;
    }
    return 1;
}

}  // namespace

int main(int argc, char** argv) {
    unsigned count = 0;
    for (int i = 1; i < argc; ++i) {
        if (std::filesystem::exists(argv[i])) {
            count += replay(argv[i]);
        }
    }
    std::printf("%u inputs\n", count);
    return count == 0 ? 1 : 0;
}
