// The options that choose a device, the same for every command that uses one.
#pragma once

#include <CLI/CLI.hpp>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "host/device/device.h"
#include "host/device/packing.h"
#include "host/schedule/reference.h"

namespace setun::cli {

struct DeviceOptions {
    std::string device = "rtl";
    unsigned ports = 1;
    unsigned port_bits = 512;
    unsigned tokens = 1;
    unsigned tile_rows = 1024;
    std::string leaf = "planes";
    bool uncounted = false;  ///< simulate the kernel without the counter of non-zero weights
    std::string memory = "ddr4";
    std::uint64_t seed = 0;  ///< of memory jitter
    std::string trace;
    std::uint64_t trace_start = 0;
    std::uint64_t trace_cycles = 20000;
    bool memory_given = false;
    bool xrt_emulation = false;  ///< XRT's hardware emulation instead of a card
    std::string xclbin;          ///< image for device xrt
    unsigned card = 0;           ///< number of the card
    std::string firmware;        ///< ELF of device vp; empty = the one that was built with this program
    std::string timeline;        ///< device vp: file for the trace of its units
    bool uart = false;           ///< device vp: show what the firmware prints

    [[nodiscard]] StreamLayout layout() const { return {ports, port_bits, tile_rows}; }
    /// SETUN_LEAF_* of `leaf`.
    [[nodiscard]] unsigned leaf_form() const;
    /// The firmware of device vp. Throws InputError when none was built and none is named.
    [[nodiscard]] std::string firmware_file() const;
};

/// Declares --device, --ports, --port-bits, --tokens-per-beat, --tile-rows, --leaf, --uncounted, --memory,
/// --trace...
void add_device_options(CLI::App& app, DeviceOptions& options);

/// Throws InputError that lists what is valid when no kernel has this configuration or the preset is unknown.
void check_device_options(const DeviceOptions& options);

/// Everything has been done by another process; the program ends with its exit code.
struct ExitRequest {
    int code;
};

/// Checks the options and opens the device. Throws InputError that lists what is valid. For XRT's emulation
/// it starts the program again in a prepared environment, and throws ExitRequest when that has ended.
std::unique_ptr<Device> open_device(const DeviceOptions& options);

/// The image with which XRT's emulation simulates the configuration that the options name. Throws InputError.
std::vector<std::byte> emulation_xclbin(const DeviceOptions& options);

/// The engine that a device's integers are compared with: the fast processor kernel for simulated hardware,
/// the golden model for the processor itself.
std::unique_ptr<ReferenceEngine> open_reference(const DeviceOptions& options,
                                                const std::vector<ProductGroup>& groups);

/// The processor's kernel as reference, whatever the device.
std::unique_ptr<ReferenceEngine> open_cpu_reference(const DeviceOptions& options,
                                                    const std::vector<ProductGroup>& groups);

/// Why there is no device vp, in a build without it.
constexpr const char* kNoChip =
    "device vp: this build is without it; install the Debian packages libsystemc-dev, libunicorn-dev and "
    "gcc-riscv64-unknown-elf, and build again";

/// "cpu, rtl, ..."
std::string device_names();

}  // namespace setun::cli
