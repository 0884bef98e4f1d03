// Loads a Hugging Face BitNet directory: config.json, model.safetensors, tokenizer.json.
#include "host/hf_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

#include "host/error.h"
#include "host/json_fields.h"
#include "host/safetensors.h"
#include "host/tokenizer_files.h"
#include "rtl/setun_abi.h"

namespace setun {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20;
constexpr float kHeadLevels = 121;  ///< what five balanced ternary digits hold
constexpr float kSmallestScale = 1e-5F;

/// How a U8 checkpoint means its weight_scale.
enum class ScaleConvention { kMultiply, kDivide };

std::vector<std::uint32_t> read_ids(const JsonFields& config, const char* field, std::uint32_t vocab) {
    std::vector<std::uint32_t> ids;
    if (!config.has(field)) {
        return ids;
    }
    const nlohmann::json& value = config.value().at(field);
    const auto values =
        value.is_array() ? value.get<std::vector<nlohmann::json>>() : std::vector<nlohmann::json>{value};
    for (const auto& id : values) {
        if (!id.is_number_unsigned() || id.get<std::uint64_t>() >= vocab) {
            config.fail(field, fmt::format("holds something that is not a token id below {}", vocab));
        }
        ids.push_back(id.get<std::uint32_t>());
    }
    return ids;
}

Architecture read_architecture(const JsonFields& config) {
    constexpr std::uint64_t kMaxSize = SETUN_MAX_K;
    const auto size = [&](const char* field, std::uint64_t limit) {
        return static_cast<std::uint32_t>(config.integer(field, 1, limit));
    };
    Architecture a;
    a.hidden = size("hidden_size", kMaxSize);
    a.ffn = size("intermediate_size", kMaxSize);
    a.layers = size("num_hidden_layers", 4096);
    a.heads = size("num_attention_heads", kMaxSize);
    a.kv_heads = static_cast<std::uint32_t>(config.integer_or("num_key_value_heads", 1, kMaxSize, a.heads));
    a.head_dim = static_cast<std::uint32_t>(config.integer_or("head_dim", 1, kMaxSize, a.hidden / a.heads));
    a.vocab = size("vocab_size", SETUN_MAX_M);
    a.context = size("max_position_embeddings", SETUN_MAX_M);
    a.rope_theta =
        static_cast<float>(config.has("rope_theta") ? config.number("rope_theta", 1, 1e12) : 10000.0);
    a.eps = static_cast<float>(config.number("rms_norm_eps", 1e-12, 1));
    a.tied_head = config.boolean_or("tie_word_embeddings", false);
    const std::string activation = config.text("hidden_act");
    if (activation != "relu2" && activation != "silu") {
        config.fail("hidden_act", fmt::format("is '{}'; expected relu2 or silu", activation));
    }
    a.activation = activation == "relu2" ? Activation::kRelu2 : Activation::kSilu;
    if (config.has("rope_scaling")) {
        config.fail("rope_scaling", "is set; only plain rotary embeddings are supported");
    }
    if (config.boolean_or("attention_bias", false)) {
        config.fail("attention_bias", "is true; only models without biases are supported");
    }
    const auto bos = read_ids(config, "bos_token_id", a.vocab);
    if (!bos.empty()) {
        a.bos = bos[0];
    }
    a.eos = read_ids(config, "eos_token_id", a.vocab);
    check_architecture(a, config.where());
    return a;
}

ScaleConvention read_convention(const JsonFields& config) {
    if (!config.has("quantization_config") && config.integer_or("weight_bits", 0, 64, 0) == 1) {
        return ScaleConvention::kMultiply;  // the 1bitLLM checkpoints: master weights only, no packed scales
    }
    if (!config.has("quantization_config")) {
        config.fail("quantization_config",
                    "is missing: this is a full-precision model, which has no ternary weights");
    }
    const JsonFields quantization = config.object("quantization_config");
    if (quantization.text_or("quant_method", "bitnet") != "bitnet") {
        quantization.fail("quant_method",
                          fmt::format("is '{}'; expected bitnet", quantization.text("quant_method")));
    }
    return quantization.text_or("linear_class", "bitlinear") == "autobitlinear" ? ScaleConvention::kMultiply
                                                                                : ScaleConvention::kDivide;
}

/// The tensors of one directory, read as what the model needs.
class Checkpoint {
  public:
    Checkpoint(const std::filesystem::path& file, ScaleConvention convention)
        : tensors_(SafeTensors::open(file)), convention_(convention) {}

    [[nodiscard]] bool contains(const std::string& name) const { return tensors_.contains(name); }
    [[nodiscard]] std::string label(const std::string& name) const {
        return fmt::format("{} tensor '{}'", tensors_.file_name(), name);
    }

    /// All values of a float tensor of this shape.
    [[nodiscard]] std::vector<float> floats(const std::string& name,
                                            const std::vector<std::uint64_t>& shape) const {
        const TensorView& tensor = tensors_.at(name);
        if (tensor.dtype == DType::kU8 || tensor.shape != shape) {
            throw InputError(
                fmt::format("{}: shape [{}]; expected float values of shape [{}] from config.json",
                            label(name), fmt::join(tensor.shape, ", "), fmt::join(shape, ", ")));
        }
        std::vector<float> values(tensor.elements());
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = tensor.value(i);
        }
        tensors_.forget(tensor);
        return values;
    }

    [[nodiscard]] std::vector<float> norm(const std::string& name, std::uint32_t size) const {
        auto values = floats(name, {size});
        if (!std::all_of(values.begin(), values.end(), [](float v) { return std::isfinite(v); })) {
            throw InputError(label(name) + ": holds a value that is not finite");
        }
        return values;
    }

    [[nodiscard]] TernaryMatrix linear(const std::string& name, MatrixShape shape) const {
        const TensorView& tensor = tensors_.at(name);
        if (tensor.dtype == DType::kU8) {
            return unpack(name, tensor, shape);
        }
        return ternarise(floats(name, {shape.m, shape.k}), label(name));
    }

  private:
    /// Four rows' weights a byte, a quarter of the rows apart: w[i * R + r][c] = ((P[r][c] >> 2 i) & 3) - 1.
    [[nodiscard]] TernaryMatrix unpack(const std::string& name, const TensorView& tensor,
                                       MatrixShape shape) const {
        const std::uint64_t rows = (std::uint64_t{shape.m} + 3) / 4;
        if (tensor.shape != std::vector<std::uint64_t>{rows, shape.k}) {
            throw InputError(fmt::format("{}: packed shape [{}]; expected [{}, {}] from config.json",
                                         label(name), fmt::join(tensor.shape, ", "), rows, shape.k));
        }
        TernaryMatrix matrix;
        matrix.scale = factor(name + "_scale");
        matrix.w.resize(std::size_t{shape.m} * shape.k);
        for (std::uint64_t out = 0; out < shape.m; ++out) {
            const std::uint64_t shift = 2 * (out / rows);
            const std::byte* row = tensor.bytes.data() + (out % rows) * shape.k;
            std::int8_t* w = matrix.w.data() + out * shape.k;
            for (std::uint32_t c = 0; c < shape.k; ++c) {
                const int code = (std::to_integer<int>(row[c]) >> shift) & 3;
                if (code == 3) {
                    throw InputError(fmt::format(
                        "{}: code 3 at row {} column {}; only 0, 1 and 2 are weights", label(name), out, c));
                }
                w[c] = static_cast<std::int8_t>(code - 1);
            }
        }
        tensors_.forget(tensor);
        return matrix;
    }

    [[nodiscard]] float factor(const std::string& name) const {
        const TensorView& tensor = tensors_.at(name);
        const float stored = tensor.dtype != DType::kU8 && tensor.elements() == 1 ? tensor.value(0) : 0.0F;
        const float scale = convention_ == ScaleConvention::kMultiply ? stored : 1 / stored;
        if (!(scale > 0) || !std::isfinite(scale)) {
            throw InputError(fmt::format("{}: expected one positive finite number", label(name)));
        }
        return scale;
    }

    SafeTensors tensors_;
    ScaleConvention convention_;
};

constexpr std::array<const char*, kLayerMatrices> kMatrixTensors{
    "self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj", "self_attn.o_proj",
    "mlp.gate_proj",    "mlp.up_proj",      "mlp.down_proj"};
/// Names of the norms; the second of a sub-norm is that of the 1bitLLM checkpoints.
constexpr std::array<std::array<const char*, 2>, kLayerNorms> kNormTensors{
    {{"input_layernorm", ""},
     {"self_attn.attn_sub_norm", "self_attn.inner_attn_ln"},
     {"post_attention_layernorm", ""},
     {"mlp.ffn_sub_norm", "mlp.ffn_layernorm"}}};

std::string norm_tensor(const Checkpoint& checkpoint, const std::string& prefix, std::size_t which) {
    const std::string other = prefix + kNormTensors[which][1] + ".weight";
    return checkpoint.contains(other) ? other : prefix + kNormTensors[which][0] + ".weight";
}

Layer load_layer(const Checkpoint& checkpoint, Model& model, std::uint32_t index,
                 const StreamLayout& layout) {
    const std::string prefix = fmt::format("model.layers.{}.", index);
    Layer layer;
    for (std::size_t i = 0; i < kLayerMatrices; ++i) {
        const auto which = static_cast<LayerMatrix>(i);
        const MatrixShape shape = layer_matrix_shape(model.architecture, which);
        const TernaryMatrix matrix = checkpoint.linear(prefix + kMatrixTensors[i] + ".weight", shape);
        layer.matrices.push_back(pack_into(model,
                                           fmt::format("layers.{}.{}", index, layer_matrix_name(which)),
                                           shape.m, shape.k, 1, matrix.scale, matrix.w, layout));
    }
    for (std::size_t i = 0; i < kLayerNorms; ++i) {
        const std::uint32_t size = layer_norm_size(model.architecture, static_cast<LayerNorm>(i));
        layer.norms.push_back(size == 0 ? std::vector<float>{}
                                        : checkpoint.norm(norm_tensor(checkpoint, prefix, i), size));
    }
    return layer;
}

PackedMatrix load_planes(const Checkpoint& checkpoint, Model& model, const std::string& tensor,
                         const char* name, const StreamLayout& layout) {
    const Architecture& a = model.architecture;
    const TernaryMatrix matrix =
        to_digit_planes(checkpoint.floats(tensor, {a.vocab, a.hidden}), checkpoint.label(tensor));
    return pack_into(model, name, a.vocab, a.hidden, SETUN_MAX_PLANES, matrix.scale, matrix.w, layout);
}

void load_metadata(Model& model, const std::filesystem::path& directory, const JsonFields& config) {
    const std::string fallback = std::filesystem::absolute(directory).lexically_normal().filename().string();
    model.metadata["name"] =
        config.text_or("_name_or_path", "").empty() ? fallback : config.text("_name_or_path");
    const std::filesystem::path card = directory / "README.md";
    if (std::filesystem::is_regular_file(card)) {
        model.metadata["card"] = read_text_file(card, kMaxConfigBytes);
    }
}

void require_file(const std::filesystem::path& path) {
    if (!std::filesystem::is_regular_file(path)) {
        throw InputError(fmt::format(
            "'{}' is missing; a Hugging Face BitNet directory has config.json and model.safetensors",
            path.string()));
    }
}

}  // namespace

TernaryMatrix ternarise(std::span<const float> weights, const std::string& name) {
    double sum = 0;
    for (const float w : weights) {
        sum += std::abs(static_cast<double>(w));
    }
    const double mean =
        std::max(sum / static_cast<double>(weights.size()), static_cast<double>(kSmallestScale));
    if (!std::isfinite(sum)) {
        throw InputError(name + ": holds a value that is not finite");
    }
    TernaryMatrix result;
    result.scale = static_cast<float>(mean);
    result.w.resize(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
        // nearbyint rounds half to even in the default rounding mode; clamped first so that huge values stay
        // defined.
        const double scaled = std::clamp(static_cast<double>(weights[i]) / mean, -1.0, 1.0);
        result.w[i] = static_cast<std::int8_t>(std::nearbyint(scaled));
    }
    return result;
}

TernaryMatrix to_digit_planes(std::span<const float> weights, const std::string& name) {
    float highest = 0;
    for (const float w : weights) {
        if (!std::isfinite(w)) {
            throw InputError(name + ": holds a value that is not finite");
        }
        highest = std::max(highest, std::abs(w));
    }
    TernaryMatrix result;
    result.scale = std::max(highest / kHeadLevels, std::numeric_limits<float>::min());
    result.w.resize(weights.size());
    for (std::size_t i = 0; i < weights.size(); ++i) {
        result.w[i] = static_cast<std::int8_t>(
            std::clamp(std::nearbyint(weights[i] / result.scale), -kHeadLevels, kHeadLevels));
    }
    return result;
}

Model load_hugging_face(const std::filesystem::path& directory, const StreamLayout& layout,
                        const std::function<void(double)>& progress) {
    require_file(directory / "config.json");
    require_file(directory / "model.safetensors");
    const std::string where = (directory / "config.json").string();
    const nlohmann::json json = parse_json(read_text_file(where, kMaxConfigBytes), where);
    const JsonFields config(json, where);
    const ScaleConvention convention = read_convention(config);

    Model model;
    model.architecture = read_architecture(config);
    const Checkpoint checkpoint(directory / "model.safetensors", convention);
    model.architecture.sub_norms = checkpoint.contains("model.layers.0.self_attn.attn_sub_norm.weight") ||
                                   checkpoint.contains("model.layers.0.self_attn.inner_attn_ln.weight");
    const auto report = [&](std::uint32_t done) {
        if (progress) {
            progress(static_cast<double>(done) / (model.architecture.layers + 1));
        }
    };
    for (std::uint32_t i = 0; i < model.architecture.layers; ++i) {
        report(i);
        model.layers.push_back(load_layer(checkpoint, model, i, layout));
    }
    report(model.architecture.layers);
    model.embedding = load_planes(checkpoint, model, "model.embed_tokens.weight", "embedding", layout);
    if (!model.architecture.tied_head) {
        model.head = load_planes(checkpoint, model, "lm_head.weight", "head", layout);
    }
    model.final_norm = checkpoint.norm("model.norm.weight", model.architecture.hidden);
    model.tokenizer = read_folder_tokenizer(directory, model.architecture.vocab);
    load_metadata(model, directory, config);
    report(model.architecture.layers + 1);
    return model;
}

}  // namespace setun
