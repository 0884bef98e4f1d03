// UTF-8 decoding and the streaming decoder.
#include "host/text/utf8.h"

#include <gtest/gtest.h>

namespace setun {
namespace {

const std::string kReplacement = "\xEF\xBF\xBD";

std::string whole(const std::string& bytes) {
    Utf8Stream stream;
    std::string text = stream.push(bytes);
    return text += stream.finish();
}

TEST(Utf8, DecodesOneToFourBytes) {
    EXPECT_EQ(decode_utf8("A", 0).code_point, U'A');
    EXPECT_EQ(decode_utf8("\xC3\xA9", 0).code_point, U'\u00E9');
    EXPECT_EQ(decode_utf8("\xE2\x82\xAC", 0).code_point, U'\u20AC');
    EXPECT_EQ(decode_utf8("x\xF0\x9F\x98\x80", 1).code_point, U'\U0001F600');
    EXPECT_EQ(decode_utf8("\xF4\x8F\xBF\xBF", 0).code_point, char32_t{0x10FFFF});
}

TEST(Utf8, RefusesOverlongSurrogatesAndTooLarge) {
    for (const char* bad : {"\x80", "\xC0\x80", "\xC1\xBF", "\xE0\x9F\xBF", "\xED\xA0\x80",
                            "\xF0\x8F\xBF\xBF", "\xF4\x90\x80\x80", "\xF5\x80\x80\x80", "\xFF"}) {
        EXPECT_FALSE(decode_utf8(bad, 0).valid) << bad;
        EXPECT_EQ(find_invalid_utf8(bad), 0U);
    }
    EXPECT_EQ(find_invalid_utf8("ab\xC3"), 2U);
    EXPECT_EQ(find_invalid_utf8("caf\xC3\xA9"), std::string::npos);
}

TEST(Utf8Stream, HoldsBackIncompleteCharacters) {
    Utf8Stream stream;
    EXPECT_EQ(stream.push("a\xF0\x9F"), "a");
    EXPECT_EQ(stream.push("\x98"), "");
    EXPECT_EQ(stream.push("\x80z"), "\xF0\x9F\x98\x80z");
    EXPECT_EQ(stream.finish(), "");
}

TEST(Utf8Stream, ReplacesEachLongestValidPrefixOnce) {
    EXPECT_EQ(whole("\xFF"), kReplacement);
    EXPECT_EQ(whole("\xE2\x82"), kReplacement);         // cut short at the end
    EXPECT_EQ(whole("\xE2\x82z"), kReplacement + "z");  // one prefix of two bytes
    EXPECT_EQ(whole("\xED\xA0\x80"),
              kReplacement + kReplacement + kReplacement);  // a surrogate: no prefix is valid
    EXPECT_EQ(whole("\xF0\x9F\x98\xC3\xA9"), kReplacement + "\xC3\xA9");
}

}  // namespace
}  // namespace setun
