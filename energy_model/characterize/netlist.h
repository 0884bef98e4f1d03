// A flat gate-level netlist, as Yosys writes it in JSON.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace setun::characterize {

/// Number of a net of one bit. Two are constants.
using Net = std::uint32_t;
constexpr Net kNetZero = 0;
constexpr Net kNetOne = 1;
/// A pin that is not connected.
constexpr Net kNoNet = 0xFFFFFFFF;

struct NetlistPort {
    std::string name;
    bool input = true;
    std::vector<Net> bits;  ///< lowest first
};

struct NetlistCell {
    std::string name;
    std::string type;
    std::vector<std::pair<std::string, Net>> pins;
};

struct Netlist {
    std::string name;
    std::uint32_t nets = 2;  ///< numbers used, constants included
    std::vector<NetlistPort> ports;
    std::vector<NetlistCell> cells;

    /// Throws CharacterizeError when there is no such port.
    [[nodiscard]] const NetlistPort& port(std::string_view port_name) const;
};

/// Reads the top module of Yosys' `write_json`. An unknown bit ("x") is taken as 0. Throws CharacterizeError
/// "ORIGIN: ..." when the text is not such a file, has no module or several without a top, or has a pin wider
/// than a bit.
[[nodiscard]] Netlist parse_netlist(std::string_view json, const std::string& origin);

}  // namespace setun::characterize
