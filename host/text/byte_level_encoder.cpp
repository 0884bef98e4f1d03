// Byte-level BPE: text is cut into words, and the bytes of a word are merged by a list or by rank.
#include <fmt/format.h>

#include <algorithm>
#include <unordered_map>

#include "host/base/error.h"
#include "host/text/bpe_merge.h"
#include "host/text/token_encoder.h"

namespace setun {
namespace {

std::uint64_t pair_key(std::uint32_t left, std::uint32_t right) {
    return (std::uint64_t{left} << 32) | right;
}

class ByteLevelEncoder final : public TokenEncoder {
  public:
    explicit ByteLevelEncoder(const TokenizerData& data);
    void encode(std::string_view text, bool first, std::vector<std::uint32_t>& ids) const override;

  private:
    struct Target {
        std::uint32_t rank;
        std::uint32_t result;
    };
    [[nodiscard]] std::uint32_t whole(std::string_view word) const {
        const auto found = words_.find(word);
        return found == words_.end() ? kNoToken : found->second;
    }
    void encode_word(std::string_view word, std::vector<std::uint32_t>& ids) const;

    const TokenizerData* data_;
    std::vector<std::uint32_t> byte_ids_;
    std::unordered_map<std::uint64_t, Target> merges_;           ///< kByteMerges
    std::unordered_map<std::string_view, std::uint32_t> words_;  ///< kByteRanks, or ignore_merges
    std::size_t longest_ = 0;                                    ///< bytes of the longest of words_
};

ByteLevelEncoder::ByteLevelEncoder(const TokenizerData& data) : data_(&data), byte_ids_(256, kNoToken) {
    const bool by_text = data.ignore_merges || data.kind == TokenizerKind::kByteRanks;
    for (std::uint32_t id = 0; id < data.tokens.size(); ++id) {
        const std::string& token = data.tokens[id];
        if (data.kinds[id] != TokenKind::kNormal) {
            continue;
        }
        if (token.size() == 1) {
            byte_ids_[static_cast<unsigned char>(token[0])] = id;
        }
        if (by_text) {
            words_.emplace(token, id);
            longest_ = std::max(longest_, token.size());
        }
    }
    const auto missing = std::find(byte_ids_.begin(), byte_ids_.end(), kNoToken);
    if (missing != byte_ids_.end()) {
        throw InputError(
            fmt::format("tokenizer: byte {} has no token of its own; a byte-level vocabulary has all 256",
                        missing - byte_ids_.begin()));
    }
    for (std::uint32_t rank = 0; rank < data.merges.size(); ++rank) {
        const Merge& merge = data.merges[rank];
        merges_.insert_or_assign(pair_key(merge.left, merge.right), Target{rank, merge.result});
    }
}

void ByteLevelEncoder::encode_word(std::string_view word, std::vector<std::uint32_t>& ids) const {
    if (!words_.empty()) {
        // For ranks this is no special case: the whole word would be the last merge of its own bytes.
        const std::uint32_t id = whole(word);
        if (id != kNoToken) {
            ids.push_back(id);
            return;
        }
    }
    std::vector<Symbol> symbols(word.size());
    for (std::size_t i = 0; i < word.size(); ++i) {
        symbols[i] = {i, 1, byte_ids_[static_cast<unsigned char>(word[i])]};
    }
    const auto by_merge = [this](const Symbol& a, const Symbol& b, std::uint32_t& rank, std::uint32_t& id) {
        const auto found = merges_.find(pair_key(a.id, b.id));
        if (found == merges_.end()) {
            return false;
        }
        rank = found->second.rank;
        id = found->second.result;
        return true;
    };
    const auto by_rank = [&](const Symbol& a, const Symbol& b, std::uint32_t& rank, std::uint32_t& id) {
        if (a.size + b.size > longest_) {
            return false;
        }
        rank = id = whole(word.substr(a.begin, a.size + b.size));
        return id != kNoToken;
    };
    if (data_->kind == TokenizerKind::kByteRanks) {
        merge_symbols<std::uint32_t>(symbols, by_rank);
    } else {
        merge_symbols<std::uint32_t>(symbols, by_merge);
    }
    for (const Symbol& symbol : symbols) {
        ids.push_back(symbol.id);
    }
}

void ByteLevelEncoder::encode(std::string_view text, bool /*first*/, std::vector<std::uint32_t>& ids) const {
    for (const std::string_view word : pre_tokenize(text, data_->pre)) {
        encode_word(word, ids);
    }
}

}  // namespace

std::unique_ptr<const TokenEncoder> make_byte_level_encoder(const TokenizerData& data) {
    return std::make_unique<ByteLevelEncoder>(data);
}

}  // namespace setun
