// The options that choose a model, the same for every command that uses one.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <filesystem>
#include <string>

#include "host/model/model.h"

namespace setun::cli {

struct ModelOptions {
    std::string model;  ///< file or directory; empty: SETUN_MODEL, or the model that ships
    std::string shape;  ///< random weights instead
    std::uint64_t shape_seed = 1;
};

/// Declares --model, and with `with_shape` --shape and --shape-seed.
void add_model_options(CLI::App& app, ModelOptions& options, bool with_shape);

/// Declares --kv, the format of the key/value cache; kv_format() (host/model/decoder.h) reads what was given.
void add_kv_option(CLI::App& app, std::string& kv);

/// The path that --model, SETUN_MODEL or the search for models/*.setun gives. Throws InputError saying what
/// to do.
std::filesystem::path find_model(const std::string& given);

/// Throws InputError when random weights of `bytes` for a shape are more than the machine's memory.
void require_memory(const std::string& shape, std::uint64_t bytes);

/// Says on stderr, in one line, why a model from outside has no tokenizer.
void note_missing_tokenizer(const Model& model);

/// Loads a model of any supported form, or makes random weights, in `layout`.
Model load_model(const ModelOptions& options, const StreamLayout& layout);

}  // namespace setun::cli
