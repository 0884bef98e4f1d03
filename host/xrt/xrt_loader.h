// Finds XRT at run time, so that the program starts and runs everything else without it.
#pragma once

#include <filesystem>
#include <memory>
#include <string>

#include "host/xrt/xrt_device.h"

namespace setun {

/// Folder of the running program; plugin, simulator and shim lie beside it.
[[nodiscard]] std::filesystem::path program_folder();

/// What this machine and this build have of XRT.
struct XrtState {
    bool plugin = false;            ///< this build was made with XRT
    std::string library_folder;     ///< where XRT's libraries are; empty: not installed
    bool emulation_driver = false;  ///< libxrt_hwemu is there
    bool emulator = false;          ///< our simulator process was built
    bool unzip = false;             ///< which XRT's emulation calls
    unsigned cards = 0;             ///< that the drivers know
    std::string problem;            ///< one line when xrt cannot be used at all

    /// Why the emulation cannot run and what to do, one line; empty when it can.
    [[nodiscard]] std::string emulation_problem() const;
};

/// `folder`: where plugin and simulator lie.
[[nodiscard]] XrtState xrt_state(const std::filesystem::path& folder = program_folder());

/// Checks that `file` is an xclbin, for a card or for emulation. Throws InputError with one line that names
/// the file.
void check_xclbin(const std::filesystem::path& file, bool emulated);

/// Loads the plugin of `folder` and opens the device; the plugin stays loaded. Throws DeviceError as
/// MakeXrtDevice does, InputError when the plugin or XRT is missing.
[[nodiscard]] std::unique_ptr<Device> open_xrt_device(const XrtOptions& options,
                                                      const std::filesystem::path& folder = program_folder());

}  // namespace setun
