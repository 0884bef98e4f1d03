// tiktoken rank files: one token a line in base64, with its rank, which is its id.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>

#include "host/base/error.h"
#include "host/base/file.h"
#include "host/text/tokenizer_files.h"

namespace setun {
namespace {

constexpr std::size_t kMaxFileBytes = std::size_t{256} << 20;
constexpr std::size_t kLlama3Ranks = 128000;
constexpr unsigned kLlama3Specials = 256;

std::optional<unsigned> base64_digit(char c) {
    if (c >= 'A' && c <= 'Z') {
        return static_cast<unsigned>(c - 'A');
    }
    if (c >= 'a' && c <= 'z') {
        return static_cast<unsigned>(c - 'a') + 26;
    }
    if (c >= '0' && c <= '9') {
        return static_cast<unsigned>(c - '0') + 52;
    }
    return c == '+' ? std::optional(62U) : c == '/' ? std::optional(63U) : std::nullopt;
}

/// Strict: groups of four characters, padded with '=' at the end.
std::optional<std::string> decode_base64(std::string_view text) {
    if (text.empty() || text.size() % 4 != 0) {
        return std::nullopt;
    }
    const std::size_t padding = text.ends_with("==") ? 2 : text.ends_with('=') ? 1 : 0;
    std::string raw;
    unsigned bits = 0;
    unsigned held = 0;
    for (const char c : text.substr(0, text.size() - padding)) {
        const auto digit = base64_digit(c);
        if (!digit) {
            return std::nullopt;
        }
        bits = (bits << 6) | *digit;
        held += 6;
        if (held >= 8) {
            held -= 8;
            raw.push_back(static_cast<char>((bits >> held) & 0xFFU));
            bits &= (1U << held) - 1;
        }
    }
    return raw;
}

/// The special tokens behind the ranks of Llama 3, in the order that Meta's and Microsoft's programs give
/// them.
void add_llama3_specials(TokenizerData& data) {
    constexpr std::array<const char*, 2> kFirst{"<|begin_of_text|>", "<|end_of_text|>"};
    std::vector<std::string> names(kFirst.begin(), kFirst.end());
    unsigned reserved = 0;
    const auto reserve = [&](unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            names.push_back(fmt::format("<|reserved_special_token_{}|>", reserved++));
        }
    };
    reserve(4);
    names.emplace_back("<|start_header_id|>");
    names.emplace_back("<|end_header_id|>");
    reserve(1);
    names.emplace_back("<|eot_id|>");
    reserve(kLlama3Specials - static_cast<unsigned>(names.size()));
    data.tokens.insert(data.tokens.end(), names.begin(), names.end());
    data.kinds.resize(data.tokens.size(), TokenKind::kSpecial);
}

}  // namespace

TokenizerData read_tiktoken(const MappedFile& file) {
    const std::string where = file.path().string();
    const std::string_view content = text_of(file, kMaxFileBytes);
    TokenizerData data;
    data.kind = TokenizerKind::kByteRanks;
    data.pre = PreTokenizer::kLlama3;
    const auto lines = static_cast<std::size_t>(std::count(content.begin(), content.end(), '\n'));
    const std::size_t limit = std::min<std::size_t>(lines + 1, kMaxTokens);  // ranks must be dense
    std::size_t line_number = 0;
    std::size_t count = 0;
    for (std::size_t at = 0; at < content.size();) {
        const std::size_t end = std::min(content.find('\n', at), content.size());
        std::string_view line = content.substr(at, end - at);
        at = end + 1;
        ++line_number;
        if (line.ends_with('\r')) {
            line.remove_suffix(1);
        }
        if (line.empty()) {
            continue;
        }
        const std::size_t space = std::min(line.find(' '), line.size());
        const auto token = decode_base64(line.substr(0, space));
        std::size_t rank = limit;
        const char* last = line.data() + line.size();
        const auto [stop, error] =
            std::from_chars(line.data() + std::min(space + 1, line.size()), last, rank);
        if (!token || error != std::errc() || stop != last || rank >= limit) {
            throw InputError(fmt::format("{}: line {} is not a token in base64 and a rank below {}", where,
                                         line_number, limit));
        }
        if (rank >= data.tokens.size()) {
            data.tokens.resize(rank + 1);
        }
        if (!data.tokens[rank].empty()) {
            throw InputError(fmt::format("{}: line {}: rank {} is given twice", where, line_number, rank));
        }
        data.tokens[rank] = *token;
        ++count;
    }
    if (count == 0 || count != data.tokens.size()) {
        throw InputError(fmt::format("{}: {} tokens for ranks 0 to {}; every rank is needed once", where,
                                     count, data.tokens.size()));
    }
    data.kinds.assign(count, TokenKind::kNormal);
    if (count == kLlama3Ranks) {
        add_llama3_specials(data);
    }
    return data;
}

}  // namespace setun
