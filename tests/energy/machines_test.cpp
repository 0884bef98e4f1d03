// The whole bill: every line by hand on round prices, sums, scope, measured units, borrowed prices.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "energy_model/energy.h"

namespace setun::energy {
namespace {

Entry op(const char* name, double pj, Unit unit = Unit::kOperation) {
    return {name, pj, unit, "n", "a source that can be read", "user", "c"};
}

/// Prices of which no two are equal; SRAM 64 pJ for 64 bits, so 1 pJ a bit.
Table prices() {
    return {"t",
            "t",
            {op("int8_add", 1), op("int32_add", 2), op("int8_mul", 3), op("fp16_add", 5), op("fp16_mul", 7),
             op("fp32_add", 11), op("fp32_mul", 13), op("mem", 100, Unit::kBit)},
            {{1024, 64, 64, "n", "a source that can be read", "user", "c"}},
            StaticPower{0.5, 1000, "a source that can be read", "user", "c"}};
}

Technology technology(const std::string& memory = "mem") { return {prices(), prices(), memory, prices()}; }

const Engine kEngine{.port_bits = 128, .ports = 2, .tokens = 4, .tile_rows = 16};

/// Counts of which no two are equal.
WorkCounts work() {
    WorkCounts w;
    w.tokens = 2;
    w.macs = 1000;
    w.trit_macs = 1100;
    w.nonzero_trit_macs = 700;
    w.accumulator_adds = 130;
    w.plane_steps = 17;
    w.fp16_macs = 190;
    w.weights = 500;
    w.head_weights = 60;
    w.trits = 550;
    w.inputs = 41;
    w.outputs = 43;
    w.weight_bytes = 160;
    w.head_weight_bytes = 32;
    w.activation_bytes = 47;
    w.result_bytes = 53;
    w.kv_read_elements = 59;
    w.kv_write_elements = 2;
    w.kv_bits = 4;
    w.fp32_adds = 67;
    w.fp32_muls = 71;
    w.quantiser_adds = 73;
    w.quantiser_muls = 79;
    w.vector_words = 83;
    w.quantiser_words = 89;
    w.cycles = 97;
    return w;
}

constexpr double kPico = 1e-12 / 2;  // of two tokens, each pays half

TEST(Machines, SetunByHand) {
    const MachineEnergy m = evaluate(technology(), work(), kEngine).setun;
    EXPECT_NEAR(m.key_j("ternary_add"), 1100 * 1 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("accumulator_add"), 130 * 2 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("plane_step_add"), 17 * 2 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("attention_add"), 190 * 5 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("attention_mul"), 190 * 7 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("elementwise_add"), 67 * 11 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("elementwise_mul"), 71 * 13 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("quantiser_add"), 73 * 11 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("quantiser_mul"), 79 * 13 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("kv_buffer"), 2 * 61 * 4 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("vector_buffer"), (83 + 89) * 32 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("weight_fifo"), 2 * 160 * 8 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("activation_chunk"), 3 * 47 * 8 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("partial_sums"), 2 * 130 * 32 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("result_fifo"), 2 * 53 * 8 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("weights"), (160 - 32) * 8 * 100 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("head"), 32 * 8 * 100 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("activations"), 47 * 8 * 100 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("results"), 53 * 8 * 100 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("kv_cache"), 61 * 4 * 100 * kPico, 1e-20);
    EXPECT_NEAR(m.key_j("static"), 0.5 * 97 / 1000 / 2, 1e-12);
    EXPECT_NEAR(m.seconds, 97.0 / 1000 / 2, 1e-12);
    EXPECT_NEAR(m.head_j, m.key_j("head"), 1e-25);
    EXPECT_NEAR(m.weights_j, 160 * 8 * 100 * kPico, 1e-20);
}

TEST(Machines, BaselinesByHand) {
    const TokenEnergy e = evaluate(technology(), work(), kEngine);
    EXPECT_NEAR(e.fp16.key_j("mul"), 1000 * 7 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.key_j("add"), 1000 * 5 * kPico, 1e-20);
    EXPECT_EQ(e.fp16.key_j("quantiser_add"), 0);
    EXPECT_NEAR(e.fp16.key_j("weights"), (500 - 60) * 16 * 100 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.key_j("head"), 60 * 16 * 100 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.key_j("activations"), 41 * 16 * 100 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.key_j("results"), 43 * 16 * 100 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.key_j("kv_cache"), 61 * 16 * 100 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.key_j("kv_buffer"), 2 * 61 * 16 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.key_j("vector_buffer"), 83 * 32 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.key_j("weight_fifo"), 2 * 500 * 16 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.key_j("activation_chunk"), 3 * 41 * 16 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.key_j("partial_sums"), 2 * 16 * 1000.0 / 80 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.key_j("result_fifo"), 2 * 43 * 16 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.seconds, 500.0 * 16 / (2 * 128) / 1000 / 2, 1e-12);
    EXPECT_NEAR(e.int8.key_j("mul"), 1000 * 3 * kPico, 1e-20);
    EXPECT_NEAR(e.int8.key_j("add"), 1000 * 2 * kPico, 1e-20);
    EXPECT_NEAR(e.int8.key_j("quantiser_add"), 73 * 11 * kPico, 1e-20);
    EXPECT_NEAR(e.int8.key_j("weights"), (500 - 60) * 8 * 100 * kPico, 1e-20);
    EXPECT_NEAR(e.int8.key_j("results"), 43 * 32 * 100 * kPico, 1e-20);
    EXPECT_NEAR(e.int8.key_j("kv_cache"), 61 * 8 * 100 * kPico, 1e-20);
    EXPECT_NEAR(e.int8.key_j("partial_sums"), 2 * 32 * 1000.0 / 80 * kPico, 1e-20);
}

TEST(Machines, PartsAndLinesSum) {
    const TokenEnergy e = evaluate(technology(), work(), kEngine);
    for (const MachineEnergy* m : {&e.setun, &e.fp16, &e.int8}) {
        double sum = 0;
        for (const Contribution& line : m->contributions) {
            sum += line.joules;
            EXPECT_FALSE(line.entry.source.empty()) << line.what;
            EXPECT_FALSE(line.key.empty()) << line.what;
            EXPECT_DOUBLE_EQ(line.joules, line.count * line.entry.energy_pj * 1e-12) << line.what;
        }
        EXPECT_NEAR(sum, m->total_j(), 1e-12 * sum);
        double parts = 0;
        for (const Part part : {Part::kArithmetic, Part::kOnChip, Part::kOffChip, Part::kStatic}) {
            parts += m->part_j(part);
        }
        EXPECT_NEAR(parts, m->total_j(), 1e-12 * parts);
        EXPECT_EQ(&e.machine(m->machine), m);
    }
    EXPECT_THROW((void)e.machine("fp64"), BadInput);
}

TEST(Machines, RatiosAreOfWhatTheySay) {
    const TokenEnergy e = evaluate(technology(), work(), kEngine);
    bool found = false;
    for (const Ratio& ratio : e.ratios()) {
        EXPECT_FALSE(ratio.basis.empty());
        if (ratio.name == "fp16_weights") {
            found = true;
            EXPECT_NEAR(ratio.value, 440.0 * 16 / (128 * 8), 1e-12);
        }
    }
    EXPECT_TRUE(found);
    // Without off-chip memory there is no such ratio.
    for (const Ratio& ratio : evaluate(technology("none"), work(), kEngine).ratios()) {
        EXPECT_EQ(ratio.name.find("weights"), std::string::npos);
    }
}

TEST(Machines, ScopeLeavesPartsOut) {
    const TokenEnergy e = evaluate(technology(), work(), kEngine,
                                   {.on_chip = false, .elementwise = false, .static_power = false});
    EXPECT_EQ(e.setun.on_chip_j, 0);
    EXPECT_EQ(e.setun.static_j, 0);
    EXPECT_EQ(e.setun.key_j("elementwise_add"), 0);
    EXPECT_EQ(e.setun.key_j("vector_buffer"), 0);
    EXPECT_GT(e.setun.key_j("kv_cache"), 0);
}

TEST(Machines, ClockAndPowerCanBeGiven) {
    Scope scope;
    scope.clock_hz = 2000;
    scope.power_w = 3;
    const TokenEnergy e = evaluate(technology(), work(), kEngine, scope);
    EXPECT_NEAR(e.setun.static_j, 3.0 * 97 / 2000 / 2, 1e-12);
    scope.power_w = 0;
    EXPECT_EQ(evaluate(technology(), work(), kEngine, scope).setun.static_j, 0);
}

TEST(Machines, CyclesAreBeatsWhenNobodyCounted) {
    WorkCounts w = work();
    w.cycles = 0;
    const TokenEnergy e = evaluate(technology(), w, kEngine);
    EXPECT_NEAR(e.setun.seconds, 160.0 * 8 / (2 * 128) / 1000 / 2, 1e-12);
}

TEST(Machines, MeasuredUnitsReplaceOperators) {
    const Table table = prices();
    std::vector<Entry> entries = table.entries();
    entries.push_back(op("ternary_mac", 17));
    entries.push_back(op("trit_decode", 19));
    entries.push_back(op("accumulator", 31));
    entries.push_back(op("weight_register", 37));
    entries.push_back(op("activation_register", 41));
    entries.push_back(op("fp16_mac", 23));
    entries.push_back(op("int8_mac", 29));
    const Table units("u", "u", entries, table.sram(), table.static_power());
    const TokenEnergy e = evaluate({units, units, "mem", units}, work(), kEngine);
    EXPECT_NEAR(e.setun.key_j("ternary_mac"), 1100 * 17 * kPico, 1e-20);
    EXPECT_NEAR(e.setun.key_j("trit_decode"), 550 * 19 * kPico,
                1e-20);  // each trit once, however many tokens share it
    EXPECT_EQ(e.setun.key_j("ternary_add"), 0);
    EXPECT_NEAR(e.setun.key_j("accumulator_add"), 130 * 31 * kPico, 1e-20);
    // Registers: a weight once, an activation its share in every multiply-add; by bits on the baselines.
    EXPECT_NEAR(e.setun.key_j("weight_registers"), 550 * 37 * kPico, 1e-20);
    EXPECT_NEAR(e.setun.key_j("activation_registers"), 1100 * 41 * kPico, 1e-20);
    EXPECT_NEAR(e.setun.key_j("activation_chunk"), 2 * 47 * 8 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.key_j("weight_registers"), 500 * 8 * 37 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.key_j("activation_registers"), 1000 * 2 * 41 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.key_j("activation_chunk"), 2 * 41 * 16 * kPico, 1e-20);
    EXPECT_NEAR(e.int8.key_j("weight_registers"), 500 * 4 * 37 * kPico, 1e-20);
    EXPECT_NEAR(e.int8.key_j("activation_registers"), 1000 * 41 * kPico, 1e-20);
    EXPECT_EQ(evaluate({units, units, "mem", units}, work(), kEngine, {.on_chip = false}).setun.on_chip_j, 0);
    EXPECT_NEAR(e.setun.key_j("plane_step_add"), 17 * 2 * kPico, 1e-20);
    EXPECT_NEAR(e.setun.key_j("attention_mac"), 190 * 23 * kPico, 1e-20);
    EXPECT_NEAR(e.fp16.key_j("mac"), 1000 * 23 * kPico, 1e-20);
    EXPECT_EQ(e.fp16.key_j("mul"), 0);
    EXPECT_NEAR(e.int8.key_j("mac"), 1000 * 29 * kPico, 1e-20);
    for (const MachineEnergy* m : {&e.setun, &e.fp16, &e.int8}) {
        EXPECT_NE(m->basis.find("measured"), std::string::npos) << m->basis;
    }
    EXPECT_NEAR(e.setun.arithmetic_j - e.setun_nonzero_arithmetic_j, (1100 - 700) * 17 * kPico, 1e-20);
}

bool says(const std::vector<std::string>& lines, const char* text) {
    return std::any_of(lines.begin(), lines.end(),
                       [&](const std::string& line) { return line.find(text) != std::string::npos; });
}

TEST(Machines, BorrowedPricesAreSaid) {
    const Table table = prices();
    std::vector<Entry> entries = table.entries();
    entries.resize(5);  // integer and FP16 operators alone
    const Table bare("bare", "bare", entries);
    const TokenEnergy borrowed = evaluate({bare, prices(), "mem", prices()}, work(), kEngine);
    EXPECT_TRUE(says(
        borrowed.assumptions,
        "table 'bare' has none of its own: SRAM energies, FP32 operators, static power are those of table "
        "'t'"));
    EXPECT_NEAR(borrowed.setun.total_j(), evaluate(technology(), work(), kEngine).setun.total_j(), 1e-18);
    const TokenEnergy without = evaluate({bare, prices(), "mem", bare}, work(), kEngine);
    EXPECT_TRUE(says(without.assumptions, "has no SRAM energies: on-chip memory is not counted"));
    EXPECT_TRUE(says(without.assumptions, "elementwise steps are not counted"));
    EXPECT_TRUE(says(without.assumptions, "has no static power"));
    EXPECT_EQ(without.setun.on_chip_j, 0);
}

TEST(Machines, MemoriesAreFoundInTheTableOrAmongTheBuiltin) {
    EXPECT_DOUBLE_EQ(find_technology("7nm", "hbm2").memories.at("hbm2").energy_pj, 3.9);
    for (const char* memory : {"hbm3", "lpddr5", "ddr4", "sram"}) {
        const Technology tech = find_technology("7nm", memory);
        EXPECT_EQ(tech.memories.at(memory).unit, Unit::kBit);
        EXPECT_NE(memory_choices().find(memory), std::string::npos);
    }
    // Weights on chip: a bank of 1 MB, 14 pJ for 64 bits as cited, within the fit.
    EXPECT_NEAR(find_technology("7nm", "sram").memories.at("sram").energy_pj, 14.0 / 64, 0.01 * 14 / 64);
    EXPECT_GT(find_technology("45nm", "sram").memories.at("sram").energy_pj, 1.0);
    EXPECT_THROW((void)find_technology("7nm", "hbm9"), TableError);
    EXPECT_THROW((void)find_technology("3nm", "hbm2"), TableError);
}

TEST(Machines, MoreContextCostsMoreOnEveryMachine) {
    const Technology tech = find_technology("7nm", "lpddr5");
    const ModelShape shape = find_shape("2b4t");
    double last = 0;
    for (const std::uint64_t context : {1U, 64U, 1024U, 4096U, 65536U}) {
        const TokenEnergy e =
            evaluate(tech, model_work(shape, {Phase::kDecode, context, 1}, kEngine), kEngine);
        EXPECT_GT(e.setun.total_j(), last);
        EXPECT_GT(e.fp16.total_j(), e.int8.total_j());
        EXPECT_GT(e.int8.total_j(), e.setun.total_j());
        last = e.setun.total_j();
    }
}

TEST(Machines, BatchMakesATokenCheaper) {
    const Engine engine{.port_bits = 512, .ports = 1, .tokens = 8, .tile_rows = 1024};
    const Technology tech = find_technology("7nm", "hbm2");
    const ModelShape shape = find_shape("2b4t");
    const TokenEnergy one = evaluate(tech, model_work(shape, {Phase::kDecode, 1, 1}, engine), engine);
    const TokenEnergy eight = evaluate(tech, model_work(shape, {Phase::kDecode, 1, 8}, engine), engine);
    EXPECT_NEAR(eight.setun.weights_j * 8, one.setun.weights_j, 1e-12);
    EXPECT_NEAR(eight.setun.key_j("ternary_add"), one.setun.key_j("ternary_add"), 1e-15);
}

}  // namespace
}  // namespace setun::energy
