// Energy of an access to an on-chip memory: the fit.
#include "energy_model/sram.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <utility>

namespace setun::energy {
namespace {

constexpr double kWordBits = 64;

double root_of(std::uint64_t bytes) { return std::sqrt(static_cast<double>(bytes)); }

double word_pj(const SramPoint& point) { return point.read_pj * kWordBits / point.width_bits; }

}  // namespace

SramModel::SramModel(std::vector<SramPoint> points) : points_(std::move(points)) {
    if (points_.empty()) {
        throw TableError("no SRAM energies: give the table an 'sram' list");
    }
    // Normal equations of sum(((a + b r) / e - 1)^2), r the root of the size and e the cited energy of 64
    // bits.
    double ones = 0;
    double roots = 0;
    double squares = 0;
    double values = 0;
    double products = 0;
    for (const SramPoint& point : points_) {
        const double e = word_pj(point);
        const double r = root_of(point.bytes);
        const double weight = 1 / (e * e);
        ones += weight;
        roots += weight * r;
        squares += weight * r * r;
        values += weight * e;
        products += weight * e * r;
    }
    if (points_.size() == 1) {
        constant_pj_ = word_pj(points_.front());
        return;
    }
    root_pj_ = (ones * products - roots * values) / (ones * squares - roots * roots);
    constant_pj_ = (values - root_pj_ * roots) / ones;
}

double SramModel::access_pj(std::uint64_t bytes, double bits) const {
    const std::uint64_t size = std::clamp(bytes, points_.front().bytes, points_.back().bytes);
    return (constant_pj_ + root_pj_ * root_of(size)) * bits / kWordBits;
}

double SramModel::worst_fit() const {
    double worst = 0;
    for (const SramPoint& point : points_) {
        worst = std::max(worst, std::abs(access_pj(point.bytes, kWordBits) / word_pj(point) - 1));
    }
    return worst;
}

Entry SramModel::entry(std::uint64_t bytes) const {
    Entry entry;
    entry.op = fmt::format("sram_{}", bytes);
    entry.unit = Unit::kBit;
    entry.energy_pj = access_pj(bytes, 1);
    entry.node = points_.front().node;
    entry.source = points_.front().source;
    entry.accuracy = "derived";
    entry.condition = fmt::format(
        "fit of {} points ({}), within {:.1f} % of each; a write costs a read; between {} and {} bytes",
        points_.size(), points_.front().accuracy, 100 * worst_fit(), points_.front().bytes,
        points_.back().bytes);
    return entry;
}

}  // namespace setun::energy
