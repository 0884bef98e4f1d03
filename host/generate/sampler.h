// Choice of the next token: greedy, or seeded sampling whose results are the same on every machine.
#pragma once

#include <array>
#include <cstdint>
#include <span>
#include <vector>

namespace setun {

/// xoshiro256** (Blackman and Vigna, "Scrambled linear pseudorandom number generators", 2018) seeded with
/// four outputs of SplitMix64, as its authors recommend.
class SampleRandom {
  public:
    explicit SampleRandom(std::uint64_t seed);
    std::uint64_t next();
    /// Uniform in [0, 1): the top 53 bits of next() times 2^-53.
    double uniform();

  private:
    std::array<std::uint64_t, 4> state_{};
};

struct SamplingOptions {
    double temperature = 0;   ///< 0 = greedy, otherwise in (0, 100]
    std::uint32_t top_k = 0;  ///< 0 = all
    double top_p = 1;         ///< in (0, 1]; 1 = all
    std::uint64_t seed = 0;
};

/// Draws tokens. The algorithm is fixed (docs/cli.md, "Sampling"), float exponentials come from the golden
/// model, so the same seed gives the same text everywhere.
class Sampler {
  public:
    /// Throws InputError when an option is out of range.
    explicit Sampler(const SamplingOptions& options);

    /// Index into logits, which must not be empty. Ties go to the lower index. One uniform() per call unless
    /// greedy.
    std::uint32_t sample(std::span<const float> logits);

  private:
    SamplingOptions options_;
    SampleRandom random_;
    std::vector<std::uint32_t> order_;
    std::vector<float> weights_;
};

}  // namespace setun
