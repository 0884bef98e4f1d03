// The vocabulary of a GGUF file as it stands there, before it becomes a tokenizer.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

namespace setun {

/// Fields `tokenizer.ggml.*` and `tokenizer.chat_template` (ggml docs/gguf.md). Nothing in it has been
/// checked.
struct GgufVocabulary {
    std::string model;                ///< "gpt2" or "llama"
    std::string pre;                  ///< name of the pre-tokenizer; empty when the file has none
    std::vector<std::string> tokens;  ///< "gpt2": in the printable byte alphabet; "llama": U+2581 for a space
    std::vector<float> scores;        ///< one per token ("llama"), or empty
    /// One per token, or empty: 1 normal, 2 unknown, 3 control, 4 user-defined, 5 unused, 6 byte.
    std::vector<int> types;
    std::vector<std::string> merges;  ///< "left right" by rank ("gpt2"), or empty
    std::optional<std::uint32_t> bos;
    std::optional<std::uint32_t> eos;
    std::optional<std::uint32_t> unk;
    bool add_bos = false;
    std::string chat_template;  ///< Jinja source, or empty
};

}  // namespace setun
