// The vocabulary of a GGUF file as it stands there, and its conversion for the tokenizers that there are.
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/tokenizer_data.h"

namespace setun {

/// Roles of tokens in tokenizer.ggml.token_type.
enum class GgufTokenType : std::int32_t {
    kNormal = 1,
    kUnknown = 2,
    kControl = 3,
    kUserDefined = 4,
    kUnused = 5,
    kByte = 6,
};

/// The keys "tokenizer.ggml.*". Lists are empty and values absent where the file has none.
struct GgufVocabulary {
    std::string model;  ///< "gpt2" (byte-level BPE), "llama" (SentencePiece), ...
    std::string pre;    ///< pre-tokenizer, e.g. "llama-bpe"; empty: not said
    std::vector<std::string>
        tokens;  ///< as in the file: "gpt2" in the printable byte alphabet, "llama" with U+2581
    std::vector<float> scores;         ///< one per token, or empty
    std::vector<GgufTokenType> types;  ///< one per token, or empty
    std::vector<std::string> merges;   ///< "left right" by rank
    std::optional<std::uint32_t> bos;
    std::optional<std::uint32_t> eos;
    std::optional<std::uint32_t> eot;  ///< end of a chat turn
    std::optional<std::uint32_t> unknown;
    std::optional<bool> add_bos;           ///< put bos in front of a text
    std::optional<bool> add_space_prefix;  ///< "llama": put a space in front of a text
    std::string chat_template;             ///< Jinja text; empty: none
};

/// What this program's tokenizers can use of it. Returns nothing, and why in `reason`, for other kinds and
/// for vocabularies that contradict themselves.
std::optional<TokenizerData> convert_vocabulary(const GgufVocabulary& vocabulary, std::string& reason);

/// True when texts begin with the bos token: what the file says, else what its kind of tokenizer does.
bool begins_with_bos(const GgufVocabulary& vocabulary);

}  // namespace setun
