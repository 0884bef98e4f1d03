// Loads, delays, critical path and the energy of every event, against sums made on paper.
#include "energy_model/characterize/simulator.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <string>
#include <vector>

#include "energy_model/characterize/cross_check.h"
#include "energy_model/characterize/error.h"
#include "energy_model/characterize/half.h"
#include "energy_model/characterize/measure.h"
#include "energy_model/characterize/random.h"
#include "energy_model/characterize/synthesis_library.h"
#include "tests/characterize/tiny_library.h"

namespace setun::characterize {
namespace {

using test::with;
using Bits = std::vector<std::uint8_t>;

constexpr double kTiny = 1e-9;

const LibertyLibrary& library() {
    static const LibertyLibrary loaded = [] {
        LibertyLibrary result;
        add_liberty(result, test::tiny_liberty(), "tiny.lib");
        return result;
    }();
    return loaded;
}

std::string design_error(const std::string& json, const std::string& clock) {
    try {
        const Design design(library(), parse_netlist(json, "n.json"), clock, Wires{});
    } catch (const CharacterizeError& error) {
        return error.what();
    }
    return "";
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

// Every instance its own group, in the netlist's order; ports the last.
Simulator simulator_of(const Design& design) {
    std::vector<std::uint8_t> groups;
    for (std::size_t i = 0; i < design.instances.size(); ++i) {
        groups.push_back(static_cast<std::uint8_t>(i));
    }
    const std::size_t count = groups.size() + 1;
    return {design, kPeriod, std::move(groups), count, static_cast<std::uint8_t>(count - 1)};
}

TEST(Design, AddsLoadsAndWires) {
    const Netlist netlist = parse_netlist(test::two_inverters(), "n.json");
    const Design bare(library(), netlist, "", Wires{});
    const Net middle = bare.instances.at(0).out.at(0);
    EXPECT_DOUBLE_EQ(bare.load.at(middle), 2.0);
    EXPECT_DOUBLE_EQ(bare.area, 1.0);
    EXPECT_DOUBLE_EQ(bare.leakage, 6.0);
    EXPECT_EQ(bare.delays.at(0).rise, 12'000);
    EXPECT_EQ(bare.delays.at(0).fall, 22'000);
    const Design wired(library(), netlist, "", kEstimatedWires);
    EXPECT_DOUBLE_EQ(wired.load.at(middle), 2.25);
    EXPECT_EQ(wired.delays.at(0).rise, 12'250);
}

TEST(Design, FindsTheCriticalPath) {
    const Netlist netlist = parse_netlist(test::gated_registers(), "n.json");
    const Design design(library(), netlist, "clk_i", Wires{});
    // Q rises after 30, the inverter falls after 20 + 4 fF, setup of a falling input 9; the other edge: 35 +
    // 14 + 7.
    EXPECT_DOUBLE_EQ(design.critical_path, 63.0);
    EXPECT_EQ(design.critical_end, "result_q");
    EXPECT_DOUBLE_EQ(Design(library(), netlist, "clk_i", Wires{2, 0}).critical_path, 65.0);
}

TEST(Design, RefusesNetlistsThatAreNoCircuit) {
    const std::string pair = test::two_inverters();
    const std::string gated = test::gated_registers();
    EXPECT_EQ(design_error(pair, ""), "");
    EXPECT_EQ(design_error(gated, "clk_i"), "");
    EXPECT_TRUE(contains(design_error(with(pair, "\"INV\"", "\"XOR3\""), ""),
                         "cell 'first' of the netlist is a 'XOR3'"));
    EXPECT_TRUE(contains(design_error(with(pair, "\"A\"", "\"Q\""), ""), "'INV' has no pin 'Q'"));
    EXPECT_TRUE(contains(design_error(with(pair, "\"A\": [2], ", ""), ""), "an input that is not connected"));
    EXPECT_TRUE(contains(design_error(with(pair, "\"A\": [2]", "\"A\": [9]"), ""), "is driven by nothing"));
    EXPECT_TRUE(contains(design_error(with(pair, "\"Y\": [4]", "\"Y\": [3]"), ""), "two drivers"));
    EXPECT_TRUE(contains(design_error(with(pair, "\"A\": [2]", "\"A\": [4]"), ""), "combinational loop"));
    EXPECT_TRUE(contains(design_error(pair, "clk_i"), "no clock port 'clk_i'"));
    EXPECT_TRUE(
        contains(design_error(with(gated, "\"D\": [3]", "\"D\": [2]"), "clk_i"), "clock is used as data"));
    EXPECT_TRUE(contains(design_error(with(gated, "\"CLK\": [2], \"D\"", "\"CLK\": [7], \"D\""), "clk_i"),
                         "the clock of cell"));
    EXPECT_TRUE(contains(design_error(with(with(pair, "\"INV\"", "\"LATCH\""), "\"A\": [2], \"Y\"",
                                           "\"G\": [2], \"D\": [2], \"Q\""),
                                      ""),
                         "is a latch"));
}

TEST(Simulator, PaysForEveryToggle) {
    const Design design(library(), parse_netlist(test::two_inverters(), "n.json"), "", Wires{});
    Simulator simulator = simulator_of(design);
    simulator.settle(Bits{0});
    EXPECT_EQ(simulator.outputs(), Bits{0});
    simulator.cycle(Bits{1});
    EXPECT_EQ(simulator.outputs(), Bits{1});
    // The port drives 2 fF; the first inverter falls (0.4 - 0.1) and drives 2 fF; the second rises (0.5 +
    // 0.25) unloaded.
    EXPECT_NEAR(simulator.activity().energy.at(2), 1.0, kTiny);
    EXPECT_NEAR(simulator.activity().energy.at(0), 1.3, kTiny);
    EXPECT_NEAR(simulator.activity().energy.at(1), 0.75, kTiny);
    EXPECT_EQ(simulator.activity().toggles, 2U);
    EXPECT_EQ(simulator.activity().useful, 2U);
    simulator.reset_counters();
    simulator.cycle(Bits{1});
    EXPECT_EQ(simulator.activity().toggles, 0U);
    EXPECT_NEAR(simulator.activity().energy.at(0), 0.0, kTiny);
    simulator.cycle(Bits{0});
    EXPECT_NEAR(simulator.activity().energy.at(0), 1.75, kTiny);
    EXPECT_NEAR(simulator.activity().energy.at(1), 0.3, kTiny);
    EXPECT_EQ(simulator.activity().cycles, 2U);
}

// y = NAND(INV(x), x): a rising x makes a low pulse of 22 ps less than the gate's delay of 50 ps.
std::string pulse() {
    return R"({"modules": {"pulse": {"ports": {
      "x_i": {"direction": "input", "bits": [2]}, "y_o": {"direction": "output", "bits": [4]}},
      "cells": {"invert": {"type": "INV", "connections": {"A": [2], "Y": [3]}},
                "nand": {"type": "NAND2", "connections": {"A": [3], "B": [2], "Y": [4]}}}}}})";
}

TEST(Simulator, DropsPulsesShorterThanAGate) {
    const Design design(library(), parse_netlist(pulse(), "n.json"), "", Wires{});
    Simulator simulator = simulator_of(design);
    simulator.settle(Bits{0});
    simulator.cycle(Bits{1});
    EXPECT_EQ(simulator.activity().toggles, 1U);  // the inverter's
    EXPECT_NEAR(simulator.activity().energy.at(1), 0.0, kTiny);
    EXPECT_NEAR(simulator.activity().energy.at(2), 2.5, kTiny);
    // A falling x moves nothing in the NAND: its A input rises with B low, at the hidden energy of that
    // state.
    simulator.reset_counters();
    simulator.cycle(Bits{0});
    EXPECT_EQ(simulator.activity().toggles, 1U);
    EXPECT_NEAR(simulator.activity().energy.at(1), 0.125, kTiny);

    // With an inverter slower than the gate the pulse comes through: two toggles that are not useful.
    simulator.override_delays(std::vector<std::int64_t>{60'000, 50'000});
    simulator.reset_counters();
    simulator.cycle(Bits{1});
    EXPECT_EQ(simulator.activity().toggles, 3U);
    EXPECT_EQ(simulator.activity().useful, 1U);
    // Down by B (8), up by A with B high (1; the default of 70 is for other states).
    EXPECT_NEAR(simulator.activity().energy.at(1), 9.0, kTiny);
}

TEST(Simulator, AddsBothOutputsOfACell) {
    const std::string json = R"({"modules": {"half": {"ports": {"a_i": {"direction": "input", "bits": [2, 3]},
      "y_o": {"direction": "output", "bits": [4, 5]}},
      "cells": {"half": {"type": "HALF", "connections": {"A": [2], "B": [3], "CON": [4], "SN": [5]}}}}}})";
    const Design design(library(), parse_netlist(json, "n.json"), "", Wires{});
    Simulator simulator = simulator_of(design);
    simulator.settle(Bits{0, 1});
    EXPECT_EQ(simulator.outputs(), (Bits{1, 0}));
    simulator.cycle(Bits{1, 1});
    EXPECT_EQ(simulator.outputs(), (Bits{0, 1}));
    EXPECT_NEAR(simulator.activity().energy.at(0), 17.0, kTiny);
    simulator.settle(Bits{0, 0});
    simulator.cycle(Bits{1, 0});
    EXPECT_EQ(simulator.outputs(), (Bits{1, 0}));
    EXPECT_NEAR(simulator.activity().energy.at(0), 16.0, kTiny);
}

TEST(Simulator, PaysForBothPhasesOfTheClock) {
    const Design design(library(), parse_netlist(test::gated_registers(), "n.json"), "clk_i", Wires{});
    Simulator simulator = simulator_of(design);
    const auto next = [&](std::uint8_t d, std::uint8_t en) {
        simulator.reset_counters();
        simulator.cycle(Bits{d, en});
        return simulator.activity().energy;
    };
    // Instances: gate, invert, operand_q, result_q; then ports. A clock pin costs half its load at each edge.
    simulator.settle(Bits{0, 0});
    std::vector<double> energy = next(0, 0);
    EXPECT_NEAR(energy[0], 2.0 + 0.001 + 0.002, kTiny);
    EXPECT_NEAR(energy[2], 1.0 + 0.04 + 0.08, kTiny);
    EXPECT_NEAR(energy[3], 0.0, kTiny);  // behind a closed gate: nothing
    energy = next(1, 0);  // the data rises with the clock high; the falling edge finds D and not Q
    EXPECT_NEAR(energy[2], 1.0 + 0.04 + 0.5 + 0.32, kTiny);
    EXPECT_NEAR(energy[4], 2.0, kTiny);
    energy = next(
        1, 1);  // Q rises and drives 2 fF; the inverter falls onto 4 fF; result_q's data falls, its clock low
    EXPECT_NEAR(energy[2], 1.0 + 1.0 + 1.0 + 0.02, kTiny);
    EXPECT_NEAR(energy[1], 0.3 + 2.0, kTiny);
    EXPECT_NEAR(energy[3], 50.0, kTiny);
    EXPECT_NEAR(energy[0], 2.0 + 0.001, kTiny);  // closed at the rising edge, enabled at the falling one
    energy = next(1, 1);                         // now open
    EXPECT_NEAR(energy[0], 2.0 + 0.25 + 0.75, kTiny);
    EXPECT_NEAR(energy[3], 1.0 + 0.04 + 0.08, kTiny);
    EXPECT_EQ(simulator.outputs(), Bits{0});
    next(0, 1);
    next(0, 1);
    EXPECT_EQ(simulator.outputs(), Bits{0});
    energy = next(0, 1);  // the inverted 0 arrives
    EXPECT_EQ(simulator.outputs(), Bits{1});
    EXPECT_NEAR(energy[3], 1.0 + 1.0 + 0.01 * 0 + 0.02, kTiny);
}

TEST(Simulator, RefusesWhatDoesNotFit) {
    const Design design(library(), parse_netlist(test::two_inverters(), "n.json"), "", Wires{});
    EXPECT_THROW(Simulator(design, kPeriod, {0}, 1, 0), CharacterizeError);
    EXPECT_THROW(Simulator(design, kPeriod, {0, 1}, 1, 0), CharacterizeError);
    Simulator simulator(design, kPeriod, {0, 0}, 1, 0);
    simulator.settle(Bits{0});
    EXPECT_THROW(simulator.cycle(Bits{0, 0}), CharacterizeError);
    EXPECT_THROW(simulator.override_delays(std::vector<std::int64_t>{1}), CharacterizeError);
}

Unit gated_unit() {
    Unit unit;
    unit.name = "gated";
    unit.groups = {{"logic", Category::kLogic},
                   {"registers", Category::kCore},
                   {"operand registers", Category::kOperand}};
    unit.rules = {{"operand_", 2, 2}};
    return unit;
}

// q_o is the inverse of d_i three cycles before.
Workload gated_workload(bool right) {
    constexpr std::size_t kCycles = 40;
    Workload w = {Trace({{"en_i", 1}, {"d_i", 1}}, kCycles), Trace({{"q_o", 1}}, kCycles), 3, 4};
    for (std::size_t n = 0; n < kCycles; ++n) {
        const unsigned d = n * n % 7 < 3 ? 1 : 0;
        w.inputs.set(n, 0, 0, 1, 1);
        w.inputs.set(n, 1, 0, 1, d);
        if (n + 2 < kCycles) {
            w.expected.set(n + 2, 0, 0, 1, d ^ (right ? 1U : 0U));
        }
    }
    return w;
}

TEST(Measure, ComparesEveryCycleAndSortsEnergy) {
    const Design design(library(), parse_netlist(test::gated_registers(), "n.json"), "clk_i", Wires{});
    const Measurement right = measure(gated_unit(), design, gated_workload(true));
    EXPECT_EQ(right.wrong_cycles, 0U);
    EXPECT_EQ(right.cycles, 36U);
    EXPECT_GT(right.logic, 0.0);
    EXPECT_GT(right.core, right.logic);
    EXPECT_GT(right.all, right.core);
    EXPECT_NEAR(right.all, right.groups[0].second + right.groups[1].second + right.groups[2].second, kTiny);
    EXPECT_EQ(measure(gated_unit(), design, gated_workload(false)).wrong_cycles, 37U);
    // gate with result_q, which it clocks; the inverter is logic.
    EXPECT_EQ(instance_groups(gated_unit(), design), (std::vector<std::uint8_t>{1, 0, 2, 1}));
    Unit renamed = gated_unit();
    renamed.rules.front().text = "operands_";
    EXPECT_THROW((void)instance_groups(renamed, design), CharacterizeError);
}

TEST(Measure, WantsEveryPort) {
    const Design design(library(), parse_netlist(test::gated_registers(), "n.json"), "clk_i", Wires{});
    Workload w = gated_workload(true);
    w.inputs = Trace({{"d_i", 1}}, 40);
    EXPECT_THROW((void)measure(gated_unit(), design, w), CharacterizeError);
}

TEST(Half, RoundsAsTheUnitsDo) {
    EXPECT_EQ(half_from(1.0), 0x3C00);
    EXPECT_EQ(half_from(-2.0), 0xC000);
    EXPECT_EQ(half_from(1.0 + 0x1p-11), 0x3C00);      // a tie goes to even
    EXPECT_EQ(half_from(1.0 + 3 * 0x1p-11), 0x3C02);  // up here
    EXPECT_EQ(half_from(65519.0), 0x7BFF);
    EXPECT_EQ(half_from(65520.0), 0x7C00);
    EXPECT_EQ(half_from(0x1p-14), 0x0400);
    EXPECT_EQ(half_from(-0x1p-14 * (1 - 0x1p-12)), 0x8400);  // rounds up to the smallest normal number
    EXPECT_EQ(half_from(-0x1p-15), 0x8000);
    EXPECT_EQ(half_add(0x3C00, 0xBC00), 0x0000);
    EXPECT_EQ(half_add(0x8000, 0x8000), 0x8000);
    EXPECT_EQ(half_add(0x7C00, 0xFC00), 0x7E00);
    EXPECT_EQ(half_multiply(0x7C00, 0x0000), 0x7E00);
    EXPECT_EQ(half_multiply(0x4200, 0xC200), 0xC880);  // 3 * -3
    EXPECT_EQ(half_multiply(0x0001, 0x3C00), 0x0000);  // subnormal operands are zeros
    for (unsigned h = 0x0400; h < 0x7C00; ++h) {
        ASSERT_EQ(half_from(half_value(static_cast<std::uint16_t>(h))), h);
    }
}

// A byte changed anywhere, in the library or in the netlist: refused with a CharacterizeError, or simulated.
TEST(Damage, IsRefusedOrHarmless) {
    constexpr int kRounds = 3000;
    for (const std::uint64_t seed : {0U, 1U}) {
        Random random(seed);
        int refused = 0;
        for (int round = 0; round < kRounds; ++round) {
            std::string liberty = test::tiny_liberty();
            std::string json = round % 2 == 0 ? test::gated_registers() : test::two_inverters();
            std::string& target = random.uniform() < 0.7 ? liberty : json;
            const std::size_t at = random.bits() % target.size();
            switch (random.bits() % 3) {
                case 0:
                    target[at] = static_cast<char>(random.bits() & 0xFFU);
                    break;
                case 1:
                    target.erase(at, 1 + random.bits() % 20);
                    break;
                default:
                    target.insert(at, target.substr(random.bits() % target.size(), 1 + random.bits() % 40));
                    break;
            }
            try {
                LibertyLibrary damaged;
                add_liberty(damaged, liberty, "tiny.lib");
                static_cast<void>(synthesis_liberty(damaged));
                const Netlist netlist = parse_netlist(json, "n.json");
                const Design design(damaged, netlist, round % 2 == 0 ? "clk_i" : "", Wires{});
                Simulator simulator = simulator_of(design);
                std::size_t bits = 0;
                for (const NetlistPort& port : design.ports) {
                    bits += port.input ? port.bits.size() : 0;
                }
                simulator.settle(Bits(bits, 0));
                simulator.cycle(Bits(bits, 1));
                simulator.cycle(Bits(bits, 0));
            } catch (const CharacterizeError& error) {
                EXPECT_EQ(std::string(error.what()).find('\n'), std::string::npos) << error.what();
                ++refused;
            }
        }
        EXPECT_GT(refused, kRounds / 4) << "seed " << seed;
        EXPECT_LT(refused, kRounds) << "seed " << seed;
    }
}

TEST(GateModels, SpellFunctionsInVerilog) {
    const std::string text = gate_models(library(), parse_netlist(test::gated_registers(), "n.json"));
    EXPECT_TRUE(contains(text, "assign #(DELAY) Y = ~A;"));
    EXPECT_TRUE(contains(text, "always @(posedge CLK) Q_q <= #(DELAY) (D);"));
    EXPECT_TRUE(contains(text, "assign GCLK = CLK & open;"));
    const Netlist pair = parse_netlist(test::two_inverters(), "n.json");
    EXPECT_TRUE(contains(netlist_verilog(pair, nullptr), "INV i0 (.A(n2), .Y(n4));"));
    const std::vector<std::int64_t> delays = {5, 6};
    EXPECT_TRUE(contains(netlist_verilog(pair, &delays), "INV #(.DELAY(6)) i1 (.A(n4), .Y(n3));"));
}

}  // namespace
}  // namespace setun::characterize
