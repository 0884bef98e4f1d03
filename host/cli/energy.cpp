// setun energy: what a token of a model costs in joules, beside FP16 and INT8 machines, from shapes alone.
#include <fmt/format.h>

#include <array>
#include <cstdint>
#include <optional>
#include <string>

#include "energy_model/energy.h"
#include "host/base/error.h"
#include "host/cli/command.h"
#include "host/cli/energy_claims.h"
#include "host/cli/energy_page.h"
#include "host/cli/energy_report.h"
#include "host/cli/energy_run.h"
#include "host/cli/format.h"
#include "host/cli/model_options.h"
#include "host/cli/write_text.h"

namespace setun::cli {
namespace {

constexpr std::int64_t kDefaultContext = 512;
constexpr std::uint64_t kMostColumns = 8;  // TOKENS of the kernel

class EnergyCommand final : public Command {
  public:
    void declare(CLI::App& parent) override;
    int run() override;

  private:
    [[nodiscard]] energy::ModelShape shape();
    [[nodiscard]] energy::Workload workload(const energy::ModelShape& shape) const;
    [[nodiscard]] energy::Engine engine(const energy::Workload& workload) const;
    void tokens_of_shape(const energy::ModelShape& shape);
    void paper(const energy::ModelShape& shape) const;

    CLI::App* app_ = nullptr;
    std::string model_;
    std::string shape_;
    std::string phase_ = "decode";
    std::int64_t context_ = kDefaultContext;
    std::int64_t batch_ = 1;
    std::int64_t sequence_ = 512;
    std::string rule_ = "b1.58";
    std::string tech_ = "7nm";
    std::string memory_ = "hbm2";
    std::string machine_ = "all";
    unsigned ports_ = 1;
    unsigned port_bits_ = 512;
    unsigned columns_ = 0;  ///< 0: as many as the rows fill
    unsigned tile_rows_ = 1024;
    double clock_mhz_ = 0;  ///< 0: the table's
    std::optional<double> static_w_;
    bool claims_ = false;
    std::string report_;
    std::optional<std::uint32_t> longest_;  ///< context of the model
};

void EnergyCommand::declare(CLI::App& parent) {
    CLI::App& app = make_app(
        parent, "energy", "Joules of a token by part, beside FP16 and INT8 machines; and what papers claim",
        "setun energy --shape 2b4t --context 512 --memory lpddr5");
    app_ = &app;
    auto* model =
        app.add_option("--model", model_,
                       "Packed model file, GGUF file or Hugging Face directory [the model in models/, or "
                       "SETUN_MODEL]");
    app.add_option("--shape", shape_, "A JSON file with sizes, or one of " + energy::known_shape_list())
        ->excludes(model);
    app.add_option("--phase", phase_,
                   "decode: one new token at a context; prompt: the context itself; paper: as the BitNet "
                   "papers count")
        ->capture_default_str();
    app.add_option("--context", context_, "Positions of each sequence [512, or what the model takes]");
    app.add_option("--batch", batch_, "Sequences")->capture_default_str();
    app.add_option("--tokens-in-sequence", sequence_, "Sequence length of --phase paper")
        ->capture_default_str();
    app.add_option(
           "--paper-rule", rule_,
           "b1.58 (arXiv 2402.17764, 2504.12285), or v1 (arXiv 2310.11453): multiplies by scales as well")
        ->capture_default_str();
    app.add_option("--tech", tech_, "Table of operation energies, or a JSON file (docs/energy.md)")
        ->capture_default_str();
    app.add_option("--memory", memory_, "Off-chip memory: " + energy::memory_choices())
        ->capture_default_str();
    app.add_option("--machine", machine_, "setun, fp16, int8 (paper: also fp32), all")->capture_default_str();
    const char* kernel = "Kernel";
    app.add_option("--ports", ports_, "Weight ports: 1, 2, 4")->capture_default_str()->group(kernel);
    app.add_option("--port-bits", port_bits_, "Bits of a port: 128, 256, 512")
        ->capture_default_str()
        ->group(kernel);
    app.add_option("--tokens-per-beat", columns_,
                   "Rows that share a pass over the weights: 1, 2, 4, 8 [as needed]")
        ->group(kernel);
    app.add_option("--tile-rows", tile_rows_, "Rows of a tile: a power of two, 16 to 4096")
        ->capture_default_str()
        ->group(kernel);
    app.add_option("--clock", clock_mhz_, "MHz, for static energy [the table's]")->group(kernel);
    app.add_option("--static-power", static_w_, "Watt of the whole chip [the table's]")->group(kernel);
    app.add_flag("--claims", claims_, "Published claims beside what this model computes");
    app.add_option("--report", report_,
                   "Also write an HTML page with charts, claims and sources to this file");
}

energy::ModelShape EnergyCommand::shape() {
    if (!shape_.empty()) {
        return energy::find_shape(shape_);
    }
    const Model model = load_model({model_, "", 1}, {});
    longest_ = model.architecture.context;
    const auto name = model.metadata.find("name");
    return energy_shape(model.architecture,
                        name == model.metadata.end() ? find_model(model_).string() : name->second,
                        model.output_head().planes);
}

/// An option's number as the library takes it. Negative numbers are refused here, the rest there.
std::uint64_t positive(const char* option, std::int64_t value, std::int64_t high) {
    if (value < 1 || value > high) {
        throw InputError(fmt::format("{} is {}; expected 1 to {}", option, value, high));
    }
    return static_cast<std::uint64_t>(value);
}

energy::Workload EnergyCommand::workload(const energy::ModelShape& shape) const {
    constexpr std::int64_t kLongest = 1 << 20;
    constexpr std::int64_t kLargestBatch = 1 << 16;
    energy::Workload workload;
    workload.phase = phase_ == "prompt" ? energy::Phase::kPrompt : energy::Phase::kDecode;
    workload.context = positive("--context", context_, kLongest);
    workload.batch = positive("--batch", batch_, kLargestBatch);
    if (longest_ && workload.context > *longest_) {
        if (app_->count("--context") != 0) {
            throw InputError(fmt::format("--context is {}; {} takes at most {} positions", workload.context,
                                         shape.name, *longest_));
        }
        workload.context = *longest_;
    }
    return workload;
}

energy::Engine EnergyCommand::engine(const energy::Workload& workload) const {
    const auto one_of = [](const char* option, unsigned value, std::initializer_list<unsigned> valid) {
        for (const unsigned v : valid) {
            if (v == value) {
                return;
            }
        }
        throw InputError(fmt::format("{} is {}; use one of {}", option, value, fmt::join(valid, ", ")));
    };
    one_of("--ports", ports_, {1, 2, 4});
    one_of("--port-bits", port_bits_, {128, 256, 512});
    one_of("--tile-rows", tile_rows_, {16, 32, 64, 128, 256, 512, 1024, 2048, 4096});
    unsigned columns = columns_;
    if (app_->count("--tokens-per-beat") != 0) {
        one_of("--tokens-per-beat", columns_, {1, 2, 4, 8});
    } else {
        const std::uint64_t rows =
            workload.batch * (workload.phase == energy::Phase::kPrompt ? workload.context : 1);
        for (columns = 1; columns < rows && columns < kMostColumns; columns *= 2) {
        }
    }
    return {port_bits_, ports_, columns, tile_rows_};
}

Json shape_json(const energy::ModelShape& s) {
    return {{"name", s.name},
            {"note", s.note},
            {"hidden", s.hidden},
            {"ffn", s.ffn},
            {"layers", s.layers},
            {"heads", s.heads},
            {"kv_heads", s.kv_heads},
            {"head_dim", s.head_dim},
            {"vocab", s.vocab},
            {"gated", s.gated},
            {"activation", s.silu ? "silu" : "relu2"},
            {"sub_norms", s.sub_norms},
            {"tied_head", s.tied_head},
            {"head_planes", s.head_planes},
            {"kv_bits", s.kv_bits},
            {"linear_weights", s.linear_weights()},
            {"head_weights", s.head_weights()}};
}

Json counts_json(const energy::WorkCounts& w) {
    return {{"macs", w.macs},
            {"trit_macs", w.trit_macs},
            {"accumulator_adds", w.accumulator_adds},
            {"plane_steps", w.plane_steps},
            {"attention_macs", w.fp16_macs},
            {"fp32_adds", w.fp32_adds},
            {"fp32_muls", w.fp32_muls},
            {"quantiser_adds", w.quantiser_adds},
            {"quantiser_muls", w.quantiser_muls},
            {"commands", w.commands},
            {"beats", w.beats},
            {"weights", w.weights},
            {"head_weights", w.head_weights},
            {"weight_bytes", w.weight_bytes},
            {"head_weight_bytes", w.head_weight_bytes},
            {"data_read_bytes", w.activation_bytes},
            {"data_write_bytes", w.result_bytes},
            {"kv_read_elements", w.kv_read_elements},
            {"kv_write_elements", w.kv_write_elements},
            {"vector_words", w.vector_words},
            {"quantiser_words", w.quantiser_words}};
}

std::string shape_line(const energy::ModelShape& s) {
    return fmt::format(
        "{}: hidden {}, feed-forward {}{}, {} layers, {} heads, {} KV heads, vocabulary {}; {}", s.name,
        s.hidden, s.ffn, s.gated ? " gated" : "", s.layers, s.heads, s.kv_heads, s.vocab, s.note);
}

void EnergyCommand::tokens_of_shape(const energy::ModelShape& shape) {
    const energy::Workload work_load = workload(shape);
    const energy::Engine kernel = engine(work_load);
    if (clock_mhz_ < 0 || clock_mhz_ > 1e5) {
        throw InputError(fmt::format("--clock is {:g}; expected MHz up to 100000", clock_mhz_));
    }
    if (static_w_ && (*static_w_ < 0 || *static_w_ > 1e4)) {
        throw InputError(fmt::format("--static-power is {:g}; expected 0 to 10000 watt", *static_w_));
    }
    energy::Scope scope;
    if (clock_mhz_ > 0) {
        scope.clock_hz = clock_mhz_ * 1e6;
    }
    scope.power_w = static_w_;
    const energy::Technology tech = energy::find_technology(tech_, memory_);
    const energy::WorkCounts work = energy::model_work(shape, work_load, kernel);
    const energy::TokenEnergy result = energy::evaluate(tech, work, kernel, scope);
    const auto machines = chosen_machines(result, machine_);
    if (!report_.empty()) {
        write_text("--report", report_,
                   energy_page({shape, work_load, kernel, tech, scope, longest_.value_or(0)}));
    }
    if (json()) {
        Json report{{"phase", phase_},
                    {"shape", shape_json(shape)},
                    {"context", work_load.context},
                    {"batch", work_load.batch}};
        report.update(energy_json(result, machine_));
        report["engine"] = {{"ports", kernel.ports},
                            {"port_bits", kernel.port_bits},
                            {"tokens_per_beat", kernel.tokens},
                            {"tile_rows", kernel.tile_rows}};
        report["counts"] = counts_json(work);
        print_json(report);
        return;
    }
    const bool decode = work_load.phase == energy::Phase::kDecode;
    fmt::print("{}\n{} {} positions, {} sequence{}; {}, {}; {} x {} bit, {} a beat\n\n{}", shape_line(shape),
               decode ? "decode at" : "prompt of", work_load.context, work_load.batch,
               work_load.batch == 1 ? "" : "s", tech.operations.title(),
               memory_ == "none" ? "no off-chip memory" : memory_, kernel.ports, kernel.port_bits,
               kernel.tokens == 1 ? "1 token" : fmt::format("{} tokens", kernel.tokens),
               energy_text(result, machine_));
}

/// Adds and multiplies apart, as the papers print them.
Json paper_machine_json(const energy::PaperEnergy& m, std::uint64_t tokens) {
    Json breakdown = breakdown_json(m.contributions);
    breakdown["arithmetic"]["add_j"] = m.add_j();
    breakdown["arithmetic"]["mul_j"] = m.mul_j();
    return {{"joules_per_token", m.total_j() / static_cast<double>(tokens)},
            {"joules_total", m.total_j()},
            {"add_j", m.add_j()},
            {"mul_j", m.mul_j()},
            {"basis", m.basis},
            {"breakdown", std::move(breakdown)},
            {"lines", lines_json(m.contributions)}};
}

void EnergyCommand::paper(const energy::ModelShape& shape) const {
    const auto tokens = positive("--tokens-in-sequence", sequence_, 1 << 20);
    if (rule_ != "b1.58" && rule_ != "v1") {
        throw InputError(fmt::format("--paper-rule '{}' is unknown; use b1.58 or v1", rule_));
    }
    const energy::PaperReport report =
        energy::paper_energy(energy::find_table(tech_), shape, tokens,
                             rule_ == "v1" ? energy::PaperRule::kV1 : energy::PaperRule::kB158);
    std::vector<const energy::PaperEnergy*> machines{&report.setun, &report.fp16, &report.int8, &report.fp32};
    if (machine_ != "all") {
        machines = {&report.machine(machine_)};
    }
    if (json()) {
        Json list = Json::object();
        for (const energy::PaperEnergy* m : machines) {
            list[m->machine] = paper_machine_json(*m, tokens);
        }
        const Json first = list[machines.front()->machine];
        print_json({{"phase", "paper"},
                    {"paper_rule", rule_},
                    {"shape", shape_json(shape)},
                    {"tokens_in_sequence", tokens},
                    {"joules_per_token", first["joules_per_token"]},
                    {"joules_total", first["joules_total"]},
                    {"tokens", tokens},
                    {"machine", machines.front()->machine},
                    {"breakdown", first["breakdown"]},
                    {"machines", std::move(list)},
                    {"ratios", ratios_json(report.ratios())},
                    {"operations", report.operations},
                    {"memory", "none"},
                    {"assumptions", report.assumptions}});
        return;
    }
    fmt::print("{}\npaper rule {}, sequence of {} tokens, table {}\n\n", shape_line(shape), rule_, tokens,
               report.operations);
    Table table({"J per sequence", "adds", "multiplies", "all", "ratio to setun"});
    for (const energy::PaperEnergy* m : machines) {
        table.add({m->machine, fmt::format("{:.4g}", m->add_j()), fmt::format("{:.4g}", m->mul_j()),
                   fmt::format("{:.4g}", m->total_j()),
                   fmt::format("{:.2f}x", m->total_j() / report.setun.total_j())});
    }
    fmt::print("{}\n", table.text());
    for (const energy::PaperEnergy* m : machines) {
        fmt::print("  {}: {}\n", m->machine, m->basis);
    }
    fmt::print("{}", notes_text(report.assumptions));
}

int EnergyCommand::run() {
    if (!report_.empty()) {
        if (report_ == "-" || claims_ || phase_ == "paper") {
            throw InputError("--report takes a file name, and --phase decode or prompt without --claims");
        }
        check_writable("--report", report_);
    }
    if (claims_) {
        if (json()) {
            print_json(claims_json());
        } else {
            fmt::print("{}", claims_text());
        }
        return kExitOk;
    }
    if (phase_ != "decode" && phase_ != "prompt" && phase_ != "paper") {
        throw InputError(fmt::format("--phase '{}' is unknown; use one of decode, prompt, paper", phase_));
    }
    const energy::ModelShape model = shape();
    if (phase_ == "paper") {
        paper(model);
    } else {
        tokens_of_shape(model);
    }
    return kExitOk;
}

}  // namespace

std::unique_ptr<Command> make_energy_command() { return std::make_unique<EnergyCommand>(); }

}  // namespace setun::cli
