// Loads a Hugging Face BitNet directory: config.json, safetensors (one file or shards), tokenizer.json.
#include "host/loaders/hf_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <set>

#include "host/base/error.h"
#include "host/base/json_fields.h"
#include "host/loaders/matrix_packing.h"
#include "host/loaders/safetensors.h"
#include "host/text/tokenizer_files.h"
#include "rtl/setun_abi.h"

namespace setun {
namespace {

namespace fs = std::filesystem;

constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20;

nlohmann::json parse_file(const FileFolder& folder, const char* name) {
    return parse_json(text_of(folder.open(name), kMaxConfigBytes), folder.where(name));
}

/// What config.json says about the linear layers.
struct Quantisation {
    bool multiply = false;  ///< weight_scale of U8 weights is a factor, not a divisor
    bool masters = false;   ///< float weights are master weights, ternarised when they are loaded
};

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

/// "rope_scaling" of older and "rope_parameters" of newer files; only plain rotary embedding is computed.
float read_rope(const JsonFields& config) {
    double theta = config.has("rope_theta") ? config.number("rope_theta", 1, 1e12) : 10000.0;
    for (const char* field : {"rope_scaling", "rope_parameters"}) {
        if (!config.has(field)) {
            continue;
        }
        const JsonFields rope = config.object(field);
        const std::string type = rope.text_or("rope_type", rope.text_or("type", "(none)"));
        if (type != "default") {
            config.fail(
                field,
                fmt::format("is of type '{}'; only plain rotary embedding ('default') is supported", type));
        }
        if (rope.has("rope_theta")) {
            theta = rope.number("rope_theta", 1, 1e12);
        }
    }
    if (config.has("partial_rotary_factor") && config.number("partial_rotary_factor", 0, 1) != 1) {
        config.fail("partial_rotary_factor", "is below 1; only rotary embedding of whole heads is supported");
    }
    return static_cast<float>(theta);
}

std::uint32_t read_head_dim(const JsonFields& config, const Architecture& a) {
    if (config.has("head_dim")) {
        return static_cast<std::uint32_t>(config.integer("head_dim", 1, SETUN_MAX_K));
    }
    if (a.hidden % a.heads != 0) {
        config.fail("num_attention_heads",
                    fmt::format("is {}, which does not divide hidden_size {}; head_dim must "
                                "be given",
                                a.heads, a.hidden));
    }
    return a.hidden / a.heads;
}

void check_family(const JsonFields& config) {
    const std::string type = config.text_or("model_type", "bitnet");
    if (type != "bitnet" && type != "llama") {
        config.fail("model_type", fmt::format("is '{}'; supported: bitnet, llama", type));
    }
    for (const char* field : {"attention_bias", "mlp_bias"}) {
        if (config.boolean_or(field, false)) {
            config.fail(field, "is true; only models without biases are supported");
        }
    }
}

Architecture read_architecture(const JsonFields& config) {
    constexpr std::uint64_t kMaxSize = SETUN_MAX_K;
    const auto size = [&](const char* field, std::uint64_t limit) {
        return static_cast<std::uint32_t>(config.integer(field, 1, limit));
    };
    check_family(config);
    Architecture a;
    a.hidden = size("hidden_size", kMaxSize);
    a.ffn = size("intermediate_size", kMaxSize);
    a.layers = size("num_hidden_layers", 4096);
    a.heads = size("num_attention_heads", kMaxSize);
    a.kv_heads = static_cast<std::uint32_t>(config.integer_or("num_key_value_heads", 1, kMaxSize, a.heads));
    a.head_dim = read_head_dim(config, a);
    a.vocab = size("vocab_size", SETUN_MAX_M);
    a.context = size("max_position_embeddings", SETUN_MAX_M);
    a.rope_theta = read_rope(config);
    a.eps = static_cast<float>(config.number("rms_norm_eps", 1e-12, 1));
    a.tied_head = config.boolean_or("tie_word_embeddings", false);
    const std::string activation = config.text("hidden_act");
    if (activation != "relu2" && activation != "silu") {
        config.fail("hidden_act", fmt::format("is '{}'; expected relu2 or silu", activation));
    }
    a.activation = activation == "relu2" ? Activation::kRelu2 : Activation::kSilu;
    const auto bos = read_ids(config, "bos_token_id", a.vocab);
    if (!bos.empty()) {
        a.bos = bos[0];
    }
    a.eos = read_ids(config, "eos_token_id", a.vocab);
    check_architecture(a, config.where());
    return a;
}

Quantisation read_quantisation(const JsonFields& config) {
    if (!config.has("quantization_config") && config.integer_or("weight_bits", 0, 64, 0) == 1) {
        if (config.integer_or("input_bits", 0, 64, 8) != 8) {
            config.fail("input_bits", "is not 8; only 8-bit activations are supported");
        }
        return {true, true};  // the 1bitLLM checkpoints: master weights only, no packed scales
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
    const std::string linear = quantization.text_or("linear_class", "bitlinear");
    if (linear != "bitlinear" && linear != "autobitlinear") {
        quantization.fail("linear_class",
                          fmt::format("is '{}'; expected bitlinear or autobitlinear", linear));
    }
    const std::string mode = quantization.text_or("quantization_mode", "offline");
    if (mode != "offline" && mode != "online") {
        quantization.fail("quantization_mode", fmt::format("is '{}'; expected offline or online", mode));
    }
    if (quantization.boolean_or("use_rms_norm", false)) {
        quantization.fail("use_rms_norm", "is true; norms inside linear layers are not supported");
    }
    const bool multiply = linear == "autobitlinear";
    return {multiply, multiply && mode == "online"};
}

/// One tensor and the file that holds it.
struct Found {
    const SafeTensors* file = nullptr;
    const TensorView* tensor = nullptr;
};

/// The tensors of one directory, read as what the model needs.
class Checkpoint {
  public:
    Checkpoint(const FileFolder& folder, Quantisation quantisation);

    [[nodiscard]] bool contains(const std::string& name) const { return tensors_.contains(name); }
    [[nodiscard]] const std::map<std::string, Found>& tensors() const { return tensors_; }
    /// A float tensor of this shape, not yet read.
    [[nodiscard]] TensorRows rows(const std::string& name, MatrixShape shape) const;
    [[nodiscard]] std::vector<float> norm(const std::string& name, std::uint32_t size) const;
    /// Packs a linear layer, U8 or master weights.
    PackedMatrix linear(Model& model, const std::string& tensor, const std::string& name, MatrixShape shape,
                        const StreamLayout& layout) const;

  private:
    void add_file(MappedFile file);
    void check_index(const JsonFields& map, const FileFolder& folder);
    [[nodiscard]] Found at(const std::string& name) const;
    [[nodiscard]] std::string label(const std::string& name) const {
        return fmt::format("{} tensor '{}'", at(name).file->file_name(), name);
    }
    PackedMatrix unpack(Model& model, const std::string& tensor, const std::string& name, MatrixShape shape,
                        const StreamLayout& layout) const;
    [[nodiscard]] float factor(const std::string& name) const;

    std::string directory_;
    std::vector<std::unique_ptr<const SafeTensors>> files_;
    std::map<std::string, Found> tensors_;
    Quantisation quantisation_;
};

Checkpoint::Checkpoint(const FileFolder& folder, Quantisation quantisation)
    : directory_(folder.path().string()), quantisation_(quantisation) {
    constexpr const char* kIndex = "model.safetensors.index.json";
    if (folder.contains("model.safetensors")) {
        add_file(folder.open("model.safetensors"));
    } else if (folder.contains(kIndex)) {
        const nlohmann::json json = parse_file(folder, kIndex);
        check_index(JsonFields(json, folder.where(kIndex)).object("weight_map"), folder);
    } else {
        throw InputError(
            fmt::format("'{}' is missing; a Hugging Face BitNet directory has config.json and "
                        "model.safetensors or model.safetensors.index.json",
                        folder.where("model.safetensors")));
    }
}

void Checkpoint::add_file(MappedFile file) {
    files_.push_back(std::make_unique<const SafeTensors>(SafeTensors::open(std::move(file))));
    for (const auto& [name, tensor] : files_.back()->tensors()) {
        if (!tensors_.emplace(name, Found{files_.back().get(), &tensor}).second) {
            throw InputError(
                fmt::format("{}: tensor '{}' is also in another shard", files_.back()->file_name(), name));
        }
    }
}

void Checkpoint::check_index(const JsonFields& map, const FileFolder& folder) {
    std::set<std::string> shards;
    for (const auto& [name, value] : map.value().items()) {
        const std::string shard = map.text(name.c_str());
        if (shard.empty() || fs::path(shard).filename() != shard || shard == "..") {
            throw InputError(
                fmt::format("{}: shard '{}' is not the name of a file in the directory", map.where(), shard));
        }
        shards.insert(shard);
    }
    for (const std::string& shard : shards) {
        add_file(folder.open(shard));
    }
    for (const auto& [name, value] : map.value().items()) {
        const auto found = tensors_.find(name);
        const std::string expected = folder.where(map.text(name.c_str()));
        if (found == tensors_.end() || found->second.file->file_name() != expected) {
            throw InputError(fmt::format("{}: tensor '{}' is not in '{}'; download the shards again",
                                         map.where(), name, expected));
        }
    }
}

Found Checkpoint::at(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
        throw InputError(fmt::format("{}: tensor '{}' is missing", directory_, name));
    }
    return found->second;
}

TensorRows Checkpoint::rows(const std::string& name, MatrixShape shape) const {
    const auto [file, tensor] = at(name);
    std::vector<std::uint64_t> wanted{shape.m, shape.k};
    if (shape.m == 1 && tensor->shape.size() == 1) {
        wanted = {shape.k};  // norms
    }
    if (!tensor->format || tensor->shape != wanted) {
        throw InputError(
            fmt::format("{}: {} of shape [{}]; expected F32, F16 or BF16 of shape [{}] from config.json",
                        label(name), tensor->dtype, fmt::join(tensor->shape, ", "), fmt::join(wanted, ", ")));
    }
    return {label(name), shape, *tensor->format, tensor->bytes, &file->file(), 0};
}

std::vector<float> Checkpoint::norm(const std::string& name, std::uint32_t size) const {
    std::vector<float> values(size);
    read_row(rows(name, {1, size}), 0, values);
    return values;
}

PackedMatrix Checkpoint::linear(Model& model, const std::string& tensor, const std::string& name,
                                MatrixShape shape, const StreamLayout& layout) const {
    if (at(tensor).tensor->is_bytes()) {
        return unpack(model, tensor, name, shape, layout);
    }
    const TensorRows masters = rows(tensor, shape);
    if (!quantisation_.masters) {
        throw InputError(
            fmt::format("{}: {} weights, and config.json does not say that the model ternarises them "
                        "(linear_class autobitlinear with quantization_mode online, or weight_bits "
                        "1); expected U8 with a weight_scale",
                        label(tensor), block_format_name(masters.format)));
    }
    return pack_ternarised(model, name, masters, layout);
}

/// Four rows' weights a byte, a quarter of the rows apart: w[i * R + r][c] = ((P[r][c] >> 2 i) & 3) - 1.
PackedMatrix Checkpoint::unpack(Model& model, const std::string& tensor, const std::string& name,
                                MatrixShape shape, const StreamLayout& layout) const {
    const auto [file, view] = at(tensor);
    const std::uint32_t packed_rows = (shape.m + 3) / 4;
    if (view->shape != std::vector<std::uint64_t>{packed_rows, shape.k}) {
        throw InputError(fmt::format("{}: packed shape [{}]; expected [{}, {}] from config.json",
                                     label(tensor), fmt::join(view->shape, ", "), packed_rows, shape.k));
    }
    const auto source = [&, bytes = view->bytes](std::uint32_t out, std::span<std::int8_t> w) {
        const unsigned shift = 2 * (out / packed_rows);
        const auto row = bytes.subspan(std::size_t{out % packed_rows} * shape.k, shape.k);
        int both = 0;
        for (std::size_t c = 0; c < w.size(); ++c) {
            const int code = (std::to_integer<int>(row[c]) >> shift) & 3;
            both |= code & (code >> 1);
            w[c] = static_cast<std::int8_t>(code - 1);
        }
        if (both != 0) {
            const auto bad = std::find(w.begin(), w.end(), std::int8_t{2}) - w.begin();
            throw InputError(fmt::format("{}: code 3 at row {} column {}; only 0, 1 and 2 are weights",
                                         label(tensor), out, bad));
        }
    };
    PackedMatrix matrix = pack_rows(model, name, shape, 1, factor(tensor + "_scale"), layout, source);
    const auto begin = static_cast<std::size_t>(view->bytes.data() - file->file().bytes().data());
    file->file().forget(begin, view->bytes.size());
    return matrix;
}

float Checkpoint::factor(const std::string& name) const {
    const auto [file, tensor] = at(name);
    float stored = 0;
    if (tensor->format && tensor->elements() == 1) {
        decode_floats(*tensor->format, tensor->bytes, {&stored, 1});
    }
    const float scale = quantisation_.multiply ? stored : 1 / stored;
    if (!(scale > 0) || !std::isfinite(scale)) {
        throw InputError(fmt::format("{}: {} of shape [{}] holding {}; expected one positive finite number",
                                     label(name), tensor->dtype, fmt::join(tensor->shape, ", "), stored));
    }
    return scale;
}

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

/// A tensor that nothing here uses (a bias, a further norm, an adapter) would silently change the model.
void refuse_unknown_tensors(const Checkpoint& checkpoint, const Architecture& a) {
    std::set<std::string> known{"model.embed_tokens.weight", "model.norm.weight", "lm_head.weight"};
    for (std::uint32_t i = 0; i < a.layers; ++i) {
        const std::string prefix = fmt::format("model.layers.{}.", i);
        for (const char* matrix : kMatrixTensors) {
            known.insert(prefix + matrix + ".weight");
            known.insert(prefix + matrix + ".weight_scale");
        }
        for (const auto& names : kNormTensors) {
            known.insert(prefix + names[0] + ".weight");
            known.insert(prefix + names[1] + ".weight");
        }
        known.insert(prefix + "self_attn.rotary_emb.inv_freq");  // what rope_theta says, in older files
    }
    for (const auto& [name, found] : checkpoint.tensors()) {
        if (!known.contains(name)) {
            throw InputError(fmt::format(
                "{}: tensor '{}' has no place in a BitNet model of {} layers; biases, further norms and "
                "adapters are not supported",
                found.file->file_name(), name, a.layers));
        }
    }
}

Layer load_layer(const Checkpoint& checkpoint, Model& model, std::uint32_t index,
                 const StreamLayout& layout) {
    const std::string prefix = fmt::format("model.layers.{}.", index);
    Layer layer;
    for (std::size_t i = 0; i < kLayerMatrices; ++i) {
        const auto which = static_cast<LayerMatrix>(i);
        layer.matrices.push_back(
            checkpoint.linear(model, prefix + kMatrixTensors[i] + ".weight",
                              fmt::format("layers.{}.{}", index, layer_matrix_name(which)),
                              layer_matrix_shape(model.architecture, which), layout));
    }
    for (std::size_t i = 0; i < kLayerNorms; ++i) {
        const std::uint32_t size = layer_norm_size(model.architecture, static_cast<LayerNorm>(i));
        layer.norms.push_back(size == 0 ? std::vector<float>{}
                                        : checkpoint.norm(norm_tensor(checkpoint, prefix, i), size));
    }
    return layer;
}

void load_metadata(Model& model, const FileFolder& folder, const JsonFields& config) {
    const std::string fallback = fs::absolute(folder.path()).lexically_normal().filename().string();
    model.metadata["name"] =
        config.text_or("_name_or_path", "").empty() ? fallback : config.text("_name_or_path");
    if (folder.contains("README.md")) {
        model.metadata["card"] = text_of(folder.open("README.md"), kMaxConfigBytes);
    }
}

/// generation_config.json may name further tokens that end a text, e.g. the end of a chat turn.
void load_generation_config(Model& model, const FileFolder& folder) {
    constexpr const char* kName = "generation_config.json";
    if (!folder.contains(kName)) {
        return;
    }
    const nlohmann::json json = parse_file(folder, kName);
    auto& eos = model.architecture.eos;
    for (const std::uint32_t id :
         read_ids(JsonFields(json, folder.where(kName)), "eos_token_id", model.architecture.vocab)) {
        if (std::find(eos.begin(), eos.end(), id) == eos.end()) {
            eos.push_back(id);
        }
    }
}

void load_tokenizer(Model& model, const FileFolder& folder) {
    try {
        model.tokenizer = read_folder_tokenizer(folder);
    } catch (const InputError& error) {
        model.metadata["no_tokenizer"] = error.what();
        return;
    }
    if (!model.tokenizer) {
        model.metadata["no_tokenizer"] =
            fmt::format("'{}' has neither tokenizer.json nor tokenizer.model", folder.path().string());
        return;
    }
    check_tokenizer_fits(*model.tokenizer, model.architecture.vocab, folder.path().string());
}

}  // namespace

Model load_hugging_face(const FileFolder& folder, const StreamLayout& layout,
                        const std::function<void(double)>& progress) {
    const std::string where = folder.where("config.json");
    if (!folder.contains("config.json")) {
        throw InputError(
            fmt::format("'{}' is missing; a Hugging Face BitNet directory has config.json and "
                        "model.safetensors",
                        where));
    }
    const nlohmann::json json = parse_file(folder, "config.json");
    const JsonFields config(json, where);
    const Quantisation quantisation = read_quantisation(config);

    Model model;
    Architecture& a = model.architecture;
    a = read_architecture(config);
    const Checkpoint checkpoint(folder, quantisation);
    a.sub_norms = checkpoint.contains("model.layers.0.self_attn.attn_sub_norm.weight") ||
                  checkpoint.contains("model.layers.0.self_attn.inner_attn_ln.weight");
    refuse_unknown_tensors(checkpoint, a);
    load_generation_config(model, folder);
    load_tokenizer(model, folder);
    load_metadata(model, folder, config);
    const auto report = [&](std::uint32_t done) {
        if (progress) {
            progress(static_cast<double>(done) / (a.layers + 1));
        }
    };
    for (std::uint32_t i = 0; i < a.layers; ++i) {
        report(i);
        model.layers.push_back(load_layer(checkpoint, model, i, layout));
    }
    report(a.layers);
    model.embedding = pack_digit_planes(
        model, "embedding", checkpoint.rows("model.embed_tokens.weight", {a.vocab, a.hidden}), layout);
    if (!a.tied_head) {
        model.head =
            pack_digit_planes(model, "head", checkpoint.rows("lm_head.weight", {a.vocab, a.hidden}), layout);
    }
    model.final_norm = checkpoint.norm("model.norm.weight", a.hidden);
    report(a.layers + 1);
    return model;
}

}  // namespace setun
