// setun bench --device vp: how much of a token the matrix engine is at work on the virtual chip.
#include "host/cli/bench_chip.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <vector>

#include "host/base/error.h"
#include "host/chip/chip_session.h"
#include "host/cli/command.h"
#include "host/cli/format.h"
#include "host/cli/run_chip.h"

namespace setun::cli {
namespace {

constexpr unsigned kRuns = 3;  // layers of the largest run

/// Cycles of one token.
struct TokenCycles {
    double total = 0;
    std::array<double, SETUN_UNITS> units{};
    double idle = 0;        ///< no unit at work
    double overlapped = 0;  ///< two or more at work

    template <class Combine>
    static TokenCycles combine(const TokenCycles& a, const TokenCycles& b, Combine&& by) {
        TokenCycles result;
        result.total = by(a.total, b.total);
        for (unsigned u = 0; u < SETUN_UNITS; ++u) {
            result.units.at(u) = by(a.units.at(u), b.units.at(u));
        }
        result.idle = by(a.idle, b.idle);
        result.overlapped = by(a.overlapped, b.overlapped);
        return result;
    }
    [[nodiscard]] double share(double cycles) const { return cycles / total; }
};

/// What one more layer costs, and from it a model of any depth.
TokenCycles layer_of(const TokenCycles& one, const TokenCycles& two) {
    return TokenCycles::combine(two, one, [](double a, double b) { return a - b; });
}
TokenCycles project(const TokenCycles& one, const TokenCycles& layer, unsigned layers) {
    return TokenCycles::combine(one, layer, [layers](double a, double b) { return a + (layers - 1) * b; });
}

Model first_layers(const Model& model, unsigned layers) {
    Model part = model;
    part.layers.resize(layers);
    part.architecture.layers = layers;
    return part;
}

TokenCycles run_token(vp::VirtualPlatform& chip, const ChipProgram& program, std::uint32_t context) {
    ChipSession session(chip, program);
    ChipRequest request;
    request.prompt = {0};
    request.position = context - 1;
    const ChipOutcome outcome = session.run(request);
    TokenCycles cycles;
    cycles.total = static_cast<double>(outcome.end.cycles - outcome.begin.cycles);
    for (unsigned u = 0; u < SETUN_UNITS; ++u) {
        cycles.units.at(u) =
            static_cast<double>(outcome.end.units.at(u).cycles - outcome.begin.units.at(u).cycles);
    }
    cycles.idle = cycles.total - static_cast<double>(outcome.end.any_busy - outcome.begin.any_busy);
    cycles.overlapped = static_cast<double>(outcome.end.overlapped - outcome.begin.overlapped);
    return cycles;
}

/// A layer's share of a unit that does not work in layers can be a few cycles below zero.
std::string whole(double cycles) {
    const long long rounded = std::llround(cycles);
    return (rounded < 0 ? "-" : "") + grouped(static_cast<std::uint64_t>(std::llabs(rounded)));
}

struct Result {
    std::array<TokenCycles, kRuns> runs;
    TokenCycles layer;
    TokenCycles all;
    double error = 0;  ///< of projecting the third run
    unsigned layers = 0;
    double clock_hz = 0;
};

Json as_json(const ChipBenchOptions& options, const Result& r) {
    const auto block = [](const TokenCycles& c) {
        Json units;
        for (unsigned u = 0; u < SETUN_UNITS; ++u) {
            units[vp::unit_name(u)] = {{"cycles", c.units.at(u)}, {"share", c.share(c.units.at(u))}};
        }
        return Json{
            {"cycles", c.total}, {"units", std::move(units)}, {"idle", c.idle}, {"overlapped", c.overlapped}};
    };
    return {{"device", "vp"},
            {"shape", options.shape},
            {"context", options.context},
            {"kv", options.kv},
            {"memory", options.device.memory},
            {"ports", options.device.ports},
            {"port_bits", options.device.port_bits},
            {"measured", {{"1", block(r.runs[0])}, {"2", block(r.runs[1])}, {"3", block(r.runs[2])}}},
            {"layer", block(r.layer)},
            {"projected", block(r.all)},
            {"layers", r.layers},
            {"projection_error", r.error},
            {"engine_share", r.all.share(r.all.units[SETUN_UNIT_ENGINE])},
            {"engine_share_of_layer", r.layer.share(r.layer.units[SETUN_UNIT_ENGINE])},
            {"clock_hz", r.clock_hz},
            {"tokens_per_s", r.clock_hz / r.all.total},
            {"timing", "vector units annotated, not synthesized; all layers projected from one and two"}};
}

void print(const ChipBenchOptions& options, const Result& r) {
    fmt::print(
        "One token of {} at context {} on the virtual chip: kernel {} x {} bit, memory '{}', {} cache\n\n",
        options.shape, options.context, options.device.ports, options.device.port_bits, options.device.memory,
        options.kv);
    Table table({"cycles", "1 layer", "2 layers", "3 layers", "a layer", "share",
                 fmt::format("{} layers (projected)", r.layers), "share"});
    const auto row = [&](const std::string& name, auto&& pick) {
        table.add({name, whole(pick(r.runs[0])), whole(pick(r.runs[1])), whole(pick(r.runs[2])),
                   whole(pick(r.layer)), percent(r.layer.share(pick(r.layer))), whole(pick(r.all)),
                   percent(r.all.share(pick(r.all)))});
    };
    for (unsigned u = 0; u < SETUN_UNITS; ++u) {
        row(vp::unit_name(u), [u](const TokenCycles& c) { return c.units.at(u); });
    }
    row("two or more at work", [](const TokenCycles& c) { return c.overlapped; });
    row("none at work", [](const TokenCycles& c) { return c.idle; });
    row("all", [](const TokenCycles& c) { return c.total; });
    fmt::print("{}\n", table.text());
    Block block;
    block.add("token", fmt::format("{} at {}: {:.1f} tokens/s", si(r.all.total / r.clock_hz, "s"),
                                   si(r.clock_hz, "Hz"), r.clock_hz / r.all.total));
    block.add("projection",
              fmt::format("3 layers from 1 and 2: {:.2f} % off the run of 3 layers", 100 * r.error));
    block.add("timing", "matrix engine from its RTL; vector units annotated, not synthesized");
    fmt::print("{}", block.text());
}

}  // namespace

int bench_chip(const ChipBenchOptions& options, bool json) {
    check_chip_device(options.device);
    if (!options.device.timeline.empty()) {
        throw InputError("--timeline is of one text; use setun run --device vp");
    }
    Architecture architecture = known_shape(options.shape);
    const unsigned layers = architecture.layers;
    if (options.context == 0 || options.context > architecture.context) {
        throw InputError(fmt::format("--context is {}; shape {} has 1 to {}", options.context, options.shape,
                                     architecture.context));
    }
    const KvFormat kv = kv_format(options.kv);
    architecture.layers = kRuns;
    Progress progress("virtual chip");
    const Model model = random_model(architecture, options.shape, options.seed, options.device.layout());
    // All three programs stand in one memory, one at a time.
    std::vector<Model> models;
    std::vector<ChipProgram> programs;
    models.reserve(kRuns);
    std::uint64_t bytes = 0;
    for (unsigned n = 1; n <= kRuns; ++n) {
        models.push_back(first_layers(model, n));
        programs.emplace_back(models.back(), options.device.tokens, kv, options.context);
        bytes = std::max(bytes, programs.back().data_bytes());
    }
    std::unique_ptr<vp::VirtualPlatform> chip = open_chip(options.device, bytes);
    Result result{};
    result.layers = layers;
    result.clock_hz = chip->clock_hz();
    for (unsigned n = 0; n < kRuns; ++n) {
        programs[n].place(*chip);
        result.runs.at(n) = run_token(*chip, programs[n], options.context);
        progress.update(static_cast<double>(n + 1) / kRuns);
    }
    progress.clear();
    result.layer = layer_of(result.runs[0], result.runs[1]);
    result.all = project(result.runs[0], result.layer, layers);
    const double third = result.runs[2].total;
    result.error = std::abs(project(result.runs[0], result.layer, kRuns).total - third) / third;
    if (json) {
        print_json(as_json(options, result));
    } else {
        print(options, result);
    }
    return kExitOk;
}

}  // namespace setun::cli
