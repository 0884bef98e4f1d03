// setun run: text from a model on a device, with the cost of each token under it.
#include <fmt/format.h>

#include <algorithm>
#include <cstdio>
#include <limits>
#include <optional>
#include <sstream>

#include "host/cli/command.h"
#include "host/cli/device_options.h"
#include "host/cli/format.h"
#include "host/cli/model_options.h"
#include "host/error.h"
#include "host/generate.h"
#include "host/report.h"
#include "host/tokenizer.h"

namespace setun::cli {
namespace {

/// "1,2,3" to token ids.
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

void write_out(const std::string& text) {
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fflush(stdout);
}

class RunCommand final : public Command {
  public:
    void declare(CLI::App& parent) override;
    int run() override;

  private:
    [[nodiscard]] std::vector<std::uint32_t> prompt_ids(const Model& model,
                                                        const std::optional<Tokenizer>& tokenizer) const;
    GenerateResult run_request(const Model& model, Device& device, const std::optional<Tokenizer>& tokenizer,
                               GenerateRequest request);
    void print_report(const DeviceInfo& info, const GenerateResult& result) const;
    [[nodiscard]] Json json_report(const DeviceInfo& info, const GenerateResult& result,
                                   std::size_t prompt_tokens, const std::string& text) const;
    [[nodiscard]] std::string check_line(const GenerateResult& result) const;

    ModelOptions model_;
    DeviceOptions device_;
    SamplingOptions sampling_;
    std::optional<std::string> prompt_;
    std::optional<std::string> tokens_;
    std::uint32_t max_tokens_ = 64;
    bool no_verify_ = false;
    bool ignore_end_ = false;
    bool logits_ = false;
    double timeout_ = 0;
    std::string reference_name_;
};

void RunCommand::declare(CLI::App& parent) {
    CLI::App& app = make_app(parent, "run", "Generate text on a device and report what each token cost",
                             "setun run --prompt \"To be, or not\" -n 40 --memory ideal");
    add_model_options(app, model_, true);
    auto* prompt = app.add_option("--prompt", prompt_, "Text to continue [the model's begin-of-text token]");
    app.add_option("--tokens", tokens_, "Token ids to continue, e.g. 1,2,3, taken as they are")
        ->excludes(prompt);
    app.add_option("-n,--max-tokens", max_tokens_, "Tokens to generate at most")->capture_default_str();
    app.add_option("--temperature", sampling_.temperature, "0 = greedy")
        ->capture_default_str()
        ->group("Sampling");
    app.add_option("--top-k", sampling_.top_k, "Sample from the k likeliest tokens, 0 = all")
        ->capture_default_str()
        ->group("Sampling");
    app.add_option("--top-p", sampling_.top_p, "Sample from the likeliest tokens with this share")
        ->capture_default_str()
        ->group("Sampling");
    app.add_option("--seed", sampling_.seed, "Seed of the sampling")
        ->capture_default_str()
        ->group("Sampling");
    add_device_options(app, device_);
    app.add_flag("--no-verify", no_verify_, "Do not compare every product with the reference engine");
    app.add_flag("--ignore-end", ignore_end_, "Go on after the end-of-text token");
    app.add_flag("--logits", logits_, "With --json: logits behind every position");
    app.add_option("--timeout", timeout_, "Stop cleanly after this many seconds, 0 = never")
        ->capture_default_str();
}

std::vector<std::uint32_t> RunCommand::prompt_ids(const Model& model,
                                                  const std::optional<Tokenizer>& tokenizer) const {
    if (tokens_) {
        return parse_ids(*tokens_);
    }
    std::vector<std::uint32_t> ids;
    if (model.architecture.bos) {
        ids.push_back(*model.architecture.bos);
    }
    if (prompt_) {
        if (prompt_->empty()) {
            throw InputError(
                "--prompt is empty; give some text, or leave --prompt out to start from nothing");
        }
        if (!tokenizer) {
            const auto reason = model.metadata.find("no_tokenizer");
            throw InputError("the model has no tokenizer, so --prompt cannot be used; give --tokens 1,2,3" +
                             (reason == model.metadata.end() ? "" : " (" + reason->second + ")"));
        }
        const auto text = tokenizer->encode(*prompt_);
        ids.insert(ids.end(), text.begin(), text.end());
    } else if (ids.empty()) {
        ids.push_back(0);  // random weights have no begin-of-text token; any token starts them
    }
    return ids;
}

GenerateResult RunCommand::run_request(const Model& model, Device& device,
                                       const std::optional<Tokenizer>& tokenizer, GenerateRequest request) {
    const auto groups = product_groups(model);
    const LoweredModel lowered(groups, device);
    std::unique_ptr<ReferenceEngine> reference;
    if (!no_verify_) {
        reference = open_reference(device_, groups);
        reference_name_ = reference->name();
    }
    Progress progress("reading the prompt");
    Utf8Stream stream;
    bool prompt_shown = json() || !prompt_;
    const auto show_prompt = [&] {  // after the bar, which would wipe it, and only for an accepted request
        progress.clear();
        if (!prompt_shown) {
            write_out(*prompt_);
            prompt_shown = true;
        }
    };
    request.on_prompt = [&](double share) { progress.update(share); };
    if (!json()) {
        request.on_token = [&](std::uint32_t id) {
            show_prompt();
            write_out(tokenizer ? stream.push(tokenizer->bytes(id)) : fmt::format("{} ", id));
        };
    }
    Scheduler scheduler;
    scheduler.stop_on_signals();
    if (timeout_ > 0) {
        scheduler.stop_after(std::chrono::milliseconds(static_cast<std::int64_t>(timeout_ * 1000)));
    }
    GenerateResult result =
        generate(scheduler, model, lowered, scheduler.attach(device), reference.get(), request);
    if (!json()) {
        write_out(stream.finish() + "\n");
    }
    return result;
}

int RunCommand::run() {
    if (timeout_ < 0 || timeout_ > 1e6) {
        throw InputError(fmt::format("--timeout is {}; expected 0 to 1000000 seconds", timeout_));
    }
    Model model;  // before the device, which reads the weights where they are
    const std::unique_ptr<Device> device = open_device(device_);
    model = load_model(model_, device_.layout());
    std::optional<Tokenizer> tokenizer;
    if (model.tokenizer) {
        tokenizer.emplace(*model.tokenizer);
    }
    GenerateRequest request;
    request.prompt = prompt_ids(model, tokenizer);
    request.max_tokens = max_tokens_;
    request.sampling = sampling_;
    request.keep_logits = logits_ && json();
    if (!ignore_end_) {
        request.stop = model.architecture.eos;
    }
    const std::size_t prompt_tokens = request.prompt.size();
    const GenerateResult result = run_request(model, *device, tokenizer, std::move(request));
    if (json()) {
        print_json(json_report(device->info(), result, prompt_tokens,
                               tokenizer ? tokenizer->decode(result.tokens) : ""));
    } else {
        print_report(device->info(), result);
    }
    if (!result.stopped.empty()) {
        fmt::print(stderr, "setun: stopped after {} tokens: {}\n", result.tokens.size(), result.stopped);
        return kExitCheckFailed;
    }
    if (result.mismatches != 0) {
        throw CheckError(fmt::format("{} of {} products differ from the reference; first: {}",
                                     result.mismatches, result.products, result.first_mismatch));
    }
    return kExitOk;
}

std::string RunCommand::check_line(const GenerateResult& result) const {
    if (no_verify_) {
        return fmt::format("not verified ({} matrix products)", grouped(result.products));
    }
    if (result.mismatches != 0) {
        return fmt::format("MISMATCH: {} of {} matrix products differ from the {}",
                           grouped(result.mismatches), grouped(result.products), reference_name_);
    }
    return fmt::format("bit-exact with the golden model: {} of {} matrix products", grouped(result.verified),
                       grouped(result.products));
}

void RunCommand::print_report(const DeviceInfo& info, const GenerateResult& result) const {
    if (result.tokens.empty()) {
        return;
    }
    const RunReport report = make_report(info, result);
    const double steps = static_cast<double>(report.steps);
    const auto whole = [&](std::uint64_t value) {
        return grouped(static_cast<std::uint64_t>(static_cast<double>(value) / steps + 0.5));
    };
    const Counters& c = report.counters;
    Block block;
    block.add("tokens",
              fmt::format("{} in the prompt, {} generated", result.prompt.positions, result.tokens.size()));
    if (c.cycles != 0) {
        const double seconds = report.cycles_per_token / info.clock_hz;
        block.add("cycles",
                  fmt::format("{} per token: {} at {}, {} tokens/s", whole(c.cycles), si(seconds, "s"),
                              si(info.clock_hz, "Hz"), grouped(static_cast<std::uint64_t>(1 / seconds))));
        block.add("", fmt::format("ternary engine busy {}; waiting for weights {}, activations {}, results "
                                  "{}; start and drain {}",
                                  whole(c.busy), whole(c.stall_w), whole(c.stall_x), whole(c.stall_y),
                                  whole(idle_cycles(c))));
        block.add("roofline",
                  fmt::format("{} of what memory '{}' and {} x {} bit can stream",
                              percent(report.roofline.value_or(0)), info.memory, info.ports, info.port_bits));
        if (result.prompt.positions > 1) {
            block.add("prompt", fmt::format("{} cycles, {} per token", grouped(report.prompt_cycles),
                                            grouped(report.prompt_cycles /
                                                    std::max<std::uint64_t>(1, result.prompt.positions))));
        }
    }
    block.add("memory", fmt::format("{} per token, {} of it weights at 1.6 bit",
                                    si(report.bytes_per_token, "B"), si(report.weight_bytes_per_token, "B")));
    const energy::TokenEnergy& e = report.energy;
    block.add("energy",
              fmt::format("{} per token at 7 nm: {} arithmetic, {} memory ({})", si(e.setun.total_j(), "J"),
                          si(e.setun.arithmetic_j, "J"), si(e.setun.memory_j(), "J"), report.energy_memory));
    block.add("", fmt::format("{} on an FP16 MAC machine: arithmetic x{:.1f}, all x{:.1f}",
                              si(e.fp16.total_j(), "J"), e.arithmetic_ratio(), e.total_ratio()));
    block.add("speed",
              fmt::format("{}, {:.2f} s", si(report.weights_per_second, "weights/s"), result.seconds));
    block.add("integers", check_line(result));
    block.add("", "from " + info.engine + (no_verify_ ? "" : "; checked by " + reference_name_));
    fmt::print("\n{}", block.text());
    if (!report.decode_only) {
        fmt::print("  (one token: its figures include the prompt)\n");
    }
}

Json RunCommand::json_report(const DeviceInfo& info, const GenerateResult& result, std::size_t prompt_tokens,
                             const std::string& text) const {
    Json json{{"text", text},
              {"tokens", result.tokens},
              {"prompt_tokens", prompt_tokens},
              {"generated", result.tokens.size()}};
    if (!result.tokens.empty()) {
        const RunReport report = make_report(info, result);
        const Counters& c = report.counters;
        const double steps = static_cast<double>(report.steps);
        const auto per_token = [&](std::uint64_t value) { return static_cast<double>(value) / steps; };
        const bool timed = c.cycles != 0;
        const auto or_null = [&](auto value) { return timed ? Json(value) : Json(nullptr); };
        json["cycles"] = or_null(report.total_cycles);
        json["prompt_cycles"] = or_null(report.prompt_cycles);
        json["cycles_per_token"] = or_null(report.cycles_per_token);
        json["per_token_includes_prompt"] = !report.decode_only;
        json["busy_per_token"] = or_null(per_token(c.busy));
        json["stalls_per_token"] = timed ? Json{{"weights", per_token(c.stall_w)},
                                                {"activations", per_token(c.stall_x)},
                                                {"results", per_token(c.stall_y)},
                                                {"start_and_drain", per_token(idle_cycles(c))}}
                                         : Json(nullptr);
        json["beats_per_token"] = per_token(c.beats);
        json["roofline"] = report.roofline ? Json(*report.roofline) : Json(nullptr);
        json["clock_hz"] = or_null(info.clock_hz);
        json["tokens_per_s"] = or_null(info.clock_hz / std::max(1.0, report.cycles_per_token));
        json["bytes_per_token"] = report.bytes_per_token;
        json["weight_bytes_per_token"] = report.weight_bytes_per_token;
        json["energy_j_per_token"] = report.energy.setun.total_j();
        json["energy_fp16_j_per_token"] = report.energy.fp16.total_j();
        json["energy_arithmetic_j_per_token"] = report.energy.setun.arithmetic_j;
        json["energy_fp16_arithmetic_j_per_token"] = report.energy.fp16.arithmetic_j;
        json["energy_operations"] = report.energy.operations;
        json["energy_memory"] = report.energy_memory;
        json["sim_weights_per_s"] = report.weights_per_second;
    }
    json["seconds"] = result.seconds;
    json["products"] = result.products;
    json["verified_products"] = result.verified;
    json["mismatches"] = result.mismatches;
    json["verified"] = !no_verify_ && result.verified == result.products;
    json["device"] = info.name;
    json["engine"] = info.engine;
    json["reference"] = no_verify_ ? Json(nullptr) : Json(reference_name_);
    json["memory"] = info.memory.empty() ? Json(nullptr) : Json(info.memory);
    json["ports"] = info.ports;
    json["port_bits"] = info.port_bits;
    json["tokens_per_beat"] = info.tokens;
    if (!result.stopped.empty()) {
        json["stopped"] = result.stopped;
    }
    if (logits_) {
        json["logits"] = result.logits;
    }
    return json;
}

}  // namespace

std::unique_ptr<Command> make_run_command() { return std::make_unique<RunCommand>(); }

}  // namespace setun::cli
