// The whole-model part of `setun bench`: one token of a named shape, on the chip or from the performance
// model.
#include "host/cli/bench_model.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <optional>

#include "host/base/error.h"
#include "host/cli/energy_report.h"
#include "host/cli/energy_run.h"
#include "host/cli/format.h"
#include "host/cli/model_options.h"
#include "host/cpu/kernel_timing.h"
#include "host/generate/run_report.h"
#include "host/generate/sampler.h"
#include "host/model/model.h"
#include "host/schedule/lowering.h"
#include "host/schedule/reference.h"
#include "host/schedule/shape_list.h"
#include "sim/board_memory.h"

namespace setun::cli {
namespace {

/// A board's memory with the kernel that suits it: as many ports as the kernel has, wide enough for its
/// channels.
struct Board {
    std::string memory;
    unsigned ports = 1;
    unsigned port_bits = 512;
};

/// Boards of --memory all.
std::vector<Board> all_boards() {
    return {{"kv260", 4, 128}, {"ddr4", 1, 512}, {"u250", 4, 512},
            {"u50", 4, 512},   {"u280", 4, 512}, {"ideal", 1, 512}};
}

/// Throughput that others publish. Scope: what their token includes.
struct Published {
    const char* machine;
    const char* model;
    double tokens_per_s;
    const char* scope;
    const char* source;
};
constexpr std::array kPublished{
    Published{"KV260, 4 x 128 bit, 250 MHz (bitnet-kv260)", "BitNet b1.58 2B4T", 16.78,
              "measured on the board: whole token, attention on the CPU",
              "github.com/MerlijnW70/bitnet-kv260"},
    Published{"KV260 (TeLLMe v2)", "0.73B ternary", 25, "up to; whole token, attention on the FPGA",
              "arXiv:2510.15926"},
    Published{"KV260 (PD-Swap)", "ternary", 27, "up to; whole token, attention on the FPGA",
              "arXiv:2512.11550"},
    Published{"FPGA, weights on the chip (TerEffic v2)", "370M ternary, attention-free", 16300, "whole token",
              "arXiv:2502.16473"},
    Published{"HBM FPGA (TerEffic v2)", "2.7B ternary, attention-free", 727, "whole token",
              "arXiv:2502.16473"},
};

constexpr const char* kIncludes =
    "every matrix product of one decode step: all layers and the output head as five digit planes; not "
    "attention, "
    "norms and the host";

struct Row {
    ListForm form = ListForm::kWhole;
    std::size_t lists = 0;
    Counters counters;
    std::optional<std::uint64_t> predicted;  ///< beside cycles of the RTL
    DeviceInfo info;

    [[nodiscard]] bool fits() const {
        const std::uint64_t capacity = board_memory_bytes(info.memory);
        return capacity == 0 || counters.weight_bytes <= capacity;
    }
};

const char* form_name(ListForm form) { return form == ListForm::kWhole ? "whole" : "groups"; }

double tokens_per_second(const Row& row, unsigned batch) {
    return batch * row.info.clock_hz / static_cast<double>(std::max<std::uint64_t>(1, row.counters.cycles));
}

double roofline_share(const Row& row) {
    return roofline_cycles(row.info, row.counters) /
           static_cast<double>(std::max<std::uint64_t>(1, row.counters.cycles));
}

class ModelBench {
  public:
    explicit ModelBench(const ModelBenchOptions& options)
        : options_(options), architecture_(known_shape(options.shape)) {
        if (options.batch == 0 || options.batch > options.device.tokens) {
            throw InputError(
                fmt::format("--batch {} does not fit: the kernel takes 1 to {} tokens a beat, see "
                            "--tokens-per-beat",
                            options.batch, options.device.tokens));
        }
        if (options.lists != "both" && options.lists != "whole" && options.lists != "groups") {
            throw InputError(
                fmt::format("--lists '{}' is unknown; use one of whole, groups, both", options.lists));
        }
        if (options.device.device != "cpu" && options.device.device != "rtl") {
            throw InputError(fmt::format("bench --shape does not run on device '{}'; use one of cpu, rtl, vp",
                                         options.device.device));
        }
    }

    void measure() {
        const auto boards = chosen_boards();
        const auto forms = chosen_forms();
        Progress progress("benchmark of " + options_.shape);
        for (const Board& board : boards) {
            for (const ListForm form : forms) {
                progress.update(static_cast<double>(rows_.size()) /
                                static_cast<double>(boards.size() * forms.size()));
                rows_.push_back(options_.device.device == "cpu" ? predict(board, form)
                                                                : simulate(board, form));
            }
        }
        progress.clear();
    }

    void print() const;
    [[nodiscard]] Json as_json() const;
    [[nodiscard]] const Comparison& checked() const { return checked_; }

  private:
    /// Joules of a token of a row, from its counters; zeros are measured on the chip only.
    [[nodiscard]] energy::TokenEnergy row_energy(const Row& row) const;

    [[nodiscard]] std::vector<Board> chosen_boards() const {
        std::vector<Board> boards;
        for (Board board : all_boards()) {
            if (options_.device.memory == "all" || options_.device.memory == board.memory) {
                board.ports = options_.ports_given ? options_.device.ports : board.ports;
                board.port_bits = options_.port_bits_given ? options_.device.port_bits : board.port_bits;
                boards.push_back(board);
            }
        }
        if (boards.empty()) {  // unknown, or without a kernel of its own
            boards.push_back({options_.device.memory, options_.device.ports, options_.device.port_bits});
        }
        return boards;
    }

    [[nodiscard]] std::vector<ListForm> chosen_forms() const {
        if (options_.lists == "both") {
            return {ListForm::kWhole, ListForm::kGroups};
        }
        return {options_.lists == "whole" ? ListForm::kWhole : ListForm::kGroups};
    }

    [[nodiscard]] DeviceOptions device_options(const Board& board) const {
        DeviceOptions device = options_.device;
        device.memory = board.memory;
        device.ports = board.ports;
        device.port_bits = board.port_bits;
        return device;
    }

    /// Cycles from shapes alone.
    [[nodiscard]] Row predict(const Board& board, ListForm form) const {
        const DeviceOptions device = device_options(board);
        check_device_options(device);
        const auto lists =
            shape_lists(shape_groups(architecture_, form), device.layout(), device.tokens, options_.batch);
        KernelTiming timing({device.ports, device.port_bits, device.tokens, device.tile_rows, device.memory,
                             device.seed, sim::leaf_fill_cycles(device.leaf_form())});
        Row row{form, lists.size(), {}, std::nullopt, {}};
        for (const ShapeList& list : lists) {
            row.counters += timing.run(list.commands, list.offset);
        }
        row.info.name = "cpu";
        row.info.engine = KernelTiming::kSays;
        row.info.ports = device.ports;
        row.info.port_bits = device.port_bits;
        row.info.tokens = device.tokens;
        row.info.tile_rows = device.tile_rows;
        row.info.memory = device.memory;
        row.info.clock_hz = timing.clock_hz();
        return row;
    }

    /// The same lists on the chip, with one layer's random weights for all layers.
    Row simulate(const Board& board, ListForm form) {
        const DeviceOptions device_wanted = device_options(board);
        Architecture single = architecture_;
        single.layers = 1;
        if (model_.layers.empty() || model_.embedding.layout != device_wanted.layout()) {
            require_memory(options_.shape, shape_bytes(single, device_wanted.layout()));
            model_ = {};
            model_ = random_model(single, options_.shape, options_.seed, device_wanted.layout());
        }
        const std::unique_ptr<Device> device = open_device(device_wanted);
        const auto groups = model_groups(form);
        const LoweredModel lowered(groups, *device);
        const auto reference = open_cpu_reference(device_wanted, groups);
        Row row{form, groups.size(), {}, predict(board, form).counters.cycles, device->info()};
        for (std::size_t g = 0; g < groups.size(); ++g) {
            row.counters += run_group(*device, lowered, g, *reference);
        }
        reference_name_ = reference->name();
        return row;
    }

    [[nodiscard]] std::vector<ProductGroup> model_groups(ListForm form) const {
        std::vector<ProductGroup> once = product_groups(model_);
        const ProductGroup head = once.back();
        once.pop_back();
        std::vector<ProductGroup> groups;
        for (std::uint32_t layer = 0; layer < architecture_.layers; ++layer) {
            groups.insert(groups.end(), once.begin(), once.end());
        }
        groups.push_back(head);
        if (form == ListForm::kGroups) {
            return groups;
        }
        ProductGroup whole;
        for (const ProductGroup& group : groups) {
            whole.products.insert(whole.products.end(), group.products.begin(), group.products.end());
            whole.k = std::max(whole.k, group.k);
            whole.rows += group.rows;
        }
        return {whole};
    }

    Counters run_group(Device& device, const LoweredModel& lowered, std::size_t group,
                       ReferenceEngine& reference) {
        const ProductGroup& products = lowered.group(group);
        const unsigned tokens = options_.batch;
        SampleRandom random(options_.seed + group);
        std::vector<std::int8_t> q(std::size_t{products.k} * tokens);
        for (auto& value : q) {
            value = static_cast<std::int8_t>(random.next() >> 56);
        }
        lowered.write_activations(device, group, q, tokens);
        device.submit(lowered.list_offset(group, tokens), lowered.list_count(group));
        const RunResult result = device.wait(std::chrono::hours(24));
        if (!result.ok()) {
            throw CheckError("device: " + result.describe());
        }
        std::vector<std::int32_t> y(std::size_t{products.rows} * lowered.columns());
        std::vector<std::int32_t> expected(y.size());
        lowered.read_results(device, group, y);
        reference.run(group, q, tokens, expected);
        checked_ += compare_products(products, tokens, y, expected);
        return result.counters;
    }

    ModelBenchOptions options_;
    Architecture architecture_;
    Model model_;
    std::vector<Row> rows_;
    Comparison checked_;
    std::string reference_name_;
};

energy::TokenEnergy ModelBench::row_energy(const Row& row) const {
    const energy::Engine engine = energy_engine(row.info);
    energy::WorkCounts work;
    energy::WorkCounts head;
    for (const ShapeGroup& group : shape_groups(architecture_, ListForm::kGroups)) {
        for (const ProductShape& product : group) {
            head = energy::count({product.m, product.k, product.planes, options_.batch}, engine);
            work += head;
        }
    }
    work.head_weights = head.weights;  // the last product
    work.head_weight_bytes = head.weight_bytes;
    return price_counted(row.info, options_.tech, work, row.counters, options_.batch);
}

void ModelBench::print() const {
    const bool simulated = options_.device.device == "rtl";
    std::uint64_t weights = 0;
    for (const ShapeGroup& group : shape_groups(architecture_, ListForm::kGroups)) {
        for (const ProductShape& product : group) {
            weights += std::uint64_t{product.m} * product.k;
        }
    }
    fmt::print("{}: {} weights, {} of streams, {} a pass; {}\n\n", options_.shape,
               si(static_cast<double>(weights), ""),
               si(static_cast<double>(rows_.front().counters.weight_bytes), "B"),
               options_.batch == 1 ? "1 token" : fmt::format("{} tokens", options_.batch),
               rows_.front().info.engine);
    std::vector<std::string> header{"memory",   "ports",   "clock",   "lists",   "cycles",      "tokens/s",
                                    "roofline", "stall w", "stall x", "stall y", "start, drain"};
    if (simulated) {
        header.emplace_back("model");
    }
    Table table(header);
    for (const Row& row : rows_) {
        const Counters& c = row.counters;
        std::vector<std::string> cells{std::string(row.info.memory),
                                       fmt::format("{} x {}", row.info.ports, row.info.port_bits),
                                       fmt::format("{:.0f} MHz", row.info.clock_hz / 1e6),
                                       grouped(row.lists),
                                       grouped(c.cycles),
                                       fmt::format("{:.2f}", tokens_per_second(row, options_.batch)),
                                       percent(roofline_share(row)),
                                       grouped(c.stall_w),
                                       grouped(c.stall_x),
                                       grouped(c.stall_y),
                                       grouped(idle_cycles(c))};
        if (row.predicted) {
            cells.push_back(*row.predicted == c.cycles
                                ? "same"
                                : fmt::format("{:+d}", static_cast<std::int64_t>(*row.predicted - c.cycles)));
        }
        table.add(cells);
    }
    fmt::print("{}\n", table.text());
    Block block;
    block.add("a token is", kIncludes);
    block.add("roofline", "share of what weight ports and memory can stream at their peak");
    if (simulated) {
        block.add("integers",
                  fmt::format("{} of {} products equal to the {}; all layers read the same weights",
                              checked_.products - checked_.wrong, checked_.products, reference_name_));
    }
    std::string small;
    for (const Row& row : rows_) {
        if (!row.fits() && small.find(row.info.memory) == std::string::npos) {
            small += (small.empty() ? "" : ", ") + row.info.memory;
        }
    }
    if (!small.empty()) {
        block.add("too small",
                  small + ": these weights do not fit in the board's memory; the rate alone is meant");
    }
    fmt::print("{}", block.text());
    if (options_.energy) {
        for (const Row& row : rows_) {
            fmt::print("\nEnergy on {}, {} x {} bit, {} list{}\n{}", row.info.memory, row.info.ports,
                       row.info.port_bits, row.lists, row.lists == 1 ? "" : "s",
                       energy_text(row_energy(row), "all"));
        }
    }
    Block published;
    for (const Published& p : kPublished) {
        published.add(fmt::format("{:g} tokens/s", p.tokens_per_s),
                      fmt::format("{}, {}: {} ({})", p.machine, p.model, p.scope, p.source));
    }
    fmt::print(
        "\nPublished by others, on boards; Setun is simulated, its clock is an assumption of the preset\n{}",
        published.text());
}

Json ModelBench::as_json() const {
    Json rows = Json::array();
    for (const Row& row : rows_) {
        const Counters& c = row.counters;
        rows.push_back({{"memory", row.info.memory},
                        {"ports", row.info.ports},
                        {"port_bits", row.info.port_bits},
                        {"clock_hz", row.info.clock_hz},
                        {"fits", row.fits()},
                        {"lists", form_name(row.form)},
                        {"list_count", row.lists},
                        {"cycles", c.cycles},
                        {"predicted_cycles", row.predicted ? Json(*row.predicted) : Json(nullptr)},
                        {"tokens_per_s", tokens_per_second(row, options_.batch)},
                        {"roofline", roofline_share(row)},
                        {"beats", c.beats},
                        {"busy", c.busy},
                        {"stall_weights", c.stall_w},
                        {"stall_activations", c.stall_x},
                        {"stall_results", c.stall_y},
                        {"start_and_drain", idle_cycles(c)},
                        {"weight_bytes", c.weight_bytes},
                        {"bytes", c.weight_bytes + c.data_read_bytes + c.data_write_bytes}});
        if (options_.energy) {
            rows.back()["energy"] = energy_json(row_energy(row), "all");
        }
    }
    Json published = Json::array();
    for (const Published& p : kPublished) {
        published.push_back({{"machine", p.machine},
                             {"model", p.model},
                             {"tokens_per_s", p.tokens_per_s},
                             {"scope", p.scope},
                             {"source", p.source}});
    }
    const bool simulated = options_.device.device == "rtl";
    return {{"shape", options_.shape},
            {"batch", options_.batch},
            {"tokens_per_beat", options_.device.tokens},
            {"includes", kIncludes},
            {"rows", std::move(rows)},
            {"device", options_.device.device},
            {"engine", rows_.front().info.engine},
            {"cycle_accurate", simulated},
            {"products", checked_.products},
            {"mismatches", checked_.wrong},
            {"published", std::move(published)}};
}

}  // namespace

int bench_model(const ModelBenchOptions& options, bool json) {
    ModelBench bench(options);
    bench.measure();
    if (json) {
        print_json(bench.as_json());
    } else {
        bench.print();
    }
    if (bench.checked().wrong != 0) {
        throw CheckError(fmt::format("{} of {} products differ from the reference; first: {}",
                                     bench.checked().wrong, bench.checked().products, bench.checked().first));
    }
    return kExitOk;
}

}  // namespace setun::cli
