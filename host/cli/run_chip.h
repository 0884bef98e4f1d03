// setun run --device vp: text that the virtual chip makes by itself.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "host/chip/chip_session.h"
#include "host/cli/command.h"
#include "host/cli/device_options.h"
#include "host/generate/generate.h"
#include "host/model/model.h"
#include "host/text/tokenizer.h"

namespace setun::cli {

/// What `run` has found out before it comes to the device.
struct ChipRun {
    const DeviceOptions* device = nullptr;
    const Model* model = nullptr;
    const std::optional<Tokenizer>* tokenizer = nullptr;
    std::vector<GenerateRequest> requests;
    std::vector<std::string> shown;  ///< prompt of each request, as text
    bool verify = true;              ///< make the same tokens on device cpu and compare
    double timeout_s = 0;            ///< 0 = never
    bool energy = false;             ///< joules of a token line by line
    std::string tech = "7nm";        ///< table of operation energies
    bool json = false;
};

/// Names the commands [address, address + count) of data memory.
using ChipLabel = std::function<std::string(std::uint64_t address, std::uint32_t count)>;

/// Refuses device options that the chip does not serve. Throws InputError.
void check_chip_device(const DeviceOptions& device);

/// The chip that the options name. Throws InputError.
std::unique_ptr<vp::VirtualPlatform> open_chip(const DeviceOptions& device, std::uint64_t data_bytes,
                                               ChipLabel label = {});

/// Runs the requests one after the other, prints texts and report, and returns the exit code. Throws
/// InputError for options that the chip does not serve, CheckError when tokens differ or the chip reports a
/// failure.
int run_on_chip(const ChipRun& run);

}  // namespace setun::cli
