// Byte-level BPE: text to token ids and back.
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "host/tokenizer_data.h"
#include "host/utf8.h"

namespace setun {

/// Cuts text into the words that are merged separately. `text` must be valid UTF-8. The pieces cover the text
/// in order.
std::vector<std::string_view> pre_tokenize(std::string_view text, PreTokenizer rules);

/// Encoder and decoder. Immutable after construction, safe to share between threads.
class Tokenizer {
  public:
    /// Throws InputError when one of the 256 single-byte tokens is missing.
    explicit Tokenizer(TokenizerData data);

    [[nodiscard]] std::size_t size() const { return data_.tokens.size(); }
    [[nodiscard]] const TokenizerData& data() const { return data_; }

    /// Token ids of valid UTF-8 text; added tokens in the text are recognised. Nothing is put in front.
    /// Throws InputError with the offset of the first invalid byte.
    [[nodiscard]] std::vector<std::uint32_t> encode(std::string_view text) const;

    /// Raw bytes of one token; empty for special tokens. id < size().
    [[nodiscard]] std::string_view bytes(std::uint32_t id) const;

    /// Text of tokens; invalid UTF-8 becomes U+FFFD, special tokens are left out.
    [[nodiscard]] std::string decode(const std::vector<std::uint32_t>& ids) const;

  private:
    struct MergeTarget {
        std::uint32_t rank;
        std::uint32_t result;
    };
    void encode_plain(std::string_view text, std::vector<std::uint32_t>& ids) const;
    void encode_word(std::string_view word, std::vector<std::uint32_t>& ids) const;
    [[nodiscard]] const MergeTarget* find_merge(std::uint32_t left, std::uint32_t right) const;

    TokenizerData data_;
    std::vector<std::uint32_t> byte_ids_;
    std::unordered_map<std::uint64_t, MergeTarget> merges_;
    std::unordered_map<std::string_view, std::uint32_t> whole_words_;  ///< only filled for ignore_merges
    std::vector<std::uint32_t> added_;                                 ///< longest first
};

}  // namespace setun
