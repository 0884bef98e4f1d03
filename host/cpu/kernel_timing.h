// Cycles of command lists from the performance model, as the simulated kernel behind `--device rtl` would
// count them.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "host/device/device.h"
#include "sim/performance_model.h"

namespace setun {

/// Which kernel, behind which memory.
struct TimingOptions {
    unsigned ports = 1;
    unsigned port_bits = 512;
    unsigned tokens = 1;
    unsigned tile_rows = 1024;
    std::string memory = "ddr4";  ///< name of a preset of sim/memory_presets.h
    std::uint64_t seed = 0;       ///< of timing jitter
    unsigned fill_cycles = 0;     ///< of the leaf, see sim::PerformanceOptions
    double clock_hz = 0;          ///< of the kernel; 0: the clock of the preset
};

/// The performance model, used as host/device/rtl_device.cpp uses the simulation: the same register accesses
/// before, between and after the lists, so that refresh and jitter meet every list at the same moment.
class KernelTiming {
  public:
    /// Throws InputError when no kernel has this configuration or the preset does not exist.
    explicit KernelTiming(const TimingOptions& options);

    /// Counters of a list at `list_offset`; offsets as on any device, `nonzero` stays 0. Throws DeviceError
    /// for a command that the kernel refuses.
    /// `tiles` as in sim::PerformanceModel::run.
    Counters run(std::span<const Command> list, std::uint64_t list_offset,
                 std::vector<sim::TileStart>* tiles = nullptr);

    [[nodiscard]] double clock_hz() const { return clock_hz_; }

    /// What reports say behind the engine of such a device.
    static constexpr const char* kSays = "cycles from the performance model";

  private:
    sim::PerformanceModel model_;
    double clock_hz_;
};

}  // namespace setun
