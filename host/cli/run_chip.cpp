// setun run --device vp: text that the virtual chip makes by itself.
#include "host/cli/run_chip.h"

#include <fmt/format.h>

#include <algorithm>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <chrono>
#include <cmath>
#include <csignal>
#include <cstdio>
#include <memory>
#include <utility>

#include "host/base/error.h"
#include "host/base/file.h"
#include "host/cli/energy_report.h"
#include "host/cli/energy_run.h"
#include "host/cli/format.h"
#include "host/generate/run_report.h"
#include "sim/memory_presets.h"

namespace setun::cli {
namespace {

constexpr const char* kAnnotated =
    "vector units: hls/ functions with annotated timing, not synthesized; matrix engine: Verilated RTL";

/// Positions that the largest request needs: its last token takes none.
std::uint32_t positions_needed(const std::vector<GenerateRequest>& requests, const Architecture& a) {
    std::uint64_t most = 1;
    for (const GenerateRequest& request : requests) {
        if (request.prompt.size() > a.context) {
            throw InputError(fmt::format("the prompt has {} tokens, the model's context is {}",
                                         request.prompt.size(), a.context));
        }
        most = std::max<std::uint64_t>(most, request.prompt.size() + request.max_tokens - 1);
    }
    return static_cast<std::uint32_t>(std::min<std::uint64_t>(most, a.context));
}

void check(const ChipRun& run) {
    for (const GenerateRequest& request : run.requests) {
        if (request.sampling.temperature != 0) {
            throw InputError(
                "device vp takes the most likely token on the chip; leave --temperature at 0, or use "
                "--device rtl");
        }
        if (request.keep_logits) {
            throw InputError("device vp keeps logits on the chip; for --logits use --device rtl or cpu");
        }
        if (request.max_tokens == 0) {
            throw InputError("--max-tokens is 0; the chip makes at least 1");
        }
    }
}

/// Work of some positions, drawn tokens or both: use at the end minus use at the beginning.
struct Interval {
    const vp::PlatformUse& begin;
    const vp::PlatformUse& end;

    [[nodiscard]] std::uint64_t of(std::uint64_t vp::PlatformUse::*field) const {
        return end.*field - begin.*field;
    }
    [[nodiscard]] std::uint64_t unit(unsigned u, std::uint64_t vp::UnitTotals::*field) const {
        return end.units.at(u).*field - begin.units.at(u).*field;
    }
    [[nodiscard]] std::uint64_t engine(std::uint64_t vp::EngineTotals::*field) const {
        return end.engine.*field - begin.engine.*field;
    }
    [[nodiscard]] std::uint64_t phase(unsigned p) const { return end.phases.at(p) - begin.phases.at(p); }
};

/// Matrix products, bytes and attention of some positions, for the energy model.
class WorkTally {
  public:
    WorkTally(const Model& model, const DeviceOptions& device)
        : model_(model), engine_{device.port_bits, device.ports, device.tokens, device.tile_rows} {}

    /// Positions `first` .. `first + count - 1` went through the layers, `heads` of them through the head.
    void add(std::uint64_t first, std::uint64_t count, std::uint64_t heads, const Interval& part) {
        const Architecture& a = model_.architecture;
        energy::WorkCounts position;
        for (const Layer& layer : model_.layers) {
            for (const PackedMatrix& matrix : layer.matrices) {
                position += energy::count({matrix.m, matrix.k, matrix.planes, 1}, engine_);
            }
        }
        position *= count;
        const PackedMatrix& head = model_.output_head();
        energy::WorkCounts ends = energy::count({head.m, head.k, head.planes, 1}, engine_);
        ends *= heads;
        const std::uint64_t attended = count * first + count * (count + 1) / 2;
        StepTally tally;
        tally.work += position;
        tally.work += ends;
        tally.work.fp16_macs += 2 * std::uint64_t{a.q_rows()} * a.layers * attended;
        tally.steps = count;
        tally.positions = count;
        tally.drawn = heads;
        tally.head_steps = heads;
        tally.head_planes = static_cast<double>(heads) * head.planes;
        Counters& c = tally.counters;
        c.cycles = part.of(&vp::PlatformUse::cycles);
        c.busy = part.engine(&vp::EngineTotals::busy);
        c.beats = part.engine(&vp::EngineTotals::beats);
        c.stall_w = part.engine(&vp::EngineTotals::stall_w);
        c.stall_x = part.engine(&vp::EngineTotals::stall_x);
        c.stall_y = part.engine(&vp::EngineTotals::stall_y);
        c.nonzero = part.engine(&vp::EngineTotals::nonzero);
        c.weight_bytes = part.of(&vp::PlatformUse::weight_bytes);
        c.data_read_bytes = part.of(&vp::PlatformUse::data_read_bytes);
        c.data_write_bytes = part.of(&vp::PlatformUse::data_write_bytes);
        sum_ += tally;
    }

    /// Per token of `tokens`. Non-zero weights and bytes of weights as measured; bytes of data as the energy
    /// model counts them: part of the chip's stay in what would be on-chip memory.
    [[nodiscard]] energy::TokenEnergy price(const DeviceInfo& info, const std::string& tech,
                                            std::uint64_t tokens) const {
        StepTally tally = sum_;
        energy::apply_measured(tally.work, {tally.counters.nonzero, tally.counters.weight_bytes,
                                            tally.work.activation_bytes, tally.work.result_bytes});
        return price_work(info, tech, run_work(model_, tally, tokens), tally.counters);
    }

  private:
    const Model& model_;
    energy::Engine engine_;
    StepTally sum_;
};

/// Sums of several requests.
struct Sums {
    std::uint64_t prompt_positions = 0;
    std::uint64_t prompt_cycles = 0;
    std::uint64_t tokens = 0;  ///< that the sums below are divided by
    bool decode_only = true;
    std::uint64_t cycles = 0;
    std::array<std::uint64_t, SETUN_UNITS> unit_cycles{};
    std::array<std::uint64_t, SETUN_UNITS> unit_compute{};
    std::array<std::uint64_t, SETUN_UNITS> unit_commands{};
    std::uint64_t engine_busy = 0;
    std::uint64_t engine_stalls = 0;
    std::uint64_t any_busy = 0;
    std::uint64_t overlapped = 0;
    std::uint64_t instructions = 0;
    std::array<std::uint64_t, 5> phases{};
    std::uint64_t weight_bytes = 0;
    std::uint64_t data_bytes = 0;
    std::uint64_t arbitration = 0;

    void add(const Interval& part) {
        cycles += part.of(&vp::PlatformUse::cycles);
        for (unsigned u = 0; u < SETUN_UNITS; ++u) {
            unit_cycles.at(u) += part.unit(u, &vp::UnitTotals::cycles);
            unit_compute.at(u) += part.unit(u, &vp::UnitTotals::compute);
            unit_commands.at(u) += part.unit(u, &vp::UnitTotals::commands);
        }
        engine_busy += part.engine(&vp::EngineTotals::busy);
        engine_stalls += part.engine(&vp::EngineTotals::stall_w) + part.engine(&vp::EngineTotals::stall_x) +
                         part.engine(&vp::EngineTotals::stall_y);
        any_busy += part.of(&vp::PlatformUse::any_busy);
        overlapped += part.of(&vp::PlatformUse::overlapped);
        instructions += part.of(&vp::PlatformUse::instructions);
        for (unsigned p = 0; p < phases.size(); ++p) {
            phases.at(p) += part.phase(p);
        }
        weight_bytes += part.of(&vp::PlatformUse::weight_bytes);
        data_bytes +=
            part.of(&vp::PlatformUse::data_read_bytes) + part.of(&vp::PlatformUse::data_write_bytes);
        arbitration += part.of(&vp::PlatformUse::arbitration_cycles);
    }
};

Sums sum_up(const std::vector<ChipOutcome>& outcomes, const std::vector<GenerateRequest>& requests) {
    Sums sums;
    std::uint64_t decoded = 0;
    for (const ChipOutcome& outcome : outcomes) {
        decoded += outcome.tokens.empty() ? 0 : outcome.tokens.size() - 1;
    }
    sums.decode_only = decoded != 0;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const ChipOutcome& outcome = outcomes[i];
        sums.prompt_positions += requests[i].prompt.size();
        sums.prompt_cycles += outcome.first.cycles - outcome.begin.cycles;
        sums.add({sums.decode_only ? outcome.first : outcome.begin, outcome.end});
        sums.tokens += outcome.tokens.size() - (sums.decode_only && !outcome.tokens.empty() ? 1 : 0);
    }
    return sums;
}

/// The same requests on device cpu; returns how many tokens are equal, from the front of each text.
std::size_t equal_tokens(const ChipRun& run, const std::vector<ChipOutcome>& outcomes) {
    DeviceOptions options = *run.device;
    options.device = "cpu";
    options.firmware.clear();
    options.timeline.clear();
    options.uart = false;
    const std::unique_ptr<Device> device = open_device(options);
    const LoweredModel lowered(product_groups(*run.model), *device);
    Scheduler scheduler;
    scheduler.stop_on_signals();
    std::vector<GenerateRequest> requests = run.requests;
    for (std::size_t i = 0; i < requests.size(); ++i) {
        requests[i].on_token = nullptr;
        requests[i].on_prompt = nullptr;
        requests[i].max_tokens =
            static_cast<std::uint32_t>(std::max<std::size_t>(1, outcomes[i].tokens.size()));
    }
    const BatchResult result =
        generate_batch(scheduler, *run.model, lowered, scheduler.attach(*device), nullptr, requests);
    std::size_t equal = 0;
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const auto& ours = outcomes[i].tokens;
        const auto& theirs = result.sequences[i].tokens;
        const auto common = static_cast<std::ptrdiff_t>(std::min(ours.size(), theirs.size()));
        equal += static_cast<std::size_t>(
            std::mismatch(ours.begin(), ours.begin() + common, theirs.begin()).first - ours.begin());
    }
    return equal;
}

class Report {
  public:
    Report(const ChipRun& run, const vp::VirtualPlatform& chip, const Sums& sums,
           const energy::TokenEnergy& energy, std::uint32_t firmware_sizes, double seconds)
        : run_(run),
          chip_(chip),
          sums_(sums),
          energy_(energy),
          firmware_(firmware_sizes),
          seconds_(seconds) {}

    void print(std::size_t drawn, std::optional<std::size_t> equal) const {
        Block block;
        block.add("tokens", fmt::format("{} in the prompt, {} generated", sums_.prompt_positions, drawn));
        const double cycles = per_token(sums_.cycles);
        block.add("cycles", fmt::format("{} per token: {} at {}, {} tokens/s", whole(sums_.cycles),
                                        si(cycles / chip_.clock_hz(), "s"), si(chip_.clock_hz(), "Hz"),
                                        grouped(static_cast<std::uint64_t>(chip_.clock_hz() / cycles))));
        for (unsigned u = 0; u < SETUN_UNITS; ++u) {
            block.add("", unit_line(u));
        }
        block.add("",
                  fmt::format("no unit busy: {} ({}), the firmware between two commands",
                              whole(sums_.cycles - sums_.any_busy), share(sums_.cycles - sums_.any_busy)));
        block.add("overlap", fmt::format("{} cycles per token with two or more units at work ({})",
                                         whole(sums_.overlapped), share(sums_.overlapped)));
        block.add("firmware",
                  fmt::format("{} instructions per token; dispatching {} cycles, waiting {}, token {}",
                              whole(sums_.instructions), whole(sums_.phases[SETUN_PHASE_DISPATCH]),
                              whole(sums_.phases[SETUN_PHASE_WAIT]), whole(sums_.phases[SETUN_PHASE_TOKEN])));
        block.add("", fmt::format("{} bytes of code and data, {} of stack used, of {}", firmware_ & 0xFFFFU,
                                  firmware_ >> 16U, SETUN_SRAM_BYTES));
        block.add("prompt", fmt::format("{} cycles, {} per position", grouped(sums_.prompt_cycles),
                                        grouped(sums_.prompt_cycles /
                                                std::max<std::uint64_t>(1, sums_.prompt_positions))));
        block.add("memory",
                  fmt::format("{} per token of weights, {} of everything else",
                              si(per_token(sums_.weight_bytes), "B"), si(per_token(sums_.data_bytes), "B")));
        block.add("energy",
                  fmt::format("{} per token: {} arithmetic, {} memory ({}); operations as table '{}'",
                              si(energy_.setun.total_j(), "J"), si(energy_.setun.arithmetic_j, "J"),
                              si(energy_.setun.memory_j(), "J"), energy_.memory, energy_.operations));
        block.add("", fmt::format("{} on an FP16 MAC machine: arithmetic x{:.1f}, all x{:.1f}",
                                  si(energy_.fp16.total_j(), "J"), energy_.arithmetic_ratio(),
                                  energy_.total_ratio()));
        block.add("speed", fmt::format("{:.2f} tokens/s of simulation, {:.2f} s",
                                       static_cast<double>(drawn) / std::max(seconds_, 1e-9), seconds_));
        block.add("check",
                  equal ? fmt::format("{} of {} tokens equal to device cpu", grouped(*equal), grouped(drawn))
                        : "not compared with device cpu");
        block.add("", kAnnotated);
        fmt::print("\n{}", block.text());
        if (!sums_.decode_only) {
            fmt::print("  (one token: its figures include the prompt)\n");
        }
        if (run_.energy) {
            fmt::print("\n{}", energy_text(energy_, "all"));
        }
    }

    [[nodiscard]] Json json(std::size_t drawn, std::optional<std::size_t> equal) const {
        Json units = Json::array();
        for (unsigned u = 0; u < SETUN_UNITS; ++u) {
            units.push_back({{"name", vp::unit_name(u)},
                             {"commands_per_token", per_token(sums_.unit_commands.at(u))},
                             {"cycles_per_token", per_token(sums_.unit_cycles.at(u))},
                             {"compute_per_token", per_token(sums_.unit_compute.at(u))},
                             {"share", ratio(sums_.unit_cycles.at(u))}});
        }
        const double cycles = per_token(sums_.cycles);
        return {{"cycles_per_token", cycles},
                {"per_token_includes_prompt", !sums_.decode_only},
                {"clock_hz", chip_.clock_hz()},
                {"tokens_per_s", chip_.clock_hz() / std::max(1.0, cycles)},
                {"prompt_cycles", sums_.prompt_cycles},
                {"prompt_positions", sums_.prompt_positions},
                {"units", std::move(units)},
                {"engine_share", ratio(sums_.unit_cycles[SETUN_UNIT_ENGINE])},
                {"engine_busy_per_token", per_token(sums_.engine_busy)},
                {"engine_stalls_per_token", per_token(sums_.engine_stalls)},
                {"idle_per_token", per_token(sums_.cycles - sums_.any_busy)},
                {"overlapped_per_token", per_token(sums_.overlapped)},
                {"arbitration_per_token", per_token(sums_.arbitration)},
                {"firmware",
                 {{"instructions_per_token", per_token(sums_.instructions)},
                  {"dispatch_per_token", per_token(sums_.phases[SETUN_PHASE_DISPATCH])},
                  {"wait_per_token", per_token(sums_.phases[SETUN_PHASE_WAIT])},
                  {"token_per_token", per_token(sums_.phases[SETUN_PHASE_TOKEN])},
                  {"bytes", firmware_ & 0xFFFFU},
                  {"stack_bytes", firmware_ >> 16U}}},
                {"weight_bytes_per_token", per_token(sums_.weight_bytes)},
                {"data_bytes_per_token", per_token(sums_.data_bytes)},
                {"energy_j_per_token", energy_.setun.total_j()},
                {"energy_fp16_j_per_token", energy_.fp16.total_j()},
                {"energy_arithmetic_j_per_token", energy_.setun.arithmetic_j},
                {"energy_operations", energy_.operations},
                {"energy_memory", energy_.memory},
                {"sim_tokens_per_s", static_cast<double>(drawn) / std::max(seconds_, 1e-9)},
                {"seconds", seconds_},
                {"verified", equal.has_value() && *equal == drawn},
                {"equal_tokens", equal ? Json(*equal) : Json(nullptr)},
                {"timing", kAnnotated},
                {"kv", kv_format_name(run_.requests.at(0).kv)},
                {"device", "vp"},
                {"memory", run_.device->memory},
                {"ports", run_.device->ports},
                {"port_bits", run_.device->port_bits},
                {"tokens_per_beat", run_.device->tokens}};
    }

  private:
    [[nodiscard]] double per_token(std::uint64_t value) const {
        return static_cast<double>(value) / static_cast<double>(std::max<std::uint64_t>(1, sums_.tokens));
    }
    [[nodiscard]] std::string whole(std::uint64_t value) const {
        return grouped(static_cast<std::uint64_t>(std::llround(per_token(value))));
    }
    [[nodiscard]] double ratio(std::uint64_t cycles) const {
        return static_cast<double>(cycles) / static_cast<double>(std::max<std::uint64_t>(1, sums_.cycles));
    }
    [[nodiscard]] std::string share(std::uint64_t cycles) const { return percent(ratio(cycles)); }

    [[nodiscard]] std::string unit_line(unsigned u) const {
        const std::uint64_t cycles = sums_.unit_cycles.at(u);
        const std::string rest =
            u == SETUN_UNIT_ENGINE
                ? fmt::format("busy {}, stalled {}", whole(sums_.engine_busy), whole(sums_.engine_stalls))
                : fmt::format("waiting for memory {}",
                              whole(cycles - std::min(cycles, sums_.unit_compute.at(u))));
        return fmt::format("{}: {} ({}), {}", vp::unit_name(u), whole(cycles), share(cycles), rest);
    }

    const ChipRun& run_;
    const vp::VirtualPlatform& chip_;
    const Sums& sums_;
    const energy::TokenEnergy& energy_;
    std::uint32_t firmware_;
    double seconds_;
};

DeviceInfo chip_info(const vp::VirtualPlatform& chip, const DeviceOptions& device) {
    DeviceInfo info;
    info.name = "vp";
    info.ports = device.ports;
    info.port_bits = device.port_bits;
    info.tokens = device.tokens;
    info.tile_rows = device.tile_rows;
    info.memory = device.memory;
    info.clock_hz = chip.clock_hz();
    return info;
}

/// One text after the other on the chip; each is shown as it grows when it is the only one.
std::vector<ChipOutcome> generate(const ChipRun& run, vp::VirtualPlatform& chip, const ChipProgram& program) {
    using Clock = std::chrono::steady_clock;
    const auto start = Clock::now();
    boost::asio::io_context events;
    boost::asio::signal_set signals(events, SIGINT, SIGTERM);
    bool interrupted = false;
    signals.async_wait([&](const boost::system::error_code& error, int) { interrupted = !error; });
    ChipSession session(chip, program);
    std::vector<ChipOutcome> outcomes;
    const bool one = run.requests.size() == 1;
    Progress progress(one ? "reading the prompt" : "generating");
    for (std::size_t i = 0; i < run.requests.size(); ++i) {
        const GenerateRequest& from = run.requests[i];
        Utf8Stream stream;
        bool shown = false;
        ChipRequest request;
        request.prompt = from.prompt;
        request.max_tokens = std::min<std::uint32_t>(
            from.max_tokens, program.capacity() + 1 - static_cast<std::uint32_t>(from.prompt.size()));
        request.stop = from.stop;
        request.stopping = [&]() -> const char* {
            progress.update(static_cast<double>(i) / static_cast<double>(run.requests.size()));
            events.poll();
            if (interrupted) {
                return "interrupted";
            }
            const std::chrono::duration<double> spent = Clock::now() - start;
            return run.timeout_s > 0 && spent.count() > run.timeout_s ? "out of time" : nullptr;
        };
        if (one && !run.json) {
            request.on_token = [&](std::uint32_t id) {
                progress.clear();
                if (!std::exchange(shown, true)) {
                    write_out(run.shown[0]);
                }
                write_out(*run.tokenizer ? stream.push((*run.tokenizer)->bytes(id)) : fmt::format("{} ", id));
            };
        }
        outcomes.push_back(session.run(request));
        if (one && !run.json) {
            write_out(stream.finish() + "\n");
        }
        if (!outcomes.back().stopped.empty()) {
            break;
        }
    }
    progress.clear();
    return outcomes;
}

std::string decode(const ChipRun& run, const std::vector<std::uint32_t>& tokens) {
    return *run.tokenizer ? (*run.tokenizer)->decode(tokens) : fmt::format("{}", fmt::join(tokens, " "));
}

Json text_json(const ChipRun& run, const std::vector<ChipOutcome>& outcomes) {
    Json sequences = Json::array();
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        sequences.push_back({{"text", *run.tokenizer ? decode(run, outcomes[i].tokens) : ""},
                             {"tokens", outcomes[i].tokens},
                             {"prompt_tokens", run.requests[i].prompt.size()},
                             {"generated", outcomes[i].tokens.size()}});
    }
    return sequences.size() == 1 ? sequences[0] : Json{{"sequences", std::move(sequences)}};
}

}  // namespace

void check_chip_device(const DeviceOptions& device) {
    check_device_options(device);
    if (!device.trace.empty()) {
        throw InputError("--trace needs --device rtl; device vp writes a trace of its units with --timeline");
    }
    if (device.xrt_emulation || !device.xclbin.empty()) {
        throw InputError("--xrt-emulation and --xclbin need --device xrt");
    }
}

std::unique_ptr<vp::VirtualPlatform> open_chip(const DeviceOptions& device, std::uint64_t data_bytes,
                                               ChipLabel label) {
    vp::PlatformOptions options;
    options.kernel = {device.ports, device.port_bits, device.tokens, device.leaf_form(), device.tile_rows};
    options.memory = device.memory;
    options.seed = device.seed;
    options.data_bytes = data_bytes;
    options.firmware = device.firmware_file();
    options.timeline = !device.timeline.empty();
    options.label = std::move(label);
    if (device.uart) {
        options.uart = [](const std::string& line) { fmt::print(stderr, "uart: {}\n", line); };
    }
    try {
        return std::make_unique<vp::VirtualPlatform>(options);
    } catch (const vp::PlatformError& error) {
        throw InputError(error.what());
    }
}

int run_on_chip(const ChipRun& run) {
    check(run);
    check_chip_device(*run.device);
    const DeviceOptions& device = *run.device;
    ChipProgram program(*run.model, device.tokens, run.requests.at(0).kv,  // all have the same
                        positions_needed(run.requests, run.model->architecture));
    std::optional<AtomicFile> timeline;
    if (!device.timeline.empty()) {
        timeline.emplace(device.timeline, true);
    }
    const std::unique_ptr<vp::VirtualPlatform> chip = open_chip(
        device, program.data_bytes(),
        [&program](std::uint64_t address, std::uint32_t count) { return program.label(address, count); });
    program.place(*chip);
    const auto start = std::chrono::steady_clock::now();
    const std::vector<ChipOutcome> outcomes = generate(run, *chip, program);
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (timeline) {
        const std::string trace = chip->timeline_json();
        timeline->write(std::as_bytes(std::span(trace)));
        timeline->commit();
    }
    std::size_t drawn = 0;
    for (const ChipOutcome& outcome : outcomes) {
        drawn += outcome.tokens.size();
    }
    const std::string stopped = outcomes.empty() ? "" : outcomes.back().stopped;
    std::optional<std::size_t> equal;
    if (run.verify && drawn != 0 && stopped.empty()) {
        equal = equal_tokens(run, outcomes);
    }
    const Sums sums = sum_up(outcomes, run.requests);
    WorkTally work(*run.model, device);
    for (std::size_t i = 0; i < outcomes.size(); ++i) {
        const std::uint64_t prompt = run.requests[i].prompt.size();
        const std::uint64_t made = outcomes[i].tokens.size();
        if (sums.decode_only) {
            work.add(prompt, made - std::min<std::uint64_t>(made, 1), made - std::min<std::uint64_t>(made, 1),
                     {outcomes[i].first, outcomes[i].end});
        } else {
            work.add(0, prompt, made, {outcomes[i].begin, outcomes[i].end});
        }
    }
    const energy::TokenEnergy energy =
        work.price(chip_info(*chip, device), run.tech, std::max<std::uint64_t>(1, sums.tokens));
    const Report report(run, *chip, sums, energy, chip->read_mailbox(SETUN_MBOX_FIRMWARE), seconds.count());
    if (run.json) {
        Json json = text_json(run, outcomes);
        json.update(report.json(drawn, equal));
        if (run.energy) {
            json["energy"] = energy_json(energy, "all");
        }
        if (!stopped.empty()) {
            json["stopped"] = stopped;
        }
        print_json(json);
    } else {
        for (std::size_t i = 0; outcomes.size() > 1 && i < outcomes.size(); ++i) {
            write_out(fmt::format("[{}] {}{}\n", i + 1, run.shown[i], decode(run, outcomes[i].tokens)));
        }
        if (drawn != 0) {
            report.print(drawn, equal);
        }
    }
    if (!stopped.empty()) {
        fmt::print(stderr, "setun: stopped after {} tokens: {}\n", drawn, stopped);
        return kExitCheckFailed;
    }
    if (equal && *equal != drawn) {
        throw CheckError(fmt::format("device vp: {} of {} tokens are equal to device cpu", *equal, drawn));
    }
    return kExitOk;
}

}  // namespace setun::cli
