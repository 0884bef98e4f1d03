// A small seeded generator for timing jitter and random back-pressure: fast enough for once a clock.
#pragma once

#include <cstdint>

namespace setun::sim {

/// Marsaglia's xorshift64* (Vigna, "An experimental exploration of Marsaglia's xorshift generators", 2016).
/// Every seed, 0 included, gives a usable state.
class Random {
  public:
    explicit Random(std::uint64_t seed = 0) : state_(seed * 0x9E3779B97F4A7C15U + 0xD1B54A32D192ED03U) {
        if (state_ == 0) {
            state_ = 1;
        }
    }

    std::uint64_t next() {
        state_ ^= state_ >> 12U;
        state_ ^= state_ << 25U;
        state_ ^= state_ >> 27U;
        return state_ * 0x2545F4914F6CDD1DU;
    }

    /// Uniform in [low, high] (the bias of the modulo is below 2^-32 for the small ranges used here).
    std::uint64_t between(std::uint64_t low, std::uint64_t high) {
        return low + (next() >> 16U) % (high - low + 1);
    }

  private:
    std::uint64_t state_;
};

}  // namespace setun::sim
