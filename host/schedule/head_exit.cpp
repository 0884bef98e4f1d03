// Exact early exit of the output head: which rows still need their lower digit planes (docs/numerics.md
// section 8).
#include "host/schedule/head_exit.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <functional>
#include <limits>
#include <utility>

#include "hls/trit.h"
#include "host/base/error.h"
#include "rtl/setun_abi.h"

namespace setun {
namespace {

/// Bounds are kept for this many missing planes: with more missing nothing can be dropped anyway.
constexpr unsigned kMaxMissing = 3;
/// Levels of 1, 2 and 3 missing planes: rests reach 1, 4 and 13.
constexpr std::array<unsigned, kMaxMissing + 1> kReach{0, 1, 4, 13};
constexpr std::array<unsigned, kMaxMissing + 1> kFirstLevel{0, 0, 1, 5};
constexpr unsigned kLevels = 18;

constexpr std::array<std::int32_t, SETUN_MAX_PLANES + 1> kPower{1, 3, 9, 27, 81, 243};

/// What the `missing` lowest digits of w stand for.
int rest_of(int w, unsigned missing) {
    const int period = kPower[missing];
    const int reach = period / 2;
    return ((w + reach) % period + period) % period - reach;
}

/// hls::dequantize for integers that are bounds and may lie outside INT32. Never decreases as `sum` grows:
/// each of its roundings is monotone and both scales are positive. NaN when the scale is NaN.
float logit_of(std::int64_t sum, float weight_scale, float scale) {
    return (static_cast<float>(sum) * weight_scale) / scale;
}

/// The smallest integer whose logit is not below that of `sum`.
std::int64_t lowest_with_logit_of(std::int64_t sum, float weight_scale, float scale) {
    const float logit = logit_of(sum, weight_scale, scale);
    std::int64_t low = std::numeric_limits<std::int32_t>::min() * std::int64_t{4};  // below every bound
    std::int64_t high = sum;
    while (low < high) {
        const std::int64_t middle = low + (high - low) / 2;
        if (logit_of(middle, weight_scale, scale) < logit) {
            low = middle + 1;
        } else {
            high = middle;  // also when the logits are NaN: then nothing is ever dropped
        }
    }
    return high;
}

}  // namespace

std::uint32_t part_inputs(const PackedMatrix& head, const HeadPart& part) {
    const auto lanes = static_cast<std::uint32_t>(head.layout.lanes());
    return std::min(part.chunks * lanes, head.k - part.chunk * lanes);
}

HeadBounds::HeadBounds(const PackedMatrix& head) : max_missing_(std::min(kMaxMissing, head.planes - 1)) {
    const StreamIndex index = head.index();
    counts_.resize(std::size_t{head.m} * kLevels);
    std::vector<std::int8_t> weights(head.k);
    for (std::uint32_t row = 0; row < head.m; ++row) {
        unpack_row(index, row, head.streams, weights);
        std::array<std::uint32_t, 256> histogram{};
        for (const std::int8_t w : weights) {
            ++histogram[static_cast<std::uint8_t>(w)];
        }
        std::uint32_t* const counts = &counts_[std::size_t{row} * kLevels];
        for (int w = -hls::max_of_planes(head.planes); w <= hls::max_of_planes(head.planes); ++w) {
            const std::uint32_t number = histogram[static_cast<std::uint8_t>(w)];
            for (unsigned missing = 1; missing <= max_missing_ && number != 0; ++missing) {
                const int rest = std::abs(rest_of(w, missing));
                for (int v = 1; v <= rest; ++v) {
                    counts[kFirstLevel[missing] + static_cast<unsigned>(v) - 1] += number;
                }
            }
        }
    }
}

std::vector<std::int32_t> HeadBounds::largest_sums(std::span<const std::int8_t> q) {
    std::array<std::uint32_t, 129> histogram{};
    for (const std::int8_t value : q) {
        ++histogram[static_cast<std::size_t>(std::abs(int{value}))];
    }
    std::vector<std::int32_t> sums{0};
    sums.reserve(q.size() + 1);
    for (std::size_t magnitude = histogram.size(); magnitude-- > 0;) {
        for (std::uint32_t i = 0; i < histogram[magnitude]; ++i) {
            sums.push_back(sums.back() + static_cast<std::int32_t>(magnitude));
        }
    }
    return sums;
}

std::int64_t HeadBounds::bound(std::uint32_t row, unsigned missing,
                               std::span<const std::int32_t> largest_sums) const {
    const std::uint32_t* const counts = &counts_[std::size_t{row} * kLevels + kFirstLevel[missing]];
    std::int64_t bound = 0;
    for (unsigned v = 0; v < kReach[missing]; ++v) {
        bound += largest_sums[counts[v]];
    }
    return bound;
}

HeadSearch::HeadSearch(const PackedMatrix& head, const HeadBounds& bounds, const HeadExitOptions& options)
    : head_(&head),
      bounds_(&bounds),
      index_(head.index()),
      options_(options),
      planes_(head.planes),
      block_span_(std::min(options.block_rows, head.layout.tile_rows) * head.layout.ports),
      tile_span_(head.layout.tile_rows * head.layout.ports),
      first_planes_(head.planes) {
    options_.block_rows = block_span_ / head.layout.ports;
    if (!(head.scale > 0) || !std::isfinite(head.scale)) {
        throw InputError(fmt::format("matrix '{}': scale {} is not positive; use --head-exit off", head.name,
                                     static_cast<double>(head.scale)));
    }
    // Until something is learnt: two planes less, where they are worth the lists that replace them.
    const std::uint64_t plane_beats = index_.beats_per_port() / planes_;
    if (bounds.max_missing() >= 2 && 2 * plane_beats > std::uint64_t{3} * options.round_beats) {
        first_planes_ = planes_ - 2;
    }
    goal_.resize((head.m + block_span_ - 1) / block_span_);
    read_.resize(goal_.size());
}

std::size_t HeadSearch::max_rows() const {
    return std::size_t{index_.padded_rows()} * std::max(index_.chunks(), planes_);
}

std::size_t HeadSearch::max_parts() const { return goal_.size() * std::max(index_.chunks(), planes_); }

double HeadSearch::planes_read() const {
    return static_cast<double>(beats_) * planes_ / static_cast<double>(index_.beats_per_port());
}

void HeadSearch::begin(std::vector<HeadQuery> queries) {
    states_.resize(queries.size());
    for (std::size_t t = 0; t < queries.size(); ++t) {
        State& state = states_[t];
        state.query = queries[t];
        state.query.keep = std::min(state.query.keep, head_->m);
        state.largest_sums = HeadBounds::largest_sums(state.query.q);
        state.known.assign(head_->m, 0);
        state.live.rows.resize(head_->m);
        for (std::uint32_t row = 0; row < head_->m; ++row) {
            state.live.rows[row] = row;
        }
    }
    std::fill(read_.begin(), read_.end(), std::uint8_t{0});
    round_ = 0;
    beats_ = 0;
}

/// Planes of a tile after the first begin at multiples of 64 bytes, as commands must.
bool HeadSearch::can_split(std::uint32_t tile_first) const {
    const std::uint32_t rows = std::min(tile_span_, index_.padded_rows() - tile_first);
    return rows / index_.layout().ports * index_.layout().beat_bytes() % SETUN_ALIGN == 0;
}

void HeadSearch::read_all_tiles() {
    for (std::uint32_t first = 0; first < head_->m; first += tile_span_) {
        const std::uint32_t rows = std::min(tile_span_, head_->m - first);
        const std::uint32_t planes = can_split(first) ? first_planes_ : planes_;
        parts_.push_back({first, rows, 0, planes, 0, index_.chunks()});
        for (std::uint32_t block = block_of(first); block <= block_of(first + rows - 1); ++block) {
            goal_[block] = static_cast<std::uint8_t>(planes);
        }
    }
}

/// Keeps the rows that may still be among the wanted ones. The wanted rows reach at least the `keep`-th
/// largest lower bound; a row goes only when the logit of its upper bound is below the logit of that one, not
/// equal, so that rows whose different sums end as the same float stay too.
void HeadSearch::drop(State& state) const {
    std::vector<std::int64_t> lower;
    std::vector<std::int64_t> upper;
    for (const std::uint32_t row : state.live.rows) {
        const std::int64_t bound = bounds_->bound(row, missing(row), state.largest_sums);
        lower.push_back(state.known[row] - bound);
        upper.push_back(state.known[row] + bound);
    }
    const auto wanted = lower.begin() + static_cast<std::ptrdiff_t>(state.query.keep - 1);
    std::nth_element(lower.begin(), wanted, lower.end(), std::greater<>());
    state.lowest = lowest_with_logit_of(*wanted, head_->scale, state.query.scale);
    std::size_t kept = 0;
    for (std::size_t i = 0; i < upper.size(); ++i) {
        if (upper[i] >= state.lowest) {
            state.live.rows[kept++] = state.live.rows[i];
        }
    }
    state.live.rows.resize(kept);
}

/// Marks the blocks to go on with: one more plane of each live row that is not exact yet. In the first round
/// the rows that lead are finished, because an exact leader halves the margin of the others; rows that it
/// will drop, taking what is known of it for its value, wait.
void HeadSearch::choose(const State& state, bool first) {
    const auto& live = state.live.rows;
    if (state.query.keep == 1 && live.size() == 1) {
        return;
    }
    std::int64_t expected = std::numeric_limits<std::int64_t>::min();
    if (first) {
        std::vector<std::uint32_t> order = live;
        const auto last = order.begin() + static_cast<std::ptrdiff_t>(state.query.keep);
        std::partial_sort(order.begin(), last, order.end(), [&](std::uint32_t a, std::uint32_t b) {
            return state.known[a] != state.known[b] ? state.known[a] > state.known[b] : a < b;
        });
        for (auto row = order.begin(); row != last; ++row) {
            if (bounds_->bound(*row, missing(*row), state.largest_sums) != 0) {
                goal_[block_of(*row)] = static_cast<std::uint8_t>(planes_);
                expected = state.known[*(last - 1)];
            }
        }
    }
    for (const std::uint32_t row : live) {
        const std::int64_t bound = bounds_->bound(row, missing(row), state.largest_sums);
        if (bound != 0 && state.known[row] + bound >= expected) {
            std::uint8_t& goal = goal_[block_of(row)];
            goal = std::max(goal, static_cast<std::uint8_t>(read_[block_of(row)] + 1));
        }
    }
}

/// Cycles of a part of `rows` rows and one chunk, in beats of a port: its weight beats, or what the data port
/// needs for the activations of all tokens and the command, and the command decoder for its steps, when that
/// is more.
std::uint64_t HeadSearch::part_beats(std::uint64_t rows) const {
    const std::uint64_t loads = 5 * states_.size() + SETUN_COMMAND_BYTES / index_.layout().beat_bytes();
    return std::max<std::uint64_t>(rows / index_.layout().ports, loads + 5);
}

/// Reads all missing planes of all live rows when that costs less than another round.
void HeadSearch::finish_if_cheap() {
    std::vector<std::uint8_t> goal = read_;
    for (const State& state : states_) {
        if (state.query.keep == 1 && state.live.rows.size() == 1) {
            continue;
        }
        for (const std::uint32_t row : state.live.rows) {
            if (bounds_->bound(row, missing(row), state.largest_sums) != 0) {
                goal[block_of(row)] = static_cast<std::uint8_t>(planes_);
            }
        }
    }
    std::uint64_t planes = 0;
    for (std::size_t block = 0; block < goal.size(); ++block) {
        planes += static_cast<std::uint64_t>(goal[block] - read_[block]);
    }
    if (planes * part_beats(block_span_) * index_.chunks() <= options_.round_beats) {
        goal_ = std::move(goal);
    }
}

void HeadSearch::emit_plane(unsigned plane) {
    const std::uint64_t ports = index_.layout().ports;
    const auto wanted = [&](std::uint32_t block) { return read_[block] <= plane && plane < goal_[block]; };
    for (std::uint32_t first = 0; first < head_->m; first += tile_span_) {
        const std::uint32_t tile_rows = std::min(tile_span_, head_->m - first);
        const std::uint32_t begin = block_of(first);
        const std::uint32_t end = block_of(first + tile_rows - 1) + 1;
        std::vector<std::pair<std::uint32_t, std::uint32_t>> runs;  // first row, rows
        std::uint64_t beats = 0;
        for (std::uint32_t block = begin; block < end; ++block) {
            const std::uint32_t run = block;
            while (block < end && wanted(block)) {
                ++block;
            }
            if (block != run) {
                const std::uint32_t row = run * block_span_;
                runs.emplace_back(row, std::min(block * block_span_, head_->m) - row);
                beats += part_beats(runs.back().second);
            }
        }
        if (beats * ports >= tile_rows) {  // one command costs less than many
            parts_.push_back({first, tile_rows, plane, 1, 0, index_.chunks()});
            continue;
        }
        for (const auto& [row, rows] : runs) {
            for (std::uint32_t chunk = 0; chunk < index_.chunks(); ++chunk) {
                parts_.push_back({row, rows, plane, 1, chunk, 1});
            }
        }
    }
}

/// Parts for the planes from read_ to goal_; fewer planes when that is more than max_parts() or max_rows().
void HeadSearch::emit() {
    for (unsigned plane = 0; plane < planes_; ++plane) {
        const std::size_t before = parts_.size();
        emit_plane(plane);
        std::size_t rows = 0;
        for (const HeadPart& part : parts_) {
            rows += part.rows;
        }
        // The first plane always fits: for each tile no more rows and chunks than it has.
        if (before != 0 && (parts_.size() > max_parts() || rows > max_rows())) {
            parts_.resize(before);
            for (std::uint8_t& goal : goal_) {
                goal = std::min(goal, static_cast<std::uint8_t>(plane));
            }
            break;
        }
    }
    for (std::size_t block = 0; block < goal_.size(); ++block) {
        goal_[block] = std::max(goal_[block], read_[block]);
    }
}

const std::vector<HeadPart>& HeadSearch::next() {
    parts_.clear();
    if (round_ == 0) {
        read_all_tiles();
    } else {
        goal_ = read_;
        for (State& state : states_) {
            drop(state);
        }
        for (const State& state : states_) {
            choose(state, round_ == 1);
        }
        finish_if_cheap();
        emit();
    }
    for (const HeadPart& part : parts_) {
        const std::uint32_t groups = (part.rows + index_.layout().ports - 1) / index_.layout().ports;
        beats_ += std::uint64_t{groups} * part.planes * part.chunks;
    }
    if (parts_.empty()) {
        for (State& state : states_) {
            state.live.sums.clear();
            for (const std::uint32_t row : state.live.rows) {
                state.live.sums.push_back(state.known[row]);
            }
        }
        learn();
    }
    ++round_;
    return parts_;
}

void HeadSearch::absorb(std::span<const std::int32_t> y, unsigned columns) {
    for (const HeadPart& part : parts_) {
        const std::int32_t place = kPower[planes_ - part.plane - part.planes];
        for (std::uint32_t row = part.first_row; row < part.first_row + part.rows; ++row) {
            const std::uint32_t block = block_of(row);
            // A whole tile also holds blocks that have this plane already, or do not want it.
            if (read_[block] <= part.plane && part.plane + part.planes <= goal_[block]) {
                const std::size_t at = std::size_t{row - part.first_row} * columns;
                for (std::size_t t = 0; t < states_.size(); ++t) {
                    states_[t].known[row] += place * y[at + t];
                }
            }
        }
        y = y.subspan(std::size_t{part.rows} * columns);
    }
    read_ = goal_;
}

/// Chooses the planes that the next step reads at once: what would have cost least now, going by the bounds
/// that were there at the end. It decides what is computed, not what is found.
void HeadSearch::learn() {
    const std::uint64_t plane_beats = index_.beats_per_port() / planes_;
    std::uint64_t best = planes_ * plane_beats;  // reading everything, in one list
    std::uint32_t choice = planes_;
    std::uint64_t finishing = 0;
    for (std::uint32_t read = planes_ - 1; read + bounds_->max_missing() >= planes_ && read >= 1; --read) {
        std::vector<bool> alive(read_.size());
        for (const State& state : states_) {
            for (std::uint32_t row = 0; row < head_->m; ++row) {
                if (!alive[block_of(row)] &&
                    state.known[row] + bounds_->bound(row, planes_ - read, state.largest_sums) >=
                        state.lowest) {
                    alive[block_of(row)] = true;
                }
            }
        }
        const auto blocks = static_cast<std::uint64_t>(std::count(alive.begin(), alive.end(), true));
        finishing += std::min(plane_beats, blocks * part_beats(block_span_) * index_.chunks());
        const std::uint64_t cost = read * plane_beats + finishing + std::uint64_t{2} * options_.round_beats;
        if (cost < best) {
            best = cost;
            choice = read;
        }
    }
    first_planes_ = choice;
}

}  // namespace setun
