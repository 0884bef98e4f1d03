// Tokenizer files field by field: forms that few files have, and refusals that name file and field.
#include <gtest/gtest.h>

#include <bit>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "host/base/error.h"
#include "host/text/tokenizer.h"
#include "host/text/tokenizer_files.h"
#include "tests/host/refusal.h"
#include "tests/host/synthetic_model.h"

namespace setun {
namespace {

using test::error_of;
using test::expect_error;

using nlohmann::json;
const std::string kData = std::string(SETUN_SOURCE_DIR) + "/tests/host/data/";

json load(const std::string& name) { return json::parse(test::read_file(kData + name)); }

/// Files in a folder of their own.
class TokenizerRefusals : public testing::Test {
  protected:
    TokenizerData read_json(const json& root) {
        test::write_file(folder_ / "tokenizer.json", root.dump());
        return read_tokenizer_json(folder_ / "tokenizer.json");
    }
    std::string json_error(const std::string& base, const std::function<void(json&)>& change) {
        json root = load(base);
        change(root);
        return error_of([&] { return Tokenizer(read_json(root)); });
    }
    test::TemporaryFolder folder_;
};

/// Metaspace as newer files of Llama 1 and 2 have it.
json metaspace(const json& options) {
    json root = load("llama_bpe.json");
    root["normalizer"] = nullptr;
    root["pre_tokenizer"] = {{"type", "Metaspace"}, {"replacement", "\u2581"}, {"split", false}};
    root["pre_tokenizer"].update(options);
    return root;
}

TEST_F(TokenizerRefusals, MetaspaceSaysWhereSpacesGo) {
    const auto prefix = [&](const json& options) { return read_json(metaspace(options)).prefix; };
    EXPECT_EQ(prefix({{"prepend_scheme", "always"}}), SpacePrefix::kAlwaysUnlessSpace);
    EXPECT_EQ(prefix({{"prepend_scheme", "first"}}), SpacePrefix::kFirstUnlessSpace);
    EXPECT_EQ(prefix({{"prepend_scheme", "never"}}), SpacePrefix::kNever);
    EXPECT_EQ(prefix(json::object()), SpacePrefix::kAlwaysUnlessSpace);
    EXPECT_EQ(prefix({{"add_prefix_space", false}}), SpacePrefix::kNever);  // older name of the same
    expect_error(error_of([&] {
                     return prefix({{"prepend_scheme", "last"}});
                 }),
                 "prepend_scheme' is 'last'; expected always, first or never");
    expect_error(json_error("llama_bpe.json",
                            [](json& j) {
                                j["pre_tokenizer"] = {{"type", "Metaspace"}};
                            }),
                 "is set beside a normalizer");
}

TEST_F(TokenizerRefusals, PostProcessorSaysWhetherTextsBeginWithAToken) {
    const auto begins = [&](const json& processor) {
        json root = load("tokenizer.json");
        root["post_processor"] = processor;
        return read_json(root).add_bos;
    };
    const json with{{"type", "TemplateProcessing"}, {"single", {{{"SpecialToken", {{"id", "<s>"}}}}}}};
    const json without{{"type", "TemplateProcessing"}, {"single", {{{"Sequence", {{"id", "A"}}}}}}};
    const json silent{{"type", "ByteLevel"}};
    EXPECT_TRUE(begins(with));
    EXPECT_FALSE(begins(without));
    EXPECT_TRUE(begins(silent));
    EXPECT_FALSE(begins({{"type", "Sequence"}, {"processors", {silent, without}}}));
    EXPECT_TRUE(begins({{"type", "Sequence"}, {"processors", {silent, with}}}));
    EXPECT_TRUE(begins({{"type", "Sequence"}, {"processors", {silent}}}));
}

TEST_F(TokenizerRefusals, MergesMayBeTextsOrPairs) {
    json root = load("tokenizer.json");
    const TokenizerData pairs = read_json(root);
    ASSERT_FALSE(pairs.merges.empty());
    for (json& item : root["model"]["merges"]) {
        if (item.is_array()) {
            item = item[0].get<std::string>() + " " + item[1].get<std::string>();
        } else {
            const auto text = item.get<std::string>();
            item = {text.substr(0, text.find(' ')), text.substr(text.find(' ') + 1)};
        }
    }
    EXPECT_EQ(read_json(root), pairs);
    for (const json& bad : {json("nospace"), json(5), json::array({"a"}), json::array({"a", 5})}) {
        expect_error(json_error("tokenizer.json", [&](json& j) { j["model"]["merges"].push_back(bad); }),
                     "merges' holds an entry that is neither \"a b\" nor [\"a\", \"b\"]");
    }
}

TEST_F(TokenizerRefusals, AddedTokensExtendTheVocabulary) {
    const std::size_t size = read_json(load("tokenizer.json")).tokens.size();
    const auto with = [&](const json& token) {
        return json_error("tokenizer.json", [&](json& j) { j["added_tokens"].push_back(token); });
    };
    EXPECT_EQ(with({{"id", size}, {"content", "<new>"}, {"special", true}}), "accepted");
    expect_error(with({{"id", size + 1}, {"content", "<new>"}}),
                 "id' is " + std::to_string(size + 1) + "; added tokens must be non-empty and extend " +
                     std::to_string(size) + " entries without a gap");
    expect_error(with({{"id", size}, {"content", ""}}), "added tokens must be non-empty");
    expect_error(with({{"id", size}, {"content", "x"}, {"special", 1}}),
                 "special' is 1; expected true or false");
    expect_error(json_error("tokenizer.json", [](json& j) { j["added_tokens"] = 5; }),
                 "added_tokens' is 5; expected an array");
}

TEST_F(TokenizerRefusals, VocabularyAndPreTokenizerOfJson) {
    expect_error(json_error("tokenizer.json", [](json& j) { j["model"]["vocab"] = json::object(); }),
                 "vocab' has 0 entries; expected 1 to ");
    expect_error(json_error("tokenizer.json", [](json& j) { j["model"]["vocab"]["a"] = 0; }),
                 "repeated or not below");
    expect_error(json_error("tokenizer.json",
                            [](json& j) {
                                j["pre_tokenizer"] = {
                                    {"type", "Sequence"},
                                    {"pretokenizers",
                                     {{{"type", "Split"}, {"pattern", {{"Regex", "other"}}}},
                                      {{"type", "ByteLevel"}, {"use_regex", false}}}}};
                            }),
                 "is not one of the supported pre-tokenizers");
    std::string deep(100, '[');
    test::write_file(folder_ / "tokenizer.json", deep);
    expect_error(error_of([&] { return read_tokenizer_json(folder_ / "tokenizer.json"); }),
                 "nested more than ");
    test::write_file(folder_ / "tokenizer.json", R"({"a": 1e999})");
    expect_error(error_of([&] { return read_tokenizer_json(folder_ / "tokenizer.json"); }), "not valid JSON");
}

/// A protobuf message, field by field.
class Message {
  public:
    Message& number(unsigned field, std::uint64_t value) {
        varint(field << 3U);
        varint(value);
        return *this;
    }
    Message& text(unsigned field, const std::string& value) {
        varint(field << 3U | 2U);
        varint(value.size());
        bytes_ += value;
        return *this;
    }
    Message& real(unsigned field, float value) {
        varint(field << 3U | 5U);
        const auto bits = std::bit_cast<std::uint32_t>(value);
        bytes_.append(reinterpret_cast<const char*>(&bits), sizeof(bits));
        return *this;
    }
    [[nodiscard]] const std::string& bytes() const { return bytes_; }

  private:
    void varint(std::uint64_t value) {
        for (; value >= 0x80; value >>= 7U) {
            bytes_.push_back(static_cast<char>(value | 0x80U));
        }
        bytes_.push_back(static_cast<char>(value));
    }
    std::string bytes_;
};

/// A SentencePiece model of a few pieces: fields 1 pieces, 2 trainer, 3 normaliser of ModelProto.
struct SmallModel {
    struct Piece {
        std::string text;
        float score;
        std::uint64_t type;
    };
    std::vector<Piece> pieces{{"<unk>", 0, 2}, {"<s>", 0, 3}, {"a", -1, 1}, {"b", -2, 1}, {"ab", -3, 1}};
    Message trainer;
    Message normalizer;

    SmallModel() {
        trainer.number(3, 2);     // model_type BPE
        normalizer.number(4, 0);  // remove_extra_whitespaces
    }
    [[nodiscard]] std::string bytes() const {
        Message model;
        for (const Piece& piece : pieces) {
            model.text(1, Message().text(1, piece.text).real(2, piece.score).number(3, piece.type).bytes());
        }
        return model.text(2, trainer.bytes()).text(3, normalizer.bytes()).bytes();
    }
};

TEST_F(TokenizerRefusals, SentencePieceFieldByField) {
    const auto read = [&](const std::function<void(SmallModel&)>& change) {
        SmallModel model;
        change(model);
        test::write_file(folder_ / "tokenizer.model", model.bytes());
        return read_sentencepiece(folder_ / "tokenizer.model");
    };
    const auto refused = [&](const std::function<void(SmallModel&)>& change, const std::string& text) {
        const std::string error = error_of([&] { return read(change); });
        expect_error(error, text);
        expect_error(error, "tokenizer.model: ");
    };
    const TokenizerData plain = read([](auto&) {});
    EXPECT_EQ(plain.tokens.size(), 5U);
    EXPECT_EQ(plain.prefix, SpacePrefix::kAlways);
    EXPECT_EQ(read([](auto& m) { m.normalizer.number(3, 0); }).prefix, SpacePrefix::kNever);
    EXPECT_EQ(read([](auto& m) { m.normalizer.number(5, 1); }), plain);
    // User-defined pieces are found in every text, unused ones in none.
    const Tokenizer defined(read([](auto& m) { m.pieces[4].type = 4; }));
    EXPECT_EQ(defined.find_added("ab"), 4U);
    const TokenizerData unused = read([](auto& m) { m.pieces[4].type = 5; });
    EXPECT_EQ(unused.kinds[4], TokenKind::kUnused);
    EXPECT_EQ(Tokenizer(unused).bytes(4), "");

    refused([](auto& m) { m.pieces[2].text.clear(); }, "piece 2 is empty, has a score that is not finite");
    refused([](auto& m) { m.pieces[3].score = std::numeric_limits<float>::infinity(); },
            "piece 3 is empty, has a score");
    refused([](auto& m) { m.pieces[1].type = 7; }, "piece 1 has type 7; expected 1 to 6");
    refused([](auto& m) { m.pieces[2].type = 6; }, "piece 2 is a byte piece, but not of the form <0x0A>");
    refused([](auto& m) { m.trainer.number(3, 1); }, "field 'model_type' is 1; only 2 (BPE) is supported");
    refused([](auto& m) { m.trainer.number(24, 1); }, "field 'treat_whitespace_as_suffix' is true");
    refused([](auto& m) { m.normalizer.text(2, "map"); }, "field 'precompiled_charsmap' is set");
    refused([](auto& m) { m.normalizer.number(4, 1); }, "field 'remove_extra_whitespaces' must be false");
    refused([](auto& m) { m.normalizer.number(5, 0); }, "'escape_whitespaces' true");
    refused([](auto& m) { m.pieces.clear(); }, "not a SentencePiece model");
    test::write_file(folder_ / "tokenizer.model", "\x08" + std::string(10, '\xFF') + "\x01");
    expect_error(error_of([&] { return read_sentencepiece(folder_ / "tokenizer.model"); }),
                 "an integer of more than ten bytes");
}

/// A byte-level GGUF vocabulary of six tokens.
GgufVocabulary small_vocabulary() {
    GgufVocabulary v;
    v.model = "gpt2";
    v.pre = "gpt-2";
    v.tokens = {"a", "b", "ab", "<x>", "<0x0A>", "c"};
    v.types = {1, 1, 1, 3, 1, 1};
    v.merges = {"a b"};
    return v;
}

TEST_F(TokenizerRefusals, GgufVocabularyFieldByField) {
    const auto read = [](const std::function<void(GgufVocabulary&)>& change) {
        GgufVocabulary v = small_vocabulary();
        change(v);
        return read_gguf_vocabulary(v, "m.gguf");
    };
    const auto refused = [&](const std::function<void(GgufVocabulary&)>& change, const std::string& text) {
        expect_error(error_of([&] { return read(change); }), "m.gguf: field 'tokenizer." + text);
    };
    EXPECT_EQ(read([](auto& v) { v.types[3] = 4; }).kinds[3], TokenKind::kAdded);
    EXPECT_EQ(read([](auto& v) { v.types[3] = 5; }).kinds[3], TokenKind::kUnused);
    EXPECT_EQ(read([](auto& v) { v.types[4] = 6; }).tokens[4], "\n");
    EXPECT_EQ(read([](auto& v) { v.tokens[3].clear(); }).kinds[3], TokenKind::kUnused);
    refused([](auto& v) { v.types[3] = 6; },
            "ggml.tokens' entry 3 is a byte token, but not of the form <0x0A>");
    refused([](auto& v) { v.merges.resize(kMaxMerges + 1, "a b"); },
            "ggml.merges' has " + std::to_string(kMaxMerges + 1));
    refused([](auto& v) { v.chat_template.resize(kMaxChatTemplateBytes + 1, ' '); },
            "chat_template' has " + std::to_string(kMaxChatTemplateBytes + 1) + " bytes; at most");
    refused([](auto& v) { v.tokens.clear(); }, "ggml.tokens' has 0 entries; expected 1 to ");
}

TEST_F(TokenizerRefusals, FolderFilesBesideATokenizer) {
    test::write_file(folder_ / "tokenizer.model", SmallModel().bytes());
    const auto with_added = [&](const json& added) {
        test::write_file(folder_ / "added_tokens.json", added.dump());
        return error_of([&] { return read_folder_tokenizer(folder_.path()); });
    };
    EXPECT_EQ(with_added({{"<s>", 1}, {"<pad>", 5}}), "accepted");  // one that the model has already
    expect_error(with_added({{"<pad>", 6}}), "'<pad>' is 6; added tokens extend 5 entries without a gap");
    expect_error(with_added({{"<pad>", 1}}), "'<pad>' is 1; added tokens extend 5 entries without a gap");
    std::filesystem::remove(folder_ / "added_tokens.json");

    const auto with_template = [&](const json& chat) {
        test::write_file(folder_ / "tokenizer_config.json", json{{"chat_template", chat}}.dump());
        return read_folder_tokenizer(folder_.path())->chat_template;
    };
    EXPECT_EQ(with_template("[INST]"), "[INST]");
    EXPECT_EQ(with_template({{{"name", "tool_use"}, {"template", "x"}}}), "");  // none of them is for chats
    expect_error(
        error_of([&] { return with_template(std::string(kMaxChatTemplateBytes + 1, ' ')); }),
        "tokenizer_config.json: field 'chat_template' has " + std::to_string(kMaxChatTemplateBytes + 1));
    test::write_file(folder_ / "chat_template.jinja", std::string(kMaxChatTemplateBytes + 1, ' '));
    expect_error(error_of([&] { return read_folder_tokenizer(folder_.path()); }),
                 "chat_template.jinja' has ");
}

TEST_F(TokenizerRefusals, RanksMayHaveWindowsLineEndsAndEmptyLines) {
    std::string plain = test::read_file(kData + "ranks.tiktoken");
    std::string windows;
    for (const char c : plain) {
        windows += c == '\n' ? "\r\n" : std::string(1, c);
    }
    test::write_file(folder_ / "ranks", windows + "\r\n\n");
    EXPECT_EQ(read_tiktoken(folder_ / "ranks"), read_tiktoken(kData + "ranks.tiktoken"));
}

TEST_F(TokenizerRefusals, BinaryFormHasOneFormOfEachTokenizer) {
    TokenizerData data = read_tokenizer_json(kData + "llama_bpe.json");
    data.chat_template = "x";
    auto bytes = serialise_tokenizer(data);
    ASSERT_EQ(parse_tokenizer(bytes, "f"), data);
    auto longer = bytes;
    longer.push_back(std::byte{0});
    expect_error(error_of([&] { return parse_tokenizer(longer, "f"); }),
                 "f: 1 bytes are left after the tokenizer");
    auto empty = bytes;  // the template's size and its one byte stand at the end
    empty.resize(empty.size() - 5);
    empty.insert(empty.end(), 4, std::byte{0});
    expect_error(error_of([&] { return parse_tokenizer(empty, "f"); }),
                 "f: tokenizer chat template is empty");
    // Flags are the fourth word: kind in bits 1 and 2, place of spaces in bits 3 to 5.
    for (const unsigned flags : {3U << 1U, 5U << 3U}) {
        auto changed = bytes;
        changed.at(12) = static_cast<std::byte>(flags);
        expect_error(error_of([&] { return parse_tokenizer(changed, "f"); }), "name an unknown kind");
    }
}

TEST_F(TokenizerRefusals, AddedTokenWithoutText) {
    TokenizerData data = read_tokenizer_json(kData + "tokenizer.json");
    data.tokens.emplace_back();
    data.kinds.push_back(TokenKind::kAdded);
    expect_error(error_of([&] { return Tokenizer(data); }), "is empty; make the model file again");
    EXPECT_EQ(Tokenizer(read_tokenizer_json(kData + "tokenizer.json")).find_added(""), std::nullopt);
}

}  // namespace
}  // namespace setun
