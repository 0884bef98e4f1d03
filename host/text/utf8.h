// UTF-8: strict decoding, and text from a stream of bytes that may end in the middle of a character.
#pragma once

#include <cstddef>
#include <string>
#include <string_view>

namespace setun {

/// One decoded character. When `valid` is false, `length` is the length of the longest prefix of a valid
/// sequence (at least 1): what one U+FFFD replaces. `incomplete`: the text ended inside what could still
/// become a valid sequence.
struct Utf8Char {
    char32_t code_point = 0xFFFD;
    std::size_t length = 1;
    bool valid = false;
    bool incomplete = false;
};

/// Decodes the character that begins at text[at], at < text.size(). No overlong forms, no surrogates, up to
/// U+10FFFF.
Utf8Char decode_utf8(std::string_view text, std::size_t at);

/// Offset of the first byte that is not valid UTF-8, or npos.
std::size_t find_invalid_utf8(std::string_view text);

/// Turns byte pieces into valid UTF-8 text. Incomplete characters are held back until their last byte
/// arrives; invalid bytes become U+FFFD, one for each longest prefix of a valid sequence.
class Utf8Stream {
  public:
    /// Text that is complete after `bytes` was added.
    std::string push(std::string_view bytes);
    /// What is still held back, as U+FFFD. Empty when nothing is.
    std::string finish();

  private:
    std::string pending_;
};

}  // namespace setun
