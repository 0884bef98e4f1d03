// Technology tables: the shipped ones are traceable, and a table that is not is refused by name.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstdio>
#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "energy_model/energy.h"

namespace setun::energy {
namespace {

constexpr const char* kGood = R"({"name": "t", "title": "a table", "entries": [
  {"op": "int8_add", "energy_pj": 0.5, "node": "n", "source": "A. Author, 2020", "accuracy": "user", "condition": "c"}
]})";

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

void expect_refused(const std::string& text, std::string_view message_part) {
    try {
        (void)parse_table(text, "x.json");
        FAIL() << "accepted: " << text;
    } catch (const TableError& error) {
        const std::string message = error.what();
        EXPECT_EQ(message.rfind("x.json:", 0), 0U) << message;
        EXPECT_NE(message.find(message_part), std::string::npos) << message;
        EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
}

TEST(Table, ReadsEveryField) {
    const Table table = parse_table(kGood, "x.json");
    EXPECT_EQ(table.name(), "t");
    EXPECT_EQ(table.title(), "a table");
    ASSERT_EQ(table.entries().size(), 1U);
    const Entry& entry = table.at("int8_add");
    EXPECT_DOUBLE_EQ(entry.energy_pj, 0.5);
    EXPECT_EQ(entry.unit, Unit::kOperation);
    EXPECT_EQ(entry.node, "n");
    EXPECT_EQ(entry.source, "A. Author, 2020");
    EXPECT_EQ(entry.accuracy, "user");
    EXPECT_EQ(entry.condition, "c");
}

TEST(Table, RefusesAnEntryWithoutCitation) {
    expect_refused(replaced(kGood, R"("source": "A. Author, 2020", )", ""),
                   "'int8_add': 'source' is missing");
    expect_refused(replaced(kGood, "A. Author, 2020", ""), "'source' is missing or empty");
    expect_refused(replaced(kGood, "A. Author, 2020", "  "), "'source' is missing or empty");
    expect_refused(replaced(kGood, R"("A. Author, 2020")", "7"), "'source' is missing or empty");
}

TEST(Table, RefusesUnknownAccuracyAndFields) {
    expect_refused(replaced(kGood, R"("user")", R"("guess")"), "accuracy 'guess'");
    expect_refused(replaced(kGood, R"("node")", R"("Node")"), "unknown field 'Node'");
    expect_refused(replaced(kGood, R"("title")", R"("comment": 1, "title")"), "unknown field 'comment'");
}

TEST(Table, RefusesEnergiesThatAreNotPicojoules) {
    for (const char* bad : {"0", "-0.5", "1e-9", "1e9", "\"0.5\"", "null"}) {
        expect_refused(replaced(kGood, "0.5", bad), "picojoule");
    }
}

TEST(Table, RefusesAmbiguousUnits) {
    expect_refused(replaced(kGood, R"("energy_pj": 0.5)", R"("energy_pj": 0.5, "energy_pj_per_bit": 1)"),
                   "exactly one");
    expect_refused(replaced(kGood, R"("energy_pj": 0.5, )", ""), "exactly one");
}

TEST(Table, RefusesWhatIsNotATable) {
    expect_refused("", "not valid JSON");
    expect_refused("{", "not valid JSON");
    expect_refused("[]", "must be an object");
    expect_refused(R"({"name": "t", "title": "a"})", "'entries'");
    expect_refused(R"({"name": "t", "title": "a", "entries": []})", "'entries'");
    expect_refused(R"({"name": "t", "title": "a", "entries": [3]})", "'#0': must be an object");
}

TEST(Table, RefusesAnOperationGivenTwice) {
    const std::string entry =
        R"({"op": "a", "energy_pj": 1, "node": "n", "source": "s", "accuracy": "user", "condition": "c"})";
    expect_refused(R"({"name": "t", "title": "a", "entries": [)" + entry + "," + entry + "]}", "given twice");
}

constexpr const char* kWhole = R"({"name": "t", "title": "a table", "entries": [
  {"op": "int8_add", "energy_pj": 0.5, "node": "n", "source": "A. Author, 2020", "accuracy": "user", "condition": "c"}],
  "sram": [{"bytes": 2048, "width_bits": 32, "read_pj": 3.5, "node": "n", "source": "B", "accuracy": "user", "condition": "c"},
           {"bytes": 1024, "width_bits": 32, "read_pj": 2.5, "node": "n", "source": "B", "accuracy": "user", "condition": "c"}],
  "static": {"power_w": 0.25, "clock_hz": 1e8, "source": "C", "accuracy": "assumption", "condition": "c"}
})";

TEST(Table, ReadsSramAndStaticPower) {
    const Table table = parse_table(kWhole, "x.json");
    ASSERT_EQ(table.sram().size(), 2U);
    EXPECT_EQ(table.sram()[0].bytes, 1024U);  // ascending
    EXPECT_EQ(table.sram()[1].width_bits, 32U);
    EXPECT_DOUBLE_EQ(table.sram()[1].read_pj, 3.5);
    ASSERT_TRUE(table.static_power().has_value());
    EXPECT_DOUBLE_EQ(table.static_power()->power_w, 0.25);
    EXPECT_DOUBLE_EQ(table.static_power()->clock_hz, 1e8);
    const Table bare = parse_table(kGood, "x.json");
    EXPECT_TRUE(bare.sram().empty());
    EXPECT_FALSE(bare.static_power().has_value());
}

TEST(Table, RefusesWrongSramAndStaticPower) {
    expect_refused(replaced(kWhole, R"("read_pj": 3.5, )", ""), "sram '#0': 'read_pj' is missing");
    expect_refused(replaced(kWhole, "3.5", "3.5e-12"), "picojoule");
    expect_refused(replaced(kWhole, "2048", "1024"), "sram of 1024 bytes is given twice");
    expect_refused(replaced(kWhole, "2048", "0"), "'bytes' is 0");
    expect_refused(
        replaced(kWhole, R"("width_bits": 32, "read_pj": 3.5)", R"("width_bits": -8, "read_pj": 3.5)"),
        "'width_bits' is -8");
    expect_refused(replaced(kWhole, R"("source": "B", )", ""), "sram '#0': 'source' is missing");
    expect_refused(replaced(kWhole, "0.25", "-1"), "'power_w' must be a number between 0 and 10000 watt");
    expect_refused(replaced(kWhole, "1e8", "100"),
                   "'clock_hz' must be a number between 1000 and 1e+11 hertz");
    expect_refused(replaced(kWhole, R"("source": "C", )", ""), "static: 'source' is missing");
    expect_refused(replaced(kWhole, "power_w", "power_mw"), "unknown field 'power_mw'");
    expect_refused(replaced(kWhole, R"("sram": [)", R"("sram": [5, )"), "sram '#0': must be an object");
}

TEST(Table, LookupNamesTheUnitThatIsWanted) {
    const Table table = builtin_table("7nm");
    EXPECT_EQ(table.at("int8_add", Unit::kOperation).op, "int8_add");
    try {
        (void)table.at("int8_add", Unit::kBit);
        FAIL();
    } catch (const TableError& error) {
        EXPECT_STREQ(error.what(),
                     "table '7nm': entry 'int8_add' must be given per bit: use 'energy_pj_per_bit'");
    }
}

TEST(Table, LookupListsWhatThereIs) {
    const Table table = parse_table(kGood, "x.json");
    EXPECT_TRUE(table.contains("int8_add"));
    EXPECT_FALSE(table.contains("fp16_add"));
    try {
        (void)table.at("fp16_add");
        FAIL();
    } catch (const TableError& error) {
        EXPECT_STREQ(error.what(), "table 't' has no entry 'fp16_add'; it has int8_add");
    }
}

TEST(Table, BuiltinTablesAreTraceableAndNamed) {
    for (const std::string& name : builtin_table_names()) {
        const Table table = builtin_table(name);
        EXPECT_EQ(table.name(), name);
        for (const Entry& entry : table.entries()) {
            EXPECT_GT(entry.source.size(), 30U) << name << " " << entry.op << ": not a full citation";
            EXPECT_NE(entry.accuracy, "user") << name << " " << entry.op;
        }
    }
    EXPECT_EQ(builtin_table_names(), (std::vector<std::string>{"7nm", "45nm", "asap7", "memory"}));
}

TEST(Table, BuiltinNumbersAreThePublishedOnes) {
    const Table t7 = builtin_table("7nm");
    const Table t45 = builtin_table("45nm");
    EXPECT_DOUBLE_EQ(t7.at("int8_add").energy_pj, 0.007);
    EXPECT_DOUBLE_EQ(t7.at("fp16_add").energy_pj, 0.16);
    EXPECT_DOUBLE_EQ(t7.at("fp16_mul").energy_pj, 0.34);
    EXPECT_DOUBLE_EQ(t7.at("int32_add").energy_pj, 0.03);
    EXPECT_DOUBLE_EQ(t7.at("int8_mul").energy_pj, 0.07);
    EXPECT_DOUBLE_EQ(t45.at("int8_add").energy_pj, 0.03);
    EXPECT_DOUBLE_EQ(t45.at("fp16_add").energy_pj, 0.4);
    EXPECT_DOUBLE_EQ(t45.at("fp16_mul").energy_pj, 1.1);
    EXPECT_DOUBLE_EQ(builtin_table("memory").at("hbm2").energy_pj, 3.9);
}

TEST(Table, EveryOperationCostsMoreAtTheOlderNode) {
    const Table t7 = builtin_table("7nm");
    const Table t45 = builtin_table("45nm");
    for (const Entry& entry : t7.entries()) {
        EXPECT_LT(entry.energy_pj, t45.at(entry.op).energy_pj) << entry.op;
        EXPECT_EQ(entry.unit, Unit::kOperation);
    }
    const Table memory = builtin_table("memory");
    for (const Entry& entry : memory.entries()) {
        EXPECT_EQ(entry.unit, Unit::kBit) << entry.op;
    }
}

TEST(Table, ShippedFilesAreTheBuiltinTables) {
    for (const std::string& name : builtin_table_names()) {
        const Table file = load_table(std::string(SETUN_SOURCE_DIR) + "/energy_model/tech/" + name + ".json");
        const Table builtin = builtin_table(name);
        ASSERT_EQ(file.entries().size(), builtin.entries().size());
        for (std::size_t i = 0; i < file.entries().size(); ++i) {
            EXPECT_EQ(file.entries()[i].op, builtin.entries()[i].op);
            EXPECT_EQ(file.entries()[i].energy_pj, builtin.entries()[i].energy_pj);
        }
    }
}

TEST(Table, FindTakesNamesAndPaths) {
    EXPECT_EQ(find_table("45nm").name(), "45nm");
    const auto path = std::filesystem::path(testing::TempDir()) / "setun_table_test.json";
    std::ofstream(path) << kGood;
    EXPECT_EQ(find_table(path.string()).name(), "t");
    std::filesystem::remove(path);
    try {
        (void)find_table("5nm");
        FAIL();
    } catch (const TableError& error) {
        EXPECT_STREQ(error.what(),
                     "technology table '5nm' is neither builtin (7nm, 45nm, asap7, memory) nor a file");
    }
    EXPECT_THROW((void)load_table("/nonexistent.json"), TableError);
    EXPECT_THROW((void)builtin_table("5nm"), TableError);
}

}  // namespace
}  // namespace setun::energy
