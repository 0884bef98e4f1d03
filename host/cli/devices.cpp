// setun devices: what can run a model, in which configurations and behind which memories.
#include <fmt/format.h>

#include <sstream>

#include "host/cli/command.h"
#include "host/cli/device_options.h"
#include "host/cli/format.h"
#include "host/cpu/ternary_kernel.h"
#include "host/rtl_device.h"
#include "sim/memory_presets.h"

namespace setun::cli {
namespace {

/// "a, b, c" to a list.
std::vector<std::string> split_names(const std::string& text) {
    std::vector<std::string> names;
    std::stringstream list(text);
    for (std::string name; std::getline(list, name, ',');) {
        names.push_back(name.substr(name.find_first_not_of(' ')));
    }
    return names;
}

class DevicesCommand final : public Command {
  public:
    void declare(CLI::App& parent) override {
        make_app(parent, "devices", "List devices, compiled-in kernel configurations and memory presets",
                 "setun devices --json");
    }

    int run() override {
        const std::string cpu =
            std::string("golden functions, exact ternary kernel, cycles from the performance model, ") +
            (TernaryKernel::has_avx2() ? "AVX2" : "portable C++");
        const std::string rtl = "Verilated kernel in process, cycle-accurate";
        if (json()) {
            Json presets = Json::array();
            for (const sim::MemoryPreset& preset : sim::memory_presets()) {
                presets.push_back({{"name", preset.name},
                                   {"description", preset.description},
                                   {"clock_hz", preset.clock_hz},
                                   {"channel_bytes_per_s", preset.channel_bytes_per_second == 0
                                                               ? Json(nullptr)
                                                               : Json(preset.channel_bytes_per_second)},
                                   {"read_latency_ns", preset.read_latency_ns},
                                   {"source", preset.source}});
            }
            print_json({{"devices",
                         {{{"name", "cpu"}, {"engine", cpu}, {"cycle_accurate", false}},
                          {{"name", "rtl"},
                           {"engine", rtl},
                           {"cycle_accurate", true},
                           {"configurations", split_names(rtl_kernel_names())}}}},
                        {"memories", std::move(presets)}});
            return kExitOk;
        }
        Block devices;
        devices.add("cpu", cpu);
        devices.add("rtl", rtl);
        fmt::print("Devices (--device)\n{}", devices.text());
        Block configurations;
        for (const std::string& name : split_names(rtl_kernel_names())) {
            configurations.add(name, "");
        }
        fmt::print(
            "\nKernel configurations of rtl: PORTS x PORT_BITS x TOKENS (--ports, --port-bits, "
            "--tokens-per-beat)\n{}",
            configurations.text());
        Block memories;
        for (const sim::MemoryPreset& preset : sim::memory_presets()) {
            memories.add(std::string(preset.name), std::string(preset.description));
        }
        fmt::print("\nMemory presets (--memory)\n{}", memories.text());
        return kExitOk;
    }
};

}  // namespace

std::unique_ptr<Command> make_devices_command() { return std::make_unique<DevicesCommand>(); }

}  // namespace setun::cli
