// Writes GGUF files: any metadata and tensors, and the synthetic models in every storage form that is read.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "tests/host/synthetic_model.h"

namespace setun::test {

/// Numbers of tensor types in the file.
enum class GgufType : std::uint32_t {
    kF32 = 0,
    kF16 = 1,
    kQ4_0 = 2,
    kQ8_0 = 8,
    kQ5_K = 13,
    kQ6_K = 14,
    kBF16 = 30,
    kTq1_0 = 34,
    kTq2_0 = 35,
    kI2S = 36
};

/// Collects metadata and tensors and writes them as GGUF. Nothing is checked: hostile files are made with it
/// too.
class GgufWriter {
  public:
    void u32(std::string_view key, std::uint32_t value);
    void f32(std::string_view key, float value);
    void boolean(std::string_view key, bool value);
    void text(std::string_view key, std::string_view value);
    void texts(std::string_view key, const std::vector<std::string>& values);
    void i32s(std::string_view key, const std::vector<std::int32_t>& values);
    void f32s(std::string_view key, const std::vector<float>& values);
    /// `extents` are fastest-moving first.
    void tensor(std::string_view name, const std::vector<std::uint64_t>& extents, GgufType type,
                const std::string& bytes);

    std::uint32_t version = 3;
    std::uint32_t alignment = 32;  ///< written as general.alignment when it is not 32
    /// The whole file.
    [[nodiscard]] std::string bytes() const;

  private:
    void key(std::string_view name, std::uint32_t type);

    std::uint64_t pairs_ = 0;
    std::string metadata_;
    struct Tensor {
        std::string name;
        std::vector<std::uint64_t> extents;
        GgufType type;
        std::string bytes;
    };
    std::vector<Tensor> tensors_;
};

/// Codes with scales as the formats lay them out; sizes must be whole blocks. `scale` must be exact in
/// binary16.
std::string encode_ternary(GgufType type, const std::vector<std::int8_t>& w, float scale);
/// Floats in F32, F16, BF16 (exact values), Q8_0 (multiples of 1/64 within +-127/64).
std::string encode_floats(GgufType type, const std::vector<float>& values);

struct GgufOptions {
    std::string architecture = "bitnet-b1.58";  ///< or "bitnet-25", "bitnet", "llama"
    GgufType linear = GgufType::kTq2_0;
    GgufType embedding = GgufType::kF16;
    bool with_output = false;  ///< also an output.weight equal to the embedding, for tied models
    bool with_scales = false;  ///< linear layers have scale 0.0625 and a tensor ".scale" of 2
};

/// The same model as GGUF, with its tokenizer. "llama" has rows of q and k in pairs, as converters write
/// them.
GgufWriter gguf_of(const PlainModel& model, const GgufOptions& options);
void write_gguf(const std::filesystem::path& file, const PlainModel& model, const GgufOptions& options);

}  // namespace setun::test
