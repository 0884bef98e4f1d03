// Chats: the cache must hold exactly what one long prompt would have put there.
#include "host/generate/conversation.h"

#include <gtest/gtest.h>

#include "host/base/error.h"
#include "host/cpu/cpu_device.h"
#include "host/loaders/hf_loader.h"
#include "tests/host/synthetic_model.h"

namespace setun {
namespace {

using Ids = std::vector<std::uint32_t>;

/// A random model on the processor, with one special token, and what a chat with it needs.
class ConversationTest : public testing::TestWithParam<unsigned> {
  protected:
    ConversationTest() {
        test::SyntheticOptions options;
        options.context = 160;
        options.seed = 3;
        test::write_synthetic(folder_.path(), options);
        model_ = load_hugging_face(folder_.path(), {});
        tokenizer_ = std::make_unique<Tokenizer>(*model_.tokenizer);
        CpuOptions cpu;
        cpu.tokens = GetParam();
        cpu.threads = 1;
        device_ = make_cpu_device(cpu);
        groups_ = product_groups(model_);
        lowered_ = std::make_unique<LoweredModel>(groups_, *device_);
        reference_ = make_golden_reference(groups_, GetParam());
    }

    Conversation conversation(const ConversationOptions& options, const char* format = "plain") {
        return {model_,
                *tokenizer_,
                ChatTemplate::named(format),
                {*device_, *lowered_, reference_.get()},
                options};
    }
    /// Greedy tokens behind a prompt in one go.
    Ids continued(const Ids& prompt, std::uint32_t count) {
        GenerateRequest request;
        request.prompt = prompt;
        request.max_tokens = count;
        request.stop = model_.architecture.eos;
        Scheduler scheduler(2);
        return generate(scheduler, model_, *lowered_, scheduler.attach(*device_), nullptr, request).tokens;
    }
    static ConversationOptions short_replies(std::uint32_t tokens) {
        ConversationOptions options;
        options.max_tokens = tokens;
        return options;
    }

    test::TemporaryFolder folder_;
    Model model_;
    std::unique_ptr<Tokenizer> tokenizer_;
    std::unique_ptr<Device> device_;
    std::vector<ProductGroup> groups_;
    std::unique_ptr<LoweredModel> lowered_;
    std::unique_ptr<ReferenceEngine> reference_;
};
INSTANTIATE_TEST_SUITE_P(Columns, ConversationTest, testing::Values(1U, 4U));

TEST_P(ConversationTest, TurnsEqualOneLongPrompt) {
    Conversation chat = conversation(short_replies(7));
    const Reply one = chat.say("Hello there", {});
    Ids history{*model_.architecture.bos};
    const auto add = [&](const std::string& text) {
        const auto ids = tokenizer_->encode(text);
        history.insert(history.end(), ids.begin(), ids.end());
    };
    add("User: Hello there\nAssistant:");
    EXPECT_EQ(one.prompt_tokens, history.size());
    EXPECT_EQ(one.result.tokens, continued(history, 7));
    ASSERT_EQ(one.end, ReplyEnd::kLengthReached);
    EXPECT_EQ(one.result.verified, one.result.products);

    history.insert(history.end(), one.result.tokens.begin(), one.result.tokens.end());
    const std::size_t before = history.size();
    add("\nUser: And more\nAssistant:");
    const Reply two = chat.say("And more", {});
    // Only the new tokens are processed, and the last of the reply, which had no position yet.
    EXPECT_EQ(two.prompt_tokens, history.size() - before + 1);
    EXPECT_EQ(two.result.prompt.positions, two.prompt_tokens);
    EXPECT_EQ(two.result.tokens, continued(history, 7));

    chat.reset();
    EXPECT_EQ(chat.position(), 0U);
    EXPECT_EQ(chat.say("Hello there", {}).result.tokens, one.result.tokens);
}

TEST_P(ConversationTest, TextsArriveInPiecesThatMakeTheReply) {
    Conversation chat = conversation(short_replies(12));
    std::string shown;
    const Reply reply = chat.say("Hello", [&](std::string_view text) { shown += text; });
    EXPECT_EQ(shown, reply.text);
    EXPECT_EQ(reply.text, tokenizer_->decode(reply.result.tokens));
}

TEST_P(ConversationTest, StopTextEndsTheReplyAndLeavesTheHistoryClean) {
    Conversation free = conversation(short_replies(12));
    const std::string whole = free.say("Hello", {}).text;
    ASSERT_GE(whole.size(), 8U);
    // Characters of the random reply from its middle, whole ones: a stop text need not begin at a token.
    std::size_t at = whole.size() / 2;
    while ((static_cast<unsigned char>(whole[at]) & 0xC0U) == 0x80) {
        ++at;
    }
    ConversationOptions options = short_replies(12);
    options.stop_texts = {whole.substr(at)};
    const std::string expected = whole.substr(0, whole.find(options.stop_texts[0]));
    Conversation chat = conversation(options);
    std::string shown;
    const Reply reply = chat.say("Hello", [&](std::string_view text) { shown += text; });
    EXPECT_EQ(reply.end, ReplyEnd::kFinished);
    EXPECT_EQ(reply.text, expected);
    EXPECT_EQ(shown, expected);
    // The next turn goes on behind the text that was shown.
    Ids history{*model_.architecture.bos};
    const auto add = [&](const Ids& ids) { history.insert(history.end(), ids.begin(), ids.end()); };
    add(tokenizer_->encode("User: Hello\nAssistant:"));
    Ids kept = reply.result.tokens;
    std::string rest;
    while (tokenizer_->decode(kept).size() > expected.size() ||
           tokenizer_->decode(kept) != expected.substr(0, tokenizer_->decode(kept).size())) {
        kept.pop_back();
    }
    rest = expected.substr(tokenizer_->decode(kept).size());
    add(kept);
    add(tokenizer_->encode(rest + "\nUser: More\nAssistant:"));
    EXPECT_EQ(chat.say("More", {}).result.tokens.front(), continued(history, 1).front());
}

TEST_P(ConversationTest, SystemMessageAndBosBegin) {
    ConversationOptions options = short_replies(1);
    options.system = "Be brief";
    const std::uint32_t with = conversation(options).say("Hi", {}).prompt_tokens;
    EXPECT_EQ(with, 1 + tokenizer_->encode("System: Be brief\nUser: Hi\nAssistant:").size());
    options.bos = false;
    EXPECT_EQ(conversation(options).say("Hi", {}).prompt_tokens, with - 1);
}

TEST_P(ConversationTest, FullContextIsSaidAndLeavesTheChatUsable) {
    ConversationOptions options = short_replies(500);
    options.context = 40;
    Conversation chat = conversation(options);
    const Reply reply = chat.say("Hello", {});
    if (reply.end != ReplyEnd::kFinished) {
        EXPECT_EQ(reply.end, ReplyEnd::kContextFull);
        EXPECT_EQ(chat.position(), 40U);
    }
    const std::uint32_t position = chat.position();
    try {
        static_cast<void>(chat.say(std::string(100, 'x'), {}));
        FAIL();
    } catch (const InputError& error) {
        EXPECT_NE(std::string(error.what()).find("of 40 positions are taken"), std::string::npos)
            << error.what();
    }
    EXPECT_EQ(chat.position(), position);
    chat.reset();
    EXPECT_EQ(chat.say("Hello", {}).result.tokens, reply.result.tokens);
    options.context = 161;
    EXPECT_THROW(conversation(options), InputError);
}

TEST_P(ConversationTest, StopInsideThePromptForgetsTheMessage) {
    Conversation chat = conversation(short_replies(3));
    const Reply one = chat.say("Hello", {});
    const std::uint32_t position = chat.position();
    const Reply stopped =
        chat.say("this is never read", {}, [](Scheduler& scheduler) { scheduler.stop("interrupted"); });
    EXPECT_EQ(stopped.end, ReplyEnd::kStopped);
    EXPECT_EQ(chat.position(), position);
    const Ids after = chat.say("Again", {}).result.tokens;
    chat.reset();
    EXPECT_EQ(chat.say("Hello", {}).result.tokens, one.result.tokens);
    EXPECT_EQ(chat.say("Again", {}).result.tokens, after);
}

TEST_P(ConversationTest, RefusesEmptyAndInvalidMessages) {
    Conversation chat = conversation(short_replies(1));
    EXPECT_THROW(chat.say(" \n", {}), InputError);
    EXPECT_THROW(chat.say("\xFF", {}), InputError);
    EXPECT_THROW(conversation(short_replies(0)), InputError);
    EXPECT_THROW(conversation(short_replies(1), "llama3"), InputError);  // its tokens are missing
    EXPECT_EQ(chat.position(), 0U);
}

}  // namespace
}  // namespace setun
