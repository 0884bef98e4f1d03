// Energy of a token on three machines, by arithmetic, on-chip memory, off-chip memory and static power.
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "energy_model/counts.h"
#include "energy_model/sram.h"
#include "energy_model/table.h"

namespace setun::energy {

/// The four parts of a bill.
enum class Part { kArithmetic, kOnChip, kOffChip, kStatic };

/// One line of a bill: count x energy, with the source of the energy.
struct Contribution {
    std::string what;  ///< for people, e.g. "ternary adds"
    std::string key;   ///< for machines, e.g. "ternary_add", "weight_fifo", "kv_cache"
    Part part = Part::kArithmetic;
    double count = 0;   ///< operations, or bits for memory, or seconds for static power; for one token
    Entry entry;        ///< what each costs and who says so; of static power: picojoule a second
    double joules = 0;  ///< count * entry.energy_pj * 1e-12
};

/// Joules of one token on one machine.
struct MachineEnergy {
    std::string machine;  ///< "setun", "fp16", "int8"
    std::string basis;    ///< one sentence: what counts as an operation on this machine
    double arithmetic_j = 0;
    double weights_j = 0;                     ///< off-chip memory: weights, the head's included
    double head_j = 0;                        ///< of those, of the output head
    double activations_j = 0;                 ///< off-chip memory: activations in
    double results_j = 0;                     ///< off-chip memory: results out
    double kv_j = 0;                          ///< off-chip memory: KV cache, read and written
    double on_chip_j = 0;                     ///< on-chip memory; 0 when not asked for
    double static_j = 0;                      ///< static power; 0 when not asked for
    double seconds = 0;                       ///< time that static power was taken for; of one token
    std::vector<Contribution> contributions;  ///< sums to total_j()

    /// Off-chip memory.
    [[nodiscard]] double memory_j() const noexcept { return weights_j + activations_j + results_j + kv_j; }
    [[nodiscard]] double total_j() const noexcept { return arithmetic_j + on_chip_j + memory_j() + static_j; }
    /// Joules of one of the four parts.
    [[nodiscard]] double part_j(Part part) const noexcept;
    /// Sum of the lines with `key`; 0 when there is none.
    [[nodiscard]] double key_j(std::string_view key) const noexcept;
};

/// A quotient of two machines, with what it is a quotient of.
struct Ratio {
    std::string name;  ///< e.g. "fp16_total"
    double value = 0;
    std::string basis;
};

/// One token on Setun and on the two baselines, with everything a reader needs to check it.
struct TokenEnergy {
    std::string operations;  ///< name of the operation table
    std::string memory;      ///< memory preset
    double tokens = 1;       ///< tokens of text that the work paid for
    MachineEnergy setun;
    MachineEnergy fp16;
    MachineEnergy int8;
    double setun_nonzero_arithmetic_j =
        0;  ///< lower bound of setun.arithmetic_j: adds with a zero trit cost nothing
    std::vector<std::string> assumptions;  ///< sentences, for the reader of the report

    [[nodiscard]] double arithmetic_ratio() const noexcept { return fp16.arithmetic_j / setun.arithmetic_j; }
    [[nodiscard]] double total_ratio() const noexcept { return fp16.total_j() / setun.total_j(); }
    /// The machine of that name. Throws BadInput that lists them.
    [[nodiscard]] const MachineEnergy& machine(std::string_view name) const;
    /// Every quotient that the work allows: arithmetic, weights from memory, off-chip, all; FP16 and INT8.
    [[nodiscard]] std::vector<Ratio> ratios() const;
};

/// Whose energies are used.
struct Technology {
    Table operations;  ///< int8_add, int32_add, int8_mul, fp16_add, fp16_mul; or whole units, see evaluate()
    Table memories;    ///< off-chip memories, per bit
    std::string memory;  ///< one of them, or "sram" (weights on chip), or "none"
    Table supplement;  ///< where fp32_add, fp32_mul, SRAM and static power come from if `operations` has none
};

/// `tech` is a builtin name or a file; `memory` an entry of that file or of the builtin memories, "sram" or
/// "none". Throws TableError that lists what there is.
[[nodiscard]] Technology find_technology(const std::string& tech, const std::string& memory);
/// "hbm2, hbm3, ..., sram, none"
[[nodiscard]] std::string memory_choices();

/// Sizes of the kernel's buffers that are not in Engine, as rtl/ builds them, and of buffers that a complete
/// chip needs besides.
struct Buffers {
    std::uint64_t fifo_beats = 256;      ///< weight FIFO of a port, rtl/setun_weight_port.sv
    std::uint64_t kv_bytes = 32768;      ///< assumption: K and V pass through it
    std::uint64_t vector_bytes = 32768;  ///< assumption: operands of elementwise steps
};

/// What is put on the bill besides operators and off-chip memory.
struct Scope {
    bool on_chip = true;
    bool elementwise = true;  ///< norms, RoPE, softmax, activation, residual, quantisers
    bool static_power = true;
    std::optional<double> clock_hz = {};  ///< of the device; otherwise that of the technology
    std::optional<double> power_w = {};   ///< otherwise that of the technology
};

/// Energy of one token of `work` on `engine`. Measured whole units of a table replace bare operators:
/// `ternary_mac` (a lane of the tree) for int8_add, with `trit_decode` (of one trit) on top; `accumulator`
/// (of one partial sum) for the INT32 add; `fp16_mac` and `int8_mac` for a multiply and an add.
/// `weight_register` (2 bits) and `activation_register` (8 bits, its share of a chunk that stands still) are
/// operand registers, scaled by bits for the baselines. Baselines stream their weights (16 and 8 bits)
/// through the same ports, so that static power is paid for their longer time. Throws TableError when an
/// entry is missing or has the wrong unit, std::invalid_argument when work.tokens is 0.
[[nodiscard]] TokenEnergy evaluate(const Technology& technology, const WorkCounts& work, const Engine& engine,
                                   const Scope& scope = {}, const Buffers& buffers = {});

/// The same without on-chip memory, elementwise steps and static power: operators and off-chip memory alone.
[[nodiscard]] TokenEnergy per_token(const Table& operations, const Table& memories, const std::string& memory,
                                    const WorkCounts& work);

}  // namespace setun::energy
