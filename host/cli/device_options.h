// The options that choose a device, the same for every command that uses one.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/device.h"
#include "host/packing.h"
#include "host/reference.h"

namespace setun::cli {

struct DeviceOptions {
    std::string device = "rtl";
    unsigned ports = 1;
    unsigned port_bits = 512;
    unsigned tokens = 1;
    unsigned tile_rows = 1024;
    std::string leaf = "planes";
    std::string memory = "ddr4";
    std::uint64_t seed = 0;  ///< of memory jitter
    std::string trace;
    std::uint64_t trace_start = 0;
    std::uint64_t trace_cycles = 20000;
    bool memory_given = false;

    [[nodiscard]] StreamLayout layout() const { return {ports, port_bits, tile_rows}; }
    /// SETUN_LEAF_* of `leaf`.
    [[nodiscard]] unsigned leaf_form() const;
};

/// Declares --device, --ports, --port-bits, --tokens-per-beat, --tile-rows, --leaf, --memory, --trace...
void add_device_options(CLI::App& app, DeviceOptions& options);

/// Throws InputError that lists what is valid when no kernel has this configuration or the preset is unknown.
void check_device_options(const DeviceOptions& options);

/// Checks the options and opens the device. Throws InputError that lists what is valid.
std::unique_ptr<Device> open_device(const DeviceOptions& options);

/// The engine that a device's integers are compared with: the fast processor kernel for simulated hardware,
/// the golden model for the processor itself.
std::unique_ptr<ReferenceEngine> open_reference(const DeviceOptions& options,
                                                const std::vector<ProductGroup>& groups);

/// The processor's kernel as reference, whatever the device.
std::unique_ptr<ReferenceEngine> open_cpu_reference(const DeviceOptions& options,
                                                    const std::vector<ProductGroup>& groups);

/// "cpu, rtl"
std::string device_names();

}  // namespace setun::cli
