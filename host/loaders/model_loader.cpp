// Opens a model of any supported form, which the content decides.
#include "host/loaders/model_loader.h"

#include <fmt/format.h>

#include <algorithm>
#include <vector>

#include "host/base/error.h"
#include "host/base/file.h"
#include "host/loaders/gguf_loader.h"
#include "host/loaders/hf_loader.h"
#include "host/model/model_file.h"

namespace setun {
namespace {

namespace fs = std::filesystem;

/// The GGUF file that a directory without config.json stands for.
fs::path gguf_in(const fs::path& directory) {
    std::vector<fs::path> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(directory, error)) {
        if (entry.path().extension() == ".gguf") {
            found.push_back(entry.path());
        }
    }
    std::sort(found.begin(), found.end());
    if (found.size() > 1) {
        throw InputError(fmt::format("'{}' holds {} .gguf files; give one of them, e.g. {}",
                                     directory.string(), found.size(), found.front().string()));
    }
    if (found.empty()) {
        throw InputError(
            fmt::format("'{}' holds neither config.json (a Hugging Face BitNet directory) nor a "
                        ".gguf file",
                        directory.string()));
    }
    return found.front();
}

}  // namespace

ModelForm model_form(const fs::path& path) {
    if (fs::is_directory(path)) {
        return fs::exists(path / "config.json") ? ModelForm::kHuggingFace : model_form(gguf_in(path));
    }
    if (is_model_file(path)) {
        return ModelForm::kSetun;
    }
    if (is_gguf_file(MappedFile::open(path).bytes())) {
        return ModelForm::kGguf;
    }
    if (path.extension() == ".safetensors") {
        throw InputError(fmt::format(
            "'{}' alone does not describe a model; give its directory, with config.json", path.string()));
    }
    throw InputError(
        fmt::format("'{}' is not a model; supported: .setun files, GGUF files, Hugging Face BitNet "
                    "directories",
                    path.string()));
}

Model load_model_path(const fs::path& path, const StreamLayout& layout,
                      const std::function<void(double)>& progress) {
    switch (model_form(path)) {
        case ModelForm::kHuggingFace:
            return load_hugging_face(path, layout, progress);
        case ModelForm::kGguf:
            return load_gguf(fs::is_directory(path) ? gguf_in(path) : path, layout, progress);
        default: {
            Model model = open_model(path);
            repack(model, layout);
            return model;
        }
    }
}

}  // namespace setun
