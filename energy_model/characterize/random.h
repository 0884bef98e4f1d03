// Random numbers that are the same with every compiler and standard library.
#pragma once

#include <cmath>
#include <cstdint>
#include <numbers>
#include <random>

namespace setun::characterize {

/// mt19937_64, whose numbers the standard fixes, with our own distributions, which it does not.
class Random {
  public:
    explicit Random(std::uint64_t seed) : engine_(seed) {}

    std::uint64_t bits() { return engine_(); }
    /// In [0, 1).
    double uniform() { return static_cast<double>(engine_() >> 11) * 0x1p-53; }
    /// Normal, by Box and Muller.
    double normal(double sigma) {
        const double radius = std::sqrt(-2.0 * std::log(1.0 - uniform()));
        return sigma * radius * std::cos(2.0 * std::numbers::pi * uniform());
    }
    /// round(normal(sigma)) within +-127.
    int int8(double sigma) {
        const double value = std::nearbyint(normal(sigma));
        return static_cast<int>(std::fmax(-127.0, std::fmin(127.0, value)));
    }
    /// -1, 0 or +1 with the given share of zeros, signs even.
    int trit(double zeros) { return uniform() < zeros ? 0 : (bits() & 1U) != 0 ? -1 : 1; }

  private:
    std::mt19937_64 engine_;
};

}  // namespace setun::characterize
