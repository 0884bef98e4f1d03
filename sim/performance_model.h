// The cycle counts of the kernel without running it.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

#include "rtl/setun_abi.h"
#include "sim/kernel_sim.h"
#include "sim/memory_presets.h"

namespace setun::sim {

/// Cycles that a form of the leaf (SETUN_LEAF_*) needs, beyond those of planes and tree, from the last loaded
/// word of an activation chunk to the first beat that may use the chunk.
/// KernelConfig::fill_cycles() for tables, one cycle of which the other leaves need as well.
[[nodiscard]] inline unsigned leaf_fill_cycles(unsigned leaf) {
    KernelConfig config;
    config.leaf = leaf;
    const unsigned fill = config.fill_cycles();
    return fill == 0 ? 0 : fill - 1;
}

/// What is modelled: a kernel, the memory behind it, and the seed of that memory's jitter.
struct PerformanceOptions {
    KernelConfig kernel;
    MemoryPreset memory = memory_preset("ideal");
    std::uint64_t seed = 0;    ///< SimOptions::seed of the simulation that is predicted
    unsigned fill_cycles = 0;  ///< see leaf_fill_cycles()
    /// Look at every single cycle. Same results, some thirty times slower: the check of the fast way.
    bool every_cycle = false;
};

/// Where a command list and its operands lie; only the positions relative to 4 KiB pages matter.
struct ListPlacement {
    std::uint64_t list = 0;
    std::uint64_t data_base = 0;
    std::array<std::uint64_t, 4> weight_base{};  ///< by port
};

/// What the counters of the chip and of its ports will say. Units: cycles, beats of all ports, bytes.
struct PredictedRun {
    std::uint64_t cycles = 0;
    std::uint64_t busy = 0;
    std::uint64_t beats = 0;
    std::uint64_t stall_w = 0;
    std::uint64_t stall_x = 0;
    std::uint64_t stall_y = 0;
    std::uint64_t weight_bytes = 0;
    std::uint64_t data_read_bytes = 0;
    std::uint64_t data_write_bytes = 0;
};

/// When the engine turns to a tile: the cycle of the run in which it took the last beat of what came before.
struct TileStart {
    std::uint32_t command = 0;  ///< its place in the list
    std::uint64_t cycle = 0;    ///< counted from the start of the run
};

/// The control behaviour of rtl/ and of sim/axi_slave.h as a discrete-event model; docs/performance-model.md.
///
/// Time goes on from list to list as in a simulation, because refresh and jitter of the memory do: the
/// model's clock counts from the construction of the kernel, and idle() lets time pass in between. No data
/// are touched.
class PerformanceModel {
  public:
    /// Cycles of one register access through KernelSim, and of its reset at construction.
    static constexpr std::uint64_t kRegisterWriteCycles = 3;
    static constexpr std::uint64_t kRegisterReadCycles = 2;
    static constexpr std::uint64_t kResetCycles = 17;

    /// Throws std::invalid_argument when no kernel has this configuration.
    explicit PerformanceModel(const PerformanceOptions& options);
    PerformanceModel(const PerformanceModel&) = delete;
    PerformanceModel& operator=(const PerformanceModel&) = delete;
    PerformanceModel(PerformanceModel&&) noexcept;
    PerformanceModel& operator=(PerformanceModel&&) noexcept;
    ~PerformanceModel();

    /// Lets `cycles` clocks pass between two lists.
    void idle(std::uint64_t cycles);

    /// Runs a list that begins now, that is in the cycle in which the write of CTRL has been answered.
    /// Afterwards cycle() is the one in which the interrupt pin is seen high. Throws std::invalid_argument
    /// for a command that the kernel would refuse. `tiles`, when given, is replaced by the starts of all
    /// tiles of all products, in the order in which the engine takes them.
    PredictedRun run(std::span<const Command> commands, const ListPlacement& placement,
                     std::vector<TileStart>* tiles = nullptr);

    /// Clocks since construction, as KernelSim::cycle().
    [[nodiscard]] std::uint64_t cycle() const;

  private:
    class Machine;
    std::unique_ptr<Machine> machine_;
};

}  // namespace setun::sim
