// How much memory the boards have that the timing presets stand for.
#pragma once

#include <cstdint>
#include <string_view>

namespace setun {

/// Bytes of memory behind a preset's ports, 0 when it stands for no board. KV260: 4 GB DDR4 (AMD Kria K26
/// data sheet DS987); U250: 64 GB DDR4, U50: 8 GB HBM2, U280: 8 GB HBM2 (AMD Alveo data sheets DS962, DS965,
/// DS963).
std::uint64_t board_memory_bytes(std::string_view preset);

}  // namespace setun
