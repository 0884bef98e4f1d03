// The options that say how tokens are drawn, the same for every command that draws some.
#pragma once

#include <CLI/CLI.hpp>

#include "host/generate/sampler.h"

namespace setun::cli {

/// Declares --temperature, --top-k, --top-p and --seed.
void add_sampling_options(CLI::App& app, SamplingOptions& options);

}  // namespace setun::cli
