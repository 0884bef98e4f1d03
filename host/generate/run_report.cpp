// What a generated token cost: cycles, share of the roofline, bytes, joules, simulation speed.
#include "host/generate/run_report.h"

#include <algorithm>

#include "sim/memory_presets.h"

namespace setun {

double roofline_cycles(const DeviceInfo& info, const Counters& counters) {
    const double port_limit = static_cast<double>(counters.beats) / info.ports;
    if (info.memory.empty()) {
        return port_limit;
    }
    const sim::MemoryPreset& preset = sim::memory_preset(info.memory);
    if (preset.channel_bytes_per_second == 0) {
        return port_limit;
    }
    const double channels = preset.sharing == sim::ChannelSharing::kAll ? 1 : info.ports;
    const double bytes_per_cycle = channels * preset.channel_bytes_per_second / preset.clock_hz;
    return std::max(port_limit, static_cast<double>(counters.weight_bytes) / bytes_per_cycle);
}

std::uint64_t idle_cycles(const Counters& counters) {
    const std::uint64_t known = counters.busy + counters.stall_w + counters.stall_x + counters.stall_y;
    return counters.cycles - std::min(counters.cycles, known);
}

std::string energy_memory_of(const std::string& preset) {
    if (preset == "u50" || preset == "u280") {
        return "hbm2";
    }
    return preset == "ideal" ? "none" : "ddr4";
}

RunReport make_report(const DeviceInfo& info, const GenerateTotals& result) {
    RunReport report;
    StepTally tally = result.decode;
    if (tally.steps == 0) {
        report.decode_only = false;
        tally = result.prompt;
    }
    report.tokens = std::max<std::uint64_t>(1, tally.drawn);
    report.counters = tally.counters;
    report.prompt_cycles = result.prompt.counters.cycles;
    report.total_cycles = report.prompt_cycles + result.decode.counters.cycles;
    report.prompt_positions = result.prompt.positions;
    if (report.prompt_cycles != 0) {
        report.prompt_positions_per_cycle =
            static_cast<double>(report.prompt_positions) / static_cast<double>(report.prompt_cycles);
    }
    if (tally.steps != 0) {
        report.positions_per_pass = static_cast<double>(tally.positions) / static_cast<double>(tally.steps);
    }
    if (tally.head_steps != 0) {
        report.head_planes = tally.head_planes / static_cast<double>(tally.head_steps);
    }
    const auto per_token = [&](std::uint64_t value) {
        return static_cast<double>(value) / static_cast<double>(report.tokens);
    };
    const Counters& c = report.counters;
    report.cycles_per_token = per_token(c.cycles);
    if (c.cycles != 0) {
        report.roofline = roofline_cycles(info, c) / static_cast<double>(c.cycles);
    }
    report.weight_bytes_per_token = per_token(c.weight_bytes);
    report.bytes_per_token = per_token(c.weight_bytes + c.data_read_bytes + c.data_write_bytes);
    report.energy_memory = energy_memory_of(info.memory);
    energy::WorkCounts work = tally.work;
    work.tokens = report.tokens;
    report.energy = energy::per_token(energy::builtin_table("7nm"), energy::builtin_table("memory"),
                                      report.energy_memory, work);
    if (result.seconds > 0) {
        const std::uint64_t products = result.prompt.work.trit_macs + result.decode.work.trit_macs;
        report.weights_per_second = static_cast<double>(products) / result.seconds;
    }
    return report;
}

}  // namespace setun
