// Energy of a token on three machines: counts times table entries.
#include "energy_model/machines.h"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <stdexcept>
#include <string_view>
#include <utility>

namespace setun::energy {
namespace {

constexpr double kJoulePerPicojoule = 1e-12;
constexpr double kFp16Bits = 16;
constexpr double kInt8Bits = 8;
constexpr double kInt32Bits = 32;
constexpr double kFp32Bits = 32;
constexpr double kByteBits = 8;
constexpr std::uint64_t kSumBytes = 4;  // a partial sum in rtl/setun_engine.sv
constexpr std::uint64_t kSramBank = std::uint64_t{1}
                                    << 20U;  // weights on chip: banks of the largest cited size
constexpr std::string_view kNoMemory = "none";
constexpr std::string_view kOnChipMemory = "sram";

double real(std::uint64_t value) { return static_cast<double>(value); }

/// Everything that prices a line, looked up once for the three machines.
struct Prices {
    const Table& operations;
    const Table& supplement;
    bool on_chip = true;
    const Entry* memory = nullptr;    ///< null: off-chip traffic costs nothing
    std::optional<SramModel> sram;    ///< absent: on-chip memory is not counted
    const Entry* fp32_add = nullptr;  ///< null: elementwise steps are not counted
    const Entry* fp32_mul = nullptr;
    std::optional<StaticPower> static_power;
};

/// Adds lines to one machine. Counts arrive as totals and are stored per token.
class Bill {
  public:
    Bill(MachineEnergy& machine, const Prices& prices, std::uint64_t tokens)
        : machine_(machine), prices_(prices), per_token_(1.0 / real(tokens)) {}

    [[nodiscard]] bool prices(std::string_view op) const { return prices_.operations.contains(op); }

    void arithmetic(const char* what, const char* key, std::string_view op, std::uint64_t count) {
        if (count != 0) {
            machine_.arithmetic_j +=
                add(Part::kArithmetic, what, key, prices_.operations.at(op, Unit::kOperation), real(count));
        }
    }

    void elementwise(const char* what, const char* key, const Entry* entry, std::uint64_t count) {
        if (entry != nullptr && count != 0) {
            machine_.arithmetic_j += add(Part::kArithmetic, what, key, *entry, real(count));
        }
    }

    /// Registers of operands, where the table has measured one of `bits_of_entry` bits.
    void registers(const char* what, const char* key, std::string_view op, double bits_of_entry,
                   double bits) {
        if (prices_.on_chip && prices(op)) {
            machine_.on_chip_j += add(Part::kOnChip, what, key, prices_.operations.at(op, Unit::kOperation),
                                      bits / bits_of_entry);
        }
    }

    void on_chip(const char* what, const char* key, std::uint64_t bytes, double bits) {
        if (prices_.sram && bits != 0) {
            machine_.on_chip_j += add(Part::kOnChip, what, key, prices_.sram->entry(bytes), bits);
        }
    }

    double off_chip(double& account_j, const char* what, const char* key, double bits, bool always = true) {
        if (prices_.memory == nullptr || (bits == 0 && !always)) {
            return 0;
        }
        const double joules = add(Part::kOffChip, what, key, *prices_.memory, bits);
        account_j += joules;
        return joules;
    }

    void static_power(double seconds) {
        machine_.seconds = seconds * per_token_;
        if (!prices_.static_power || prices_.static_power->power_w == 0) {
            return;
        }
        const StaticPower& power = *prices_.static_power;
        Entry entry;
        entry.op = "static_power";
        entry.energy_pj = power.power_w / kJoulePerPicojoule;
        entry.node = "chip";
        entry.source = power.source;
        entry.accuracy = power.accuracy;
        entry.condition = power.condition;
        machine_.static_j += add(Part::kStatic, "static power", "static", entry, seconds);
    }

  private:
    double add(Part part, const char* what, const char* key, const Entry& entry, double total_count) {
        Contribution line;
        line.what = what;
        line.key = key;
        line.part = part;
        line.count = total_count * per_token_;
        line.entry = entry;
        line.joules = line.count * entry.energy_pj * kJoulePerPicojoule;
        machine_.contributions.push_back(std::move(line));
        return machine_.contributions.back().joules;
    }

    MachineEnergy& machine_;
    const Prices& prices_;
    double per_token_;
};

/// Sizes of a machine's numbers in bits, for memories on and off the chip.
struct Widths {
    double kv = kInt8Bits;
    double activation = kInt8Bits;
    double sum = kInt32Bits;
    double result = kInt32Bits;
};

/// What every machine does in the same way besides its matrices.
void common(Bill& bill, MachineEnergy& machine, const Prices& prices, const WorkCounts& work,
            const Buffers& buffers, const Widths& widths, bool integers) {
    if (bill.prices("fp16_mac")) {
        bill.arithmetic("FP16 multiply-adds of attention", "attention_mac", "fp16_mac", work.fp16_macs);
    } else {
        bill.arithmetic("FP16 multiplies of attention", "attention_mul", "fp16_mul", work.fp16_macs);
        bill.arithmetic("FP16 adds of attention", "attention_add", "fp16_add", work.fp16_macs);
    }
    bill.elementwise("norms, RoPE, softmax, gate: adds", "elementwise_add", prices.fp32_add, work.fp32_adds);
    bill.elementwise("norms, RoPE, softmax, gate: multiplies", "elementwise_mul", prices.fp32_mul,
                     work.fp32_muls);
    if (integers) {
        bill.elementwise("quantisers: adds", "quantiser_add", prices.fp32_add, work.quantiser_adds);
        bill.elementwise("quantisers: multiplies", "quantiser_mul", prices.fp32_mul, work.quantiser_muls);
    }
    const double kv_bits = widths.kv * real(work.kv_read_elements + work.kv_write_elements);
    bill.on_chip("K and V, in and out", "kv_buffer", buffers.kv_bytes, 2 * kv_bits);
    if (prices.fp32_add != nullptr) {
        const std::uint64_t words = work.vector_words + (integers ? work.quantiser_words : 0);
        bill.on_chip("operands of elementwise steps", "vector_buffer", buffers.vector_bytes,
                     kFp32Bits * real(words));
    }
    bill.off_chip(machine.kv_j, "KV cache bits", "kv_cache", kv_bits, false);
}

/// Bytes of the buffer between data port and leaf: two chunks of every token column.
std::uint64_t chunk_bytes(const Engine& engine, double bits) {
    return static_cast<std::uint64_t>(2 * engine.lanes() * engine.tokens * bits / kByteBits);
}

constexpr double kWeightRegisterBits = 2;      // of a table's weight_register: one trit
constexpr double kActivationRegisterBits = 8;  // of a table's activation_register: one INT8

/// Operand registers. A weight is clocked in once, however many tokens share it; an activation has its share
/// of a register that is loaded once a chunk. Without a measured register the write of a chunk is priced as
/// SRAM.
void operands(Bill& bill, const Engine& engine, double weight_bits, double macs, double activation_bits,
              double loaded_bits) {
    bill.registers("weight registers", "weight_registers", "weight_register", kWeightRegisterBits,
                   weight_bits);
    const bool measured = bill.prices("activation_register");
    bill.registers("activation registers", "activation_registers", "activation_register",
                   kActivationRegisterBits, macs * activation_bits);
    bill.on_chip(
        measured ? "activation FIFO, in and out" : "activation chunks: FIFO in, out, into the register",
        "activation_chunk", chunk_bytes(engine, activation_bits), (measured ? 2 : 3) * loaded_bits);
}

/// Clocks in which one beat a port brings `bits`.
double beat_clocks(const Engine& engine, double bits) {
    return bits / (1.0 * engine.ports * engine.port_bits);
}

MachineEnergy setun_machine(const Prices& prices, const WorkCounts& work, const Engine& engine,
                            const Buffers& buffers) {
    MachineEnergy machine;
    machine.machine = "setun";
    Bill bill(machine, prices, work.tokens);
    if (bill.prices("ternary_mac")) {
        machine.basis = "one measured lane of the adder tree for every stored trit, zero or not";
        bill.arithmetic("ternary multiply-adds", "ternary_mac", "ternary_mac", work.trit_macs);
        if (bill.prices("trit_decode")) {
            machine.basis += ", one decoder for every fetched trit";
            bill.arithmetic("decoded trits", "trit_decode", "trit_decode", work.trits);
        }
    } else {
        machine.basis = "one INT8 add for every stored trit, zero or not";
        bill.arithmetic("ternary adds", "ternary_add", "int8_add", work.trit_macs);
    }
    const bool unit = bill.prices("accumulator");
    machine.basis += unit ? ", one measured accumulator for every accumulation of a row's chunk"
                          : ", one INT32 add for every accumulation of a row's chunk";
    bill.arithmetic("accumulations", "accumulator_add", unit ? "accumulator" : "int32_add",
                    work.accumulator_adds);
    bill.arithmetic("steps between digit planes", "plane_step_add", "int32_add", work.plane_steps);
    const Widths widths{.kv = 1.0 * work.kv_bits};
    common(bill, machine, prices, work, buffers, widths, true);

    const double weight_bits = kByteBits * real(work.weight_bytes);
    bill.on_chip("weight FIFO, in and out", "weight_fifo", buffers.fifo_beats * engine.beat_bytes(),
                 2 * weight_bits);
    operands(bill, engine, kWeightRegisterBits * real(work.trits), real(work.trit_macs), widths.activation,
             kByteBits * real(work.activation_bytes));
    bill.on_chip("partial sums, read and written", "partial_sums", engine.tile_rows * kSumBytes,
                 2 * widths.sum * real(work.accumulator_adds));
    bill.on_chip("result FIFO, in and out", "result_fifo", engine.tile_rows * kSumBytes,
                 2 * kByteBits * real(work.result_bytes));

    const double head_bits = kByteBits * real(work.head_weight_bytes);
    bill.off_chip(machine.weights_j, "weight bits", "weights", weight_bits - head_bits);
    machine.head_j = bill.off_chip(machine.weights_j, "weight bits of the head", "head", head_bits, false);
    bill.off_chip(machine.activations_j, "activation bits", "activations",
                  kByteBits * real(work.activation_bytes));
    bill.off_chip(machine.results_j, "result bits", "results", kByteBits * real(work.result_bytes));
    if (prices.static_power) {
        const double clocks =
            work.cycles != 0 ? real(work.cycles) : beat_clocks(engine, kByteBits * real(work.weight_bytes));
        bill.static_power(clocks / prices.static_power->clock_hz);
    }
    return machine;
}

/// A machine with a multiplier for every lane and as many lanes as Setun.
struct Baseline {
    const char* name = "";
    const char* basis = "";       ///< of bare operators
    const char* unit_basis = "";  ///< of a measured unit
    const char* unit = "";        ///< entry of that unit
    const char* multiply = "";
    const char* add = "";
    double weight_bits = 0;
    Widths widths;
    bool integers = false;
};

MachineEnergy baseline_machine(const Baseline& kind, const Prices& prices, const WorkCounts& work,
                               const Engine& engine, const Buffers& buffers) {
    MachineEnergy machine;
    machine.machine = kind.name;
    Bill bill(machine, prices, work.tokens);
    if (bill.prices(kind.unit)) {
        machine.basis = kind.unit_basis;
        bill.arithmetic("multiply-adds", "mac", kind.unit, work.macs);
    } else {
        machine.basis = kind.basis;
        bill.arithmetic("multiplies", "mul", kind.multiply, work.macs);
        bill.arithmetic("adds", "add", kind.add, work.macs);
    }
    common(bill, machine, prices, work, buffers, kind.widths, kind.integers);

    const double weight_bits = kind.weight_bits * real(work.weights);
    const double activation_bits = kind.widths.activation * real(work.inputs);
    const double result_bits = kind.widths.result * real(work.outputs);
    bill.on_chip("weight FIFO, in and out", "weight_fifo", buffers.fifo_beats * engine.beat_bytes(),
                 2 * weight_bits);
    operands(bill, engine, weight_bits, real(work.macs), kind.widths.activation, activation_bits);
    bill.on_chip("partial sums, read and written", "partial_sums", engine.tile_rows * kSumBytes,
                 2 * kind.widths.sum * real(work.macs) / engine.lanes());
    bill.on_chip("result FIFO, in and out", "result_fifo", engine.tile_rows * kSumBytes, 2 * result_bits);

    const double head_bits = kind.weight_bits * real(work.head_weights);
    bill.off_chip(machine.weights_j, "weight bits", "weights", weight_bits - head_bits);
    machine.head_j = bill.off_chip(machine.weights_j, "weight bits of the head", "head", head_bits, false);
    bill.off_chip(machine.activations_j, "activation bits", "activations", activation_bits);
    bill.off_chip(machine.results_j, "result bits", "results", result_bits);
    if (prices.static_power) {
        bill.static_power(beat_clocks(engine, weight_bits) / prices.static_power->clock_hz);
    }
    return machine;
}

const Baseline& fp16_baseline() {
    static const Baseline kFp16{
        "fp16",
        "one FP16 multiply and one FP16 add for every weight; weights, inputs and outputs of 16 bits",
        "one measured FP16 multiply-add unit for every weight; weights, inputs and outputs of 16 bits",
        "fp16_mac",
        "fp16_mul",
        "fp16_add",
        kFp16Bits,
        {.kv = kFp16Bits, .activation = kFp16Bits, .sum = kFp16Bits, .result = kFp16Bits},
        false};
    return kFp16;
}

const Baseline& int8_baseline() {
    static const Baseline kInt8{
        "int8",
        "one INT8 multiply and one INT32 add for every weight; weights and inputs of 8, outputs of 32 bits",
        "one measured INT8 multiply-add unit for every weight; weights and inputs of 8, outputs of 32 bits",
        "int8_mac",
        "int8_mul",
        "int32_add",
        kInt8Bits,
        {},
        true};
    return kInt8;
}

/// Looks up what the scope asks for; what is missing goes into `notes`.
Prices find_prices(const Technology& tech, const Entry* memory, const Scope& scope,
                   std::vector<std::string>& notes) {
    Prices prices{tech.operations, tech.supplement, scope.on_chip, memory,
                  std::nullopt,    nullptr,         nullptr,       std::nullopt};
    std::string borrowed;
    const auto borrow = [&](const char* what) {
        borrowed += (borrowed.empty() ? "" : ", ") + std::string(what);
    };
    if (scope.on_chip) {
        const bool own = !tech.operations.sram().empty();
        if (!own && !tech.supplement.sram().empty()) {
            borrow("SRAM energies");
        }
        const auto& points = own ? tech.operations.sram() : tech.supplement.sram();
        if (points.empty()) {
            notes.push_back(fmt::format("table '{}' has no SRAM energies: on-chip memory is not counted",
                                        tech.operations.name()));
        } else {
            prices.sram.emplace(points);
        }
    }
    if (scope.elementwise) {
        const bool own = tech.operations.contains("fp32_add") && tech.operations.contains("fp32_mul");
        const Table& table = own ? tech.operations : tech.supplement;
        if (!table.contains("fp32_add") || !table.contains("fp32_mul")) {
            notes.push_back(
                fmt::format("table '{}' has no fp32_add and fp32_mul: elementwise steps are not counted",
                            tech.operations.name()));
        } else {
            prices.fp32_add = &table.at("fp32_add", Unit::kOperation);
            prices.fp32_mul = &table.at("fp32_mul", Unit::kOperation);
            if (!own) {
                borrow("FP32 operators");
            }
        }
    }
    if (scope.static_power) {
        const bool own = tech.operations.static_power().has_value();
        if (!own && tech.supplement.static_power()) {
            borrow("static power");
        }
        prices.static_power = own ? tech.operations.static_power() : tech.supplement.static_power();
        if (!prices.static_power && scope.clock_hz && scope.power_w) {
            prices.static_power.emplace();
        }
        if (!prices.static_power) {
            notes.push_back(
                fmt::format("table '{}' has no static power: it is not counted", tech.operations.name()));
        } else {
            prices.static_power->clock_hz = scope.clock_hz.value_or(prices.static_power->clock_hz);
            if (scope.power_w) {
                prices.static_power->power_w = *scope.power_w;
                prices.static_power->source = "given by the user";
                prices.static_power->accuracy = "user";
                prices.static_power->condition = "power of the whole chip, whatever it does";
            }
        }
    }
    if (!borrowed.empty()) {
        notes.push_back(fmt::format("table '{}' has none of its own: {} are those of table '{}'",
                                    tech.operations.name(), borrowed, tech.supplement.name()));
    }
    return prices;
}

std::vector<std::string> assumptions_of(const Technology& tech, const WorkCounts& work, const Scope& scope,
                                        const Prices& prices) {
    std::vector<std::string> lines;
    const bool units = tech.operations.contains("ternary_mac");
    lines.push_back(
        units
            ? fmt::format("energies of table '{}' are measured units with their own registers; wires, clock "
                          "tree and control are not in them unless its conditions say so",
                          tech.operations.name())
            : fmt::format("operation energies of table '{}' are bare operators: no registers, clock, wires, "
                          "control or leakage on any machine",
                          tech.operations.name()));
    if (!units) {
        lines.emplace_back(
            "adders inside the ternary tree are counted as 8 bits wide, as the BitNet papers do");
    }
    if (tech.memory == kNoMemory) {
        lines.emplace_back("off-chip memory is not counted (memory 'none')");
    } else if (tech.memory == kOnChipMemory) {
        lines.emplace_back(
            "all weights and the KV cache lie on the chip in banks of the largest cited SRAM; wires between "
            "banks "
            "are not counted");
    } else {
        lines.push_back(fmt::format("every weight comes from {} once per pass{}", tech.memory,
                                    scope.on_chip ? "" : "; on-chip memory is not counted"));
    }
    lines.emplace_back(work.bytes_basis == Basis::kMeasured ? "Setun's bytes are measured at its ports"
                                                            : "Setun's bytes are computed from shapes");
    lines.emplace_back(work.nonzero_basis == Basis::kMeasured
                           ? "the share of non-zero trits is measured"
                           : "the share of non-zero trits was not measured: all are taken as non-zero");
    lines.emplace_back(
        "the baselines read each activation once and need no padding: a choice in their favour");
    if (work.fp16_macs != 0) {
        lines.emplace_back("attention is causal and counted in FP16 on every machine");
    }
    if (work.kv_read_elements != 0) {
        lines.push_back(
            fmt::format("KV cache of {} bits an element on Setun, 16 on fp16, 8 on int8", work.kv_bits));
    }
    if (prices.sram) {
        lines.push_back(fmt::format(
            "on-chip memory: {:.2f} + {:.5f} sqrt(bytes) pJ for 64 bits, within {:.1f} % of {} cited "
            "points ({}); every machine has the buffers of this kernel",
            prices.sram->constant_pj(), prices.sram->root_pj(), 100 * prices.sram->worst_fit(),
            prices.sram->points().size(), prices.sram->points().front().accuracy));
    }
    if (prices.static_power) {
        lines.push_back(fmt::format(
            "static power {:g} W at {:g} MHz ({}), the same on every machine; {}; the baselines take the "
            "time that "
            "their weights take through the same ports",
            prices.static_power->power_w, prices.static_power->clock_hz / 1e6, prices.static_power->accuracy,
            work.cycles != 0 ? "Setun's cycles are counted" : "Setun's cycles are its weight beats a port"));
    }
    return lines;
}

}  // namespace

double MachineEnergy::part_j(Part part) const noexcept {
    switch (part) {
        case Part::kArithmetic:
            return arithmetic_j;
        case Part::kOnChip:
            return on_chip_j;
        case Part::kOffChip:
            return memory_j();
        case Part::kStatic:
            return static_j;
    }
    return 0;
}

double MachineEnergy::key_j(std::string_view key) const noexcept {
    double sum = 0;
    for (const Contribution& line : contributions) {
        sum += line.key == key ? line.joules : 0;
    }
    return sum;
}

const MachineEnergy& TokenEnergy::machine(std::string_view name) const {
    for (const MachineEnergy* energy : {&setun, &fp16, &int8}) {
        if (energy->machine == name) {
            return *energy;
        }
    }
    throw BadInput(fmt::format("unknown machine '{}'; use one of setun, fp16, int8", name));
}

std::vector<Ratio> TokenEnergy::ratios() const {
    std::vector<Ratio> list;
    for (const MachineEnergy* other : {&fp16, &int8}) {
        const auto add = [&](const char* name, double theirs, double ours, const char* basis) {
            if (ours > 0 && theirs > 0) {
                list.push_back({other->machine + "_" + name, theirs / ours, basis});
            }
        };
        add("arithmetic", other->arithmetic_j, setun.arithmetic_j,
            "arithmetic: linear layers, head, attention, elementwise steps as far as counted");
        add("weights", other->key_j("weights"), setun.key_j("weights"),
            "weights of the linear layers from memory");
        add("off_chip", other->memory_j(), setun.memory_j(),
            "off-chip memory: weights, head, activations, results, KV cache");
        add("on_chip", other->on_chip_j, setun.on_chip_j, "on-chip memory");
        add("total", other->total_j(), setun.total_j(), "everything that this report counts");
    }
    return list;
}

TokenEnergy evaluate(const Technology& technology, const WorkCounts& work, const Engine& engine,
                     const Scope& scope, const Buffers& buffers) {
    if (work.tokens == 0) {
        throw std::invalid_argument(
            "energy: WorkCounts.tokens is 0; set it to the tokens that the counts paid for");
    }
    const Entry* bits =
        technology.memory == kNoMemory ? nullptr : &technology.memories.at(technology.memory, Unit::kBit);
    TokenEnergy result;
    const Prices prices = find_prices(technology, bits, scope, result.assumptions);
    result.operations = technology.operations.name();
    result.memory = technology.memory;
    result.tokens = real(work.tokens);
    result.setun = setun_machine(prices, work, engine, buffers);
    result.fp16 = baseline_machine(fp16_baseline(), prices, work, engine, buffers);
    result.int8 = baseline_machine(int8_baseline(), prices, work, engine, buffers);
    const double idle = real(work.trit_macs - work.nonzero_trit_macs) / real(work.tokens);
    const char* lane = technology.operations.contains("ternary_mac") ? "ternary_mac" : "int8_add";
    result.setun_nonzero_arithmetic_j =
        result.setun.arithmetic_j - idle * technology.operations.at(lane).energy_pj * kJoulePerPicojoule;
    const auto lines = assumptions_of(technology, work, scope, prices);
    result.assumptions.insert(result.assumptions.begin(), lines.begin(), lines.end());
    return result;
}

TokenEnergy per_token(const Table& operations, const Table& memories, const std::string& memory,
                      const WorkCounts& work) {
    const Scope scope{.on_chip = false, .elementwise = false, .static_power = false};
    return evaluate({operations, memories, memory, operations}, work, {}, scope);
}

std::string memory_choices() {
    std::string names;
    const Table memories = builtin_table("memory");
    for (const Entry& entry : memories.entries()) {
        names += entry.op + ", ";
    }
    return names + std::string(kOnChipMemory) + ", " + std::string(kNoMemory);
}

Technology find_technology(const std::string& tech, const std::string& memory) {
    Technology technology{find_table(tech), builtin_table("memory"), memory, builtin_table("7nm")};
    if (technology.operations.contains(memory)) {
        technology.memories = technology.operations;
    } else if (memory == kOnChipMemory) {
        const auto& own = technology.operations.sram();
        Entry entry = SramModel(own.empty() ? technology.supplement.sram() : own).entry(kSramBank);
        entry.op = kOnChipMemory;
        technology.memories = Table("memory", "weights on the chip", {entry});
    } else if (memory != kNoMemory && !technology.memories.contains(memory)) {
        throw TableError(fmt::format("unknown memory '{}'; use one of {}", memory, memory_choices()));
    }
    return technology;
}

}  // namespace setun::energy
