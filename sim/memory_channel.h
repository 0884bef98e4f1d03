// Bandwidth, latency and refresh of one memory channel, reckoned once per burst.
#pragma once

#include <algorithm>
#include <cstdint>

#include "sim/memory_presets.h"
#include "sim/random.h"

namespace setun::sim {

/// Simulated time in 1/65536 of a kernel clock cycle, so that 14.375 GB/s at 300 MHz is not rounded to whole
/// bytes.
using Time = std::uint64_t;
constexpr unsigned kTimeShift = 16;
constexpr Time kCycle = Time{1} << kTimeShift;
constexpr Time kNever = ~Time{0};

/// A channel in units of the kernel clock.
struct ChannelTiming {
    Time byte_time = 0;          ///< occupancy of the channel per byte; 0 = unlimited bandwidth
    Time read_latency = kCycle;  ///< address accepted to first beat, at least one cycle
    Time write_latency = kCycle;
    Time refresh_period = 0;  ///< 0 = no refresh
    Time refresh_time = 0;
    std::uint32_t jitter_cycles = 0;
    unsigned outstanding = 32;
};

/// Converts a preset to cycles of its kernel clock. Latencies round up to whole cycles, one at least.
[[nodiscard]] ChannelTiming make_channel_timing(const MemoryPreset& preset);

/// One memory channel: a resource that bursts occupy one after another.
///
/// A burst occupies the channel for bytes x byte_time from the moment it is accepted and the channel is free.
/// A refresh that falls due waits for the burst in progress (JEDEC allows postponing) and then blocks the
/// channel. Latency is pipelined: it delays data, it does not occupy the channel. Rows, banks and bus
/// turnaround are not modelled.
class MemoryChannel {
  public:
    MemoryChannel() = default;
    MemoryChannel(const ChannelTiming& timing, std::uint64_t seed)
        : timing_(timing),
          next_refresh_(timing.refresh_period ? timing.refresh_period : kNever),
          random_(seed) {}

    [[nodiscard]] const ChannelTiming& timing() const { return timing_; }

    /// Accepts a read burst at `now`; returns when its first beat can be delivered.
    Time read(Time now, unsigned bytes) {
        Time first = occupy(now, bytes) + timing_.read_latency;
        if (timing_.jitter_cycles != 0) {
            first += kCycle * random_.between(0, timing_.jitter_cycles);
        }
        return first;
    }

    /// Accepts a complete write burst at `now`; returns when its response can be given.
    Time write(Time now, unsigned bytes) {
        const Time begin = occupy(now, bytes);
        return begin + bytes * timing_.byte_time + timing_.write_latency;
    }

  private:
    Time occupy(Time now, unsigned bytes) {
        Time begin = std::max(now, free_at_);
        while (begin >= next_refresh_) {
            free_at_ = std::max(free_at_, next_refresh_) + timing_.refresh_time;
            next_refresh_ += timing_.refresh_period;
            begin = std::max(begin, free_at_);
        }
        free_at_ = begin + bytes * timing_.byte_time;
        return begin;
    }

    ChannelTiming timing_;
    Time free_at_ = 0;
    Time next_refresh_ = kNever;
    Random random_;
};

}  // namespace setun::sim
