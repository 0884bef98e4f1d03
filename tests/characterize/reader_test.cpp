// Readers of the characterisation: Liberty, expressions, netlists, packed files, recorded stimuli.
#include <gtest/gtest.h>
#include <lzma.h>
#include <unistd.h>
#include <zlib.h>

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "energy_model/characterize/error.h"
#include "energy_model/characterize/liberty.h"
#include "energy_model/characterize/netlist.h"
#include "energy_model/characterize/stimulus_file.h"
#include "energy_model/characterize/synthesis_library.h"
#include "energy_model/characterize/text_file.h"
#include "tests/characterize/tiny_library.h"

namespace setun::characterize {
namespace {

using test::tiny_liberty;
using test::with;

// The message of the CharacterizeError that `action` throws; "" when it throws none.
template <typename Action>
std::string error_of(Action action) {
    try {
        action();
    } catch (const CharacterizeError& error) {
        return error.what();
    }
    return "";
}

std::string liberty_error(const std::string& text) {
    return error_of([&] {
        LibertyLibrary library;
        add_liberty(library, text, "tiny.lib");
    });
}

bool contains(const std::string& text, const std::string& part) {
    return text.find(part) != std::string::npos;
}

class Scratch : public testing::Test {
  protected:
    Scratch()
        : folder_(std::filesystem::temp_directory_path() /
                  ("setun_characterize_test_" + std::to_string(::getpid()))) {
        std::filesystem::create_directories(folder_);
    }
    ~Scratch() override { std::filesystem::remove_all(folder_); }
    std::filesystem::path file(const std::string& name, const std::string& bytes) const {
        std::ofstream(folder_ / name, std::ios::binary) << bytes;
        return folder_ / name;
    }
    std::filesystem::path folder_;
};

TEST(Expression, AgreesWithEveryOperator) {
    const std::vector<std::string> names = {"A", "B", "C1"};
    const std::vector<std::pair<const char*, unsigned>> cases = {
        // Bit s of the number is the value in state s.
        {"A", 0xAA},     {"!A", 0x55},         {"A'", 0x55},         {"A * B", 0x88},
        {"A & B", 0x88}, {"A B", 0x88},        {"A + B", 0xEE},      {"A | B", 0xEE},
        {"A ^ B", 0x66}, {"A + B * C1", 0xEA}, {"(A + B) C1", 0xE0}, {"!(A*B) ^ C1", 0x87},
        {"!A B'", 0x11}, {"0", 0x00},          {"1 ^ A", 0x55},      {"A * B ^ C1", 0x28}};
    for (const auto& [text, wanted] : cases) {
        const Expression expression(text, names, "here");
        for (unsigned state = 0; state < 8; ++state) {
            EXPECT_EQ(expression(state), (wanted >> state & 1U) != 0) << text << " in state " << state;
        }
    }
    EXPECT_EQ(Expression("!(A*B) + C1", names, "").verilog(names), "(~(A & B) | C1)");
}

TEST(Expression, RefusesWhatItIsNot) {
    const std::vector<std::string> names = {"A", "B"};
    for (const std::string text : {"", "A +", "(A", "A)", "X", "A $ B", "!", "A ^"}) {
        const std::string error = error_of([&] { const Expression expression(text, names, "f.lib:3"); });
        EXPECT_TRUE(error.starts_with("f.lib:3: ")) << "'" << text << "': " << error;
    }
    EXPECT_NE(error_of([&] { const Expression expression(std::string(1000, '('), names, "x"); }), "");
    EXPECT_NE(error_of([&] { const Expression expression(std::string(1000, '!') + "A", names, "x"); }), "");
}

TEST(LookupTable, IsLinearBetweenAndBeyondItsPoints) {
    const LookupTable plane{{0, 10, 20}, {0, 5}, {0, 5, 20, 25, 40, 45}};  // 2 x1 + x2
    for (const double x1 : {-5.0, 0.0, 3.0, 10.0, 17.0, 30.0}) {
        for (const double x2 : {-1.0, 0.0, 2.5, 5.0, 9.0}) {
            EXPECT_NEAR(plane.at(x1, x2), 2 * x1 + x2, 1e-12);
        }
    }
    const LookupTable bent{{0, 10, 20}, {}, {0, 10, 40}};
    EXPECT_DOUBLE_EQ(bent.at(5, 99), 5);
    EXPECT_DOUBLE_EQ(bent.at(15, 0), 25);
    EXPECT_DOUBLE_EQ(bent.at(30, 0), 70);
    EXPECT_DOUBLE_EQ((LookupTable{{}, {}, {7}}.at(1, 2)), 7);
    EXPECT_DOUBLE_EQ((LookupTable{{3}, {}, {7}}.at(1, 2)), 7);
}

TEST(Liberty, ReadsCells) {
    LibertyLibrary library;
    add_liberty(library, tiny_liberty(), "tiny.lib");
    EXPECT_DOUBLE_EQ(library.voltage, 1.0);
    ASSERT_EQ(library.cells.size(), 6U);
    const LibertyCell& inverter = library.at("INV");
    EXPECT_EQ(inverter.kind, CellKind::kCombinational);
    EXPECT_DOUBLE_EQ(inverter.area, 0.5);  // a value without semicolon
    EXPECT_DOUBLE_EQ(inverter.leakage, 3);
    EXPECT_DOUBLE_EQ(inverter.inputs.at(0).capacitance_low, 1.25);
    EXPECT_DOUBLE_EQ(inverter.outputs.at(0).arcs.at(0).delay_fall->at(15, 4), 24);
    ASSERT_EQ(inverter.outputs.at(0).powers.size(), 2U);
    EXPECT_EQ(inverter.outputs.at(0).powers.at(1).rail, "VSS");
    EXPECT_EQ(library.at("DFF").kind, CellKind::kFlipFlop);
    EXPECT_EQ(library.at("GATE").kind, CellKind::kClockGate);
    EXPECT_EQ(library.at("LATCH").kind, CellKind::kOther);
    EXPECT_EQ(library.at("HALF").outputs.at(1).arcs.size(), 2U);  // not the one from the other output
    EXPECT_EQ(library.find("XOR9"), nullptr);
    EXPECT_TRUE(contains(error_of([&] { (void)library.at("XOR9"); }), "'XOR9'"));
}

TEST(Liberty, NamesFileAndLineOfWhatIsWrong) {
    const auto expect = [](const std::string& from, const std::string& to, const std::string& part) {
        const std::string error = liberty_error(with(tiny_liberty(), from, to));
        EXPECT_TRUE(error.starts_with("tiny.lib:")) << to << ": " << error;
        EXPECT_TRUE(contains(error, part)) << to << ": " << error;
        EXPECT_FALSE(contains(error, "\n"));
    };
    expect("\"1ps\"", "\"1ns\"", "time_unit is '1ns'");
    expect("(1,ff)", "(1,pf)", "capacitive_load_unit");
    expect("\"1pW\"", "\"1nW\"", "leakage_power_unit");
    expect("\"1V\"", "\"1mV\"", "voltage_unit");
    expect("nom_voltage : 1.0", "nom_voltage : high", "'high' is no number");
    expect("nom_voltage : 1.0", "nom_voltage : nan", "'nan' is no number");
    expect("nom_voltage : 1.0;", "", "no 'nom_voltage'");
    expect("\"10, 20\", \"10, 20\"", "\"10, 20\", \"10\"", "3 values where 2 x 2 should stand");
    expect("index_1 (\"10, 20\")", "index_1 (\"20, 10\")", "index_1 does not rise");
    expect("variable_1 : input_net_transition", "variable_1 : total_output_net_capacitance",
           "slew must come first");
    expect("direction : input", "direction : sideways", "neither input nor output");
    expect("capacitance : 2;", "capacitance : -2;", "negative capacitance");
    expect("related_pin : \"A\"", "related_pin : \"Q\"", "is no input of cell 'INV'");
    expect("when : \"!B * Y\"", "when : \"!B * Z\"", "a name that is no pin");
    expect("/* tiny */", "/* tiny", "comment without end");
    expect("values (\"0.5\")", "values (\"0.5)", "where an argument should stand");
    expect("library (tiny)", "bookshop (tiny)", "must hold one 'library");
    expect("cell (NAND2)", "cell (INV)", "cell 'INV' was given before, at tiny.lib:8");
    EXPECT_EQ(liberty_error(with(tiny_liberty(), "\"1ps\"", "\"1ns\"")).substr(0, 11), "tiny.lib:2:");
}

TEST(Liberty, SurvivesEveryCutAndDeepNesting) {
    const std::string text = tiny_liberty();
    const std::size_t end = text.find_last_of('}');
    for (std::size_t length = 0; length <= end; ++length) {
        EXPECT_NE(liberty_error(text.substr(0, length)), "") << length;
    }
    EXPECT_EQ(liberty_error(text), "");
    std::string nested = "library (x) {";
    for (int i = 0; i < 100000; ++i) {
        nested += "a () {";
    }
    EXPECT_TRUE(contains(liberty_error(nested), "nested deeper"));
    EXPECT_NE(liberty_error(std::string("\0\xff library", 10)), "");
}

TEST(Liberty, RefusesAnotherVoltageThanTheFilesBefore) {
    LibertyLibrary library;
    add_liberty(library, tiny_liberty(), "one.lib");
    EXPECT_TRUE(contains(
        error_of([&] {
            add_liberty(library, with(tiny_liberty(), "nom_voltage : 1.0", "nom_voltage : 0.7"), "two.lib");
        }),
        "is for 0.7 V, the files before for 1 V"));
}

TEST(SynthesisLibrary, HoldsTheGatesAndNoPower) {
    LibertyLibrary library;
    add_liberty(library, tiny_liberty(), "tiny.lib");
    const std::string text = synthesis_liberty(library);
    LibertyLibrary again;
    add_liberty(again, text, "synthesis.lib");
    ASSERT_EQ(again.cells.size(), 2U);  // neither two outputs nor registers
    EXPECT_EQ(again.at("NAND2").outputs.at(0).function, "(A B)'");
    EXPECT_DOUBLE_EQ(again.at("INV").outputs.at(0).arcs.at(0).delay_rise->at(10, 5), 15);
    EXPECT_FALSE(contains(text, "power ("));
}

class Asap7Folder : public Scratch {};

TEST_F(Asap7Folder, SaysWhatIsMissingOrWrong) {
    EXPECT_TRUE(
        contains(error_of([&] { (void)read_asap7(folder_ / "absent"); }), "cannot be read as a folder"));
    EXPECT_TRUE(
        contains(error_of([&] { (void)read_asap7(folder_); }), "asap7sc7p5t_SIMPLE_RVT_TT_nldm_*.lib"));
    for (const std::string family : {"SIMPLE", "INVBUF", "AO", "OA", "SEQ"}) {
        file("asap7sc7p5t_" + family + "_RVT_TT_nldm_1.lib", tiny_liberty());
    }
    EXPECT_TRUE(contains(error_of([&] { (void)read_asap7(folder_); }),
                         "is another corner than RVT, TT, 0.7 V, 25 C"));
}

class TextFile : public Scratch {};

TEST_F(TextFile, UnpacksGzipAndXz) {
    const std::string text = tiny_liberty();
    const std::filesystem::path gz = folder_ / "t.lib.gz";
    const gzFile stream = gzopen(gz.c_str(), "wb");
    gzwrite(stream, text.data(), static_cast<unsigned>(text.size()));
    gzclose(stream);
    std::string packed(lzma_stream_buffer_bound(text.size()), '\0');
    std::size_t used = 0;
    ASSERT_EQ(lzma_easy_buffer_encode(1, LZMA_CHECK_CRC64, nullptr,
                                      reinterpret_cast<const std::uint8_t*>(text.data()), text.size(),
                                      reinterpret_cast<std::uint8_t*>(packed.data()), &used, packed.size()),
              LZMA_OK);
    packed.resize(used);
    EXPECT_EQ(read_text_file(gz), text);
    EXPECT_EQ(read_text_file(file("t.lib.xz", packed)), text);
    EXPECT_EQ(read_text_file(file("t.lib", text)), text);

    std::string damaged = packed;
    damaged[damaged.size() / 2] = static_cast<char>(damaged[damaged.size() / 2] ^ 1);
    EXPECT_TRUE(contains(error_of([&] { (void)read_text_file(file("d.lib.xz", damaged)); }), "damaged xz"));
    EXPECT_TRUE(contains(
        error_of([&] { (void)read_text_file(file("c.lib.xz", packed.substr(0, packed.size() / 2))); }),
        "damaged xz"));
    std::ifstream reader(gz, std::ios::binary);
    const std::string bytes{std::istreambuf_iterator<char>(reader), std::istreambuf_iterator<char>()};
    EXPECT_TRUE(
        contains(error_of([&] { (void)read_text_file(file("c.lib.gz", bytes.substr(0, bytes.size() / 2))); }),
                 "damaged gzip"));
    EXPECT_TRUE(contains(error_of([&] { (void)read_text_file(folder_ / "absent.lib"); }),
                         "absent.lib: cannot be read"));
}

TEST(Netlist, ReadsYosysJson) {
    const Netlist netlist = parse_netlist(test::gated_registers(), "n.json");
    EXPECT_EQ(netlist.name, "gated");
    EXPECT_EQ(netlist.cells.size(), 4U);
    EXPECT_EQ(netlist.port("d_i").bits.size(), 1U);
    EXPECT_TRUE(netlist.port("d_i").input);
    EXPECT_TRUE(contains(error_of([&] { (void)netlist.port("x"); }), "no port 'x'"));
    const Netlist constant =
        parse_netlist(with(test::two_inverters(), "\"A\": [2]", "\"A\": [\"1\"]"), "n.json");
    EXPECT_EQ(constant.cells.at(0).pins.at(0).second, kNetOne);
}

TEST(Netlist, RefusesWhatYosysDoesNotWrite) {
    const std::string good = test::two_inverters();
    const auto error = [](const std::string& text) {
        return error_of([&] { (void)parse_netlist(text, "n.json"); });
    };
    for (const std::string& bad :
         {std::string(), std::string("{"), std::string("[]"), std::string("{}"),
          std::string(R"({"modules": {}})"), std::string(R"({"modules": {"m": {}}})"),
          std::string(R"({"modules": {"m": 3}})"), std::string(R"({"modules": {"a": {}, "b": {}}})"),
          with(good, "[3]", "[3, 4]"), with(good, "[3]", "3"), with(good, "[3]", "[-3]"),
          with(good, "\"INV\"", "7"), with(good, "\"input\"", "\"inout\""),
          with(good, "\"connections\"", "\"wires\"")}) {
        EXPECT_TRUE(error(bad).starts_with("n.json: ")) << bad << ": " << error(bad);
    }
    EXPECT_EQ(error(good), "");
}

class Stimulus : public Scratch {};

TEST_F(Stimulus, ReadsTheCommittedFileAndRefusesOthers) {
    const ModelStimulus model = read_stimulus(std::filesystem::path(SETUN_SOURCE_DIR) /
                                              "energy_model/characterize/stimulus/model.txt");
    EXPECT_EQ(model.weights.size(), 64 * model.activations.size());
    EXPECT_GT(model.zeros(), 0.2);
    EXPECT_LT(model.zeros(), 0.6);

    const std::string x = "x " + std::string(158, '0') + "80\n";
    const std::string w = "w " + std::string(78, '+') + "0-\n";
    const ModelStimulus small = read_stimulus(file("s.txt", "# comment\n\nsource here\n" + x + w));
    EXPECT_EQ(small.activations.at(0).at(79), -128);
    EXPECT_EQ(small.weights.at(0).at(0), 1);
    EXPECT_EQ(small.weights.at(0).at(79), -1);
    const auto error = [&](const std::string& text) {
        return error_of([&] { (void)read_stimulus(file("b.txt", text)); });
    };
    EXPECT_TRUE(contains(error("source s\n" + x + "w +-\n"), "b.txt:3: 2 trits where 80"));
    EXPECT_TRUE(contains(error("source s\nx 00\n"), "b.txt:2: 2 hexadecimal digits"));
    EXPECT_TRUE(
        contains(error("source s\nx " + std::string(160, 'g') + "\n"), "'gg' is no hexadecimal byte"));
    EXPECT_TRUE(contains(error("source s\n" + x + "w " + std::string(80, '2')), "none of '-', '0', '+'"));
    EXPECT_TRUE(contains(error("weights 3\n"), "b.txt:1: a line that begins"));
    EXPECT_TRUE(contains(error("source s\n" + x), "no weights"));
}

}  // namespace
}  // namespace setun::characterize
