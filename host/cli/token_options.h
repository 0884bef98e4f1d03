// Options that say with which tokens a text begins, the same for every command that takes one.
#pragma once

#include <CLI/CLI.hpp>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "host/model/model.h"

namespace setun::cli {

/// "1,2,3" to token ids. Throws InputError naming the part that is not one.
std::vector<std::uint32_t> parse_ids(const std::string& text);

/// Declares --bos and --no-bos.
void add_bos_option(CLI::App& app, std::optional<bool>& bos);

/// Whether the begin-of-text token goes in front: as given, otherwise as the model's tokenizer says. Throws
/// InputError when it was asked for and the model names none.
bool wants_bos(const std::optional<bool>& given, const Model& model);

}  // namespace setun::cli
