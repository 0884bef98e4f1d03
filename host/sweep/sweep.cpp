// Many kernel configurations on one model: cycles of the distinct passes, and what each configuration makes
// of them.
#include "host/sweep/sweep.h"

#include <fmt/format.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <cmath>
#include <exception>
#include <map>
#include <mutex>
#include <thread>
#include <tuple>

#include "host/base/error.h"
#include "host/generate/run_report.h"
#include "sim/board_memory.h"
#include "sim/leaf_names.h"
#include "sim/memory_channel.h"
#include "sim/memory_presets.h"

namespace setun {
namespace {

constexpr unsigned kTileRows = 1024;  // of the synthesised engines

unsigned leaf_number(const std::string& name) {
    const auto* const at = std::find(sim::kLeafNames.begin(), sim::kLeafNames.end(), name);
    return static_cast<unsigned>(at - sim::kLeafNames.begin());
}

/// Everything that a pass' cycles depend on. Presets that answer alike in cycles are alike.
struct PassKey {
    unsigned ports = 1;
    unsigned port_bits = 512;
    unsigned tokens = 1;
    unsigned fill_cycles = 0;
    bool layers = true;
    bool head = true;
    unsigned rows = 1;
    sim::ChannelSharing sharing{};
    std::array<std::uint64_t, 7> timing{};

    // clang-tidy takes the 0 of a defaulted comparison for a pointer.
    auto operator<=>(const PassKey&) const = default;  // NOLINT(modernize-use-nullptr)
};

/// Passes that a point needs, and how many of each.
struct PassUse {
    std::size_t pass = 0;  ///< index of the distinct pass
    std::uint64_t times = 1;
};

struct DistinctPass {
    PassShape shape;
    TimingOptions timing;
    PassCycles result;
    std::uint64_t exact_cycles = 0;
    bool check = false;
};

sim::MemoryPreset preset_at(const SweepPoint& point) {
    sim::MemoryPreset preset = sim::memory_preset(point.memory);
    preset.clock_hz = point.clock_hz;
    return preset;
}

class Passes {
  public:
    explicit Passes(const SweepJob& job) : job_(job) {}

    std::vector<PassUse> of(const SweepPoint& point) {
        const bool decode = job_.phase == energy::Phase::kDecode;
        std::vector<PassUse> uses;
        add(uses, point, true, decode, decode ? point.batch : point.batch * point.context);
        if (!decode) {
            add(uses, point, false, true, point.batch);
        }
        return uses;
    }

    /// Runs every distinct pass.
    void run(const std::function<void(double)>& progress) {
        choose_checks();
        unsigned workers =
            job_.threads != 0 ? job_.threads : std::max(1U, std::thread::hardware_concurrency());
        workers =
            static_cast<unsigned>(std::min<std::size_t>(workers, std::max<std::size_t>(1, passes_.size())));
        std::atomic<std::size_t> next{0};
        std::atomic<std::size_t> done{0};
        std::exception_ptr failure;
        std::mutex guard;
        const auto work = [&] {
            for (std::size_t i = next++; i < passes_.size(); i = next++) {
                try {
                    run_one(passes_[i]);
                } catch (...) {
                    const std::lock_guard lock(guard);
                    failure = failure ? failure : std::current_exception();
                    next = passes_.size();
                }
                ++done;
            }
            ++finished_;
        };
        std::vector<std::jthread> threads;
        for (unsigned i = 0; i < workers; ++i) {
            threads.emplace_back(work);
        }
        while (finished_ != workers) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
            if (progress) {
                progress(static_cast<double>(done) / static_cast<double>(passes_.size()));
            }
        }
        threads.clear();
        if (failure) {
            std::rethrow_exception(failure);
        }
    }

    [[nodiscard]] const PassCycles& result(std::size_t pass) const { return passes_[pass].result; }
    [[nodiscard]] std::size_t distinct() const { return passes_.size(); }

    [[nodiscard]] SweepCheck checked() const {
        SweepCheck check;
        for (const DistinctPass& pass : passes_) {
            if (pass.exact_cycles != 0) {
                ++check.passes;
                const double ratio =
                    static_cast<double>(pass.result.cycles) / static_cast<double>(pass.exact_cycles);
                check.largest = std::max(check.largest, std::abs(ratio - 1));
            }
        }
        return check;
    }

  private:
    void add(std::vector<PassUse>& uses, const SweepPoint& point, bool layers, bool head,
             std::uint64_t rows) {
        if (rows >= point.tokens) {
            uses.push_back({index_of(point, layers, head, point.tokens), rows / point.tokens});
        }
        if (rows % point.tokens != 0) {
            uses.push_back({index_of(point, layers, head, static_cast<unsigned>(rows % point.tokens)), 1});
        }
    }

    std::size_t index_of(const SweepPoint& point, bool layers, bool head, unsigned rows) {
        const sim::MemoryPreset preset = preset_at(point);
        const sim::ChannelTiming t = sim::make_channel_timing(preset);
        PassKey key;
        key.ports = point.ports;
        key.port_bits = point.port_bits;
        key.tokens = point.tokens;
        key.fill_cycles = sim::leaf_fill_cycles(leaf_number(point.leaf));
        key.layers = layers;
        key.head = head;
        key.rows = rows;
        key.sharing = preset.sharing;
        key.timing = {t.byte_time,    t.read_latency,  t.write_latency, t.refresh_period,
                      t.refresh_time, t.jitter_cycles, t.outstanding};
        const auto [at, inserted] = index_.try_emplace(key, passes_.size());
        if (inserted) {
            DistinctPass pass;
            pass.shape = pass_shape(job_.model, layers, head, rows);
            pass.timing = {point.ports,  point.port_bits, point.tokens,    kTileRows,
                           point.memory, job_.seed,       key.fill_cycles, point.clock_hz};
            passes_.push_back(std::move(pass));
        }
        return at->second;
    }

    /// Spread evenly over the passes.
    void choose_checks() {
        const std::size_t count = std::min<std::size_t>(job_.checks, passes_.size());
        for (std::size_t i = 0; i < count; ++i) {
            passes_[(2 * i + 1) * passes_.size() / (2 * count)].check = true;
        }
    }

    void run_one(DistinctPass& pass) const {
        pass.result = pass_cycles(pass.shape, pass.timing, job_.method);
        if (pass.check && pass.result.projected) {
            pass.exact_cycles = pass_cycles(pass.shape, pass.timing, PassMethod::kExact).cycles;
        }
    }

    const SweepJob& job_;
    std::vector<DistinctPass> passes_;
    std::map<PassKey, std::size_t> index_;
    std::atomic<unsigned> finished_{0};
};

/// Bytes a second of all channels behind the weight ports; 0: unlimited.
double weight_bandwidth(const SweepPoint& point) {
    const sim::MemoryPreset& preset = sim::memory_preset(point.memory);
    const unsigned channels = preset.sharing == sim::ChannelSharing::kAll ? 1 : point.ports;
    return channels * preset.channel_bytes_per_second;
}

class Pricing {
  public:
    explicit Pricing(const SweepJob& job) : job_(job), area_(area::Model::builtin()) {}

    SweepRow row(const SweepPoint& point, const std::vector<PassUse>& uses, const Passes& passes) {
        SweepRow row;
        row.point = point;
        row.passes = 0;
        std::uint64_t beats = 0;
        for (const PassUse& use : uses) {
            const PassCycles& pass = passes.result(use.pass);
            row.cycles += use.times * pass.cycles;
            row.projected = row.projected || pass.projected;
            row.passes += use.times;
            beats += use.times * pass.beats;
        }
        row.projected = row.projected || row.passes > 1;
        limits(row, beats);
        joules(row);
        const area::Estimate estimate =
            area_.estimate(point.leaf, point.ports, point.port_bits, point.tokens);
        row.luts = estimate.luts;
        row.block_ram = estimate.block_ram;
        row.area_extrapolated = estimate.extrapolated;
        return row;
    }

    [[nodiscard]] const area::Model& area() const { return area_; }
    [[nodiscard]] const std::vector<std::string>& assumptions() const { return assumptions_; }

  private:
    void limits(SweepRow& row, std::uint64_t beats) const {
        const SweepPoint& p = row.point;
        const double cycles = static_cast<double>(std::max<std::uint64_t>(1, row.cycles));
        const double bytes = static_cast<double>(beats) * p.ports * p.port_bits / 8.0;
        const double bandwidth = weight_bandwidth(p);
        const double memory_cycles = bandwidth == 0 ? 0 : bytes / bandwidth * p.clock_hz;
        row.memory_bound = memory_cycles > static_cast<double>(beats);
        row.roofline = std::max(memory_cycles, static_cast<double>(beats)) / cycles;
        const std::uint64_t tokens = p.batch * (job_.phase == energy::Phase::kDecode ? 1 : p.context);
        row.tokens_per_s = static_cast<double>(tokens) * p.clock_hz / cycles;
    }

    void joules(SweepRow& row) {
        const SweepPoint& p = row.point;
        const energy::Engine engine{p.port_bits, p.ports, p.tokens, kTileRows};
        energy::WorkCounts work = energy::model_work(job_.model, {job_.phase, p.context, p.batch}, engine);
        work.cycles = row.cycles;
        energy::Scope scope;
        scope.clock_hz = p.clock_hz;
        const energy::TokenEnergy e = energy::evaluate(technology(p.memory), work, engine, scope);
        if (assumptions_.empty()) {
            assumptions_ = e.assumptions;
        }
        row.joules_per_token = e.setun.total_j();
        row.arithmetic_j = e.setun.arithmetic_j;
        row.on_chip_j = e.setun.on_chip_j;
        row.off_chip_j = e.setun.memory_j();
        row.static_j = e.setun.static_j;
        row.fp16_joules_per_token = e.fp16.total_j();
        const std::uint64_t capacity = board_memory_bytes(p.memory);
        const energy::WorkCounts once = one_pass(engine);
        const double cache =
            static_cast<double>(job_.model.kv_elements() * p.context * p.batch) * job_.model.kv_bits / 8.0;
        row.fits =
            capacity == 0 || static_cast<double>(once.weight_bytes) + cache <= static_cast<double>(capacity);
    }

    /// Counts of a decode step of one sequence: every weight once.
    const energy::WorkCounts& one_pass(const energy::Engine& engine) {
        const auto [at, inserted] = once_.try_emplace({engine.ports, engine.port_bits, engine.tokens});
        if (inserted) {
            at->second = energy::model_work(job_.model, {energy::Phase::kDecode, 1, 1}, engine);
        }
        return at->second;
    }

    const energy::Technology& technology(const std::string& memory) {
        const auto at = technologies_.find(memory);
        if (at != technologies_.end()) {
            return at->second;
        }
        return technologies_.emplace(memory, energy::find_technology(job_.tech, energy_memory_of(memory)))
            .first->second;
    }

    const SweepJob& job_;
    area::Model area_;
    std::map<std::string, energy::Technology> technologies_;
    std::map<std::tuple<unsigned, unsigned, unsigned>, energy::WorkCounts> once_;
    std::vector<std::string> assumptions_;
};

}  // namespace

Sweep run_sweep(const SweepJob& job, const std::vector<SweepPoint>& points,
                const std::function<void(double)>& progress) {
    energy::check_shape(job.model, job.model.name);
    Passes passes(job);
    std::vector<std::vector<PassUse>> uses;
    uses.reserve(points.size());
    for (const SweepPoint& point : points) {
        uses.push_back(passes.of(point));
    }
    passes.run(progress);
    Pricing pricing(job);
    Sweep sweep;
    for (std::size_t i = 0; i < points.size(); ++i) {
        sweep.rows.push_back(pricing.row(points[i], uses[i], passes));
        sweep.worst_area_fit = std::max(sweep.worst_area_fit, pricing.area().worst_fit(points[i].leaf));
    }
    mark_pareto(sweep.rows);
    sweep.distinct_passes = passes.distinct();
    sweep.check = passes.checked();
    sweep.area_source = pricing.area().source();
    sweep.assumptions = pricing.assumptions();
    return sweep;
}

}  // namespace setun
