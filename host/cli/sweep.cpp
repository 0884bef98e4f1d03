// setun sweep: tokens/s, joules a token and area of many kernel configurations, and which of them nothing
// beats.
#include "host/cli/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <string>
#include <vector>

#include "host/base/error.h"
#include "host/base/file.h"
#include "host/cli/command.h"
#include "host/cli/energy_run.h"
#include "host/cli/format.h"
#include "host/cli/model_options.h"
#include "host/cli/sweep_page.h"
#include "host/cli/write_text.h"
#include "host/sweep/sweep_csv.h"
#include "sim/memory_presets.h"

namespace setun::cli {
namespace {

constexpr std::size_t kLongestTable = 100;  // rows of the text form; beyond, the Pareto front alone

struct Shard {
    std::uint64_t number = 0;
    std::uint64_t count = 1;
};

/// "I/N", I from 0.
Shard parse_shard(const std::string& text) {
    Shard shard;
    const std::size_t slash = text.find('/');
    const auto number = [](std::string_view part, std::uint64_t& value) {
        const auto [end, error] = std::from_chars(part.data(), part.data() + part.size(), value);
        return error == std::errc() && end == part.data() + part.size();
    };
    if (slash == std::string::npos || !number(std::string_view(text).substr(0, slash), shard.number) ||
        !number(std::string_view(text).substr(slash + 1), shard.count) || shard.number >= shard.count) {
        throw InputError(fmt::format("--shard '{}': expected I/N with I from 0 to N-1, e.g. 0/4", text));
    }
    return shard;
}

class SweepCommand final : public Command {
  public:
    void declare(CLI::App& parent) override;
    int run() override;

  private:
    void declare_axes();
    [[nodiscard]] energy::ModelShape model();
    [[nodiscard]] SweepAxes axes() const;
    [[nodiscard]] std::vector<SweepPoint> points() const;
    void merge();
    void compute();
    void finish(const SweepCsv& sweep, const std::vector<std::string>& notes,
                const std::vector<std::string>& assumptions) const;
    void print(const SweepCsv& sweep, const std::vector<std::string>& notes) const;
    void print_as_json(const SweepCsv& sweep, const std::vector<std::string>& notes) const;

    CLI::App* app_ = nullptr;
    SweepAxes axes_;
    std::vector<std::string> memories_{"ddr4"};
    std::string model_;
    std::string shape_;
    std::string phase_ = "decode";
    std::string tech_ = "7nm";
    std::string csv_;
    std::string report_;
    std::string shard_;
    std::vector<std::string> merge_;
    std::uint64_t most_ = 10000;
    std::uint64_t seed_ = 0;
    unsigned threads_ = 0;
    unsigned checks_ = 2;
    bool exact_ = false;
};

void SweepCommand::declare(CLI::App& parent) {
    CLI::App& app = make_app(parent, "sweep",
                             "Tokens/s, joules a token and area of many configurations, and the Pareto front",
                             "setun sweep --shape 2b4t --ports 1,2,4 --port-bits 128,256,512 --memory "
                             "kv260,u280 --report out.html");
    app_ = &app;
    auto* model =
        app.add_option("--model", model_,
                       "Packed model file, GGUF file or Hugging Face directory [the model in models/, or "
                       "SETUN_MODEL]");
    app.add_option("--shape", shape_, "A JSON file with sizes, or one of " + energy::known_shape_list())
        ->excludes(model);
    app.add_option("--phase", phase_, "decode: one new token for each sequence; prompt: the context itself")
        ->capture_default_str();
    app.add_option("--tech", tech_, "Table of operation energies, or a JSON file (docs/energy.md)")
        ->capture_default_str();
    declare_axes();
    const char* how = "How";
    app.add_option("--max", most_, "Refuse more configurations than this")->capture_default_str()->group(how);
    app.add_flag("--exact", exact_, "Count the cycles of every layer instead of projecting large models")
        ->group(how);
    app.add_option("--check", checks_, "Passes over the weights to count in full beside their projection")
        ->capture_default_str()
        ->group(how);
    app.add_option("--memory-seed", seed_, "Seed of the memory's timing jitter")
        ->capture_default_str()
        ->group(how);
    app.add_option("--threads", threads_, "Threads [one a processor]")
        ->check(CLI::Range(1, 1024))
        ->group(how);
    app.add_option("--shard", shard_,
                   "I/N: every N-th configuration from the I-th on, I from 0; for jobs on many machines")
        ->group(how);
    const char* out = "Output";
    app.add_option("--csv", csv_, "Write all rows to this file; - is standard output")->group(out);
    app.add_option("--report", report_, "Write an HTML page with charts to this file")->group(out);
    app.add_option("--merge", merge_, "Join the CSV files of all shards of a sweep instead of running one")
        ->group(out);
}

void SweepCommand::declare_axes() {
    const char* lists = "Lists, separated by commas; every combination is one configuration";
    const auto list = [&](const char* name, auto& values, const std::string& what) {
        app_->add_option(name, values, what)->delimiter(',')->capture_default_str()->group(lists);
    };
    list("--ports", axes_.ports, "Weight ports: 1, 2, 4");
    list("--port-bits", axes_.port_bits, "Bits of a port: 128, 256, 512");
    list("--tokens", axes_.tokens, "Rows of activations that share a pass over the weights: 1, 2, 4, 8");
    list("--leaf", axes_.leaves, "Form of the adder: " + area::leaf_names());
    app_->add_option("--clock", axes_.clock_mhz, "Clock of the kernel in MHz [that of the memory preset]")
        ->delimiter(',')
        ->group(lists);
    list("--memory", memories_, "Memory behind the kernel: all, or some of " + sim::memory_preset_names());
    list("--context", axes_.contexts, "Positions of a sequence");
    list("--batch", axes_.batches, "Sequences; more than --tokens take several passes");
}

energy::ModelShape SweepCommand::model() {
    if (!shape_.empty()) {
        return energy::find_shape(shape_);
    }
    const Model loaded = load_model({model_, "", 1}, {});
    const std::uint64_t longest = loaded.architecture.context;
    if (app_->count("--context") == 0) {
        axes_.contexts.front() = std::min(axes_.contexts.front(), longest);
    }
    for (const std::uint64_t context : axes_.contexts) {
        if (context > longest) {
            throw InputError(
                fmt::format("--context is {}; this model takes at most {} positions", context, longest));
        }
    }
    const auto name = loaded.metadata.find("name");
    return energy_shape(loaded.architecture,
                        name == loaded.metadata.end() ? find_model(model_).string() : name->second,
                        loaded.output_head().planes);
}

SweepAxes SweepCommand::axes() const {
    SweepAxes axes = axes_;
    axes.memories = memories_;
    if (memories_ == std::vector<std::string>{"all"}) {
        axes.memories.clear();
        for (const sim::MemoryPreset& preset : sim::memory_presets()) {
            axes.memories.emplace_back(preset.name);
        }
    }
    if (app_->count("--clock") != 0 &&
        std::find(axes.clock_mhz.begin(), axes.clock_mhz.end(), 0.0) != axes.clock_mhz.end()) {
        throw InputError("--clock is 0 MHz; expected 1 to 5000, or leave it out for the clock of the preset");
    }
    return axes;
}

std::vector<SweepPoint> SweepCommand::points() const {
    std::vector<SweepPoint> all = sweep_points(axes(), most_);
    if (shard_.empty()) {
        return all;
    }
    const Shard shard = parse_shard(shard_);
    std::erase_if(all, [&](const SweepPoint& p) { return p.index % shard.count != shard.number; });
    return all;
}

Json row_json(const SweepRow& row, bool marked) {
    const SweepPoint& p = row.point;
    return {{"index", p.index},
            {"ports", p.ports},
            {"port_bits", p.port_bits},
            {"tokens_per_beat", p.tokens},
            {"leaf", p.leaf},
            {"clock_hz", p.clock_hz},
            {"memory", p.memory},
            {"context", p.context},
            {"batch", p.batch},
            {"passes", row.passes},
            {"cycles", row.cycles},
            {"cycles_projected", row.projected},
            {"tokens_per_s", row.tokens_per_s},
            {"roofline", row.roofline},
            {"limit", row.memory_bound ? "memory" : "ports"},
            {"fits", row.fits},
            {"joules_per_token", row.joules_per_token},
            {"arithmetic_j", row.arithmetic_j},
            {"on_chip_j", row.on_chip_j},
            {"off_chip_j", row.off_chip_j},
            {"static_j", row.static_j},
            {"fp16_joules_per_token", row.fp16_joules_per_token},
            {"luts_estimate", row.luts},
            {"ramb18_estimate", row.block_ram},
            {"area_extrapolated", row.area_extrapolated},
            {"pareto", marked ? Json(row.pareto) : Json(nullptr)}};
}

void SweepCommand::print_as_json(const SweepCsv& sweep, const std::vector<std::string>& notes) const {
    Json rows = Json::array();
    for (const SweepRow& row : sweep.rows) {
        rows.push_back(row_json(row, shard_.empty()));
    }
    print_json({{"shape", sweep.head.shape},
                {"phase", sweep.head.phase},
                {"tech", sweep.head.tech},
                {"configurations", sweep.rows.size()},
                {"rows", std::move(rows)},
                {"notes", notes}});
}

void SweepCommand::print(const SweepCsv& sweep, const std::vector<std::string>& notes) const {
    const bool all = sweep.rows.size() <= kLongestTable;
    Table table({"kernel", "leaf", "memory", "clock", "context", "batch", "tokens/s", "limit", "of it",
                 "J/token", "FP16", "LUT", "RAMB18", "cycles", ""});
    for (const SweepRow& row : sweep.rows) {
        const SweepPoint& p = row.point;
        if (!all && !row.pareto) {
            continue;
        }
        table.add({fmt::format("{}x{}x{}", p.ports, p.port_bits, p.tokens), p.leaf, p.memory,
                   fmt::format("{:g} MHz", p.clock_hz / 1e6), std::to_string(p.context),
                   std::to_string(p.batch), fmt::format("{:.2f}", row.tokens_per_s),
                   row.memory_bound ? "memory" : "ports", percent(row.roofline),
                   si(row.joules_per_token, "J"),
                   fmt::format("{:.1f}x", row.fp16_joules_per_token / row.joules_per_token),
                   grouped(static_cast<std::uint64_t>(row.luts)) + (row.area_extrapolated ? "*" : ""),
                   grouped(static_cast<std::uint64_t>(row.block_ram)),
                   grouped(row.cycles) + (row.projected ? "~" : ""), row.pareto ? "pareto" : ""});
    }
    fmt::print("{}, {}: {} configurations{}\n\n{}\n", sweep.head.shape, sweep.head.phase, sweep.rows.size(),
               all ? "" : "; those on the Pareto front:", table.text());
    for (const std::string& note : notes) {
        fmt::print("  {}\n", note);
    }
    fmt::print(
        "  ~ projected   * larger than every engine that was synthesised   FP16: joules of an FP16 machine "
        "on the same token\n");
    if (!shard_.empty()) {
        fmt::print("  a shard: what is on the Pareto front is known after --merge\n");
    }
}

void SweepCommand::finish(const SweepCsv& sweep, const std::vector<std::string>& notes,
                          const std::vector<std::string>& assumptions) const {
    if (!csv_.empty()) {
        write_text("--csv", csv_, sweep_csv(sweep.head, sweep.rows, shard_.empty()));
    }
    if (!report_.empty()) {
        write_text("--report", report_, sweep_page(sweep, notes, assumptions));
    }
    if (json()) {
        print_as_json(sweep, notes);
    } else if (csv_ != "-") {
        print(sweep, notes);
    }
}

void SweepCommand::merge() {
    std::vector<SweepCsv> parts;
    for (const std::string& file : merge_) {
        constexpr std::size_t kLargestCsv = 1U << 30U;
        parts.push_back(parse_sweep_csv(read_text_file(file, kLargestCsv), file));
    }
    finish(merge_sweeps(parts),
           {fmt::format("joined from {} parts; each part's own report says what the figures cover",
                        parts.size())},
           {});
}

void SweepCommand::compute() {
    if (phase_ != "decode" && phase_ != "prompt") {
        throw InputError(fmt::format("--phase '{}' is unknown; use decode or prompt", phase_));
    }
    SweepJob job;
    job.model = model();
    const std::vector<SweepPoint> chosen = points();
    job.phase = phase_ == "prompt" ? energy::Phase::kPrompt : energy::Phase::kDecode;
    job.tech = tech_;
    job.method = exact_ ? PassMethod::kExact : PassMethod::kProject;
    job.seed = seed_;
    job.threads = threads_;
    job.checks = checks_;
    Progress progress("sweep of " + job.model.name);
    Sweep sweep = run_sweep(job, chosen, [&progress](double share) { progress.update(share); });
    progress.clear();
    if (!shard_.empty()) {
        for (SweepRow& row : sweep.rows) {
            row.pareto = false;
        }
    }
    finish({{job.model.name, phase_, tech_}, sweep.rows}, sweep_notes(job, sweep), sweep.assumptions);
}

int SweepCommand::run() {
    if (json() && csv_ == "-") {
        throw InputError("--json and --csv - both go to standard output; give --csv a file");
    }
    if (report_ == "-") {
        throw InputError("--report '-': expected the name of a file");
    }
    if (!shard_.empty() && !report_.empty()) {
        throw InputError("--report needs the whole sweep; join the shards with --merge");
    }
    for (const auto& [option, path] : {std::pair{"--csv", csv_}, std::pair{"--report", report_}}) {
        if (!path.empty()) {
            check_writable(option, path);
        }
    }
    if (merge_.empty()) {
        compute();
    } else {
        merge();
    }
    return kExitOk;
}

}  // namespace

std::unique_ptr<Command> make_sweep_command() { return std::make_unique<SweepCommand>(); }

}  // namespace setun::cli
