// Tokenizers of every file format against recorded answers of other libraries, and hostile files.
#include "host/text/tokenizer_files.h"

#include <gtest/gtest.h>

#include <nlohmann/json.hpp>
#include <random>

#include "host/base/error.h"
#include "host/base/file.h"
#include "host/text/tokenizer.h"
#include "tests/host/refusal.h"
#include "tests/host/synthetic_model.h"

namespace setun {
namespace {

using test::error_of;

using nlohmann::json;
using Ids = std::vector<std::uint32_t>;
const std::string kData = std::string(SETUN_SOURCE_DIR) + "/tests/host/data/";

json load(const std::string& name) { return json::parse(test::read_file(kData + name)); }

void expect_recorded(const Tokenizer& tokenizer, const std::string& cases) {
    const json items = load(cases);
    ASSERT_GT(items.size(), 20U);
    for (const auto& item : items) {
        const auto text = item["text"].get<std::string>();
        EXPECT_EQ(tokenizer.encode(text), item["ids"].get<Ids>()) << text;
    }
}

/// The recorded SentencePiece model as a GGUF file would hold it.
GgufVocabulary gguf_llama() {
    const TokenizerData data = read_sentencepiece(kData + "sentencepiece.model");
    GgufVocabulary v;
    v.model = "llama";
    for (std::size_t id = 0; id < data.tokens.size(); ++id) {
        std::string text;
        for (const char c : data.tokens[id]) {
            if (c == ' ') {
                text.append("\xE2\x96\x81");
            } else {
                text.push_back(c);
            }
        }
        int type = 1;
        if (data.kinds[id] == TokenKind::kByte) {
            char name[8];
            std::snprintf(name, sizeof(name), "<0x%02X>", static_cast<unsigned char>(data.tokens[id][0]));
            text = std::string(name);
            type = 6;
        } else if (data.kinds[id] == TokenKind::kUnknown) {
            type = 2;
        } else if (data.kinds[id] == TokenKind::kSpecial) {
            type = 3;
        }
        v.tokens.push_back(text);
        v.types.push_back(type);
    }
    v.scores = data.scores;
    v.unk = 0;
    return v;
}

/// The recorded byte-level tokenizer.json as a GGUF file would hold it.
GgufVocabulary gguf_gpt2() {
    const json root = load("tokenizer.json");
    GgufVocabulary v;
    v.model = "gpt2";
    v.pre = "gpt-2";
    v.tokens.resize(root["model"]["vocab"].size());
    v.types.assign(v.tokens.size(), 1);
    for (const auto& [text, id] : root["model"]["vocab"].items()) {
        v.tokens.at(id.get<std::size_t>()) = text;
    }
    for (const auto& item : root["added_tokens"]) {
        v.types.at(item["id"].get<std::size_t>()) = 3;
    }
    for (const auto& item : root["model"]["merges"]) {
        v.merges.push_back(
            item.is_string() ? item.get<std::string>()
                             : item[0].get<std::string>().append(1, ' ').append(item[1].get<std::string>()));
    }
    return v;
}

TEST(TokenizerFiles, SentencePieceEqualsRecordedIds) {
    const Tokenizer tokenizer(read_sentencepiece(kData + "sentencepiece.model"));
    expect_recorded(tokenizer, "sentencepiece.json");
    EXPECT_EQ(tokenizer.data().prefix, SpacePrefix::kAlways);
}

TEST(TokenizerFiles, LlamaJsonEqualsRecordedIds) {
    expect_recorded(Tokenizer(read_tokenizer_json(kData + "llama_bpe.json")), "llama_bpe_ids.json");
}

TEST(TokenizerFiles, TiktokenEqualsRecordedIds) {
    expect_recorded(Tokenizer(read_tiktoken(kData + "ranks.tiktoken")), "tiktoken.json");
}

TEST(TokenizerFiles, GgufLlamaEqualsRecordedIds) {
    expect_recorded(Tokenizer(read_gguf_vocabulary(gguf_llama(), "test.gguf")), "sentencepiece.json");
}

TEST(TokenizerFiles, GgufGpt2EqualsTokenizerJson) {
    const TokenizerData data = read_gguf_vocabulary(gguf_gpt2(), "test.gguf");
    const Tokenizer gguf(data);
    const Tokenizer expected(read_tokenizer_json(kData + "tokenizer.json"));
    EXPECT_FALSE(data.add_bos);
    for (const auto& item : load("tiktoken.json")) {
        const auto text = item["text"].get<std::string>() + "<|end|>";
        EXPECT_EQ(gguf.encode(text), expected.encode(text)) << text;
    }
}

TEST(TokenizerFiles, GgufOfLlama3HasItsRules) {
    GgufVocabulary v = gguf_gpt2();
    for (const char* name : {"llama-bpe", "llama3", "falcon3"}) {
        v.pre = name;
        const TokenizerData data = read_gguf_vocabulary(v, "test.gguf");
        EXPECT_EQ(data.pre, PreTokenizer::kLlama3);
        EXPECT_TRUE(data.ignore_merges);
    }
    v.pre.clear();  // the published 2B4T files leave it out; its size tells
    v.tokens.resize(128256, "pad");
    v.types.resize(128256, 5);
    EXPECT_EQ(read_gguf_vocabulary(v, "test.gguf").pre, PreTokenizer::kLlama3);
}

TEST(TokenizerFiles, TextsSurviveEveryKind) {
    const std::vector<TokenizerData> kinds{
        read_sentencepiece(kData + "sentencepiece.model"), read_tokenizer_json(kData + "llama_bpe.json"),
        read_tiktoken(kData + "ranks.tiktoken"), read_gguf_vocabulary(gguf_gpt2(), "test")};
    const std::vector<std::string> pieces{"a", "the ", " ", "\n", "\xC3\xA9", "\xF0\x9F\x98\x80", "7", "Q"};
    for (const TokenizerData& data : kinds) {
        const Tokenizer tokenizer(data);
        for (const std::uint64_t seed : {0U, 1U, 2U}) {
            std::mt19937_64 random(seed);
            std::string text;
            for (int i = 0; i < 500; ++i) {
                text += pieces[random() % pieces.size()];
            }
            const std::string prefix = data.kind == TokenizerKind::kSentencePiece ? " " : "";
            EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)), std::string(prefix).append(text)) << seed;
        }
    }
}

TEST(TokenizerFiles, LongTextsStayFast) {
    // SentencePiece has no words: a quadratic loop would need minutes for this.
    std::string text;
    for (int i = 0; i < 60'000; ++i) {
        text += i % 7 == 0 ? " the" : "ababa";
    }
    const Tokenizer tokenizer(read_sentencepiece(kData + "sentencepiece.model"));
    EXPECT_EQ(tokenizer.decode(tokenizer.encode(text)).substr(1), text);
}

TEST(TokenizerFiles, StreamsKeepCharactersWhole) {
    const Tokenizer tokenizer(read_sentencepiece(kData + "sentencepiece.model"));
    const auto ids = tokenizer.encode("\xF0\x9F\x98\x80!");  // no piece of its own: four byte tokens
    ASSERT_GE(ids.size(), 5U);
    Utf8Stream stream;
    std::string text;
    for (const std::uint32_t id : ids) {
        const std::string part = stream.push(tokenizer.bytes(id));
        EXPECT_EQ(find_invalid_utf8(part), std::string_view::npos);
        text += part;
    }
    EXPECT_EQ(text, " \xF0\x9F\x98\x80!");
}

TEST(TokenizerFiles, SpecialTokensOnlyWhereTheyAreMeant) {
    const Tokenizer tokenizer(read_tokenizer_json(kData + "llama_bpe.json"));
    const auto end = tokenizer.find_added("</s>");
    ASSERT_TRUE(end);
    EXPECT_EQ(tokenizer.encode("</s>"), Ids{*end});
    const auto plain = tokenizer.encode("</s>", SpecialTokens::kAsText);
    EXPECT_EQ(std::count(plain.begin(), plain.end(), *end), 0);
    EXPECT_EQ(tokenizer.decode(plain), " </s>");
    // Words reach over the border of two segments.
    const std::vector<TextSegment> segments{{"th", SpecialTokens::kRecognise}, {"e", SpecialTokens::kAsText}};
    EXPECT_EQ(tokenizer.encode(segments, true), tokenizer.encode("the"));
}

TEST(TokenizerFiles, SpacePrefixKinds) {
    TokenizerData data = read_tokenizer_json(kData + "llama_bpe.json");
    const auto text_of = [&](SpacePrefix prefix, const std::string& text) {
        data.prefix = prefix;
        const Tokenizer tokenizer(data);
        return tokenizer.decode(tokenizer.encode(text));
    };
    EXPECT_EQ(text_of(SpacePrefix::kNever, "a</s>b"), "ab");
    EXPECT_EQ(text_of(SpacePrefix::kAlways, " a</s>b"), "  a b");
    EXPECT_EQ(text_of(SpacePrefix::kFirst, " a</s>b"), "  ab");
    EXPECT_EQ(text_of(SpacePrefix::kAlwaysUnlessSpace, " a</s>b"), " a b");
    EXPECT_EQ(text_of(SpacePrefix::kFirstUnlessSpace, "a</s>b"), " ab");
}

TEST(TokenizerFiles, UnknownCharactersWithoutByteTokens) {
    TokenizerData data;
    data.kind = TokenizerKind::kSentencePiece;
    data.tokens = {"<unk>", "a", "b", "ab"};
    data.kinds = {TokenKind::kUnknown, TokenKind::kNormal, TokenKind::kNormal, TokenKind::kNormal};
    data.scores = {0, -2, -3, -1};
    const Tokenizer tokenizer(data);
    EXPECT_EQ(tokenizer.encode("abzzb"), (Ids{3, 0, 2}));  // a run of unknown characters is one token
    EXPECT_EQ(tokenizer.decode({3, 0}), "ab \xE2\x81\x87 ");
    data.kinds[0] = TokenKind::kSpecial;
    EXPECT_NE(error_of([&] { return Tokenizer(data); }).find("unknown token"), std::string::npos);
}

TEST(TokenizerFiles, LlamaRanksGetTheirSpecialTokens) {
    const test::TemporaryFolder folder;
    constexpr char kDigits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string content;
    for (unsigned rank = 0; rank < 128000; ++rank) {  // 256 single bytes, then any distinct texts
        if (rank < 256) {
            content += {kDigits[rank >> 2], kDigits[(rank & 3) << 4], '=', '='};
        } else {
            content += {'A', kDigits[rank >> 12], kDigits[(rank >> 6) & 63], kDigits[rank & 63]};
        }
        content.append(1, ' ').append(std::to_string(rank)).append(1, '\n');
    }
    test::write_file(folder / "tokenizer.model", content);
    const Tokenizer tokenizer(read_tiktoken(folder / "tokenizer.model"));
    EXPECT_EQ(tokenizer.size(), 128256U);
    EXPECT_EQ(tokenizer.find_added("<|begin_of_text|>"), 128000U);
    EXPECT_EQ(tokenizer.find_added("<|end_of_text|>"), 128001U);
    EXPECT_EQ(tokenizer.find_added("<|start_header_id|>"), 128006U);
    EXPECT_EQ(tokenizer.find_added("<|eot_id|>"), 128009U);
    EXPECT_EQ(tokenizer.find_added("<|reserved_special_token_250|>"), 128255U);
}

TEST(TokenizerFiles, DirectoryPrefersJsonAndReadsItsConfig) {
    const test::TemporaryFolder folder;
    EXPECT_FALSE(read_folder_tokenizer(folder.path()));
    test::write_file(folder / "tokenizer.model", test::read_file(kData + "sentencepiece.model"));
    test::write_file(folder / "added_tokens.json", R"({"<pad>": 643})");
    auto data = read_folder_tokenizer(folder.path());
    ASSERT_TRUE(data);
    EXPECT_EQ(data->kind, TokenizerKind::kSentencePiece);
    EXPECT_EQ(data->tokens.back(), "<pad>");
    EXPECT_EQ(data->scores.size(), data->tokens.size());
    EXPECT_TRUE(data->add_bos);
    test::write_file(folder / "tokenizer_config.json",
                     R"({"add_bos_token": false, "chat_template": [{"name": "tool", "template": "x"},
                         {"name": "default", "template": "[INST]"}]})");
    data = read_folder_tokenizer(folder.path());
    EXPECT_FALSE(data->add_bos);
    EXPECT_EQ(data->chat_template, "[INST]");
    test::write_file(folder / "chat_template.jinja", "other");
    EXPECT_EQ(read_folder_tokenizer(folder.path())->chat_template, "other");
    test::write_file(folder / "tokenizer.json", test::read_file(kData + "tokenizer.json"));
    EXPECT_EQ(read_folder_tokenizer(folder.path())->kind, TokenizerKind::kByteMerges);
}

TEST(TokenizerFiles, VocabularyMustFitTheEmbedding) {
    TokenizerData data;
    data.tokens.resize(32000);
    EXPECT_NO_THROW(check_tokenizer_fits(data, 32000, "x"));
    EXPECT_NO_THROW(check_tokenizer_fits(data, 32002, "x"));
    EXPECT_NO_THROW(check_tokenizer_fits(data, 33024, "x"));
    for (const std::uint32_t vocab : {31999U, 35000U, 128256U}) {
        const std::string error = error_of([&] {
            check_tokenizer_fits(data, vocab, "here");
            return 0;
        });
        EXPECT_NE(error.find("here: the tokenizer has 32000 tokens"), std::string::npos) << error;
        EXPECT_NE(error.find(std::to_string(vocab)), std::string::npos) << error;
    }
}

TEST(TokenizerFiles, BinaryFormKeepsEveryKind) {
    for (TokenizerData data :
         {read_sentencepiece(kData + "sentencepiece.model"), read_tokenizer_json(kData + "llama_bpe.json"),
          read_tiktoken(kData + "ranks.tiktoken")}) {
        data.add_bos = false;
        data.chat_template = "{{ bos_token }}";
        const auto bytes = serialise_tokenizer(data);
        EXPECT_EQ(parse_tokenizer(bytes, "test"), data);
        for (std::size_t size = 0; size < bytes.size(); size += 61) {
            EXPECT_THROW(parse_tokenizer(std::span(bytes).first(size), "test"), InputError) << size;
        }
        std::mt19937_64 random(0);
        for (int i = 0; i < 200; ++i) {
            auto changed = bytes;
            changed[random() % changed.size()] ^= static_cast<std::byte>(1 + random() % 255);
            try {
                const Tokenizer tokenizer(parse_tokenizer(changed, "test"));
                EXPECT_FALSE(tokenizer.encode("the king").empty());
            } catch (const InputError&) {
            }
        }
    }
}

TEST(TokenizerFiles, DamagedFilesAreRefusedOrUsable) {
    const test::TemporaryFolder folder;
    for (const char* name : {"sentencepiece.model", "ranks.tiktoken", "llama_bpe.json"}) {
        const std::string good = test::read_file(kData + name);
        const bool json_form = std::string(name).ends_with("json");
        const bool ranks = std::string(name).ends_with("tiktoken");
        std::mt19937_64 random(0);
        for (int i = 0; i < 150; ++i) {
            std::string bad = good;
            if (i % 3 == 0) {
                bad.resize(random() % bad.size());
            } else {
                bad[random() % bad.size()] = static_cast<char>(random());
            }
            test::write_file(folder / "file", bad);
            try {
                const Tokenizer tokenizer(json_form ? read_tokenizer_json(folder / "file")
                                          : ranks   ? read_tiktoken(folder / "file")
                                                    : read_sentencepiece(folder / "file"));
                EXPECT_FALSE(tokenizer.encode("the king").empty());
            } catch (const InputError& error) {
                EXPECT_NE(std::string(error.what()), "");
            }
        }
    }
}

TEST(TokenizerFiles, RefusesWhatItCannotDo) {
    const test::TemporaryFolder folder;
    const auto tiktoken_error = [&](const std::string& content) {
        test::write_file(folder / "ranks", content);
        return error_of([&] { return read_tiktoken(folder / "ranks"); });
    };
    EXPECT_NE(tiktoken_error("AA== 0\nAQ== 1\n"), "");
    EXPECT_NE(tiktoken_error("AA== 0\nAQ== 0\n").find("line 2: rank 0 is given twice"), std::string::npos);
    EXPECT_NE(tiktoken_error("AA== 0\nAQ== 99999999\n").find("line 2"), std::string::npos);
    EXPECT_NE(tiktoken_error("A?== 0\n").find("line 1"), std::string::npos);
    EXPECT_NE(tiktoken_error("AA== 1\nAQ== 2\n").find("every rank"), std::string::npos);
    EXPECT_NE(tiktoken_error("").find("every rank"), std::string::npos);

    const auto gguf_error = [](const std::function<void(GgufVocabulary&)>& change, bool llama) {
        GgufVocabulary v = llama ? gguf_llama() : gguf_gpt2();
        change(v);
        return error_of([&] { return Tokenizer(read_gguf_vocabulary(v, "f.gguf")); });
    };
    EXPECT_NE(gguf_error([](auto& v) { v.model = "bert"; }, false).find("tokenizer.ggml.model"),
              std::string::npos);
    EXPECT_NE(gguf_error([](auto& v) { v.pre = "qwen2"; }, false).find("expected one of llama-bpe"),
              std::string::npos);
    EXPECT_NE(gguf_error([](auto& v) { v.merges.push_back("no such"); }, false).find("merges"),
              std::string::npos);
    EXPECT_NE(gguf_error([](auto& v) { v.types.pop_back(); }, false).find("token_type"), std::string::npos);
    EXPECT_NE(gguf_error([](auto& v) { v.tokens.clear(); }, false).find("tokens"), std::string::npos);
    EXPECT_NE(gguf_error([](auto& v) { v.scores.pop_back(); }, true).find("scores"), std::string::npos);
    EXPECT_NE(gguf_error([](auto& v) { v.scores[5] = std::nanf(""); }, true).find("scores"),
              std::string::npos);
    EXPECT_NE(gguf_error([](auto& v) { v.types[5] = 7; }, true).find("token_type"), std::string::npos);
    EXPECT_NE(gguf_error([](auto& v) { v.unk = 100000; }, true).find("unknown_token_id"), std::string::npos);

    const auto json_error = [&](const std::function<void(json&)>& change) {
        json changed = load("llama_bpe.json");
        change(changed);
        test::write_file(folder / "tokenizer.json", changed.dump());
        return error_of([&] { return Tokenizer(read_tokenizer_json(folder / "tokenizer.json")); });
    };
    EXPECT_EQ(json_error([](json&) {}), "accepted");
    EXPECT_NE(json_error([](json& j) {
                  j["normalizer"] = {{"type", "NFC"}};
              }).find("normalizer"),
              std::string::npos);
    EXPECT_NE(json_error([](json& j) {
                  j["pre_tokenizer"] = {{"type", "Whitespace"}};
              }).find("pre_tokenizer"),
              std::string::npos);
    EXPECT_NE(json_error([](json& j) { j["model"]["merges"] = json::array(); }).find("merges"),
              std::string::npos);
    EXPECT_NE(json_error([](json& j) {
                  j["normalizer"] = nullptr;
                  j["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "\u2581"}};
              }).find("split"),
              std::string::npos);
}

}  // namespace
}  // namespace setun
