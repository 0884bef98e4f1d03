// Loads a ternary model from a GGUF file.
#pragma once

#include <filesystem>
#include <functional>

#include "host/loaders/gguf.h"
#include "host/model/model.h"
#include "host/text/gguf_vocabulary.h"

namespace setun {

/// Loads a file and packs it for `layout`. `progress`, when given, is called with the share done in [0, 1].
/// What is read and what is refused: docs/models.md. A tokenizer that cannot be used is left out, with the
/// reason in metadata "no_tokenizer". Throws InputError with file, key or tensor, what was expected and what
/// was found.
Model load_gguf(MappedFile file, const StreamLayout& layout,
                const std::function<void(double)>& progress = {});
inline Model load_gguf(const std::filesystem::path& path, const StreamLayout& layout,
                       const std::function<void(double)>& progress = {}) {
    return load_gguf(MappedFile::open(path), layout, progress);
}

/// The keys "tokenizer.ggml.*" of an open file. Throws InputError when lists have different lengths or an id
/// is outside of the vocabulary.
GgufVocabulary read_vocabulary(const GgufFile& file);

}  // namespace setun
