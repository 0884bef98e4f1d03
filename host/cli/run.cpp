// setun run: text from a model on a device, with the cost of each token under it.
#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <cstdio>
#include <optional>
#include <sstream>
#include <utility>

#include "host/cli/command.h"
#include "host/cli/device_options.h"
#include "host/cli/energy_report.h"
#include "host/cli/energy_run.h"
#include "host/cli/format.h"
#include "host/cli/model_options.h"
#if SETUN_HAS_VP
#include "host/cli/run_chip.h"
#endif
#include "host/base/error.h"
#include "host/base/file.h"
#include "host/cli/sampling_options.h"
#include "host/cli/token_options.h"
#include "host/generate/generate.h"
#include "host/generate/run_report.h"
#include "host/text/tokenizer.h"

namespace setun::cli {
namespace {

constexpr std::uint32_t kMaxBatch = 1024;
constexpr std::size_t kMaxPromptsFile = std::size_t{16} << 20U;  ///< bytes

class RunCommand final : public Command {
  public:
    void declare(CLI::App& parent) override;
    int run() override;

  private:
    void check_options() const;
    int run_chip();
    [[nodiscard]] std::vector<std::string> prompts() const;
    [[nodiscard]] std::vector<std::uint32_t> prompt_ids(const Model& model,
                                                        const std::optional<Tokenizer>& tokenizer,
                                                        const std::string* prompt) const;
    [[nodiscard]] std::vector<GenerateRequest> make_requests(const Model& model,
                                                             const std::optional<Tokenizer>& tokenizer);
    BatchResult run_requests(const Model& model, Device& device, const std::optional<Tokenizer>& tokenizer,
                             std::vector<GenerateRequest> requests);
    void print_texts(const BatchResult& result, const std::optional<Tokenizer>& tokenizer) const;
    void print_report(const DeviceInfo& info, const BatchResult& result) const;
    [[nodiscard]] Json json_report(const DeviceInfo& info, const BatchResult& result,
                                   const std::vector<std::size_t>& prompt_tokens,
                                   const std::optional<Tokenizer>& tokenizer) const;
    [[nodiscard]] std::string check_line(const BatchResult& result) const;

    ModelOptions model_;
    DeviceOptions device_;
    SamplingOptions sampling_;
    std::vector<std::string> prompts_;
    std::optional<std::string> prompts_file_;
    std::uint32_t batch_ = 1;
    std::vector<std::string> shown_;  ///< prompt of each request, as text
    std::optional<std::string> tokens_;
    std::optional<bool> bos_;
    std::uint32_t max_tokens_ = 64;
    bool no_verify_ = false;
    bool ignore_end_ = false;
    bool logits_ = false;
    std::string head_exit_ = "on";
    std::string kv_ = "float32";
    std::uint32_t head_planes_ = 0;  ///< of the model that ran
    bool energy_ = false;
    std::string tech_ = "7nm";
    const Model* ran_ = nullptr;  ///< the model that ran
    double timeout_ = 0;
    std::string reference_name_;
};

void RunCommand::declare(CLI::App& parent) {
    CLI::App& app = make_app(parent, "run", "Generate text on a device and report what each token cost",
                             "setun run --prompt \"To be, or not\" -n 40 --memory ideal");
    add_model_options(app, model_, true);
    auto* prompt = app.add_option("--prompt", prompts_,
                                  "Text to continue; several are continued together [the model's "
                                  "begin-of-text token]")
                       ->allow_extra_args(false);
    auto* file =
        app.add_option("--prompts-file", prompts_file_, "Texts to continue, one a line")->excludes(prompt);
    app.add_option("--tokens", tokens_, "Token ids to continue, e.g. 1,2,3, taken as they are")
        ->excludes(prompt)
        ->excludes(file);
    app.add_option("--batch", batch_, "Continue each text so many times, with seeds --seed, --seed + 1, ...")
        ->capture_default_str();
    app.add_option("-n,--max-tokens", max_tokens_, "Tokens to generate at most")->capture_default_str();
    add_bos_option(app, bos_);
    add_sampling_options(app, sampling_);
    add_kv_option(app, kv_);
    add_device_options(app, device_);
    app.add_flag("--no-verify", no_verify_, "Do not compare every product with the reference engine");
    app.add_option("--head-exit", head_exit_,
                   "on: read of the output head only what decides the token (same tokens; greedy, or top-k "
                   "up to 64); off")
        ->capture_default_str();
    app.add_flag("--ignore-end", ignore_end_, "Go on after the end-of-text token");
    app.add_flag("--logits", logits_, "With --json: logits behind every position");
    app.add_flag(
        "--energy", energy_,
        "Joules of a token by part, from what was measured in this run, beside FP16 and INT8 machines");
    app.add_option("--tech", tech_, "With --energy: table of operation energies, or a JSON file")
        ->capture_default_str();
    app.add_option("--timeout", timeout_, "Stop cleanly after this many seconds, 0 = never")
        ->capture_default_str();
}

void RunCommand::check_options() const {
    if (energy_) {
        static_cast<void>(energy::find_table(tech_));  // refused before anything runs
    }
    kv_format(kv_);  // before a model is loaded
    if (timeout_ < 0 || timeout_ > 1e6) {
        throw InputError(fmt::format("--timeout is {}; expected 0 to 1000000 seconds", timeout_));
    }
    if (head_exit_ != "on" && head_exit_ != "off") {
        throw InputError(fmt::format("--head-exit '{}' is unknown; use on or off", head_exit_));
    }
    if (batch_ == 0 || batch_ > kMaxBatch) {
        throw InputError(fmt::format("--batch is {}; expected 1 to {}", batch_, kMaxBatch));
    }
}

/// The texts of --prompt or of the lines of --prompts-file; none when the text starts from nothing.
std::vector<std::string> RunCommand::prompts() const {
    std::vector<std::string> texts = prompts_;
    if (prompts_file_) {
        std::stringstream lines(read_text_file(*prompts_file_, kMaxPromptsFile));
        for (std::string line; std::getline(lines, line);) {
            if (!line.empty() && line.back() == '\r') {
                line.pop_back();
            }
            if (line.empty()) {
                throw InputError(fmt::format("{}: line {} is empty; write one prompt a line", *prompts_file_,
                                             texts.size() + 1));
            }
            texts.push_back(line);
        }
        if (texts.empty()) {
            throw InputError(fmt::format("{}: holds no prompt; write one a line", *prompts_file_));
        }
    }
    for (const std::string& text : texts) {
        if (text.empty()) {
            throw InputError(
                "--prompt is empty; give some text, or leave --prompt out to start from nothing");
        }
    }
    return texts;
}

std::vector<std::uint32_t> RunCommand::prompt_ids(const Model& model,
                                                  const std::optional<Tokenizer>& tokenizer,
                                                  const std::string* prompt) const {
    if (tokens_) {
        return parse_ids(*tokens_);
    }
    std::vector<std::uint32_t> ids;
    if (wants_bos(bos_, model)) {
        ids.push_back(*model.architecture.bos);
    }
    if (prompt != nullptr) {
        if (!tokenizer) {
            const auto reason = model.metadata.find("no_tokenizer");
            throw InputError("the model has no tokenizer, so --prompt cannot be used; give --tokens 1,2,3" +
                             (reason == model.metadata.end() ? "" : " (" + reason->second + ")"));
        }
        const auto text = tokenizer->encode(*prompt);
        const bool twice = !bos_ && !ids.empty() && !text.empty() && text[0] == ids[0];
        ids.insert(ids.end(), text.begin() + (twice ? 1 : 0), text.end());
    } else if (ids.empty()) {
        ids.push_back(0);  // random weights have no begin-of-text token; any token starts them
    }
    return ids;
}

std::vector<GenerateRequest> RunCommand::make_requests(const Model& model,
                                                       const std::optional<Tokenizer>& tokenizer) {
    const std::vector<std::string> texts = prompts();
    std::vector<GenerateRequest> requests;
    for (std::size_t i = 0; i < std::max<std::size_t>(1, texts.size()); ++i) {
        const std::string* prompt = texts.empty() ? nullptr : &texts[i];
        GenerateRequest request;
        request.prompt = prompt_ids(model, tokenizer, prompt);
        request.max_tokens = max_tokens_;
        request.sampling = sampling_;
        request.kv = kv_format(kv_);
        request.keep_logits = logits_ && json();
        if (!ignore_end_) {
            request.stop = model.architecture.eos;
        }
        for (std::uint32_t copy = 0; copy < batch_; ++copy) {
            request.sampling.seed = sampling_.seed + copy;
            requests.push_back(request);
            shown_.push_back(prompt == nullptr ? "" : *prompt);
        }
    }
    return requests;
}

BatchResult RunCommand::run_requests(const Model& model, Device& device,
                                     const std::optional<Tokenizer>& tokenizer,
                                     std::vector<GenerateRequest> requests) {
    const auto groups = product_groups(model);
    const LoweredModel lowered(groups, device);
    std::unique_ptr<ReferenceEngine> reference;
    if (!no_verify_) {
        reference = open_reference(device_, groups);
        reference_name_ = reference->name();
    }
    std::optional<HeadExit> head_exit;
    if (head_exit_ == "on" && std::all_of(requests.begin(), requests.end(), can_exit_head)) {
        head_exit.emplace(lowered, model.output_head(), device);
    }
    head_planes_ = model.output_head().planes;
    ran_ = &model;
    // One text is shown as it grows, several when all are done.
    const bool one = requests.size() == 1;
    Progress progress(one ? "reading the prompt" : "generating");
    Utf8Stream stream;
    bool prompt_shown = false;
    std::size_t drawn = 0;
    for (GenerateRequest& request : requests) {
        if (!one) {
            request.on_token = [&](std::uint32_t) {
                progress.update(static_cast<double>(++drawn) /
                                (static_cast<double>(requests.size()) * request.max_tokens));
            };
            continue;
        }
        request.on_prompt = [&](double share) { progress.update(share); };
        if (!json()) {
            request.on_token = [&](std::uint32_t id) {
                progress.clear();                          // before other output, which the bar would wipe
                if (!std::exchange(prompt_shown, true)) {  // only now: the request was accepted
                    write_out(shown_[0]);
                }
                write_out(tokenizer ? stream.push(tokenizer->bytes(id)) : fmt::format("{} ", id));
            };
        }
    }
    Scheduler scheduler;
    scheduler.stop_on_signals();
    if (timeout_ > 0) {
        scheduler.stop_after(std::chrono::milliseconds(static_cast<std::int64_t>(timeout_ * 1000)));
    }
    BatchResult result = generate_batch(scheduler, model, lowered, scheduler.attach(device), reference.get(),
                                        requests, head_exit ? &*head_exit : nullptr);
    progress.clear();
    if (!json() && one) {
        write_out(stream.finish() + "\n");
    }
    return result;
}

void RunCommand::print_texts(const BatchResult& result, const std::optional<Tokenizer>& tokenizer) const {
    for (std::size_t i = 0; i < result.sequences.size(); ++i) {
        const auto& tokens = result.sequences[i].tokens;
        write_out(
            fmt::format("[{}] {}{}\n", i + 1, shown_[i],
                        tokenizer ? tokenizer->decode(tokens) : fmt::format("{}", fmt::join(tokens, " "))));
    }
}

int RunCommand::run_chip() {
#if SETUN_HAS_VP
    check_device_options(device_);
    const Model model = load_model(model_, device_.layout());
    std::optional<Tokenizer> tokenizer;
    if (model.tokenizer) {
        tokenizer.emplace(*model.tokenizer);
    }
    ChipRun chip;
    chip.device = &device_;
    chip.model = &model;
    chip.tokenizer = &tokenizer;
    chip.requests = make_requests(model, tokenizer);
    chip.shown = shown_;
    chip.verify = !no_verify_;
    chip.timeout_s = timeout_;
    chip.energy = energy_;
    chip.tech = tech_;
    chip.json = json();
    return run_on_chip(chip);
#else
    throw InputError(kNoChip);
#endif
}

int RunCommand::run() {
    check_options();
    if (device_.device == "vp") {
        return run_chip();
    }
    Model model;  // before the device, which reads the weights where they are
    const std::unique_ptr<Device> device = open_device(device_);
    model = load_model(model_, device_.layout());
    std::optional<Tokenizer> tokenizer;
    if (model.tokenizer) {
        tokenizer.emplace(*model.tokenizer);
    }
    std::vector<GenerateRequest> requests = make_requests(model, tokenizer);
    std::vector<std::size_t> prompt_tokens;
    prompt_tokens.reserve(requests.size());
    for (const GenerateRequest& request : requests) {
        prompt_tokens.push_back(request.prompt.size());
    }
    const BatchResult result = run_requests(model, *device, tokenizer, std::move(requests));
    if (json()) {
        print_json(json_report(device->info(), result, prompt_tokens, tokenizer));
    } else {
        if (result.sequences.size() > 1) {
            print_texts(result, tokenizer);
        }
        print_report(device->info(), result);
    }
    if (!result.stopped.empty()) {
        fmt::print(stderr, "setun: stopped after {} tokens: {}\n", result.prompt.drawn + result.decode.drawn,
                   result.stopped);
        return kExitCheckFailed;
    }
    if (result.mismatches != 0) {
        throw CheckError(fmt::format("{} of {} products differ from the reference; first: {}",
                                     result.mismatches, result.products, result.first_mismatch));
    }
    return kExitOk;
}

std::string RunCommand::check_line(const BatchResult& result) const {
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

void RunCommand::print_report(const DeviceInfo& info, const BatchResult& result) const {
    const std::uint64_t drawn = result.prompt.drawn + result.decode.drawn;
    if (drawn == 0) {
        return;
    }
    const RunReport report = make_report(info, result);
    const auto tokens = static_cast<double>(report.tokens);
    const auto whole = [&](std::uint64_t value) {
        return grouped(static_cast<std::uint64_t>(std::llround(static_cast<double>(value) / tokens)));
    };
    const Counters& c = report.counters;
    Block block;
    const std::size_t texts = result.sequences.size();
    if (texts == 1) {
        block.add("tokens", fmt::format("{} in the prompt, {} generated", result.prompt.positions, drawn));
    } else {
        block.add("tokens", fmt::format("{} generated in {} texts", grouped(drawn), texts));
        block.add("batch", fmt::format("{:.2f} texts shared a pass over the weights; the kernel takes {}",
                                       report.positions_per_pass, info.tokens));
    }
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
        if (report.prompt_positions > 1) {
            block.add("prompt",
                      fmt::format("{} cycles, {} per token: {} tokens/s", grouped(report.prompt_cycles),
                                  grouped(report.prompt_cycles / report.prompt_positions),
                                  grouped(static_cast<std::uint64_t>(info.clock_hz *
                                                                     report.prompt_positions_per_cycle))));
        }
    }
    block.add("head", fmt::format("{:.2f} of {} digit planes read {}", report.head_planes, head_planes_,
                                  texts == 1 ? "per token" : "by a pass"));
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
    if (energy_) {
        const auto work = run_work(*ran_, report.decode_only ? result.decode : result.prompt, report.tokens);
        fmt::print("\n{}", energy_text(price_work(info, tech_, work, report.counters), "all"));
    }
}

Json RunCommand::json_report(const DeviceInfo& info, const BatchResult& result,
                             const std::vector<std::size_t>& prompt_tokens,
                             const std::optional<Tokenizer>& tokenizer) const {
    Json sequences = Json::array();
    std::size_t prompt_total = 0;
    std::size_t generated = 0;
    for (std::size_t i = 0; i < result.sequences.size(); ++i) {
        const GeneratedText& text = result.sequences[i];
        prompt_total += prompt_tokens[i];
        generated += text.tokens.size();
        sequences.push_back({{"text", tokenizer ? tokenizer->decode(text.tokens) : ""},
                             {"tokens", text.tokens},
                             {"prompt_tokens", prompt_tokens[i]},
                             {"generated", text.tokens.size()}});
        if (logits_) {
            sequences.back()["logits"] = text.logits;
        }
    }
    Json json;
    if (sequences.size() == 1) {
        json = sequences[0];
    } else {
        json["sequences"] = std::move(sequences);
        json["prompt_tokens"] = prompt_total;
        json["generated"] = generated;
    }
    if (generated != 0) {
        const RunReport report = make_report(info, result);
        const Counters& c = report.counters;
        const auto tokens = static_cast<double>(report.tokens);
        const auto per_token = [&](std::uint64_t value) { return static_cast<double>(value) / tokens; };
        const bool timed = c.cycles != 0;
        const auto or_null = [&](auto value) { return timed ? Json(value) : Json(nullptr); };
        json["cycles"] = or_null(report.total_cycles);
        json["prompt_cycles"] = or_null(report.prompt_cycles);
        json["prompt_positions"] = report.prompt_positions;
        json["prompt_tokens_per_s"] = or_null(info.clock_hz * report.prompt_positions_per_cycle);
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
        if (energy_) {
            const auto work =
                run_work(*ran_, report.decode_only ? result.decode : result.prompt, report.tokens);
            Json energy = energy_json(price_work(info, tech_, work, report.counters), "all");
            energy["measured"] = measured_json(work, report.counters);
            json["energy"] = std::move(energy);
        }
        json["sequences_per_pass"] = report.positions_per_pass;
        json["head_exit"] = head_exit_ == "on";
        json["head_planes"] = head_planes_;
        json["head_planes_read"] = report.head_planes;
        json["sim_weights_per_s"] = report.weights_per_second;
    }
    json["seconds"] = result.seconds;
    json["products"] = result.products;
    json["verified_products"] = result.verified;
    json["mismatches"] = result.mismatches;
    json["verified"] = !no_verify_ && result.verified == result.products;
    json["kv"] = kv_;
    json["device"] = info.name;
    json["engine"] = info.engine;
    json["cycle_accurate"] = info.cycle_accurate;
    json["reference"] = no_verify_ ? Json(nullptr) : Json(reference_name_);
    json["memory"] = info.memory.empty() ? Json(nullptr) : Json(info.memory);
    json["ports"] = info.ports;
    json["port_bits"] = info.port_bits;
    json["tokens_per_beat"] = info.tokens;
    if (!result.stopped.empty()) {
        json["stopped"] = result.stopped;
    }
    return json;
}

}  // namespace

std::unique_ptr<Command> make_run_command() { return std::make_unique<RunCommand>(); }

}  // namespace setun::cli
