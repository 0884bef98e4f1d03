// Sizes of a decoder as the energy model needs them: known models by name, others from a JSON file.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "energy_model/table.h"

namespace setun::energy {

/// A decoder-only transformer. Sizes in elements.
struct ModelShape {
    std::string name;
    std::string note;  ///< where the sizes come from, and what is not known
    std::uint64_t hidden = 0;
    std::uint64_t ffn = 0;
    std::uint64_t layers = 0;
    std::uint64_t heads = 0;
    std::uint64_t kv_heads = 0;
    std::uint64_t head_dim = 0;
    std::uint64_t vocab = 0;   ///< rows of the output head
    bool gated = true;         ///< gate, up and down; otherwise up and down
    bool silu = false;         ///< activation x * sigmoid(x); otherwise relu(x)^2
    bool sub_norms = true;     ///< RMSNorm in front of o and of down
    bool tied_head = true;     ///< the embedding is the head: stored once
    unsigned head_planes = 5;  ///< trits of a weight of the head on Setun
    unsigned kv_bits = 8;      ///< of a KV cache element on Setun

    [[nodiscard]] std::uint64_t q_rows() const noexcept { return heads * head_dim; }
    [[nodiscard]] std::uint64_t kv_rows() const noexcept { return kv_heads * head_dim; }
    /// Weights of the linear layers of one layer: q, k, v, o and the feed-forward matrices.
    [[nodiscard]] std::uint64_t layer_weights() const noexcept;
    [[nodiscard]] std::uint64_t linear_weights() const noexcept { return layers * layer_weights(); }
    [[nodiscard]] std::uint64_t head_weights() const noexcept { return vocab * hidden; }
    /// Elements of K and V that one position leaves behind in all layers.
    [[nodiscard]] std::uint64_t kv_elements() const noexcept { return 2 * layers * kv_rows(); }
};

/// A shape that cannot be, or that nobody knows. One-line message.
class ShapeError : public BadInput {
    using BadInput::BadInput;
};

/// Throws ShapeError "where: field 'x' ..." when a size is 0 or beyond reason, kv_heads does not divide
/// heads, head_planes is not 1 to 5 or kv_bits is not 4, 8, 16 or 32.
void check_shape(const ModelShape& shape, std::string_view where);

/// All named shapes. Other names of the same shape, e.g. "3b" for "b158-3b", are known to find_shape().
[[nodiscard]] const std::vector<ModelShape>& known_shapes();
/// "2b4t, b158-700m, ..."
[[nodiscard]] std::string known_shape_list();

/// Reads a shape from JSON: hidden, ffn, layers and heads are required; kv_heads (heads), head_dim (hidden /
/// heads), vocab (32000), gated (true), activation ("relu2" or "silu"), sub_norms (true), tied_head (true),
/// head_planes (5), kv_bits (8), name, note have the defaults in parentheses; context, rope_theta and eps,
/// which `setun inspect
/// --json` also prints, are accepted and not needed. Throws ShapeError for anything else.
[[nodiscard]] ModelShape parse_shape(std::string_view text, std::string_view origin);

/// A known name, or a path to a JSON file (its name ends in .json or such a file exists). Throws ShapeError
/// that lists the names.
[[nodiscard]] ModelShape find_shape(const std::string& name_or_path);

}  // namespace setun::energy
