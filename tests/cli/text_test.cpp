// The commands around text: chat, logits, tokenize, and the begin-of-text options.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "tests/cli/setun_command.h"
#include "tests/host/synthetic_model.h"

namespace setun::test {
namespace {

using nlohmann::json;

/// A Hugging Face directory, made once.
class TextCli : public testing::Test {
  protected:
    static void SetUpTestSuite() {
        folder_ = std::make_unique<TemporaryFolder>();
        SyntheticOptions options;
        options.context = 96;
        plain_ = write_synthetic(folder_->path(), options);
    }
    static void TearDownTestSuite() { folder_.reset(); }
    static std::string model() { return folder_->path().string(); }
    static std::unique_ptr<TemporaryFolder> folder_;
    static PlainModel plain_;
};
std::unique_ptr<TemporaryFolder> TextCli::folder_;
PlainModel TextCli::plain_;

TEST_F(TextCli, LogitsEqualTheIndependentModel) {
    const json result =
        setun_json({"logits", "--model", model(), "--tokens", "5,70,200,3", "--device", "cpu", "--all"});
    const auto expected = plain_logits(plain_, {5, 70, 200, 3});
    ASSERT_EQ(result["positions"].size(), 4U);
    EXPECT_EQ(result["tokens"], (json{5, 70, 200, 3}));
    EXPECT_EQ(result["mismatches"], 0);
    for (std::size_t p = 0; p < 4; ++p) {
        const json& position = result["positions"][p];
        EXPECT_EQ(position["position"], p);
        const auto logits = position["logits"].get<std::vector<double>>();
        ASSERT_EQ(logits.size(), expected[p].size());
        double error = 0;
        double size = 0;
        for (std::size_t i = 0; i < logits.size(); ++i) {
            // Enough digits: the nearest float32 is the number itself.
            EXPECT_NEAR(logits[i], static_cast<double>(static_cast<float>(logits[i])),
                        1e-7 * std::abs(logits[i]));
            error += (logits[i] - expected[p][i]) * (logits[i] - expected[p][i]);
            size += expected[p][i] * expected[p][i];
        }
        EXPECT_LT(std::sqrt(error / size), 1e-5) << p;
        ASSERT_EQ(position["top"].size(), 10U);
        double last = INFINITY;
        for (const auto& entry : position["top"]) {
            EXPECT_EQ(static_cast<float>(entry[1].get<double>()),
                      static_cast<float>(logits.at(entry[0].get<std::size_t>())));
            EXPECT_LE(entry[1].get<double>(), last);
            last = entry[1].get<double>();
        }
        EXPECT_EQ(position["top"][0][1].get<double>(), *std::max_element(logits.begin(), logits.end()));
    }
}

TEST_F(TextCli, LogitsAreTheSameOnEveryDeviceAndWithoutAll) {
    const std::vector<std::string> base{"logits", "--model", model(), "--prompt", "the land", "--no-bos"};
    std::vector<std::string> cpu = base;
    cpu.insert(cpu.end(), {"--device", "cpu", "--ports", "2", "--port-bits", "256"});
    std::vector<std::string> rtl = base;
    rtl.insert(rtl.end(), {"--memory", "ideal"});
    const json a = setun_json(cpu);
    const json b = setun_json(rtl);
    EXPECT_EQ(a["positions"], b["positions"]);
    EXPECT_EQ(b["device"], "rtl");
    EXPECT_FALSE(a["positions"][0].contains("logits"));
    const ProcessResult text = setun(cpu);
    EXPECT_EQ(text.exit_code, 0);
    EXPECT_EQ(std::count(text.out.begin(), text.out.end(), '\n'),
              static_cast<std::ptrdiff_t>(a["tokens"].size()));
}

TEST_F(TextCli, LogitsRefuseBadTokens) {
    expect_bad_input({"logits", "--model", model(), "--device", "cpu"}, "--tokens 1,2,3");
    expect_bad_input({"logits", "--model", model(), "--tokens", "1,x", "--device", "cpu"},
                     "'x' is not a token id");
    expect_bad_input({"logits", "--model", model(), "--tokens", "99999", "--device", "cpu"}, "out of range");
    std::string many = "1";
    for (int i = 0; i < 96; ++i) {
        many += ",1";
    }
    expect_bad_input({"logits", "--model", model(), "--tokens", many, "--device", "cpu"}, "context is 96");
}

TEST_F(TextCli, BosIsAnOption) {
    const std::vector<std::string> base{"run",      "--model", model(),  "--prompt", "the land",
                                        "--device", "cpu",     "--json", "-n",       "1"};
    const auto prompt_tokens = [&](const char* flag) {
        std::vector<std::string> arguments = base;
        if (flag != nullptr) {
            arguments.emplace_back(flag);
        }
        return json::parse(setun(arguments).out)["prompt_tokens"].get<int>();
    };
    const int usual = prompt_tokens(nullptr);
    EXPECT_EQ(prompt_tokens("--bos"), usual);
    EXPECT_EQ(prompt_tokens("--no-bos"), usual - 1);
}

TEST_F(TextCli, TokenizeGivesTheIdsThatRunTakes) {
    const json whole = setun_json({"tokenize", "--model", model(), "--prompt", "the land<|end|>"});
    EXPECT_EQ(whole["tokens"].back(), 256);
    const ProcessResult text = setun({"tokenize", "--model", model(), "--prompt", "the land<|end|>"});
    std::string joined;
    for (const auto& id : whole["tokens"]) {
        joined.append(joined.empty() ? 0 : 1, ',').append(id.dump());
    }
    EXPECT_EQ(text.out, joined.append(1, '\n'));
    const json plain = setun_json({"tokenize", "--model", model(), "--prompt", "the land<|end|>", "--plain"});
    EXPECT_GT(plain["tokens"].size(), whole["tokens"].size());
    ProcessOptions input;
    input.input = "the land<|end|>";
    EXPECT_EQ(setun({"tokenize", "--tokenizer", (*folder_ / "tokenizer.json").string()}, input).out,
              text.out);
}

TEST_F(TextCli, ChatKeepsTheHistoryInTheCache) {
    for (const char* device : {"cpu", "rtl"}) {
        std::vector<std::string> arguments{"chat",     "--model", model(),     "--template", "plain",
                                           "--device", device,    "--message", "the land",   "--message",
                                           "and the",  "-n",      "6"};
        const json chat = setun_json(arguments);
        ASSERT_EQ(chat["turns"].size(), 2U);
        EXPECT_EQ(chat["template"], "plain");
        EXPECT_EQ(chat["verified"], true);
        EXPECT_EQ(chat["turns"][0]["user"], "the land");
        // The second turn processed its own tokens and no others.
        const std::size_t own =
            setun_json({"tokenize", "--model", model(), "--prompt", "\nUser: and the\nAssistant:"})["tokens"]
                .size();
        EXPECT_LE(chat["turns"][1]["prompt_tokens"].get<std::size_t>(), own + 1);
        const auto positions =
            chat["turns"][0]["prompt_tokens"].get<int>() + chat["turns"][0]["generated"].get<int>() +
            chat["turns"][1]["prompt_tokens"].get<int>() + chat["turns"][1]["generated"].get<int>();
        EXPECT_LE(chat["positions"].get<int>(), positions);
        EXPECT_GT(chat["cycles"].get<std::uint64_t>(), 0U);
    }
}

TEST_F(TextCli, ChatReadsOneMessageFromStandardInput) {
    ProcessOptions input;
    input.input = "the land\nand the";
    const ProcessResult result =
        setun({"chat", "--model", model(), "--template", "plain", "--device", "cpu", "-n", "5"}, input);
    EXPECT_EQ(result.exit_code, 0) << result.err;
    const json same = setun_json({"chat", "--model", model(), "--template", "plain", "--device", "cpu", "-n",
                                  "5", "--message", "the land\nand the"});
    EXPECT_EQ(result.out, same["turns"][0]["reply"].get<std::string>() + "\n");
    EXPECT_NE(result.err.find("bit-exact"), std::string::npos) << result.err;
}

TEST_F(TextCli, ChatSaysWhatIsWrong) {
    expect_bad_input({"chat", "--model", model(), "--device", "cpu", "--message", "x"}, "--template: bitnet");
    expect_bad_input(
        {"chat", "--model", model(), "--device", "cpu", "--message", "x", "--template", "nosuch"},
        "use one of bitnet");
    expect_bad_input(
        {"chat", "--model", model(), "--device", "cpu", "--message", "x", "--template", "llama3"},
        "<|start_header_id|>");
    expect_bad_input({"chat", "--model", model(), "--device", "cpu", "--template", "plain", "--message", ""},
                     "message is empty");
    expect_bad_input({"chat", "--model", model(), "--device", "cpu", "--template", "plain", "--message",
                      std::string(400, 'q')},
                     "of 96 positions");
}

TEST_F(TextCli, ChatSaysWhenTheContextIsFull) {
    const ProcessResult result = setun({"chat", "--model", model(), "--template", "plain", "--device", "cpu",
                                        "-n", "1000", "--context", "40", "--message", "the land"});
    EXPECT_EQ(result.exit_code, 0);
    const bool full = result.err.find("the context is full (40 positions)") != std::string::npos;
    const bool ended = result.err.find("cut") == std::string::npos;
    EXPECT_TRUE(full || ended) << result.err;
}

/// The shipped model at a terminal, on the simulated kernel, where a reply of many tokens takes a while.
ProcessResult chat_at_terminal(const std::string& tokens, const std::vector<Typed>& typed) {
    ProcessOptions options;
    options.terminal = typed;
    return setun({"chat", "--model", SETUN_SOURCE_DIR "/models/setun-3.8m.setun", "--template", "plain",
                  "--no-verify", "-n", tokens},
                 options);
}

TEST_F(TextCli, CtrlCAtThePromptLeavesTheChat) {
    const ProcessResult result = chat_at_terminal("2", {{"> ", "\x03"}});
    EXPECT_EQ(result.exit_code, 0) << result.err;
    EXPECT_EQ(result.out, "> \n");
    const ProcessResult later = chat_at_terminal("2", {{"> ", "My lord,\n"}, {"> ", "and then\x03"}});
    EXPECT_EQ(later.exit_code, 0) << later.err;
    EXPECT_NE(later.err.find("turns      1,"), std::string::npos)
        << "the report comes all the same: " << later.err;
    EXPECT_EQ(later.err.find("interrupted"), std::string::npos) << later.err;
}

TEST_F(TextCli, CtrlCDuringAReplyStopsIt) {
    const ProcessResult result = chat_at_terminal("500", {{"> ", "My lord,\n"}, {"", "\x03"}});
    EXPECT_EQ(result.exit_code, 1) << result.err;
    EXPECT_NE(result.err.find("stopped: interrupted"), std::string::npos) << result.err;
    EXPECT_NE(result.err.find("turns      1,"), std::string::npos)
        << "the report comes all the same: " << result.err;
    EXPECT_EQ(std::count(result.out.begin(), result.out.end(), '>'), 1)
        << "no further prompt: " << result.out;
}

}  // namespace
}  // namespace setun::test
