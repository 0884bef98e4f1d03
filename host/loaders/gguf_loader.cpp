// Loads a ternary model from a GGUF file.
#include "host/loaders/gguf_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstring>
#include <set>

#include "host/base/error.h"
#include "host/loaders/matrix_packing.h"
#include "host/text/tokenizer_files.h"
#include "rtl/setun_abi.h"

namespace setun {
namespace {

/// An architecture string and what it means.
struct Family {
    std::string_view name;
    Activation activation;
    bool sub_norms;
    bool paired;  ///< rows of q and k stand as pairs of rotary embedding side by side
};
constexpr std::array<Family, 4> kFamilies{{
    {"bitnet", Activation::kSilu, true, false},
    {"bitnet-25", Activation::kRelu2, true, false},
    {"bitnet-b1.58", Activation::kRelu2, true, false},
    {"llama", Activation::kSilu, false, true},
}};

constexpr std::array<const char*, kLayerMatrices> kMatrixTensors{
    "attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"};
constexpr std::array<const char*, kLayerNorms> kNormTensors{"attn_norm", "attn_sub_norm", "ffn_norm",
                                                            "ffn_sub_norm"};
constexpr const char* kEmbedding = "token_embd.weight";
constexpr const char* kHead = "output.weight";
constexpr const char* kFinalNorm = "output_norm.weight";
constexpr const char* kRopeFactors = "rope_freqs.weight";

bool is_plain_float(BlockFormat format) {
    return format == BlockFormat::kF32 || format == BlockFormat::kF16 || format == BlockFormat::kBF16;
}

/// An id of the vocabulary; nothing when the key is missing or there are no tokens.
std::optional<std::uint32_t> token_id(const GgufFile& file, const char* key,
                                      const GgufVocabulary& vocabulary) {
    if (!file.has(key) || vocabulary.tokens.empty()) {
        return std::nullopt;
    }
    return static_cast<std::uint32_t>(file.integer(key, 0, vocabulary.tokens.size() - 1));
}

/// The token that ends a chat turn: what the file says, or the control token that 2B4T has for it and no key
/// names.
std::optional<std::uint32_t> end_of_turn(const GgufFile& file, const GgufVocabulary& vocabulary) {
    constexpr int kControl = 3;
    if (const auto id = token_id(file, "tokenizer.ggml.eot_token_id", vocabulary)) {
        return id;
    }
    for (std::size_t i = 0; i < vocabulary.types.size(); ++i) {
        if (vocabulary.types[i] == kControl && vocabulary.tokens[i] == "<|eot_id|>") {
            return static_cast<std::uint32_t>(i);
        }
    }
    return std::nullopt;
}

/// One file while it is loaded.
class Loader {
  public:
    Loader(MappedFile file, const StreamLayout& layout)
        : file_(GgufFile::open(std::move(file))), layout_(layout) {}

    Model load(const std::function<void(double)>& progress);

  private:
    enum class Use { kLinear, kFloats };

    [[nodiscard]] std::string key(const char* name) const {
        return fmt::format("{}.{}", family_->name, name);
    }
    [[nodiscard]] std::string label(const std::string& tensor) const {
        return fmt::format("{} tensor '{}'", file_.file_name(), tensor);
    }
    void read_family();
    void read_architecture();
    void check_rope();
    void refuse_unknown_tensors() const;
    void read_tokenizer(const GgufVocabulary& vocabulary);
    void read_metadata();
    [[nodiscard]] const GgufTensor& at(const std::string& tensor) const;
    [[nodiscard]] TensorRows rows(const std::string& tensor, MatrixShape shape, Use use) const;
    [[nodiscard]] TensorRows linear_rows(std::uint32_t layer, LayerMatrix which) const;
    [[nodiscard]] std::vector<float> vector(const std::string& tensor, std::uint32_t size) const;
    [[nodiscard]] float factor(std::uint32_t layer, LayerMatrix which) const;
    [[nodiscard]] bool same_bytes(const std::string& one, const std::string& other) const;
    PackedMatrix load_linear(std::uint32_t layer, LayerMatrix which);
    Layer load_layer(std::uint32_t index);

    GgufFile file_;
    StreamLayout layout_;
    const Family* family_ = nullptr;
    Model model_;
};

void Loader::read_family() {
    const std::string_view name = file_.text("general.architecture");
    const auto* const found = std::find_if(kFamilies.begin(), kFamilies.end(),
                                           [name](const Family& family) { return family.name == name; });
    if (found == kFamilies.end()) {
        file_.fail("general.architecture",
                   fmt::format("is '{}'; supported: bitnet, bitnet-25, bitnet-b1.58, llama", name));
    }
    family_ = found;
    if (file_.integer_or("split.count", 0, 65535, 0) > 1) {
        file_.fail("split.count", "is above 1; only models in one file are supported: merge the parts first");
    }
}

void Loader::read_architecture() {
    const auto size = [&](const char* name, std::uint64_t limit) {
        return static_cast<std::uint32_t>(file_.integer(key(name), 1, limit));
    };
    Architecture& a = model_.architecture;
    a.hidden = size("embedding_length", SETUN_MAX_K);
    a.ffn = size("feed_forward_length", SETUN_MAX_K);
    a.layers = size("block_count", 4096);
    a.heads = size("attention.head_count", SETUN_MAX_K);
    a.kv_heads =
        static_cast<std::uint32_t>(file_.integer_or(key("attention.head_count_kv"), 1, SETUN_MAX_K, a.heads));
    a.context = size("context_length", SETUN_MAX_M);
    a.eps = static_cast<float>(file_.number(key("attention.layer_norm_rms_epsilon"), 1e-12, 1));
    const bool has_dim = file_.has(key("attention.key_length"));
    if (!has_dim && a.hidden % a.heads != 0) {
        file_.fail(key("attention.head_count"),
                   fmt::format("is {}, which does not divide the embedding length {}", a.heads, a.hidden));
    }
    a.head_dim = has_dim ? size("attention.key_length", SETUN_MAX_K) : a.hidden / a.heads;
    if (file_.integer_or(key("attention.value_length"), 1, SETUN_MAX_K, a.head_dim) != a.head_dim) {
        file_.fail(key("attention.value_length"), fmt::format("differs from the key length {}", a.head_dim));
    }
    a.activation = family_->activation;
    a.sub_norms = family_->sub_norms;
    const GgufTensor& embedding = at(kEmbedding);
    if (embedding.extents.size() < 2 || embedding.extents[1] > SETUN_MAX_M) {
        throw InputError(fmt::format("{}: shape [{}]; expected [{}, vocabulary up to {}]", label(kEmbedding),
                                     fmt::join(embedding.extents, ", "), a.hidden, SETUN_MAX_M));
    }
    a.vocab = static_cast<std::uint32_t>(embedding.extents[1]);
    if (file_.integer_or(key("vocab_size"), 1, SETUN_MAX_M, a.vocab) != a.vocab) {
        file_.fail(key("vocab_size"), fmt::format("differs from the {} rows of {}", a.vocab, kEmbedding));
    }
    if (file_.integer_or(key("expert_count"), 0, 65535, 0) > 0) {
        file_.fail(key("expert_count"), "is above 0; mixtures of experts are not supported");
    }
    for (const char* name : {"embedding_scale", "residual_scale", "logit_scale", "attention.scale"}) {
        if (file_.has(key(name)) && file_.number(key(name), -1e30, 1e30) != 1) {
            file_.fail(key(name), "is not 1; models with further factors are not supported");
        }
    }
    check_rope();
}

void Loader::check_rope() {
    Architecture& a = model_.architecture;
    a.rope_theta = static_cast<float>(
        file_.has(key("rope.freq_base")) ? file_.number(key("rope.freq_base"), 1, 1e12) : 10000.0);
    if (file_.integer_or(key("rope.dimension_count"), 1, SETUN_MAX_K, a.head_dim) != a.head_dim) {
        file_.fail(key("rope.dimension_count"),
                   fmt::format("differs from the head dimension {}; only rotary embedding of whole heads is "
                               "supported",
                               a.head_dim));
    }
    const std::string_view scaling = file_.text_or(key("rope.scaling.type"), "none");
    if (scaling != "none") {
        file_.fail(key("rope.scaling.type"),
                   fmt::format("is '{}'; only plain rotary embedding ('none') is supported", scaling));
    }
    for (const char* name : {"rope.scaling.factor", "rope.scale_linear"}) {
        if (file_.has(key(name)) && file_.number(key(name), 0, 1e30) != 1) {
            file_.fail(key(name), "is not 1; only plain rotary embedding is supported");
        }
    }
    if (file_.tensors().contains(kRopeFactors)) {
        const auto factors = vector(kRopeFactors, a.head_dim / 2);
        if (!std::all_of(factors.begin(), factors.end(), [](float f) { return f == 1; })) {
            throw InputError(label(kRopeFactors) +
                             ": factors other than 1 (Llama 3 rope scaling); only plain rotary embedding is "
                             "supported");
        }
    }
}

/// A tensor that nothing here uses (a bias, a further norm) would silently change the model.
void Loader::refuse_unknown_tensors() const {
    std::set<std::string> known{kEmbedding, kHead, kFinalNorm, kRopeFactors};
    for (std::uint32_t i = 0; i < model_.architecture.layers; ++i) {
        for (const char* matrix : kMatrixTensors) {
            known.insert(fmt::format("blk.{}.{}.weight", i, matrix));
            known.insert(fmt::format("blk.{}.{}.scale", i, matrix));
        }
        for (std::size_t n = 0; n < kLayerNorms; ++n) {
            if (layer_norm_size(model_.architecture, static_cast<LayerNorm>(n)) != 0) {
                known.insert(fmt::format("blk.{}.{}.weight", i, kNormTensors[n]));
            }
        }
    }
    for (const auto& [name, tensor] : file_.tensors()) {
        if (!known.contains(name)) {
            throw InputError(
                fmt::format("{}: has no place in architecture '{}' with {} layers; biases and "
                            "further norms are not supported",
                            label(name), family_->name, model_.architecture.layers));
        }
    }
}

const GgufTensor& Loader::at(const std::string& tensor) const {
    const auto found = file_.tensors().find(tensor);
    if (found == file_.tensors().end()) {
        throw InputError(fmt::format("{}: tensor '{}' is missing", file_.file_name(), tensor));
    }
    return found->second;
}

TensorRows Loader::rows(const std::string& tensor, MatrixShape shape, Use use) const {
    const GgufTensor& found = at(tensor);
    std::vector<std::uint64_t> extents = found.extents;
    while (extents.size() > 2 && extents.back() == 1) {
        extents.pop_back();
    }
    if (extents.size() == 1 && shape.m == 1) {
        extents.push_back(1);
    }
    if (extents != std::vector<std::uint64_t>{shape.k, shape.m}) {
        throw InputError(fmt::format("{}: shape [{}]; expected [{}, {}] from the metadata", label(tensor),
                                     fmt::join(found.extents, ", "), shape.k, shape.m));
    }
    const bool linear = use == Use::kLinear;
    const bool usable =
        found.format && (is_ternary(*found.format) == linear || is_plain_float(*found.format));
    if (!usable) {
        throw InputError(fmt::format("{}: type {}; supported here: {}", label(tensor),
                                     gguf_type_name(found.type),
                                     linear ? "TQ1_0, TQ2_0, I2_S, and F32, F16, BF16 of ternary values"
                                            : "F32, F16, BF16, Q8_0, Q6_K, Q4_K, Q4_0"));
    }
    return {label(tensor), shape, *found.format, found.bytes, file_.file().get(), 0};
}

TensorRows Loader::linear_rows(std::uint32_t layer, LayerMatrix which) const {
    TensorRows tensor =
        rows(fmt::format("blk.{}.{}.weight", layer, kMatrixTensors[static_cast<std::size_t>(which)]),
             layer_matrix_shape(model_.architecture, which), Use::kLinear);
    if (family_->paired && (which == LayerMatrix::kQ || which == LayerMatrix::kK)) {
        tensor.paired_head = model_.architecture.head_dim;
    }
    return tensor;
}

std::vector<float> Loader::vector(const std::string& tensor, std::uint32_t size) const {
    std::vector<float> values(size);
    read_row(rows(tensor, {1, size}, Use::kFloats), 0, values);
    return values;
}

/// The optional tensor "NAME.scale", which multiplies the result.
float Loader::factor(std::uint32_t layer, LayerMatrix which) const {
    const std::string name =
        fmt::format("blk.{}.{}.scale", layer, kMatrixTensors[static_cast<std::size_t>(which)]);
    if (!file_.tensors().contains(name)) {
        return 1;
    }
    const float value = vector(name, 1)[0];
    if (!(value > 0)) {
        throw InputError(fmt::format("{}: holds {}; expected a positive number", label(name), value));
    }
    return value;
}

PackedMatrix Loader::load_linear(std::uint32_t layer, LayerMatrix which) {
    const TensorRows tensor = linear_rows(layer, which);
    const std::string name = fmt::format("layers.{}.{}", layer, layer_matrix_name(which));
    const float times = factor(layer, which);
    if (is_ternary(tensor.format)) {
        return pack_ternary_blocks(model_, name, tensor, times, layout_);
    }
    return pack_exact_ternary(model_, name, tensor, times, layout_);
}

Layer Loader::load_layer(std::uint32_t index) {
    Layer layer;
    for (std::size_t i = 0; i < kLayerMatrices; ++i) {
        layer.matrices.push_back(load_linear(index, static_cast<LayerMatrix>(i)));
    }
    for (std::size_t i = 0; i < kLayerNorms; ++i) {
        const std::uint32_t size = layer_norm_size(model_.architecture, static_cast<LayerNorm>(i));
        layer.norms.push_back(size == 0
                                  ? std::vector<float>{}
                                  : vector(fmt::format("blk.{}.{}.weight", index, kNormTensors[i]), size));
    }
    return layer;
}

/// Compares two tensors without keeping their pages.
bool Loader::same_bytes(const std::string& one, const std::string& other) const {
    constexpr std::size_t kWindow = std::size_t{16} << 20;
    const GgufTensor& a = at(one);
    const GgufTensor& b = at(other);
    if (a.type != b.type || a.extents != b.extents) {
        return false;
    }
    const auto* const base = file_.file()->bytes().data();
    for (std::size_t i = 0; i < a.bytes.size(); i += kWindow) {
        const std::size_t size = std::min(kWindow, a.bytes.size() - i);
        const bool same = std::memcmp(a.bytes.data() + i, b.bytes.data() + i, size) == 0;
        file_.file()->forget(static_cast<std::size_t>(a.bytes.data() - base) + i, size);
        file_.file()->forget(static_cast<std::size_t>(b.bytes.data() - base) + i, size);
        if (!same) {
            return false;
        }
    }
    return true;
}

void Loader::read_tokenizer(const GgufVocabulary& vocabulary) {
    Architecture& a = model_.architecture;
    if (vocabulary.tokens.size() > a.vocab) {
        file_.fail("tokenizer.ggml.tokens", fmt::format("has {} entries; {} has {} rows",
                                                        vocabulary.tokens.size(), kEmbedding, a.vocab));
    }
    if (vocabulary.add_bos) {
        a.bos = vocabulary.bos;
    }
    for (const auto& id : {vocabulary.eos, end_of_turn(file_, vocabulary)}) {
        if (id && std::find(a.eos.begin(), a.eos.end(), *id) == a.eos.end()) {
            a.eos.push_back(*id);
        }
    }
    try {
        model_.tokenizer = read_gguf_vocabulary(vocabulary, file_.file_name());
    } catch (const InputError& error) {
        model_.metadata["no_tokenizer"] = error.what();
        return;
    }
    check_tokenizer_fits(*model_.tokenizer, a.vocab, file_.file_name());
}

void Loader::read_metadata() {
    constexpr std::array<std::array<const char*, 2>, 3> kKeys{
        {{"name", "general.name"}, {"licence", "general.license"}, {"source", "general.source.url"}}};
    for (const auto& [ours, theirs] : kKeys) {
        const std::string_view text = file_.text_or(theirs, "");
        if (!text.empty()) {
            model_.metadata[ours] = one_line(std::string(text));
        }
    }
    if (!model_.metadata.contains("name")) {
        model_.metadata["name"] = file_.file()->path().stem().string();
    }
    model_.metadata["format"] = fmt::format("GGUF, architecture {}, {} linear layers", family_->name,
                                            block_format_name(linear_rows(0, LayerMatrix::kQ).format));
}

Model Loader::load(const std::function<void(double)>& progress) {
    read_family();
    read_architecture();
    Architecture& a = model_.architecture;
    a.tied_head = !file_.tensors().contains(kHead) || same_bytes(kHead, kEmbedding);
    check_architecture(a, file_.file_name());
    refuse_unknown_tensors();
    for (std::uint32_t i = 0; i < a.layers; ++i) {  // everything is there before the long work begins
        for (std::size_t m = 0; m < kLayerMatrices; ++m) {
            static_cast<void>(linear_rows(i, static_cast<LayerMatrix>(m)));
        }
    }
    const TensorRows embedding = rows(kEmbedding, {a.vocab, a.hidden}, Use::kFloats);
    const TensorRows head = rows(a.tied_head ? kEmbedding : kHead, {a.vocab, a.hidden}, Use::kFloats);
    read_tokenizer(read_vocabulary(file_));
    read_metadata();
    const auto report = [&](std::uint32_t done) {
        if (progress) {
            progress(static_cast<double>(done) / (a.layers + 1));
        }
    };
    for (std::uint32_t i = 0; i < a.layers; ++i) {
        report(i);
        model_.layers.push_back(load_layer(i));
    }
    report(a.layers);
    model_.embedding = pack_digit_planes(model_, "embedding", embedding, layout_);
    if (!a.tied_head) {
        model_.head = pack_digit_planes(model_, "head", head, layout_);
    }
    model_.final_norm = vector(kFinalNorm, a.hidden);
    report(a.layers + 1);
    return std::move(model_);
}

}  // namespace

GgufVocabulary read_vocabulary(const GgufFile& file) {
    GgufVocabulary v;
    v.model = file.text_or("tokenizer.ggml.model", "");
    v.pre = file.text_or("tokenizer.ggml.pre", "");
    v.chat_template = file.text_or("tokenizer.chat_template", "");
    for (const std::string_view token : file.texts("tokenizer.ggml.tokens")) {
        v.tokens.emplace_back(token);
    }
    for (const std::string_view merge : file.texts("tokenizer.ggml.merges")) {
        v.merges.emplace_back(merge);
    }
    for (const double score : file.numbers("tokenizer.ggml.scores")) {
        v.scores.push_back(static_cast<float>(score));
    }
    for (const std::int64_t type : file.integers("tokenizer.ggml.token_type")) {
        if (type < 0 || type > 6) {
            file.fail("tokenizer.ggml.token_type", fmt::format("holds {}; expected 1 to 6", type));
        }
        v.types.push_back(static_cast<int>(type));
    }
    const auto check_length = [&](const char* key, std::size_t length) {
        if (length != 0 && length != v.tokens.size()) {
            file.fail(key, fmt::format("has {} entries; there are {} tokens", length, v.tokens.size()));
        }
    };
    check_length("tokenizer.ggml.scores", v.scores.size());
    check_length("tokenizer.ggml.token_type", v.types.size());
    v.bos = token_id(file, "tokenizer.ggml.bos_token_id", v);
    v.eos = token_id(file, "tokenizer.ggml.eos_token_id", v);
    v.unk = token_id(file, "tokenizer.ggml.unknown_token_id", v);
    v.add_bos = file.boolean_or("tokenizer.ggml.add_bos_token", gguf_begins_with_bos(v));
    return v;
}

Model load_gguf(MappedFile file, const StreamLayout& layout, const std::function<void(double)>& progress) {
    return Loader(std::move(file), layout).load(progress);
}

}  // namespace setun
