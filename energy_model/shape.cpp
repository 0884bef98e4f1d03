// Shapes: sizes derived from them, checks, and JSON files.
#include "energy_model/shape.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <fstream>
#include <iterator>

#include "energy_model/json_reader.h"

namespace setun::energy {
namespace {

using Reader = JsonReader<ShapeError>;

constexpr std::uint64_t kLargestSize = 1U << 20U;
constexpr std::uint64_t kMostLayers = 1U << 12U;
constexpr std::uint64_t kLargestVocab = 1U << 24U;
constexpr std::uint64_t kMostPlanes = 5;
constexpr std::uint64_t kMostBits = 32;
constexpr std::uint64_t kDefaultVocab = 32000;  // LLaMA's
constexpr unsigned kDefaultPlanes = 5;
constexpr unsigned kDefaultKvBits = 8;

}  // namespace

std::uint64_t ModelShape::layer_weights() const noexcept {
    return 2 * hidden * q_rows() + 2 * hidden * kv_rows() + (gated ? 3 : 2) * hidden * ffn;
}

void check_shape(const ModelShape& shape, std::string_view where) {
    const auto size = [&](const char* field, std::uint64_t value, std::uint64_t high) {
        if (value == 0 || value > high) {
            throw ShapeError(fmt::format("{}: '{}' is {}; expected 1 to {}", where, field, value, high));
        }
    };
    size("hidden", shape.hidden, kLargestSize);
    size("ffn", shape.ffn, kLargestSize);
    size("layers", shape.layers, kMostLayers);
    size("heads", shape.heads, kLargestSize);
    size("kv_heads", shape.kv_heads, kLargestSize);
    size("head_dim", shape.head_dim, kLargestSize);
    size("vocab", shape.vocab, kLargestVocab);
    size("head_planes", shape.head_planes, kMostPlanes);
    size("heads * head_dim", shape.q_rows(), kLargestSize);
    if (shape.heads % shape.kv_heads != 0) {
        throw ShapeError(
            fmt::format("{}: 'kv_heads' {} does not divide 'heads' {}", where, shape.kv_heads, shape.heads));
    }
    constexpr std::array<unsigned, 4> kWidths = {4, 8, 16, 32};
    if (std::find(kWidths.begin(), kWidths.end(), shape.kv_bits) == kWidths.end()) {
        throw ShapeError(fmt::format("{}: 'kv_bits' is {}; expected 4, 8, 16 or 32", where, shape.kv_bits));
    }
}

ModelShape parse_shape(std::string_view text, std::string_view origin) {
    static constexpr std::array<std::string_view, 18> kFields = {
        "name",      "note",        "hidden",  "ffn",     "layers",     "heads",
        "kv_heads",  "head_dim",    "vocab",   "gated",   "activation", "sub_norms",
        "tied_head", "head_planes", "kv_bits", "context", "rope_theta", "eps"};
    const nlohmann::json document = Reader::parse(text, origin);
    const Reader object(document, std::string(origin));
    object.refuse_unknown(kFields);
    const auto integer_or = [&](const char* field, std::uint64_t high, std::uint64_t otherwise) {
        return object.has(field) ? object.integer(field, 1, high) : otherwise;
    };
    ModelShape shape;
    shape.name = object.has("name") ? object.text("name") : std::string(origin);
    shape.note = object.has("note") ? object.text("note") : fmt::format("read from {}", origin);
    shape.hidden = object.integer("hidden", 1, kLargestSize);
    shape.ffn = object.integer("ffn", 1, kLargestSize);
    shape.layers = object.integer("layers", 1, kMostLayers);
    shape.heads = object.integer("heads", 1, kLargestSize);
    shape.kv_heads = integer_or("kv_heads", kLargestSize, shape.heads);
    if (!object.has("head_dim") && shape.hidden % shape.heads != 0) {
        object.fail(fmt::format("'heads' {} does not divide 'hidden' {}; correct them or give 'head_dim'",
                                shape.heads, shape.hidden));
    }
    shape.head_dim = integer_or("head_dim", kLargestSize, shape.hidden / shape.heads);
    shape.vocab = integer_or("vocab", kLargestVocab, kDefaultVocab);
    shape.gated = object.boolean_or("gated", true);
    shape.sub_norms = object.boolean_or("sub_norms", true);
    shape.tied_head = object.boolean_or("tied_head", true);
    shape.head_planes = static_cast<unsigned>(integer_or("head_planes", kMostPlanes, kDefaultPlanes));
    shape.kv_bits = static_cast<unsigned>(integer_or("kv_bits", kMostBits, kDefaultKvBits));
    const std::string activation = object.has("activation") ? object.text("activation") : "relu2";
    if (activation != "relu2" && activation != "silu") {
        object.fail(fmt::format("'activation' is '{}'; expected relu2 or silu", activation));
    }
    shape.silu = activation == "silu";
    check_shape(shape, origin);
    return shape;
}

}  // namespace setun::energy
