// Values of a unit's ports, cycle by cycle.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "energy_model/characterize/design.h"

namespace setun::characterize {

/// One bit per byte, a row per cycle.
class Trace {
  public:
    struct Port {
        std::string name;
        unsigned width = 0;
    };

    Trace(std::vector<Port> ports, std::size_t cycles);

    [[nodiscard]] std::size_t cycles() const { return cycles_; }
    [[nodiscard]] const std::vector<Port>& ports() const { return ports_; }

    /// Sets `width` bits (at most 64) of a port from bit `low` up to those of `value`.
    void set(std::size_t cycle, std::size_t port, unsigned low, unsigned width, std::uint64_t value);
    [[nodiscard]] std::span<const std::uint8_t> bits(std::size_t cycle, std::size_t port) const;

    /// The cycle's bits in the order of the design's ports of that direction. Throws CharacterizeError when
    /// names or widths differ.
    [[nodiscard]] std::vector<std::vector<std::uint8_t>> ordered(const Design& design, bool inputs) const;

  private:
    std::vector<Port> ports_;
    std::vector<unsigned> offset_;
    unsigned width_ = 0;
    std::size_t cycles_;
    std::vector<std::uint8_t> bits_;
};

}  // namespace setun::characterize
