// The Verilated kernel in process, behind the Device interface.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "host/device/device.h"

namespace setun {

/// Which kernel to simulate, behind which memory.
struct RtlOptions {
    unsigned ports = 1;
    unsigned port_bits = 512;
    unsigned tokens = 1;
    unsigned tile_rows = 1024;
    unsigned leaf = SETUN_LEAF_PLANES;
    bool counts_nonzero = true;           ///< the kernel has the NONZERO counter
    std::string memory = "ddr4";          ///< name of a preset of sim/memory_presets.h
    std::uint64_t seed = 0;               ///< of timing jitter and power-up values
    std::string trace_file;               ///< FST waveform; empty = none
    std::uint64_t trace_first_cycle = 0;  ///< counted from the start of the simulation
    std::uint64_t trace_cycles = ~std::uint64_t{0};
    bool verify_protocol = false;  ///< check every pin against the AXI rules; several times slower
};

/// A simulation of the kernel with its memories. map() does not copy. submit() programs the registers, and
/// the simulation runs inside wait(), in the caller's thread. Counters come from the chip's registers, bytes
/// from its ports.
///
/// Throws DeviceError when the memory preset or the kernel configuration is not in this build (the message
/// lists what is), and when the chip's identification or configuration registers differ from the options.
/// Calls throw DeviceError when the simulation fails: a stuck channel, a failed assertion, a violated AXI
/// rule.
[[nodiscard]] std::unique_ptr<Device> make_rtl_device(const RtlOptions& options);

/// Kernel configurations and memory presets of this build, for messages and `setun devices`.
[[nodiscard]] std::string rtl_kernel_names();
[[nodiscard]] std::string rtl_memory_names();

/// Speed of the simulator itself.
struct SimulationSpeed {
    std::uint64_t cycles = 0;
    std::uint64_t weights = 0;  ///< lanes of the beats consumed, padding included
    double seconds = 0;         ///< wall clock

    [[nodiscard]] double nanoseconds_per_cycle() const {
        return cycles ? seconds * 1e9 / static_cast<double>(cycles) : 0;
    }
    [[nodiscard]] double weights_per_second() const {
        return seconds > 0 ? static_cast<double>(weights) / seconds : 0;
    }
};

/// Runs one m x k ternary matrix of random weights `repeat` times on a fresh device and measures how fast the
/// simulation goes. Throws like make_rtl_device() and when the run ends with an error.
[[nodiscard]] SimulationSpeed measure_rtl_speed(const RtlOptions& options, std::uint32_t m, std::uint32_t k,
                                                unsigned repeat);

}  // namespace setun
