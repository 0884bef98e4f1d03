// Text to token ids and back, for every kind of vocabulary.
#pragma once

#include <array>
#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/text/token_encoder.h"
#include "host/text/tokenizer_data.h"
#include "host/text/utf8.h"

namespace setun {

/// Whether the names of special tokens in a text mean the tokens or are ordinary text.
enum class SpecialTokens { kRecognise, kAsText };

/// A part of a text, e.g. the markup of a chat template or what a user typed.
struct TextSegment {
    std::string text;
    SpecialTokens special = SpecialTokens::kRecognise;
};

/// Encoder and decoder. Immutable after construction, safe to share between threads.
class Tokenizer {
  public:
    /// Throws InputError when the vocabulary cannot encode every text.
    explicit Tokenizer(TokenizerData data);

    [[nodiscard]] std::size_t size() const { return data_->tokens.size(); }
    [[nodiscard]] const TokenizerData& data() const { return *data_; }

    /// Token ids of valid UTF-8 text; added tokens in the text are recognised. Nothing is put in front.
    /// Throws InputError with the offset of the first invalid byte.
    [[nodiscard]] std::vector<std::uint32_t> encode(std::string_view text,
                                                    SpecialTokens special = SpecialTokens::kRecognise) const;

    /// Token ids of the segments' texts put together: words may reach from one segment into the next, special
    /// tokens are recognised only inside a segment that says so. `first`: nothing stands before it.
    [[nodiscard]] std::vector<std::uint32_t> encode(std::span<const TextSegment> segments, bool first) const;

    /// The special or added token with this text.
    [[nodiscard]] std::optional<std::uint32_t> find_added(std::string_view text) const;

    /// Raw bytes of one token; empty for special tokens and for ids of the embedding's padding.
    [[nodiscard]] std::string_view bytes(std::uint32_t id) const;

    /// Text of tokens; invalid UTF-8 becomes U+FFFD, special tokens are left out.
    [[nodiscard]] std::string decode(const std::vector<std::uint32_t>& ids) const;

  private:
    /// The longest added token at text[at], or kNoToken.
    [[nodiscard]] std::uint32_t match_added(std::string_view text, std::size_t at,
                                            SpecialTokens special) const;
    void encode_plain(std::string_view text, bool first, std::vector<std::uint32_t>& ids) const;

    std::unique_ptr<const TokenizerData> data_;  ///< at a fixed address: the encoder refers to it
    std::unique_ptr<const TokenEncoder> encoder_;
    std::array<std::vector<std::uint32_t>, 256> added_;  ///< by first byte, longest first
};

}  // namespace setun
