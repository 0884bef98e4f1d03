// LUTs and block RAMs of the ternary engine, estimated from synthesised configurations.
#include "energy_model/area.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>
#include <stdexcept>
#include <utility>

#include "energy_model/builtin_area.h"

namespace setun::area {
namespace {

constexpr std::array<std::string_view, 3> kLeaves{"tree", "table", "bram"};
constexpr unsigned kResultBits = 32;
constexpr unsigned kTileRows = 1024;  // of every synthesised engine
constexpr unsigned kLanesPerBits = 8;
constexpr unsigned kWeightsPerByte = 5;

unsigned lanes_of(unsigned port_bits) { return port_bits / kLanesPerBits * kWeightsPerByte; }

/// RAMB18 of a memory of `bits` x 1024 words, which is 18 bits wide at that depth.
double block_rams(unsigned bits) { return std::ceil(bits / 18.0); }

double block_ram_of(std::string_view leaf, unsigned ports, unsigned port_bits, unsigned tokens) {
    static_assert(kTileRows == 1024, "block_rams() is for this depth");
    const unsigned lanes = lanes_of(port_bits);
    const unsigned result = ports * tokens * kResultBits;
    double count = 2.0 * ports * tokens;
    if (result > port_bits) {
        count += block_rams(result);
    }
    if (leaf != "tree") {
        count += lanes * tokens / 20.0;
    }
    if (leaf == "bram") {
        count += ports * lanes * tokens / 5.0;
    }
    return count;
}

}  // namespace

Model::Terms Model::terms(unsigned ports, unsigned port_bits, unsigned tokens) {
    const double p = ports;
    const double l = lanes_of(port_bits);
    const double t = tokens;
    return {1, p * t, p * l * t, p * l, l * t};
}

/// Solves the normal equations of sum over engines of (estimate / luts - 1)^2.
Model::Terms Model::least_squares(std::span<const MeasuredEngine> engines, std::string_view leaf) {
    std::array<std::array<double, kTerms + 1>, kTerms> m{};
    for (const MeasuredEngine& engine : engines) {
        if (engine.leaf != leaf) {
            continue;
        }
        const Terms x = terms(engine.ports, engine.port_bits, engine.tokens);
        for (std::size_t i = 0; i < kTerms; ++i) {
            for (std::size_t j = 0; j < kTerms; ++j) {
                m.at(i).at(j) += x.at(i) * x.at(j) / (engine.luts * engine.luts);
            }
            m.at(i).at(kTerms) += x.at(i) / engine.luts;
        }
    }
    for (std::size_t i = 0; i < kTerms; ++i) {
        auto* const pivot = std::max_element(
            m.begin() + static_cast<std::ptrdiff_t>(i), m.end(),
            [i](const auto& a, const auto& b) { return std::abs(a.at(i)) < std::abs(b.at(i)); });
        std::swap(m.at(i), *pivot);
        if (m.at(i).at(i) == 0) {
            throw std::invalid_argument(
                fmt::format("area: the engines of leaf '{}' do not fix the fit", leaf));
        }
        for (std::size_t row = 0; row < kTerms; ++row) {
            if (row == i) {
                continue;
            }
            const double factor = m.at(row).at(i) / m.at(i).at(i);
            for (std::size_t column = i; column <= kTerms; ++column) {
                m.at(row).at(column) -= factor * m.at(i).at(column);
            }
        }
    }
    Terms result{};
    for (std::size_t i = 0; i < kTerms; ++i) {
        result.at(i) = m.at(i).at(kTerms) / m.at(i).at(i);
    }
    return result;
}

Model::Model(std::vector<MeasuredEngine> engines, std::string source)
    : engines_(std::move(engines)), source_(std::move(source)) {
    for (const std::string_view leaf : kLeaves) {
        Fit fit;
        fit.leaf = leaf;
        std::size_t count = 0;
        for (const MeasuredEngine& engine : engines_) {
            if (engine.leaf == leaf) {
                fit.largest = std::max(fit.largest, engine.products());
                ++count;
            }
        }
        if (count < kTerms) {
            throw std::invalid_argument(
                fmt::format("area: leaf '{}' has {} engines; its fit needs {}", leaf, count, kTerms));
        }
        fit.coefficients = least_squares(engines_, leaf);
        fits_.push_back(fit);
    }
}

Model Model::builtin() {
    const auto document = nlohmann::json::parse(builtin_engines());
    std::vector<MeasuredEngine> engines;
    for (const auto& row : document.at("engines")) {
        engines.push_back({row.at("leaf"), row.at("ports"), row.at("port_bits"), row.at("tokens"),
                           row.at("lut_packed"), row.at("lut_raw"), row.at("ramb18")});
    }
    return {std::move(engines), document.at("source")};
}

const Model::Fit& Model::fit(std::string_view leaf) const {
    const auto at = std::find_if(fits_.begin(), fits_.end(), [leaf](const Fit& f) { return f.leaf == leaf; });
    if (at == fits_.end()) {
        throw std::invalid_argument(
            fmt::format("no area is known for leaf '{}'; use one of {}", leaf, leaf_names()));
    }
    return *at;
}

Estimate Model::estimate(std::string_view leaf, unsigned ports, unsigned port_bits, unsigned tokens) const {
    const Fit& fit_of_leaf = fit(leaf);
    const Terms x = terms(ports, port_bits, tokens);
    Estimate result;
    for (std::size_t i = 0; i < kTerms; ++i) {
        result.luts += fit_of_leaf.coefficients.at(i) * x.at(i);
    }
    result.block_ram = block_ram_of(leaf, ports, port_bits, tokens);
    result.extrapolated = ports * lanes_of(port_bits) * tokens > fit_of_leaf.largest;
    return result;
}

double Model::worst_fit(std::string_view leaf) const {
    double worst = 0;
    for (const MeasuredEngine& engine : engines_) {
        if (engine.leaf == leaf) {
            const Estimate e = estimate(leaf, engine.ports, engine.port_bits, engine.tokens);
            worst = std::max(worst, std::abs(e.luts / engine.luts - 1));
        }
    }
    return worst;
}

bool has_leaf(std::string_view leaf) noexcept {
    return std::find(kLeaves.begin(), kLeaves.end(), leaf) != kLeaves.end();
}

std::string leaf_names() { return fmt::format("{}", fmt::join(kLeaves, ", ")); }

}  // namespace setun::area
