// The table of memory systems.
#include "sim/memory_presets.h"

#include <array>
#include <stdexcept>

namespace setun::sim {
namespace {

constexpr std::string_view kDdr4Source =
    "Peak: 2400 MT/s x 8 bytes (JEDEC JESD79-4). tREFI 7.8 us up to 85 C and tRFC 350 ns: 8 Gb device "
    "(JESD79-4). Read latency 90 ns: idle latency at a closed page, measured on an Alveo U280's DDR4 "
    "(Wang et al., Shuhai, FCCM 2020). Assumptions: rows are opened behind earlier bursts (streams are "
    "sequential), posted writes answer in 60 ns, jitter up to 17 ns (measured page hit to page miss), no "
    "read/write turnaround.";

constexpr std::string_view kHbmSource =
    "Peak: 14.375 GB/s a pseudo channel (AMD UG1393, HBM configuration). Read latency 122 ns: idle latency "
    "at "
    "a closed page, measured on an Alveo U280 (Wang et al., Shuhai, FCCM 2020). tREFI 3.9 us: JEDEC JESD235. "
    "Assumptions: tRFC 260 ns (gives 13.4 GB/s sustained; the same paper measures 425 GB/s on 32 channels, "
    "13.3 each), posted writes answer in 80 ns, jitter up to 16 ns (measured page hit to page miss), a port "
    "reaches pseudo channels beyond its own 256 MB through the switch at no cost.";

constexpr std::array kPresets{
    MemoryPreset{"ideal", "one-cycle memory with unlimited bandwidth: the kernel's own limits", 300e6, 0,
                 ChannelSharing::kPerPort, 0, 0, 0, 0, 0, 32,
                 "No physical memory; the clock is an assumption and only scales time."},
    MemoryPreset{"ddr4", "one DDR4-2400 x64 channel, 19.2 GB/s, shared by all ports; kernel at 300 MHz",
                 300e6, 19.2e9, ChannelSharing::kAll, 90, 60, 7800, 350, 17, 32, kDdr4Source},
    MemoryPreset{"u250", "Alveo U250: a DDR4-2400 x64 channel for each weight port; kernel at 300 MHz", 300e6,
                 19.2e9, ChannelSharing::kDataWithW0, 90, 60, 7800, 350, 17, 32, kDdr4Source},
    MemoryPreset{
        "kv260", "Kria KV260: one DDR4-2400 x64 channel, 19.2 GB/s, shared by all ports; 250 MHz", 250e6,
        19.2e9, ChannelSharing::kAll, 150, 80, 7800, 350, 40, 16,
        "Peak: 2400 MT/s x 8 bytes (JEDEC JESD79-4; AMD Kria K26 data sheet DS987: 64-bit DDR4). tREFI "
        "7.8 us, tRFC 350 ns: 8 Gb device (JESD79-4). Assumptions: 150 ns read latency and up to 40 ns "
        "jitter through the processing system's interconnect and controller, posted writes in 80 ns, no "
        "traffic from the processors, 16 bursts in flight a port."},
    MemoryPreset{"u50", "Alveo U50: an HBM2 pseudo channel for each port, 14.375 GB/s; kernel at 300 MHz",
                 300e6, 14.375e9, ChannelSharing::kPerPort, 122, 80, 3900, 260, 16, 32, kHbmSource},
    MemoryPreset{"u280", "Alveo U280: an HBM2 pseudo channel for each port, 14.375 GB/s; kernel at 300 MHz",
                 300e6, 14.375e9, ChannelSharing::kPerPort, 122, 80, 3900, 260, 16, 32, kHbmSource},
};

}  // namespace

std::span<const MemoryPreset> memory_presets() { return kPresets; }

const MemoryPreset& memory_preset(std::string_view name) {
    for (const MemoryPreset& preset : kPresets) {
        if (preset.name == name) {
            return preset;
        }
    }
    throw std::invalid_argument("unknown memory preset '" + std::string(name) + "': use one of " +
                                memory_preset_names());
}

std::string memory_preset_names() {
    std::string names;
    for (const MemoryPreset& preset : kPresets) {
        names += (names.empty() ? "" : ", ") + std::string(preset.name);
    }
    return names;
}

}  // namespace setun::sim
