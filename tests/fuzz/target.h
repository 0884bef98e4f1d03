// What every fuzz target is made of: one function that takes an input, which is read or refused.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <span>
#include <string_view>

#include "host/base/error.h"
#include "host/base/file.h"
#include "host/text/tokenizer.h"

namespace setun::fuzz {

inline std::span<const std::byte> input(const std::uint8_t* data, std::size_t size) {
    return std::as_bytes(std::span(data, size));
}

/// The input as a file that was opened.
inline MappedFile file(const std::uint8_t* data, std::size_t size) {
    return MappedFile::in_memory("input", input(data, size));
}

/// A finding that is no crash by itself.
inline void require(bool holds, const char* what) {
    if (!holds) {
        std::fprintf(stderr, "does not hold: %s\n", what);
        std::abort();
    }
}

/// Runs a reader; refusing its input with InputError is as good as reading it. Everything else escapes. With
/// SETUN_FUZZ_SHOW in the environment the reasons of refusals are printed: a seed should have none.
template <class Reader>
void read_or_refuse(const Reader& reader) {
    try {
        reader();
    } catch (const InputError& error) {
        static const bool kShow = std::getenv("SETUN_FUZZ_SHOW") != nullptr;
        if (kShow) {
            std::fprintf(stderr, "refused: %s\n", error.what());
        }
        require(std::string_view(error.what()).find('\n') == std::string_view::npos,
                "a message is one line, whatever bytes came from the file");
    }
}

/// A short text of many kinds of characters there and back.
inline void use(const Tokenizer& tokenizer) {
    static_cast<void>(tokenizer.decode(tokenizer.encode("the end, and 12345 \xC3\xA9 ")));
}

}  // namespace setun::fuzz

/// What every target defines: one input. Returns 0.
extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size);
