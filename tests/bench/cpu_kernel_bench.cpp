// How fast the processor's ternary kernel is, beside a plain two-bit loop and what memory can stream, in one
// run.
//
// Weights are those of several layers of BitNet b1.58 2B4T, more than a cache holds, so that each product
// reads them from memory as a real step does. Figures are weights times tokens per second of CPU time of one
// thread. Repetitions are interleaved at random and the best of each counts; ratios come from the same run.
#include <benchmark/benchmark.h>

#include <algorithm>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "host/cpu/plain_avx2.h"
#include "host/cpu/ternary_kernel.h"
#include "host/device/packing.h"

namespace {

using namespace setun;

constexpr unsigned kLayers = 8;  // 111 MB at 1.6 bit a weight
constexpr double kZeroShare = 0.42;
constexpr unsigned kMostTokens = 8;

struct Shape {
    std::uint32_t m, k;
};
/// q, k, v, o, gate, up, down of BitNet b1.58 2B4T.
constexpr Shape kShapes[] = {{2560, 2560}, {640, 2560},  {640, 2560}, {2560, 2560},
                             {6912, 2560}, {6912, 2560}, {2560, 6912}};

std::uint64_t layer_weights() {
    std::uint64_t weights = 0;
    for (const Shape& shape : kShapes) {
        weights += std::uint64_t{shape.m} * shape.k;
    }
    return weights;
}

/// xorshift64, any activations and any bytes.
std::vector<std::int8_t> random_activations(std::size_t n) {
    std::uint64_t state = 88172645463325252ULL;
    std::vector<std::int8_t> x(n);
    for (auto& value : x) {
        state ^= state << 13U;
        state ^= state >> 7U;
        state ^= state << 17U;
        value = static_cast<std::int8_t>(state >> 32U);
    }
    return x;
}

struct Matrix {
    StreamIndex index;
    PackedStreams streams;
};

/// The weights of one layout at a time: benchmarks of a layout share them.
const std::vector<Matrix>& weights_of(unsigned port_bits, unsigned layers) {
    static std::map<std::pair<unsigned, unsigned>, std::vector<Matrix>> all;
    std::vector<Matrix>& matrices = all[{port_bits, layers}];
    if (matrices.empty()) {
        const StreamLayout layout{1, port_bits, 1024};
        for (unsigned layer = 0; layer < layers; ++layer) {
            for (const Shape& shape : kShapes) {
                matrices.push_back(
                    {StreamIndex(layout, shape.m, shape.k, 1),
                     random_streams(layout, shape.m, shape.k, 1, matrices.size(), kZeroShare)});
            }
        }
    }
    return matrices;
}

void set_rate(benchmark::State& state, std::uint64_t weights, double bytes) {
    state.counters["weights/s"] =
        benchmark::Counter(static_cast<double>(weights), benchmark::Counter::kIsIterationInvariantRate);
    state.counters["bytes/s"] = benchmark::Counter(bytes, benchmark::Counter::kIsIterationInvariantRate);
}

void kernel(benchmark::State& state, KernelPath path, unsigned port_bits, unsigned tokens, unsigned layers) {
    const auto& matrices = weights_of(port_bits, layers);
    const auto x = random_activations(std::size_t{kMostTokens} * 8192);
    std::vector<std::int32_t> y(std::size_t{8192} * tokens);
    TernaryKernel kernel(1, path);
    double bytes = 0;
    for (const Matrix& matrix : matrices) {
        bytes += static_cast<double>(matrix.index.stream_bytes());
    }
    for (auto step : state) {
        for (const Matrix& matrix : matrices) {
            const auto status = kernel.multiply(matrix.index, views(matrix.streams), {x.data(), 8192, tokens},
                                                tokens, y.data());
            benchmark::DoNotOptimize(status.nonzero);
        }
    }
    set_rate(state, layer_weights() * layers * tokens, bytes);
}

/// The yardstick: two bits a weight, row by row.
void plain_loop(benchmark::State& state, unsigned layers) {
    std::vector<std::vector<std::uint8_t>> matrices;
    double bytes = 0;
    for (unsigned layer = 0; layer < layers; ++layer) {
        for (const Shape& shape : kShapes) {
            const std::vector<std::int8_t> row(std::size_t{8} * shape.k, 1);
            auto eight = plain::to_two_bit(8, shape.k, row);  // values do not matter to its speed
            std::vector<std::uint8_t> all;
            all.reserve(shape.m * plain::row_bytes(shape.k));
            for (std::uint32_t m = 0; m < shape.m; m += 8) {
                all.insert(all.end(), eight.begin(), eight.end());
            }
            bytes += static_cast<double>(all.size());
            matrices.push_back(std::move(all));
        }
    }
    const auto x = random_activations(8192);
    std::vector<std::int32_t> y(8192);
    for (auto step : state) {
        for (std::size_t i = 0; i < matrices.size(); ++i) {
            const Shape& shape = kShapes[i % std::size(kShapes)];
            plain::matvec(shape.m, shape.k, matrices[i].data(), x.data(), y.data());
            benchmark::DoNotOptimize(y.data());
        }
    }
    set_rate(state, layer_weights() * layers, bytes);
}

/// What one thread can read from memory.
void read_memory(benchmark::State& state) {
    const std::vector<std::uint64_t> data(std::size_t{128} << 17U, 1);  // 128 MiB
    for (auto step : state) {
        std::uint64_t sums[8] = {};
        for (std::size_t i = 0; i < data.size(); i += 8) {
            for (std::size_t j = 0; j < 8; ++j) {
                sums[j] += data[i + j];
            }
        }
        benchmark::DoNotOptimize(sums);
    }
    set_rate(state, 0, static_cast<double>(data.size() * sizeof(std::uint64_t)));
}

/// Keeps the best repetition of each benchmark.
class BestReporter final : public benchmark::ConsoleReporter {
  public:
    struct Best {
        std::string name;
        double weights = 0;
        double bytes = 0;
    };

    void ReportRuns(const std::vector<Run>& runs) override {
        for (const Run& run : runs) {
            if (run.run_type != Run::RT_Iteration || run.error_occurred) {
                continue;
            }
            const std::string name = run.run_name.function_name;
            auto found =
                std::find_if(best_.begin(), best_.end(), [&](const Best& b) { return b.name == name; });
            if (found == best_.end()) {
                found = best_.insert(best_.end(), {name});
            }
            const auto value = [&run](const char* counter) { return run.counters.at(counter).value; };
            found->weights = std::max(found->weights, value("weights/s"));
            found->bytes = std::max(found->bytes, value("bytes/s"));
        }
    }

    void print() const {
        const auto named = [this](const char* name) {
            const auto found =
                std::find_if(best_.begin(), best_.end(), [&](const Best& b) { return b.name == name; });
            return found == best_.end() ? Best{} : *found;
        };
        const Best plain = named("plain two-bit loop, memory");
        const Best memory = named("read memory");
        std::printf("best of the run; bound: weights of this format that memory can stream to one thread\n");
        std::printf("%-44s %12s %9s %12s %9s\n", "", "G weights/s", "GB/s", "/ plain loop", "/ bound");
        for (const Best& b : best_) {
            std::printf("%-44s %12.1f %9.2f", b.name.c_str(), b.weights * 1e-9, b.bytes * 1e-9);
            if (b.weights > 0 && plain.weights > 0) {
                std::printf(" %12.2f", b.weights / plain.weights);
            }
            if (b.weights > 0 && memory.bytes > 0) {
                std::printf(" %9.2f", b.bytes / memory.bytes);
            }
            std::printf("\n");
        }
    }

  private:
    std::vector<Best> best_;
};

void register_all() {
    benchmark::RegisterBenchmark("read memory", read_memory);
    if (TernaryKernel::has_avx2()) {
        benchmark::RegisterBenchmark("plain two-bit loop, memory", plain_loop, kLayers);
        benchmark::RegisterBenchmark("plain two-bit loop, cached", plain_loop, 1U);
    }
    for (const KernelPath path : available_kernel_paths()) {
        if (path == KernelPath::kPortable) {
            benchmark::RegisterBenchmark("portable, 512 bit, 1 token, cached", kernel, path, 512U, 1U, 1U);
            continue;
        }
        for (const unsigned bits : {512U, 256U, 128U}) {
            for (const unsigned tokens : {1U, 2U, 4U, 8U}) {
                const std::string name = std::string(kernel_path_name(path)) + ", " + std::to_string(bits) +
                                         " bit, " + std::to_string(tokens) +
                                         (tokens == 1 ? " token, " : " tokens, ");
                benchmark::RegisterBenchmark((name + "memory").c_str(), kernel, path, bits, tokens, kLayers);
                if (tokens == 1) {
                    benchmark::RegisterBenchmark((name + "cached").c_str(), kernel, path, bits, tokens, 1U);
                }
            }
        }
    }
}

}  // namespace

int main(int argc, char** argv) {
    register_all();
    std::string repetitions = "--benchmark_repetitions=5";
    std::string interleave = "--benchmark_enable_random_interleaving=true";
    std::string least = "--benchmark_min_time=0.1";
    std::vector<char*> arguments = {argv[0], repetitions.data(), interleave.data(), least.data()};
    arguments.insert(arguments.end(), argv + 1, argv + argc);  // later ones win
    int count = static_cast<int>(arguments.size());
    benchmark::Initialize(&count, arguments.data());
    if (benchmark::ReportUnrecognizedArguments(count, arguments.data())) {
        return 2;
    }
    BestReporter reporter;
    benchmark::RunSpecifiedBenchmarks(&reporter);
    reporter.print();
    benchmark::Shutdown();
    return 0;
}
