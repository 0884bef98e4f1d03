// Text of energy_model/area/engines.json, compiled into the library.
#pragma once

#include <string_view>

namespace setun::area {

/// JSON: how the engines were synthesised, and what each took.
[[nodiscard]] std::string_view builtin_engines() noexcept;

}  // namespace setun::area
