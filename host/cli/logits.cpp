// setun logits: the logits behind every token of a given text, for comparison with other programs.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <numeric>
#include <optional>

#include "host/base/error.h"
#include "host/cli/command.h"
#include "host/cli/device_options.h"
#include "host/cli/format.h"
#include "host/cli/model_options.h"
#include "host/cli/token_options.h"
#include "host/generate/generate.h"
#include "host/text/tokenizer.h"

namespace setun::cli {
namespace {

constexpr std::size_t kTop = 10;

/// The largest logits and their tokens, or all of them.
struct Position {
    std::vector<std::pair<std::uint32_t, float>> top;
    std::vector<float> logits;
};

/// Largest first, the lower id first among equals, NaN last.
std::vector<std::pair<std::uint32_t, float>> top_of(std::span<const float> logits) {
    std::vector<std::uint32_t> order(logits.size());
    std::iota(order.begin(), order.end(), 0U);
    const std::size_t count = std::min(kTop, order.size());
    std::partial_sort(order.begin(), order.begin() + static_cast<std::ptrdiff_t>(count), order.end(),
                      [&](std::uint32_t a, std::uint32_t b) {
                          const bool nan_a = std::isnan(logits[a]);
                          const bool nan_b = std::isnan(logits[b]);
                          if (nan_a != nan_b) {
                              return nan_b;
                          }
                          return !nan_a && logits[a] != logits[b] ? logits[a] > logits[b] : a < b;
                      });
    std::vector<std::pair<std::uint32_t, float>> top;
    for (std::size_t i = 0; i < count; ++i) {
        top.emplace_back(order[i], logits[order[i]]);
    }
    return top;
}

/// The shortest decimal that gives the same float32 again; JSON has no infinity or NaN.
std::string number(float value) { return std::isfinite(value) ? fmt::format("{}", value) : "null"; }

class LogitsCommand final : public Command {
  public:
    void declare(CLI::App& parent) override;
    int run() override;

  private:
    [[nodiscard]] std::vector<std::uint32_t> tokens_of(const Model& model) const;
    [[nodiscard]] std::vector<Position> compute(const Model& model, Device& device,
                                                const std::vector<std::uint32_t>& tokens);
    void print_json_form(const DeviceInfo& info, const std::vector<std::uint32_t>& tokens,
                         const std::vector<Position>& positions) const;
    void print_text_form(const std::vector<std::uint32_t>& tokens,
                         const std::vector<Position>& positions) const;

    ModelOptions model_;
    DeviceOptions device_;
    std::optional<std::string> tokens_;
    std::optional<std::string> prompt_;
    std::optional<bool> bos_;
    std::string kv_ = "float32";
    bool all_ = false;
    bool no_verify_ = false;
    std::uint64_t products_ = 0;
    std::uint64_t mismatches_ = 0;
};

void LogitsCommand::declare(CLI::App& parent) {
    CLI::App& app = make_app(parent, "logits", "Logits behind every token of a text, for comparison",
                             "setun logits --model FILE --tokens 1,2,3 --device cpu --json");
    add_model_options(app, model_, true);
    auto* tokens = app.add_option("--tokens", tokens_, "Token ids, e.g. 1,2,3, taken as they are");
    app.add_option("--prompt", prompt_, "Text in place of token ids")->excludes(tokens);
    add_bos_option(app, bos_);
    add_kv_option(app, kv_);
    app.add_flag("--all", all_, "Every logit, not only the ten largest");
    app.add_flag("--no-verify", no_verify_, "Do not compare every product with the reference engine");
    add_device_options(app, device_);
}

std::vector<std::uint32_t> LogitsCommand::tokens_of(const Model& model) const {
    if (tokens_) {
        return parse_ids(*tokens_);
    }
    if (!prompt_) {
        throw InputError("give the text as --tokens 1,2,3 or as --prompt TEXT");
    }
    if (!model.tokenizer) {
        throw InputError("the model has no tokenizer, so --prompt cannot be used; give --tokens 1,2,3");
    }
    std::vector<std::uint32_t> ids;
    if (wants_bos(bos_, model)) {
        ids.push_back(*model.architecture.bos);
    }
    const auto text = Tokenizer(*model.tokenizer).encode(*prompt_);
    ids.insert(ids.end(), text.begin(), text.end());
    return ids;
}

/// One token after the other, each from the given text whatever the model would have chosen.
std::vector<Position> LogitsCommand::compute(const Model& model, Device& device,
                                             const std::vector<std::uint32_t>& tokens) {
    if (tokens.size() > model.architecture.context) {
        throw InputError(fmt::format("{} tokens, and the model's context is {}; give fewer", tokens.size(),
                                     model.architecture.context));
    }
    const auto groups = product_groups(model);
    const LoweredModel lowered(groups, device);
    const std::unique_ptr<ReferenceEngine> reference = no_verify_ ? nullptr : open_reference(device_, groups);
    Decoder decoder(model, static_cast<std::uint32_t>(tokens.size()), kv_format(kv_));
    std::vector<Position> positions;
    Progress progress("reading the tokens");
    for (const std::uint32_t token : tokens) {
        GenerateRequest request;
        request.prompt = {token};
        request.keep_logits = true;
        request.decoder = &decoder;
        Scheduler scheduler;
        scheduler.stop_on_signals();
        GenerateResult result =
            generate(scheduler, model, lowered, scheduler.attach(device), reference.get(), request);
        products_ += result.products;
        mismatches_ += result.mismatches;
        if (!result.stopped.empty()) {
            throw CheckError(fmt::format("stopped at position {} of {}: {}", positions.size(), tokens.size(),
                                         result.stopped));
        }
        if (result.mismatches != 0) {
            throw CheckError(
                fmt::format("{} of {} products at position {} differ from the reference; first: {}",
                            result.mismatches, result.products, positions.size(), result.first_mismatch));
        }
        Position position;
        position.top = top_of(result.logits.at(0));
        if (all_) {
            position.logits = std::move(result.logits[0]);
        }
        positions.push_back(std::move(position));
        progress.update(static_cast<double>(positions.size()) / static_cast<double>(tokens.size()));
    }
    return positions;
}

void LogitsCommand::print_json_form(const DeviceInfo& info, const std::vector<std::uint32_t>& tokens,
                                    const std::vector<Position>& positions) const {
    // Written here and not by the JSON library: it has no float32, and all logits of a text can be gigabytes.
    fmt::print("{{\"tokens\": [{}],\n\"positions\": [", fmt::join(tokens, ", "));
    for (std::size_t p = 0; p < positions.size(); ++p) {
        fmt::print("{}\n{{\"position\": {}, \"top\": [", p == 0 ? "" : ",", p);
        for (std::size_t i = 0; i < positions[p].top.size(); ++i) {
            const auto& [id, logit] = positions[p].top[i];
            fmt::print("{}[{}, {}]", i == 0 ? "" : ", ", id, number(logit));
        }
        fmt::print("]");
        if (all_) {
            fmt::print(", \"logits\": [");
            for (std::size_t i = 0; i < positions[p].logits.size(); ++i) {
                fmt::print("{}{}", i == 0 ? "" : ", ", number(positions[p].logits[i]));
            }
            fmt::print("]");
        }
        fmt::print("}}");
    }
    const Json rest{{"kv", kv_},
                    {"device", info.name},
                    {"engine", info.engine},
                    {"products", products_},
                    {"mismatches", mismatches_},
                    {"verified", !no_verify_}};
    const std::string text = rest.dump(-1, ' ', false, Json::error_handler_t::replace);
    fmt::print("],\n{}\n", text.substr(1));
}

void LogitsCommand::print_text_form(const std::vector<std::uint32_t>& tokens,
                                    const std::vector<Position>& positions) const {
    for (std::size_t p = 0; p < positions.size(); ++p) {
        fmt::print("{:>6} {:>8} ", p, tokens[p]);
        for (const auto& [id, logit] : positions[p].top) {
            fmt::print(" {}:{}", id, logit);
        }
        fmt::print("\n");
        if (all_) {
            fmt::print("{}\n", fmt::join(positions[p].logits, " "));
        }
    }
}

int LogitsCommand::run() {
    kv_format(kv_);  // before a model is loaded
    Model model;     // before the device, which reads the weights where they are
    const std::unique_ptr<Device> device = open_device(device_);
    model = load_model(model_, device_.layout());
    const auto tokens = tokens_of(model);
    const auto positions = compute(model, *device, tokens);
    if (json()) {
        print_json_form(device->info(), tokens, positions);
    } else {
        print_text_form(tokens, positions);
    }
    return kExitOk;
}

}  // namespace

std::unique_ptr<Command> make_logits_command() { return std::make_unique<LogitsCommand>(); }

}  // namespace setun::cli
