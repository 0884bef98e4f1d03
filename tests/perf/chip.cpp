// A Verilated kernel beside its performance model, on the same command lists.
#include "tests/perf/chip.h"

#include <algorithm>
#include <cstring>

#include "host/device/packing.h"

namespace setun::sim::test {
namespace {

constexpr std::uint64_t kDataBase = 0x40'0000'0000;
constexpr std::uint64_t kWeightBase = 0x7'0000'0000;
constexpr std::uint64_t kWeightStride = 0x1'2345'6000;

PerformanceOptions model_options(const KernelConfig& config, const MemoryPreset& memory, std::uint64_t seed,
                                 bool every_cycle) {
    PerformanceOptions options;
    options.kernel = config;
    options.memory = memory;
    options.seed = seed;
    options.fill_cycles = leaf_fill_cycles(config.leaf);
    options.every_cycle = every_cycle;
    return options;
}

SimOptions sim_options(const MemoryPreset& memory, std::uint64_t seed) {
    SimOptions options;
    options.memory = memory;
    options.seed = seed;
    return options;
}

}  // namespace

Chip::Chip(const KernelConfig& config, const MemoryPreset& memory, std::uint64_t seed)
    : config_(config),
      sim_(make_kernel_sim(config, sim_options(memory, seed))),
      fast_(model_options(config, memory, seed, false)),
      slow_(model_options(config, memory, seed, true)) {
    std::vector<std::byte> zero(config.beat_bytes());
    fill_zero_beat(zero);
    for (unsigned p = 0; p < config.ports; ++p) {
        placement_.weight_base[p] = kWeightBase + p * kWeightStride;
        const std::span<std::byte> arena = sim_->memory(p).allocate(placement_.weight_base[p], kWeightBytes);
        for (std::size_t at = 0; at < arena.size(); at += zero.size()) {
            std::ranges::copy(zero, arena.begin() + static_cast<std::ptrdiff_t>(at));
        }
        sim_->write_address(SETUN_REG_W_BASE_LO + p * SETUN_REG_W_STRIDE, placement_.weight_base[p]);
    }
    placement_.data_base = kDataBase;
    data_ = sim_->memory(KernelSim::kDataPort).allocate(kDataBase, kDataBytes);
    sim_->write_address(SETUN_REG_DATA_BASE_LO, kDataBase);
    sim_->write_register(SETUN_REG_GIE, 1);
    sim_->write_register(SETUN_REG_IER, 1);
}

Chip::Counters Chip::run(std::span<const Command> list, std::uint64_t list_offset) {
    std::memcpy(data_.data() + list_offset, list.data(), list.size_bytes());
    placement_.list = kDataBase + list_offset;
    begin(list, list_offset);
    Counters counters;
    fast_.idle(sim_->cycle() - fast_.cycle());
    counters.fast = fast_.run(list, placement_);
    slow_.idle(sim_->cycle() - slow_.cycle());
    counters.slow = slow_.run(list, placement_);
    counters.chip = finish();
    if (sim_->cycle() < fast_.cycle()) {
        throw SimError("the model's clock is ahead of the chip's");
    }
    return counters;
}

void Chip::begin(std::span<const Command> list, std::uint64_t list_offset) {
    sim_->write_address(SETUN_REG_LIST_LO, kDataBase + list_offset);
    sim_->write_register(SETUN_REG_LIST_COUNT, static_cast<std::uint32_t>(list.size()));
    bytes_before_ = bytes();
    sim_->write_register(SETUN_REG_CTRL, SETUN_CTRL_START);
}

PredictedRun Chip::finish() {
    sim_->run(100'000'000);
    sim_->write_register(SETUN_REG_ISR, 1);
    sim_->read_register(SETUN_REG_CTRL);
    if (const std::uint32_t error = sim_->read_register(SETUN_REG_ERROR); error != SETUN_ERR_NONE) {
        throw SimError("the chip reports error " + std::to_string(error));
    }
    PredictedRun run = bytes();
    run.weight_bytes -= bytes_before_.weight_bytes;
    run.data_read_bytes -= bytes_before_.data_read_bytes;
    run.data_write_bytes -= bytes_before_.data_write_bytes;
    run.cycles = sim_->read_counter(SETUN_REG_CYCLES_LO);
    run.busy = sim_->read_counter(SETUN_REG_BUSY_LO);
    run.beats = sim_->read_counter(SETUN_REG_BEATS_LO);
    run.stall_w = sim_->read_counter(SETUN_REG_STALL_W_LO);
    run.stall_x = sim_->read_counter(SETUN_REG_STALL_X_LO);
    run.stall_y = sim_->read_counter(SETUN_REG_STALL_Y_LO);
    return run;
}

PredictedRun Chip::bytes() const {
    PredictedRun run;
    for (unsigned p = 0; p < config_.ports; ++p) {
        run.weight_bytes += sim_->stats(p).read_bytes;
    }
    run.data_read_bytes = sim_->stats(KernelSim::kDataPort).read_bytes;
    run.data_write_bytes = sim_->stats(KernelSim::kDataPort).write_bytes;
    return run;
}

std::vector<Command> random_list(std::mt19937_64& random, const KernelConfig& config, std::uint64_t beats) {
    const auto between = [&](std::uint64_t low, std::uint64_t high) {
        return std::uniform_int_distribution<std::uint64_t>(low, high)(random);
    };
    const auto one_in = [&](std::uint64_t n) { return between(1, n) == 1; };
    const StreamLayout layout{config.ports, config.port_bits, config.tile_rows};
    const std::uint64_t tile = std::uint64_t{config.ports} * config.tile_rows;
    const bool tiny = one_in(4);  // a list of commands that take no time shows the command path
    std::vector<Command> list;
    std::uint64_t left = beats;
    for (std::uint64_t n = between(1, tiny ? 24 : 8); n != 0; --n) {
        Command c;
        c.flags = one_in(5) ? SETUN_FLAG_FENCE : 0;
        if (one_in(8)) {
            list.push_back(c);
            continue;
        }
        c.opcode = SETUN_OP_MATMUL;
        c.encoding = SETUN_TRIT_CODE_T5;
        c.tokens = static_cast<std::uint16_t>(one_in(2) ? config.tokens : between(1, config.tokens));
        c.planes = static_cast<std::uint8_t>(one_in(3) ? between(1, SETUN_MAX_PLANES) : 1);
        switch (between(0, 5)) {
            case 0:  // tiles of one to three groups
                c.m = static_cast<std::uint32_t>(between(1, std::uint64_t{3} * config.ports));
                break;
            case 1:  // around a whole number of tiles
                c.m = static_cast<std::uint32_t>(tile * between(1, 3) + between(0, 4 * config.ports) -
                                                 2 * config.ports);
                break;
            default:
                c.m = static_cast<std::uint32_t>(between(1, tiny ? 40 : 1200));
        }
        c.k = static_cast<std::uint32_t>(one_in(3) ? between(1, config.lanes())
                                                   : between(1, (tiny ? 3 : 16) * config.lanes()));
        std::uint64_t cost = beats_per_port(layout, c.m, c.k, c.planes);
        if (cost > left) {
            c.planes = 1;
            c.m = static_cast<std::uint32_t>(between(1, 64));
            cost = beats_per_port(layout, c.m, c.k, 1);
        }
        left -= std::min(left, cost);
        c.x_stride = static_cast<std::uint32_t>((c.k + 63) / 64 * 64 + 64 * between(0, 2));
        const std::uint64_t page = one_in(2) ? 4096 : 64;
        c.weight_offset = between(0, (Chip::kWeightBytes - cost * config.beat_bytes()) / page - 1) * page;
        c.x_offset = between(0, (2U << 20U) / 64) * 64;
        c.y_offset = between(0, (2U << 20U) / 64) * 64 + (4U << 20U);
        list.push_back(c);
    }
    return list;
}

std::string difference(const PredictedRun& chip, const PredictedRun& model) {
    std::string text;
    const auto compare = [&](const char* name, std::uint64_t a, std::uint64_t b) {
        if (a != b) {
            text += (text.empty() ? "" : ", ") + std::string(name) + " chip " + std::to_string(a) +
                    " model " + std::to_string(b);
        }
    };
    compare("cycles", chip.cycles, model.cycles);
    compare("busy", chip.busy, model.busy);
    compare("beats", chip.beats, model.beats);
    compare("stall_w", chip.stall_w, model.stall_w);
    compare("stall_x", chip.stall_x, model.stall_x);
    compare("stall_y", chip.stall_y, model.stall_y);
    compare("weight_bytes", chip.weight_bytes, model.weight_bytes);
    compare("data_read_bytes", chip.data_read_bytes, model.data_read_bytes);
    compare("data_write_bytes", chip.data_write_bytes, model.data_write_bytes);
    return text;
}

}  // namespace setun::sim::test
