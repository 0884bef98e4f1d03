// The forms of the engine's leaf by name, in the order of their numbers (SETUN_LEAF_* in rtl/setun_abi.h).
#pragma once

#include <array>
#include <string_view>

#include "rtl/setun_abi.h"

namespace setun::sim {

inline constexpr std::array<std::string_view, 4> kLeafNames{"planes", "tree", "table", "bram"};
static_assert(SETUN_LEAF_PLANES == 0 && SETUN_LEAF_TREE == 1 && SETUN_LEAF_TABLE == 2 &&
              SETUN_LEAF_BRAM == 3);

}  // namespace setun::sim
