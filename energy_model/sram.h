// Energy of an access to an on-chip memory by its size and width, from a few cited points.
#pragma once

#include <cstdint>
#include <vector>

#include "energy_model/table.h"

namespace setun::energy {

/// E(bytes, bits) = (a + b * sqrt(bytes)) * bits / 64. The constant stands for decoders and sense amplifiers,
/// the root for the word and bit lines of a square array, as in CACTI (Muralimanohar et al., HPL-2009-85). a
/// and b are the least-squares fit of the relative error over the cited points. Nothing is extrapolated: a
/// smaller memory costs what the smallest cited one costs, a larger one is built of banks of the largest. A
/// write costs what a read costs, and an access of several words costs its bits: assumptions.
class SramModel {
  public:
    /// Throws TableError without points. One point alone gives a constant.
    explicit SramModel(std::vector<SramPoint> points);

    /// Picojoule of one read or write of `bits` bits in a memory of `bytes` bytes.
    [[nodiscard]] double access_pj(std::uint64_t bytes, double bits) const;
    /// Largest relative difference of the fit to a cited point.
    [[nodiscard]] double worst_fit() const;
    [[nodiscard]] double constant_pj() const noexcept { return constant_pj_; }
    [[nodiscard]] double root_pj() const noexcept { return root_pj_; }
    [[nodiscard]] const std::vector<SramPoint>& points() const& noexcept { return points_; }
    const std::vector<SramPoint>& points() const&& = delete;

    /// The same as a table entry, in picojoule per bit: what a report prints as the source of a line.
    [[nodiscard]] Entry entry(std::uint64_t bytes) const;

  private:
    std::vector<SramPoint> points_;
    double constant_pj_ = 0;
    double root_pj_ = 0;
};

}  // namespace setun::energy
