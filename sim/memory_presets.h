// Memory systems that the simulator can put behind the kernel: one table, every number with its source.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>

namespace setun::sim {

/// Which ports share a channel's bandwidth.
enum class ChannelSharing : std::uint8_t {
    kPerPort,     ///< every weight port and the data port have a channel of their own
    kDataWithW0,  ///< every weight port has a channel; the data port shares that of port 0
    kAll,         ///< one channel serves all ports
};

/// A memory system in physical units; make_channel_timing() turns it into kernel clock cycles.
struct MemoryPreset {
    std::string_view name;
    std::string_view description;
    double clock_hz;                  ///< kernel clock
    double channel_bytes_per_second;  ///< peak of one channel; 0 = unlimited
    ChannelSharing sharing;
    double read_latency_ns;    ///< address accepted to first data of an idle channel; 0 = one cycle
    double write_latency_ns;   ///< last data accepted to write response; 0 = one cycle
    double refresh_period_ns;  ///< average refresh interval tREFI; 0 = no refresh
    double refresh_time_ns;    ///< channel blocked per refresh, tRFC
    double jitter_ns;          ///< extra read latency, uniform in [0, jitter], from the seed
    unsigned outstanding;      ///< bursts a port may have in flight in each direction
    std::string_view source;   ///< where the numbers come from; assumptions are called so
};

/// All presets; the first is "ideal".
[[nodiscard]] std::span<const MemoryPreset> memory_presets();

/// The preset called `name`. Throws std::invalid_argument that lists the valid names.
[[nodiscard]] const MemoryPreset& memory_preset(std::string_view name);

/// "ideal, ddr4, ..." for messages and help texts.
[[nodiscard]] std::string memory_preset_names();

}  // namespace setun::sim
