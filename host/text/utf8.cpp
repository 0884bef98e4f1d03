// UTF-8: strict decoding, and text from a stream of bytes that may end in the middle of a character.
#include "host/text/utf8.h"

namespace setun {
namespace {

constexpr std::string_view kReplacement = "\xEF\xBF\xBD";

unsigned char byte_at(std::string_view text, std::size_t at) { return static_cast<unsigned char>(text[at]); }

/// Allowed range of the second byte, which excludes overlong forms, surrogates and values past U+10FFFF.
bool second_byte_ok(unsigned char lead, unsigned char second) {
    switch (lead) {
        case 0xE0:
            return second >= 0xA0 && second <= 0xBF;
        case 0xED:
            return second >= 0x80 && second <= 0x9F;
        case 0xF0:
            return second >= 0x90 && second <= 0xBF;
        case 0xF4:
            return second >= 0x80 && second <= 0x8F;
        default:
            return second >= 0x80 && second <= 0xBF;
    }
}

std::size_t sequence_length(unsigned char lead) {
    if (lead < 0x80) {
        return 1;
    }
    if (lead >= 0xC2 && lead <= 0xDF) {
        return 2;
    }
    if (lead >= 0xE0 && lead <= 0xEF) {
        return 3;
    }
    if (lead >= 0xF0 && lead <= 0xF4) {
        return 4;
    }
    return 0;
}

}  // namespace

Utf8Char decode_utf8(std::string_view text, std::size_t at) {
    const unsigned char lead = byte_at(text, at);
    const std::size_t length = sequence_length(lead);
    Utf8Char result;
    if (length == 0) {
        return result;
    }
    char32_t value = length == 1 ? lead : lead & (0x7FU >> length);
    for (std::size_t i = 1; i < length; ++i) {
        result.length = i;
        if (at + i == text.size()) {
            result.incomplete = true;
            return result;
        }
        const unsigned char next = byte_at(text, at + i);
        const bool ok = i == 1 ? second_byte_ok(lead, next) : (next & 0xC0U) == 0x80;
        if (!ok) {
            return result;
        }
        value = (value << 6) | (next & 0x3FU);
    }
    return {value, length, true, false};
}

std::size_t find_invalid_utf8(std::string_view text) {
    for (std::size_t at = 0; at < text.size();) {
        const Utf8Char c = decode_utf8(text, at);
        if (!c.valid) {
            return at;
        }
        at += c.length;
    }
    return std::string_view::npos;
}

std::string Utf8Stream::push(std::string_view bytes) {
    pending_.append(bytes);
    std::string text;
    std::size_t at = 0;
    while (at < pending_.size()) {
        const Utf8Char c = decode_utf8(pending_, at);
        if (c.incomplete) {
            break;
        }
        text.append(c.valid ? std::string_view(pending_).substr(at, c.length) : kReplacement);
        at += c.length;
    }
    pending_.erase(0, at);
    return text;
}

std::string Utf8Stream::finish() {
    const bool held = !pending_.empty();
    pending_.clear();
    return held ? std::string(kReplacement) : std::string();
}

}  // namespace setun
