// What a byte-level BPE tokenizer consists of, and its two file forms: Setun's binary section and
// tokenizer.json.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <span>
#include <string>
#include <vector>

namespace setun {

/// How text is cut into words before merging.
enum class PreTokenizer : std::uint32_t {
    kGpt2 = 0,    ///< the regular expression of GPT-2
    kLlama3 = 1,  ///< the regular expression of Llama 3 (numbers in groups of up to three)
};

/// Role of a vocabulary entry.
enum class TokenKind : std::uint8_t {
    kNormal = 0,   ///< reached by merging
    kAdded = 1,    ///< matched literally in text before merging
    kSpecial = 2,  ///< like kAdded, and hidden when text is produced
};

/// Two adjacent tokens that become one. The rank is the index in the list.
struct Merge {
    std::uint32_t left = 0;
    std::uint32_t right = 0;
    std::uint32_t result = 0;
    bool operator==(const Merge&) const = default;
};

/// Vocabulary and rules. Token texts are raw bytes (the printable byte alphabet of tokenizer.json is undone).
struct TokenizerData {
    PreTokenizer pre = PreTokenizer::kGpt2;
    bool ignore_merges = false;  ///< a whole word that is in the vocabulary is taken without merging
    std::vector<std::string> tokens;
    std::vector<TokenKind> kinds;  ///< one per token
    std::vector<Merge> merges;     ///< by rank
    bool operator==(const TokenizerData&) const = default;
};

/// The binary section of a model file (docs/model-file.md section 5).
std::vector<std::byte> serialise_tokenizer(const TokenizerData& data);

/// The inverse. Throws InputError naming `where` and the field when anything is out of bounds or
/// inconsistent.
TokenizerData parse_tokenizer(std::span<const std::byte> bytes, const std::string& where);

/// Reads tokenizer.json of the `tokenizers` library. Throws InputError for anything but a byte-level BPE
/// model with one of the two known pre-tokenizers.
TokenizerData read_tokenizer_json(const std::filesystem::path& path);

}  // namespace setun
