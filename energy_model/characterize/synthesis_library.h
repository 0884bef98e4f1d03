// One Liberty file for synthesis: the combinational cells of a library with one worst-case arc per pin pair,
// no powers.
#pragma once

#include <string>

#include "energy_model/characterize/liberty.h"

namespace setun::characterize {

/// Name of the flip-flop that registers are mapped to.
constexpr const char* kFlipFlopCell = "DFFHQNx1_ASAP7_75t_R";
/// Name of the full adder (outputs CON and SN, both inverted) that carry-save arrays can be mapped to.
constexpr const char* kFullAdderCell = "FAx1_ASAP7_75t_R";

/// Liberty text for `dfflibmap` and abc: every combinational cell with one output and at least one input,
/// without delay cells (HB*) and clock inverters (CKINV*), and kFlipFlopCell. abc reads one file only and no
/// powers; where a library has an arc for every state, the greatest of all is written, which is what abc
/// would work out.
[[nodiscard]] std::string synthesis_liberty(const LibertyLibrary& library);

}  // namespace setun::characterize
