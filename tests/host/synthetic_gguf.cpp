// Writes GGUF files: any metadata and tensors, and the synthetic models in every storage form that is read.
#include "tests/host/synthetic_gguf.h"

#include <array>
#include <cmath>
#include <cstring>
#include <stdexcept>

namespace setun::test {
namespace {

constexpr std::array<const char*, 7> kLinearNames{"attn_q",   "attn_k", "attn_v",  "attn_output",
                                                  "ffn_gate", "ffn_up", "ffn_down"};
constexpr std::array<const char*, 4> kNormNames{"attn_norm", "attn_sub_norm", "ffn_norm", "ffn_sub_norm"};

template <class T>
void append(std::string& out, T value) {
    char bytes[sizeof(T)];
    std::memcpy(bytes, &value, sizeof(T));
    out.append(bytes, sizeof(T));
}

void append_text(std::string& out, std::string_view text) {
    append(out, std::uint64_t{text.size()});
    out += text;
}

/// Each trit's place is given by its element number, straight from the description of the format.
std::string encode_tq1_block(const std::int8_t* w, float scale) {
    std::array<unsigned, 52> value{};  // base 3, first trit most significant, five digits
    const std::array<unsigned, 5> power{81, 27, 9, 3, 1};
    for (unsigned e = 0; e < 256; ++e) {
        const auto trit = static_cast<unsigned>(w[e] + 1);
        if (e < 160) {
            value[e % 32] += trit * power[e / 32];
        } else if (e < 240) {
            value[32 + (e - 160) % 16] += trit * power[(e - 160) / 16];
        } else {
            value[48 + (e - 240) % 4] += trit * power[(e - 240) / 4];
        }
    }
    std::string out;
    for (const unsigned v : value) {
        out.push_back(static_cast<char>((v * 256 + 242) / 243));
    }
    append(out, to_f16(scale));
    return out;
}

std::string encode_tq2_block(const std::int8_t* w, float scale) {
    std::string out(64, '\0');
    for (unsigned e = 0; e < 256; ++e) {
        const unsigned at = e / 128 * 32 + e % 32;
        const unsigned shift = e % 128 / 32 * 2;
        out[at] = static_cast<char>(out[at] | ((w[e] + 1) << shift));
    }
    append(out, to_f16(scale));
    return out;
}

std::string encode_i2s(const std::vector<std::int8_t>& w, float scale) {
    std::string out(w.size() / 4, '\0');
    for (std::size_t e = 0; e < w.size(); ++e) {
        char& byte = out[e / 128 * 32 + e % 32];
        byte = static_cast<char>(byte | ((w[e] + 1) << (6 - e % 128 / 32 * 2)));
    }
    append(out, scale);
    return out + std::string(28, '\0');
}

std::vector<float> floats_of(const PlainLinear& linear, float scale) {
    std::vector<float> values(linear.w.size());
    for (std::size_t i = 0; i < values.size(); ++i) {
        values[i] = static_cast<float>(linear.w[i]) * scale;
    }
    return values;
}

std::string encode(GgufType type, const PlainLinear& linear, float scale) {
    const bool ternary = type == GgufType::kTq1_0 || type == GgufType::kTq2_0 || type == GgufType::kI2S;
    return ternary ? encode_ternary(type, linear.w, scale) : encode_floats(type, floats_of(linear, scale));
}

/// Halves of each head side by side: row i of the first half, row i of the second half, row i + 1 ...
PlainLinear in_pairs(const PlainLinear& linear, std::uint32_t head_dim) {
    PlainLinear result = linear;
    for (std::uint32_t row = 0; row < linear.m; ++row) {
        const std::uint32_t in_head = row % head_dim;
        const std::uint32_t half = in_head / (head_dim / 2);
        const std::uint32_t to = row - in_head + 2 * (in_head % (head_dim / 2)) + half;
        std::memcpy(result.w.data() + std::size_t{to} * linear.k,
                    linear.w.data() + std::size_t{row} * linear.k, linear.k);
    }
    return result;
}

void add_architecture(GgufWriter& writer, const PlainModel& model, const GgufOptions& options) {
    const SyntheticOptions& o = model.options;
    const std::string a = options.architecture + ".";
    writer.text("general.architecture", options.architecture);
    writer.text("general.name", "synthetic");
    writer.u32("general.quantization_version", 2);
    writer.u32(a + "vocab_size", model.vocab);
    writer.u32(a + "context_length", o.context);
    writer.u32(a + "embedding_length", o.hidden);
    writer.u32(a + "block_count", o.layers);
    writer.u32(a + "feed_forward_length", o.ffn);
    writer.u32(a + "rope.dimension_count", o.hidden / o.heads);
    writer.u32(a + "attention.head_count", o.heads);
    writer.u32(a + "attention.head_count_kv", o.kv_heads);
    writer.f32(a + "attention.layer_norm_rms_epsilon", 1e-5F);
    writer.f32(a + "rope.freq_base", 10000.0F);
}

void add_tokenizer(GgufWriter& writer, const PlainModel& model) {
    const nlohmann::json tokenizer = synthetic_tokenizer();
    std::vector<std::string> tokens(tokenizer["model"]["vocab"].size());
    for (const auto& [token, id] : tokenizer["model"]["vocab"].items()) {
        tokens[id.get<std::size_t>()] = token;
    }
    if (model.vocab < tokens.size()) {
        return;  // a tiny model without a tokenizer
    }
    std::vector<std::int32_t> types(model.vocab, 1);
    types[256] = 3;  // control
    std::vector<std::string> merges;
    for (const auto& pair : tokenizer["model"]["merges"]) {
        merges.push_back(pair[0].get<std::string>() + " " + pair[1].get<std::string>());
    }
    writer.text("tokenizer.ggml.model", "gpt2");
    writer.text("tokenizer.ggml.pre", "gpt-2");
    writer.texts("tokenizer.ggml.tokens", tokens);
    writer.i32s("tokenizer.ggml.token_type", types);
    writer.texts("tokenizer.ggml.merges", merges);
    writer.u32("tokenizer.ggml.bos_token_id", 256);
    writer.u32("tokenizer.ggml.eos_token_id", 256);
    writer.boolean("tokenizer.ggml.add_bos_token", true);
}

}  // namespace

void GgufWriter::key(std::string_view name, std::uint32_t type) {
    ++pairs_;
    append_text(metadata_, name);
    append(metadata_, type);
}

void GgufWriter::u32(std::string_view name, std::uint32_t value) {
    key(name, 4);
    append(metadata_, value);
}

void GgufWriter::f32(std::string_view name, float value) {
    key(name, 6);
    append(metadata_, value);
}

void GgufWriter::boolean(std::string_view name, bool value) {
    key(name, 7);
    metadata_.push_back(value ? '\1' : '\0');
}

void GgufWriter::text(std::string_view name, std::string_view value) {
    key(name, 8);
    append_text(metadata_, value);
}

void GgufWriter::texts(std::string_view name, const std::vector<std::string>& values) {
    key(name, 9);
    append(metadata_, std::uint32_t{8});
    append(metadata_, std::uint64_t{values.size()});
    for (const std::string& value : values) {
        append_text(metadata_, value);
    }
}

void GgufWriter::i32s(std::string_view name, const std::vector<std::int32_t>& values) {
    key(name, 9);
    append(metadata_, std::uint32_t{5});
    append(metadata_, std::uint64_t{values.size()});
    for (const std::int32_t value : values) {
        append(metadata_, value);
    }
}

void GgufWriter::f32s(std::string_view name, const std::vector<float>& values) {
    key(name, 9);
    append(metadata_, std::uint32_t{6});
    append(metadata_, std::uint64_t{values.size()});
    for (const float value : values) {
        append(metadata_, value);
    }
}

void GgufWriter::tensor(std::string_view name, const std::vector<std::uint64_t>& extents, GgufType type,
                        const std::string& bytes) {
    tensors_.push_back({std::string(name), extents, type, bytes});
}

std::string GgufWriter::bytes() const {
    GgufWriter copy = *this;
    if (alignment != 32) {
        copy.u32("general.alignment", alignment);
    }
    std::string out = "GGUF";
    append(out, version);
    append(out, std::uint64_t{tensors_.size()});
    append(out, copy.pairs_);
    out += copy.metadata_;
    const auto padded = [&](std::size_t size) { return (size + alignment - 1) / alignment * alignment; };
    std::string data;
    for (const Tensor& tensor : tensors_) {
        data.resize(padded(data.size()));
        append_text(out, tensor.name);
        append(out, static_cast<std::uint32_t>(tensor.extents.size()));
        for (const std::uint64_t extent : tensor.extents) {
            append(out, extent);
        }
        append(out, static_cast<std::uint32_t>(tensor.type));
        append(out, std::uint64_t{data.size()});
        data += tensor.bytes;
    }
    data.resize(padded(data.size()));
    out.resize(padded(out.size()));
    return out + data;
}

std::string encode_ternary(GgufType type, const std::vector<std::int8_t>& w, float scale) {
    if (type == GgufType::kI2S) {
        return encode_i2s(w, scale);
    }
    std::string out;
    for (std::size_t at = 0; at < w.size(); at += 256) {
        out += type == GgufType::kTq1_0 ? encode_tq1_block(w.data() + at, scale)
                                        : encode_tq2_block(w.data() + at, scale);
    }
    return out;
}

std::string encode_floats(GgufType type, const std::vector<float>& values) {
    std::string out;
    for (std::size_t i = 0; i < values.size(); ++i) {
        switch (type) {
            case GgufType::kF32:
                append(out, values[i]);
                break;
            case GgufType::kF16:
                append(out, to_f16(values[i]));
                break;
            case GgufType::kBF16:
                append(out, to_bf16(values[i]));
                break;
            case GgufType::kQ8_0:
                if (i % 32 == 0) {
                    append(out, to_f16(1.0F / 64));
                }
                out.push_back(static_cast<char>(std::lround(values[i] * 64)));
                break;
            default:
                throw std::invalid_argument("encode_floats: type");
        }
    }
    return out;
}

GgufWriter gguf_of(const PlainModel& model, const GgufOptions& options) {
    const SyntheticOptions& o = model.options;
    GgufWriter writer;
    add_architecture(writer, model, options);
    add_tokenizer(writer, model);
    const auto planes = [&](const char* name, const PlainLinear& matrix) {
        writer.tensor(name, {matrix.k, matrix.m}, options.embedding,
                      encode(options.embedding, matrix, matrix.scale));
    };
    const auto norm = [&](const std::string& name, const std::vector<float>& values) {
        writer.tensor(name, {values.size()}, GgufType::kF32, encode_floats(GgufType::kF32, values));
    };
    planes("token_embd.weight", model.embedding);
    for (std::uint32_t i = 0; i < o.layers; ++i) {
        const std::string prefix = "blk." + std::to_string(i) + ".";
        for (std::size_t m = 0; m < kLinearNames.size(); ++m) {
            const bool paired = options.architecture == "llama" && m < 2;
            const PlainLinear& linear = model.layers[i].linears[m];
            const PlainLinear stored = paired ? in_pairs(linear, o.hidden / o.heads) : linear;
            const float scale = options.with_scales ? linear.scale / 2 : linear.scale;
            writer.tensor(prefix + kLinearNames[m] + ".weight", {stored.k, stored.m}, options.linear,
                          encode(options.linear, stored, scale));
            if (options.with_scales) {
                writer.tensor(prefix + kLinearNames[m] + ".scale", {1}, GgufType::kF32,
                              encode_floats(GgufType::kF32, {2.0F}));
            }
        }
        for (std::size_t n = 0; n < kNormNames.size(); ++n) {
            if (!model.layers[i].norms[n].empty()) {
                norm(prefix + kNormNames[n] + ".weight", model.layers[i].norms[n]);
            }
        }
    }
    norm("output_norm.weight", model.final_norm);
    if (!o.tied_head || options.with_output) {
        planes("output.weight", model.head);
    }
    return writer;
}

void write_gguf(const std::filesystem::path& file, const PlainModel& model, const GgufOptions& options) {
    write_file(file, gguf_of(model, options).bytes());
}

}  // namespace setun::test
