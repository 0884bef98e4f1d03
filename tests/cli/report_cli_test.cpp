// What commands print for people, held against their JSON; and forms of input that few use.
#include <gtest/gtest.h>

#include <nlohmann/json.hpp>

#include "host/cli/format.h"
#include "tests/cli/setun_command.h"
#include "tests/host/synthetic_model.h"

namespace setun::test {
namespace {

using cli::grouped;
using nlohmann::json;

/// A Hugging Face directory, made once.
class ReportCli : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        folder_ = std::make_unique<TemporaryFolder>();
        std::filesystem::create_directory(*folder_ / "hf");
        SyntheticOptions options;
        options.context = 96;
        write_synthetic(*folder_ / "hf", options);
        write_file(*folder_ / "card.txt", "A card of tests.");
    }
    static void TearDownTestSuite() { folder_.reset(); }
    static std::string path(const std::string& name) { return (*folder_ / name).string(); }
    static std::string model() { return path("hf"); }

    static std::string text_of(const std::vector<std::string>& arguments) {
        const ProcessResult result = setun(arguments);
        EXPECT_EQ(result.exit_code, 0) << result.err;
        return result.out;
    }
    static void expect_in(const std::string& text, const std::string& part) {
        EXPECT_NE(text.find(part), std::string::npos) << part << "\nnot in:\n" << text;
    }

    static std::unique_ptr<TemporaryFolder> folder_;
};
std::unique_ptr<TemporaryFolder> ReportCli::folder_;

TEST_F(ReportCli, BenchPrintsItsCountsAndEnergy) {
    const std::vector<std::string> arguments{"bench", "--device", "cpu", "--repeats", "1", "--energy"};
    const json result = setun_json(arguments);
    const std::string text = text_of(arguments);
    ASSERT_FALSE(result["rows"].empty());
    for (const json& row : result["rows"]) {
        EXPECT_GT(row["energy"]["joules_per_token"].get<double>(), 0) << row;
        expect_in(text, grouped(row["cycles"].get<std::uint64_t>()));
    }
    for (const char* const word : {"matrices", "beats/port", "products equal to the ", "weights/s",
                                   "Energy of ", "The 30 layers read the same random weights 30 times."}) {
        expect_in(text, word);
    }
}

TEST_F(ReportCli, BenchOfAModelPrintsItsCounts) {
    const std::vector<std::string> arguments{"bench",   "--shape", "tiny",     "--device", "rtl",
                                             "--lists", "whole",   "--memory", "ddr4",     "--energy"};
    const json row = setun_json(arguments)["rows"][0];
    EXPECT_EQ(row["cycles"], row["predicted_cycles"]);
    const std::string text = text_of(arguments);
    expect_in(text, "tiny: ");
    expect_in(text, grouped(row["cycles"].get<std::uint64_t>()));
    expect_in(text, "same");  // as the performance model says
    expect_in(text, "products equal to the ");
    expect_in(text, "Energy on ddr4, 1 x 512 bit, 1 list\n");
}

TEST_F(ReportCli, BenchOnEveryBoardShowsWhatOthersPublished) {
    const std::string all = text_of({"bench", "--shape", "tiny", "--device", "cpu", "--ports", "2"});
    for (const char* const word : {"kv260", "u280", "2 x 512", "Published by others", "tokens/s"}) {
        expect_in(all, word);
    }
    EXPECT_EQ(all.find("too small"), std::string::npos) << all;
    const std::string large =
        text_of({"bench", "--shape", "70b", "--device", "cpu", "--memory", "kv260", "--lists", "groups"});
    expect_in(large, "kv260: these weights do not fit in the board's memory");
}

TEST_F(ReportCli, PaperRuleIsPrintedAsItIsInJson) {
    const std::vector<std::string> arguments{"energy", "--shape", "b158-3b", "--phase", "paper"};
    const std::string text = text_of(arguments);
    const json result = setun_json(arguments);
    for (const char* const machine : {"setun", "fp16", "int8", "fp32"}) {
        EXPECT_TRUE(result["machines"].contains(machine)) << result;
        expect_in(text, std::string("\n  ") + machine);
    }
    expect_in(text, "paper rule b1.58, sequence of 512 tokens, table 7nm");
    std::vector<std::string> one = arguments;
    one.insert(one.end(), {"--machine", "int8"});
    EXPECT_EQ(setun_json(one)["machines"].size(), 1U);
    EXPECT_EQ(text_of(one).find("\n  fp16"), std::string::npos);
}

TEST_F(ReportCli, StaticEnergyFollowsClockAndPower) {
    const auto with = [](const char* clock, const char* power) {
        const json result =
            setun_json({"energy", "--shape", "tiny", "--clock", clock, "--static-power", power});
        return result["breakdown"]["static"]["total_j"].get<double>();
    };
    const double slow = with("100", "1");
    EXPECT_GT(slow, 0);
    EXPECT_NEAR(with("200", "1"), slow / 2, 1e-9 * slow);
    EXPECT_NEAR(with("100", "3"), slow * 3, 1e-9 * slow);
}

TEST_F(ReportCli, PackRecordsWhatItIsTold) {
    const json packed = setun_json({"pack", model(), "-o", path("m.setun"), "--name", "of tests", "--card",
                                    path("card.txt"), "--ports", "2", "--port-bits", "256"});
    EXPECT_EQ(packed["model"], path("m.setun"));
    EXPECT_EQ(packed["bytes"], std::filesystem::file_size(path("m.setun")));
    EXPECT_EQ(packed["matrices"], 15);
    const std::string text = text_of({"inspect", path("m.setun")});
    expect_in(text, "of tests");
    EXPECT_NE(read_file(path("m.setun")).find("A card of tests."), std::string::npos);
    expect_bad_input({"pack", model(), "-o", path("n.setun"), "--card", path("no.txt")}, path("no.txt"));
    EXPECT_FALSE(std::filesystem::exists(path("n.setun")));
}

TEST_F(ReportCli, LogitsOfATextAreThoseOfItsTokens) {
    const std::vector<std::string> common{"logits", "--model", model(), "--device", "cpu"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin(), common.begin(), common.end());
        return more;
    };
    const json text = setun_json(with({"--prompt", "the land"}));
    std::string ids;
    for (const json& id : text["tokens"]) {
        ids.append(ids.empty() ? "" : ",").append(std::to_string(id.get<unsigned>()));
    }
    EXPECT_EQ(text["tokens"][0], 256);  // begin-of-text
    EXPECT_EQ(setun_json(with({"--tokens", ids}))["positions"], text["positions"]);
    const json bare = setun_json(with({"--prompt", "the land", "--no-bos"}));
    EXPECT_EQ(bare["tokens"].size(), text["tokens"].size() - 1);
    // All of them in the text form: a line of the top ten, then one number for each of 263 tokens.
    const std::string all = text_of(with({"--tokens", "5", "--all"}));
    const std::size_t line = all.find('\n');
    ASSERT_NE(line, std::string::npos);
    const std::string numbers = all.substr(line + 1);
    EXPECT_EQ(std::count(numbers.begin(), numbers.end(), ' '), 262) << numbers;
}

TEST_F(ReportCli, SweepTakesTheSizesOfAModel) {
    const json result = setun_json({"sweep", "--model", model(), "--ports", "1", "--memory", "all"});
    EXPECT_EQ(result["rows"].size(), 6U);
    for (const json& row : result["rows"]) {
        EXPECT_EQ(row["context"], 96);  // 512 by default, and no more than the model takes
    }
    expect_bad_input({"sweep", "--model", model(), "--ports", "1", "--context", "97"},
                     "--context is 97; this model takes at most 96 positions");
}

TEST_F(ReportCli, TokenizeBeginsWithBosWhenAsked) {
    const auto ids = [&](std::vector<std::string> more) {
        more.insert(more.begin(), {"tokenize", "--model", model(), "--prompt", "the land"});
        return text_of(more);
    };
    EXPECT_EQ(ids({"--bos"}), "256," + ids({}));
}

TEST_F(ReportCli, RunStopsAtItsTimeout) {
    const std::vector<std::string> arguments{"run",   "--model", model(),     "--tokens", "1,2,3,4,5,6,7,8",
                                             "-n",    "80",      "--timeout", "0.001",    "--ignore-end",
                                             "--json"};
    const ProcessResult result = setun(arguments);
    ASSERT_EQ(result.exit_code, 1) << result.err;
    EXPECT_FALSE(json::parse(result.out)["stopped"].get<std::string>().empty());
}

TEST_F(ReportCli, ChatStopsAtItsTimeout) {
    const ProcessResult result = setun({"chat", "--model", model(), "--device", "cpu", "--template", "plain",
                                        "--message", "the land", "--timeout", "0.001", "--json"});
    ASSERT_EQ(result.exit_code, 1) << result.err;
    EXPECT_FALSE(json::parse(result.out)["stopped"].get<std::string>().empty());
}

TEST_F(ReportCli, RunPrintsItsEnergyPartByPart) {
    const std::string text = text_of({"run", "--model", model(), "--device", "cpu", "--tokens", "1,2", "-n",
                                      "3", "--ignore-end", "--energy", "--no-verify"});
    for (const char* const word :
         {"not verified (", "J per token", "ternary adds", "everything that this report counts"}) {
        expect_in(text, word);
    }
}

TEST_F(ReportCli, EnergyOfAModelTakesNoMorePositionsThanItHas) {
    EXPECT_EQ(setun_json({"energy", "--model", model()})["context"], 96);
    expect_bad_input({"energy", "--model", model(), "--context", "97"}, "takes at most 96 positions");
}

TEST_F(ReportCli, PackedModelsRunOnOtherLayouts) {
    const std::string folder = path("untied");
    std::filesystem::create_directory(folder);
    SyntheticOptions options;
    options.tied_head = false;
    write_synthetic(folder, options);
    text_of({"pack", folder, "-o", path("untied.setun")});
    const auto tokens = [&](std::vector<std::string> more) {
        more.insert(more.begin(), {"run", "--model", path("untied.setun"), "--device", "cpu", "--tokens",
                                   "1,2", "-n", "5", "--ignore-end"});
        const json result = setun_json(more);
        EXPECT_EQ(result["mismatches"], 0);
        return result["tokens"];
    };
    EXPECT_EQ(tokens({}), tokens({"--ports", "2", "--port-bits", "256", "--tile-rows", "16"}));
}

TEST_F(ReportCli, DevicesWritesAnEmulationImage) {
    const json result = setun_json({"devices", "--write-xclbin", path("k.xclbin")});
    EXPECT_EQ(result["xclbin"], path("k.xclbin"));
    EXPECT_EQ(result["bytes"], std::filesystem::file_size(path("k.xclbin")));
    expect_bad_input({"devices", "--write-xclbin", path("k.xclbin")}, "--force");
    expect_in(text_of({"devices", "--write-xclbin", path("k.xclbin"), "--force"}),
              "--xrt-emulation --xclbin");
    expect_bad_input({"devices", "--write-xclbin", path("l.xclbin"), "--ports", "4", "--port-bits", "512",
                      "--tokens-per-beat", "8"},
                     "no simulation of kernel 4x512x8 in this build: use one of ");
    EXPECT_FALSE(std::filesystem::exists(path("l.xclbin")));
}

TEST_F(ReportCli, ModelsWithoutAUsableTokenizerSayWhy) {
    const std::string folder = path("mute");
    std::filesystem::copy(model(), folder);
    json tokenizer = json::parse(read_file(folder + "/tokenizer.json"));
    tokenizer["model"]["type"] = "Unigram";
    write_file(folder + "/tokenizer.json", tokenizer.dump());
    const std::vector<std::string> on{"--model", folder, "--device", "cpu"};
    const auto with = [&](std::vector<std::string> more) {
        more.insert(more.begin() + 1, on.begin(), on.end());
        return setun(more);
    };
    const ProcessResult tokens = with({"run", "--tokens", "5", "-n", "2", "--ignore-end"});
    EXPECT_EQ(tokens.exit_code, 0) << tokens.err;
    EXPECT_EQ(tokens.err.rfind("setun: note: no tokenizer, only --tokens can be used: ", 0), 0U)
        << tokens.err;
    EXPECT_NE(tokens.err.find("is 'Unigram'"), std::string::npos) << tokens.err;
    const auto refused = [&](const std::vector<std::string>& arguments, const std::string& text) {
        const ProcessResult result = with(arguments);
        EXPECT_EQ(result.exit_code, 2) << result.err;
        EXPECT_NE(result.err.find("setun: error: " + text), std::string::npos) << result.err;
        EXPECT_EQ(result.out, "");
    };
    refused({"run", "--prompt", "a"},
            "the model has no tokenizer, so --prompt cannot be used; give --tokens");
    refused({"logits", "--prompt", "a"},
            "the model has no tokenizer, so --prompt cannot be used; give --tokens");
    refused({"chat", "--message", "a"},
            "the model has no tokenizer, so it cannot chat; use 'setun run --tokens'");
    const ProcessResult tokenize = setun({"tokenize", "--model", folder, "--prompt", "a"});
    EXPECT_EQ(tokenize.exit_code, 2);
    EXPECT_NE(tokenize.err.find("the model has no tokenizer; give one with --tokenizer FILE"),
              std::string::npos);
}

TEST_F(ReportCli, BeginOfTextNeedsAModelThatHasOne) {
    const std::string folder = path("no_bos");
    std::filesystem::copy(model(), folder);
    json config = json::parse(read_file(folder + "/config.json"));
    config.erase("bos_token_id");
    write_file(folder + "/config.json", config.dump());
    expect_bad_input({"run", "--model", folder, "--device", "cpu", "--prompt", "a", "--bos"},
                     "--bos: the model names no begin-of-text token; leave --bos out");
}

TEST_F(ReportCli, OptionsThatExcludeOrContradict) {
    expect_bad_input({"run", "--model", model(), "--timeout", "-1"},
                     "--timeout is -1; expected 0 to 1000000 seconds");
    expect_bad_input({"chat", "--model", model(), "--timeout", "-1"},
                     "--timeout is -1; expected 0 to 1000000");
    expect_bad_input({"verify", model(), "--reference", "silver"},
                     "--reference 'silver' is unknown; use golden or cpu");
    expect_bad_input({"tokenize", "--tokenizer", path("hf/tokenizer.json"), "--model", model()},
                     "--tokenizer stands alone");
    expect_bad_input({"inspect", model(), "--shape", "tiny"}, "MODEL and --shape exclude each other");
    expect_bad_input({"sweep", "--shape", "tiny", "--report", "-"},
                     "--report '-': expected the name of a file");
    expect_bad_input({"energy", "--shape", "tiny", "--tokens-per-beat", "3"}, "use one of 1, 2, 4, 8");
    expect_bad_input({"energy", "--shape", "tiny", "--clock", "-1"},
                     "--clock is -1; expected MHz up to 100000");
    expect_bad_input({"energy", "--shape", "tiny", "--static-power", "1e9"}, "expected 0 to 10000 watt");
    expect_bad_input({"chat", "--model", model(), "--device", "cpu", "--template", "plain", "--message", "a",
                      "--stop", ""},
                     "--stop is empty; give the text that ends a reply");
    const ProcessResult both = setun({"sweep", "--shape", "tiny", "--json", "--csv", "-"});
    EXPECT_EQ(both.exit_code, 2);
    EXPECT_NE(json::parse(both.out)["error"].get<std::string>().find("give --csv a file"), std::string::npos);
}

TEST_F(ReportCli, ChatOnATerminalBeginsAgainAndGoesOnAfterAnError) {
    ProcessOptions typing;
    typing.terminal = {{"> ", "\n"},               // nothing said
                       {"> ", "the\n"},            // a turn
                       {"> ", "bad \xFF utf8\n"},  // refused, and the conversation is as it was
                       {"> ", "/reset\n"},
                       {"> ", "/exit\n"}};
    const ProcessResult result =
        setun({"chat", "--model", model(), "--device", "cpu", "--template", "plain", "-n", "4"}, typing);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    expect_in(result.err, "UTF-8");
    expect_in(result.err, "1, 4 tokens generated, 0 of 96 positions taken");
    ProcessOptions json_typing;
    json_typing.terminal = {{"never", ""}};
    const ProcessResult refused = setun({"chat", "--model", model(), "--json"}, json_typing);
    EXPECT_EQ(refused.exit_code, 2);
    EXPECT_NE(refused.out.find("from --message or from a pipe, not from a terminal"), std::string::npos)
        << refused.out;
}

}  // namespace
}  // namespace setun::test
