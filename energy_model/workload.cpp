// The work of a whole model from its shape.
#include "energy_model/workload.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <stdexcept>

namespace setun::energy {
namespace {

constexpr std::uint64_t kLongestContext = 1U << 20U;
constexpr std::uint64_t kLargestBatch = 1U << 16U;

// hls/elementary.cpp: range reduction (3 multiplies, 3 adds), Horner of degree 7, one scaling.
constexpr std::uint64_t kExpMuls = 11;
constexpr std::uint64_t kExpAdds = 10;

/// Rows that go through a matrix, TOKENS a pass and the rest in a last one.
WorkCounts passes(Matrix matrix, std::uint64_t rows, const Engine& engine) {
    WorkCounts work;
    const std::uint64_t full = rows / engine.tokens;
    const auto rest = static_cast<unsigned>(rows % engine.tokens);
    if (full != 0) {
        matrix.tokens = engine.tokens;
        WorkCounts whole = count(matrix, engine);
        whole *= full;
        work += whole;
    }
    if (rest != 0) {
        matrix.tokens = rest;
        work += count(matrix, engine);
    }
    return work;
}

WorkCounts layer(const ModelShape& s, std::uint64_t rows, const Engine& engine) {
    WorkCounts work;
    const auto add = [&](std::uint64_t outputs, std::uint64_t inputs, std::uint64_t times) {
        WorkCounts matrix = passes({.rows = outputs, .inputs = inputs}, rows, engine);
        matrix *= times;
        work += matrix;
    };
    add(s.q_rows(), s.hidden, 1);
    add(s.kv_rows(), s.hidden, 2);
    add(s.hidden, s.q_rows(), 1);
    add(s.ffn, s.hidden, s.gated ? 2 : 1);
    add(s.hidden, s.ffn, 1);
    return work;
}

/// Positions read from the cache when `tokens` of a sequence take their turn `columns` at a time.
std::uint64_t cache_reads(std::uint64_t tokens, std::uint64_t columns) {
    const std::uint64_t full = tokens / columns;
    const std::uint64_t rest = tokens % columns;
    return columns * (full * (full + 1) / 2) + (rest != 0 ? tokens : 0);
}

struct Elementwise {
    std::uint64_t muls = 0;
    std::uint64_t adds = 0;
    std::uint64_t words = 0;

    /// `times` steps over n elements, each with these operations and words an element.
    void add(std::uint64_t n, std::uint64_t mul, std::uint64_t sum, std::uint64_t word) {
        muls += n * mul;
        adds += n * sum;
        words += n * word;
    }
};

/// Sum of squares, times 1 / rms, times gain; read twice, written once.
void rms_norm(Elementwise& e, std::uint64_t n) { e.add(n, 3, 1, 3); }
/// Largest magnitude (a compare counts as an add), times the scale, rounded; read twice, written once.
void quantise(Elementwise& e, std::uint64_t n) { e.add(n, 1, 2, 3); }
/// Integer result times scale.
void dequantise(Elementwise& e, std::uint64_t n) { e.add(n, 1, 0, 2); }

}  // namespace

void check_workload(const Workload& workload) {
    if (workload.context == 0 || workload.context > kLongestContext) {
        throw BadInput(
            fmt::format("context is {} positions; expected 1 to {}", workload.context, kLongestContext));
    }
    if (workload.batch == 0 || workload.batch > kLargestBatch) {
        throw BadInput(fmt::format("batch is {} sequences; expected 1 to {}", workload.batch, kLargestBatch));
    }
}

WorkCounts model_work(const ModelShape& shape, const Workload& workload, const Engine& engine) {
    check_workload(workload);
    check_shape(shape, shape.name);
    if (engine.tokens == 0) {
        throw std::invalid_argument("energy: an engine needs at least one token column");
    }
    const bool decode = workload.phase == Phase::kDecode;
    const std::uint64_t n = workload.context;
    VectorJob job;
    job.positions = workload.batch * (decode ? 1 : n);
    job.attended = workload.batch * (decode ? n : n * (n + 1) / 2);
    job.kv_read_positions = workload.batch * (decode ? n : cache_reads(n, engine.tokens));
    job.head_positions = workload.batch;

    WorkCounts work = layer(shape, job.positions, engine);
    work *= shape.layers;
    WorkCounts head = passes({.rows = shape.vocab, .inputs = shape.hidden, .planes = shape.head_planes},
                             job.head_positions, engine);
    head.head_weights = head.weights;
    head.head_weight_bytes = head.weight_bytes;
    work += head;
    work.fp16_macs = 2 * job.attended * shape.q_rows() * shape.layers;
    add_vector_work(work, shape, job);
    work.tokens = job.positions;
    return work;
}

void add_vector_work(WorkCounts& work, const ModelShape& s, const VectorJob& job) {
    work.kv_bits = s.kv_bits;
    work.kv_read_elements += job.kv_read_positions * s.kv_elements();
    work.kv_write_elements += job.positions * s.kv_elements();

    Elementwise every;     // of one position and layer
    Elementwise integers;  // the same, on machines with integer activations
    rms_norm(every, s.hidden);
    rms_norm(every, s.hidden);
    if (s.sub_norms) {
        rms_norm(every, s.q_rows());
        rms_norm(every, s.ffn);
    }
    every.add(s.q_rows() + s.kv_rows(), 2, 1, 2);  // RoPE
    every.add(2 * s.hidden, 0, 1, 3);              // residuals
    if (s.silu) {
        every.add(s.ffn, 1 + kExpMuls, 1 + kExpAdds, 2);  // x / (1 + exp(-x)), the division as a multiply
    } else {
        every.add(s.ffn, 1, 1, 2);  // compare and square
    }
    if (s.gated) {
        every.add(s.ffn, 1, 0, 3);
    }
    for (const std::uint64_t n : {s.hidden, s.q_rows(), s.hidden, s.ffn}) {
        quantise(integers, n);
    }
    for (const std::uint64_t n :
         {s.q_rows() + 2 * s.kv_rows(), s.hidden, (s.gated ? 2 : 1) * s.ffn, s.hidden}) {
        dequantise(integers, n);
    }
    // Scores of one query head and visible position: scale, largest, subtract, exponential, sum, divide.
    Elementwise score;
    score.add(1, 2 + kExpMuls, 3 + kExpAdds, 4);
    // Once, in front of the head, and its logits.
    Elementwise last;
    rms_norm(last, s.hidden);
    Elementwise last_integers;
    quantise(last_integers, s.hidden);
    dequantise(last_integers, s.vocab);

    const auto add = [&work](const Elementwise& e, std::uint64_t times, bool integers_only) {
        (integers_only ? work.quantiser_adds : work.fp32_adds) += e.adds * times;
        (integers_only ? work.quantiser_muls : work.fp32_muls) += e.muls * times;
        (integers_only ? work.quantiser_words : work.vector_words) += e.words * times;
    };
    add(every, job.positions * s.layers, false);
    add(integers, job.positions * s.layers, true);
    add(score, job.attended * s.heads * s.layers, false);
    add(last, job.head_positions, false);
    add(last_integers, job.head_positions, true);
}

}  // namespace setun::energy
