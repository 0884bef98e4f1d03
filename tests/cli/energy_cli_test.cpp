// setun energy, run --energy, bench --energy: fields, sums, agreement of the three, and bad input.
#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <string>
#include <vector>

#include "tests/cli/setun_command.h"
#include "tests/host/synthetic_model.h"

namespace setun::test {
namespace {

using nlohmann::json;

json energy(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(), "energy");
    return setun_json(arguments);
}

double number(const json& value) { return value.get<double>(); }

/// Parts of a breakdown sum to their totals, and these to everything.
void expect_sums(const json& breakdown) {
    double all = 0;
    for (const char* part : {"arithmetic", "on_chip", "off_chip", "static"}) {
        double sum = 0;
        for (const auto& [key, joules] : breakdown.at(part).items()) {
            sum += key == "total_j" || key == "add_j" || key == "mul_j" ? 0 : number(joules);
        }
        EXPECT_NEAR(sum, number(breakdown.at(part).at("total_j")), 1e-9 * sum) << part;
        all += sum;
    }
    EXPECT_NEAR(all, number(breakdown.at("total_j")), 1e-9 * all);
}

void expect_report(const json& report) {
    for (const char* field : {"joules_per_token", "joules_total", "tokens", "breakdown", "machines", "ratios",
                              "assumptions", "operations", "memory"}) {
        EXPECT_TRUE(report.contains(field)) << field;
    }
    expect_sums(report.at("breakdown"));
    EXPECT_NEAR(number(report.at("joules_total")),
                number(report.at("joules_per_token")) * number(report.at("tokens")),
                1e-9 * number(report.at("joules_total")));
    for (const auto& [name, machine] : report.at("machines").items()) {
        SCOPED_TRACE(name);
        expect_sums(machine.at("breakdown"));
        for (const json& line : machine.at("lines")) {
            EXPECT_FALSE(line.at("source").get<std::string>().empty()) << line;
        }
    }
    for (const auto& [name, ratio] : report.at("ratios").items()) {
        EXPECT_FALSE(ratio.at("basis").get<std::string>().empty()) << name;
    }
    EXPECT_FALSE(report.at("assumptions").empty());
}

TEST(EnergyCli, DecodeOfAShape) {
    const json report = energy({"--shape", "2b4t", "--context", "512", "--memory", "hbm2"});
    expect_report(report);
    EXPECT_EQ(report.at("tokens"), 1);
    EXPECT_EQ(report.at("machines").size(), 3U);
    const json& off_chip = report.at("breakdown").at("off_chip");
    // 2.084 G weights at 1.6 bit and the padding of the last chunk; 38.4 KB of INT8 cache a position.
    EXPECT_NEAR(number(off_chip.at("weights")), 2084044800 * 1.6 * 3.9e-12, 0.01 * 0.013);
    EXPECT_NEAR(number(off_chip.at("kv_cache")), 513 * 38400 * 8 * 3.9e-12, 1e-9);
    EXPECT_NEAR(number(report.at("breakdown").at("arithmetic").at("ternary_add")),
                (2084044800.0 + 5.0 * 328335360) * 0.007e-12, 1e-12);
    EXPECT_NEAR(number(report.at("ratios").at("fp16_weights").at("value")), 10, 0.1);
}

TEST(EnergyCli, PhasesBatchesMachinesAndMemories) {
    const json prompt = energy({"--shape", "2b4t", "--phase", "prompt", "--context", "64", "--batch", "2"});
    expect_report(prompt);
    EXPECT_EQ(prompt.at("tokens"), 128);
    EXPECT_EQ(prompt.at("engine").at("tokens_per_beat"), 8);
    const json batch = energy({"--shape", "2b4t", "--batch", "8", "--context", "1"});
    const json one = energy({"--shape", "2b4t", "--batch", "1", "--context", "1"});
    EXPECT_LT(number(batch.at("joules_per_token")), 0.2 * number(one.at("joules_per_token")));
    const json fp16 = energy({"--shape", "2b4t", "--machine", "fp16"});
    EXPECT_EQ(fp16.at("machines").size(), 1U);
    EXPECT_EQ(fp16.at("machine"), "fp16");
    EXPECT_EQ(number(fp16.at("joules_per_token")),
              number(fp16.at("machines").at("fp16").at("joules_per_token")));
    double last = 0;
    for (const char* memory : {"none", "sram", "hbm2", "lpddr5", "lpddr4", "ddr4"}) {
        const json report = energy({"--shape", "2b4t", "--memory", memory});
        expect_report(report);
        EXPECT_GT(number(report.at("joules_per_token")), last) << memory;
        last = number(report.at("joules_per_token"));
    }
    EXPECT_GT(
        number(energy({"--shape", "2b4t", "--tech", "45nm"}).at("breakdown").at("arithmetic").at("total_j")),
        number(energy({"--shape", "2b4t"}).at("breakdown").at("arithmetic").at("total_j")));
}

TEST(EnergyCli, PaperRulesGiveThePublishedFigures) {
    const json small = energy({"--phase", "paper", "--shape", "b158-1.3b"});
    expect_report(small);
    EXPECT_NEAR(number(small.at("ratios").at("fp16_total").at("value")), 18.6, 0.186);
    EXPECT_NEAR(number(small.at("ratios").at("fp16_linear").at("value")), 71.43, 0.01);
    const json large = energy({"--phase", "paper", "--shape", "70b", "--paper-rule", "v1"});
    EXPECT_NEAR(number(large.at("ratios").at("fp16_total").at("value")), 41.2, 0.412);
    EXPECT_EQ(large.at("tokens"), 512);
    const json v1 =
        energy({"--phase", "paper", "--shape", "bitnet-6.7b", "--paper-rule", "v1", "--tech", "45nm"});
    const json& fp32 = v1.at("machines").at("fp32");
    EXPECT_NEAR(number(fp32.at("mul_j")), 12.46, 0.005);
    EXPECT_NEAR(number(fp32.at("breakdown").at("arithmetic").at("add_j")), 3.03, 0.005);
    const json other = energy({"--phase", "paper", "--shape", "2b4t", "--tokens-in-sequence", "1024"});
    EXPECT_EQ(other.at("tokens"), 1024);
    EXPECT_NEAR(number(other.at("joules_total")),
                1024 * (2084044800 * 0.007 + 2.0 * 1024 * 2560 * 30 * 0.5) * 1e-12, 1e-9);
}

TEST(EnergyCli, ShapesComeFromFilesToo) {
    const TemporaryFolder folder;
    const std::string file = (folder / "shape.json").string();
    std::ofstream(file)
        << R"({"hidden": 320, "ffn": 640, "layers": 4, "heads": 8, "kv_heads": 2, "vocab": 1024})";
    json from_file = energy({"--shape", file, "--context", "100"});
    json known = energy({"--shape", "setun-3.8m", "--context", "100"});
    EXPECT_EQ(from_file.at("joules_per_token"), known.at("joules_per_token"));
    EXPECT_EQ(from_file.at("counts"), known.at("counts"));
}

TEST(EnergyCli, TheShippedModelIsTheDefault) {
    const json report = energy({"--context", "100"});
    const json known = energy({"--shape", "setun-3.8m", "--context", "100"});
    expect_report(report);
    EXPECT_EQ(report.at("counts"), known.at("counts"));
    expect_bad_input({"energy", "--context", "5000"}, "takes at most 512 positions");
}

TEST(EnergyCli, OwnTables) {
    const TemporaryFolder folder;
    const std::string file = (folder / "table.json").string();
    const auto entry = [](const char* op, const char* field, double value) {
        return json{{"op", op},         {field, value},       {"node", "n"},
                    {"source", "mine"}, {"accuracy", "user"}, {"condition", "c"}};
    };
    json table{{"name", "mine"},
               {"title", "my table"},
               {"entries",
                {entry("int8_add", "energy_pj", 1), entry("int32_add", "energy_pj", 1),
                 entry("int8_mul", "energy_pj", 1), entry("fp16_add", "energy_pj", 1),
                 entry("fp16_mul", "energy_pj", 1), entry("tape", "energy_pj_per_bit", 2)}}};
    std::ofstream(file) << table;
    const json report = energy({"--shape", "tiny", "--tech", file, "--memory", "tape"});
    EXPECT_EQ(report.at("operations"), "mine");
    EXPECT_NEAR(number(report.at("breakdown").at("arithmetic").at("ternary_add")),
                number(report.at("counts").at("trit_macs")) * 1e-12, 1e-18);
    EXPECT_NE(report.at("assumptions").dump().find("SRAM energies"), std::string::npos);

    table["entries"][0].erase("source");
    std::ofstream(file) << table;
    expect_bad_input({"energy", "--shape", "tiny", "--tech", file}, "'source' is missing");
    table["entries"][0]["source"] = "mine";
    table["entries"][0].erase("energy_pj");
    table["entries"][0]["energy_j"] = 1e-12;
    std::ofstream(file) << table;
    expect_bad_input({"energy", "--shape", "tiny", "--tech", file}, "unknown field 'energy_j'");
    table["entries"][0].erase("energy_j");
    table["entries"][0]["energy_pj_per_bit"] = 1;
    std::ofstream(file) << table;
    expect_bad_input({"energy", "--shape", "tiny", "--tech", file}, "must be given per operation");
}

TEST(EnergyCli, ClaimsAreComputed) {
    const json report = energy({"--claims"});
    bool ratio = false;
    for (const json& claim : report.at("claims")) {
        for (const char* field : {"id", "claim", "unit", "published", "source", "reading", "ours", "basis",
                                  "tolerance", "verdict", "because"}) {
            EXPECT_TRUE(claim.contains(field)) << field;
        }
        if (claim.at("id") == "op-ratio") {
            ratio = true;
            EXPECT_EQ(claim.at("verdict"), "reproduced");
            EXPECT_NEAR(number(claim.at("ours")), 0.5 / 0.007, 1e-9);
        }
    }
    EXPECT_TRUE(ratio);
    const ProcessResult text = setun({"energy", "--claims"});
    EXPECT_EQ(text.exit_code, 0);
    EXPECT_NE(text.out.find("unverified"), std::string::npos);
    EXPECT_NE(text.out.find("not reproduced"), std::string::npos);
}

TEST(EnergyCli, TextIsATable) {
    const ProcessResult result = setun({"energy", "--shape", "2b4t"});
    EXPECT_EQ(result.exit_code, 0);
    for (const char* word : {"arithmetic", "on-chip memory", "off-chip memory", "static", "setun", "fp16",
                             "int8", "partial sums", "weight FIFO", "KV cache", "fp16 / setun"}) {
        EXPECT_NE(result.out.find(word), std::string::npos) << word;
    }
    EXPECT_EQ(result.err, "");
}

TEST(EnergyCli, BadInputIsOneLine) {
    expect_bad_input({"energy", "--shape", "9b"}, "unknown shape '9b'");
    expect_bad_input({"energy", "--shape", "2b4t", "--phase", "train"}, "decode, prompt, paper");
    expect_bad_input({"energy", "--shape", "2b4t", "--context", "-1"}, "--context is -1");
    expect_bad_input({"energy", "--shape", "2b4t", "--context", "0"}, "--context is 0");
    expect_bad_input({"energy", "--shape", "2b4t", "--context", "99999999999"}, "--context is 99999999999");
    expect_bad_input({"energy", "--shape", "2b4t", "--batch", "0"}, "--batch is 0");
    expect_bad_input({"energy", "--shape", "2b4t", "--tech", "1nm"}, "'1nm' is neither builtin");
    expect_bad_input({"energy", "--shape", "2b4t", "--memory", "drum"}, "unknown memory 'drum'");
    expect_bad_input({"energy", "--shape", "2b4t", "--machine", "tpu"}, "unknown machine 'tpu'");
    expect_bad_input({"energy", "--shape", "2b4t", "--ports", "3"}, "--ports is 3");
    expect_bad_input({"energy", "--shape", "2b4t", "--clock", "-5"}, "--clock is -5");
    expect_bad_input({"energy", "--shape", "2b4t", "--static-power", "-1"}, "--static-power is -1");
    expect_bad_input({"energy", "--shape", "2b4t", "--phase", "paper", "--paper-rule", "v2"},
                     "use b1.58 or v1");
    expect_bad_input({"energy", "--shape", "2b4t", "--phase", "paper", "--tokens-in-sequence", "0"},
                     "--tokens-in-sequence is 0");
    const TemporaryFolder folder;
    const std::string file = (folder / "shape.json").string();
    std::ofstream(file) << R"({"hidden": 100, "ffn": 10, "layers": 1, "heads": 7})";
    expect_bad_input({"energy", "--shape", file}, "'heads' 7 does not divide 'hidden' 100");
    expect_bad_input({"run", "--energy", "--tech", "1nm"}, "'1nm' is neither builtin");
    expect_bad_input({"bench", "--energy", "--tech", "1nm"}, "'1nm' is neither builtin");
}

TEST(EnergyCli, RunPricesWhatItMeasured) {
    const ProcessResult result = setun({"run", "--shape", "tiny", "--tokens", "1,2,3", "-n", "4", "--memory",
                                        "ddr4", "--head-exit", "off", "--energy", "--json"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const json run = json::parse(result.out);
    const json& report = run.at("energy");
    expect_report(report);
    EXPECT_EQ(report.at("tokens"), 3);  // the first comes from the prompt's last step
    EXPECT_EQ(report.at("memory"), "ddr4");
    const json& measured = report.at("measured");
    EXPECT_EQ(number(measured.at("beats")), 3 * number(run.at("beats_per_token")));
    EXPECT_EQ(number(measured.at("cycles")), 3 * number(run.at("cycles_per_token")));
    EXPECT_EQ(measured.at("commands"), 3 * (4 * 7 + 1));
    EXPECT_GT(number(measured.at("nonzero_weights")), 0);
    // Static power for the cycles of this run, at the clock of the preset.
    EXPECT_NEAR(number(report.at("machines").at("setun").at("seconds_per_token")),
                number(run.at("cycles_per_token")) / number(run.at("clock_hz")), 1e-15);
    EXPECT_NEAR(number(report.at("breakdown").at("off_chip").at("weights")) +
                    number(report.at("breakdown").at("off_chip").at("head")),
                number(run.at("weight_bytes_per_token")) * 8 * 18.75e-12, 1e-15);
    EXPECT_NEAR(number(report.at("breakdown").at("off_chip").at("head")), 1024.0 * 5 * 64 * 8 * 18.75e-12,
                1e-15);
    // The same three steps from shapes: contexts 4, 5 and 6.
    double kv = 0;
    double weights = 0;
    double elementwise = 0;
    for (const char* context : {"4", "5", "6"}) {
        const json step = energy({"--shape", "tiny", "--context", context, "--memory", "ddr4"});
        kv += number(step.at("breakdown").at("off_chip").at("kv_cache"));
        weights += number(step.at("breakdown").at("off_chip").at("weights"));
        elementwise += number(step.at("breakdown").at("arithmetic").at("elementwise_mul"));
    }
    EXPECT_NEAR(number(report.at("breakdown").at("off_chip").at("kv_cache")) * 3, kv, 1e-9 * kv);
    EXPECT_NEAR(number(report.at("breakdown").at("off_chip").at("weights")) * 3, weights, 1e-9 * weights);
    EXPECT_NEAR(number(report.at("breakdown").at("arithmetic").at("elementwise_mul")) * 3, elementwise,
                1e-9 * elementwise);
    EXPECT_FALSE(json::parse(setun({"run", "--shape", "tiny", "-n", "2", "--device", "cpu", "--json"}).out)
                     .contains("energy"));
}

TEST(EnergyCli, AKernelWithoutTheCounterTakesEveryWeightAsNonZero) {
    const std::vector<std::string> kernel = {"--port-bits", "128", "--leaf",     "bram",
                                             "--tile-rows", "16",  "--uncounted"};
    std::vector<std::string> arguments = {"run", "--shape",  "tiny", "--tokens", "1,2,3", "-n",
                                          "2",   "--memory", "ddr4", "--energy", "--json"};
    arguments.insert(arguments.end(), kernel.begin(), kernel.end());
    const ProcessResult result = setun(arguments);
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const json run = json::parse(result.out);
    EXPECT_EQ(run.at("mismatches"), 0);
    const json& measured = run.at("energy").at("measured");
    EXPECT_TRUE(measured.at("nonzero_weights").is_null());
    EXPECT_GT(number(measured.at("weight_bytes")), 0);
    const ProcessResult cpu =
        setun({"run", "--shape", "tiny", "--tokens", "1", "--device", "cpu", "--uncounted"});
    EXPECT_EQ(cpu.exit_code, 2);
    EXPECT_NE(cpu.err.find("--uncounted needs --device rtl or xrt"), std::string::npos) << cpu.err;
}

TEST(EnergyCli, BenchPricesChipAndModelAlike) {
    json rows;
    for (const char* device : {"rtl", "cpu"}) {
        const ProcessResult result = setun({"bench", "--shape", "tiny", "--device", device, "--memory",
                                            "ddr4", "--lists", "whole", "--energy", "--json"});
        ASSERT_EQ(result.exit_code, 0) << result.err;
        rows[device] = json::parse(result.out).at("rows").at(0).at("energy");
        expect_report(rows[device]);
    }
    // Bytes and cycles of the model are those of the chip; only the chip counts zeros.
    EXPECT_EQ(rows["rtl"].at("breakdown"), rows["cpu"].at("breakdown"));
    EXPECT_LT(number(rows["rtl"].at("setun_arithmetic_j_if_zeros_cost_nothing")),
              number(rows["cpu"].at("setun_arithmetic_j_if_zeros_cost_nothing")));
}

}  // namespace
}  // namespace setun::test
