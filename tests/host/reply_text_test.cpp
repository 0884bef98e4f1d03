// Replies with stop texts: what is shown, what is kept.
#include "host/text/reply_text.h"

#include <gtest/gtest.h>

namespace setun {
namespace {

/// 256 byte tokens, then "\nUs" (256), "er:" (257), "ab\nUser" (258).
Tokenizer tokenizer() {
    TokenizerData data;
    for (unsigned byte = 0; byte < 256; ++byte) {
        data.tokens.emplace_back(1, static_cast<char>(byte));
    }
    data.tokens.insert(data.tokens.end(), {"\nUs", "er:", "ab\nUser"});
    data.kinds.assign(data.tokens.size(), TokenKind::kNormal);
    return Tokenizer(data);
}

struct Outcome {
    std::vector<std::string> shown;
    bool stopped = false;
    std::string text;
    std::size_t kept = 0;
    std::string rest;
};

Outcome outcome_of(const std::vector<std::uint32_t>& tokens, const std::vector<std::string>& stops) {
    const Tokenizer words = tokenizer();
    Outcome outcome;
    const std::function<void(std::string_view)> show = [&](std::string_view text) {
        outcome.shown.emplace_back(text);
    };
    ReplyText reply(words, stops, show);
    for (const std::uint32_t token : tokens) {
        outcome.stopped = reply.add(token);
    }
    reply.finish();
    outcome.text = reply.text();
    outcome.kept = reply.kept_tokens();
    outcome.rest = reply.text_behind_kept();
    return outcome;
}

TEST(ReplyText, ShowsEverythingWithoutStops) {
    const Outcome o = outcome_of({'H', 'i', '\n'}, {});
    EXPECT_EQ(o.shown, (std::vector<std::string>{"H", "i", "\n"}));
    EXPECT_FALSE(o.stopped);
    EXPECT_EQ(o.kept, 3U);
}

TEST(ReplyText, HoldsBackWhatMayBeAStop) {
    const Outcome o = outcome_of({'H', 256, 'x'}, {"\nUser:"});
    EXPECT_EQ(o.shown, (std::vector<std::string>{"H", "\nUsx"}));
    EXPECT_FALSE(o.stopped);
    const Outcome end = outcome_of({'H', '\n'}, {"\nUser:"});  // the text ends with the beginning of a stop
    EXPECT_EQ(end.text, "H\n");
    EXPECT_EQ(end.shown, (std::vector<std::string>{"H", "\n"}));
}

TEST(ReplyText, CutsAtTheStop) {
    const Outcome o = outcome_of({'H', 256, 257}, {"\nUser:"});
    EXPECT_TRUE(o.stopped);
    EXPECT_EQ(o.text, "H");
    EXPECT_EQ(o.kept, 1U);
    EXPECT_EQ(o.rest, "");
    EXPECT_EQ(o.shown, std::vector<std::string>{"H"});
}

TEST(ReplyText, CutsInsideAToken) {
    const Outcome o = outcome_of({'H', 258, ':'}, {"\nUser:"});
    EXPECT_TRUE(o.stopped);
    EXPECT_EQ(o.text, "Hab");
    EXPECT_EQ(o.kept, 1U);
    EXPECT_EQ(o.rest, "ab");
}

TEST(ReplyText, TakesTheFirstOfSeveralStops) {
    const Outcome o = outcome_of({'a', 'b', 'c'}, {"c", "bc"});
    EXPECT_TRUE(o.stopped);
    EXPECT_EQ(o.text, "a");
}

TEST(ReplyText, KeepsCharactersWhole) {
    const Outcome o = outcome_of({0xC3, 0xA9, 0xF0, 0x9F}, {});
    EXPECT_EQ(o.shown, (std::vector<std::string>{"\xC3\xA9", "\xEF\xBF\xBD"}));
}

}  // namespace
}  // namespace setun
