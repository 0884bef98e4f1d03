// How vocabularies spell bytes and spaces in printable text, and the way back.
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <unordered_map>

namespace setun {

/// The printable alphabet of byte-level BPE (GPT-2): printable Latin-1 bytes stand for themselves, the other
/// 68 are U+0100 and up.
class ByteAlphabet {
  public:
    ByteAlphabet();
    /// Raw bytes, or nothing when a character does not belong to the alphabet.
    [[nodiscard]] std::optional<std::string> decode(std::string_view text) const;

  private:
    std::unordered_map<char32_t, char> bytes_;
};

/// The byte of "<0x0A>" (two hexadecimal digits, either case), or nothing for any other text.
std::optional<char> parse_byte_token(std::string_view text);

/// `text` with every U+2581 replaced by a space.
std::string spaces_for_marks(std::string_view text);

}  // namespace setun
