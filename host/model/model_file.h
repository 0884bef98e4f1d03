// Setun's packed model file: writing, and opening by memory map with every byte checked (docs/model-file.md).
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "host/base/file.h"
#include "host/model/model.h"

namespace setun {

constexpr std::uint32_t kModelFileVersion = 1;

/// One aligned part of the file.
struct FileSection {
    std::string name;  ///< e.g. "layers.0.q port 0", "tokenizer"
    std::uint64_t offset = 0;
    std::uint64_t bytes = 0;
    std::uint32_t crc32 = 0;
};

/// Writes `model` to `path`: to a temporary file first, renamed when complete. Throws InputError when `path`
/// exists and `replace` is false, or when it cannot be written. `progress` is called with the share done in
/// [0, 1].
void save_model(const Model& model, const std::filesystem::path& path, bool replace,
                const std::function<void(double)>& progress = {});

/// Opens a model file. Checks magic, version, sizes, every offset, every checksum and every trit code before
/// returning. Throws InputError naming file, field, what was expected and found, and the remedy. Weights stay
/// in the mapped file.
Model open_model(MappedFile file);
inline Model open_model(const std::filesystem::path& path) { return open_model(MappedFile::open(path)); }

/// True when the file begins like a Setun model file.
bool is_model_file(const std::filesystem::path& path);

/// The sections of an open, checked file, in file order.
std::vector<FileSection> model_file_sections(const std::filesystem::path& path);

}  // namespace setun
