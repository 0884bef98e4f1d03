// setun devices: what can run a model, in which configurations and behind which memories.
#include <fmt/format.h>

#include <sstream>

#include "host/base/file.h"
#include "host/cli/command.h"
#include "host/cli/device_options.h"
#include "host/cli/format.h"
#include "host/cpu/ternary_kernel.h"
#include "host/device/rtl_device.h"
#include "host/xrt/xrt_loader.h"
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

constexpr const char* kVp =
    SETUN_HAS_VP ? "the whole chip: Verilated kernel, vector units, RISC-V firmware, in SystemC"
                 : "left out of this build: needs SystemC, Unicorn and a RISC-V compiler";
constexpr const char* kXrt = "the kernel through the XRT native API: a card, or XRT's emulation of it";

Json text_or_null(const std::string& text) { return text.empty() ? Json(nullptr) : Json(text); }

/// What of XRT is there, in words.
std::vector<std::string> xrt_lines(const XrtState& state) {
    if (!state.problem.empty()) {
        return {"not usable: " + state.problem};
    }
    const std::string cards =
        state.cards == 0 ? "no card" : fmt::format("{} card{}", state.cards, state.cards == 1 ? "" : "s");
    const std::string problem = state.emulation_problem();
    return {fmt::format("XRT in {}; {}", state.library_folder, cards),
            problem.empty() ? "emulation: ready (--xrt-emulation)" : "emulation: " + problem};
}

class DevicesCommand final : public Command {
  public:
    void declare(CLI::App& parent) override {
        CLI::App& app =
            make_app(parent, "devices", "List devices, compiled-in kernel configurations and memory presets",
                     "setun devices --json");
        app.add_option("--write-xclbin", xclbin_,
                       "Write the image of XRT's emulation for the kernel that the options below name");
        app.add_flag("--force", force_, "Replace that file when it exists");
        add_device_options(app, options_);
    }

    int run() override {
        if (!xclbin_.empty()) {
            return write_xclbin();
        }
        const XrtState xrt = xrt_state();
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
                           {"configurations", split_names(rtl_kernel_names())}},
                          {{"name", "xrt"},
                           {"engine", kXrt},
                           {"cycle_accurate", true},
                           {"cards", xrt.cards},
                           {"libraries", text_or_null(xrt.library_folder)},
                           {"problem", text_or_null(xrt.problem)},
                           {"emulation_problem", text_or_null(xrt.emulation_problem())}},
                          {{"name", "vp"},
                           {"engine", kVp},
                           {"cycle_accurate", false},
                           {"available", SETUN_HAS_VP != 0}}}},
                        {"memories", std::move(presets)}});
            return kExitOk;
        }
        Block devices;
        devices.add("cpu", cpu);
        devices.add("rtl", rtl);
        devices.add("xrt", kXrt);
        for (const std::string& line : xrt_lines(xrt)) {
            devices.add("", line);
        }
        devices.add("vp", kVp);
        fmt::print("Devices (--device)\n{}", devices.text());
        Block configurations;
        for (const std::string& name : split_names(rtl_kernel_names())) {
            configurations.add(name, "");
        }
        fmt::print(
            "\nKernel configurations of rtl: PORTS x PORT_BITS x TOKENS (--ports, --port-bits, "
            "--tokens-per-beat)\n"
            "and -form, -rROWS, -uncounted if not the default (--leaf, --tile-rows, --uncounted)\n{}",
            configurations.text());
        Block memories;
        for (const sim::MemoryPreset& preset : sim::memory_presets()) {
            memories.add(std::string(preset.name), std::string(preset.description));
        }
        fmt::print("\nMemory presets (--memory)\n{}", memories.text());
        return kExitOk;
    }

  private:
    int write_xclbin() const {
        const std::vector<std::byte> image = emulation_xclbin(options_);
        AtomicFile file(xclbin_, force_);
        file.write(image);
        file.commit();
        if (json()) {
            print_json({{"xclbin", xclbin_}, {"bytes", image.size()}});
        } else {
            fmt::print("{}: {} bytes, for --device xrt --xrt-emulation --xclbin\n", xclbin_, image.size());
        }
        return kExitOk;
    }

    std::string xclbin_;
    bool force_ = false;
    DeviceOptions options_;
};

}  // namespace

std::unique_ptr<Command> make_devices_command() { return std::make_unique<DevicesCommand>(); }

}  // namespace setun::cli
