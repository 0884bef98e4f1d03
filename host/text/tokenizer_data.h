// What a tokenizer consists of, whichever file it comes from, and its binary section in a model file.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "host/text/pre_tokenizer.h"

namespace setun {

/// Which algorithm turns text into tokens.
enum class TokenizerKind : std::uint8_t {
    kByteMerges = 0,  ///< byte-level BPE, pairs joined in the order of `merges` (GPT-2, tokenizer.json, GGUF)
    kByteRanks =
        1,  ///< byte-level BPE, the pair joined first is the one whose result has the lowest id (tiktoken)
    kSentencePiece =
        2,  ///< BPE over characters, the pair whose result has the highest score first, or by `merges`
};

/// Role of a vocabulary entry.
enum class TokenKind : std::uint8_t {
    kNormal = 0,   ///< reached by merging
    kAdded = 1,    ///< matched literally in text before merging
    kSpecial = 2,  ///< like kAdded where special tokens are wanted, and hidden when text is produced
    kByte = 3,     ///< SentencePiece: one byte of a character that the vocabulary lacks
    kUnknown = 4,  ///< SentencePiece: stands for a character that cannot be written otherwise
    kUnused = 5,   ///< never produced and hidden: fills a vocabulary up
};

/// When a SentencePiece vocabulary puts a space in front of text.
enum class SpacePrefix : std::uint8_t {
    kNever = 0,
    kAlways = 1,             ///< before every stretch of text between special tokens
    kFirst = 2,              ///< only where nothing stands before
    kAlwaysUnlessSpace = 3,  ///< as kAlways, but not before text that begins with a space (Metaspace)
    kFirstUnlessSpace = 4,
};

/// Two adjacent tokens that become one. The rank is the index in the list.
struct Merge {
    std::uint32_t left = 0;
    std::uint32_t right = 0;
    std::uint32_t result = 0;
    bool operator==(const Merge&) const = default;
};

/// Vocabulary and rules. Token texts are raw bytes: the printable byte alphabet of GPT-2 is undone, U+2581 is
/// a space, "<0x0A>" is the byte.
struct TokenizerData {
    TokenizerKind kind = TokenizerKind::kByteMerges;
    PreTokenizer pre = PreTokenizer::kGpt2;  ///< byte-level only
    bool ignore_merges =
        false;  ///< byte-level: a whole word that is in the vocabulary is taken without merging
    SpacePrefix prefix = SpacePrefix::kNever;  ///< SentencePiece only
    bool add_bos = true;  ///< put the model's begin-of-text token, if it has one, in front of a prompt
    std::vector<std::string> tokens;
    std::vector<TokenKind> kinds;  ///< one per token
    std::vector<Merge> merges;     ///< by rank; empty for kByteRanks
    std::vector<float> scores;     ///< SentencePiece without merges: one per token; otherwise empty
    std::string chat_template;     ///< Jinja source as the model's files have it, or empty
    bool operator==(const TokenizerData&) const = default;
};

/// Largest vocabularies and lists that any reader accepts.
constexpr std::uint32_t kMaxTokens = 1U << 22;
constexpr std::uint32_t kMaxMerges = 1U << 24;
constexpr std::uint32_t kMaxChatTemplateBytes = 1U << 20;

/// The binary section of a model file (docs/model-file.md section 5).
std::vector<std::byte> serialise_tokenizer(const TokenizerData& data);

/// The inverse. Throws InputError naming `where` and the field when anything is out of bounds or
/// inconsistent.
TokenizerData parse_tokenizer(std::span<const std::byte> bytes, const std::string& where);

/// Refuses a tokenizer that cannot belong to an embedding of `vocab` rows: more tokens than rows, or fewer by
/// more than the padding that checkpoints have (1024 rows, or a sixteenth). Throws InputError naming `where`.
void check_tokenizer_fits(const TokenizerData& data, std::uint32_t vocab, const std::string& where);

}  // namespace setun
