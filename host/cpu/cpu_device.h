// The processor as a device: command lists run on host memory with the exact ternary kernel.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "host/cpu/ternary_kernel.h"
#include "host/device/device.h"

namespace setun {

/// The kernel that the processor stands in for, and how it does.
struct CpuOptions {
    unsigned ports = 1;
    unsigned port_bits = 512;
    unsigned tokens = 1;
    unsigned tile_rows = 1024;
    unsigned threads = 0;  ///< 0: as many as the machine has
    KernelPath path = KernelPath::kBest;
    std::string memory{};      ///< preset of sim/memory_presets.h for the performance model; empty: no cycles
    std::uint64_t seed = 0;    ///< of that memory's timing jitter
    unsigned fill_cycles = 0;  ///< of the modelled leaf, see sim::PerformanceOptions
};

/// A device that gives the integers, errors and beat and weight counters of the kernel. Without `memory` it
/// counts no cycles; with it, cycles, stalls and bytes come from the performance model and are those of a
/// simulation of this kernel and memory (a list that ends with an error has none).
///
/// wait() does the work on the caller's thread and looks at the deadline between commands. map() does not
/// copy. Bases are zero, so ERROR_ADDR is an offset. What lies outside allocated and mapped memory answers
/// like a bus that refuses (errors 9 to 12) before a command starts: first the list, then weights,
/// activations, results. data_read_bytes counts commands and each activation row once, in whole 64-byte
/// blocks when there is no model. Throws InputError for options that no kernel has.
std::unique_ptr<Device> make_cpu_device(const CpuOptions& options);

}  // namespace setun
