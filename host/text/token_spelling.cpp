// How vocabularies spell bytes and spaces in printable text, and the way back.
#include "host/text/token_spelling.h"

#include <charconv>

#include "host/text/utf8.h"

namespace setun {

ByteAlphabet::ByteAlphabet() {
    char32_t next = 256;
    for (unsigned byte = 0; byte < 256; ++byte) {
        const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
        bytes_.emplace(printable ? byte : next++, static_cast<char>(byte));
    }
}

std::optional<std::string> ByteAlphabet::decode(std::string_view text) const {
    std::string raw;
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Char c = decode_utf8(text, at);
        const auto found = bytes_.find(c.code_point);
        if (!c.valid || found == bytes_.end()) {
            return std::nullopt;
        }
        raw.push_back(found->second);
        at += c.length;
    }
    return raw;
}

std::optional<char> parse_byte_token(std::string_view text) {
    if (text.size() != 6 || text.substr(0, 3) != "<0x" || text[5] != '>') {
        return std::nullopt;
    }
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data() + 3, text.data() + 5, value, 16);
    if (error != std::errc() || end != text.data() + 5) {
        return std::nullopt;
    }
    return static_cast<char>(value);
}

std::string spaces_for_marks(std::string_view text) {
    constexpr std::string_view kMark = "\xE2\x96\x81";
    std::string spaced;
    for (std::size_t at = 0; at < text.size();) {
        const bool mark = text.substr(at, kMark.size()) == kMark;
        spaced.push_back(mark ? ' ' : text[at]);
        at += mark ? kMark.size() : 1;
    }
    return spaced;
}

}  // namespace setun
