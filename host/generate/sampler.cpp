// Choice of the next token: greedy, or seeded sampling whose results are the same on every machine.
#include "host/generate/sampler.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <numeric>

#include "hls/argmax.h"
#include "hls/elementary.h"
#include "host/base/error.h"

namespace setun {
namespace {

std::uint64_t split_mix(std::uint64_t& state) {
    state += 0x9E3779B97F4A7C15U;
    std::uint64_t z = state;
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9U;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EBU;
    return z ^ (z >> 31);
}

}  // namespace

SampleRandom::SampleRandom(std::uint64_t seed) {
    for (auto& word : state_) {
        word = split_mix(seed);
    }
}

std::uint64_t SampleRandom::next() {
    const std::uint64_t result = std::rotl(state_[1] * 5, 7) * 9;
    const std::uint64_t shifted = state_[1] << 17;
    state_[2] ^= state_[0];
    state_[3] ^= state_[1];
    state_[1] ^= state_[2];
    state_[0] ^= state_[3];
    state_[2] ^= shifted;
    state_[3] = std::rotl(state_[3], 45);
    return result;
}

double SampleRandom::uniform() { return static_cast<double>(next() >> 11) * 0x1p-53; }

Sampler::Sampler(const SamplingOptions& options) : options_(options), random_(options.seed) {
    if (!(options.temperature >= 0 && options.temperature <= 100)) {
        throw InputError(fmt::format("--temperature is {}; expected 0 (greedy) to 100", options.temperature));
    }
    if (!(options.top_p > 0 && options.top_p <= 1)) {
        throw InputError(fmt::format("--top-p is {}; expected above 0 and up to 1", options.top_p));
    }
}

std::uint32_t Sampler::sample(std::span<const float> logits) {
    if (options_.temperature == 0) {
        return hls::argmax(logits.data(), static_cast<std::uint32_t>(logits.size()));
    }
    order_.resize(logits.size());
    std::iota(order_.begin(), order_.end(), 0U);
    // NaN would break the order; it counts as impossible.
    const auto key = [&](std::uint32_t i) { return logits[i] == logits[i] ? logits[i] : -INFINITY; };
    const std::size_t keep =
        options_.top_k == 0 ? order_.size() : std::min<std::size_t>(options_.top_k, order_.size());
    const auto better = [&](std::uint32_t a, std::uint32_t b) {
        return key(a) != key(b) ? key(a) > key(b) : a < b;
    };
    std::partial_sort(order_.begin(), order_.begin() + static_cast<std::ptrdiff_t>(keep), order_.end(),
                      better);

    const float highest = key(order_[0]);
    if (highest == -INFINITY) {
        return order_[0];
    }
    const auto inverse = static_cast<float>(1.0 / options_.temperature);
    weights_.resize(keep);
    double total = 0;
    for (std::size_t i = 0; i < keep; ++i) {
        weights_[i] = hls::exponential((key(order_[i]) - highest) * inverse);
        total += static_cast<double>(weights_[i]);
    }
    // top-p: the shortest prefix whose share reaches top_p.
    double kept = 0;
    std::size_t count = 0;
    while (count < keep && (count == 0 || kept < options_.top_p * total)) {
        kept += static_cast<double>(weights_[count++]);
    }
    double target = random_.uniform() * kept;
    for (std::size_t i = 0; i < count; ++i) {
        target -= static_cast<double>(weights_[i]);
        if (target < 0) {
            return order_[i];
        }
    }
    return order_[count - 1];
}

}  // namespace setun
