// A tiktoken file of the 256 bytes and a few longer tokens.
#pragma once

#include <string>

namespace setun::fuzz {

/// `text` in base64 with padding.
inline std::string base64(const std::string& text) {
    static constexpr const char* kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    std::string out;
    for (std::size_t at = 0; at < text.size(); at += 3) {
        unsigned bits = 0;
        for (std::size_t i = 0; i < 3; ++i) {
            bits = (bits << 8) | (at + i < text.size() ? static_cast<unsigned char>(text[at + i]) : 0U);
        }
        for (std::size_t i = 0; i < 4; ++i) {
            out.push_back(at + i <= text.size() ? kDigits[(bits >> (18 - 6 * i)) & 63U] : '=');
        }
    }
    return out;
}

/// Lines "base64 rank".
inline std::string byte_ranks() {
    std::string lines;
    unsigned rank = 0;
    const auto add = [&](const std::string& token) {
        lines += base64(token) + " " + std::to_string(rank++) + "\n";
    };
    for (unsigned byte = 0; byte < 256; ++byte) {
        add(std::string(1, static_cast<char>(byte)));
    }
    for (const char* token : {"th", "the", " the"}) {
        add(token);
    }
    return lines;
}

}  // namespace setun::fuzz
