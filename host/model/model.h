// A ternary decoder model in memory: architecture, packed weights, norms, tokenizer.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "host/device/packing.h"
#include "host/text/tokenizer_data.h"

namespace setun {

enum class Activation { kRelu2, kSilu };

/// Sizes and constants of the transformer.
struct Architecture {
    std::uint32_t hidden = 0;
    std::uint32_t ffn = 0;
    std::uint32_t layers = 0;
    std::uint32_t heads = 0;
    std::uint32_t kv_heads = 0;
    std::uint32_t head_dim = 0;
    std::uint32_t vocab = 0;
    std::uint32_t context = 0;  ///< largest number of positions
    float rope_theta = 0;
    float eps = 0;  ///< of every RMSNorm
    Activation activation = Activation::kRelu2;
    bool sub_norms = true;             ///< RMSNorm before o and before down
    bool tied_head = true;             ///< the embedding is the output head
    std::optional<std::uint32_t> bos;  ///< put in front of prompts
    std::vector<std::uint32_t> eos;    ///< any of these ends a text

    [[nodiscard]] std::uint32_t q_rows() const { return heads * head_dim; }
    [[nodiscard]] std::uint32_t kv_rows() const { return kv_heads * head_dim; }
    bool operator==(const Architecture&) const = default;
};

/// Throws InputError "where: field 'x' ..." when sizes contradict each other or pass what the kernel
/// supports.
void check_architecture(const Architecture& architecture, const std::string& where);

/// A matrix as port streams (docs/memory-format.md). y = acc * scale / activation scale.
struct PackedMatrix {
    std::string name;  ///< e.g. "layers.0.q", "embedding"
    std::uint32_t m = 0;
    std::uint32_t k = 0;
    std::uint32_t planes = 1;
    float scale = 1;
    StreamLayout layout;
    std::vector<std::span<const std::byte>> streams;  ///< one per port

    [[nodiscard]] std::uint64_t weights() const { return std::uint64_t{m} * k; }
    [[nodiscard]] std::uint64_t trits() const { return weights() * planes; }
    [[nodiscard]] std::uint64_t bytes() const { return stream_bytes(layout, m, k, planes) * layout.ports; }
    [[nodiscard]] StreamIndex index() const { return {layout, m, k, planes}; }
};

/// The seven matrices of a layer, in the order in which they run.
enum class LayerMatrix : std::uint8_t { kQ, kK, kV, kO, kGate, kUp, kDown };
constexpr std::size_t kLayerMatrices = 7;
/// "q", "k", "v", "o", "gate", "up", "down"
const char* layer_matrix_name(LayerMatrix which);

/// Rows and inputs that the architecture asks for.
struct MatrixShape {
    std::uint32_t m;
    std::uint32_t k;
};
MatrixShape layer_matrix_shape(const Architecture& architecture, LayerMatrix which);

/// The norm vectors of a layer; the sub-norms are empty without Architecture::sub_norms.
enum class LayerNorm : std::uint8_t { kInput, kAttentionSub, kPostAttention, kFfnSub };
constexpr std::size_t kLayerNorms = 4;
/// "input_norm", "attn_sub_norm", "post_attention_norm", "ffn_sub_norm"
const char* layer_norm_name(LayerNorm which);
/// Elements that the architecture asks for; 0 for an absent sub-norm.
std::uint32_t layer_norm_size(const Architecture& architecture, LayerNorm which);

struct Layer {
    std::vector<PackedMatrix> matrices;     ///< kLayerMatrices, by LayerMatrix
    std::vector<std::vector<float>> norms;  ///< kLayerNorms, by LayerNorm

    [[nodiscard]] const PackedMatrix& matrix(LayerMatrix which) const {
        return matrices[static_cast<std::size_t>(which)];
    }
    [[nodiscard]] const std::vector<float>& norm(LayerNorm which) const {
        return norms[static_cast<std::size_t>(which)];
    }
};

/// A complete model. Streams point into `storage` (a mapped file or buffers); copies share it.
struct Model {
    Architecture architecture;
    std::vector<Layer> layers;
    PackedMatrix embedding;            ///< [vocab, hidden], digit planes; also the head when tied
    std::optional<PackedMatrix> head;  ///< [vocab, hidden]; only when not tied
    std::vector<float> final_norm;
    std::optional<TokenizerData> tokenizer;
    std::map<std::string, std::string> metadata;  ///< name, licence, source, card, ...
    std::vector<std::shared_ptr<const void>> storage;

    [[nodiscard]] const PackedMatrix& output_head() const { return head ? *head : embedding; }
    /// Every matrix once: layers in order, then embedding, then an untied head.
    [[nodiscard]] std::vector<const PackedMatrix*> matrices() const;
    [[nodiscard]] std::uint64_t weight_bytes() const;
};

/// Packs w[m][k] (integers within what `planes` hold) into a matrix that `model` owns.
PackedMatrix pack_into(Model& model, std::string name, std::uint32_t m, std::uint32_t k, std::uint32_t planes,
                       float scale, std::span<const std::int8_t> w, const StreamLayout& layout);

/// A matrix of streams that are packed already; `model` keeps them alive.
PackedMatrix own_streams(Model& model, std::string name, std::uint32_t m, std::uint32_t k,
                         std::uint32_t planes, float scale, const StreamLayout& layout,
                         PackedStreams streams);

/// Brings every matrix into `layout`, for a device that wants another one than the file has. No-op when they
/// agree.
void repack(Model& model, const StreamLayout& layout);

/// The known shapes: "tiny", "2b4t-layer", "2b4t", ... Throws InputError listing them.
Architecture known_shape(const std::string& name);
/// "tiny, 2b4t-layer, 2b4t, ..."
std::string known_shape_names();

/// A model of this architecture with random weights, norms of 1 and no tokenizer. Streams are generated
/// packed: memory is the size of the streams. The same seed gives the same weights.
Model random_model(const Architecture& architecture, const std::string& name, std::uint64_t seed,
                   const StreamLayout& layout);

}  // namespace setun
