// Random FP16 operand pairs that look for trouble: near exponents, cancellation, ties, both ends of the
// range.
#pragma once

#include <cstdint>
#include <random>
#include <utility>

#include "tests/baseline/fp16_reference.h"

namespace setun::baseline {

class Fp16Pairs {
  public:
    explicit Fp16Pairs(std::uint64_t seed) : random_(seed) {}

    /// The next pair, of one of eight kinds in turn.
    std::pair<Fp16, Fp16> next();

  private:
    /// A binary16 with this biased exponent (kept within 0..31) and fraction, of random sign.
    Fp16 make(int exponent, unsigned fraction);
    /// Uniform in [low, high].
    int between(int low, int high);
    /// A fraction with `bits` significant bits: the others are zeros, so that exact results end on a tie more
    /// often.
    unsigned sparse(int bits);

    std::mt19937_64 random_;
    unsigned kind_ = 0;
};

}  // namespace setun::baseline
