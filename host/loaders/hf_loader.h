// Loads a Hugging Face BitNet directory: config.json, safetensors (one file or shards), tokenizer.json.
#pragma once

#include <filesystem>
#include <functional>

#include "host/base/file.h"
#include "host/model/model.h"

namespace setun {

/// Loads a directory and packs it for `layout`. `progress`, when given, is called with the share done in [0,
/// 1]. What is read and what is refused: docs/models.md. Master weights (F32, F16, BF16) are ternarised where
/// config.json says that the model does so itself; U8 weights are unpacked, and their weight_scale is taken
/// as a factor for linear_class "autobitlinear" and as a divisor otherwise. A tokenizer that cannot be used
/// is left out, with the reason in metadata "no_tokenizer". Throws InputError with file, tensor or field, and
/// remedy.
Model load_hugging_face(const FileFolder& folder, const StreamLayout& layout,
                        const std::function<void(double)>& progress = {});
inline Model load_hugging_face(const std::filesystem::path& directory, const StreamLayout& layout,
                               const std::function<void(double)>& progress = {}) {
    return load_hugging_face(FileFolder(directory), layout, progress);
}

}  // namespace setun
