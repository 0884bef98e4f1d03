// The points of a sweep, and which rows no other row beats.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <span>
#include <tuple>

#include "host/base/error.h"
#include "host/sweep/sweep.h"
#include "sim/memory_presets.h"

namespace setun {
namespace {

template <class T>
void check_list(const char* axis, const std::vector<T>& values) {
    if (values.empty()) {
        throw InputError(fmt::format("{} is empty; give one value or more", axis));
    }
    for (std::size_t i = 0; i < values.size(); ++i) {
        if (std::find(values.begin(), values.begin() + static_cast<std::ptrdiff_t>(i), values[i]) !=
            values.begin() + static_cast<std::ptrdiff_t>(i)) {
            throw InputError(fmt::format("{} lists {} twice; give it once", axis, values[i]));
        }
    }
}

void check_choices(const char* axis, const std::vector<unsigned>& values, std::span<const unsigned> valid) {
    check_list(axis, values);
    for (const unsigned value : values) {
        if (std::find(valid.begin(), valid.end(), value) == valid.end()) {
            throw InputError(
                fmt::format("{}: no kernel has {}; use some of {}", axis, value, fmt::join(valid, ", ")));
        }
    }
}

template <class T>
void check_range(const char* axis, const std::vector<T>& values, T low, T high) {
    check_list(axis, values);
    for (const T value : values) {
        if (!(value >= low && value <= high)) {
            throw InputError(fmt::format("{} is {}; expected {} to {}", axis, value, low, high));
        }
    }
}

void check_axes(const SweepAxes& axes) {
    constexpr std::array kPorts{1U, 2U, 4U};
    constexpr std::array kPortBits{128U, 256U, 512U};
    constexpr std::array kTokens{1U, 2U, 4U, 8U};
    constexpr std::uint64_t kLongestContext = 1U << 20U;
    constexpr std::uint64_t kLargestBatch = 1U << 16U;
    check_choices("--ports", axes.ports, kPorts);
    check_choices("--port-bits", axes.port_bits, kPortBits);
    check_choices("--tokens", axes.tokens, kTokens);
    check_list("--leaf", axes.leaves);
    for (const std::string& leaf : axes.leaves) {
        if (!area::has_leaf(leaf)) {
            throw InputError(
                fmt::format("--leaf '{}' has no area estimate; use some of {}", leaf, area::leaf_names()));
        }
    }
    check_list("--memory", axes.memories);
    for (const std::string& memory : axes.memories) {
        try {
            static_cast<void>(sim::memory_preset(memory));
        } catch (const std::invalid_argument& error) {
            throw InputError(fmt::format("--memory: {}", error.what()));
        }
    }
    check_list("--clock", axes.clock_mhz);
    for (const double clock : axes.clock_mhz) {
        constexpr double kLowest = 1;
        constexpr double kHighest = 5000;
        if (clock != 0 && !(clock >= kLowest && clock <= kHighest)) {
            throw InputError(
                fmt::format("--clock is {:g} MHz; expected {:g} to {:g}", clock, kLowest, kHighest));
        }
    }
    check_range("--context", axes.contexts, std::uint64_t{1}, kLongestContext);
    check_range("--batch", axes.batches, std::uint64_t{1}, kLargestBatch);
}

/// Numbers to compare by; each is better when smaller.
std::array<double, 4> costs(const SweepRow& row) {
    return {-row.tokens_per_s, row.joules_per_token, row.luts, row.block_ram};
}

bool dominates(const SweepRow& a, const SweepRow& b) {
    const auto x = costs(a);
    const auto y = costs(b);
    bool better = false;
    for (std::size_t i = 0; i < x.size(); ++i) {
        if (x.at(i) > y.at(i)) {
            return false;
        }
        better = better || x.at(i) < y.at(i);
    }
    return better;
}

}  // namespace

std::vector<SweepPoint> sweep_points(const SweepAxes& axes, std::uint64_t most) {
    check_axes(axes);
    const std::uint64_t count = axes.ports.size() * axes.port_bits.size() * axes.tokens.size() *
                                axes.leaves.size() * axes.clock_mhz.size() * axes.memories.size() *
                                axes.contexts.size() * axes.batches.size();
    if (count > most) {
        throw InputError(fmt::format(
            "the lists make {} configurations, more than --max {}; shorten them or raise it", count, most));
    }
    std::vector<SweepPoint> points;
    points.reserve(count);
    for (std::uint64_t index = 0; index < count; ++index) {
        std::uint64_t rest = index;
        const auto pick = [&rest](const auto& values) {
            const auto& value = values[rest % values.size()];
            rest /= values.size();
            return value;
        };
        SweepPoint p;
        p.index = index;
        p.batch = pick(axes.batches);
        p.context = pick(axes.contexts);
        p.memory = pick(axes.memories);
        const double clock = pick(axes.clock_mhz);
        p.clock_hz = clock == 0 ? sim::memory_preset(p.memory).clock_hz : clock * 1e6;
        p.leaf = pick(axes.leaves);
        p.tokens = pick(axes.tokens);
        p.port_bits = pick(axes.port_bits);
        p.ports = pick(axes.ports);
        points.push_back(std::move(p));
    }
    return points;
}

void mark_pareto(std::vector<SweepRow>& rows) {
    // In the order of tokens/s, fastest first, only rows before can dominate a row, and if one does, a row
    // that nothing dominates does.
    std::vector<std::size_t> order(rows.size());
    for (std::size_t i = 0; i < order.size(); ++i) {
        order[i] = i;
    }
    std::sort(order.begin(), order.end(), [&](std::size_t a, std::size_t b) {
        return std::tuple(costs(rows[a]), a) < std::tuple(costs(rows[b]), b);
    });
    std::vector<std::size_t> front;
    for (const std::size_t i : order) {
        rows[i].pareto = std::none_of(front.begin(), front.end(),
                                      [&](std::size_t f) { return dominates(rows[f], rows[i]); });
        if (rows[i].pareto) {
            front.push_back(i);
        }
    }
}

std::vector<std::string> sweep_notes(const SweepJob& job, const Sweep& sweep) {
    std::vector<std::string> notes;
    notes.emplace_back(
        "tokens/s: the matrix engine alone, every matrix product of all layers and the output head with all "
        "its "
        "digit planes; attention, norms and sampling are the host's and take no time here");
    std::size_t projected = 0;
    std::size_t shortened = 0;
    for (const SweepRow& row : sweep.rows) {
        projected += row.projected ? 1 : 0;
        shortened += row.fits ? 0 : 1;
    }
    if (projected == 0) {
        notes.emplace_back("cycles: the performance model on every command of every layer");
    } else {
        notes.push_back(fmt::format(
            "cycles of {} rows are projected by the performance model: from two layers with three tiles of "
            "each "
            "matrix, and all passes of a row that are alike from one",
            projected));
        if (sweep.check.passes != 0) {
            notes.push_back(
                fmt::format("{} of {} passes were run in full as well: largest difference {:.3f} %",
                            sweep.check.passes, sweep.distinct_passes, 100 * sweep.check.largest));
        }
    }
    notes.push_back(
        fmt::format("energy: table '{}', as 'setun energy' counts it, attention and KV cache included; "
                    "static power over the "
                    "cycles above; off-chip memory not counted behind 'ideal'",
                    job.tech));
    notes.push_back(
        fmt::format("area: an estimate, fitted to synthesised engines within {:.0f} %, without AXI ports and "
                    "command processor; {}",
                    std::ceil(100 * sweep.worst_area_fit), sweep.area_source));
    if (shortened != 0) {
        notes.push_back(fmt::format(
            "{} rows: weights and KV cache do not fit the board's memory; the rate alone is meant",
            shortened));
    }
    return notes;
}

}  // namespace setun
