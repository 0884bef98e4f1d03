// From the vocabulary of a GGUF file to a tokenizer.
#include "host/loaders/gguf_tokenizer.h"

#include <fmt/format.h>

#include <string_view>
#include <unordered_map>

#include "host/utf8.h"

namespace setun {
namespace {

constexpr std::size_t kLlama3Tokens = 128256;

/// The pre-tokenizer, or nothing. Microsoft's 2B4T files leave the name out.
std::optional<PreTokenizer> pre_tokenizer(const GgufVocabulary& vocabulary) {
    const std::string& pre = vocabulary.pre;
    if (pre == "llama-bpe" || pre == "llama3" || pre == "llama-v3" || pre == "falcon3" ||
        (pre.empty() && vocabulary.tokens.size() == kLlama3Tokens)) {
        return PreTokenizer::kLlama3;
    }
    return pre == "gpt-2" || pre == "gpt2" ? std::optional(PreTokenizer::kGpt2) : std::nullopt;
}

TokenKind kind_of(int type) {
    constexpr int kControl = 3;
    constexpr int kUserDefined = 4;
    return type == kControl       ? TokenKind::kSpecial
           : type == kUserDefined ? TokenKind::kAdded
                                  : TokenKind::kNormal;
}

/// The bytes that a text in the printable byte alphabet of GPT-2 stands for; nothing when a character does
/// not belong to it. Printable bytes stand for themselves, the others for U+0100 and up.
std::optional<std::string> bytes_of_printable(const std::string& text) {
    static const std::unordered_map<char32_t, char> kBytes = [] {
        std::unordered_map<char32_t, char> bytes;
        char32_t next = 256;
        for (unsigned byte = 0; byte < 256; ++byte) {
            const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
            bytes.emplace(printable ? byte : next++, static_cast<char>(byte));
        }
        return bytes;
    }();
    std::string raw;
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Char c = decode_utf8(text, at);
        const auto found = kBytes.find(c.code_point);
        if (!c.valid || found == kBytes.end()) {
            return std::nullopt;
        }
        raw.push_back(found->second);
        at += c.length;
    }
    return raw;
}

using Ids = std::unordered_map<std::string_view, std::uint32_t>;

/// "left right" to ids; the separator is the first space that is not the first character.
std::optional<Merge> find_merge(const std::string& text, const Ids& ids) {
    const std::size_t space = text.find(' ', 1);
    if (space == std::string::npos) {
        return std::nullopt;
    }
    const std::string left = text.substr(0, space);
    const std::string right = text.substr(space + 1);
    const auto l = ids.find(left);
    const auto r = ids.find(right);
    const std::string joined = left + right;
    const auto result = ids.find(joined);
    if (l == ids.end() || r == ids.end() || result == ids.end()) {
        return std::nullopt;
    }
    return Merge{l->second, r->second, result->second};
}

}  // namespace

bool begins_with_bos_by_kind(const GgufVocabulary& vocabulary) {
    return vocabulary.model == "llama" || pre_tokenizer(vocabulary) == PreTokenizer::kLlama3;
}

std::optional<TokenizerData> convert_vocabulary(const GgufVocabulary& vocabulary, std::string& reason) {
    if (vocabulary.model != "gpt2") {
        reason = fmt::format("tokenizer.ggml.model is '{}'; supported: gpt2", vocabulary.model);
        return std::nullopt;
    }
    const auto pre = pre_tokenizer(vocabulary);
    if (!pre) {
        reason = fmt::format("tokenizer.ggml.pre is '{}'; supported: gpt-2, llama-bpe", vocabulary.pre);
        return std::nullopt;
    }
    TokenizerData data;
    data.pre = *pre;
    data.ignore_merges = *pre == PreTokenizer::kLlama3;
    Ids ids;
    for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
        const std::string& text = vocabulary.tokens[i];
        const TokenKind kind =
            i < vocabulary.types.size() ? kind_of(vocabulary.types[i]) : TokenKind::kNormal;
        // Control and user-defined tokens stand in the file as they are.
        data.tokens.push_back(kind == TokenKind::kNormal ? bytes_of_printable(text).value_or(text) : text);
        data.kinds.push_back(kind);
        if (!text.empty()) {
            ids.emplace(text, static_cast<std::uint32_t>(i));
        }
    }
    for (const std::string& text : vocabulary.merges) {
        const auto merge = find_merge(text, ids);
        if (!merge) {
            reason =
                fmt::format("tokenizer.ggml.merges holds an entry whose parts are not all tokens ({} bytes)",
                            text.size());
            return std::nullopt;
        }
        data.merges.push_back(*merge);
    }
    return data;
}

}  // namespace setun
