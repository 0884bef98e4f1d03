// The report of `setun energy` as one HTML page.
#include "host/cli/energy_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <limits>

#include "host/cli/format.h"
#include "host/sweep/pass_cycles.h"
#include "report/page.h"
#include "report/text.h"
#include "sim/memory_presets.h"

namespace setun::cli {
namespace {

constexpr double kJoulePerPicojoule = 1e-12;
constexpr double kNone = std::numeric_limits<double>::quiet_NaN();

struct Machine {
    const char* name;
    const char* title;
};
constexpr std::array kMachines{Machine{"setun", "Setun"}, Machine{"int8", "INT8 multiply-accumulate"},
                               Machine{"fp16", "FP16 multiply-accumulate"}};

struct PartName {
    energy::Part part;
    const char* title;
};
constexpr std::array kParts{
    PartName{energy::Part::kArithmetic, "arithmetic"}, PartName{energy::Part::kOnChip, "on-chip memory"},
    PartName{energy::Part::kOffChip, "off-chip memory"}, PartName{energy::Part::kStatic, "static"}};

/// Models of the ratio chart, and the claim that each belongs to.
struct SizedModel {
    const char* shape;
    const char* label;
    const char* claim;
};
constexpr std::array kSizedModels{
    SizedModel{"b158-700m", "700M", ""},       SizedModel{"b158-1.3b", "1.3B", "e2e-1.3B"},
    SizedModel{"b158-3b", "3B", "e2e-3B"},     SizedModel{"llama-7b", "7B", "e2e-7B"},
    SizedModel{"llama-13b", "13B", "e2e-13B"}, SizedModel{"llama-70b", "70B", "e2e-70B"}};
constexpr std::uint64_t kPaperTokens = 512;

/// Citations in the order in which they are first used.
class Sources {
  public:
    /// "[n]"
    std::string number(const std::string& source) {
        const auto at = std::find(list_.begin(), list_.end(), source);
        if (at == list_.end()) {
            list_.push_back(source);
            return fmt::format("[{}]", list_.size());
        }
        return fmt::format("[{}]", at - list_.begin() + 1);
    }
    [[nodiscard]] const std::vector<std::string>& list() const { return list_; }

  private:
    std::vector<std::string> list_;
};

bool is_decode(const EnergyPage& page) { return page.workload.phase == energy::Phase::kDecode; }

energy::TokenEnergy price(const EnergyPage& page, const energy::Workload& workload) {
    return energy::evaluate(page.technology, energy::model_work(page.shape, workload, page.engine),
                            page.engine, page.scope);
}

std::string by_machine(const EnergyPage& page, const energy::TokenEnergy& energy) {
    report::BarChart chart;
    chart.head.title = "Energy of a token by machine";
    chart.head.description = fmt::format(
        "Stacked bars. Setun {}, INT8 {}, FP16 {} a token.", report::si(energy.setun.total_j(), "J"),
        report::si(energy.int8.total_j(), "J"), report::si(energy.fp16.total_j(), "J"));
    chart.head.notes = {fmt::format("{}; off-chip memory {}. x: times Setun's energy.",
                                    page.technology.operations.title(), page.technology.memory)};
    chart.axis = "energy per token";
    chart.unit = "J";
    for (const Machine& machine : kMachines) {
        chart.categories.emplace_back(machine.title);
        const double ratio = energy.machine(machine.name).total_j() / energy.setun.total_j();
        chart.remarks.push_back(&machine == &kMachines.front() ? "" : report::plain(ratio) + "x");
    }
    for (const PartName& part : kParts) {
        report::BarChart::Series series{part.title, {}};
        double all = 0;
        for (const Machine& machine : kMachines) {
            series.values.push_back(energy.machine(machine.name).part_j(part.part));
            all += series.values.back();
        }
        if (all > 0) {
            chart.series.push_back(std::move(series));
        }
    }
    return report::figure(chart);
}

/// The same token without memory: what is left when only operators count.
std::string arithmetic_alone(const energy::TokenEnergy& energy) {
    report::BarChart chart;
    chart.head.title = "Of that, arithmetic alone";
    chart.head.description = "Bars of the arithmetic's energy by machine.";
    chart.head.notes = {"Bare operators: no registers, clock, wires or control on any machine."};
    chart.axis = "arithmetic per token";
    chart.unit = "J";
    report::BarChart::Series series{"arithmetic", {}};
    for (const Machine& machine : kMachines) {
        chart.categories.emplace_back(machine.title);
        series.values.push_back(energy.machine(machine.name).arithmetic_j);
        chart.remarks.push_back(&machine == &kMachines.front()
                                    ? ""
                                    : report::plain(series.values.back() / energy.setun.arithmetic_j) + "x");
    }
    chart.series = {std::move(series)};
    return report::figure(chart);
}

std::string by_context(const EnergyPage& page) {
    constexpr std::uint64_t kLongest = 32768;
    const std::uint64_t longest =
        page.longest_context != 0 ? std::min(page.longest_context, kLongest) : kLongest;
    report::XyChart chart;
    chart.head.title = "Energy against context length";
    chart.head.description =
        "Lines of joules a token over positions, one a machine; the KV cache makes them rise.";
    chart.head.notes = {
        fmt::format("{} sequence{}. The KV cache has {} bits an element on Setun, 8 on INT8, 16 on FP16.",
                    page.workload.batch, page.workload.batch == 1 ? "" : "s", page.shape.kv_bits)};
    chart.x = {"positions", "", true, false};
    chart.y = {"energy per token", "J", true, true};
    for (const Machine& machine : kMachines) {
        chart.series.push_back({machine.title, {}, true, true, false, -1});
    }
    for (std::uint64_t context = 128; context <= longest; context *= 2) {
        energy::Workload workload = page.workload;
        workload.context = context;
        const energy::TokenEnergy energy = price(page, workload);
        for (std::size_t i = 0; i < kMachines.size(); ++i) {
            chart.series[i].points.push_back(
                {static_cast<double>(context), energy.machine(kMachines.at(i).name).total_j(), "", ""});
        }
    }
    if (chart.series.front().points.empty()) {
        return "";
    }
    return report::figure(chart);
}

std::string by_size(const EnergyPage& page, const std::vector<energy::Claim>& claims) {
    report::XyChart chart;
    chart.head.title = "FP16 energy / ternary energy against model size";
    chart.head.description =
        "Lines over model size: the ratio by the BitNet papers' rule rises, the ratio with memory counted "
        "stays below.";
    chart.x = {"weights of the linear layers", "", true, true};
    chart.y = {"ratio", "x", false, false};
    report::XySeries rule{"the papers' rule, computed", {}, true, true, false, 0};
    report::XySeries read{"published (arXiv 2402.17764)", {}, false, true, false, 5};
    report::XySeries remembered{"published, remembered only: unverified", {}, false, true, true, 5};
    report::XySeries whole{"decode, all parts of this report", {}, true, true, false, 2};
    const energy::Table table = energy::builtin_table("7nm");
    for (const SizedModel& model : kSizedModels) {
        const energy::ModelShape shape = energy::find_shape(model.shape);
        const auto weights = static_cast<double>(shape.linear_weights());
        const energy::PaperReport paper =
            energy::paper_energy(table, shape, kPaperTokens, energy::PaperRule::kB158);
        rule.points.push_back({weights, paper.fp16.total_j() / paper.setun.total_j(), "", model.label});
        const auto claim = std::find_if(claims.begin(), claims.end(),
                                        [&](const energy::Claim& c) { return c.id == model.claim; });
        if (claim != claims.end()) {
            (claim->reading == "unverified" ? remembered : read)
                .points.push_back({weights, claim->published, fmt::format("{:g}x", claim->published),
                                   fmt::format("{}; {}, {}", model.label, claim->source, claim->reading)});
        }
        EnergyPage other = page;
        other.shape = shape;
        const energy::TokenEnergy energy = price(other, {energy::Phase::kDecode, kPaperTokens, 1});
        whole.points.push_back({weights, energy.total_ratio(), "", model.label});
    }
    chart.series = {std::move(rule), std::move(read), std::move(remembered), std::move(whole)};
    std::erase_if(chart.series, [](const report::XySeries& series) { return series.points.empty(); });
    chart.head.notes = {
        fmt::format("The papers' rule: {} tokens, linear layers and full attention in FP16, bare operators "
                    "at 7 nm, no memory. "
                    "The published points 18.6x (1.3B) and 41.2x (70B) were read in a second source.",
                    kPaperTokens),
        fmt::format("All parts: one sequence, {} positions, memory {}.", kPaperTokens,
                    page.technology.memory)};
    return report::figure(chart);
}

std::string per_operation() {
    report::BarChart chart;
    chart.form = report::BarForm::kGrouped;
    chart.head.title = "Energy of one operation";
    chart.head.description = "Bars of picojoules an operation at 45 nm and 7 nm.";
    chart.axis = "energy per operation";
    chart.unit = "J";
    struct Operation {
        const char* op;
        const char* title;
    };
    constexpr std::array kOperations{Operation{"int8_add", "INT8 add"}, Operation{"int32_add", "INT32 add"},
                                     Operation{"int8_mul", "INT8 multiply"},
                                     Operation{"fp16_add", "FP16 add"},
                                     Operation{"fp16_mul", "FP16 multiply"}};
    std::vector<std::string> sources;
    for (const char* name : {"45nm", "7nm"}) {
        const energy::Table table = energy::builtin_table(name);
        report::BarChart::Series series{name == std::string("7nm") ? "7 nm" : "45 nm", {}};
        for (const Operation& operation : kOperations) {
            const bool known = table.contains(operation.op);
            series.values.push_back(known ? table.at(operation.op).energy_pj * kJoulePerPicojoule : kNone);
            if (known &&
                std::find(sources.begin(), sources.end(), table.at(operation.op).source) == sources.end()) {
                sources.push_back(table.at(operation.op).source);
            }
        }
        chart.series.push_back(std::move(series));
    }
    for (const Operation& operation : kOperations) {
        chart.categories.emplace_back(operation.title);
    }
    chart.head.notes.emplace_back("Bare operators. Sources: " + fmt::format("{}", fmt::join(sources, "; ")));
    return report::figure(chart);
}

std::string per_bit() {
    report::BarChart chart;
    chart.head.title = "Energy of one bit from memory";
    chart.head.description = "Bars of picojoules a bit by kind of memory.";
    chart.axis = "energy per bit";
    chart.unit = "J";
    report::BarChart::Series series{"memory", {}};
    const energy::Table memories = energy::builtin_table("memory");
    for (const energy::Entry& entry : memories.entries()) {
        if (entry.unit == energy::Unit::kBit) {
            chart.categories.push_back(fmt::format("{} ({})", entry.op, entry.accuracy));
            series.values.push_back(entry.energy_pj * kJoulePerPicojoule);
            chart.head.notes.push_back(fmt::format("{}: {}", entry.op, entry.source));
        }
    }
    chart.series = {std::move(series)};
    return report::figure(chart);
}

/// Products a second over products a byte of weights, of a kernel with the most tokens, behind three
/// memories.
std::string roofline(const EnergyPage& page) {
    constexpr unsigned kTokens = 8;
    constexpr double kProductsPerByte = 5;  // trits
    constexpr std::array kPresets{"kv260", "u250", "u280"};
    const energy::Engine& engine = page.engine;
    report::XyChart chart;
    chart.head.title = "Roofline of the matrix engine";
    chart.head.description =
        "Lines: what memory, ports and adders allow. Points: cycles of the performance model for 1, 2, 4 and "
        "8 tokens "
        "in one pass over the weights.";
    chart.x = {"products a byte of weights", "", true, false};
    chart.y = {"trit x activation products", "/s", true, true};
    for (std::size_t i = 0; i < kPresets.size(); ++i) {
        const sim::MemoryPreset& preset = sim::memory_preset(kPresets.at(i));
        const double channels = preset.sharing == sim::ChannelSharing::kAll ? 1 : engine.ports;
        const double ports = engine.ports * engine.beat_bytes() * preset.clock_hz;
        const double bandwidth = std::min(ports, channels * preset.channel_bytes_per_second);
        const double top = engine.ports * engine.lanes() * kTokens * preset.clock_hz;
        const double ridge = top / bandwidth;
        report::XySeries roof{fmt::format("{} at {:g} MHz", preset.name, preset.clock_hz / 1e6),
                              {},
                              true,
                              false,
                              false,
                              static_cast<int>(i)};
        for (const double x :
             {kProductsPerByte / 2, ridge, std::max(2 * ridge, kProductsPerByte * 2 * kTokens)}) {
            roof.points.push_back({x, std::min(top, x * bandwidth), "", "roof"});
        }
        report::XySeries reached{
            fmt::format("{}, reached", preset.name), {}, false, true, false, static_cast<int>(i)};
        for (unsigned tokens = 1; tokens <= kTokens; tokens *= 2) {
            TimingOptions timing;
            timing.ports = engine.ports;
            timing.port_bits = engine.port_bits;
            timing.tokens = kTokens;
            timing.memory = preset.name;
            const PassCycles pass =
                pass_cycles(pass_shape(page.shape, true, true, tokens), timing, PassMethod::kProject);
            const double products = static_cast<double>(pass.beats) * engine.ports * engine.lanes() * tokens;
            reached.points.push_back(
                {kProductsPerByte * tokens, products * preset.clock_hz / static_cast<double>(pass.cycles),
                 i + 1 == kPresets.size() ? fmt::format("{}", tokens) : "",
                 fmt::format("{} tokens a pass{}", tokens, pass.projected ? ", projected" : "")});
        }
        chart.series.push_back(std::move(roof));
        chart.series.push_back(std::move(reached));
    }
    chart.head.notes = {
        fmt::format("{} x {} bit, {} tokens a beat; a byte holds five trits. Numbers at the points: tokens "
                    "that share a pass. Clock "
                    "rates are assumptions of the presets.",
                    engine.ports, engine.port_bits, kTokens)};
    return report::figure(chart);
}

void bill(report::Page& page, const energy::TokenEnergy& energy, Sources& sources) {
    std::vector<std::vector<std::string>> rows;
    for (const Machine& machine : kMachines) {
        for (const energy::Contribution& line : energy.machine(machine.name).contributions) {
            const char* unit = line.part == energy::Part::kStatic      ? "s"
                               : line.entry.unit == energy::Unit::kBit ? "bit"
                                                                       : "";
            rows.push_back({machine.title, line.what, report::si(line.count, unit),
                            line.part == energy::Part::kStatic
                                ? report::si(line.entry.energy_pj * kJoulePerPicojoule, "W")
                                : report::plain(line.entry.energy_pj) + " pJ",
                            report::si(line.joules, "J"), line.entry.accuracy,
                            sources.number(line.entry.source)});
        }
    }
    page.folded_table("Every line of the bill: count, energy of one, source",
                      {"machine", "what", "count per token", "each", "joules", "accuracy", "source"}, rows,
                      2);
}

void claims_table(report::Page& page, const std::vector<energy::Claim>& claims) {
    std::vector<std::vector<std::string>> rows;
    for (const energy::Claim& claim : claims) {
        const char* reading = claim.reading == "unverified" ? " (unverified)" : "";
        rows.push_back({claim.claim, fmt::format("{:g} {}{}", claim.published, claim.unit, reading),
                        fmt::format("{:.4g} {}", claim.ours, claim.unit),
                        fmt::format("{:+.1f} %", 100 * claim.difference()),
                        energy::verdict_name(claim.verdict),
                        fmt::format("{}{}{}. Source: {}.", claim.basis, claim.because.empty() ? "" : "; ",
                                    claim.because, claim.source)});
    }
    page.paragraph(
        "Figures that others publish beside what this model computes. Unverified: the published figure is "
        "remembered; no "
        "source of it was read again.");
    page.table({"claim", "published", "computed", "difference", "verdict", "how, why not, and whose"}, rows,
               6);
}

}  // namespace

std::string energy_page(const EnergyPage& about) {
    const energy::ModelShape& shape = about.shape;
    const energy::TokenEnergy energy = price(about, about.workload);
    const std::vector<energy::Claim> claims = energy::evaluate_claims();
    report::Page page(
        fmt::format("Energy of a token: {}", shape.name),
        fmt::format("{} {} positions, {} sequence{}. Counts from shapes, energies from published tables.",
                    is_decode(about) ? "A token decoded at" : "A token of a prompt of",
                    about.workload.context, about.workload.batch, about.workload.batch == 1 ? "" : "s"));
    page.facts(
        {{"Model",
          fmt::format("hidden {}, feed-forward {}, {} layers, {} heads, {} KV heads, vocabulary {}",
                      shape.hidden, shape.ffn, shape.layers, shape.heads, shape.kv_heads, shape.vocab)},
         {"Its source", shape.note},
         {"Kernel", fmt::format("{} x {} bit, {} token{} a beat, tiles of {} rows", about.engine.ports,
                                about.engine.port_bits, about.engine.tokens,
                                about.engine.tokens == 1 ? "" : "s", about.engine.tile_rows)},
         {"Energies",
          fmt::format("{} ({})", about.technology.operations.title(), about.technology.operations.name())},
         {"Memory", about.technology.memory},
         {"Setun", report::si(energy.setun.total_j(), "J") + " a token"},
         {"FP16 / Setun",
          fmt::format("{:.1f}x all, {:.1f}x arithmetic", energy.total_ratio(), energy.arithmetic_ratio())}});
    Sources sources;
    page.heading("Where the joules go");
    page.figures({by_machine(about, energy), arithmetic_alone(energy)});
    bill(page, energy, sources);
    page.heading("How it changes");
    page.figures({by_context(about), by_size(about, claims)});
    page.heading("What it rests on");
    page.figures({per_operation(), per_bit(), roofline(about)});
    page.heading("Published claims");
    claims_table(page, claims);
    page.heading("Assumptions");
    page.list(energy.assumptions);
    page.heading("Sources of the bill");
    page.sources(sources.list());
    return page.html();
}

}  // namespace setun::cli
