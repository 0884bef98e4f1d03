// What the kinds of tokenizers have in common: text without special tokens becomes token ids.
#pragma once

#include <cstdint>
#include <memory>
#include <string_view>
#include <vector>

#include "host/text/tokenizer_data.h"

namespace setun {

/// The algorithm of one kind of vocabulary. Immutable, safe to share between threads. Refers to the
/// TokenizerData that it was made from, which must stay where it is.
class TokenEncoder {
  public:
    virtual ~TokenEncoder() = default;
    TokenEncoder() = default;
    TokenEncoder(const TokenEncoder&) = delete;
    TokenEncoder& operator=(const TokenEncoder&) = delete;

    /// Appends the ids of `text`, which is valid UTF-8, not empty and free of added tokens. `first`: nothing
    /// stands before it, so that a SentencePiece vocabulary may put its space in front.
    virtual void encode(std::string_view text, bool first, std::vector<std::uint32_t>& ids) const = 0;
};

/// Byte-level BPE with a list of merges, or with ranks in place of merges. Throws InputError when one of the
/// 256 single-byte tokens is missing.
std::unique_ptr<const TokenEncoder> make_byte_level_encoder(const TokenizerData& data);

/// BPE over characters, by score or by merges, with byte tokens for characters that the vocabulary lacks.
/// Throws InputError when there is neither a complete set of byte tokens nor an unknown token.
std::unique_ptr<const TokenEncoder> make_sentencepiece_encoder(const TokenizerData& data);

}  // namespace setun
