// Small models with random weights in plain numbers, Hugging Face directories of them, and what a loader must
// make of them.
#include "tests/host/synthetic_model.h"

#include <unistd.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <fstream>
#include <random>
#include <span>
#include <sstream>

namespace setun::test {
namespace {

using nlohmann::json;

constexpr std::array<const char*, 7> kLinearNames{"self_attn.q_proj", "self_attn.k_proj", "self_attn.v_proj",
                                                  "self_attn.o_proj", "mlp.gate_proj",    "mlp.up_proj",
                                                  "mlp.down_proj"};
constexpr std::array<const char*, 4> kNormNames{"input_layernorm", "self_attn.attn_sub_norm",
                                                "post_attention_layernorm", "mlp.ffn_sub_norm"};
constexpr std::array<const char*, 4> kOneBitNormNames{"input_layernorm", "self_attn.inner_attn_ln",
                                                      "post_attention_layernorm", "mlp.ffn_layernorm"};

template <class T>
void append(std::string& out, T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out.append(bytes, sizeof(T));
}

RawTensor float_tensor(const std::string& name, Storage storage, const std::vector<std::uint64_t>& shape,
                       const std::vector<float>& values) {
    RawTensor tensor{name, "F32", shape, {}};
    for (const float value : values) {
        if (storage == Storage::kF16) {
            append(tensor.bytes, to_f16(value));
        } else if (storage == Storage::kBF16) {
            append(tensor.bytes, to_bf16(value));
        } else {
            append(tensor.bytes, value);
        }
    }
    tensor.dtype = storage == Storage::kF16 ? "F16" : storage == Storage::kBF16 ? "BF16" : "F32";
    return tensor;
}

/// Four rows a byte, a quarter of the rows apart.
RawTensor packed_tensor(const std::string& name, const PlainLinear& linear) {
    const std::uint32_t rows = (linear.m + 3) / 4;
    RawTensor tensor{name, "U8", {rows, linear.k}, std::string(std::size_t{rows} * linear.k, '\0')};
    for (std::uint32_t row = 0; row < linear.m; ++row) {
        for (std::uint32_t column = 0; column < linear.k; ++column) {
            const int code = linear.w[std::size_t{row} * linear.k + column] + 1;
            char& byte = tensor.bytes[std::size_t{row % rows} * linear.k + column];
            byte = static_cast<char>(byte | (code << (2 * (row / rows))));
        }
    }
    return tensor;
}

/// Draws the numbers of a model, always in the same order.
class Drawer {
  public:
    explicit Drawer(std::uint64_t seed) : random_(seed) {}

    PlainLinear linear(std::uint32_t m, std::uint32_t k) {
        PlainLinear result{m, k, std::vector<std::int8_t>(std::size_t{m} * k), 0.125F};
        std::uniform_int_distribution<int> trit(-1, 1);
        for (auto& w : result.w) {
            w = static_cast<std::int8_t>(trit(random_));
        }
        return result;
    }

    std::vector<float> norm(std::uint32_t size) {
        std::vector<float> values(size);
        std::uniform_int_distribution<int> step(-8, 8);
        for (float& value : values) {
            value = 1 + static_cast<float>(step(random_)) / 32;
        }
        return values;
    }

    PlainLinear planes(std::uint32_t m, std::uint32_t k) {
        PlainLinear result{m, k, std::vector<std::int8_t>(std::size_t{m} * k), 1.0F / 64};
        std::uniform_int_distribution<int> level(-121, 121);
        for (std::size_t i = 0; i < result.w.size(); ++i) {
            result.w[i] = static_cast<std::int8_t>(i == 0 ? 121 : level(random_));
        }
        return result;
    }

  private:
    std::mt19937_64 random_;
};

/// The tensors of a checkpoint as its options store them.
class Writer {
  public:
    explicit Writer(Storage storage) : storage_(storage) {}

    void linear(const std::string& name, PlainLinear& linear) {
        if (storage_ == Storage::kPackedMultiply || storage_ == Storage::kPackedDivide) {
            tensors_.push_back(packed_tensor(name, linear));
            const float stored = storage_ == Storage::kPackedMultiply ? linear.scale : 1 / linear.scale;
            tensors_.push_back(float_tensor(name + "_scale", Storage::kBF16, {1}, {stored}));
            return;
        }
        // Masters of +-0.25 and small values whose sign says nothing: mean|W| puts them clearly on either
        // side.
        std::vector<float> master(linear.w.size());
        std::size_t count = 0;
        for (std::size_t i = 0; i < master.size(); ++i) {
            count += linear.w[i] != 0 ? 1U : 0U;
            master[i] = linear.w[i] != 0 ? 0.25F * static_cast<float>(linear.w[i])
                                         : (i % 2 == 0 ? 0.015625F : -0.015625F);
        }
        const double sum =
            0.25 * static_cast<double>(count) + 0.015625 * static_cast<double>(master.size() - count);
        linear.scale = static_cast<float>(sum / static_cast<double>(master.size()));
        tensors_.push_back(float_tensor(name, storage_, {linear.m, linear.k}, master));
    }

    void norm(const std::string& name, const std::vector<float>& values) {
        tensors_.push_back(float_tensor(name, Storage::kF32, {values.size()}, values));
    }

    void planes(const std::string& name, const PlainLinear& planes) {
        std::vector<float> values(planes.w.size());
        for (std::size_t i = 0; i < values.size(); ++i) {
            values[i] = static_cast<float>(planes.w[i]) * planes.scale;
        }
        tensors_.push_back(float_tensor(name, Storage::kF32, {planes.m, planes.k}, values));
    }

    [[nodiscard]] const std::vector<RawTensor>& tensors() const { return tensors_; }

  private:
    Storage storage_;
    std::vector<RawTensor> tensors_;
};

/// One file, or shards with an index.
void write_tensors(const std::filesystem::path& folder, const std::vector<RawTensor>& tensors,
                   std::uint32_t shards) {
    if (shards <= 1) {
        write_safetensors(folder / "model.safetensors", tensors);
        return;
    }
    json map = json::object();
    for (std::uint32_t shard = 0; shard < shards; ++shard) {
        const std::string name =
            "model-0000" + std::to_string(shard + 1) + "-of-0000" + std::to_string(shards) + ".safetensors";
        std::vector<RawTensor> part;
        for (std::size_t i = shard; i < tensors.size(); i += shards) {
            part.push_back(tensors[i]);
            map[tensors[i].name] = name;
        }
        write_safetensors(folder / name, part);
    }
    write_file(folder / "model.safetensors.index.json",
               json{{"metadata", {{"total_size", 0}}}, {"weight_map", map}}.dump());
}

json config_of(const SyntheticOptions& o, std::uint32_t vocab) {
    json config{{"architectures", {"BitNetForCausalLM"}},
                {"model_type", o.one_bit_llm || !o.sub_norms ? "llama" : "bitnet"},
                {"hidden_size", o.hidden},
                {"intermediate_size", o.ffn},
                {"num_hidden_layers", o.layers},
                {"num_attention_heads", o.heads},
                {"num_key_value_heads", o.kv_heads},
                {"vocab_size", vocab},
                {"max_position_embeddings", o.context},
                {"hidden_act", o.activation},
                {"rms_norm_eps", 1e-5},
                {"rope_theta", 10000.0},
                {"tie_word_embeddings", o.tied_head},
                {"bos_token_id", std::min(256U, vocab - 1)},
                {"eos_token_id", std::min(256U, vocab - 1)}};
    if (o.one_bit_llm) {
        config["weight_bits"] = 1;
        config["input_bits"] = 8;
        return config;
    }
    json quantization{{"quant_method", "bitnet"}};
    if (o.storage != Storage::kPackedDivide) {
        quantization["linear_class"] = "autobitlinear";
        quantization["quantization_mode"] = o.storage == Storage::kPackedMultiply ? "offline" : "online";
    }
    config["quantization_config"] = quantization;
    return config;
}

std::string utf8(unsigned code_point) {
    if (code_point < 0x80) {
        return {static_cast<char>(code_point)};
    }
    return {static_cast<char>(0xC0 | (code_point >> 6)), static_cast<char>(0x80 | (code_point & 0x3F))};
}

// ---- the independent reference ------------------------------------------------------------------------

using Vector = std::vector<double>;

Vector rms(const Vector& x, const std::vector<float>& weight) {
    double sum = 0;
    for (const double v : x) {
        sum += v * v;
    }
    const double r = 1 / std::sqrt(sum / static_cast<double>(x.size()) + 1e-5);
    Vector y(x.size());
    for (std::size_t i = 0; i < x.size(); ++i) {
        y[i] = x[i] * r * static_cast<double>(weight[i]);
    }
    return y;
}

Vector product(const PlainLinear& linear, const Vector& x) {
    Vector y(linear.m);
    for (std::uint32_t row = 0; row < linear.m; ++row) {
        double acc = 0;
        for (std::uint32_t j = 0; j < linear.k; ++j) {
            acc += linear.w[std::size_t{row} * linear.k + j] * x[j];
        }
        y[row] = acc * static_cast<double>(linear.scale);
    }
    return y;
}

/// What is left of a token's values after INT8 quantisation with one scale.
Vector quantised_by_token(Vector x) {
    double largest = 1e-5;
    for (const double v : x) {
        largest = std::max(largest, std::abs(v));
    }
    const double s = 127 / largest;
    for (double& v : x) {
        v = std::clamp(std::nearbyint(v * s), -128.0, 127.0) / s;
    }
    return x;
}

void rotate(Vector& x, std::uint32_t head_dim, std::size_t position) {
    for (std::size_t head = 0; head * head_dim < x.size(); ++head) {
        for (std::uint32_t i = 0; i < head_dim / 2; ++i) {
            const double angle = static_cast<double>(position) * std::pow(10000.0, -2.0 * i / head_dim);
            double& a = x[head * head_dim + i];
            double& b = x[head * head_dim + i + head_dim / 2];
            const double turned = a * std::cos(angle) - b * std::sin(angle);
            b = b * std::cos(angle) + a * std::sin(angle);
            a = turned;
        }
    }
}

Vector attend(const Vector& q, const std::vector<Vector>& keys, const std::vector<Vector>& values,
              const SyntheticOptions& o) {
    const std::uint32_t dim = o.hidden / o.heads;
    Vector out(q.size());
    for (std::uint32_t head = 0; head < o.heads; ++head) {
        const std::size_t kv = std::size_t{head / (o.heads / o.kv_heads)} * dim;
        Vector score(keys.size());
        for (std::size_t p = 0; p < keys.size(); ++p) {
            for (std::uint32_t d = 0; d < dim; ++d) {
                score[p] += q[head * dim + d] * keys[p][kv + d];
            }
            score[p] /= std::sqrt(static_cast<double>(dim));
        }
        const double highest = *std::max_element(score.begin(), score.end());
        double total = 0;
        for (double& value : score) {
            value = std::exp(value - highest);
            total += value;
        }
        for (std::size_t p = 0; p < keys.size(); ++p) {
            for (std::uint32_t d = 0; d < dim; ++d) {
                out[head * dim + d] += score[p] / total * values[p][kv + d];
            }
        }
    }
    return out;
}

}  // namespace

std::uint16_t to_bf16(float value) {
    return static_cast<std::uint16_t>(std::bit_cast<std::uint32_t>(value) >> 16);
}

/// Values of the form n / 1024 are exact in every type that is written here.
std::uint16_t to_f16(float value) {
    const auto bits = std::bit_cast<std::uint32_t>(value);
    const std::uint32_t sign = bits >> 31;
    const int exponent = static_cast<int>((bits >> 23) & 0xFF) - 127 + 15;
    if (value == 0 || exponent <= 0) {
        return static_cast<std::uint16_t>(sign << 15);
    }
    return static_cast<std::uint16_t>((sign << 15) | (static_cast<std::uint32_t>(exponent) << 10) |
                                      ((bits >> 13) & 0x3FF));
}

TemporaryFolder::TemporaryFolder() {
    std::string name = (std::filesystem::temp_directory_path() / "setun-test-XXXXXX").string();
    if (::mkdtemp(name.data()) == nullptr) {
        throw std::runtime_error("cannot make a temporary folder");
    }
    path_ = name;
}

TemporaryFolder::~TemporaryFolder() {
    std::error_code ignored;
    std::filesystem::remove_all(path_, ignored);
}

void write_file(const std::filesystem::path& file, const std::string& content) {
    std::ofstream out(file, std::ios::binary);
    out << content;
    if (!out.flush()) {
        throw std::runtime_error("cannot write " + file.string());
    }
}

std::string read_file(const std::filesystem::path& file) {
    std::ifstream in(file, std::ios::binary);
    std::stringstream content;
    content << in.rdbuf();
    return content.str();
}

void write_safetensors(const std::filesystem::path& file, const std::vector<RawTensor>& tensors) {
    json header{{"__metadata__", {{"format", "pt"}}}};
    std::string data;
    for (const RawTensor& tensor : tensors) {
        header[tensor.name] = {{"dtype", tensor.dtype},
                               {"shape", tensor.shape},
                               {"data_offsets", {data.size(), data.size() + tensor.bytes.size()}}};
        data += tensor.bytes;
    }
    std::string out;
    append(out, std::uint64_t{header.dump().size()});
    write_file(file, out + header.dump() + data);
}

json synthetic_tokenizer() {
    json vocab = json::object();
    unsigned extra = 256;
    std::array<std::string, 256> symbols;
    for (unsigned byte = 0; byte < 256; ++byte) {
        const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
        symbols[byte] = utf8(printable ? byte : extra++);
        vocab[symbols[byte]] = byte;
    }
    vocab["<|end|>"] = 256;
    json merges = json::array();
    const std::array<std::array<std::string, 2>, 6> pairs{
        {{"t", "h"}, {"th", "e"}, {symbols[' '], "the"}, {"a", "n"}, {"an", "d"}, {symbols[' '], "and"}}};
    unsigned id = 257;
    for (const auto& pair : pairs) {
        vocab[pair[0] + pair[1]] = id++;
        merges.push_back({pair[0], pair[1]});
    }
    return {{"version", "1.0"},
            {"added_tokens",
             {{{"id", 256},
               {"content", "<|end|>"},
               {"single_word", false},
               {"lstrip", false},
               {"rstrip", false},
               {"special", true}}}},
            {"normalizer", nullptr},
            {"pre_tokenizer", {{"type", "ByteLevel"}, {"add_prefix_space", false}, {"use_regex", true}}},
            {"model", {{"type", "BPE"}, {"byte_fallback", false}, {"vocab", vocab}, {"merges", merges}}}};
}

PlainModel make_plain_model(const SyntheticOptions& o) {
    PlainModel model;
    model.options = o;
    model.vocab = static_cast<std::uint32_t>(synthetic_tokenizer()["model"]["vocab"].size());
    Drawer draw(o.seed);
    const std::uint32_t kv = o.hidden / o.heads * o.kv_heads;
    const std::array<std::array<std::uint32_t, 2>, 7> shapes{{{o.hidden, o.hidden},
                                                              {kv, o.hidden},
                                                              {kv, o.hidden},
                                                              {o.hidden, o.hidden},
                                                              {o.ffn, o.hidden},
                                                              {o.ffn, o.hidden},
                                                              {o.hidden, o.ffn}}};
    for (std::uint32_t i = 0; i < o.layers; ++i) {
        PlainLayer layer;
        for (const auto& [m, k] : shapes) {
            layer.linears.push_back(draw.linear(m, k));
        }
        for (std::size_t n = 0; n < kNormNames.size(); ++n) {
            const bool absent = n % 2 == 1 && !o.sub_norms;
            layer.norms.push_back(absent ? std::vector<float>{} : draw.norm(n == 3 ? o.ffn : o.hidden));
        }
        model.layers.push_back(std::move(layer));
    }
    model.embedding = draw.planes(model.vocab, o.hidden);
    model.head = o.tied_head ? model.embedding : draw.planes(model.vocab, o.hidden);
    model.final_norm = draw.norm(o.hidden);
    return model;
}

PlainModel make_tiny_model() {
    SyntheticOptions options;
    options.hidden = 8;
    options.ffn = 8;
    options.layers = 1;
    options.heads = 2;
    options.kv_heads = 1;
    options.storage = Storage::kPackedMultiply;
    PlainModel model = make_plain_model(options);
    model.vocab = 4;
    for (PlainLinear* planes : {&model.embedding, &model.head}) {
        planes->m = model.vocab;
        planes->w.resize(std::size_t{model.vocab} * options.hidden);
    }
    return model;
}

PlainModel write_hugging_face(const std::filesystem::path& folder, PlainModel model) {
    const SyntheticOptions& o = model.options;
    const auto& norms = o.one_bit_llm ? kOneBitNormNames : kNormNames;
    Writer writer(o.storage);
    for (std::uint32_t i = 0; i < o.layers; ++i) {
        const std::string prefix = "model.layers." + std::to_string(i) + ".";
        PlainLayer& layer = model.layers[i];
        for (std::size_t m = 0; m < kLinearNames.size(); ++m) {
            writer.linear(prefix + kLinearNames[m] + ".weight", layer.linears[m]);
        }
        for (std::size_t n = 0; n < norms.size(); ++n) {
            if (!layer.norms[n].empty()) {
                writer.norm(prefix + norms[n] + ".weight", layer.norms[n]);
            }
        }
    }
    writer.planes("model.embed_tokens.weight", model.embedding);
    if (!o.tied_head) {
        writer.planes("lm_head.weight", model.head);
    }
    writer.norm("model.norm.weight", model.final_norm);
    write_tensors(folder, writer.tensors(), o.shards);
    write_file(folder / "config.json", config_of(o, model.vocab).dump());
    write_file(folder / "tokenizer.json", synthetic_tokenizer().dump());
    return model;
}

PlainModel write_synthetic(const std::filesystem::path& folder, const SyntheticOptions& o) {
    return write_hugging_face(folder, make_plain_model(o));
}

std::vector<float> llama_cpp_product(const PlainLinear& linear, std::span<const float> x) {
    constexpr std::size_t kBlock = 256;
    constexpr std::size_t kLanes = 8;
    constexpr std::size_t kVector = 32;  // inputs in a register
    std::vector<std::array<float, kLanes>> sums(linear.m);
    for (std::size_t at = 0; at < linear.k; at += kBlock) {
        const auto block = x.subspan(at, kBlock);
        const float largest = *std::max_element(block.begin(), block.end(),
                                                [](float a, float b) { return std::abs(a) < std::abs(b); });
        if (largest == 0) {
            continue;
        }
        const float s = -127 / largest;
        std::array<int, kBlock> q{};
        std::array<int, kLanes> q_sums{};  // lane l: of the lth 32 inputs
        for (std::size_t j = 0; j < kBlock; ++j) {
            q[j] = std::min(127, static_cast<int>(std::nearbyint(block[j] * s)));
            q_sums[j / kVector] += q[j];
        }
        const float step = 1 / s * linear.scale;
        for (std::size_t row = 0; row < linear.m; ++row) {
            std::array<int, kLanes> acc{};  // lane l: of the lth four inputs of each register
            for (std::size_t j = 0; j < kBlock; ++j) {
                acc[j % kVector / 4] += (linear.w[row * linear.k + at + j] + 1) * q[j];
            }
            for (std::size_t l = 0; l < kLanes; ++l) {
                sums[row][l] = std::fma(static_cast<float>(acc[l] - q_sums[l]), step, sums[row][l]);
            }
        }
    }
    std::vector<float> y(linear.m);
    std::transform(sums.begin(), sums.end(), y.begin(), [](const std::array<float, kLanes>& l) {
        return ((l[0] + l[4]) + (l[2] + l[6])) + ((l[1] + l[5]) + (l[3] + l[7]));
    });
    return y;
}

std::vector<std::vector<double>> plain_logits(const PlainModel& model,
                                              const std::vector<std::uint32_t>& tokens,
                                              Arithmetic arithmetic) {
    const SyntheticOptions& o = model.options;
    const bool by_token = arithmetic == Arithmetic::kBitNet;
    const auto bit_linear = [&](const PlainLinear& linear, const Vector& x) -> Vector {
        if (by_token) {
            return product(linear, quantised_by_token(x));
        }
        const std::vector<float> narrow(x.begin(), x.end());
        const std::vector<float> y = llama_cpp_product(linear, narrow);
        return {y.begin(), y.end()};
    };
    std::vector<std::vector<Vector>> keys(o.layers);
    std::vector<std::vector<Vector>> values(o.layers);
    std::vector<std::vector<double>> logits;
    for (std::size_t position = 0; position < tokens.size(); ++position) {
        Vector h(o.hidden);
        for (std::uint32_t i = 0; i < o.hidden; ++i) {
            h[i] = model.embedding.w[std::size_t{tokens[position]} * o.hidden + i] *
                   static_cast<double>(model.embedding.scale);
        }
        for (std::uint32_t l = 0; l < o.layers; ++l) {
            const PlainLayer& layer = model.layers[l];
            const Vector x = rms(h, layer.norms[0]);
            Vector q = bit_linear(layer.linears[0], x);
            Vector k = bit_linear(layer.linears[1], x);
            rotate(q, o.hidden / o.heads, position);
            rotate(k, o.hidden / o.heads, position);
            keys[l].push_back(k);
            values[l].push_back(bit_linear(layer.linears[2], x));
            Vector a = attend(q, keys[l], values[l], o);
            a = bit_linear(layer.linears[3], o.sub_norms ? rms(a, layer.norms[1]) : a);
            for (std::uint32_t i = 0; i < o.hidden; ++i) {
                h[i] += a[i];
            }
            const Vector y = rms(h, layer.norms[2]);
            Vector gate = bit_linear(layer.linears[4], y);
            const Vector up = bit_linear(layer.linears[5], y);
            for (std::uint32_t i = 0; i < o.ffn; ++i) {
                const double g = gate[i];
                const double r = std::max(g, 0.0);
                gate[i] = (o.activation == "relu2" ? r * r : g / (1 + std::exp(-g))) * up[i];
            }
            const Vector down = bit_linear(layer.linears[6], o.sub_norms ? rms(gate, layer.norms[3]) : gate);
            for (std::uint32_t i = 0; i < o.hidden; ++i) {
                h[i] += down[i];
            }
        }
        h = rms(h, model.final_norm);
        logits.push_back(by_token ? bit_linear(model.head, h) : product(model.head, h));
    }
    return logits;
}

}  // namespace setun::test
