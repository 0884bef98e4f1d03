// One step of the transformer between the matrix products: norms, quantisers, rotary embedding, attention,
// gates.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "host/model/model.h"

namespace setun {

/// What the cache keeps of keys and values (docs/numerics.md sections 4 and 4.1). INT8 takes about a quarter
/// of the memory and makes attention a sum of integers; it can change the text.
enum class KvFormat : std::uint8_t { kFloat32, kInt8 };
/// "float32" or "int8"
const char* kv_format_name(KvFormat format);
/// The inverse. Throws InputError that lists the names.
KvFormat kv_format(const std::string& name);

/// State of one text: KV cache and the activations of the step in progress. Everything that is not a matrix
/// product is done here with the golden functions, so a text has the same bits whichever device multiplies.
///
///     decoder.begin(tokens, true);
///     for (g = 0; g < decoder.groups(); ++g) { q = decoder.prepare(g); ...run group g... ; decoder.absorb(g,
///     y, columns); } decoder.logits()
class Decoder {
  public:
    /// Reserves the cache for `positions` positions (at most the architecture's context). `model` must
    /// outlive the decoder.
    Decoder(const Model& model, std::uint32_t positions, KvFormat kv = KvFormat::kFloat32);

    [[nodiscard]] std::uint32_t position() const { return position_; }  ///< positions in the cache
    [[nodiscard]] std::uint32_t capacity() const { return capacity_; }  ///< positions that it can hold
    [[nodiscard]] KvFormat kv() const { return kv_; }
    /// Forgets the positions from `position` on. Throws InputError when there are not as many.
    void rewind(std::uint32_t position);

    /// Starts a step over consecutive tokens, which take the next positions. `want_logits`: run the head on
    /// the last of them. Throws InputError when a token is outside the vocabulary or the cache is full.
    void begin(std::span<const std::uint32_t> tokens, bool want_logits);

    /// Groups of the step (see product_groups); the head only with want_logits.
    [[nodiscard]] std::size_t groups() const;
    [[nodiscard]] bool wants_logits() const { return want_logits_; }
    /// Rows of activations that group `g` takes: the step's tokens, or 1 for the head.
    [[nodiscard]] unsigned tokens(std::size_t g) const;

    /// INT8 activations q[tokens(g)][k] of group g; valid until the next call.
    std::span<const std::int8_t> prepare(std::size_t g);
    /// Takes the integers of group g, y[rows][columns]. Groups must be prepared and absorbed in order.
    void absorb(std::size_t g, std::span<const std::int32_t> y, unsigned columns);

    /// Ends a step with want_logits without absorbing the head: the caller makes what it needs of the head's
    /// integers.
    void skip_head() { position_ += tokens_; }
    /// Activation scale of row `t` of the group prepared last.
    [[nodiscard]] float scale(unsigned t) const { return scales_[t]; }

    /// logits[vocab] of the last token, after the head was absorbed.
    [[nodiscard]] std::span<const float> logits() const { return logits_; }

  private:
    /// Vectors of the other format are empty.
    struct LayerCache {
        std::vector<float> keys;  ///< [position][kv_heads][head_dim]
        std::vector<float> values;
        std::vector<std::int8_t> keys_int8;  ///< the same
        std::vector<std::int8_t> values_int8;
        std::vector<float> key_scales;  ///< [position][kv_heads]
        std::vector<float> value_scales;
    };
    /// Dequantises one matrix of a group for one token.
    void dequantise(const PackedMatrix& matrix, std::span<const std::int32_t> y, unsigned columns,
                    unsigned token, float* out) const;
    void normalise_and_quantise(const float* rows, unsigned count, std::uint32_t n,
                                const std::vector<float>& norm);
    /// Puts a token's key and value into the row of `position` and replaces its query by the attention over
    /// the positions up to there.
    void attend(LayerCache& cache, std::uint32_t position, float* query, const float* key,
                const float* value);
    void absorb_qkv(const Layer& layer, LayerCache& cache, std::span<const std::int32_t> y, unsigned columns);
    void absorb_residual(const PackedMatrix& matrix, std::span<const std::int32_t> y, unsigned columns);
    void absorb_gate_up(const Layer& layer, std::span<const std::int32_t> y, unsigned columns);

    const Model* model_;
    std::uint32_t capacity_;
    KvFormat kv_;
    std::uint32_t position_ = 0;
    unsigned tokens_ = 0;
    bool want_logits_ = false;
    std::vector<LayerCache> cache_;
    std::vector<float> hidden_;  ///< [tokens][hidden]
    std::vector<float> inner_;   ///< [tokens][q_rows or ffn]: what o and down take
    std::vector<float> scratch_;
    std::vector<float> scores_;
    std::vector<float> key_, value_;    ///< [kv_rows] of one token
    std::vector<float> cosine_, sine_;  ///< [tokens][head_dim / 2]
    std::vector<std::int8_t> q_;
    std::vector<float> scales_;  ///< of q_, one per token
    std::vector<float> logits_;
};

}  // namespace setun
