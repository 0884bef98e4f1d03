// A hand-written library and netlists whose energies and delays can be worked out on paper.
#pragma once

#include <string>

namespace setun::characterize::test {

/// INV, NAND2, HALF (two outputs), DFF, GATE and LATCH at 1 V. Tables are constants but for INV's delay,
/// which is 10 + load (rise) and 20 + load (fall) ps.
std::string tiny_liberty();

/// The text with the first occurrence of `from` replaced. `from` must occur.
std::string with(std::string text, const std::string& from, const std::string& to);

/// Yosys JSON of in -> INV -> INV -> out.
std::string two_inverters();

/// Yosys JSON of a register on d_i, an inverter, and a register with output q_o; the second one's clock comes
/// through a clock gate enabled by en_i.
std::string gated_registers();

}  // namespace setun::characterize::test
