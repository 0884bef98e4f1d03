// Reader of safetensors files: u64 header length, JSON header, tensor data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "host/base/file.h"
#include "host/loaders/block_formats.h"

namespace setun {

/// One tensor of the file.
struct TensorView {
    std::string dtype;  ///< as the file names it, e.g. "BF16"
    std::optional<BlockFormat>
        format;  ///< F32, F16, BF16; nothing for bytes (U8) and for types not read here
    std::vector<std::uint64_t> shape;
    /// Exactly the size that dtype and shape ask for when the type is F32, F16, BF16 or U8.
    std::span<const std::byte> bytes;

    [[nodiscard]] bool is_bytes() const { return dtype == "U8"; }
    [[nodiscard]] std::uint64_t elements() const;
};

/// A mapped safetensors file. Everything in its header is checked on opening.
class SafeTensors {
  public:
    /// Throws InputError naming file and tensor: truncated, header too long, overlapping, missing or
    /// out-of-range data, size that does not follow from dtype and shape.
    static SafeTensors open(MappedFile file);
    static SafeTensors open(const std::filesystem::path& path) { return open(MappedFile::open(path)); }

    [[nodiscard]] bool contains(const std::string& name) const { return tensors_.contains(name); }
    [[nodiscard]] const std::map<std::string, TensorView>& tensors() const { return tensors_; }
    [[nodiscard]] const MappedFile& file() const { return file_; }
    [[nodiscard]] std::string file_name() const { return file_.path().string(); }

  private:
    explicit SafeTensors(MappedFile file) : file_(std::move(file)) {}

    MappedFile file_;
    std::map<std::string, TensorView> tensors_;
};

}  // namespace setun
