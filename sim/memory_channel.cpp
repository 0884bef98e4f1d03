// Presets to cycles.
#include "sim/memory_channel.h"

#include <cmath>

namespace setun::sim {
namespace {

Time whole_cycles(double nanoseconds, double clock_hz) {
    constexpr double kRounding =
        1e-6;  // 90 ns at 300 MHz are 27 cycles although the product is a little above
    return kCycle * static_cast<Time>(std::max(1.0, std::ceil(nanoseconds * 1e-9 * clock_hz - kRounding)));
}

Time exact(double cycles) { return static_cast<Time>(std::llround(cycles * static_cast<double>(kCycle))); }

}  // namespace

ChannelTiming make_channel_timing(const MemoryPreset& preset) {
    const double cycles_per_ns = preset.clock_hz * 1e-9;
    ChannelTiming timing;
    if (preset.channel_bytes_per_second > 0) {
        timing.byte_time = exact(preset.clock_hz / preset.channel_bytes_per_second);
    }
    timing.read_latency = whole_cycles(preset.read_latency_ns, preset.clock_hz);
    timing.write_latency = whole_cycles(preset.write_latency_ns, preset.clock_hz);
    timing.refresh_period = exact(preset.refresh_period_ns * cycles_per_ns);
    timing.refresh_time = exact(preset.refresh_time_ns * cycles_per_ns);
    timing.jitter_cycles = static_cast<std::uint32_t>(preset.jitter_ns * cycles_per_ns);
    timing.outstanding = preset.outstanding;
    return timing;
}

}  // namespace setun::sim
