// Port values by name, and in a netlist's order.
#include "energy_model/characterize/trace.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "energy_model/characterize/error.h"

namespace setun::characterize {

Trace::Trace(std::vector<Port> ports, std::size_t cycles) : ports_(std::move(ports)), cycles_(cycles) {
    for (const Port& port : ports_) {
        offset_.push_back(width_);
        width_ += port.width;
    }
    bits_.assign(cycles_ * width_, 0);
}

void Trace::set(std::size_t cycle, std::size_t port, unsigned low, unsigned width, std::uint64_t value) {
    std::uint8_t* bit = &bits_.at(cycle * width_ + offset_[port] + low);
    for (unsigned i = 0; i < width; ++i) {
        bit[i] = static_cast<std::uint8_t>(value >> i & 1U);
    }
}

std::span<const std::uint8_t> Trace::bits(std::size_t cycle, std::size_t port) const {
    return std::span(bits_).subspan(cycle * width_ + offset_[port], ports_[port].width);
}

std::vector<std::vector<std::uint8_t>> Trace::ordered(const Design& design, bool inputs) const {
    std::vector<std::size_t> order;
    for (const NetlistPort& wanted : design.ports) {
        if (wanted.input != inputs) {
            continue;
        }
        const auto it = std::find_if(ports_.begin(), ports_.end(),
                                     [&](const Port& port) { return port.name == wanted.name; });
        if (it == ports_.end() || it->width != wanted.bits.size()) {
            throw CharacterizeError(
                fmt::format("port '{}' of {} bits has no stimulus or reference of that width", wanted.name,
                            wanted.bits.size()));
        }
        order.push_back(static_cast<std::size_t>(it - ports_.begin()));
    }
    std::vector<std::vector<std::uint8_t>> rows(cycles_);
    for (std::size_t cycle = 0; cycle < cycles_; ++cycle) {
        for (const std::size_t port : order) {
            const std::span<const std::uint8_t> part = bits(cycle, port);
            rows[cycle].insert(rows[cycle].end(), part.begin(), part.end());
        }
    }
    return rows;
}

}  // namespace setun::characterize
