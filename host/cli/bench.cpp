// setun bench: cycles of the matrix shapes of BitNet b1.58 2B4T, and how fast the simulation itself runs.
#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <ctime>
#include <optional>

#if SETUN_HAS_VP
#include "host/cli/bench_chip.h"
#endif
#include "host/base/error.h"
#include "host/base/file.h"
#include "host/cli/bench_model.h"
#include "host/cli/command.h"
#include "host/cli/device_options.h"
#include "host/cli/energy_report.h"
#include "host/cli/energy_run.h"
#include "host/cli/format.h"
#include "host/cpu/plain_avx2.h"
#include "host/cpu/ternary_kernel.h"
#include "host/generate/sampler.h"
#include "host/model/model.h"
#include "host/schedule/lowering.h"
#include "host/schedule/reference.h"

namespace setun::cli {
namespace {

constexpr unsigned kLayers = 30;

/// CPU time of the calling thread in seconds: other jobs of a shared machine do not count.
double thread_seconds() {
    timespec now{};
    ::clock_gettime(CLOCK_THREAD_CPUTIME_ID, &now);
    return static_cast<double>(now.tv_sec) + static_cast<double>(now.tv_nsec) * 1e-9;
}

struct Row {
    std::string name;
    std::optional<MatrixShape> shape;  ///< absent for lists of several matrices
    std::uint64_t weights = 0;
    Counters counters;
    energy::WorkCounts work;  ///< of the same list
};

class BenchCommand final : public Command {
  public:
    void declare(CLI::App& parent) override;
    int run() override;

  private:
    int run_chip();
    Row measure(Device& device, const LoweredModel& lowered, std::size_t group, const std::string& name);
    void measure_speed(Device& device, const LoweredModel& lowered, std::size_t group);
    void print(const DeviceInfo& info, const std::vector<Row>& rows) const;
    [[nodiscard]] Json as_json(const DeviceInfo& info, const std::vector<Row>& rows) const;

    DeviceOptions device_;
    ModelBenchOptions model_;
    CLI::App* app_ = nullptr;
    unsigned repeats_ = 5;
    std::uint64_t seed_ = 1;
    std::uint32_t context_ = 512;
    std::string kv_ = "int8";
    std::unique_ptr<ReferenceEngine> reference_;
    Comparison checked_;
    double weights_per_second_ = 0;
    std::optional<double> plain_weights_per_second_;
};

void BenchCommand::declare(CLI::App& parent) {
    CLI::App& app = make_app(
        parent, "bench",
        "Cycles of the matrices of BitNet b1.58 2B4T and speed of the simulation; or of a whole model",
        "setun bench --shape 2b4t --device cpu");
    app_ = &app;
    device_.memory = "ideal";
    add_device_options(app, device_);
    app.add_option("--repeats", repeats_, "Timed repeats of the speed measurement; the best counts")
        ->capture_default_str()
        ->check(CLI::Range(1, 1000));
    app.add_option("--seed", seed_, "Seed of weights and activations")->capture_default_str();
    app.add_flag("--energy", model_.energy, "Joules of what was counted, beside FP16 and INT8 machines");
    app.add_option("--tech", model_.tech, "With --energy: table of operation energies, or a JSON file")
        ->capture_default_str();
    const char* group = "Whole model";
    app.add_option("--shape", model_.shape,
                   "One token of this shape instead, --memory all by default: " + known_shape_names())
        ->group(group);
    app.add_option("--batch", model_.batch, "Tokens in one pass over the weights")
        ->capture_default_str()
        ->group(group);
    app.add_option("--context", context_, "Device vp: positions that attention sees")
        ->capture_default_str()
        ->group(group);
    app.add_option("--kv", kv_, "Device vp: format of the cache: float32, int8")
        ->capture_default_str()
        ->group(group);
    app.add_option("--lists", model_.lists, "Command lists: whole (one), groups (as run submits them), both")
        ->capture_default_str()
        ->group(group);
}

/// Groups of one matrix each, then one list of a whole layer, then thirty layers.
std::vector<ProductGroup> bench_groups(const Layer& layer) {
    std::vector<ProductGroup> groups;
    for (const LayerMatrix which :
         {LayerMatrix::kQ, LayerMatrix::kK, LayerMatrix::kGate, LayerMatrix::kDown}) {
        const PackedMatrix& matrix = layer.matrix(which);
        groups.push_back({{&matrix}, matrix.k, matrix.m});
    }
    ProductGroup all;
    for (const PackedMatrix& matrix : layer.matrices) {
        all.products.push_back(&matrix);
        all.k = std::max(all.k, matrix.k);
        all.rows += matrix.m;
    }
    groups.push_back(all);
    ProductGroup deep;
    deep.k = all.k;
    for (unsigned i = 0; i < kLayers; ++i) {
        deep.products.insert(deep.products.end(), all.products.begin(), all.products.end());
        deep.rows += all.rows;
    }
    groups.push_back(std::move(deep));
    return groups;
}

std::vector<std::int8_t> random_activations(std::size_t count, std::uint64_t seed) {
    SampleRandom random(seed);
    std::vector<std::int8_t> q(count);
    for (auto& value : q) {
        value = static_cast<std::int8_t>(random.next() >> 56);
    }
    return q;
}

Row BenchCommand::measure(Device& device, const LoweredModel& lowered, std::size_t group,
                          const std::string& name) {
    const ProductGroup& products = lowered.group(group);
    Row row{name, std::nullopt, 0, {}, {}};
    for (const PackedMatrix* matrix : products.products) {
        row.weights += matrix->weights();
        row.work += energy::count({matrix->m, matrix->k, matrix->planes, lowered.columns()},
                                  energy_engine(device.info()));
    }
    if (products.products.size() == 1) {
        row.shape = MatrixShape{products.rows, products.k};
    }
    const unsigned tokens = lowered.columns();
    const auto q = random_activations(std::size_t{products.k} * tokens, seed_ + group);
    lowered.write_activations(device, group, q, tokens);
    device.submit(lowered.list_offset(group, tokens), lowered.list_count(group));
    const RunResult result = device.wait(std::chrono::minutes(30));
    if (!result.ok()) {
        throw CheckError("device: " + result.describe());
    }
    row.counters = result.counters;
    std::vector<std::int32_t> y(std::size_t{products.rows} * tokens);
    std::vector<std::int32_t> expected(y.size());
    lowered.read_results(device, group, y);
    reference_->run(group, q, tokens, expected);
    checked_ += compare_products(products, tokens, y, expected);
    return row;
}

/// The same job, all matrices of a layer for every token, on the device and in the plain loop, turn by turn.
void BenchCommand::measure_speed(Device& device, const LoweredModel& lowered, std::size_t group) {
    const ProductGroup& products = lowered.group(group);
    const unsigned tokens = lowered.columns();
    const auto q = random_activations(std::size_t{products.k} * tokens, seed_);
    std::vector<std::int32_t> y(std::size_t{products.rows} * tokens);
    std::vector<std::vector<std::uint8_t>> two_bit;
    double work = 0;
    const bool plain = TernaryKernel::has_avx2();
    for (const PackedMatrix* matrix : products.products) {
        work += static_cast<double>(matrix->weights()) * tokens;
        if (plain) {
            const auto w =
                unpack_matrix(matrix->layout, matrix->m, matrix->k, matrix->planes, matrix->streams);
            two_bit.push_back(plain::to_two_bit(matrix->m, matrix->k, w));
        }
    }
    double best_device = 1e300;
    double best_plain = 1e300;
    for (unsigned repeat = 0; repeat < repeats_; ++repeat) {
        double begin = thread_seconds();
        lowered.write_activations(device, group, q, tokens);
        device.submit(lowered.list_offset(group, tokens), lowered.list_count(group));
        static_cast<void>(device.wait(std::chrono::minutes(30)));
        lowered.read_results(device, group, y);
        best_device = std::min(best_device, thread_seconds() - begin);
        if (!plain) {
            continue;
        }
        begin = thread_seconds();
        for (unsigned t = 0; t < tokens; ++t) {
            for (std::size_t i = 0; i < two_bit.size(); ++i) {
                const PackedMatrix& matrix = *products.products[i];
                plain::matvec(matrix.m, matrix.k, two_bit[i].data(), &q[std::size_t{t} * products.k],
                              y.data());
            }
        }
        best_plain = std::min(best_plain, thread_seconds() - begin);
    }
    weights_per_second_ = work / best_device;
    if (plain) {
        plain_weights_per_second_ = work / best_plain;
    }
}

int BenchCommand::run_chip() {
#if SETUN_HAS_VP
    if (app_->count("--batch") + app_->count("--lists") + app_->count("--energy") != 0) {
        throw InputError(
            "--batch, --lists and --energy are for devices cpu and rtl; leave them out with --device vp");
    }
    ChipBenchOptions options;
    options.device = device_;
    options.device.memory = device_.memory_given ? device_.memory : "ddr4";
    options.shape = model_.shape.empty() ? options.shape : model_.shape;
    options.context = context_;
    options.kv = kv_;
    options.seed = seed_;
    return bench_chip(options, json());
#else
    throw InputError(kNoChip);
#endif
}

int BenchCommand::run() {
    if (device_.device == "vp") {
        return run_chip();
    }
    if (model_.energy) {
        static_cast<void>(energy::find_table(model_.tech));  // refused before anything runs
    }
    if (!model_.shape.empty()) {
        model_.device = device_;
        model_.device.memory = device_.memory_given ? device_.memory : "all";
        model_.ports_given = app_->count("--ports") != 0;
        model_.port_bits_given = app_->count("--port-bits") != 0;
        model_.seed = seed_;
        return bench_model(model_, json());
    }
    if (device_.memory == "all") {
        throw InputError("--memory all is for whole models; add --shape, e.g. --shape 2b4t");
    }
    Model model;
    const std::unique_ptr<Device> device = open_device(device_);
    Progress progress("benchmark");
    model = random_model(known_shape("2b4t-layer"), "2b4t-layer", seed_, device_.layout());
    const auto groups = bench_groups(model.layers[0]);
    const LoweredModel lowered(groups, *device);
    reference_ = open_cpu_reference(device_, groups);
    const std::array<const char*, 6> names{"q, o", "k, v", "gate, up", "down", "layer", "30 layers"};
    std::vector<Row> rows;
    for (std::size_t i = 0; i < groups.size(); ++i) {
        progress.update(static_cast<double>(i) / static_cast<double>(groups.size() + 1));
        rows.push_back(measure(*device, lowered, i, names[i]));
    }
    progress.update(static_cast<double>(groups.size()) / static_cast<double>(groups.size() + 1));
    measure_speed(*device, lowered, 4);
    progress.clear();
    if (json()) {
        print_json(as_json(device->info(), rows));
    } else {
        print(device->info(), rows);
    }
    if (checked_.wrong != 0) {
        throw CheckError(fmt::format("{} of {} products differ from the reference; first: {}", checked_.wrong,
                                     checked_.products, checked_.first));
    }
    return kExitOk;
}

void BenchCommand::print(const DeviceInfo& info, const std::vector<Row>& rows) const {
    fmt::print("BitNet b1.58 2B4T matrices, random weights: {}, {} x {} bit, {} tokens a beat{}\n\n",
               info.engine, info.ports, info.port_bits, info.tokens,
               info.memory.empty() ? "" : ", memory " + info.memory);
    Table table({"matrices", "m", "k", "beats/port", "cycles", "ratio", "stall w", "stall x", "stall y"});
    for (const Row& row : rows) {
        const Counters& c = row.counters;
        const double per_port = static_cast<double>(c.beats) / info.ports;
        table.add({row.name, row.shape ? grouped(row.shape->m) : "", row.shape ? grouped(row.shape->k) : "",
                   grouped(c.beats / info.ports), c.cycles == 0 ? "-" : grouped(c.cycles),
                   c.cycles == 0 ? "-" : fmt::format("{:.4f}", static_cast<double>(c.cycles) / per_port),
                   grouped(c.stall_w), grouped(c.stall_x), grouped(c.stall_y)});
    }
    fmt::print("{}\n", table.text());
    Block block;
    block.add("integers", fmt::format("{} of {} products equal to the {}", checked_.products - checked_.wrong,
                                      checked_.products, reference_->name()));
    block.add("speed", si(weights_per_second_, "weights/s") +
                           " through the whole harness, one layer, CPU time of one thread");
    if (plain_weights_per_second_) {
        block.add("plain loop", fmt::format("{} in a plain AVX2 loop, same job: {:.1f} times faster",
                                            si(*plain_weights_per_second_, "weights/s"),
                                            *plain_weights_per_second_ / weights_per_second_));
    }
    fmt::print("{}  The 30 layers read the same random weights 30 times.\n", block.text());
    if (model_.energy) {
        for (const Row& row : rows) {
            fmt::print(
                "\nEnergy of {}\n{}", row.name,
                energy_text(price_counted(info, model_.tech, row.work, row.counters, info.tokens), "all"));
        }
    }
}

Json BenchCommand::as_json(const DeviceInfo& info, const std::vector<Row>& rows) const {
    Json list = Json::array();
    for (const Row& row : rows) {
        const Counters& c = row.counters;
        const bool timed = c.cycles != 0;
        const double per_port = static_cast<double>(c.beats) / info.ports;
        list.push_back({{"name", row.name},
                        {"m", row.shape ? Json(row.shape->m) : Json(nullptr)},
                        {"k", row.shape ? Json(row.shape->k) : Json(nullptr)},
                        {"weights", row.weights},
                        {"tokens", info.tokens},
                        {"ports", info.ports},
                        {"port_bits", info.port_bits},
                        {"beats", c.beats},
                        {"cycles", timed ? Json(c.cycles) : Json(nullptr)},
                        {"ratio", timed ? Json(static_cast<double>(c.cycles) / per_port) : Json(nullptr)},
                        {"busy", c.busy},
                        {"stall_weights", c.stall_w},
                        {"stall_activations", c.stall_x},
                        {"stall_results", c.stall_y}});
        if (model_.energy) {
            list.back()["energy"] =
                energy_json(price_counted(info, model_.tech, row.work, c, info.tokens), "all");
        }
    }
    const bool plain = plain_weights_per_second_.has_value();
    return {{"rows", std::move(list)},
            {"weights_per_s", weights_per_second_},
            {"cpu_weights_per_s", plain ? Json(*plain_weights_per_second_) : Json(nullptr)},
            {"speed_ratio", plain ? Json(weights_per_second_ / *plain_weights_per_second_) : Json(nullptr)},
            {"products", checked_.products},
            {"mismatches", checked_.wrong},
            {"device", info.name},
            {"engine", info.engine},
            {"memory", info.memory.empty() ? Json(nullptr) : Json(info.memory)},
            {"weights_repeated", kLayers}};
}

}  // namespace

std::unique_ptr<Command> make_bench_command() { return std::make_unique<BenchCommand>(); }

}  // namespace setun::cli
