// A ternary decoder model in memory: architecture, packed weights, norms, tokenizer.
#include "host/model/model.h"

#include <fmt/format.h>

#include <array>
#include <cmath>

#include "energy_model/shape.h"
#include "hls/hls.h"
#include "host/base/error.h"
#include "rtl/setun_abi.h"

namespace setun {
namespace {

/// Keeps streams alive for as long as the model and returns views of them.
std::vector<std::span<const std::byte>> adopt(Model& model, PackedStreams streams) {
    auto owned = std::make_shared<const PackedStreams>(std::move(streams));
    model.storage.push_back(owned);
    return views(*owned);
}

PackedMatrix random_matrix(Model& model, std::string name, MatrixShape shape, std::uint32_t planes,
                           float scale, std::uint64_t seed, const StreamLayout& layout) {
    constexpr double kZeroShare = 1.0 / 3;  // training ends near equal shares of -1, 0 and +1
    PackedMatrix matrix{std::move(name), shape.m, shape.k, planes, scale, layout, {}};
    matrix.streams = adopt(model, random_streams(layout, shape.m, shape.k, planes, seed, kZeroShare));
    return matrix;
}

struct NamedShape {
    const char* name = "";
    Architecture architecture;
};

/// Sizes of a shape of the energy model; the rest is BitNet b1.58's.
Architecture architecture_of(const char* shape, std::uint32_t context, float theta) {
    const energy::ModelShape sizes = energy::find_shape(shape);
    Architecture a;
    a.hidden = static_cast<std::uint32_t>(sizes.hidden);
    a.ffn = static_cast<std::uint32_t>(sizes.ffn);
    a.layers = static_cast<std::uint32_t>(sizes.layers);
    a.heads = static_cast<std::uint32_t>(sizes.heads);
    a.kv_heads = static_cast<std::uint32_t>(sizes.kv_heads);
    a.head_dim = static_cast<std::uint32_t>(sizes.head_dim);
    a.vocab = static_cast<std::uint32_t>(sizes.vocab);
    a.context = context;
    a.rope_theta = theta;
    a.eps = 1e-5F;
    return a;
}

/// The size of the model that ships, BitNet b1.58 2B4T (arXiv 2504.12285) and one of its layers, the models
/// of the BitNet b1.58 paper (arXiv 2402.17764, with LLaMA's vocabulary) and those of Llama 2 (arXiv
/// 2307.09288; 7B and 13B have LLaMA's sizes).
const std::array<NamedShape, 9>& shapes() {
    static const std::array<NamedShape, 9> kShapes{{
        {"tiny", architecture_of("tiny", 512, 10000)},
        {"2b4t-layer", architecture_of("2b4t-layer", 4096, 500000)},
        {"2b4t", architecture_of("2b4t", 4096, 500000)},
        {"700m", architecture_of("b158-700m", 2048, 10000)},
        {"1.3b", architecture_of("b158-1.3b", 2048, 10000)},
        {"3b", architecture_of("b158-3b", 2048, 10000)},
        {"7b", architecture_of("llama-7b", 4096, 10000)},
        {"13b", architecture_of("llama-13b", 4096, 10000)},
        {"70b", architecture_of("llama2-70b", 4096, 10000)},
    }};
    return kShapes;
}

}  // namespace

void check_architecture(const Architecture& a, const std::string& where) {
    const auto require = [&](bool ok, const std::string& problem) {
        if (!ok) {
            throw InputError(fmt::format("{}: {}", where, problem));
        }
    };
    const auto sized = [&](const char* field, std::uint64_t value, std::uint64_t limit) {
        require(value >= 1 && value <= limit,
                fmt::format("field '{}' is {}; the kernel supports 1 to {}", field, value, limit));
    };
    sized("hidden size", a.hidden, SETUN_MAX_K);
    sized("ffn size", a.ffn, SETUN_MAX_K);
    sized("layers", a.layers, 4096);
    sized("heads", a.heads, SETUN_MAX_K);
    sized("kv heads", a.kv_heads, a.heads);
    sized("head dimension", a.head_dim, hls::kMaxHeadDim);
    sized("vocabulary", a.vocab, SETUN_MAX_M);
    sized("context", a.context, hls::kMaxPositions);
    require(a.heads % a.kv_heads == 0,
            fmt::format("{} heads cannot share {} kv heads evenly", a.heads, a.kv_heads));
    require(a.head_dim % 2 == 0,
            fmt::format("head dimension {} is odd; rotary embedding needs pairs", a.head_dim));
    sized("heads * head dimension", std::uint64_t{a.heads} * a.head_dim, SETUN_MAX_K);
    require(!a.bos || *a.bos < a.vocab,
            fmt::format("field 'bos' is {}; the vocabulary has {} tokens", a.bos.value_or(0), a.vocab));
}

const char* layer_matrix_name(LayerMatrix which) {
    constexpr std::array<const char*, kLayerMatrices> kNames{"q", "k", "v", "o", "gate", "up", "down"};
    return kNames[static_cast<std::size_t>(which)];
}

MatrixShape layer_matrix_shape(const Architecture& a, LayerMatrix which) {
    switch (which) {
        case LayerMatrix::kQ:
            return {a.q_rows(), a.hidden};
        case LayerMatrix::kK:
        case LayerMatrix::kV:
            return {a.kv_rows(), a.hidden};
        case LayerMatrix::kO:
            return {a.hidden, a.q_rows()};
        case LayerMatrix::kDown:
            return {a.hidden, a.ffn};
        default:
            return {a.ffn, a.hidden};
    }
}

const char* layer_norm_name(LayerNorm which) {
    constexpr std::array<const char*, kLayerNorms> kNames{"input_norm", "attn_sub_norm",
                                                          "post_attention_norm", "ffn_sub_norm"};
    return kNames[static_cast<std::size_t>(which)];
}

std::uint32_t layer_norm_size(const Architecture& a, LayerNorm which) {
    switch (which) {
        case LayerNorm::kAttentionSub:
            return a.sub_norms ? a.q_rows() : 0;
        case LayerNorm::kFfnSub:
            return a.sub_norms ? a.ffn : 0;
        default:
            return a.hidden;
    }
}

std::vector<const PackedMatrix*> Model::matrices() const {
    std::vector<const PackedMatrix*> all;
    for (const Layer& layer : layers) {
        for (const PackedMatrix& matrix : layer.matrices) {
            all.push_back(&matrix);
        }
    }
    all.push_back(&embedding);
    if (head) {
        all.push_back(&*head);
    }
    return all;
}

std::uint64_t Model::weight_bytes() const {
    std::uint64_t bytes = 0;
    for (const PackedMatrix* matrix : matrices()) {
        bytes += matrix->bytes();
    }
    return bytes;
}

PackedMatrix pack_into(Model& model, std::string name, std::uint32_t m, std::uint32_t k, std::uint32_t planes,
                       float scale, std::span<const std::int8_t> w, const StreamLayout& layout) {
    PackedMatrix matrix{std::move(name), m, k, planes, scale, layout, {}};
    matrix.streams = adopt(model, pack_matrix(layout, m, k, planes, w));
    return matrix;
}

PackedMatrix own_streams(Model& model, std::string name, std::uint32_t m, std::uint32_t k,
                         std::uint32_t planes, float scale, const StreamLayout& layout,
                         PackedStreams streams) {
    PackedMatrix matrix{std::move(name), m, k, planes, scale, layout, {}};
    matrix.streams = adopt(model, std::move(streams));
    return matrix;
}

void repack(Model& model, const StreamLayout& layout) {
    if (model.embedding.layout == layout) {
        return;
    }
    Model packed = model;
    packed.storage.clear();
    const auto convert = [&](PackedMatrix& matrix) {
        matrix.streams =
            adopt(packed, repack(matrix.layout, layout, matrix.m, matrix.k, matrix.planes, matrix.streams));
        matrix.layout = layout;
    };
    for (Layer& layer : packed.layers) {
        for (PackedMatrix& matrix : layer.matrices) {
            convert(matrix);
        }
    }
    convert(packed.embedding);
    if (packed.head) {
        convert(*packed.head);
    }
    model = std::move(packed);
}

std::string known_shape_names() {
    std::string names;
    for (const NamedShape& shape : shapes()) {
        names += names.empty() ? shape.name : std::string(", ") + shape.name;
    }
    return names;
}

Architecture known_shape(const std::string& name) {
    for (const NamedShape& shape : shapes()) {
        if (name == shape.name) {
            return shape.architecture;
        }
    }
    throw InputError(fmt::format("unknown shape '{}'; use one of {}", name, known_shape_names()));
}

Model random_model(const Architecture& architecture, const std::string& name, std::uint64_t seed,
                   const StreamLayout& layout) {
    Model model;
    model.architecture = architecture;
    model.metadata["name"] = name + " (random weights)";
    std::uint64_t stream = seed << 20;
    for (std::uint32_t i = 0; i < architecture.layers; ++i) {
        Layer layer;
        for (std::size_t m = 0; m < kLayerMatrices; ++m) {
            const auto which = static_cast<LayerMatrix>(m);
            const MatrixShape shape = layer_matrix_shape(architecture, which);
            // Rows of variance 2/3 a weight: this factor keeps results near the size of the inputs.
            const float scale = 1 / std::sqrt(static_cast<float>(shape.k) * 2 / 3);
            layer.matrices.push_back(random_matrix(model,
                                                   fmt::format("layers.{}.{}", i, layer_matrix_name(which)),
                                                   shape, 1, scale, ++stream, layout));
        }
        for (std::size_t n = 0; n < kLayerNorms; ++n) {
            layer.norms.emplace_back(layer_norm_size(architecture, static_cast<LayerNorm>(n)), 1.0F);
        }
        model.layers.push_back(std::move(layer));
    }
    model.embedding = random_matrix(model, "embedding", {architecture.vocab, architecture.hidden},
                                    SETUN_MAX_PLANES, 1.0F / 64, ++stream, layout);
    model.final_norm.assign(architecture.hidden, 1.0F);
    return model;
}

}  // namespace setun
