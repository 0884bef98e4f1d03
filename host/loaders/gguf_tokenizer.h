// From the vocabulary of a GGUF file to a tokenizer.
#pragma once

#include <optional>
#include <string>

#include "host/gguf_vocabulary.h"
#include "host/tokenizer_data.h"

namespace setun {

/// What this program's tokenizers can use of it. Returns nothing, and why in `reason`, for other kinds and
/// for vocabularies that contradict themselves.
std::optional<TokenizerData> convert_vocabulary(const GgufVocabulary& vocabulary, std::string& reason);

/// Whether texts begin with the bos token when the file does not say: SentencePiece and Llama 3 do.
bool begins_with_bos_by_kind(const GgufVocabulary& vocabulary);

}  // namespace setun
