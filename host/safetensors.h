// Reader of safetensors files: u64 header length, JSON header, tensor data.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <vector>

#include "host/file.h"

namespace setun {

enum class DType { kF32, kF16, kBF16, kU8 };

/// One tensor of the file; `bytes` has exactly the size that dtype and shape ask for.
struct TensorView {
    DType dtype = DType::kF32;
    std::vector<std::uint64_t> shape;
    std::span<const std::byte> bytes;

    [[nodiscard]] std::size_t elements() const;
    /// Element i as float (exact for every type). i < elements(), not U8-packed data.
    [[nodiscard]] float value(std::size_t i) const;
};

/// A mapped safetensors file. Everything in its header is checked on opening.
class SafeTensors {
  public:
    /// Throws InputError naming file and tensor: truncated, header too long, overlapping or out-of-range
    /// offsets, size that does not follow from dtype and shape. Tensors of other types than F32, F16, BF16
    /// and U8 are kept out of the table.
    static SafeTensors open(const std::filesystem::path& path);

    [[nodiscard]] bool contains(const std::string& name) const { return tensors_.contains(name); }
    /// Throws InputError when there is no such tensor, listing what the file looks like.
    [[nodiscard]] const TensorView& at(const std::string& name) const;
    [[nodiscard]] const std::map<std::string, TensorView>& tensors() const { return tensors_; }
    [[nodiscard]] std::string file_name() const { return file_.path().string(); }
    /// The tensor has been used up: its pages may leave memory.
    void forget(const TensorView& tensor) const;

  private:
    explicit SafeTensors(MappedFile file) : file_(std::move(file)) {}

    MappedFile file_;
    std::map<std::string, TensorView> tensors_;
};

/// IEEE binary16 to float, exact.
float half_to_float(std::uint16_t half);

}  // namespace setun
