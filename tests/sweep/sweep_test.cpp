// Sweeps: order and refusal of points, rows against single evaluations, Pareto marks, CSV and shards.
#include "host/sweep/sweep.h"

#include <gtest/gtest.h>

#include <random>

#include "host/base/error.h"
#include "host/generate/run_report.h"
#include "host/sweep/sweep_csv.h"
#include "sim/memory_presets.h"

namespace setun {
namespace {

std::string refusal(const SweepAxes& axes, std::uint64_t most = 1000) {
    try {
        static_cast<void>(sweep_points(axes, most));
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

TEST(SweepPoints, AreTheProductWithTheLastAxisFastest) {
    SweepAxes axes;
    axes.ports = {1, 4};
    axes.tokens = {1, 2, 8};
    axes.clock_mhz = {0, 200};
    axes.memories = {"kv260", "ideal"};
    axes.batches = {1, 3};
    const auto points = sweep_points(axes, 1000);
    ASSERT_EQ(points.size(), 2U * 3 * 2 * 2 * 2);
    for (std::size_t i = 0; i < points.size(); ++i) {
        EXPECT_EQ(points[i].index, i);
        EXPECT_EQ(points[i].batch, axes.batches[i % 2]);
        EXPECT_EQ(points[i].memory, axes.memories[i / 2 % 2]);
        EXPECT_EQ(points[i].clock_hz, i / 4 % 2 == 1 ? 200e6 : sim::memory_preset(points[i].memory).clock_hz);
        EXPECT_EQ(points[i].tokens, axes.tokens[i / 8 % 3]);
        EXPECT_EQ(points[i].ports, axes.ports[i / 24]);
    }
}

TEST(SweepPoints, RefuseWhatNoKernelHasByName) {
    const auto with = [](auto change) {
        SweepAxes axes;
        change(axes);
        return refusal(axes);
    };
    EXPECT_NE(with([](SweepAxes& a) {
                  a.ports = {1, 3};
              }).find("--ports: no kernel has 3; use some of 1, 2, 4"),
              std::string::npos);
    EXPECT_NE(with([](SweepAxes& a) { a.port_bits = {64}; }).find("--port-bits"), std::string::npos);
    EXPECT_NE(with([](SweepAxes& a) { a.tokens = {16}; }).find("--tokens"), std::string::npos);
    EXPECT_NE(with([](SweepAxes& a) { a.leaves = {"planes"}; }).find("--leaf 'planes'"), std::string::npos);
    EXPECT_NE(with([](SweepAxes& a) { a.leaves = {"ree"}; }).find("--leaf 'ree'"), std::string::npos);
    EXPECT_NE(with([](SweepAxes& a) { a.leaves = {"tree, table"}; }).find("--leaf"), std::string::npos);
    EXPECT_NE(with([](SweepAxes& a) { a.memories = {"ddr9"}; }).find("--memory"), std::string::npos);
    EXPECT_NE(with([](SweepAxes& a) { a.clock_mhz = {-1}; }).find("--clock"), std::string::npos);
    EXPECT_NE(with([](SweepAxes& a) { a.clock_mhz = {6000}; }).find("--clock"), std::string::npos);
    EXPECT_NE(with([](SweepAxes& a) { a.contexts = {0}; }).find("--context"), std::string::npos);
    EXPECT_NE(with([](SweepAxes& a) { a.batches = {1U << 20U}; }).find("--batch"), std::string::npos);
    EXPECT_NE(with([](SweepAxes& a) { a.batches = {}; }).find("--batch is empty"), std::string::npos);
    EXPECT_NE(with([](SweepAxes& a) { a.ports = {2, 2}; }).find("--ports lists 2 twice"), std::string::npos);
    SweepAxes axes;
    axes.contexts = {1, 2, 3};
    EXPECT_NE(refusal(axes, 2).find("--max 2"), std::string::npos);
    EXPECT_EQ(refusal(axes, 3), "");
}

SweepAxes small_axes() {
    SweepAxes axes;
    axes.ports = {1, 4};
    axes.port_bits = {128, 512};
    axes.tokens = {1, 4};
    axes.leaves = {"tree", "bram"};
    axes.clock_mhz = {0, 200};
    axes.memories = {"ideal", "kv260", "u280"};
    axes.contexts = {1, 512};
    axes.batches = {1, 5};
    return axes;
}

SweepJob small_job() {
    SweepJob job;
    job.model = energy::find_shape("b158-700m");
    job.model.layers = 5;
    job.model.vocab = 4096;
    return job;
}

TEST(SweepRows, EqualSingleEvaluations) {
    const SweepJob job = small_job();
    const auto points = sweep_points(small_axes(), 1000);
    const Sweep sweep = run_sweep(job, points);
    ASSERT_EQ(sweep.rows.size(), points.size());
    EXPECT_LT(sweep.distinct_passes, points.size()) << "contexts share their passes";
    const area::Model area = area::Model::builtin();
    for (std::size_t i = 0; i < points.size(); i += 7) {
        const SweepPoint& p = points[i];
        const SweepRow& row = sweep.rows[i];
        TimingOptions timing;
        timing.ports = p.ports;
        timing.port_bits = p.port_bits;
        timing.tokens = p.tokens;
        timing.memory = p.memory;
        timing.clock_hz = p.clock_hz;
        timing.fill_cycles = sim::leaf_fill_cycles(p.leaf == "bram" ? SETUN_LEAF_BRAM : SETUN_LEAF_TREE);
        std::uint64_t cycles = 0;
        for (std::uint64_t left = p.batch; left != 0;) {
            const auto rows = static_cast<unsigned>(std::min<std::uint64_t>(left, p.tokens));
            cycles +=
                pass_cycles(pass_shape(job.model, true, true, rows), timing, PassMethod::kProject).cycles;
            left -= rows;
        }
        EXPECT_EQ(row.cycles, cycles) << i;
        EXPECT_DOUBLE_EQ(row.tokens_per_s,
                         static_cast<double>(p.batch) * p.clock_hz / static_cast<double>(cycles));
        EXPECT_EQ(row.passes, (p.batch + p.tokens - 1) / p.tokens);
        EXPECT_GT(row.roofline, 0.5) << i;
        EXPECT_LE(row.roofline, 1) << i;

        const energy::Engine engine{p.port_bits, p.ports, p.tokens, 1024};
        energy::WorkCounts work =
            energy::model_work(job.model, {energy::Phase::kDecode, p.context, p.batch}, engine);
        work.cycles = cycles;
        energy::Scope scope;
        scope.clock_hz = p.clock_hz;
        const energy::TokenEnergy e =
            energy::evaluate(energy::find_technology("7nm", energy_memory_of(p.memory)), work, engine, scope);
        EXPECT_DOUBLE_EQ(row.joules_per_token, e.setun.total_j()) << i;
        EXPECT_DOUBLE_EQ(row.arithmetic_j + row.on_chip_j + row.off_chip_j + row.static_j, e.setun.total_j())
            << i;
        EXPECT_DOUBLE_EQ(row.fp16_joules_per_token, e.fp16.total_j()) << i;
        EXPECT_DOUBLE_EQ(row.luts, area.estimate(p.leaf, p.ports, p.port_bits, p.tokens).luts) << i;
    }
}

TEST(SweepRows, DoNotDependOnThreads) {
    SweepJob job = small_job();
    const auto points = sweep_points(small_axes(), 1000);
    job.threads = 1;
    const std::string one = sweep_csv({}, run_sweep(job, points).rows, true);
    job.threads = 5;
    EXPECT_EQ(sweep_csv({}, run_sweep(job, points).rows, true), one);
}

TEST(SweepRows, PromptsTakeEveryPositionAndTheHeadOnce) {
    SweepJob job = small_job();
    job.phase = energy::Phase::kPrompt;
    SweepAxes axes;
    axes.tokens = {4};
    axes.contexts = {10};
    axes.memories = {"ideal"};
    const SweepRow row = run_sweep(job, sweep_points(axes, 10)).rows.front();
    TimingOptions timing;
    timing.tokens = 4;
    timing.memory = "ideal";
    const auto cycles = [&](bool layers, bool head, unsigned rows) {
        return pass_cycles(pass_shape(job.model, layers, head, rows), timing, PassMethod::kExact).cycles;
    };
    EXPECT_EQ(row.cycles, 2 * cycles(true, false, 4) + cycles(true, false, 2) + cycles(false, true, 1));
    EXPECT_DOUBLE_EQ(row.tokens_per_s, 10 * row.point.clock_hz / static_cast<double>(row.cycles));
}

TEST(SweepRows, ChecksSayHowFarProjectionIsOff) {
    SweepJob job = small_job();
    job.model.layers = 24;
    job.checks = 3;
    SweepAxes axes;
    axes.ports = {1, 2, 4};
    axes.memories = {"ddr4"};
    const Sweep sweep = run_sweep(job, sweep_points(axes, 10));
    EXPECT_EQ(sweep.check.passes, 3U);
    EXPECT_LT(sweep.check.largest, 0.01);
    axes.memories = {"ideal"};
    EXPECT_EQ(run_sweep(job, sweep_points(axes, 10)).check.largest, 0);
    job.method = PassMethod::kExact;
    const Sweep exact = run_sweep(job, sweep_points(axes, 10));
    EXPECT_EQ(exact.check.passes, 0U);
    EXPECT_FALSE(exact.rows.front().projected);
}

TEST(SweepRows, BoardsThatAreTooSmallAreNamed) {
    SweepJob job;
    job.model = energy::find_shape("llama-70b");
    SweepAxes axes;
    axes.memories = {"kv260", "u250", "ideal"};
    const auto rows = run_sweep(job, sweep_points(axes, 10)).rows;
    EXPECT_FALSE(rows[0].fits);
    EXPECT_TRUE(rows[1].fits);
    EXPECT_TRUE(rows[2].fits);
}

bool beats(const SweepRow& a, const SweepRow& b) {
    const bool no_worse = a.tokens_per_s >= b.tokens_per_s && a.joules_per_token <= b.joules_per_token &&
                          a.luts <= b.luts && a.block_ram <= b.block_ram;
    const bool better = a.tokens_per_s > b.tokens_per_s || a.joules_per_token < b.joules_per_token ||
                        a.luts < b.luts || a.block_ram < b.block_ram;
    return no_worse && better;
}

TEST(Pareto, MarksExactlyTheRowsThatNoOtherDominates) {
    for (const unsigned seed : {0U, 1U, 2U, 3U}) {
        std::mt19937 generator(seed);
        const unsigned values = seed < 2 ? 4 : 1000;  // few values: many ties and equal rows
        std::uniform_int_distribution<unsigned> random(1, values);
        std::vector<SweepRow> rows(300);
        for (SweepRow& row : rows) {
            row.tokens_per_s = random(generator);
            row.joules_per_token = random(generator);
            row.luts = random(generator);
            row.block_ram = random(generator);
            row.pareto = random(generator) % 2 == 0;  // what was there before does not count
        }
        mark_pareto(rows);
        std::size_t marked = 0;
        for (const SweepRow& row : rows) {
            const bool dominated = std::any_of(rows.begin(), rows.end(),
                                               [&](const SweepRow& other) { return beats(other, row); });
            EXPECT_EQ(row.pareto, !dominated) << "seed " << seed;
            marked += row.pareto ? 1 : 0;
        }
        EXPECT_GT(marked, 0U);
        EXPECT_LT(marked, rows.size());
    }
    std::vector<SweepRow> same(3);
    mark_pareto(same);
    EXPECT_TRUE(same[0].pareto && same[1].pareto && same[2].pareto)
        << "equal rows do not dominate each other";
}

std::string csv_error(const std::string& text) {
    try {
        static_cast<void>(parse_sweep_csv(text, "part.csv"));
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

TEST(Csv, ReadsBackWhatItWrites) {
    const Sweep sweep = run_sweep(small_job(), sweep_points(small_axes(), 1000));
    const SweepCsvHead head{"a \"shape\", with commas", "decode", "7nm"};
    const std::string text = sweep_csv(head, sweep.rows, true);
    const SweepCsv back = parse_sweep_csv(text, "x");
    EXPECT_EQ(back.head, head);
    ASSERT_EQ(back.rows.size(), sweep.rows.size());
    EXPECT_EQ(sweep_csv(back.head, back.rows, true), text);
    EXPECT_EQ(back.rows[9].joules_per_token, sweep.rows[9].joules_per_token);
    EXPECT_EQ(back.rows[9].pareto, sweep.rows[9].pareto);
}

TEST(Csv, RefusesWhatIsNoSweep) {
    const SweepCsvHead head{"s", "decode", "7nm"};
    const std::string good = sweep_csv(head, {SweepRow{}}, true);
    EXPECT_EQ(csv_error(good), "");
    EXPECT_NE(csv_error("").find("empty"), std::string::npos);
    EXPECT_NE(csv_error("a,b\n").find("line 1"), std::string::npos);
    std::string renamed = good;
    renamed.replace(renamed.find("tokens_per_s"), 6, "TOKENS");
    EXPECT_NE(csv_error(renamed).find("column 'tokens_per_s'"), std::string::npos);
    const std::size_t line = good.find('\n') + 1;
    EXPECT_NE(csv_error(good.substr(0, line) + "x" + good.substr(line)).find("line 2, column 'index'"),
              std::string::npos);
    EXPECT_NE(csv_error(good.substr(0, line) + "\"" + good.substr(line)).find("quote"), std::string::npos);
    EXPECT_NE(csv_error(good + good.substr(line, 20) + "\n").find("line 3 has"), std::string::npos);
    std::string other = good + good.substr(line);
    other.replace(other.rfind(",s,"), 3, ",t,");
    EXPECT_NE(csv_error(other).find("another model"), std::string::npos);
    std::string word = good;
    word.replace(word.rfind("yes"), 3, "yep");
    EXPECT_NE(csv_error(word).find("yep"), std::string::npos);
}

TEST(Csv, ShardsJoinToTheWholeSweep) {
    const SweepJob job = small_job();
    const auto points = sweep_points(small_axes(), 1000);
    const SweepCsvHead head{job.model.name, "decode", "7nm"};
    const std::string whole = sweep_csv(head, run_sweep(job, points).rows, true);
    constexpr std::size_t kShards = 3;
    std::vector<SweepCsv> parts;
    for (std::size_t shard = 0; shard < kShards; ++shard) {
        std::vector<SweepPoint> mine;
        for (const SweepPoint& p : points) {
            if (p.index % kShards == kShards - 1 - shard) {
                mine.push_back(p);
            }
        }
        parts.push_back(parse_sweep_csv(sweep_csv(head, run_sweep(job, mine).rows, false), "part"));
    }
    const SweepCsv merged = merge_sweeps(parts);
    EXPECT_EQ(sweep_csv(merged.head, merged.rows, true), whole);
    std::vector<SweepCsv> twice = parts;
    twice.push_back(parts[0]);
    EXPECT_THROW(static_cast<void>(merge_sweeps(twice)), InputError);
    EXPECT_THROW(static_cast<void>(merge_sweeps({parts[0], parts[1]})), InputError);
    EXPECT_THROW(static_cast<void>(merge_sweeps({})), InputError);
    twice = parts;
    twice[1].head.tech = "45nm";
    EXPECT_THROW(static_cast<void>(merge_sweeps(twice)), InputError);
}

}  // namespace
}  // namespace setun
