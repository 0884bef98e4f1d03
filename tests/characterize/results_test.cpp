// The committed results: what must hold of them, and that the technology table is made from them.
#include "energy_model/characterize/results.h"

#include <gtest/gtest.h>

#include <filesystem>
#include <nlohmann/json.hpp>

#include "energy_model/characterize/error.h"
#include "energy_model/characterize/text_file.h"
#include "energy_model/energy.h"

namespace setun::characterize {
namespace {

const std::filesystem::path kTech = std::filesystem::path(SETUN_SOURCE_DIR) / "energy_model" / "tech";

const Results& committed() {
    static const Results results = read_results(kTech / "asap7-units.json");
    return results;
}

TEST(Results, ChooseTheLeastEnergyThatFits) {
    const auto name = [](std::vector<RecipeResult> tried) { return chosen(tried).recipe; };
    EXPECT_EQ(name({{"a", 1, 9, 900, 0}, {"b", 1, 8, 990, 0}, {"c", 1, 5, 1001, 0}}), "b");
    EXPECT_EQ(name({{"a", 1, 9, 1100, 0}, {"b", 1, 8, 1200, 0}, {"c", 1, 5, 1300, 2}}), "b");
    EXPECT_EQ(name({{"a", 1, 9, 1100, 1}, {"b", 1, 8, 1200, 2}}), "b");
    EXPECT_EQ(name({{"a", 1, 9, 900, 0}, {"b", 1, 9 * (1 - 1e-9), 900, 0}}), "a");
}

TEST(Results, SurviveTheirFile) {
    EXPECT_EQ(to_json(committed()), read_text_file(kTech / "asap7-units.json"));
    EXPECT_THROW((void)read_results(kTech / "7nm.json"), CharacterizeError);
    EXPECT_THROW((void)read_results(kTech / "absent.json"), CharacterizeError);
    EXPECT_THROW((void)committed().unit("absent"), CharacterizeError);
    EXPECT_THROW((void)committed().measurement("int8_add", "absent", false), CharacterizeError);
}

// Nobody edits the table by hand.
TEST(Results, MakeTheTechnologyTable) {
    EXPECT_EQ(technology_table(committed()), read_text_file(kTech / "asap7.json"));
    const energy::Table table = energy::builtin_table("asap7");
    for (const char* op :
         {"int8_add", "int32_add", "int8_mul", "fp16_add", "fp16_mul", "ternary_mac", "trit_decode",
          "accumulator", "activation_register", "fp16_mac", "fp16_mac_tree", "int8_mac_tree"}) {
        EXPECT_EQ(table.at(op).accuracy, "measured");
        EXPECT_GT(table.at(std::string(op) + "_wires").energy_pj, table.at(op).energy_pj) << op;
    }
}

TEST(Results, StandInTheDocumentation) {
    const std::string page =
        read_text_file(std::filesystem::path(SETUN_SOURCE_DIR) / "docs" / "characterisation.md");
    EXPECT_NE(page.find(markdown_tables(committed())), std::string::npos)
        << "docs/characterisation.md: put the output of setun_characterize --table there";
}

TEST(Results, AreRightInEveryCycleWhereThePathFits) {
    for (const UnitResult& unit : committed().units) {
        for (const Measurement& m : unit.measurements) {
            EXPECT_GT(m.cycles, 500U) << m.unit;
            EXPECT_GE(m.glitch, 1.0) << m.unit;
            EXPECT_LT(m.leakage, 0.01 * m.core) << m.unit;
            if (m.path <= 1000) {
                EXPECT_EQ(m.wrong_cycles, 0U) << m.unit << " " << m.workload;
            }
            if (!m.wires) {
                EXPECT_EQ(m.wrong_cycles, 0U) << m.unit << " " << m.workload;
            }
        }
    }
}

// An independent prototype of the same method, with other RTL and recipes, measured 9.2 (INT8 add with
// nine-bit sum), 41, 17.2 and 20.7 fJ, 540 to 690 fJ.
TEST(Results, AgreeWithThePrototype) {
    const auto within = [](double value, double low, double high) { return value >= low && value <= high; };
    const Measurement& add = committed().measurement("int8_add_full", "random", false);
    EXPECT_TRUE(within(add.logic, 8.3, 10)) << add.logic;
    EXPECT_TRUE(within(committed().measurement("int32_add", "random", false).logic, 37, 45));
    const Measurement& tree = committed().measurement("ternary_carry_save", "zeros45", false);
    EXPECT_TRUE(within(tree.logic, 16, 19)) << tree.logic;
    EXPECT_TRUE(within(tree.core, 20, 22)) << tree.core;
    const Measurement& half = committed().measurement("fp16_mac", "normal", false);
    EXPECT_TRUE(within(half.core, 480, 690)) << half.core;
}

TEST(Results, ZerosSaveEnergyButNotInProportion) {
    for (const char* unit : {"engine_leaf", "ternary_carry_save"}) {
        double before = 0;
        for (const char* workload : {"zeros80", "zeros60", "zeros45", "zeros30", "zeros0"}) {
            const double logic = committed().measurement(unit, workload, false).logic;
            EXPECT_GT(logic, before) << unit << " " << workload;
            before = logic;
        }
        const double saved = 1 - committed().measurement(unit, "zeros45", false).logic / before;
        EXPECT_LT(saved, 0.45) << unit;
    }
}

}  // namespace
}  // namespace setun::characterize
