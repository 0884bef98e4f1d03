// setun-xrt-emulator: the simulator process that XRT's hardware emulation driver starts and talks to.
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <string>
#include <string_view>

#include "sim/kernel_sim.h"
#include "sim/xrt/emulated_device.h"
#include "sim/xrt/kernel_image.h"
#include "sim/xrt/run_status.h"
#include "sim/xrt/server.h"

namespace setun::emulation {
namespace {

constexpr const char* kHelp =
    "setun-xrt-emulator: simulates the Setun kernel for XRT's hardware emulation.\n"
    "\n"
    "XRT starts it from the xclbin (setun devices --write-xclbin FILE); by hand it is of no use.\n"
    "\n"
    "  --kernel PORTSxPORT_BITSxTOKENS[-tree][-rTILE_ROWS]   configuration to simulate\n"
    "  --memory NAME                                         memory preset behind it\n"
    "  --seed N                                              seed of the memory's timing jitter\n";

struct Options {
    sim::KernelConfig config;
    std::string memory = "ideal";
    std::uint64_t seed = 0;
    bool help = false;
};

Options parse(int argc, char** argv) {
    Options options;
    for (int i = 1; i < argc; ++i) {
        const std::string_view name = argv[i];
        if (name == "--help") {
            options.help = true;
            return options;
        }
        if (name != "--kernel" && name != "--memory" && name != "--seed") {
            continue;  // the driver adds an argument for its own simulator's waveform viewer
        }
        if (i + 1 == argc) {
            throw std::invalid_argument(std::string(name) + " needs a value");
        }
        const std::string value = argv[++i];
        if (name == "--kernel") {
            options.config = sim::KernelConfig::parse(value);
        } else if (name == "--memory") {
            options.memory = value;
        } else {
            options.seed = std::strtoull(value.c_str(), nullptr, 10);
        }
    }
    return options;
}

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

/// Standard error is the host's: where there is a launcher, that speaks.
void complain(const std::string& folder, const std::exception& error) {
    if (folder.empty()) {
        std::fprintf(stderr, "setun-xrt-emulator: %s\n", error.what());
    }
}

int serve(const Options& options) {
    std::signal(SIGPIPE, SIG_IGN);
    const std::string folder = environment(kRunFolderVariable);
    const RunStatus status(folder);
    try {
        status.running();
        sim::SimOptions simulation;
        simulation.memory = sim::memory_preset(options.memory);
        simulation.seed = options.seed;
        EmulatedDevice device(sim::make_kernel_sim(options.config, simulation));
        Server server(Addresses::from_environment());
        server.serve(device);
        status.closed();
        return EXIT_SUCCESS;
    } catch (const HostGone& error) {
        status.closed();  // the launcher waits for the host and sees how it ended
        complain(folder, error);
        return EXIT_FAILURE;
    } catch (const std::exception& error) {
        status.failed(error.what());
        complain(folder, error);
        return EXIT_FAILURE;
    }
}

}  // namespace
}  // namespace setun::emulation

int main(int argc, char** argv) {
    using namespace setun::emulation;
    try {
        const Options options = parse(argc, argv);
        if (options.help) {
            std::fputs(kHelp, stdout);
            return EXIT_SUCCESS;
        }
        return serve(options);
    } catch (const std::exception& error) {
        std::fprintf(stderr, "setun-xrt-emulator: %s\n", error.what());
        return 2;
    }
}
