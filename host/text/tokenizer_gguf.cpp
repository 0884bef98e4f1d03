// The vocabularies of GGUF files: "gpt2" (byte-level BPE) and "llama" (SentencePiece BPE).
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <optional>
#include <unordered_map>

#include "host/base/error.h"
#include "host/text/token_spelling.h"
#include "host/text/tokenizer_files.h"

namespace setun {
namespace {

/// Values of tokenizer.ggml.token_type, the same as those of SentencePiece.
enum GgufType { kNormal = 1, kUnknown, kControl, kUserDefined, kUnused, kByte };

/// Tokens of a 2B4T or Llama 3 file, whose converters have left out the name of the pre-tokenizer.
constexpr std::size_t kLlama3Tokens = 128256;

constexpr std::array<const char*, 7> kLlama3Names{"llama-bpe", "llama3",    "llama-v3", "falcon3",
                                                  "falcon_e",  "falcon-h1", "pixtral"};
constexpr std::array<const char*, 3> kGpt2Names{"gpt-2", "gpt2", "default"};

/// Of byte-level vocabularies; nothing for a name that is not known.
std::optional<PreTokenizer> pre_tokenizer_of(const GgufVocabulary& v) {
    if (v.pre.empty()) {
        return v.tokens.size() == kLlama3Tokens ? PreTokenizer::kLlama3 : PreTokenizer::kGpt2;
    }
    if (std::find(kLlama3Names.begin(), kLlama3Names.end(), v.pre) != kLlama3Names.end()) {
        return PreTokenizer::kLlama3;
    }
    return std::find(kGpt2Names.begin(), kGpt2Names.end(), v.pre) != kGpt2Names.end()
               ? std::optional(PreTokenizer::kGpt2)
               : std::nullopt;
}

class VocabularyReader {
  public:
    VocabularyReader(const GgufVocabulary& vocabulary, const std::string& where)
        : v_(vocabulary), where_(where) {}
    TokenizerData read();

  private:
    [[noreturn]] void fail(const char* field, const std::string& problem) const {
        throw InputError(fmt::format("{}: field 'tokenizer.ggml.{}' {}", where_, field, problem));
    }
    [[nodiscard]] int type(std::size_t id) const { return v_.types.empty() ? kNormal : v_.types[id]; }
    void check_sizes() const;
    void read_pre();
    void read_token(std::size_t id);
    void read_merges();

    const GgufVocabulary& v_;
    const std::string& where_;
    ByteAlphabet alphabet_;
    TokenizerData data_;
};

void VocabularyReader::check_sizes() const {
    const std::size_t n = v_.tokens.size();
    if (n == 0 || n > kMaxTokens) {
        fail("tokens", fmt::format("has {} entries; expected 1 to {}", n, kMaxTokens));
    }
    if (!v_.types.empty() && v_.types.size() != n) {
        fail("token_type", fmt::format("has {} entries for {} tokens", v_.types.size(), n));
    }
    if (v_.merges.size() > kMaxMerges) {
        fail("merges", fmt::format("has {} entries; at most {}", v_.merges.size(), kMaxMerges));
    }
    if (v_.unk && *v_.unk >= n) {
        fail("unknown_token_id", fmt::format("is {}; expected below {}", *v_.unk, n));
    }
    if (v_.chat_template.size() > kMaxChatTemplateBytes) {
        throw InputError(fmt::format("{}: field 'tokenizer.chat_template' has {} bytes; at most {}", where_,
                                     v_.chat_template.size(), kMaxChatTemplateBytes));
    }
}

void VocabularyReader::read_pre() {
    const auto pre = pre_tokenizer_of(v_);
    if (!pre) {
        fail("pre", fmt::format("is '{}'; expected one of {}, {}", v_.pre, fmt::join(kLlama3Names, ", "),
                                fmt::join(kGpt2Names, ", ")));
    }
    data_.pre = *pre;
    data_.ignore_merges = *pre == PreTokenizer::kLlama3;
}

void VocabularyReader::read_token(std::size_t id) {
    const std::string& text = v_.tokens[id];
    const bool spaces = data_.kind == TokenizerKind::kSentencePiece;
    TokenKind kind = TokenKind::kNormal;
    std::string raw = spaces ? spaces_for_marks(text) : text;
    switch (type(id)) {
        case kNormal:
            raw = spaces ? raw : alphabet_.decode(text).value_or(text);
            break;
        case kUnknown:
            kind = spaces ? TokenKind::kUnknown : TokenKind::kSpecial;
            break;
        case kControl:
            kind = TokenKind::kSpecial;
            raw = text;
            break;
        case kUserDefined:
            kind = TokenKind::kAdded;
            break;
        case kUnused:
            kind = TokenKind::kUnused;
            break;
        case kByte: {
            const auto byte = parse_byte_token(text);
            if (!byte) {
                fail("tokens", fmt::format("entry {} is a byte token, but not of the form <0x0A>", id));
            }
            kind = TokenKind::kByte;
            raw.assign(1, *byte);
            break;
        }
        default:
            fail("token_type", fmt::format("entry {} is {}; expected 1 to 6", id, type(id)));
    }
    if (raw.empty() && kind != TokenKind::kNormal) {
        kind = TokenKind::kUnused;  // nothing to match
    }
    data_.tokens.push_back(std::move(raw));
    data_.kinds.push_back(kind);
}

void VocabularyReader::read_merges() {
    std::unordered_map<std::string_view, std::uint32_t> ids;
    for (std::uint32_t id = 0; id < v_.tokens.size(); ++id) {
        ids.emplace(v_.tokens[id], id);
    }
    for (std::size_t rank = 0; rank < v_.merges.size(); ++rank) {
        const std::string_view merge = v_.merges[rank];
        const std::size_t space = merge.find(' ');
        const auto left = ids.find(merge.substr(0, space));
        const auto right = ids.find(space == std::string_view::npos ? "" : merge.substr(space + 1));
        const auto result = left == ids.end() || right == ids.end()
                                ? ids.end()
                                : ids.find(std::string(left->first) + std::string(right->first));
        if (result == ids.end()) {
            fail("merges",
                 fmt::format("entry {} is '{}', which is not two tokens that make a third", rank, merge));
        }
        data_.merges.push_back({left->second, right->second, result->second});
    }
}

TokenizerData VocabularyReader::read() {
    check_sizes();
    if (v_.model == "llama") {
        data_.kind = TokenizerKind::kSentencePiece;
        data_.prefix = SpacePrefix::kAlways;
        if (v_.scores.size() != v_.tokens.size()) {
            fail("scores", fmt::format("has {} entries for {} tokens", v_.scores.size(), v_.tokens.size()));
        }
        for (std::size_t i = 0; i < v_.scores.size(); ++i) {
            if (!std::isfinite(v_.scores[i])) {
                fail("scores", fmt::format("entry {} is not finite", i));
            }
        }
        data_.scores = v_.scores;
    } else if (v_.model == "gpt2") {
        read_pre();
    } else {
        fail("model", fmt::format("is '{}'; expected gpt2 or llama", v_.model));
    }
    for (std::size_t id = 0; id < v_.tokens.size(); ++id) {
        read_token(id);
    }
    if (v_.model == "gpt2") {
        read_merges();
    } else if (v_.unk && data_.kinds[*v_.unk] != TokenKind::kByte) {
        data_.kinds[*v_.unk] = TokenKind::kUnknown;
    }
    data_.add_bos = v_.add_bos;
    data_.chat_template = v_.chat_template;
    return std::move(data_);
}

}  // namespace

bool gguf_begins_with_bos(const GgufVocabulary& vocabulary) {
    return vocabulary.model == "llama" || pre_tokenizer_of(vocabulary) == PreTokenizer::kLlama3;
}

TokenizerData read_gguf_vocabulary(const GgufVocabulary& vocabulary, const std::string& where) {
    return VocabularyReader(vocabulary, where).read();
}

}  // namespace setun
