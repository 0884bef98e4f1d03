// Time of the platform: SystemC time, memory channels and clock cycles in one unit.
#pragma once

#include <cstdint>
#include <systemc>

#include "sim/memory_channel.h"

namespace setun::vp {

using sim::kCycle;
using sim::kTimeShift;
using sim::Time;

/// One clock is 65536 ps of SystemC time whatever its real frequency, so that the memory channels' 1/65536
/// cycle is exactly one picosecond and nothing is ever rounded. Reports turn cycles into seconds with the
/// preset's clock.
inline sc_core::sc_time to_sc(Time time) { return sc_core::sc_time::from_value(time); }
inline Time to_time(const sc_core::sc_time& time) { return time.value(); }
inline sc_core::sc_time cycles_to_sc(std::uint64_t cycles) { return to_sc(cycles << kTimeShift); }

/// The present moment.
inline Time now_time() { return sc_core::sc_time_stamp().value(); }
inline std::uint64_t now_cycle() { return now_time() >> kTimeShift; }
/// First clock edge at or after `time`.
inline std::uint64_t next_edge(Time time) { return (time + kCycle - 1) >> kTimeShift; }

}  // namespace setun::vp
