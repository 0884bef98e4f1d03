// Opens a model of any supported form, which the content decides.
#pragma once

#include <filesystem>
#include <functional>

#include "host/model/model.h"

namespace setun {

enum class ModelForm { kSetun, kGguf, kHuggingFace };

/// What `path` is, by magic number; a directory is a Hugging Face one, or stands for the one .gguf file in
/// it. Throws InputError listing what is supported when it is none.
ModelForm model_form(const std::filesystem::path& path);

/// Loads `path` in whatever form it has and brings it into `layout`. `progress`, when given, is called with
/// the share done in [0, 1]. Throws InputError as the loaders do.
Model load_model_path(const std::filesystem::path& path, const StreamLayout& layout,
                      const std::function<void(double)>& progress = {});

}  // namespace setun
