// Readers of the files in which checkpoints keep their tokenizer.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>

#include "host/base/file.h"
#include "host/text/gguf_vocabulary.h"
#include "host/text/tokenizer_data.h"

namespace setun {

/// Reads tokenizer.json of the `tokenizers` library: byte-level BPE with the pre-tokenizer of GPT-2 or Llama
/// 3, or the BPE with byte fallback that Llama 1 and 2 have. Throws InputError naming the field for anything
/// else.
TokenizerData read_tokenizer_json(const MappedFile& file);
inline TokenizerData read_tokenizer_json(const std::filesystem::path& path) {
    return read_tokenizer_json(MappedFile::open(path));
}

/// Reads a tiktoken rank file: lines "base64 rank". 128000 ranks get the 256 special tokens of Llama 3, which
/// that format leaves to programs. Words are cut as Llama 3 does. Throws InputError naming the line.
TokenizerData read_tiktoken(const MappedFile& file);
inline TokenizerData read_tiktoken(const std::filesystem::path& path) {
    return read_tiktoken(MappedFile::open(path));
}

/// Reads a SentencePiece model of type BPE with the identity normaliser. Throws InputError naming the field.
TokenizerData read_sentencepiece(const MappedFile& file);
inline TokenizerData read_sentencepiece(const std::filesystem::path& path) {
    return read_sentencepiece(MappedFile::open(path));
}

/// Any of these, told apart by its first byte.
TokenizerData read_tokenizer_file(const MappedFile& file);
inline TokenizerData read_tokenizer_file(const std::filesystem::path& path) {
    return read_tokenizer_file(MappedFile::open(path));
}

/// The vocabulary of a GGUF file, model "gpt2" or "llama". `where` names the file. Throws InputError naming
/// the field.
TokenizerData read_gguf_vocabulary(const GgufVocabulary& vocabulary, const std::string& where);

/// Whether texts begin with the bos token when a GGUF file does not say: SentencePiece and Llama 3 do.
bool gguf_begins_with_bos(const GgufVocabulary& vocabulary);

/// The tokenizer of a Hugging Face directory: tokenizer.json, or tokenizer.model (tiktoken or SentencePiece)
/// with added_tokens.json; then what tokenizer_config.json says about the begin-of-text token and the chat
/// template. Nothing when the directory has no tokenizer.
std::optional<TokenizerData> read_folder_tokenizer(const FileFolder& folder);
inline std::optional<TokenizerData> read_folder_tokenizer(const std::filesystem::path& directory) {
    return read_folder_tokenizer(FileFolder(directory));
}

}  // namespace setun
