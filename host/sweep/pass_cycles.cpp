// Cycles of one pass over a whole model, from the performance model: of every command, or projected from a
// shortened list.
#include "host/sweep/pass_cycles.h"

#include <fmt/format.h>

#include <algorithm>

#include "host/base/error.h"

namespace setun {
namespace {

constexpr std::uint64_t kKeptTiles = 3;
constexpr std::uint64_t kKeptLayers = 2;

constexpr std::uint64_t ceil_div(std::uint64_t a, std::uint64_t b) { return (a + b - 1) / b; }

/// A product as the list has it, and what was cut out of it.
struct Product {
    ProductShape shape;
    std::uint64_t missing_tiles = 0;
};

std::uint64_t beats_of(const std::vector<Product>& products, const TimingOptions& timing) {
    std::uint64_t beats = 0;
    for (const Product& product : products) {
        const ProductShape& s = product.shape;
        beats +=
            ceil_div(s.m, timing.ports) * ceil_div(s.k, std::uint64_t{timing.port_bits} / 8 * 5) * s.planes;
    }
    return beats;
}

std::vector<Product> products_of(const PassShape& pass, std::uint64_t layers) {
    std::vector<Product> products;
    for (std::uint64_t layer = 0; layer < layers; ++layer) {
        for (const ProductShape& shape : pass.layer) {
            products.push_back({shape, 0});
        }
    }
    if (pass.head) {
        products.push_back({*pass.head, 0});
    }
    return products;
}

/// Leaves out whole tiles between the second and the last one.
void shorten(Product& product, const TimingOptions& timing) {
    const std::uint64_t span = std::uint64_t{timing.ports} * timing.tile_rows;
    const std::uint64_t tiles = ceil_div(product.shape.m, span);
    if (tiles > kKeptTiles) {
        product.missing_tiles = tiles - kKeptTiles;
        product.shape.m -= static_cast<std::uint32_t>(product.missing_tiles * span);
    }
}

/// The list on a kernel that has just been reset.
std::uint64_t run(const std::vector<Product>& products, const PassShape& pass, const TimingOptions& timing,
                  std::vector<sim::TileStart>* tiles) {
    ShapeGroup group;
    for (const Product& product : products) {
        group.push_back(product.shape);
    }
    const StreamLayout layout{timing.ports, timing.port_bits, timing.tile_rows};
    KernelTiming kernel(timing);
    const std::vector<ShapeList> lists = shape_lists({group}, layout, timing.tokens, pass.tokens);
    return kernel.run(lists.front().commands, lists.front().offset, tiles).cycles;
}

std::uint64_t project(const std::vector<Product>& products, const PassShape& pass, std::uint64_t kept_layers,
                      const TimingOptions& timing) {
    std::vector<sim::TileStart> tiles;
    std::uint64_t cycles = run(products, pass, timing, &tiles);
    std::vector<std::uint64_t> start(products.size());
    std::vector<std::uint64_t> missing(products.size());  // cycles of the tiles that were left out
    std::size_t at = 0;
    for (std::size_t i = 0; i < products.size(); ++i) {
        start[i] = tiles[at].cycle;
        if (products[i].missing_tiles != 0) {
            missing[i] = products[i].missing_tiles * (tiles[at + 2].cycle - tiles[at + 1].cycle);
        }
        while (at != tiles.size() && tiles[at].command == i) {
            ++at;
        }
        cycles += missing[i];
    }
    if (kept_layers == pass.layers) {
        return cycles;
    }
    const std::size_t per_layer = pass.layer.size();
    std::uint64_t layer = start[per_layer + 1] - start[1];
    for (std::size_t i = 1; i <= per_layer; ++i) {
        layer += missing[i];
    }
    return cycles + (pass.layers - kept_layers) * layer;
}

ProductShape product(const energy::ModelShape& model, const char* what, std::uint64_t m, std::uint64_t k,
                     unsigned planes) {
    if (m > SETUN_MAX_M || k > SETUN_MAX_K) {
        throw InputError(fmt::format("{}: {} is {} x {}; the kernel takes at most {} rows of {} inputs",
                                     model.name, what, m, k, SETUN_MAX_M, SETUN_MAX_K));
    }
    return {static_cast<std::uint32_t>(m), static_cast<std::uint32_t>(k), planes};
}

}  // namespace

PassShape pass_shape(const energy::ModelShape& s, bool layers, bool head, unsigned tokens) {
    PassShape pass;
    pass.tokens = tokens;
    if (layers) {
        pass.layers = s.layers;
        pass.layer.push_back(product(s, "q", s.q_rows(), s.hidden, 1));
        pass.layer.push_back(product(s, "k", s.kv_rows(), s.hidden, 1));
        pass.layer.push_back(product(s, "v", s.kv_rows(), s.hidden, 1));
        pass.layer.push_back(product(s, "o", s.hidden, s.q_rows(), 1));
        if (s.gated) {
            pass.layer.push_back(product(s, "gate", s.ffn, s.hidden, 1));
        }
        pass.layer.push_back(product(s, "up", s.ffn, s.hidden, 1));
        pass.layer.push_back(product(s, "down", s.hidden, s.ffn, 1));
    }
    if (head) {
        pass.head = product(s, "the output head", s.vocab, s.hidden, s.head_planes);
    }
    return pass;
}

PassCycles pass_cycles(const PassShape& shape, const TimingOptions& timing, PassMethod method) {
    if (shape.tokens == 0 || shape.tokens > timing.tokens) {
        throw InputError(fmt::format("{} tokens do not fit in one pass of a kernel with {} tokens a beat",
                                     shape.tokens, timing.tokens));
    }
    const std::vector<Product> all = products_of(shape, shape.layers);
    PassCycles result;
    result.beats = beats_of(all, timing);
    if (method == PassMethod::kProject) {
        const std::uint64_t kept = std::min(kKeptLayers, shape.layers);
        std::vector<Product> some = products_of(shape, kept);
        for (Product& product : some) {
            shorten(product, timing);
        }
        const std::uint64_t simulated = beats_of(some, timing);
        if (2 * simulated <= result.beats) {
            result.projected = true;
            result.simulated_share = static_cast<double>(simulated) / static_cast<double>(result.beats);
            result.cycles = project(some, shape, kept, timing);
            return result;
        }
    }
    result.cycles = run(all, shape, timing, nullptr);
    return result;
}

}  // namespace setun
