// The options that say how tokens are drawn, the same for every command that draws some.
#include "host/cli/sampling_options.h"

namespace setun::cli {

void add_sampling_options(CLI::App& app, SamplingOptions& options) {
    const char* group = "Sampling";
    app.add_option("--temperature", options.temperature, "0 = greedy")->capture_default_str()->group(group);
    app.add_option("--top-k", options.top_k, "Sample from the k likeliest tokens, 0 = all")
        ->capture_default_str()
        ->group(group);
    app.add_option("--top-p", options.top_p, "Sample from the likeliest tokens with this share")
        ->capture_default_str()
        ->group(group);
    app.add_option("--seed", options.seed, "Seed of the sampling")->capture_default_str()->group(group);
}

}  // namespace setun::cli
