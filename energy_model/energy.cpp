// Energy of a token on each machine: counts times table entries, and the published way of counting beside it.
#include "energy_model/energy.h"

#include <fmt/format.h>

#include <utility>

namespace setun::energy {
namespace {

constexpr double kJoulePerPicojoule = 1e-12;
constexpr double kSetunBitsPerWeight = 1.6;  // five trits a byte, docs/memory-format.md section 1
constexpr double kFp16Bits = 16;
constexpr double kInt8Bits = 8;
constexpr double kInt32Bits = 32;
constexpr std::string_view kNoMemory = "none";

const Entry& expect(const Table& table, std::string_view op, Unit unit) {
    const Entry& entry = table.at(op);
    if (entry.unit != unit) {
        throw TableError(fmt::format("table '{}': entry '{}' must be given per {}", table.name(), op,
                                     unit == Unit::kBit ? "bit" : "operation"));
    }
    return entry;
}

double fp16_mac_pj(const Table& operations) {
    return expect(operations, "fp16_mul", Unit::kOperation).energy_pj +
           expect(operations, "fp16_add", Unit::kOperation).energy_pj;
}

// Adds contributions to one machine. Counts arrive as totals and are stored per token.
class Bill {
  public:
    Bill(MachineEnergy& machine, const Table& operations, const Entry* memory, std::uint64_t tokens)
        : machine_(machine),
          operations_(operations),
          memory_(memory),
          per_token_(1.0 / static_cast<double>(tokens)) {}

    void arithmetic(const char* what, std::string_view op, std::uint64_t count) {
        const Entry& entry = expect(operations_, op, Unit::kOperation);
        machine_.arithmetic_j += add(what, entry, static_cast<double>(count));
    }

    void memory(double& account_j, const char* what, double bits) {
        if (memory_ != nullptr) {
            account_j += add(what, *memory_, bits);
        }
    }

  private:
    double add(const char* what, const Entry& entry, double total_count) {
        Contribution line;
        line.what = what;
        line.count = total_count * per_token_;
        line.entry = entry;
        line.joules = line.count * entry.energy_pj * kJoulePerPicojoule;
        machine_.contributions.push_back(line);
        return line.joules;
    }

    MachineEnergy& machine_;
    const Table& operations_;
    const Entry* memory_;
    double per_token_;
};

void common_fp16(Bill& bill, const WorkCounts& work) {
    if (work.fp16_macs != 0) {
        bill.arithmetic("FP16 multiplies outside linear layers", "fp16_mul", work.fp16_macs);
        bill.arithmetic("FP16 adds outside linear layers", "fp16_add", work.fp16_macs);
    }
}

MachineEnergy setun_machine(const Table& operations, const Entry* memory, const WorkCounts& work) {
    MachineEnergy machine;
    machine.machine = "setun";
    machine.basis =
        "one INT8 add for every stored trit, zero or not, one INT32 add for every accumulation of a row's "
        "chunk";
    Bill bill(machine, operations, memory, work.tokens);
    bill.arithmetic("ternary adds", "int8_add", work.trit_macs);
    bill.arithmetic("accumulator adds", "int32_add", work.accumulator_adds);
    if (work.plane_steps != 0) {
        bill.arithmetic("steps between digit planes", "int32_add", work.plane_steps);
    }
    common_fp16(bill, work);
    bill.memory(machine.weights_j, "weight bits", 8.0 * static_cast<double>(work.weight_bytes));
    bill.memory(machine.activations_j, "activation bits", 8.0 * static_cast<double>(work.activation_bytes));
    bill.memory(machine.results_j, "result bits", 8.0 * static_cast<double>(work.result_bytes));
    return machine;
}

MachineEnergy fp16_machine(const Table& operations, const Entry* memory, const WorkCounts& work) {
    MachineEnergy machine;
    machine.machine = "fp16";
    machine.basis =
        "one FP16 multiply and one FP16 add for every weight; weights, inputs and outputs of 16 bits";
    Bill bill(machine, operations, memory, work.tokens);
    bill.arithmetic("FP16 multiplies", "fp16_mul", work.macs);
    bill.arithmetic("FP16 adds", "fp16_add", work.macs);
    common_fp16(bill, work);
    bill.memory(machine.weights_j, "weight bits", kFp16Bits * static_cast<double>(work.weights));
    bill.memory(machine.activations_j, "activation bits", kFp16Bits * static_cast<double>(work.inputs));
    bill.memory(machine.results_j, "result bits", kFp16Bits * static_cast<double>(work.outputs));
    return machine;
}

MachineEnergy int8_machine(const Table& operations, const Entry* memory, const WorkCounts& work) {
    MachineEnergy machine;
    machine.machine = "int8";
    machine.basis =
        "one INT8 multiply and one INT32 add for every weight; weights and inputs of 8, outputs of 32 bits";
    Bill bill(machine, operations, memory, work.tokens);
    bill.arithmetic("INT8 multiplies", "int8_mul", work.macs);
    bill.arithmetic("INT32 adds", "int32_add", work.macs);
    common_fp16(bill, work);
    bill.memory(machine.weights_j, "weight bits", kInt8Bits * static_cast<double>(work.weights));
    bill.memory(machine.activations_j, "activation bits", kInt8Bits * static_cast<double>(work.inputs));
    bill.memory(machine.results_j, "result bits", kInt32Bits * static_cast<double>(work.outputs));
    return machine;
}

std::vector<std::string> assumptions_of(const Table& operations, const std::string& memory,
                                        const WorkCounts& work) {
    std::vector<std::string> lines;
    lines.push_back(
        fmt::format("operation energies of table '{}' are bare operators: no registers, clock, wires, "
                    "control or leakage on any machine",
                    operations.name()));
    lines.emplace_back("adders inside the ternary tree are counted as 8 bits wide, as the BitNet papers do");
    if (memory == kNoMemory) {
        lines.emplace_back("off-chip memory is not counted (memory 'none')");
    } else {
        lines.push_back(
            fmt::format("every weight comes from {} once per pass; on-chip memory is not counted", memory));
    }
    lines.emplace_back(work.bytes_basis == Basis::kMeasured ? "Setun's bytes are measured at its ports"
                                                            : "Setun's bytes are computed from shapes");
    lines.emplace_back(work.nonzero_basis == Basis::kMeasured
                           ? "the share of non-zero trits is measured"
                           : "the share of non-zero trits was not measured: all are taken as non-zero");
    lines.emplace_back(
        "the baselines read each activation once and need no padding: a choice in their favour");
    return lines;
}

double tree_adder_pj(double int8_add_pj, unsigned lanes) {
    double bits = 0;  // summed over all adders of the tree; level l adds two numbers into 8 + l bits
    unsigned level = 1;
    for (unsigned nodes = lanes; nodes > 1; nodes = (nodes + 1) / 2, ++level) {
        const unsigned adders = nodes / 2;
        bits += adders * (8.0 + level);
    }
    return int8_add_pj * bits / 8.0 / lanes;
}

}  // namespace

TokenEnergy per_token(const Table& operations, const Table& memories, const std::string& memory,
                      const WorkCounts& work) {
    if (work.tokens == 0) {
        throw std::invalid_argument(
            "energy: WorkCounts.tokens is 0; set it to the tokens that the counts paid for");
    }
    const Entry* bits = memory == kNoMemory ? nullptr : &expect(memories, memory, Unit::kBit);
    TokenEnergy result;
    result.operations = operations.name();
    result.memory = memory;
    result.setun = setun_machine(operations, bits, work);
    result.fp16 = fp16_machine(operations, bits, work);
    result.int8 = int8_machine(operations, bits, work);
    const double idle =
        static_cast<double>(work.trit_macs - work.nonzero_trit_macs) / static_cast<double>(work.tokens);
    result.setun_nonzero_arithmetic_j =
        result.setun.arithmetic_j - idle * operations.at("int8_add").energy_pj * kJoulePerPicojoule;
    result.assumptions = assumptions_of(operations, memory, work);
    return result;
}

std::vector<RatioStep> ratio_ladder(const Table& operations, const Table& memories, const std::string& memory,
                                    unsigned lanes) {
    if (lanes == 0) {
        throw std::invalid_argument("energy: a tree needs at least one lane");
    }
    const double add8 = expect(operations, "int8_add", Unit::kOperation).energy_pj;
    const double add32 = expect(operations, "int32_add", Unit::kOperation).energy_pj;
    const double fp16 = fp16_mac_pj(operations);
    const double tree = tree_adder_pj(add8, lanes);
    const double tree_and_accumulator = tree + add32 / lanes;

    std::vector<RatioStep> steps;
    steps.push_back({"bare operators",
                     "one INT8 add against one FP16 multiply and add: the published quotient", add8, fp16});
    steps.push_back(
        {"adder tree",
         fmt::format("the tree of {} lanes has adders of 9 and more bits, energy taken as linear in "
                     "width; FP16 unchanged",
                     lanes),
         tree, fp16});
    steps.push_back({"and accumulator", "one INT32 add a row and chunk", tree_and_accumulator, fp16});
    steps.push_back(
        {"no tree", "one INT32 accumulator add for every weight, as in a serial lane", add32, fp16});
    if (memory != kNoMemory) {
        const double bit = expect(memories, memory, Unit::kBit).energy_pj;
        steps.push_back({fmt::format("and weights from {}", memory),
                         "tree, accumulator, 1.6 bits a weight; FP16 16 bits a weight; one token a pass",
                         tree_and_accumulator + kSetunBitsPerWeight * bit, fp16 + kFp16Bits * bit});
    }
    return steps;
}

PublishedEnergy published_energy(const Table& operations, const PublishedShape& shape) {
    const double add8 = expect(operations, "int8_add", Unit::kOperation).energy_pj;
    const double fp16 = fp16_mac_pj(operations);
    const auto hidden = static_cast<double>(shape.hidden);
    const auto layers = static_cast<double>(shape.layers);
    const auto tokens = static_cast<double>(shape.sequence);
    const double linear = layers * (4.0 * hidden * hidden + 3.0 * hidden * static_cast<double>(shape.ffn));
    const double attention = 2.0 * tokens * hidden * layers;
    return {tokens * (linear * add8 + attention * fp16) * kJoulePerPicojoule,
            tokens * (linear * fp16 + attention * fp16) * kJoulePerPicojoule};
}

}  // namespace setun::energy
