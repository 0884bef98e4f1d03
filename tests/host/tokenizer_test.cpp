// Byte-level BPE against recorded results of the `tokenizers` library, and its two file forms.
#include "host/text/tokenizer.h"

#include <gtest/gtest.h>

#include <fstream>
#include <nlohmann/json.hpp>
#include <random>

#include "host/base/error.h"
#include "host/text/tokenizer_files.h"
#include "tests/host/synthetic_model.h"

namespace setun {
namespace {

using nlohmann::json;
const std::string kData = std::string(SETUN_SOURCE_DIR) + "/tests/host/data/";

json load(const std::string& name) { return json::parse(test::read_file(kData + name)); }
json vectors() {
    return json::parse(test::read_file(std::string(SETUN_SOURCE_DIR) + "/models/vectors/tokenizer.json"));
}

Tokenizer recorded() { return Tokenizer(read_tokenizer_json(kData + "tokenizer.json")); }

/// Reads a changed copy of the recorded tokenizer.json and returns the error's text.
std::string error_of(const json& changed) {
    const test::TemporaryFolder folder;
    test::write_file(folder / "tokenizer.json", changed.dump());
    try {
        const Tokenizer tokenizer(read_tokenizer_json(folder / "tokenizer.json"));
    } catch (const InputError& error) {
        return error.what();
    }
    return "accepted";
}

TEST(Tokenizer, EqualsRecordedIds) {
    const Tokenizer tokenizer = recorded();
    const json cases = vectors();
    ASSERT_GT(cases.size(), 20U);
    for (const auto& item : cases) {
        const auto text = item["text"].get<std::string>();
        EXPECT_EQ(tokenizer.encode(text), item["ids"].get<std::vector<std::uint32_t>>()) << text;
    }
}

TEST(Tokenizer, DecodesWhatItEncodes) {
    const Tokenizer tokenizer = recorded();
    for (const auto& item : vectors()) {
        const auto text = item["text"].get<std::string>();
        if (text.find("<|end|>") == std::string::npos) {
            EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
        }
    }
    EXPECT_EQ(tokenizer.decode(tokenizer.encode("a<|end|>b")), "ab");
}

TEST(Tokenizer, WordsEqualRecordedLlama3Words) {
    for (const auto& item : load("llama3_words.json")) {
        const auto text = item["text"].get<std::string>();
        const auto words = pre_tokenize(text, PreTokenizer::kLlama3);
        EXPECT_EQ(std::vector<std::string>(words.begin(), words.end()),
                  item["words"].get<std::vector<std::string>>())
            << text;
    }
}

TEST(Tokenizer, WordsEqualRecordedGpt2Words) {
    for (const auto& item : load("gpt2_words.json")) {
        const auto text = item["text"].get<std::string>();
        const auto words = pre_tokenize(text, PreTokenizer::kGpt2);
        EXPECT_EQ(std::vector<std::string>(words.begin(), words.end()),
                  item["words"].get<std::vector<std::string>>())
            << text;
    }
}

TEST(Tokenizer, WordsCoverAnyText) {
    for (const std::uint64_t seed : {0U, 1U, 2U}) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        const std::vector<std::string> pieces{"a", "Z",  "7",        " ",        "\n", "\r",
                                              "'", "'s", "\xC3\xA9", "\xC2\xA0", "!",  "\xE2\x80\x83"};
        std::string text;
        for (int i = 0; i < 2000; ++i) {
            text += pieces[random() % pieces.size()];
        }
        for (const PreTokenizer rules : {PreTokenizer::kGpt2, PreTokenizer::kLlama3}) {
            std::string joined;
            for (const auto word : pre_tokenize(text, rules)) {
                EXPECT_FALSE(word.empty());
                joined += word;
            }
            EXPECT_EQ(joined, text);
        }
        const Tokenizer tokenizer = recorded();
        EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), text);
    }
}

TEST(Tokenizer, LongWordsStayFast) {
    // A quadratic merge loop would need minutes for this one word.
    const std::string word(400'000, 'e');
    const Tokenizer tokenizer = recorded();
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(word)), word);
}

TEST(Tokenizer, RefusesInvalidUtf8) {
    try {
        static_cast<void>(recorded().encode("abc\xFF"));
        FAIL();
    } catch (const InputError& error) {
        EXPECT_NE(std::string(error.what()).find("byte 3"), std::string::npos) << error.what();
    }
}

TEST(Tokenizer, BinaryFormIsExact) {
    const TokenizerData data = read_tokenizer_json(kData + "tokenizer.json");
    EXPECT_EQ(parse_tokenizer(serialise_tokenizer(data), "test"), data);
}

TEST(Tokenizer, BinaryFormRefusesDamage) {
    const auto bytes = serialise_tokenizer(read_tokenizer_json(kData + "tokenizer.json"));
    for (std::size_t size = 0; size < bytes.size(); size += 97) {
        EXPECT_THROW(parse_tokenizer(std::span(bytes).first(size), "test"), InputError) << size;
    }
    // Any change of any byte must be refused or give a usable tokenizer: no crash, no access out of bounds.
    for (const std::uint64_t seed : {0U, 1U}) {
        std::mt19937_64 random(seed);
        for (int i = 0; i < 300; ++i) {
            auto changed = bytes;
            changed[random() % 4096] ^= static_cast<std::byte>(1 + random() % 255);
            try {
                const Tokenizer tokenizer(parse_tokenizer(changed, "test"));
                EXPECT_FALSE(tokenizer.encode("the children of Israel").empty());
            } catch (const InputError&) {
            }
        }
    }
}

TEST(Tokenizer, RefusesWhatItCannotDo) {
    json base = load("tokenizer.json");
    EXPECT_EQ(error_of(base), "accepted");
    json changed = base;
    changed["model"]["type"] = "Unigram";
    EXPECT_NE(error_of(changed).find("byte-level BPE"), std::string::npos);
    changed = base;
    changed["normalizer"] = {{"type", "NFC"}};
    EXPECT_NE(error_of(changed).find("normalizer"), std::string::npos);
    changed = base;
    changed["pre_tokenizer"] = {{"type", "Whitespace"}};
    EXPECT_NE(error_of(changed).find("pre-tokenizer"), std::string::npos);
    changed = base;
    changed["pre_tokenizer"]["add_prefix_space"] = true;
    EXPECT_NE(error_of(changed).find("add_prefix_space"), std::string::npos);
    changed = base;
    changed["added_tokens"][0]["lstrip"] = true;
    EXPECT_NE(error_of(changed).find("lstrip"), std::string::npos);
    changed = base;
    changed["model"]["merges"].push_back({"nosuch", "token"});
    EXPECT_NE(error_of(changed).find("vocabulary"), std::string::npos);
    changed = base;
    changed["model"]["vocab"].erase("a");
    EXPECT_NE(error_of(changed), "accepted");
}

}  // namespace
}  // namespace setun
