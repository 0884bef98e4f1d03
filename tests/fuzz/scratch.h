// Files of a fuzz target that live in memory: readers take paths.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <functional>
#include <span>
#include <string>

namespace setun::fuzz {

/// A file in memory whose content is replaced for each input. Errors end the program.
class ScratchFile {
  public:
    ScratchFile();
    ScratchFile(const ScratchFile&) = delete;
    ScratchFile& operator=(const ScratchFile&) = delete;
    ~ScratchFile();
    void fill(std::span<const std::byte> bytes) const;
    /// Opens as a regular file.
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  private:
    int descriptor_;
    std::filesystem::path path_;
};

/// Runs a reader; refusing its input with InputError is as good as reading it. Everything else escapes.
void read_or_refuse(const std::function<void()>& reader);

inline std::span<const std::byte> input(const std::uint8_t* data, std::size_t size) {
    return std::as_bytes(std::span(data, size));
}

}  // namespace setun::fuzz

/// What every target defines: one input. Returns 0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
