// A Verilated kernel beside its performance model, on the same command lists.
#pragma once

#include <memory>
#include <random>
#include <span>
#include <string>
#include <vector>

#include "sim/kernel_sim.h"
#include "sim/performance_model.h"

namespace setun::sim::test {

/// Runs command lists on both and keeps their clocks together. Every weight is zero: cycles do not depend on
/// data.
class Chip {
  public:
    static constexpr std::uint64_t kWeightBytes = 16U << 20U;
    static constexpr std::uint64_t kDataBytes = 8U << 20U;

    Chip(const KernelConfig& config, const MemoryPreset& memory, std::uint64_t seed);

    /// The counters of the chip, and of the model in its fast and its every-cycle form.
    struct Counters {
        PredictedRun chip, fast, slow;
    };
    Counters run(std::span<const Command> list, std::uint64_t list_offset);

    [[nodiscard]] const KernelConfig& config() const { return config_; }

  private:
    void begin(std::span<const Command> list, std::uint64_t list_offset);
    PredictedRun finish();
    [[nodiscard]] PredictedRun bytes() const;

    KernelConfig config_;
    std::unique_ptr<KernelSim> sim_;
    PerformanceModel fast_;
    PerformanceModel slow_;
    std::span<std::byte> data_;
    ListPlacement placement_;
    PredictedRun bytes_before_;
};

/// A legal random list: products of odd shapes, planes and tokens, fences, NOPs, operands anywhere relative
/// to pages. `beats` bounds the beats of a port.
std::vector<Command> random_list(std::mt19937_64& random, const KernelConfig& config, std::uint64_t beats);

/// "cycles 10, busy 8, ..." of the counters that differ; empty when none does.
std::string difference(const PredictedRun& chip, const PredictedRun& model);

}  // namespace setun::sim::test
