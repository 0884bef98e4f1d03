// What a tokenizer consists of: its binary section in a model file, and whether it fits a model.
#include "host/text/tokenizer_data.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cmath>
#include <cstring>
#include <utility>

#include "host/base/error.h"

namespace setun {
namespace {

/// Bits of the section's flags; the kind takes two bits, the prefix three.
constexpr std::uint32_t kFlagIgnoreMerges = 1U << 0;
constexpr unsigned kKindShift = 1;
constexpr unsigned kPrefixShift = 3;
constexpr std::uint32_t kFlagNoBos = 1U << 6;
constexpr std::uint32_t kFlagChatTemplate = 1U << 7;
constexpr std::uint32_t kFlagsEnd = 1U << 8;

/// Rows of an embedding that may have no token, as checkpoints pad them.
constexpr std::uint32_t kPaddingRows = 1024;

void put(std::vector<std::byte>& out, std::uint32_t value) {
    for (unsigned i = 0; i < 4; ++i) {
        out.push_back(static_cast<std::byte>(value >> (8 * i)));
    }
}

/// Bounds-checked little-endian reader of the section.
class Reader {
  public:
    Reader(std::span<const std::byte> bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

    std::span<const std::byte> take(std::size_t count, const char* field) {
        if (count > bytes_.size() - position_) {
            throw InputError(fmt::format(
                "{}: tokenizer {} needs {} bytes, {} are left; make the file again with 'setun pack'", where_,
                field, count, bytes_.size() - position_));
        }
        const auto part = bytes_.subspan(position_, count);
        position_ += count;
        return part;
    }
    std::uint32_t u32(const char* field) {
        std::uint32_t value = 0;
        std::memcpy(&value, take(4, field).data(), 4);
        return value;
    }
    std::uint32_t u32_below(const char* field, std::uint32_t limit) {
        const std::uint32_t value = u32(field);
        if (value >= limit) {
            throw InputError(fmt::format(
                "{}: tokenizer {} is {}; expected below {}; make the file again with 'setun pack'", where_,
                field, value, limit));
        }
        return value;
    }
    [[nodiscard]] std::size_t left() const { return bytes_.size() - position_; }

  private:
    std::span<const std::byte> bytes_;
    std::string where_;
    std::size_t position_ = 0;
};

bool has_scores(const TokenizerData& data) {
    return data.kind == TokenizerKind::kSentencePiece && data.merges.empty();
}

std::uint32_t flags_of(const TokenizerData& data) {
    return (data.ignore_merges ? kFlagIgnoreMerges : 0) |
           (static_cast<std::uint32_t>(data.kind) << kKindShift) |
           (static_cast<std::uint32_t>(data.prefix) << kPrefixShift) | (data.add_bos ? 0 : kFlagNoBos) |
           (data.chat_template.empty() ? 0 : kFlagChatTemplate);
}

void parse_flags(std::uint32_t flags, const std::string& where, TokenizerData& data) {
    const std::uint32_t kind = (flags >> kKindShift) & 3;
    const std::uint32_t prefix = (flags >> kPrefixShift) & 7;
    if (kind > static_cast<std::uint32_t>(TokenizerKind::kSentencePiece) ||
        prefix > static_cast<std::uint32_t>(SpacePrefix::kFirstUnlessSpace)) {
        throw InputError(fmt::format(
            "{}: tokenizer flags {:#x} name an unknown kind; make the file again with 'setun pack'", where,
            flags));
    }
    data.ignore_merges = (flags & kFlagIgnoreMerges) != 0;
    data.kind = static_cast<TokenizerKind>(kind);
    data.prefix = static_cast<SpacePrefix>(prefix);
    data.add_bos = (flags & kFlagNoBos) == 0;
}

void append(std::vector<std::byte>& out, std::string_view text) {
    const auto bytes = std::as_bytes(std::span(text));
    out.insert(out.end(), bytes.begin(), bytes.end());
}

std::string text_of(std::span<const std::byte> bytes) {
    return {reinterpret_cast<const char*>(bytes.data()), bytes.size()};
}

void parse_kinds(Reader& reader, std::uint32_t tokens, const std::string& where, TokenizerData& data) {
    for (const std::byte kind : reader.take(tokens, "token kinds")) {
        if (kind > static_cast<std::byte>(TokenKind::kUnused)) {
            throw InputError(fmt::format("{}: tokenizer token kind is {}; expected 0 to 5", where,
                                         static_cast<int>(kind)));
        }
        data.kinds.push_back(static_cast<TokenKind>(kind));
    }
}

void parse_texts(Reader& reader, Reader& ends, std::uint32_t tokens, const std::string& where,
                 TokenizerData& data) {
    std::uint32_t begin = 0;
    for (std::uint32_t i = 0; i < tokens; ++i) {
        const std::uint32_t end = ends.u32("token end");
        if (end < begin) {
            throw InputError(
                fmt::format("{}: tokenizer token {} ends before it begins; make the file again", where, i));
        }
        data.tokens.push_back(text_of(reader.take(end - begin, "token text")));
        begin = end;
    }
}

void parse_scores(Reader& reader, std::uint32_t tokens, const std::string& where, TokenizerData& data) {
    Reader scores(reader.take(std::size_t{tokens} * 4, "scores"), where);
    for (std::uint32_t i = 0; i < tokens; ++i) {
        data.scores.push_back(std::bit_cast<float>(scores.u32("score")));
        if (!std::isfinite(data.scores.back())) {
            throw InputError(
                fmt::format("{}: tokenizer score {} is not finite; make the file again", where, i));
        }
    }
}

}  // namespace

std::vector<std::byte> serialise_tokenizer(const TokenizerData& data) {
    std::vector<std::byte> out;
    put(out, static_cast<std::uint32_t>(data.tokens.size()));
    put(out, static_cast<std::uint32_t>(data.merges.size()));
    put(out, static_cast<std::uint32_t>(data.pre));
    put(out, flags_of(data));
    std::uint32_t end = 0;
    for (const auto& token : data.tokens) {
        end += static_cast<std::uint32_t>(token.size());
        put(out, end);
    }
    for (const auto& merge : data.merges) {
        put(out, merge.left);
        put(out, merge.right);
        put(out, merge.result);
    }
    for (const TokenKind kind : data.kinds) {
        out.push_back(static_cast<std::byte>(kind));
    }
    for (const auto& token : data.tokens) {
        append(out, token);
    }
    if (has_scores(data)) {
        for (const float score : data.scores) {
            put(out, std::bit_cast<std::uint32_t>(score));
        }
    }
    if (!data.chat_template.empty()) {
        put(out, static_cast<std::uint32_t>(data.chat_template.size()));
        append(out, data.chat_template);
    }
    return out;
}

TokenizerData parse_tokenizer(std::span<const std::byte> bytes, const std::string& where) {
    Reader reader(bytes, where);
    TokenizerData data;
    const std::uint32_t tokens = reader.u32_below("vocabulary size", kMaxTokens + 1);
    const std::uint32_t merges = reader.u32_below("merge count", kMaxMerges + 1);
    data.pre = static_cast<PreTokenizer>(reader.u32_below("pre-tokenizer", 2));
    const std::uint32_t flags = reader.u32_below("flags", kFlagsEnd);
    parse_flags(flags, where, data);
    Reader ends(reader.take(std::size_t{tokens} * 4, "token ends"), where);
    Reader pairs(reader.take(std::size_t{merges} * 12, "merges"), where);
    for (std::uint32_t i = 0; i < merges; ++i) {
        const std::uint32_t left = pairs.u32_below("merge", tokens);
        const std::uint32_t right = pairs.u32_below("merge", tokens);
        data.merges.push_back({left, right, pairs.u32_below("merge", tokens)});
    }
    parse_kinds(reader, tokens, where, data);
    parse_texts(reader, ends, tokens, where, data);
    if (has_scores(data)) {
        parse_scores(reader, tokens, where, data);
    }
    if ((flags & kFlagChatTemplate) != 0) {
        const std::uint32_t size = reader.u32_below("chat template size", kMaxChatTemplateBytes + 1);
        data.chat_template = text_of(reader.take(size, "chat template"));
        if (size == 0) {  // the flag says that there is one; nothing else writes two forms of the same data
            throw InputError(fmt::format(
                "{}: tokenizer chat template is empty; make the file again with 'setun pack'", where));
        }
    }
    if (reader.left() != 0) {
        throw InputError(fmt::format("{}: {} bytes are left after the tokenizer; make the file again", where,
                                     reader.left()));
    }
    return data;
}

void check_tokenizer_fits(const TokenizerData& data, std::uint32_t vocab, const std::string& where) {
    const std::size_t tokens = data.tokens.size();
    if (tokens > vocab) {
        throw InputError(fmt::format(
            "{}: the tokenizer has {} tokens, the model's embedding {} rows; they belong to different models",
            where, tokens, vocab));
    }
    const std::uint32_t padding = std::max(kPaddingRows, vocab / 16);
    if (vocab - tokens > padding) {
        throw InputError(fmt::format(
            "{}: the tokenizer has {} tokens, the model's embedding {} rows; up to {} rows of padding are "
            "usual, so they belong to different models",
            where, tokens, vocab, padding));
    }
}

}  // namespace setun
