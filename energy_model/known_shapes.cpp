// Shapes with names: BitNet and LLaMA models of the papers whose energy is derived again.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <string_view>
#include <utility>

#include "energy_model/shape.h"

namespace setun::energy {
namespace {

constexpr const char* kB158 = "arXiv 2402.17764; LLaMA's vocabulary";
constexpr const char* kLlama1 = "LLaMA, arXiv 2302.13971";
constexpr const char* kV1 =
    "arXiv 2310.11453: width, depth and heads of its table of models; feed-forward of two matrices, 4 hidden "
    "wide";

/// Sizes of a LLaMA-like decoder: gated feed-forward with SiLU, no sub-norms, head of its own.
ModelShape llama(std::string name, std::string note, std::uint64_t hidden, std::uint64_t ffn,
                 std::uint64_t layers, std::uint64_t heads, std::uint64_t kv_heads, std::uint64_t vocab) {
    ModelShape s;
    s.name = std::move(name);
    s.note = std::move(note);
    s.hidden = hidden;
    s.ffn = ffn;
    s.layers = layers;
    s.heads = heads;
    s.kv_heads = kv_heads;
    s.head_dim = hidden / heads;
    s.vocab = vocab;
    s.silu = true;
    s.sub_norms = false;
    s.tied_head = false;
    return s;
}

ModelShape b158(std::string name, std::string note, std::uint64_t hidden, std::uint64_t ffn,
                std::uint64_t layers, std::uint64_t heads) {
    ModelShape s = llama(std::move(name), std::move(note), hidden, ffn, layers, heads, heads, 32000);
    s.sub_norms = true;
    return s;
}

ModelShape bitnet_v1(std::string name, std::uint64_t hidden, std::uint64_t layers, std::uint64_t heads) {
    ModelShape s = llama(std::move(name), kV1, hidden, 4 * hidden, layers, heads, heads, 32000);
    s.gated = false;
    s.sub_norms = true;
    return s;
}

ModelShape with_tied_head(ModelShape s) {
    s.tied_head = true;
    return s;
}

ModelShape two_b_4t(std::string name, std::string note, std::uint64_t layers, std::uint64_t vocab) {
    ModelShape s = llama(std::move(name), std::move(note), 2560, 6912, layers, 20, 5, vocab);
    s.silu = false;
    s.sub_norms = true;
    s.tied_head = true;
    return s;
}

ModelShape tiny() {
    ModelShape s = llama("tiny", "the model that ships with Setun", 320, 640, 4, 8, 2, 1024);
    s.silu = false;
    s.sub_norms = true;
    s.tied_head = true;
    return s;
}

ModelShape gemma3_1b() {
    ModelShape s =
        llama("gemma3-1b", "Gemma 3 1B, its published configuration", 1152, 6912, 26, 4, 1, 262144);
    s.head_dim = 256;
    s.tied_head = true;
    return s;
}

std::vector<ModelShape> make_shapes() {
    return {
        two_b_4t("2b4t", "BitNet b1.58 2B4T, arXiv 2504.12285", 30, 128256),
        two_b_4t("2b4t-layer", "one layer of BitNet b1.58 2B4T with a small vocabulary", 1, 1024),
        tiny(),
        b158("b158-700m", kB158, 1536, 4096, 24, 24),
        b158("b158-1.3b", kB158, 2048, 5460, 24, 32),
        b158("b158-3b", kB158, 3200, 8640, 26, 32),
        b158("b158-3.9b",
             "derived: arXiv 2402.17764 prints no shape. A feed-forward of 4 hidden and 24 layers at the "
             "width of its "
             "3B model have 3.93 G weights, and 0.18 GB more at 2 bits than 3B, of which the paper measures "
             "0.16",
             3200, 12800, 24, 32),
        llama("stablelm-3b",
              "StableLM 3B 4E1T, its published configuration; arXiv 2402.17764 compares with it", 2560, 6912,
              32, 32, 32, 50304),
        llama("llama-7b", kLlama1, 4096, 11008, 32, 32, 32, 32000),
        llama("llama-13b", kLlama1, 5120, 13824, 40, 40, 40, 32000),
        llama("llama-30b", kLlama1, 6656, 17920, 60, 52, 52, 32000),
        llama("llama-70b",
              "the 70B of arXiv 2402.17764 as its ratio comes out: the shape of LLaMA 65B (full attention, "
              "feed-forward 22016), not of Llama 2 70B",
              8192, 22016, 80, 64, 64, 32000),
        llama("llama2-70b", "Llama 2 70B, arXiv 2307.09288: grouped attention, feed-forward 28672", 8192,
              28672, 80, 64, 8, 32000),
        bitnet_v1("bitnet-6.7b", 4096, 32, 32),
        bitnet_v1("bitnet-13b", 5120, 40, 40),
        bitnet_v1("bitnet-30b", 7168, 48, 56),
        with_tied_head(
            llama("llama3.2-1b", "Llama 3.2 1B, its published configuration", 2048, 8192, 16, 32, 8, 128256)),
        gemma3_1b(),
        with_tied_head(llama("qwen2.5-1.5b", "Qwen2.5 1.5B, its published configuration", 1536, 8960, 28, 12,
                             2, 151936)),
        with_tied_head(llama("smollm2-1.7b", "SmolLM2 1.7B, its published configuration", 2048, 8192, 24, 32,
                             32, 49152)),
        with_tied_head(
            llama("minicpm-2b", "MiniCPM 2B, its published configuration", 2304, 5760, 40, 36, 36, 122753)),
    };
}

constexpr std::array<std::pair<std::string_view, std::string_view>, 11> kOtherNames{{
    {"setun-3.8m", "tiny"},
    {"700m", "b158-700m"},
    {"1.3b", "b158-1.3b"},
    {"3b", "b158-3b"},
    {"3.9b", "b158-3.9b"},
    {"6.7b", "bitnet-6.7b"},
    {"7b", "llama-7b"},
    {"13b", "llama-13b"},
    {"30b", "llama-30b"},
    {"70b", "llama-70b"},
    {"llama-65b", "llama-70b"},
}};

constexpr std::uintmax_t kLargestFile = 1U << 20U;

}  // namespace

const std::vector<ModelShape>& known_shapes() {
    static const std::vector<ModelShape> kShapes = make_shapes();
    return kShapes;
}

std::string known_shape_list() {
    std::string names;
    for (const ModelShape& shape : known_shapes()) {
        names += (names.empty() ? "" : ", ") + shape.name;
    }
    return names;
}

ModelShape find_shape(const std::string& name_or_path) {
    std::string_view name = name_or_path;
    for (const auto& [other, proper] : kOtherNames) {
        if (name == other) {
            name = proper;
        }
    }
    for (const ModelShape& shape : known_shapes()) {
        if (shape.name == name) {
            return shape;
        }
    }
    std::error_code ignored;
    if (std::filesystem::is_regular_file(name_or_path, ignored)) {
        if (std::filesystem::file_size(name_or_path, ignored) > kLargestFile) {
            throw ShapeError(fmt::format("{}: too large for a shape; expected a JSON object", name_or_path));
        }
        std::ifstream stream(name_or_path, std::ios::binary);
        const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
        if (!stream) {
            throw ShapeError(fmt::format("{}: cannot be read", name_or_path));
        }
        return parse_shape(text, name_or_path);
    }
    throw ShapeError(
        fmt::format("unknown shape '{}'; use a JSON file or one of {}", name_or_path, known_shape_list()));
}

}  // namespace setun::energy
