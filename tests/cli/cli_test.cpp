// The command-line tool end to end: results, JSON fields, exit codes and error lines.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "tests/cli/setun_command.h"
#include "tests/host/synthetic_model.h"

namespace setun::test {
namespace {

using nlohmann::json;

/// A Hugging Face directory and its packed file, made once.
class Cli : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        folder_ = std::make_unique<TemporaryFolder>();
        std::filesystem::create_directory(*folder_ / "hf");
        SyntheticOptions options;
        options.context = 96;
        write_synthetic(*folder_ / "hf", options);
        const ProcessResult packed = setun({"pack", (*folder_ / "hf").string(), "-o", model()});
        ASSERT_EQ(packed.exit_code, 0) << packed.err;
    }
    static void TearDownTestSuite() { folder_.reset(); }
    static std::string model() { return path("model.setun"); }
    static std::string path(const std::string& name) { return (*folder_ / name).string(); }

    static std::unique_ptr<TemporaryFolder> folder_;
};
std::unique_ptr<TemporaryFolder> Cli::folder_;

TEST_F(Cli, RunGivesTheSameTextOnEveryDevice) {
    const std::vector<std::vector<std::string>> devices{
        {"--device", "cpu"},
        {"--device", "cpu", "--ports", "4", "--port-bits", "128", "--tokens-per-beat", "8", "--tile-rows",
         "16"},
        {"--device", "rtl", "--memory", "ideal"},
        {"--device", "rtl", "--memory", "u280"},
        {"--device", "rtl", "--ports", "2", "--port-bits", "256", "--tokens-per-beat", "4"}};
    json first;
    for (const auto& device : devices) {
        std::vector<std::string> arguments{"run", "--model", model(),       "--prompt", "the land and the",
                                           "-n",  "6",       "--ignore-end"};
        arguments.insert(arguments.end(), device.begin(), device.end());
        const json result = setun_json(arguments);
        EXPECT_EQ(result["generated"], 6);
        EXPECT_EQ(result["mismatches"], 0);
        EXPECT_EQ(result["verified"], true);
        EXPECT_EQ(result["verified_products"], result["products"]);
        if (first.is_null()) {
            first = result;
        }
        EXPECT_EQ(result["tokens"], first["tokens"]);
        EXPECT_EQ(result["text"], first["text"]);
    }
}

TEST_F(Cli, RunJsonHasEveryField) {
    const json result = setun_json(
        {"run", "--model", model(), "--prompt", "the", "-n", "3", "--ignore-end", "--memory", "ideal"});
    for (const char* field :
         {"text", "tokens", "prompt_tokens", "generated", "cycles", "prompt_cycles", "cycles_per_token",
          "roofline", "bytes_per_token", "energy_j_per_token", "energy_fp16_j_per_token", "sim_weights_per_s",
          "products", "mismatches", "verified", "device", "engine", "memory", "stalls_per_token"}) {
        EXPECT_TRUE(result.contains(field)) << field;
    }
    EXPECT_EQ(result["prompt_tokens"], 2);  // begin-of-text and "the"
    EXPECT_EQ(result["products"], 4 * 14 + 3);
    EXPECT_EQ(result["device"], "rtl");
    EXPECT_EQ(result["memory"], "ideal");
    const double roofline = result["roofline"];
    EXPECT_GT(roofline, 0);
    EXPECT_LE(roofline, 1);
    EXPECT_GT(result["cycles"].get<double>(), result["prompt_cycles"].get<double>());
    EXPECT_DOUBLE_EQ(result["cycles_per_token"].get<double>() * 2,
                     result["cycles"].get<double>() - result["prompt_cycles"].get<double>());
    // Each port beat is 64 bytes; a decode step reads all streams once.
    EXPECT_DOUBLE_EQ(result["weight_bytes_per_token"].get<double>(),
                     result["beats_per_token"].get<double>() * 64);
    EXPECT_GT(result["energy_fp16_arithmetic_j_per_token"].get<double>(),
              result["energy_arithmetic_j_per_token"].get<double>());
}

TEST_F(Cli, CpuPredictsTheCyclesOfTheChip) {
    for (const std::vector<std::string>& memory :
         {std::vector<std::string>{}, {"--memory", "kv260", "--memory-seed", "5"}}) {
        std::vector<std::string> arguments{"run",   "--model", model(), "--tokens",
                                           "1,2,3", "-n",      "3",     "--ignore-end"};
        arguments.insert(arguments.end(), memory.begin(), memory.end());
        json rtl = setun_json(arguments);
        arguments.insert(arguments.end(), {"--device", "cpu"});
        const json cpu = setun_json(arguments);
        EXPECT_GT(cpu["cycles"], 0);
        for (const char* const field :
             {"cycles", "prompt_cycles", "cycles_per_token", "busy_per_token", "stalls_per_token",
              "beats_per_token", "roofline", "clock_hz", "tokens_per_s", "bytes_per_token",
              "weight_bytes_per_token", "energy_j_per_token", "energy_fp16_j_per_token", "energy_memory",
              "memory"}) {
            EXPECT_EQ(cpu[field], rtl[field]) << field;
        }
        EXPECT_EQ(cpu["cycle_accurate"], false);
        EXPECT_EQ(rtl["cycle_accurate"], true);
        EXPECT_NE(cpu["engine"].get<std::string>().find("cycles from the performance model"),
                  std::string::npos);
        EXPECT_NE(cpu["reference"].get<std::string>().find("golden"), std::string::npos);
    }
}

TEST_F(Cli, CyclesAreTheSameInEveryRun) {
    const std::vector<std::string> arguments{"run", "--model", model(),        "--tokens",      "1,2,3",
                                             "-n",  "4",       "--ignore-end", "--memory-seed", "5"};
    const json a = setun_json(arguments);
    const json b = setun_json(arguments);
    EXPECT_EQ(a["cycles"], b["cycles"]);
    EXPECT_EQ(a["stalls_per_token"], b["stalls_per_token"]);
}

TEST_F(Cli, TextModeStreamsTextAndReportsUnderIt) {
    const ProcessResult result =
        setun({"run", "--model", model(), "--prompt", "the land", "-n", "4", "--ignore-end"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out.rfind("the land", 0), 0U);
    const json same =
        setun_json({"run", "--model", model(), "--prompt", "the land", "-n", "4", "--ignore-end"});
    EXPECT_NE(result.out.find("the land" + same["text"].get<std::string>()), std::string::npos);
    for (const char* word : {"cycles", "roofline", "memory", "energy", "weights/s",
                             "bit-exact with the golden model: ", "Verilated RTL"}) {
        EXPECT_NE(result.out.find(word), std::string::npos) << word << "\n" << result.out;
    }
    EXPECT_EQ(result.err, "") << "no progress bar without a terminal";
}

TEST_F(Cli, NoVerifySaysSo) {
    const ProcessResult text = setun({"run", "--model", model(), "--tokens", "1", "-n", "1", "--no-verify"});
    EXPECT_NE(text.out.find("not verified"), std::string::npos) << text.out;
    EXPECT_EQ(text.out.find("bit-exact"), std::string::npos);
    EXPECT_EQ(setun_json({"run", "--model", model(), "--tokens", "1", "-n", "1", "--no-verify"})["verified"],
              false);
}

TEST_F(Cli, SamplingDependsOnTheSeedAlone) {
    const auto tokens = [&](const std::string& seed, const std::string& device) {
        return setun_json({"run", "--model", model(), "--tokens", "1", "-n", "20", "--temperature", "1.5",
                           "--seed", seed, "--device", device, "--ignore-end"})["tokens"];
    };
    EXPECT_EQ(tokens("1", "cpu"), tokens("1", "rtl"));
    EXPECT_NE(tokens("1", "cpu"), tokens("2", "cpu"));
}

TEST_F(Cli, DirectoriesRunLikeTheirPackedFile) {
    const json file = setun_json(
        {"run", "--model", model(), "--prompt", "and", "-n", "5", "--device", "cpu", "--ignore-end"});
    const json folder = setun_json(
        {"run", "--model", path("hf"), "--prompt", "and", "-n", "5", "--device", "cpu", "--ignore-end"});
    EXPECT_EQ(file["tokens"], folder["tokens"]);
}

TEST_F(Cli, ModelComesFromTheEnvironment) {
    ProcessOptions options;
    options.environment = {"SETUN_MODEL=" + model()};
    const ProcessResult result = setun({"run", "-n", "1", "--device", "cpu", "--json"}, options);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    options.environment = {"SETUN_MODEL=/nonexistent"};
    const ProcessResult missing = setun({"run", "-n", "1", "--device", "cpu"}, options);
    EXPECT_EQ(missing.exit_code, 2);
    EXPECT_NE(missing.err.find("SETUN_MODEL"), std::string::npos);
}

TEST_F(Cli, RandomShapesRun) {
    const json result = setun_json(
        {"run", "--shape", "tiny", "--tokens", "1", "-n", "2", "--memory", "ideal", "--head-exit", "off"});
    EXPECT_EQ(result["generated"], 2);
    EXPECT_EQ(result["mismatches"], 0);
    // 4 layers of 320 x 320 (q, o), 80 x 320 (k, v), 640 x 320 (gate, up), 320 x 640 (down), and a head of 5
    // planes.
    const double trits = 4 * (2 * 320 * 320 + 2 * 80 * 320 + 3 * 320 * 640) + 5 * 1024 * 320;
    EXPECT_DOUBLE_EQ(result["weight_bytes_per_token"], trits / 5);
}

TEST_F(Cli, HeadExitGivesTheSameTokensOnEveryDevice) {
    // The shipped model: its head is large enough for the exit to pay.
    const auto run = [&](const std::string& exit, const std::vector<std::string>& device) {
        std::vector<std::string> arguments{
            "run",         "--model", SETUN_SOURCE_DIR "/models/setun-3.8m.setun", "-n", "24", "--ignore-end",
            "--head-exit", exit};
        arguments.insert(arguments.end(), device.begin(), device.end());
        return setun_json(arguments);
    };
    const std::vector<std::vector<std::string>> cases{
        {"--prompt", "My lord,"},
        {"--prompt", "In the beginning"},
        {"--prompt", "ROMEO:", "--temperature", "0.8", "--top-k", "5", "--seed", "3"}};
    const std::vector<std::vector<std::string>> devices{
        {"--device", "cpu"}, {}, {"--ports", "2", "--port-bits", "256", "--tokens-per-beat", "4"}};
    for (const auto& options : cases) {
        json tokens;
        for (auto device : devices) {
            device.insert(device.end(), options.begin(), options.end());
            const json off = run("off", device);
            const json on = run("on", device);
            tokens = tokens.is_null() ? off["tokens"] : tokens;
            EXPECT_EQ(off["tokens"], tokens);
            EXPECT_EQ(on["tokens"], tokens);
            EXPECT_EQ(on["verified"], true);
            EXPECT_EQ(on["mismatches"], 0);
            EXPECT_EQ(off["head_planes_read"], 5);
            EXPECT_LT(on["head_planes_read"].get<double>(), 4.5);
            EXPECT_LT(on["weight_bytes_per_token"].get<double>(),
                      off["weight_bytes_per_token"].get<double>());
            if (!on["cycles"].is_null()) {
                EXPECT_LT(on["cycles_per_token"].get<double>(), off["cycles_per_token"].get<double>());
            }
        }
    }
}

TEST_F(Cli, CacheFormatIsAnOptionWithTheSameTokensOnEveryDevice) {
    const auto run = [&](const std::vector<std::string>& options) {
        std::vector<std::string> arguments{"run",     "--model", SETUN_SOURCE_DIR "/models/setun-3.8m.setun",
                                           "-n",      "40",      "--prompt",
                                           "My lord,"};
        arguments.insert(arguments.end(), options.begin(), options.end());
        return setun_json(arguments);
    };
    const json usual = run({"--device", "cpu"});
    const json float32 = run({"--device", "cpu", "--kv", "float32"});
    const json int8 = run({"--device", "cpu", "--kv", "int8"});
    const json chip = run({"--device", "rtl", "--memory", "ideal", "--kv", "int8"});
    EXPECT_EQ(usual["kv"], "float32");
    EXPECT_EQ(float32["tokens"], usual["tokens"]);
    EXPECT_EQ(int8["kv"], "int8");
    EXPECT_EQ(chip["tokens"], int8["tokens"]);
    EXPECT_EQ(chip["verified"], true);

    const auto logits = [&](const std::string& kv) {
        return setun_json(
            {"logits", "--model", model(), "--tokens", "5,70,200,3", "--device", "cpu", "--kv", kv});
    };
    EXPECT_EQ(logits("int8")["kv"], "int8");
    EXPECT_NE(logits("int8")["positions"][3], logits("float32")["positions"][3]);
}

TEST_F(Cli, BatchesGiveTheTextsOfSingleRuns) {
    const std::vector<std::string> prompts{"the land and the", "and", "the"};
    write_file(path("prompts.txt"), "the land and the\nand\r\nthe\n");
    const std::vector<std::vector<std::string>> devices{
        {"--device", "cpu", "--tokens-per-beat", "8"},
        {},
        {"--ports", "2", "--port-bits", "256", "--tokens-per-beat", "4"}};
    for (const auto& device : devices) {
        const auto run = [&](std::vector<std::string> arguments) {
            arguments.insert(arguments.begin(), {"run", "--model", model(), "-n", "6"});
            arguments.insert(arguments.end(), device.begin(), device.end());
            return setun_json(arguments);
        };
        const json batch = run({"--prompt", prompts[0], "--prompt", prompts[1], "--prompt", prompts[2]});
        EXPECT_EQ(batch["verified"], true);
        ASSERT_EQ(batch["sequences"].size(), 3U);
        EXPECT_FALSE(batch.contains("text"));
        std::size_t generated = 0;
        for (std::size_t i = 0; i < prompts.size(); ++i) {
            const json alone = run({"--prompt", prompts[i]});
            for (const char* field : {"text", "tokens", "prompt_tokens", "generated"}) {
                EXPECT_EQ(batch["sequences"][i][field], alone[field]) << field << " of text " << i;
            }
            generated += alone["generated"].get<std::size_t>();
        }
        EXPECT_EQ(batch["generated"], generated);
        EXPECT_EQ(run({"--prompts-file", path("prompts.txt")})["sequences"], batch["sequences"]);
    }
}

TEST_F(Cli, BatchContinuesWithOneSeedEach) {
    const auto run = [&](const std::vector<std::string>& more) {
        std::vector<std::string> arguments{
            "run", "--model",  model(), "--tokens",          "1,2", "-n",          "8", "--temperature",
            "30",  "--device", "cpu",   "--tokens-per-beat", "2",   "--ignore-end"};
        arguments.insert(arguments.end(), more.begin(), more.end());
        return setun_json(arguments);
    };
    const json batch = run({"--seed", "5", "--batch", "3"});
    ASSERT_EQ(batch["sequences"].size(), 3U);
    for (std::size_t i = 0; i < 3; ++i) {
        EXPECT_EQ(batch["sequences"][i]["tokens"], run({"--seed", std::to_string(5 + i)})["tokens"]);
    }
    EXPECT_NE(batch["sequences"][0]["tokens"], batch["sequences"][1]["tokens"]);
    const ProcessResult text =
        setun({"run", "--model", model(), "--prompt", "the", "--batch", "2", "-n", "3", "--device", "cpu"});
    ASSERT_EQ(text.exit_code, 0) << text.err;
    EXPECT_EQ(text.out.rfind("[1] the", 0), 0U) << text.out;
    EXPECT_NE(text.out.find("\n[2] the"), std::string::npos) << text.out;
    EXPECT_NE(text.out.find("shared a pass"), std::string::npos) << text.out;
}

TEST_F(Cli, PromptsAreReportedApart) {
    const json result = setun_json({"run", "--model", model(), "--tokens", "1,2,3,4,5", "-n", "3", "--ports",
                                    "2", "--port-bits", "256", "--tokens-per-beat", "4", "--ignore-end"});
    EXPECT_EQ(result["prompt_positions"], 5);
    EXPECT_DOUBLE_EQ(result["prompt_tokens_per_s"].get<double>(),
                     result["clock_hz"].get<double>() * 5 / result["prompt_cycles"].get<double>());
}

TEST_F(Cli, LogitsComeWithJson) {
    const json result = setun_json({"run", "--model", model(), "--tokens", "1,2,3", "-n", "2", "--device",
                                    "cpu", "--logits", "--ignore-end"});
    ASSERT_EQ(result["logits"].size(), 4U);
    EXPECT_EQ(result["logits"][0].size(), 263U);
}

TEST_F(Cli, InterruptStopsCleanly) {
    ProcessOptions options;
    options.interrupt_after = "1";  // the first token of many
    const ProcessResult result = setun(
        {"run", "--shape", "2b4t-layer", "--tokens", "1", "-n", "4000", "--device", "cpu", "--no-verify"},
        options);
    EXPECT_EQ(result.exit_code, 1) << result.err;
    EXPECT_NE(result.err.find("interrupted"), std::string::npos) << result.err;
    EXPECT_NE(result.out.find("generated"), std::string::npos)
        << "the report of what was done comes all the same";
}

TEST_F(Cli, InspectCounts) {
    const json result = setun_json({"inspect", model()});
    EXPECT_EQ(result["architecture"]["hidden"], 64);
    EXPECT_EQ(result["shapes"].size(), 15U);
    EXPECT_EQ(result["counts"]["ternary_weights"], 2 * (2 * 64 * 64 + 2 * 32 * 64 + 3 * 96 * 64));
    EXPECT_EQ(result["counts"]["tokenizer_tokens"], 263);
    EXPECT_NEAR(result["zero_share"], 1.0 / 3, 0.02);
    const ProcessResult text = setun({"inspect", model()});
    EXPECT_EQ(text.exit_code, 0);
    EXPECT_NE(text.out.find("layers.1.down"), std::string::npos);
}

TEST_F(Cli, VerifyComparesEveryMatrix) {
    const json rtl = setun_json({"verify", model(), "--memory", "ideal"});
    EXPECT_EQ(rtl["products"], 15 * rtl["patterns"].get<int>());
    EXPECT_EQ(rtl["mismatches"], 0);
    const json cpu = setun_json({"verify", model(), "--device", "cpu", "--ports", "2", "--port-bits", "256",
                                 "--tokens-per-beat", "8"});
    EXPECT_EQ(cpu["mismatches"], 0);
    EXPECT_EQ(setun({"verify", model(), "--device", "cpu"}).exit_code, 0);
}

TEST_F(Cli, BenchMeasuresThePublishedShapes) {
    const json result = setun_json({"bench", "--device", "cpu", "--repeats", "1"});
    ASSERT_EQ(result["rows"].size(), 6U);
    EXPECT_EQ(result["rows"][2]["m"], 6912);
    EXPECT_EQ(result["rows"][2]["k"], 2560);
    EXPECT_EQ(result["rows"][2]["beats"], 6912 * 8);
    EXPECT_EQ(result["rows"][5]["weights"], 2084044800);
    EXPECT_EQ(result["mismatches"], 0);
    EXPECT_GT(result["weights_per_s"], 0);
}

TEST_F(Cli, BenchOfAWholeModelIsTheSameOnChipAndModel) {
    const std::vector<std::string> arguments{"bench", "--shape", "tiny", "--memory", "kv260"};
    const json rtl = setun_json(arguments);
    std::vector<std::string> with_cpu = arguments;
    with_cpu.insert(with_cpu.end(), {"--device", "cpu"});
    const json cpu = setun_json(with_cpu);
    ASSERT_EQ(rtl["rows"].size(), 2U);
    ASSERT_EQ(cpu["rows"].size(), 2U);
    for (std::size_t i = 0; i < 2; ++i) {
        EXPECT_EQ(rtl["rows"][i]["cycles"], rtl["rows"][i]["predicted_cycles"]);
        EXPECT_EQ(rtl["rows"][i]["cycles"], cpu["rows"][i]["cycles"]);
        EXPECT_EQ(rtl["rows"][i]["stall_weights"], cpu["rows"][i]["stall_weights"]);
    }
    EXPECT_EQ(cpu["rows"][0]["lists"], "whole");
    EXPECT_EQ(cpu["rows"][1]["list_count"], 17);
    EXPECT_LT(cpu["rows"][0]["cycles"], cpu["rows"][1]["cycles"]);
    EXPECT_EQ(rtl["mismatches"], 0);
    EXPECT_EQ(rtl["cycle_accurate"], true);
    EXPECT_EQ(cpu["cycle_accurate"], false);
}

TEST_F(Cli, BenchComparesBoards) {
    const json result = setun_json({"bench", "--shape", "2b4t", "--device", "cpu", "--lists", "whole"});
    ASSERT_EQ(result["rows"].size(), 6U);
    EXPECT_EQ(result["rows"][0]["memory"], "kv260");
    EXPECT_EQ(result["rows"][0]["ports"], 4);
    EXPECT_GE(result["rows"][0]["roofline"], 0.95);
    EXPECT_GE(result["rows"][5]["roofline"], 0.98);
    for (const json& row : result["published"]) {
        EXPECT_FALSE(row["source"].get<std::string>().empty());
    }
    expect_bad_input({"bench", "--shape", "2b5t", "--device", "cpu"}, "2b4t");
    expect_bad_input({"bench", "--shape", "2b4t", "--device", "cpu", "--batch", "2"}, "--tokens-per-beat");
    expect_bad_input({"bench", "--shape", "2b4t", "--device", "cpu", "--lists", "some"}, "groups");
    expect_bad_input({"bench", "--shape", "2b4t", "--device", "cpu", "--memory", "floppy"}, "kv260");
    expect_bad_input({"bench", "--memory", "all"}, "--shape");
    expect_bad_input({"bench", "--shape", "tiny", "--device", "xrt"}, "use one of cpu, rtl, vp");
    // One board by name is the row that it is in the table, with what others publish.
    const json one =
        setun_json({"bench", "--shape", "2b4t", "--device", "cpu", "--lists", "whole", "--memory", "kv260"});
    EXPECT_EQ(one["rows"], json::array({result["rows"][0]}));
    EXPECT_EQ(one["published"], result["published"]);
    const json two = setun_json({"bench", "--shape", "2b4t", "--device", "cpu", "--lists", "whole",
                                 "--memory", "kv260", "--ports", "2"});
    EXPECT_EQ(two["rows"][0]["ports"], 2);
    EXPECT_EQ(two["rows"][0]["port_bits"], 128);
}

TEST_F(Cli, DevicesListsEverything) {
    const json result = setun_json({"devices"});
    EXPECT_EQ(result["devices"][0]["name"], "cpu");
    EXPECT_EQ(result["devices"][1]["name"], "rtl");
    EXPECT_FALSE(result["devices"][1]["configurations"].empty());
    EXPECT_EQ(result["memories"][0]["name"], "ideal");
    EXPECT_EQ(setun({"devices"}).exit_code, 0);
}

TEST_F(Cli, EveryCommandHasHelpWithAnExample) {
    for (const char* command : {"run", "inspect", "verify", "bench", "devices", "pack"}) {
        const ProcessResult result = setun({command, "--help"});
        EXPECT_EQ(result.exit_code, 0);
        EXPECT_NE(result.out.find(std::string("Example:\n  setun ") + command), std::string::npos)
            << result.out;
    }
    EXPECT_NE(setun({"--version"}).out.find("setun "), std::string::npos);
}

TEST_F(Cli, BadOptionsListWhatIsValid) {
    const auto run = [&](std::vector<std::string> options) {
        options.insert(options.begin(), {"run", "--model", model(), "-n", "1"});
        return options;
    };
    expect_bad_input(run({"--device", "gpu"}), "cpu, rtl");
    expect_bad_input(run({"--ports", "3"}), "1, 2, 4");
    expect_bad_input(run({"--kv", "int4"}), "float32 or int8");
    expect_bad_input(run({"--port-bits", "64"}), "128, 256, 512");
    expect_bad_input(run({"--tokens-per-beat", "16"}), "1, 2, 4, 8");
    expect_bad_input(run({"--tile-rows", "100"}), "1024");
    expect_bad_input(run({"--leaf", "bush"}), "planes, tree, table, bram");
    expect_bad_input(run({"--memory", "floppy"}), "ideal, ddr4");
    expect_bad_input(run({"--ports", "4", "--port-bits", "512", "--tokens-per-beat", "8"}), "1x512x1");
    expect_bad_input(run({"--device", "cpu", "--memory", "floppy"}), "ideal, ddr4");
    expect_bad_input(run({"--device", "cpu", "--trace", path("a.fst")}), "--device rtl");
    expect_bad_input(run({"--trace", "/nonexistent/a.fst"}), "/nonexistent/a.fst");
    expect_bad_input(run({"--head-exit", "maybe"}), "on or off");
    expect_bad_input(run({"--batch", "0"}), "--batch");
    expect_bad_input(run({"--temperature", "-1"}), "--temperature");
    expect_bad_input(run({"--top-p", "0"}), "--top-p");
    expect_bad_input(run({"--no-such-option"}), "--no-such-option");
    for (const char* number : {"-1", "18446744073709551616"}) {
        expect_bad_input(run({"--memory-seed", number}), "--memory-seed");
        expect_bad_input(run({"--seed", number}), "--seed");
    }
    expect_bad_input(run({"--device", "xrt", "--uart"}), "--device vp");
    expect_bad_input({}, "subcommand");
    expect_bad_input({"nonsense"}, "run, inspect, verify");
}

TEST_F(Cli, BadPromptsSayWhy) {
    const auto run = [&](std::vector<std::string> options) {
        options.insert(options.begin(), {"run", "--model", model(), "--device", "cpu"});
        return options;
    };
    expect_bad_input(run({"--prompt", "a", "--tokens", "1"}), "--tokens");
    expect_bad_input(run({"--prompt", ""}), "empty");
    expect_bad_input(run({"--prompt", "a", "--prompt", ""}), "empty");
    write_file(path("gap.txt"), "a\n\nb\n");
    write_file(path("none.txt"), "");
    expect_bad_input(run({"--prompts-file", path("gap.txt")}), "line 2 is empty");
    expect_bad_input(run({"--prompts-file", path("none.txt")}), "no prompt");
    expect_bad_input(run({"--prompts-file", path("nowhere.txt")}), "nowhere.txt");
    expect_bad_input(run({"--prompts-file", path("gap.txt"), "--prompt", "a"}), "--prompt");
    expect_bad_input(run({"--tokens", ""}), "1,2,3");
    expect_bad_input(run({"--tokens", "1,x"}), "'x'");
    expect_bad_input(run({"--tokens", "1,-2"}), "'-2'");
    expect_bad_input(run({"--tokens", "99999999999999999999"}), "not a token id");
    expect_bad_input(run({"--tokens", "263"}), "0 to 262");
    expect_bad_input(run({"--prompt", "bad \xFF utf8"}), "byte 4");
    expect_bad_input(run({"--tokens", "1", "-n", "0"}), "--max-tokens");
    std::string longer;
    for (int i = 0; i < 120; ++i) {
        longer += "x ";
    }
    expect_bad_input(run({"--prompt", longer}), "context is 96");
    expect_bad_input({"run", "--shape", "tiny", "--prompt", "a", "--device", "cpu"}, "--tokens");
    expect_bad_input({"run", "--shape", "huge", "--device", "cpu"}, "tiny, 2b4t-layer, 2b4t");
    expect_bad_input({"run", "--shape", "tiny", "--model", model()}, "--shape");
}

TEST_F(Cli, BadModelsSayWhatToDo) {
    const std::string good = read_file(model());
    const auto expect = [&](const std::string& content, const std::string& text) {
        write_file(path("bad.setun"), content);
        expect_bad_input({"run", "--model", path("bad.setun"), "--device", "cpu"}, text);
        expect_bad_input({"inspect", path("bad.setun")}, text);
        expect_bad_input({"verify", path("bad.setun"), "--device", "cpu"}, text);
    };
    expect_bad_input({"run", "--model", path("missing.setun")}, "missing.setun");
    expect(good.substr(0, good.size() / 2), "truncated");
    std::string flipped = good;
    flipped[good.size() / 2] = static_cast<char>(flipped[good.size() / 2] ^ 4);
    expect(flipped, "damaged");
    std::string newer = good;
    newer[8] = 9;
    expect(newer, "version 9");
    expect("hello", "is not a model; supported: .setun files");
}

TEST_F(Cli, PackRefusesAndNeverLeavesHalfAFile) {
    expect_bad_input({"pack", path("hf"), "-o", model()}, "--force");
    expect_bad_input({"pack", path("hf"), "-o", "/nonexistent/m.setun"}, "/nonexistent/m.setun");
    expect_bad_input({"pack", path("none"), "-o", path("x.setun")}, "does not exist");
    const std::string before = read_file(model());
    std::filesystem::create_directories(path("broken"));
    for (const auto& entry : std::filesystem::directory_iterator(path("hf"))) {
        std::filesystem::copy(entry, path("broken"), std::filesystem::copy_options::overwrite_existing);
    }
    std::filesystem::resize_file(path("broken") + "/model.safetensors", 20000);
    expect_bad_input({"pack", path("broken"), "-o", model(), "--force"}, "model.safetensors");
    EXPECT_TRUE(read_file(model()) == before) << "a failed pack leaves the old file as it was";
    EXPECT_EQ(setun({"pack", path("hf"), "-o", model(), "--force"}).exit_code, 0);
}

TEST_F(Cli, ErrorsWithJsonGiveOneObject) {
    const ProcessResult result = setun({"run", "--model", path("missing.setun"), "--json"});
    EXPECT_EQ(result.exit_code, 2);
    EXPECT_EQ(json::parse(result.out)["exit_code"], 2);
    EXPECT_EQ(json::parse(setun({"run", "--bogus", "--json"}).out)["exit_code"], 2);
}

TEST_F(Cli, OutputThatCannotBeWrittenIsAnError) {
    const auto shell = [](const std::string& redirection, std::vector<std::string> arguments) {
        arguments.insert(arguments.begin(),
                         {"/bin/sh", "-c", "exec \"$0\" \"$@\" " + redirection, SETUN_BINARY});
        return run_process(arguments);
    };
    for (const char* option : {"--json", "--help"}) {
        const ProcessResult full = shell(">/dev/full", {"devices", option});
        EXPECT_EQ(full.exit_code, 1);
        EXPECT_EQ(full.err, "setun: error: cannot write to standard output; is the disk full?\n");
    }
    EXPECT_EQ(shell(">/dev/full", {"run", "--bogus"}).exit_code, 2);
    // Errors that nobody can be told.
    EXPECT_EQ(shell("2>/dev/full", {"run", "--bogus"}).exit_code, 2);
    EXPECT_EQ(shell("2>&-", {"run", "--bogus"}).exit_code, 2);
    // With the streams closed, a file must not get the number of one, and what is printed.
    EXPECT_EQ(shell("<&- >&- 2>&-", {"pack", path("hf"), "-o", path("closed.setun")}).exit_code, 0);
    EXPECT_TRUE(read_file(path("closed.setun")) == read_file(model()));
}

TEST_F(Cli, TraceWritesAWaveform) {
    const ProcessResult result = setun({"run", "--model", model(), "--tokens", "1", "-n", "1", "--trace",
                                        path("wave.fst"), "--trace-cycles", "500"});
    ASSERT_EQ(result.exit_code, 0) << result.err;
    EXPECT_GT(std::filesystem::file_size(path("wave.fst")), 100U);
}

}  // namespace
}  // namespace setun::test
