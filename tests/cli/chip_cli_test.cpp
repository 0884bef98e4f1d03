// setun run and setun bench with --device vp: texts, figures, traces and refusals, through the binary.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/setun_command.h"
#include "tests/host/synthetic_model.h"

namespace setun::test {
namespace {

using nlohmann::json;

/// A Hugging Face directory, made once.
class ChipCli : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        folder_ = std::make_unique<TemporaryFolder>();
        std::filesystem::create_directory(*folder_ / "hf");
        write_synthetic(*folder_ / "hf", {});
    }
    static void TearDownTestSuite() { folder_.reset(); }
    static std::string path(const std::string& name) { return (*folder_ / name).string(); }

    /// `run --device vp` on the model with more arguments.
    static std::vector<std::string> run(const std::vector<std::string>& more) {
        std::vector<std::string> arguments{"run", "--model", path("hf"), "--device", "vp"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return arguments;
    }

    static std::unique_ptr<TemporaryFolder> folder_;
};
std::unique_ptr<TemporaryFolder> ChipCli::folder_;

TEST_F(ChipCli, RunMakesTheTextOfTheProcessor) {
    const json chip = setun_json(run({"--prompt", "the land", "-n", "5", "--ignore-end"}));
    const json cpu = setun_json(
        {"run", "--model", path("hf"), "--device", "cpu", "--prompt", "the land", "-n", "5", "--ignore-end"});
    EXPECT_EQ(chip["tokens"], cpu["tokens"]);
    EXPECT_EQ(chip["text"], cpu["text"]);
    EXPECT_EQ(chip["prompt_tokens"], cpu["prompt_tokens"]);
    EXPECT_EQ(chip["generated"], 5);
    EXPECT_EQ(chip["verified"], true);
    EXPECT_EQ(chip["equal_tokens"], 5);
    EXPECT_EQ(chip["device"], "vp");
    EXPECT_EQ(chip["per_token_includes_prompt"], false);
    ASSERT_EQ(chip["units"].size(), 6U);
    double busy = 0;
    for (const json& unit : chip["units"]) {
        EXPECT_GT(unit["commands_per_token"].get<double>(), 0) << unit;
        EXPECT_GT(unit["compute_per_token"].get<double>(), 0) << unit;
        busy += unit["cycles_per_token"].get<double>();
    }
    // Units overlap in pairs and more: what is busy, counted once, is at most their sum.
    const double cycles = chip["cycles_per_token"];
    EXPECT_LE(cycles - chip["idle_per_token"].get<double>(), busy);
    EXPECT_GT(chip["firmware"]["instructions_per_token"].get<double>(), 100);
    EXPECT_DOUBLE_EQ(chip["tokens_per_s"].get<double>(), chip["clock_hz"].get<double>() / cycles);
}

TEST_F(ChipCli, RunPrintsTheTextAndWhatItCost) {
    const ProcessResult result = setun(run({"--prompt", "the land", "-n", "4", "--ignore-end", "--energy"}));
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out.rfind("the land", 0), 0U) << result.out;
    for (const char* const word :
         {"5 in the prompt, 4 generated",
          "matrix engine: ", "norm: ", "rope: ", "attention: ", "gate: ", "instructions per token",
          "4 of 4 tokens equal to device cpu", "FP16 MAC machine", "not synthesized"}) {
        EXPECT_NE(result.out.find(word), std::string::npos) << word << "\n" << result.out;
    }
    EXPECT_EQ(result.out.find("one token"), std::string::npos) << result.out;
    EXPECT_EQ(result.err, "");
}

TEST_F(ChipCli, OneTokenIsReportedWithItsPrompt) {
    const json chip = setun_json(run({"--tokens", "5,9,12", "-n", "1", "--energy"}));
    EXPECT_EQ(chip["per_token_includes_prompt"], true);
    EXPECT_EQ(chip["prompt_positions"], 3);
    EXPECT_GE(chip["cycles_per_token"].get<double>(), chip["prompt_cycles"].get<double>());
    EXPECT_TRUE(chip["energy"].is_object());
    const ProcessResult text = setun(run({"--tokens", "5,9,12", "-n", "1", "--no-verify"}));
    ASSERT_EQ(text.exit_code, 0) << text.err;
    EXPECT_NE(text.out.find("its figures include the prompt"), std::string::npos) << text.out;
    EXPECT_NE(text.out.find("not compared with device cpu"), std::string::npos) << text.out;
}

TEST_F(ChipCli, EveryFormOfModelGivesTheTokensOfTheProcessor) {
    for (const bool sub_norms : {true, false}) {
        for (const bool tied_head : {true, false}) {
            const std::string folder = path("form" + std::to_string(2 * int{sub_norms} + int{tied_head}));
            std::filesystem::create_directory(folder);
            SyntheticOptions options;
            options.sub_norms = sub_norms;
            options.activation = sub_norms ? "relu2" : "silu";
            options.tied_head = tied_head;
            write_synthetic(folder, options);
            for (const char* const kv : {"float32", "int8"}) {
                const json chip = setun_json({"run", "--model", folder, "--device", "vp", "--tokens",
                                              "5,70,200", "-n", "6", "--ignore-end", "--kv", kv});
                EXPECT_EQ(chip["equal_tokens"], 6) << folder << ' ' << kv;
                EXPECT_EQ(chip["kv"], kv);
            }
        }
    }
}

TEST_F(ChipCli, SeveralTextsRunOneAfterTheOther) {
    const std::vector<std::string> two{"--prompt", "the", "--prompt", "land", "-n", "3", "--ignore-end"};
    const json both = setun_json(run(two));
    ASSERT_EQ(both["sequences"].size(), 2U);
    EXPECT_EQ(both["equal_tokens"], 6);
    for (std::size_t i = 0; i < 2; ++i) {
        const json one = setun_json(run({"--prompt", i == 0 ? "the" : "land", "-n", "3", "--ignore-end"}));
        EXPECT_EQ(both["sequences"][i]["tokens"], one["tokens"]) << i;
    }
    const ProcessResult text = setun(run(two));
    ASSERT_EQ(text.exit_code, 0) << text.err;
    EXPECT_EQ(text.out.rfind("[1] the" + both["sequences"][0]["text"].get<std::string>(), 0), 0U) << text.out;
    EXPECT_NE(text.out.find("\n[2] land" + both["sequences"][1]["text"].get<std::string>()),
              std::string::npos)
        << text.out;
}

TEST_F(ChipCli, TimelineNamesTheCommandsOfEveryUnit) {
    const ProcessResult result =
        setun(run({"--tokens", "5", "-n", "2", "--ignore-end", "--timeline", path("t.json")}));
    ASSERT_EQ(result.exit_code, 0) << result.err;
    const std::string text = read_file(path("t.json"));
    EXPECT_TRUE(json::parse(text)["traceEvents"].is_array());
    for (const char* const label : {"layers.0.attention", "layers.1.k + layers.1.v", "final_norm", "head"}) {
        EXPECT_NE(text.find(label), std::string::npos) << label;
    }
}

TEST_F(ChipCli, FirmwareSpeaksOnTheUart) {
    const ProcessResult result = setun(run({"--tokens", "5", "-n", "1", "--uart"}));
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.err.rfind("uart: ", 0), 0U) << result.err;
}

TEST_F(ChipCli, TimeoutEndsATextWithExitCode1) {
    const ProcessResult result =
        setun(run({"--tokens", "5", "-n", "40", "--ignore-end", "--timeout", "0.000001"}));
    EXPECT_EQ(result.exit_code, 1);
    EXPECT_NE(result.err.find("setun: stopped after "), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("out of time"), std::string::npos) << result.err;
    const ProcessResult as_json =
        setun(run({"--tokens", "5", "-n", "40", "--ignore-end", "--timeout", "0.000001", "--json"}));
    EXPECT_EQ(as_json.exit_code, 1);
    EXPECT_NE(json::parse(as_json.out)["stopped"].get<std::string>().find("out of time"), std::string::npos);
}

TEST_F(ChipCli, RefusesWhatTheChipDoesNotServe) {
    expect_bad_input(run({"--temperature", "1"}), "leave --temperature at 0");
    const ProcessResult logits = setun(run({"--logits", "--json"}));
    EXPECT_EQ(logits.exit_code, 2);
    EXPECT_NE(json::parse(logits.out)["error"].get<std::string>().find("device vp keeps logits on the chip"),
              std::string::npos);
    expect_bad_input(run({"-n", "0"}), "--max-tokens is 0; the chip makes at least 1");
    expect_bad_input(run({"--trace", path("x.fst")}), "--timeline");
    // Before any text appears, with and without the comparison that opens another device.
    expect_bad_input(run({"--xclbin", path("x.xclbin")}), "--xclbin need --device xrt");
    expect_bad_input(run({"--xrt-emulation", "--no-verify"}),
                     "--xrt-emulation and --xclbin need --device xrt");
    expect_bad_input(run({"--tokens", "1,2,999999"}), "token id 999999 at place 2 of the prompt");
    expect_bad_input(run({"--firmware", path("none.elf")}),
                     "firmware '" + path("none.elf") + "': no such file");
    expect_bad_input(run({"--firmware", path("hf/config.json")}), "not an ELF file");
    expect_bad_input(run({"--timeline", path("none/t.json")}), "cannot write '" + path("none/t.json") + "'");
    expect_bad_input(run({"--ports", "4", "--port-bits", "512", "--tokens-per-beat", "8"}),
                     "no simulation of kernel 4x512x8");
    std::string longer = "1";
    for (int i = 0; i < 60; ++i) {
        longer += ",1";
    }
    expect_bad_input(run({"--tokens", longer}), "the prompt has 61 tokens, the model's context is 48");
}

TEST_F(ChipCli, BenchProjectsAllLayersFromThree) {
    const std::vector<std::string> arguments{"bench", "--device", "vp", "--shape", "tiny", "--context", "8"};
    const json result = setun_json(arguments);
    EXPECT_EQ(result["device"], "vp");
    EXPECT_EQ(result["memory"], "ddr4");
    EXPECT_EQ(result["kv"], "int8");
    const auto cycles = [&](const char* runs) { return result["measured"][runs]["cycles"].get<double>(); };
    const double layer = cycles("2") - cycles("1");
    EXPECT_DOUBLE_EQ(result["layer"]["cycles"].get<double>(), layer);
    EXPECT_DOUBLE_EQ(result["projected"]["cycles"].get<double>(),
                     cycles("1") + (result["layers"].get<double>() - 1) * layer);
    EXPECT_NEAR(result["projection_error"].get<double>(),
                std::abs(cycles("2") + layer - cycles("3")) / cycles("3"), 1e-9);
    const ProcessResult text = setun(arguments);
    ASSERT_EQ(text.exit_code, 0) << text.err;
    for (const char* const word :
         {"One token of tiny at context 8", "memory 'ddr4', int8 cache", "matrix engine",
          "two or more at work", "4 layers (projected)", "3 layers from 1 and 2"}) {
        EXPECT_NE(text.out.find(word), std::string::npos) << word << "\n" << text.out;
    }
    // A unit that does not work in layers has a share near zero, of either sign; it must not wrap around.
    EXPECT_EQ(text.out.find("18,446,744"), std::string::npos) << text.out;
}

TEST_F(ChipCli, BenchRefusesWhatItDoesNotMeasure) {
    const auto bench = [](std::vector<std::string> more) {
        more.insert(more.begin(), {"bench", "--device", "vp", "--shape", "tiny"});
        return more;
    };
    expect_bad_input(bench({"--context", "0"}), "--context is 0; shape tiny has 1 to 512");
    expect_bad_input(bench({"--context", "513"}), "--context is 513; shape tiny has 1 to 512");
    expect_bad_input(bench({"--kv", "int4"}), "--kv 'int4' is unknown");
    expect_bad_input(bench({"--batch", "4"}), "leave them out with --device vp");
    expect_bad_input(bench({"--lists", "whole"}), "leave them out with --device vp");
    expect_bad_input(bench({"--energy"}), "leave them out with --device vp");
    expect_bad_input(bench({"--timeline", path("t.json")}), "--timeline is of one text");
    expect_bad_input(bench({"--trace", path("t.fst")}), "--trace needs --device rtl");
    expect_bad_input(bench({"--xclbin", path("x.xclbin")}), "need --device xrt");
    expect_bad_input({"verify", path("hf"), "--device", "vp"}, "it serves 'setun run' only");
    expect_bad_input({"run", "--model", path("hf"), "--device", "cpu", "--uart"}, "need --device vp");
}

}  // namespace
}  // namespace setun::test
