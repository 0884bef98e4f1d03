// Runs a program under XRT's hardware emulation: environment, image, supervision, clean-up.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "host/xrt/xrt_loader.h"
#include "sim/kernel_sim.h"

namespace setun {

/// What the emulation simulates.
struct XrtEmulation {
    sim::KernelConfig config;
    std::string memory = "ddr4";  ///< name of a memory preset
    std::uint64_t seed = 0;       ///< of the memory's timing jitter
    std::string xclbin;           ///< an image to use instead; empty: one is made from the above
    std::filesystem::path folder = program_folder();  ///< where simulator and shim lie
};

/// XCL_EMULATION_MODE asks for hardware emulation. Throws InputError for other modes.
[[nodiscard]] bool xrt_emulation_asked();
/// This process was started by run_in_xrt_emulation().
[[nodiscard]] bool inside_xrt_emulation();
/// Such a process has said what there is to say and ends; nothing otherwise. One that ends with an error and
/// did not call this was ended by XRT, which is what the launcher then reports.
void end_emulated_host();
/// The image that such a process loads.
[[nodiscard]] std::string xrt_emulation_xclbin();

/// The image for `emulation`. Throws InputError when this build cannot simulate its configuration or memory.
[[nodiscard]] std::vector<std::byte> make_emulation_xclbin(const XrtEmulation& emulation);

/// Starts this program again, with the same arguments, in an environment in which XRT finds our simulator
/// instead of a card; waits, and returns its exit code.
///
/// Everything lives in one folder /tmp/setun-xrt-*: image, run folder, sockets. The host gets a session of
/// its own, because XRT's driver signals its whole process group. SIGINT, SIGTERM and SIGHUP are passed on,
/// the second one and SIGQUIT kill. When the simulator dies the host is killed, for XRT would wait for ever.
/// However it ends, no process, socket or folder stays; folders of launchers that were killed themselves go
/// with the next start.
///
/// Throws InputError when something is missing or the image is bad, DeviceError that says why when simulator
/// or host died.
[[nodiscard]] int run_in_xrt_emulation(const XrtEmulation& emulation);

}  // namespace setun
