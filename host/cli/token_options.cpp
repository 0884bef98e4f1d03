// Options that say with which tokens a text begins, the same for every command that takes one.
#include "host/cli/token_options.h"

#include <fmt/format.h>

#include <algorithm>
#include <limits>
#include <sstream>

#include "host/base/error.h"

namespace setun::cli {

std::vector<std::uint32_t> parse_ids(const std::string& text) {
    std::vector<std::uint32_t> ids;
    std::stringstream list(text);
    for (std::string item; std::getline(list, item, ',');) {
        const bool digits =
            !item.empty() && item.size() <= 10 &&
            std::all_of(item.begin(), item.end(), [](char c) { return c >= '0' && c <= '9'; });
        const unsigned long long value =
            digits ? std::stoull(item) : std::numeric_limits<unsigned long long>::max();
        if (value > std::numeric_limits<std::uint32_t>::max()) {
            throw InputError(fmt::format("--tokens: '{}' is not a token id; write ids like 1,2,3", item));
        }
        ids.push_back(static_cast<std::uint32_t>(value));
    }
    if (ids.empty()) {
        throw InputError("--tokens is empty; write ids like 1,2,3");
    }
    return ids;
}

void add_bos_option(CLI::App& app, std::optional<bool>& bos) {
    // Not add_flag on the optional: CLI11 2.1 would set it to false when neither is given.
    auto* with = app.add_flag_callback(
        "--bos", [&bos] { bos = true; }, "Begin with the begin-of-text token [as the model says]");
    app.add_flag_callback(
           "--no-bos", [&bos] { bos = false; }, "Begin without it")
        ->excludes(with);
}

bool wants_bos(const std::optional<bool>& given, const Model& model) {
    if (given == true && !model.architecture.bos) {
        throw InputError("--bos: the model names no begin-of-text token; leave --bos out");
    }
    const bool usual = !model.tokenizer || model.tokenizer->add_bos;
    return model.architecture.bos && given.value_or(usual);
}

}  // namespace setun::cli
