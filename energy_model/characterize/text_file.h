// Reads a text file that may be packed with gzip or xz.
#pragma once

#include <filesystem>
#include <string>

namespace setun::characterize {

/// The whole text of FILE; `.gz` and `.xz` are unpacked. Throws CharacterizeError that names the file when it
/// cannot be read, is damaged, or holds more than 256 MiB unpacked.
[[nodiscard]] std::string read_text_file(const std::filesystem::path& file);

}  // namespace setun::characterize
