// Small models with random weights in plain numbers, Hugging Face directories of them, and what a loader must
// make of them. GGUF files: synthetic_gguf.h.
#pragma once

#include <cstdint>
#include <filesystem>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

namespace setun::test {

/// How the checkpoint stores its linear layers.
enum class Storage { kF32, kF16, kBF16, kPackedMultiply, kPackedDivide };

struct SyntheticOptions {
    std::uint32_t hidden = 64;
    std::uint32_t ffn = 96;
    std::uint32_t layers = 2;
    std::uint32_t heads = 4;
    std::uint32_t kv_heads = 2;
    std::uint32_t context = 48;
    std::string activation = "relu2";
    bool sub_norms = true;
    bool tied_head = true;
    Storage storage = Storage::kF32;
    std::uint64_t seed = 0;
    std::uint32_t shards = 1;  ///< above 1: model-0000i-of-0000n.safetensors and an index
    bool one_bit_llm = false;  ///< config.json and names of the 1bitLLM checkpoints; master weights only
};

/// A folder that is removed with the object.
class TemporaryFolder {
  public:
    TemporaryFolder();
    TemporaryFolder(const TemporaryFolder&) = delete;
    TemporaryFolder& operator=(const TemporaryFolder&) = delete;
    ~TemporaryFolder();
    [[nodiscard]] const std::filesystem::path& path() const { return path_; }
    [[nodiscard]] std::filesystem::path operator/(const std::string& name) const { return path_ / name; }

  private:
    std::filesystem::path path_;
};

/// The model behind the files, in plain numbers.
struct PlainLinear {
    std::uint32_t m = 0;
    std::uint32_t k = 0;
    std::vector<std::int8_t> w;  ///< [m][k] in {-1, 0, 1}, or within +-121 for the embedding
    float scale = 1;
};
struct PlainLayer {
    std::vector<PlainLinear> linears;       ///< q, k, v, o, gate, up, down
    std::vector<std::vector<float>> norms;  ///< input, attention sub, post attention, ffn sub
};
struct PlainModel {
    SyntheticOptions options;
    std::uint32_t vocab = 0;
    std::vector<PlainLayer> layers;
    PlainLinear embedding;
    PlainLinear head;  ///< equal to the embedding when tied
    std::vector<float> final_norm;
};

/// A model of random weights. Scales of linear layers are 0.125, norms multiples of 1/32, embeddings n / 64:
/// exact in every float type.
PlainModel make_plain_model(const SyntheticOptions& options);

/// One layer of width 8 with four tokens and packed weights: for fuzzing, where small files are fast files.
/// Its tokenizer.json, which does not fit such a vocabulary, is left to the caller.
PlainModel make_tiny_model();

/// Writes config.json, model.safetensors (or shards) and tokenizer.json of `model`, stored as
/// model.options.storage says. Master weights have another mean than 0.125: returns the model with
/// their scales.
PlainModel write_hugging_face(const std::filesystem::path& folder, PlainModel model);

/// make_plain_model() and write_hugging_face(): returns what the files mean.
PlainModel write_synthetic(const std::filesystem::path& folder, const SyntheticOptions& options);

/// tokenizer.json with the 256 byte tokens, one special token "<|end|>" and a few merges.
nlohmann::json synthetic_tokenizer();

/// Half and brain floats of values that they hold exactly.
std::uint16_t to_f16(float value);
std::uint16_t to_bf16(float value);

/// Writes a safetensors file from (name, dtype, shape, bytes).
struct RawTensor {
    std::string name;
    std::string dtype;
    std::vector<std::uint64_t> shape;
    std::string bytes;
};
void write_safetensors(const std::filesystem::path& file, const std::vector<RawTensor>& tensors);

void write_file(const std::filesystem::path& file, const std::string& content);
std::string read_file(const std::filesystem::path& file);

/// How the inputs of matrices are quantised.
enum class Arithmetic {
    kBitNet,    ///< INT8 with one scale a token, the output head too: the BitNet papers and Setun
    kLlamaCpp,  ///< Q8_K: INT8 with one scale for 256 inputs, -127 / (the value of largest magnitude); float
                ///< head
};

/// y[linear.m] of x[linear.k], k a multiple of 256, with the bits of llama.cpp's AVX2 code for TQ1_0 and
/// TQ2_0 (scripts/peers/compare_llama_cpp_products.py): Q8_K, integers in eight lanes, each added up over the
/// blocks in float32 with one rounding a block.
std::vector<float> llama_cpp_product(const PlainLinear& linear, std::span<const float> x);

/// Logits behind every token, in double precision with exact integer products (or, products being
/// llama_cpp_product(), in float32): written from the formulas of the BitNet papers (or of llama.cpp's block
/// format), independently of the golden functions.
std::vector<std::vector<double>> plain_logits(const PlainModel& model,
                                              const std::vector<std::uint32_t>& tokens,
                                              Arithmetic arithmetic = Arithmetic::kBitNet);

}  // namespace setun::test
