// Text to token ids and back, for every kind of vocabulary.
#include "host/text/tokenizer.h"

#include <fmt/format.h>

#include <algorithm>

#include "host/base/error.h"
#include "host/text/bpe_merge.h"

namespace setun {
namespace {

void require_utf8(std::string_view text) {
    const std::size_t invalid = find_invalid_utf8(text);
    if (invalid != std::string_view::npos) {
        throw InputError(fmt::format("text is not valid UTF-8 at byte {}; save it as UTF-8", invalid));
    }
}

/// A special token that stands for text in the output is shown; the others leave no trace.
bool hidden(TokenKind kind) { return kind == TokenKind::kSpecial || kind == TokenKind::kUnused; }

}  // namespace

Tokenizer::Tokenizer(TokenizerData data) : data_(std::make_unique<const TokenizerData>(std::move(data))) {
    for (std::uint32_t id = 0; id < data_->tokens.size(); ++id) {
        const TokenKind kind = data_->kinds[id];
        if (kind != TokenKind::kAdded && kind != TokenKind::kSpecial) {
            continue;
        }
        const std::string& token = data_->tokens[id];
        if (token.empty()) {
            throw InputError(
                fmt::format("tokenizer: added token {} is empty; make the model file again", id));
        }
        added_.at(static_cast<unsigned char>(token[0])).push_back(id);
    }
    for (auto& bucket : added_) {
        std::stable_sort(bucket.begin(), bucket.end(), [this](std::uint32_t a, std::uint32_t b) {
            return data_->tokens[a].size() > data_->tokens[b].size();
        });
    }
    encoder_ = data_->kind == TokenizerKind::kSentencePiece ? make_sentencepiece_encoder(*data_)
                                                            : make_byte_level_encoder(*data_);
}

std::uint32_t Tokenizer::match_added(std::string_view text, std::size_t at, SpecialTokens special) const {
    for (const std::uint32_t id : added_.at(static_cast<unsigned char>(text[at]))) {
        const bool wanted = special == SpecialTokens::kRecognise || data_->kinds[id] == TokenKind::kAdded;
        if (wanted && text.substr(at, data_->tokens[id].size()) == data_->tokens[id]) {
            return id;
        }
    }
    return kNoToken;
}

void Tokenizer::encode_plain(std::string_view text, bool first, std::vector<std::uint32_t>& ids) const {
    if (!text.empty()) {
        encoder_->encode(text, first && ids.empty(), ids);
    }
}

std::vector<std::uint32_t> Tokenizer::encode(std::string_view text, SpecialTokens special) const {
    const TextSegment segment{std::string(text), special};
    return encode(std::span(&segment, 1), true);
}

std::vector<std::uint32_t> Tokenizer::encode(std::span<const TextSegment> segments, bool first) const {
    std::vector<std::uint32_t> ids;
    std::string plain;  // text since the last added token
    for (const TextSegment& segment : segments) {
        const std::string_view text = segment.text;
        require_utf8(text);
        std::size_t begin = 0;
        for (std::size_t at = 0; at < text.size();) {
            const std::uint32_t id = match_added(text, at, segment.special);
            if (id == kNoToken) {
                ++at;
                continue;
            }
            plain.append(text.substr(begin, at - begin));
            encode_plain(plain, first, ids);
            plain.clear();
            ids.push_back(id);
            at += data_->tokens[id].size();
            begin = at;
        }
        plain.append(text.substr(begin));
    }
    encode_plain(plain, first, ids);
    return ids;
}

std::optional<std::uint32_t> Tokenizer::find_added(std::string_view text) const {
    if (text.empty()) {
        return std::nullopt;
    }
    const auto& bucket = added_.at(static_cast<unsigned char>(text[0]));
    const auto found = std::find_if(bucket.begin(), bucket.end(),
                                    [&](std::uint32_t id) { return data_->tokens[id] == text; });
    return found == bucket.end() ? std::nullopt : std::optional(*found);
}

std::string_view Tokenizer::bytes(std::uint32_t id) const {
    if (id >= data_->tokens.size() || hidden(data_->kinds[id])) {
        return {};
    }
    return data_->kinds[id] == TokenKind::kUnknown ? std::string_view(" \xE2\x81\x87 ")
                                                   : std::string_view(data_->tokens[id]);
}

std::string Tokenizer::decode(const std::vector<std::uint32_t>& ids) const {
    Utf8Stream stream;
    std::string text;
    for (const std::uint32_t id : ids) {
        text += stream.push(bytes(id));
    }
    return text + stream.finish();
}

}  // namespace setun
