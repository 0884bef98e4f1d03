// One step of the transformer between the matrix products: norms, quantisers, rotary embedding, attention,
// gates.
#include "host/model/decoder.h"

#include <fmt/format.h>

#include <algorithm>

#include "hls/activation.h"
#include "hls/attention.h"
#include "hls/attention_int8.h"
#include "hls/embedding.h"
#include "hls/kv_cache.h"
#include "hls/quantize.h"
#include "hls/residual.h"
#include "hls/rms_norm.h"
#include "hls/rope.h"
#include "host/base/error.h"

namespace setun {
namespace {

constexpr std::size_t kGroupsPerLayer = 4;
enum GroupKind : std::size_t { kQkv, kO, kGateUp, kDown };

}  // namespace

const char* kv_format_name(KvFormat format) { return format == KvFormat::kInt8 ? "int8" : "float32"; }

KvFormat kv_format(const std::string& name) {
    for (const KvFormat format : {KvFormat::kFloat32, KvFormat::kInt8}) {
        if (name == kv_format_name(format)) {
            return format;
        }
    }
    throw InputError(fmt::format("--kv '{}' is unknown; use float32 or int8", name));
}

Decoder::Decoder(const Model& model, std::uint32_t positions, KvFormat kv)
    : model_(&model), capacity_(positions), kv_(kv) {
    const Architecture& a = model.architecture;
    if (positions > a.context) {
        throw InputError(
            fmt::format("{} positions asked for, the model's context is {}", positions, a.context));
    }
    cache_.resize(a.layers);
    for (LayerCache& cache : cache_) {
        const std::size_t elements = std::size_t{positions} * a.kv_rows();
        if (kv == KvFormat::kFloat32) {
            cache.keys.resize(elements);
            cache.values.resize(elements);
            continue;
        }
        cache.keys_int8.resize(elements);
        cache.values_int8.resize(elements);
        cache.key_scales.resize(std::size_t{positions} * a.kv_heads);
        cache.value_scales.resize(cache.key_scales.size());
    }
    key_.resize(a.kv_rows());
    value_.resize(a.kv_rows());
    scores_.resize(positions);
    scratch_.resize(std::max({a.hidden, a.ffn, a.q_rows()}));
    logits_.resize(a.vocab);
}

void Decoder::rewind(std::uint32_t position) {
    if (position > position_) {
        throw InputError(fmt::format("cannot go back to position {} of {}", position, position_));
    }
    position_ = position;
}

void Decoder::begin(std::span<const std::uint32_t> tokens, bool want_logits) {
    const Architecture& a = model_->architecture;
    if (tokens.size() > capacity_ - position_) {
        throw InputError(fmt::format("{} tokens do not fit behind position {} of {}", tokens.size(),
                                     position_, capacity_));
    }
    tokens_ = static_cast<unsigned>(tokens.size());
    want_logits_ = want_logits;
    hidden_.resize(std::size_t{tokens_} * a.hidden);
    inner_.resize(std::size_t{tokens_} * std::max(a.ffn, a.q_rows()));
    scales_.resize(tokens_);
    const std::uint32_t half = a.head_dim / 2;
    cosine_.resize(std::size_t{tokens_} * half);
    sine_.resize(cosine_.size());
    std::vector<std::int8_t> row(a.hidden);
    const StreamIndex embedding = model_->embedding.index();
    for (unsigned t = 0; t < tokens_; ++t) {
        if (tokens[t] >= a.vocab) {
            throw InputError(fmt::format("token id {} is out of range; the vocabulary has ids 0 to {}",
                                         tokens[t], a.vocab - 1));
        }
        unpack_row(embedding, tokens[t], model_->embedding.streams, row);
        hls::embedding_row(row.data(), a.hidden, model_->embedding.scale,
                           &hidden_[std::size_t{t} * a.hidden]);
        hls::rope_table(position_ + t, a.rope_theta, a.head_dim, &cosine_[std::size_t{t} * half],
                        &sine_[std::size_t{t} * half]);
    }
}

std::size_t Decoder::groups() const {
    return model_->layers.size() * kGroupsPerLayer + (want_logits_ ? 1 : 0);
}

unsigned Decoder::tokens(std::size_t g) const {
    return g == model_->layers.size() * kGroupsPerLayer ? 1 : tokens_;
}

void Decoder::normalise_and_quantise(const float* rows, unsigned count, std::uint32_t n,
                                     const std::vector<float>& norm) {
    q_.resize(std::size_t{count} * n);
    for (unsigned t = 0; t < count; ++t) {
        const float* row = rows + std::size_t{t} * n;
        if (!norm.empty()) {
            hls::rms_norm(row, norm.data(), n, model_->architecture.eps, scratch_.data());
            row = scratch_.data();
        }
        hls::quantize(row, n, &q_[std::size_t{t} * n], &scales_[t]);
    }
}

std::span<const std::int8_t> Decoder::prepare(std::size_t g) {
    const Architecture& a = model_->architecture;
    const std::size_t index = g / kGroupsPerLayer;
    if (index == model_->layers.size()) {
        normalise_and_quantise(&hidden_[std::size_t{tokens_ - 1} * a.hidden], 1, a.hidden,
                               model_->final_norm);
        return q_;
    }
    const Layer& layer = model_->layers[index];
    switch (g % kGroupsPerLayer) {
        case kQkv:
            normalise_and_quantise(hidden_.data(), tokens_, a.hidden, layer.norm(LayerNorm::kInput));
            break;
        case kO:
            normalise_and_quantise(inner_.data(), tokens_, a.q_rows(), layer.norm(LayerNorm::kAttentionSub));
            break;
        case kGateUp:
            normalise_and_quantise(hidden_.data(), tokens_, a.hidden, layer.norm(LayerNorm::kPostAttention));
            break;
        default:
            normalise_and_quantise(inner_.data(), tokens_, a.ffn, layer.norm(LayerNorm::kFfnSub));
            break;
    }
    return q_;
}

void Decoder::dequantise(const PackedMatrix& matrix, std::span<const std::int32_t> y, unsigned columns,
                         unsigned token, float* out) const {
    hls::dequantize_row(y.data() + token, matrix.m, columns, matrix.scale, scales_[token], out);
}

void Decoder::attend(LayerCache& cache, std::uint32_t position, float* query, const float* key,
                     const float* value) {
    const Architecture& a = model_->architecture;
    const hls::AttentionShape shape{a.heads, a.kv_heads, a.head_dim, position + 1};
    const std::size_t row = std::size_t{position} * a.kv_rows();
    if (kv_ == KvFormat::kFloat32) {
        std::copy_n(key, a.kv_rows(), &cache.keys[row]);
        std::copy_n(value, a.kv_rows(), &cache.values[row]);
        hls::attention(shape, query, cache.keys.data(), cache.values.data(), scores_.data(), query);
        return;
    }
    const std::size_t scales = std::size_t{position} * a.kv_heads;
    hls::quantize_heads(key, a.kv_heads, a.head_dim, &cache.keys_int8[row], &cache.key_scales[scales]);
    hls::quantize_heads(value, a.kv_heads, a.head_dim, &cache.values_int8[row], &cache.value_scales[scales]);
    const hls::Int8Cache view{cache.keys_int8.data(), cache.values_int8.data(), cache.key_scales.data(),
                              cache.value_scales.data()};
    hls::attention_int8(shape, query, view, scores_.data(), query);
}

void Decoder::absorb_qkv(const Layer& layer, LayerCache& cache, std::span<const std::int32_t> y,
                         unsigned columns) {
    const Architecture& a = model_->architecture;
    const PackedMatrix& q = layer.matrix(LayerMatrix::kQ);
    const PackedMatrix& k = layer.matrix(LayerMatrix::kK);
    const auto y_k = y.subspan(std::size_t{q.m} * columns);
    const auto y_v = y_k.subspan(std::size_t{k.m} * columns);
    const std::uint32_t half = a.head_dim / 2;
    for (unsigned t = 0; t < tokens_; ++t) {
        float* query = &inner_[std::size_t{t} * a.q_rows()];
        dequantise(q, y, columns, t, query);
        dequantise(k, y_k, columns, t, key_.data());
        dequantise(layer.matrix(LayerMatrix::kV), y_v, columns, t, value_.data());
        const float* cosine = &cosine_[std::size_t{t} * half];
        const float* sine = &sine_[std::size_t{t} * half];
        hls::rope_rotate(query, a.heads, a.head_dim, cosine, sine);
        hls::rope_rotate(key_.data(), a.kv_heads, a.head_dim, cosine, sine);
        attend(cache, position_ + t, query, key_.data(), value_.data());
    }
}

void Decoder::absorb_residual(const PackedMatrix& matrix, std::span<const std::int32_t> y, unsigned columns) {
    for (unsigned t = 0; t < tokens_; ++t) {
        dequantise(matrix, y, columns, t, scratch_.data());
        hls::residual_add(&hidden_[std::size_t{t} * matrix.m], scratch_.data(), matrix.m);
    }
}

void Decoder::absorb_gate_up(const Layer& layer, std::span<const std::int32_t> y, unsigned columns) {
    const PackedMatrix& gate = layer.matrix(LayerMatrix::kGate);
    const PackedMatrix& up = layer.matrix(LayerMatrix::kUp);
    const auto combine =
        model_->architecture.activation == Activation::kRelu2 ? hls::relu2_gate : hls::silu_gate;
    for (unsigned t = 0; t < tokens_; ++t) {
        float* out = &inner_[std::size_t{t} * gate.m];
        dequantise(gate, y, columns, t, out);
        dequantise(up, y.subspan(std::size_t{gate.m} * columns), columns, t, scratch_.data());
        combine(out, scratch_.data(), gate.m, out);
    }
}

void Decoder::absorb(std::size_t g, std::span<const std::int32_t> y, unsigned columns) {
    const std::size_t index = g / kGroupsPerLayer;
    if (index == model_->layers.size()) {
        dequantise(model_->output_head(), y, columns, 0, logits_.data());
    } else {
        const Layer& layer = model_->layers[index];
        switch (g % kGroupsPerLayer) {
            case kQkv:
                absorb_qkv(layer, cache_[index], y, columns);
                break;
            case kO:
                absorb_residual(layer.matrix(LayerMatrix::kO), y, columns);
                break;
            case kGateUp:
                absorb_gate_up(layer, y, columns);
                break;
            default:
                absorb_residual(layer.matrix(LayerMatrix::kDown), y, columns);
                break;
        }
    }
    if (g + 1 == groups()) {
        position_ += tokens_;
    }
}

}  // namespace setun
