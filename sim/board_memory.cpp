// How much memory the boards have that the timing presets stand for.
#include "sim/board_memory.h"

namespace setun {

std::uint64_t board_memory_bytes(std::string_view preset) {
    constexpr std::uint64_t kGiB = 1ULL << 30U;
    if (preset == "kv260") {
        return 4 * kGiB;
    }
    if (preset == "u250") {
        return 64 * kGiB;
    }
    return preset == "u50" || preset == "u280" ? 8 * kGiB : 0;
}

}  // namespace setun
