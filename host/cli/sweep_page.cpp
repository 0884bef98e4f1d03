// The report of `setun sweep` as one HTML page.
#include "host/cli/sweep_page.h"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <utility>

#include "host/cli/format.h"
#include "report/page.h"
#include "report/text.h"

namespace setun::cli {
namespace {

constexpr int kGrey = 6;  // of the report's palette

std::string kernel_name(const SweepPoint& p) {
    return fmt::format("{}x{}x{}", p.ports, p.port_bits, p.tokens);
}

/// What a row is, without the axes that all rows have in common.
class Names {
  public:
    explicit Names(const std::vector<SweepRow>& rows) {
        std::set<std::string> leaves;
        std::set<std::string> memories;
        std::set<std::pair<std::string, double>> clocks;  // every preset has one of its own
        std::set<std::uint64_t> contexts;
        std::set<std::uint64_t> batches;
        for (const SweepRow& row : rows) {
            leaves.insert(row.point.leaf);
            memories.insert(row.point.memory);
            clocks.emplace(row.point.memory, row.point.clock_hz);
            contexts.insert(row.point.context);
            batches.insert(row.point.batch);
        }
        leaf_ = leaves.size() > 1;
        memory_ = memories.size() > 1;
        clock_ = clocks.size() > memories.size();
        context_ = contexts.size() > 1;
        batch_ = batches.size() > 1;
    }

    [[nodiscard]] std::string of(const SweepPoint& p) const {
        std::string name = kernel_name(p);
        name += leaf_ ? " " + p.leaf : "";
        name += memory_ ? " " + p.memory : "";
        name += clock_ ? fmt::format(" {:g} MHz", p.clock_hz / 1e6) : "";
        name += context_ ? fmt::format(" c{}", p.context) : "";
        name += batch_ ? fmt::format(" b{}", p.batch) : "";
        return name;
    }

  private:
    bool leaf_ = false;
    bool memory_ = false;
    bool clock_ = false;
    bool context_ = false;
    bool batch_ = false;
};

using Value = double (*)(const SweepRow&);

report::XyChart scatter(const SweepCsv& sweep, const Names& names, const report::Axis& x, Value value) {
    report::XyChart chart;
    chart.x = x;
    chart.y = {"matrix engine", "tokens/s", true, true};
    report::XySeries dominated{"dominated", {}, false, true, true, kGrey};
    report::XySeries front{"Pareto: no row is better in all", {}, false, true, false, 0};
    for (const SweepRow& row : sweep.rows) {
        report::XyPoint point{value(row), row.tokens_per_s, "", ""};
        if (row.pareto) {
            point.label = names.of(row.point);
        } else {
            point.note = names.of(row.point);
        }
        (row.pareto ? front : dominated).points.push_back(std::move(point));
    }
    // Fastest first: their labels find room first.
    std::stable_sort(front.points.begin(), front.points.end(),
                     [](const auto& a, const auto& b) { return a.y > b.y; });
    chart.series = {std::move(dominated), std::move(front)};
    return chart;
}

const std::vector<std::string>& header() {
    static const std::vector<std::string> kHeader{
        "kernel", "leaf",    "memory", "clock",      "context",       "batch",      "tokens/s", "limit",
        "of it",  "J/token", "FP16",   "LUT (est.)", "RAMB18 (est.)", "arithmetic", "on chip",  "off chip",
        "static", "cycles",  ""};
    return kHeader;
}

std::vector<std::string> cells(const SweepRow& row) {
    const SweepPoint& p = row.point;
    std::string remarks;
    const auto remark = [&remarks](bool when, const char* text) {
        if (when) {
            remarks += (remarks.empty() ? "" : ", ") + std::string(text);
        }
    };
    remark(row.projected, "cycles projected");
    remark(row.area_extrapolated, "area extrapolated");
    remark(!row.fits, "does not fit the board");
    return {kernel_name(p),
            p.leaf,
            p.memory,
            fmt::format("{:g} MHz", p.clock_hz / 1e6),
            std::to_string(p.context),
            std::to_string(p.batch),
            report::plain(row.tokens_per_s),
            row.memory_bound ? "memory" : "ports",
            percent(row.roofline),
            report::si(row.joules_per_token, "J"),
            fmt::format("{:.1f}x", row.fp16_joules_per_token / row.joules_per_token),
            grouped(static_cast<std::uint64_t>(row.luts)),
            grouped(static_cast<std::uint64_t>(row.block_ram)),
            report::si(row.arithmetic_j, "J"),
            report::si(row.on_chip_j, "J"),
            report::si(row.off_chip_j, "J"),
            report::si(row.static_j, "J"),
            grouped(row.cycles),
            remarks};
}

std::vector<std::vector<std::string>> table_of(const std::vector<SweepRow>& rows, bool front_only) {
    std::vector<std::vector<std::string>> table;
    for (const SweepRow& row : rows) {
        if (row.pareto || !front_only) {
            table.push_back(cells(row));
        }
    }
    return table;
}

}  // namespace

std::string sweep_page(const SweepCsv& sweep, const std::vector<std::string>& notes,
                       const std::vector<std::string>& assumptions) {
    const auto& rows = sweep.rows;
    const auto front = static_cast<std::size_t>(
        std::count_if(rows.begin(), rows.end(), [](const SweepRow& row) { return row.pareto; }));
    report::Page page(
        fmt::format("Sweep: {}", sweep.head.shape),
        fmt::format("{} configurations, {}; {} of them on the Pareto front. Kernels are PORTS x PORT_BITS x "
                    "TOKENS.",
                    rows.size(), sweep.head.phase == "decode" ? "one decode step each" : "a prompt each",
                    front));
    const Names names(rows);
    report::XyChart joules = scatter(sweep, names, {"energy per token", "J", true, true},
                                     [](const SweepRow& row) { return row.joules_per_token; });
    joules.head = {
        "Speed against energy",
        "Scatter plot: tokens a second of the matrix engine over joules a token; upper left is better.",
        {"Upper left is better. Energy with all parts, by table '" + sweep.head.tech + "'."}};
    report::XyChart area = scatter(sweep, names, {"LUTs, estimate", "", true, true},
                                   [](const SweepRow& row) { return row.luts; });
    area.head = {
        "Speed against area",
        "Scatter plot: tokens a second of the matrix engine over estimated LUTs; upper left is better.",
        {"Upper left is better. Engine alone; block RAM is the fourth figure that the front counts."}};
    page.figures({report::figure(joules), report::figure(area)});
    page.heading("On the Pareto front");
    page.table(header(), table_of(rows, true));
    page.folded_table(fmt::format("All {} configurations", rows.size()), header(), table_of(rows, false));
    page.heading("What the figures cover");
    page.list(notes);
    if (!assumptions.empty()) {
        page.heading("Assumptions of the energies (first configuration)");
        page.list(assumptions);
    }
    return page.html();
}

}  // namespace setun::cli
