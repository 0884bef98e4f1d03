// Seeded random data for tests, the same on every machine.
#pragma once

#include <cstddef>
#include <cstdint>
#include <vector>

namespace setun::test {

/// xorshift64* (Vigna 2016) from a seed that may be 0.
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed * 0x9E3779B97F4A7C15ULL + 0x853C49E6748FEA9BULL) {}

    std::uint64_t next() {
        state_ ^= state_ >> 12;
        state_ ^= state_ << 25;
        state_ ^= state_ >> 27;
        return state_ * 0x2545F4914F6CDD1DULL;
    }

    /// Uniform in low .. high, both included.
    int between(int low, int high) {
        const auto span = static_cast<std::uint64_t>(high - low) + 1;
        return low + static_cast<int>((next() >> 32) % span);
    }

    /// Uniform in [-1, 1), a multiple of 2^-23.
    float unit() {
        return static_cast<float>(static_cast<std::int32_t>(next() >> 40) - (1 << 23)) /
               static_cast<float>(1 << 23);
    }

    template <class Integer>
    std::vector<Integer> integers(std::size_t n, int low, int high) {
        std::vector<Integer> out(n);
        for (auto& value : out) {
            value = static_cast<Integer>(between(low, high));
        }
        return out;
    }

    std::vector<float> floats(std::size_t n, float scale) {
        std::vector<float> out(n);
        for (auto& value : out) {
            value = unit() * scale;
        }
        return out;
    }

  private:
    std::uint64_t state_;
};

}  // namespace setun::test
