// The options that choose a device, the same for every command that uses one.
#include "host/cli/device_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <span>

#include "host/base/error.h"
#include "host/cpu/cpu_device.h"
#include "host/device/rtl_device.h"
#include "host/xrt/xrt_emulation.h"
#include "sim/leaf_names.h"
#include "sim/memory_presets.h"
#include "sim/performance_model.h"

namespace setun::cli {
namespace {

void require_one_of(const char* option, unsigned value, std::span<const unsigned> valid) {
    if (std::find(valid.begin(), valid.end(), value) == valid.end()) {
        throw InputError(
            fmt::format("{} {} is not supported; use one of {}", option, value, fmt::join(valid, ", ")));
    }
}

/// SETUN_LEAF_* of a name.
unsigned leaf_number(std::string_view name) {
    const auto* const at = std::find(sim::kLeafNames.begin(), sim::kLeafNames.end(), name);
    if (at == sim::kLeafNames.end()) {
        throw InputError(
            fmt::format("--leaf '{}' is unknown; use one of {}", name, fmt::join(sim::kLeafNames, ", ")));
    }
    return static_cast<unsigned>(at - sim::kLeafNames.begin());
}

std::unique_ptr<Device> open_cpu(const DeviceOptions& options, unsigned threads, const std::string& memory) {
    CpuOptions cpu;
    cpu.ports = options.ports;
    cpu.port_bits = options.port_bits;
    cpu.tokens = options.tokens;
    cpu.tile_rows = options.tile_rows;
    cpu.threads = threads;
    cpu.memory = memory;
    cpu.seed = options.seed;
    cpu.fill_cycles = sim::leaf_fill_cycles(options.leaf_form());
    return make_cpu_device(cpu);
}

std::unique_ptr<Device> open_rtl(const DeviceOptions& options) {
    RtlOptions rtl;
    rtl.ports = options.ports;
    rtl.port_bits = options.port_bits;
    rtl.tokens = options.tokens;
    rtl.tile_rows = options.tile_rows;
    rtl.leaf = options.leaf_form();
    rtl.counts_nonzero = !options.uncounted;
    rtl.memory = options.memory;
    rtl.seed = options.seed;
    rtl.trace_file = options.trace;
    rtl.trace_first_cycle = options.trace_start;
    rtl.trace_cycles = options.trace_cycles;
    try {
        return make_rtl_device(rtl);
    } catch (const DeviceError& error) {
        throw InputError(error.what());
    }
}

XrtEmulation xrt_emulation(const DeviceOptions& options) {
    XrtEmulation emulation;
    emulation.config = {options.ports,       options.port_bits, options.tokens,
                        options.leaf_form(), options.tile_rows, !options.uncounted};
    emulation.memory = options.memory;
    emulation.seed = options.seed;
    emulation.xclbin = options.xclbin;
    return emulation;
}

std::unique_ptr<Device> open_xrt(const DeviceOptions& options) {
    if (!options.trace.empty()) {
        throw InputError("--trace needs the simulation in this process; use --device rtl");
    }
    const bool inside = inside_xrt_emulation();
    const bool emulated = inside || options.xrt_emulation || xrt_emulation_asked();
    if (emulated && !inside) {
        throw ExitRequest{run_in_xrt_emulation(xrt_emulation(options))};
    }
    XrtOptions xrt;
    xrt.emulated = emulated;
    xrt.index = emulated ? 0 : options.card;
    xrt.xclbin = emulated ? xrt_emulation_xclbin() : options.xclbin;
    xrt.label = options.xclbin.empty() ? "the emulation's xclbin" : options.xclbin;
    xrt.ports = options.ports;
    xrt.port_bits = options.port_bits;
    xrt.tokens = options.tokens;
    xrt.tile_rows = options.tile_rows;
    if (!emulated) {
        const XrtState state = xrt_state();
        if (!state.problem.empty()) {
            throw InputError("device xrt: " + state.problem);
        }
        if (options.xclbin.empty()) {
            throw InputError(
                state.cards == 0
                    ? "device xrt: no card on this machine; add --xrt-emulation to run the same "
                      "kernel in XRT's emulation"
                    : "device xrt: a card needs --xclbin FILE; boards/vitis says how to build one");
        }
        if (options.memory_given) {
            throw InputError("--memory needs simulated hardware; a card has its own memory");
        }
    }
    try {
        return open_xrt_device(xrt);
    } catch (const DeviceError& error) {
        throw InputError(error.what());
    }
}

}  // namespace

void check_device_options(const DeviceOptions& options) {
    constexpr std::array<unsigned, 3> kPorts{1, 2, 4};
    constexpr std::array<unsigned, 3> kPortBits{128, 256, 512};
    constexpr std::array<unsigned, 4> kTokens{1, 2, 4, 8};
    constexpr std::array<unsigned, 9> kTileRows{16, 32, 64, 128, 256, 512, 1024, 2048, 4096};
    require_one_of("--ports", options.ports, kPorts);
    require_one_of("--port-bits", options.port_bits, kPortBits);
    require_one_of("--tokens-per-beat", options.tokens, kTokens);
    require_one_of("--tile-rows", options.tile_rows, kTileRows);
    static_cast<void>(leaf_number(options.leaf));
    if (options.uncounted && options.device != "rtl" && options.device != "xrt") {
        throw InputError(fmt::format("--uncounted needs --device rtl or xrt, not {}", options.device));
    }
    const auto presets = sim::memory_presets();
    if (std::none_of(presets.begin(), presets.end(),
                     [&](const sim::MemoryPreset& preset) { return preset.name == options.memory; })) {
        throw InputError(fmt::format("unknown memory preset '{}': use one of {}", options.memory,
                                     sim::memory_preset_names()));
    }
}

unsigned DeviceOptions::leaf_form() const { return leaf_number(leaf); }

std::string DeviceOptions::firmware_file() const {
    std::string file = firmware.empty() ? SETUN_FIRMWARE_ELF : firmware;
    if (file.empty()) {
        throw InputError(
            "device vp: no firmware was built; install the Debian package gcc-riscv64-unknown-elf and build "
            "again, or name one with --firmware FILE");
    }
    return file;
}

std::string device_names() { return "cpu, rtl, xrt, vp"; }

void add_device_options(CLI::App& app, DeviceOptions& options) {
    const char* group = "Device";
    app.add_option(
           "--device", options.device,
           "cpu: cycles from the performance model; rtl: the Verilated kernel; vp: the whole chip with its "
           "firmware (run, bench); xrt: a card or XRT's emulation")
        ->capture_default_str()
        ->group(group);
    app.add_option("--ports", options.ports, "Weight ports of the kernel")
        ->capture_default_str()
        ->group(group);
    app.add_option("--port-bits", options.port_bits, "Bits of a port: 128, 256, 512")
        ->capture_default_str()
        ->group(group);
    app.add_option("--tokens-per-beat", options.tokens,
                   "TOKENS of the kernel: activation rows that share a weight beat")
        ->capture_default_str()
        ->group(group);
    app.add_option("--tile-rows", options.tile_rows, "Rows that a tile gives to each port")
        ->capture_default_str()
        ->group(group);
    app.add_option("--leaf", options.leaf,
                   fmt::format("Form of the adder leaf: {}", fmt::join(sim::kLeafNames, ", ")))
        ->capture_default_str()
        ->group(group);
    app.add_flag("--uncounted", options.uncounted,
                 "The simulated kernel without its counter of non-zero weights")
        ->group(group);
    app.add_option_function<std::string>(
           "--memory",
           [&options](const std::string& value) {
               options.memory = value;
               options.memory_given = true;
           },
           "Memory behind the kernel: " + rtl_memory_names() + " [" + options.memory + "]")
        ->group(group);
    app.add_option("--memory-seed", options.seed, "Seed of the memory's timing jitter")
        ->capture_default_str()
        ->group(group);
    app.add_flag("--xrt-emulation", options.xrt_emulation,
                 "Device xrt without a card: XRT's hardware emulation of the same kernel")
        ->group(group);
    app.add_option("--xclbin", options.xclbin, "Image for device xrt (emulation makes its own)")
        ->group(group);
    app.add_option("--card", options.card, "Number of the card for device xrt")
        ->capture_default_str()
        ->group(group);
    app.add_option("--firmware", options.firmware,
                   "Firmware of device vp, an ELF file [the one built with setun]")
        ->group(group);
    app.add_option("--timeline", options.timeline,
                   "Device vp: write a trace of units, ports and firmware for Perfetto or chrome://tracing")
        ->group(group);
    app.add_flag("--uart", options.uart, "Device vp: show what the firmware prints")->group(group);
    app.add_option("--trace", options.trace, "Write an FST waveform (rtl only)")->group(group);
    app.add_option("--trace-start", options.trace_start, "First traced cycle")
        ->capture_default_str()
        ->group(group);
    app.add_option("--trace-cycles", options.trace_cycles, "Number of traced cycles")
        ->capture_default_str()
        ->group(group);
}

std::vector<std::byte> emulation_xclbin(const DeviceOptions& options) {
    check_device_options(options);
    return make_emulation_xclbin(xrt_emulation(options));
}

std::unique_ptr<Device> open_device(const DeviceOptions& options) {
    check_device_options(options);
    if (!options.firmware.empty() || !options.timeline.empty() || options.uart) {
        throw InputError("--firmware, --timeline and --uart need --device vp");
    }
    if (options.device == "xrt") {
        return open_xrt(options);
    }
    if (options.xrt_emulation || !options.xclbin.empty()) {
        throw InputError("--xrt-emulation and --xclbin need --device xrt");
    }
    if (options.device == "vp") {
        throw InputError("device vp makes whole texts on the chip; it serves 'setun run' only");
    }
    if (options.device == "rtl") {
        return open_rtl(options);
    }
    if (options.device != "cpu") {
        throw InputError(fmt::format("unknown device '{}'; use one of {}", options.device, device_names()));
    }
    if (!options.trace.empty()) {
        throw InputError("--trace needs simulated hardware; use --device rtl");
    }
    return open_cpu(options, 0, options.memory);
}

std::unique_ptr<ReferenceEngine> open_reference(const DeviceOptions& options,
                                                const std::vector<ProductGroup>& groups) {
    if (options.device == "cpu") {
        return make_golden_reference(groups, options.tokens);
    }
    return open_cpu_reference(options, groups);
}

std::unique_ptr<ReferenceEngine> open_cpu_reference(const DeviceOptions& options,
                                                    const std::vector<ProductGroup>& groups) {
    return make_device_reference(groups, open_cpu(options, 1, ""));
}

}  // namespace setun::cli
