// SentencePiece BPE: characters are merged by score, what the vocabulary lacks is written as bytes.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "host/base/error.h"
#include "host/text/bpe_merge.h"
#include "host/text/token_encoder.h"
#include "host/text/token_spelling.h"
#include "host/text/utf8.h"

namespace setun {
namespace {

class SentencePieceEncoder final : public TokenEncoder {
  public:
    explicit SentencePieceEncoder(const TokenizerData& data);
    void encode(std::string_view text, bool first, std::vector<std::uint32_t>& ids) const override;

  private:
    [[nodiscard]] std::uint32_t find(std::string_view text) const {
        const auto found = text.size() > longest_ ? words_.end() : words_.find(text);
        return found == words_.end() ? kNoToken : found->second;
    }
    [[nodiscard]] bool wants_prefix(std::string_view text, bool first) const;
    void merge(std::string_view text, std::vector<Symbol>& symbols) const;
    void spell(std::string_view character, std::vector<std::uint32_t>& ids) const;

    const TokenizerData* data_;
    std::unordered_map<std::string_view, std::uint32_t> words_;
    std::size_t longest_ = 0;
    std::unordered_map<std::uint64_t, std::uint32_t> ranks_;  ///< pair to index in merges
    std::vector<std::uint32_t> byte_ids_;
    bool bytes_complete_ = false;
    std::uint32_t unknown_ = kNoToken;
};

SentencePieceEncoder::SentencePieceEncoder(const TokenizerData& data)
    : data_(&data), byte_ids_(256, kNoToken) {
    for (std::uint32_t id = 0; id < data.tokens.size(); ++id) {
        const std::string& token = data.tokens[id];
        const TokenKind kind = data.kinds[id];
        if (kind == TokenKind::kByte) {
            if (token.size() != 1) {
                throw InputError(
                    fmt::format("tokenizer: byte token {} has {} bytes; expected one", id, token.size()));
            }
            byte_ids_[static_cast<unsigned char>(token[0])] = id;
        } else if (kind == TokenKind::kUnknown) {
            unknown_ = id;
        } else if (kind == TokenKind::kNormal && !token.empty()) {
            words_.emplace(token, id);
            longest_ = std::max(longest_, token.size());
        }
    }
    for (std::uint32_t rank = 0; rank < data.merges.size(); ++rank) {
        const Merge& merge = data.merges[rank];
        ranks_.insert_or_assign((std::uint64_t{merge.left} << 32) | merge.right, rank);
    }
    bytes_complete_ = std::find(byte_ids_.begin(), byte_ids_.end(), kNoToken) == byte_ids_.end();
    if (!bytes_complete_ && unknown_ == kNoToken) {
        throw InputError(
            "tokenizer: neither byte tokens <0x00> to <0xFF> nor an unknown token; some texts could not be "
            "encoded");
    }
}

bool SentencePieceEncoder::wants_prefix(std::string_view text, bool first) const {
    const bool space = text.front() == ' ';
    switch (data_->prefix) {
        case SpacePrefix::kAlways:
            return true;
        case SpacePrefix::kFirst:
            return first;
        case SpacePrefix::kAlwaysUnlessSpace:
            return !space;
        case SpacePrefix::kFirstUnlessSpace:
            return first && !space;
        default:
            return false;
    }
}

void SentencePieceEncoder::merge(std::string_view text, std::vector<Symbol>& symbols) const {
    const auto by_score = [&](const Symbol& a, const Symbol& b, float& priority, std::uint32_t& id) {
        id = find(text.substr(a.begin, a.size + b.size));
        if (id == kNoToken) {
            return false;
        }
        priority = -data_->scores[id];
        return true;
    };
    const auto by_merge = [&](const Symbol& a, const Symbol& b, std::uint32_t& rank, std::uint32_t& id) {
        const auto found = ranks_.find((std::uint64_t{a.id} << 32) | b.id);
        if (found == ranks_.end()) {
            return false;
        }
        rank = found->second;
        id = data_->merges[rank].result;
        return true;
    };
    if (data_->merges.empty()) {
        merge_symbols<float>(symbols, by_score);
    } else {
        merge_symbols<std::uint32_t>(symbols, by_merge);
    }
}

/// A character that is no token: its bytes, or the unknown token, which stands for a whole run of them.
void SentencePieceEncoder::spell(std::string_view character, std::vector<std::uint32_t>& ids) const {
    if (bytes_complete_) {
        for (const char byte : character) {
            ids.push_back(byte_ids_[static_cast<unsigned char>(byte)]);
        }
    } else if (ids.empty() || ids.back() != unknown_) {
        ids.push_back(unknown_);
    }
}

void SentencePieceEncoder::encode(std::string_view text, bool first, std::vector<std::uint32_t>& ids) const {
    std::string spaced = spaces_for_marks(text);  // U+2581 means a space, in text as in tokens
    if (wants_prefix(spaced, first)) {
        spaced.insert(0, 1, ' ');
    }
    const std::string_view view = spaced;
    std::vector<Symbol> symbols;
    for (std::size_t at = 0; at < view.size();) {
        const std::size_t size = decode_utf8(view, at).length;
        symbols.push_back({at, size, find(view.substr(at, size))});
        at += size;
    }
    merge(view, symbols);
    for (const Symbol& symbol : symbols) {
        if (symbol.id != kNoToken) {
            ids.push_back(symbol.id);
        } else {
            spell(view.substr(symbol.begin, symbol.size), ids);
        }
    }
}

}  // namespace

std::unique_ptr<const TokenEncoder> make_sentencepiece_encoder(const TokenizerData& data) {
    return std::make_unique<SentencePieceEncoder>(data);
}

}  // namespace setun
