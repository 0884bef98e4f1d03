// The options that choose a model, the same for every command that uses one.
#include "host/cli/model_options.h"

#include <fmt/format.h>
#include <unistd.h>

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "host/base/error.h"
#include "host/cli/format.h"
#include "host/loaders/model_loader.h"
#include "host/schedule/shape_list.h"

namespace setun::cli {
namespace {

namespace fs = std::filesystem;

/// Folders in which the model that ships may lie: models/ beside or above the executable, and in the source
/// tree.
std::vector<fs::path> model_folders() {
    std::vector<fs::path> folders;
    std::error_code ignored;
    fs::path at = fs::read_symlink("/proc/self/exe", ignored).parent_path();
    for (int level = 0; level < 6 && !at.empty(); ++level, at = at.parent_path()) {
        folders.push_back(at / "models");
        folders.push_back(at / "share" / "setun" / "models");
        if (at == at.root_path()) {
            break;
        }
    }
    folders.emplace_back(fs::path(SETUN_SOURCE_DIR) / "models");
    return folders;
}

std::vector<fs::path> models_in(const fs::path& folder) {
    std::vector<fs::path> found;
    std::error_code error;
    for (const auto& entry : fs::directory_iterator(folder, error)) {
        if (entry.path().extension() == ".setun") {
            found.push_back(entry.path());
        }
    }
    std::sort(found.begin(), found.end());
    return found;
}

}  // namespace

void add_model_options(CLI::App& app, ModelOptions& options, bool with_shape) {
    const char* group = "Model";
    auto* model =
        app.add_option("--model", options.model,
                       "Packed model file, GGUF file or Hugging Face directory [the model in models/, or "
                       "SETUN_MODEL]")
            ->group(group);
    if (with_shape) {
        app.add_option("--shape", options.shape, "Random weights of a known shape: " + known_shape_names())
            ->group(group)
            ->excludes(model);
        app.add_option("--shape-seed", options.shape_seed, "Seed of the random weights")
            ->capture_default_str()
            ->group(group);
    }
}

void add_kv_option(CLI::App& app, std::string& kv) {
    app.add_option("--kv", kv,
                   "Keep keys and values as float32 or int8 (a quarter of the memory, may change the text)")
        ->capture_default_str();
}

fs::path find_model(const std::string& given) {
    if (!given.empty()) {
        if (!fs::exists(given)) {
            throw InputError(
                fmt::format("model '{}' does not exist; give --model a .setun file, a GGUF file or a Hugging "
                            "Face directory",
                            given));
        }
        return given;
    }
    const char* variable = std::getenv("SETUN_MODEL");
    if (variable != nullptr && *variable != '\0') {
        if (!fs::exists(variable)) {
            throw InputError(fmt::format(
                "model '{}' from SETUN_MODEL does not exist; correct or unset SETUN_MODEL", variable));
        }
        return variable;
    }
    for (const fs::path& folder : model_folders()) {
        const auto found = models_in(folder);
        if (found.size() > 1) {
            throw InputError(
                fmt::format("{} models in '{}'; choose one with --model", found.size(), folder.string()));
        }
        if (!found.empty()) {
            return found.front();
        }
    }
    throw InputError("no model found in models/; give --model FILE, or --shape NAME for random weights");
}

void require_memory(const std::string& shape, std::uint64_t bytes) {
    const auto machine = static_cast<std::uint64_t>(::sysconf(_SC_PHYS_PAGES)) *
                         static_cast<std::uint64_t>(::sysconf(_SC_PAGESIZE));
    if (bytes > machine) {
        throw InputError(
            fmt::format("random weights of shape '{}' are {}, this machine has {}; for its cycles use setun "
                        "bench --device cpu",
                        shape, si(static_cast<double>(bytes), "B"), si(static_cast<double>(machine), "B")));
    }
}

void note_missing_tokenizer(const Model& model) {
    const auto reason = model.metadata.find("no_tokenizer");
    if (!model.tokenizer && reason != model.metadata.end()) {
        fmt::print(stderr, "setun: note: no tokenizer, only --tokens can be used: {}\n", reason->second);
    }
}

Model load_model(const ModelOptions& options, const StreamLayout& layout) {
    if (!options.shape.empty()) {
        const Architecture architecture = known_shape(options.shape);
        require_memory(options.shape, shape_bytes(architecture, layout));
        return random_model(architecture, options.shape, options.shape_seed, layout);
    }
    const fs::path path = find_model(options.model);
    Progress progress("packing " + path.string());
    Model model = load_model_path(path, layout, [&](double share) { progress.update(share); });
    progress.clear();
    note_missing_tokenizer(model);
    return model;
}

}  // namespace setun::cli
