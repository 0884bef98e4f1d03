// Cycles of command lists from the performance model, as the simulated kernel behind `--device rtl` would
// count them.
#include "host/cpu/kernel_timing.h"

#include "host/base/error.h"

namespace setun {
namespace {

using sim::PerformanceModel;

/// Register accesses of host/device/rtl_device.cpp; 64-bit registers take two.
constexpr std::uint64_t writes(std::uint64_t count) { return count * PerformanceModel::kRegisterWriteCycles; }
constexpr std::uint64_t reads(std::uint64_t count) { return count * PerformanceModel::kRegisterReadCycles; }
constexpr std::uint64_t kIdentity = reads(4);
constexpr std::uint64_t kBasesAndInterrupt = writes(2 + 2);
constexpr std::uint64_t kStart = writes(2 + 1 + 1);
constexpr std::uint64_t kCollect = writes(1) + reads(1 + 6 + 7 * 2);

sim::PerformanceOptions model_options(const TimingOptions& options) {
    sim::PerformanceOptions result;
    result.kernel = {options.ports, options.port_bits, options.tokens, SETUN_LEAF_PLANES, options.tile_rows};
    result.memory = sim::memory_preset(options.memory);
    if (options.clock_hz != 0) {
        result.memory.clock_hz = options.clock_hz;
    }
    result.seed = options.seed;
    result.fill_cycles = options.fill_cycles;
    return result;
}

PerformanceModel make_model(const TimingOptions& options) {
    try {
        return PerformanceModel(model_options(options));
    } catch (const std::invalid_argument& error) {
        throw InputError(error.what());
    }
}

}  // namespace

KernelTiming::KernelTiming(const TimingOptions& options)
    : model_(make_model(options)),
      clock_hz_(options.clock_hz != 0 ? options.clock_hz : sim::memory_preset(options.memory).clock_hz) {
    model_.idle(PerformanceModel::kResetCycles + kIdentity + writes(std::uint64_t{2} * options.ports) +
                kBasesAndInterrupt);
}

Counters KernelTiming::run(std::span<const Command> list, std::uint64_t list_offset,
                           std::vector<sim::TileStart>* tiles) {
    model_.idle(kStart);
    sim::PredictedRun run;
    try {
        run = model_.run(list, {.list = list_offset}, tiles);
    } catch (const std::invalid_argument& error) {
        throw DeviceError(error.what());
    }
    model_.idle(kCollect);
    Counters c;
    c.cycles = run.cycles;
    c.busy = run.busy;
    c.beats = run.beats;
    c.stall_w = run.stall_w;
    c.stall_x = run.stall_x;
    c.stall_y = run.stall_y;
    c.weight_bytes = run.weight_bytes;
    c.data_read_bytes = run.data_read_bytes;
    c.data_write_bytes = run.data_write_bytes;
    return c;
}

}  // namespace setun
