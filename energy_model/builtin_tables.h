// Text of the technology tables that are compiled into the library (energy_model/tech/*.json).
#pragma once

#include <span>
#include <string_view>

namespace setun::energy {

struct BuiltinTable {
    std::string_view name;
    std::string_view json;
};

/// All builtin tables, in the order in which reports list them.
[[nodiscard]] std::span<const BuiltinTable> builtin_tables() noexcept;

}  // namespace setun::energy
