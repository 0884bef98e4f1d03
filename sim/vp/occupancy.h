// How many units work at the same time.
#pragma once

#include <cstdint>

#include "sim/vp/clock.h"

namespace setun::vp {

/// Integrates the number of busy units over platform time.
class Occupancy {
  public:
    void begin() { change(1); }
    void end() { change(-1); }

    /// Cycles until now with at least one, and with at least two, units busy.
    [[nodiscard]] std::uint64_t any() const { return any_ + (busy_ >= 1 ? elapsed() : 0); }
    [[nodiscard]] std::uint64_t overlapped() const { return overlapped_ + (busy_ >= 2 ? elapsed() : 0); }

  private:
    [[nodiscard]] std::uint64_t elapsed() const { return now_cycle() - since_; }
    void change(int by) {
        any_ = any();
        overlapped_ = overlapped();
        since_ = now_cycle();
        busy_ += by;
    }

    int busy_ = 0;
    std::uint64_t since_ = 0;
    std::uint64_t any_ = 0;
    std::uint64_t overlapped_ = 0;
};

}  // namespace setun::vp
