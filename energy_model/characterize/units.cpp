// The list of units, their stimuli and their software references.
#include "energy_model/characterize/units.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstdint>
#include <deque>
#include <functional>
#include <utility>

#include "energy_model/characterize/error.h"
#include "energy_model/characterize/half.h"
#include "energy_model/characterize/random.h"

namespace setun::characterize {
namespace {

constexpr std::uint64_t kSeed = 0;
constexpr std::size_t kWideCycles = 1000;    // units of 64 and more lanes
constexpr std::size_t kNarrowCycles = 6000;  // single ones
constexpr std::size_t kWarmUp = 20;          // cycles until every pipeline is full
constexpr std::size_t kDotProduct =
    2560;  // products that one accumulator adds up: the hidden size of a 2B model

// Activations are about N(0, 36) after quantisation to +-127; ternary weights have 45 % zeros unless a case
// says otherwise.
constexpr double kActivationSigma = 36.0;
constexpr double kZeros = 0.45;
// FP16 activations and weights.
constexpr double kHalfActivation = 1.0;
constexpr double kHalfWeight = 0.02;

constexpr std::size_t kLogicGroup = 0;
constexpr std::size_t kRegisterGroup = 1;
constexpr std::size_t kOperandGroup = 2;

std::vector<Group> plain_groups() {
    return {{"logic", Category::kLogic},
            {"registers", Category::kCore},
            {"operand registers", Category::kOperand}};
}

Unit plain_unit(std::string name, std::string text, std::string operation, SynthesisJob job) {
    Unit unit;
    unit.name = std::move(name);
    unit.text = std::move(text);
    unit.operation = std::move(operation);
    unit.job = std::move(job);
    unit.groups = plain_groups();
    unit.rules = {{"operand_", kOperandGroup, kOperandGroup}};
    return unit;
}

Workload workload(std::vector<Trace::Port> in, std::vector<Trace::Port> out, std::size_t cycles,
                  std::size_t latency) {
    return {Trace(std::move(in), cycles), Trace(std::move(out), cycles), latency + 1, kWarmUp};
}

std::string baseline(const char* file) { return fmt::format("rtl/baseline/{}", file); }

// ---- Single operators: result n at the end of cycle n + latency ----

using Operands = std::function<std::pair<std::uint64_t, std::uint64_t>(Random&)>;
using Operator = std::function<std::uint64_t(std::uint64_t, std::uint64_t)>;

Workload binary(unsigned width, const char* result, unsigned result_width, std::size_t latency,
                const Operands& operands, const Operator& reference) {
    Workload w = workload({{"a_i", width}, {"b_i", width}}, {{result, result_width}}, kNarrowCycles, latency);
    Random random(kSeed);
    for (std::size_t n = 0; n < kNarrowCycles; ++n) {
        const auto [a, b] = operands(random);
        w.inputs.set(n, 0, 0, width, a);
        w.inputs.set(n, 1, 0, width, b);
        if (n + latency < kNarrowCycles) {
            w.expected.set(n + latency, 0, 0, result_width, reference(a, b));
        }
    }
    return w;
}

std::uint64_t as_bits(int value) { return static_cast<std::uint64_t>(static_cast<std::int64_t>(value)); }

Unit integer_add(unsigned width) {
    Unit unit = plain_unit(fmt::format("int{}_add", width), fmt::format("INT{} adder", width), "add",
                           {"setun_int_add", {baseline("setun_int_add.sv")}, {{"Width", width}}, false, {}});
    unit.cases = {{"random", "uniform operands", [width] {
                       return binary(
                           width, "sum_o", width, 2, [](Random& r) { return std::pair(r.bits(), r.bits()); },
                           [](std::uint64_t a, std::uint64_t b) { return a + b; });
                   }}};
    return unit;
}

// With the ninth bit, as a tree's first level has it: the operands are sign-extended outside.
Unit int8_add_full() {
    Unit unit = integer_add(9);
    unit.name = "int8_add_full";
    unit.text = "INT8 adder with 9-bit sum";
    unit.cases = {{"random", "uniform operands, sign-extended", [] {
                       return binary(
                           9, "sum_o", 9, 2,
                           [](Random& r) {
                               const auto operand = [&] {
                                   return as_bits(static_cast<std::int8_t>(r.bits() & 0xFFU));
                               };
                               const std::uint64_t a = operand();
                               return std::pair(a, operand());
                           },
                           [](std::uint64_t a, std::uint64_t b) { return a + b; });
                   }}};
    return unit;
}

Unit int8_multiply() {
    Unit unit = plain_unit(
        "int8_mul", "INT8 multiplier", "multiply",
        {"setun_int8_mul", {baseline("setun_int8_rows.sv"), baseline("setun_int8_mul.sv")}, {}, false, {}});
    unit.cases = {{"normal", "both operands N(0, 36)", [] {
                       return binary(
                           8, "product_o", 16, 2,
                           [](Random& r) {
                               return std::pair(as_bits(r.int8(kActivationSigma)),
                                                as_bits(r.int8(kActivationSigma)));
                           },
                           [](std::uint64_t a, std::uint64_t b) {
                               return as_bits(static_cast<std::int8_t>(a) * static_cast<std::int8_t>(b));
                           });
                   }}};
    return unit;
}

std::vector<std::string> half_files(const char* top) {
    return {"rtl/setun_delay.sv", baseline("setun_lead_zeros.sv"), baseline("setun_fp16_mul_pipe.sv"),
            baseline("setun_fp16_add_pipe.sv"), baseline(top)};
}

Unit half_multiplier(unsigned stages) {
    Unit unit =
        plain_unit("fp16_mul", "FP16 multiplier, 2 stages", "multiply",
                   {"setun_fp16_mul", half_files("setun_fp16_mul.sv"), {{"Stages", stages}}, false, {}});
    if (stages == 1) {
        unit.name += "_1stage";
        unit.text = "FP16 multiplier, 1 stage";
    }
    unit.cases = {{"normal", "x N(0, 1), w N(0, 0.02)", [stages] {
                       return binary(
                           16, "product_o", 16, 1 + stages,
                           [](Random& r) {
                               return std::pair<std::uint64_t, std::uint64_t>(
                                   half_from(r.normal(kHalfActivation)), half_from(r.normal(kHalfWeight)));
                           },
                           [](std::uint64_t a, std::uint64_t b) -> std::uint64_t {
                               return half_multiply(static_cast<std::uint16_t>(a),
                                                    static_cast<std::uint16_t>(b));
                           });
                   }}};
    return unit;
}

// Products and the running sum that they meet in an accumulator.
class RunningSum {
  public:
    std::pair<std::uint64_t, std::uint64_t> operator()(Random& random) {
        const std::uint16_t product =
            half_multiply(half_from(random.normal(kHalfActivation)), half_from(random.normal(kHalfWeight)));
        const std::uint16_t before = count_++ % kDotProduct == 0 ? std::uint16_t{0} : sum_;
        sum_ = half_add(product, before);
        return {product, before};
    }

  private:
    std::uint16_t sum_ = 0;
    std::size_t count_ = 0;
};

Unit half_adder(unsigned stages) {
    Unit unit =
        plain_unit("fp16_add", "FP16 adder, 3 stages", "add",
                   {"setun_fp16_add", half_files("setun_fp16_add.sv"), {{"Stages", stages}}, false, {}});
    if (stages == 2) {
        unit.name += "_2stage";
        unit.text = "FP16 adder, 2 stages";
    }
    unit.cases = {
        {"accumulate", "products of x N(0, 1) and w N(0, 0.02), and their running sum, anew every 2560",
         [stages] {
             return binary(16, "sum_o", 16, 1 + stages, RunningSum(),
                           [](std::uint64_t a, std::uint64_t b) -> std::uint64_t {
                               return half_add(static_cast<std::uint16_t>(a), static_cast<std::uint16_t>(b));
                           });
         }}};
    return unit;
}

// ---- Dot products with an accumulator ----

// Integer dot products of any kind: `lane` gives the product of a new pair and sets its bits in the inputs.
using IntegerLane = std::function<int(Random&, Workload&, std::size_t cycle, unsigned lane)>;

Workload integer_dot(std::vector<Trace::Port> in, unsigned lanes, unsigned width, std::size_t cycles,
                     std::size_t latency, const IntegerLane& lane) {
    Workload w = workload(std::move(in), {{"sum_o", width}}, cycles, latency);
    Random random(kSeed);
    std::int64_t sum = 0;
    const std::size_t each = kDotProduct / lanes;
    for (std::size_t n = 0; n < cycles; ++n) {
        const bool restart = n % each == 0;
        w.inputs.set(n, 0, 0, 1, restart ? 1U : 0U);
        sum = restart ? 0 : sum;
        for (unsigned l = 0; l < lanes; ++l) {
            sum += lane(random, w, n, l);
        }
        if (n + latency < cycles) {
            w.expected.set(n + latency, 0, 0, width, static_cast<std::uint64_t>(sum));
        }
    }
    return w;
}

int int8_lane(Random& random, Workload& w, std::size_t n, unsigned l) {
    const int a = random.int8(kActivationSigma);
    const int b = random.int8(kActivationSigma);
    w.inputs.set(n, 1, 8 * l, 8, as_bits(a));
    w.inputs.set(n, 2, 8 * l, 8, as_bits(b));
    return a * b;
}

IntegerLane ternary_lane(double zeros) {
    return [zeros](Random& random, Workload& w, std::size_t n, unsigned l) {
        const int x = random.int8(kActivationSigma);
        const int t = random.trit(zeros);
        w.inputs.set(n, 1, 8 * l, 8, as_bits(x));
        w.inputs.set(n, 2, l, 1, t != 0 ? 1U : 0U);
        w.inputs.set(n, 3, l, 1, t < 0 ? 1U : 0U);
        return x * t;
    };
}

Unit int8_serial() {
    Unit unit = plain_unit(
        "int8_mac", "INT8 multiply-accumulate, one lane, 32-bit accumulator", "MAC",
        {"setun_int8_mac", {baseline("setun_int8_rows.sv"), baseline("setun_int8_mac.sv")}, {}, false, {}});
    unit.cases = {{"normal", "both operands N(0, 36)", [] {
                       return integer_dot({{"restart_i", 1}, {"a_i", 8}, {"b_i", 8}}, 1, 32, kNarrowCycles, 2,
                                          int8_lane);
                   }}};
    return unit;
}

Unit int8_tree() {
    constexpr unsigned kLanes = 64;
    Unit unit = plain_unit("int8_tree", "INT8 dot product of 64 lanes, 32-bit accumulator", "MAC",
                           {"setun_int8_tree",
                            {baseline("setun_int8_rows.sv"), baseline("setun_int8_tree.sv")},
                            {{"Lanes", kLanes}},
                            false,
                            {}});
    unit.operations = kLanes;
    unit.large = true;
    unit.cases = {{"normal", "both operands N(0, 36)", [] {
                       return integer_dot({{"restart_i", 1}, {"a_i", 8 * kLanes}, {"b_i", 8 * kLanes}},
                                          kLanes, 32, kWideCycles, 4, int8_lane);
                   }}};
    return unit;
}

std::vector<double> zero_shares() { return {0.45, 0.0, 0.3, 0.6, 0.8}; }

Unit ternary_serial() {
    Unit unit =
        plain_unit("ternary_mac", "ternary multiply-accumulate, one lane, 24-bit accumulator", "MAC",
                   {"setun_ternary_mac", {baseline("setun_ternary_mac.sv")}, {{"AccW", 24}}, false, {}});
    unit.cases = {{"zeros45", "x N(0, 36), 45 % zeros", [] {
                       return integer_dot({{"restart_i", 1}, {"x_i", 8}, {"nonzero_i", 1}, {"negative_i", 1}},
                                          1, 24, kNarrowCycles, 2, ternary_lane(kZeros));
                   }}};
    return unit;
}

Unit ternary_carry_save() {
    constexpr unsigned kLanes = 64;
    Unit unit = plain_unit(
        "ternary_carry_save",
        "ternary dot product of 64 lanes, carry-save tree written for an ASIC, 24-bit accumulator", "MAC",
        {"char_ternary_tree",
         {"energy_model/characterize/rtl/char_ternary_tree.sv"},
         {{"Lanes", kLanes}},
         false,
         {}});
    unit.operations = kLanes;
    unit.large = true;
    for (const double zeros : zero_shares()) {
        unit.cases.push_back(
            {fmt::format("zeros{:.0f}", 100 * zeros),
             fmt::format("x N(0, 36) and w new every cycle, {:.0f} % zeros", 100 * zeros), [zeros] {
                 return integer_dot(
                     {{"restart_i", 1}, {"x_i", 8 * kLanes}, {"nonzero_i", kLanes}, {"negative_i", kLanes}},
                     kLanes, 24, kWideCycles, 3, ternary_lane(zeros));
             }});
    }
    return unit;
}

// Products of FP16 lanes, added in a tree and to one of `add` accumulators in turn.
Workload half_dot(unsigned lanes, std::size_t cycles, unsigned mul, unsigned add) {
    unsigned levels = 0;
    while (1U << levels < lanes) {
        ++levels;
    }
    const std::size_t latency = 1 + mul + add * (levels + 1);
    Workload w = workload({{"restart_i", 1}, {"a_i", 16 * lanes}, {"b_i", 16 * lanes}}, {{"sum_o", 16}},
                          cycles, latency);
    w.first_counted = std::max(w.first_counted, latency + add);
    Random random(kSeed);
    std::vector<std::uint16_t> accumulators(add, 0);
    const std::size_t each = kDotProduct / lanes;
    for (std::size_t n = 0; n < cycles; ++n) {
        const bool restart = n % each < add;
        w.inputs.set(n, 0, 0, 1, restart ? 1U : 0U);
        std::vector<std::uint16_t> sums;
        for (unsigned l = 0; l < lanes; ++l) {
            const std::uint16_t a = half_from(random.normal(kHalfActivation));
            const std::uint16_t b = half_from(random.normal(kHalfWeight));
            w.inputs.set(n, 1, 16 * l, 16, a);
            w.inputs.set(n, 2, 16 * l, 16, b);
            sums.push_back(half_multiply(a, b));
        }
        for (std::size_t half = lanes / 2; half > 0; half /= 2) {
            for (std::size_t i = 0; i < half; ++i) {
                sums[i] = half_add(sums[i], sums[i + half]);
            }
        }
        std::uint16_t& accumulator = accumulators[n % add];
        accumulator = half_add(sums[0], restart ? std::uint16_t{0} : accumulator);
        if (n + latency < cycles) {
            w.expected.set(n + latency, 0, 0, 16, accumulator);
        }
    }
    return w;
}

Unit half_serial(unsigned mul, unsigned add) {
    Unit unit = plain_unit(mul == 2 ? "fp16_mac" : "fp16_mac_short",
                           fmt::format("FP16 multiply-accumulate, one lane, {} + {} stages", mul, add), "MAC",
                           {"setun_fp16_mac",
                            half_files("setun_fp16_mac.sv"),
                            {{"MulStages", mul}, {"AddStages", add}},
                            false,
                            {}});
    unit.cases = {{"normal", "x N(0, 1), w N(0, 0.02), sums anew every 2560",
                   [mul, add] { return half_dot(1, kNarrowCycles, mul, add); }}};
    return unit;
}

Unit half_tree() {
    constexpr unsigned kLanes = 8;
    Unit unit =
        plain_unit("fp16_tree", "FP16 dot product of 8 lanes, 2 + 3 stages", "MAC",
                   {"setun_fp16_tree", half_files("setun_fp16_tree.sv"), {{"Lanes", kLanes}}, false, {}});
    unit.operations = kLanes;
    unit.large = true;
    unit.cases = {{"normal", "x N(0, 1), w N(0, 0.02), sums anew every 2560",
                   [] { return half_dot(kLanes, kWideCycles, 2, 3); }}};
    return unit;
}

// ---- The engine's own RTL, PORT_BITS = 128: 80 lanes ----

constexpr unsigned kPortBits = 128;
constexpr unsigned kCodes = kPortBits / 8;
constexpr unsigned kTritsPerCode = 5;
constexpr unsigned kLanes = kStimulusLanes;
constexpr unsigned kSumBits = 15;  // setun_leaf_tree's SumW for 80 lanes
constexpr unsigned kCountBits = 7;
constexpr std::size_t kLeafLatency = 4;

using Row = std::array<std::int8_t, kLanes>;

bool is_illegal(unsigned code) {
    const bool esc = (code >> 2 & 7U) == 7U;
    const unsigned c = esc ? code >> 5 & 7U : code >> 2 & 7U;
    return (c & 3U) == 3U && ((code & 3U) == 3U || (esc && (c & 4U) != 0));
}

// Weights of a T5 code by docs/memory-format.md, section 1.
std::array<int, kTritsPerCode> decoded(unsigned code) {
    const auto b = [code](unsigned i) { return (code >> i & 1U) != 0; };
    const bool esc = b(4) && b(3) && b(2);
    const bool c4 = esc ? b(7) : b(4);
    const bool c3 = esc ? b(6) : b(3);
    const bool c2 = esc ? b(5) : b(2);
    const bool a = b(1) && b(0);
    const auto trit = [](bool nonzero, bool negative) { return !nonzero ? 0 : negative ? -1 : 1; };
    return {trit(a ? !c3 : !b(1), a ? c2 : b(0)), trit(a || !c3, a ? c4 : c2), trit(!a && !(c3 && c2), c4),
            trit(!esc && !(b(6) && !b(5)), b(6) ? b(7) : b(5)), trit(!esc && !(b(6) && b(5)), b(7))};
}

// Code of five weights: the inverse of decoded(), over the legal codes.
std::uint8_t code_of(const std::array<int, kTritsPerCode>& trits) {
    static const std::array<std::uint8_t, 243> kCodes243 = [] {
        std::array<std::uint8_t, 243> table{};
        for (unsigned code = 0; code < 256; ++code) {
            if (!is_illegal(code)) {
                std::size_t index = 0;
                for (const int trit : decoded(code)) {
                    index = 3 * index + static_cast<std::size_t>(trit + 1);
                }
                table.at(index) = static_cast<std::uint8_t>(code);
            }
        }
        return table;
    }();
    std::size_t index = 0;
    for (const int trit : trits) {
        index = 3 * index + static_cast<std::size_t>(trit + 1);
    }
    return kCodes243.at(index);
}

// A beat, bit-planar: bit j of code i at j * 16 + i; weight t of code i is lane t * 16 + i.
void set_beat(Trace& inputs, std::size_t cycle, std::size_t port, const Row& weights) {
    for (unsigned i = 0; i < kCodes; ++i) {
        std::array<int, kTritsPerCode> five{};
        for (unsigned t = 0; t < kTritsPerCode; ++t) {
            five.at(t) = weights.at(t * kCodes + i);
        }
        const unsigned code = code_of(five);
        for (unsigned j = 0; j < 8; ++j) {
            inputs.set(cycle, port, j * kCodes + i, 1, code >> j & 1U);
        }
    }
}

struct Rows {
    std::function<Row(Random&)> activations;
    std::function<Row(Random&)> weights;
};

Rows random_rows(double zeros) {
    return {[](Random& r) {
                Row row{};
                for (std::int8_t& x : row) {
                    x = static_cast<std::int8_t>(r.int8(kActivationSigma));
                }
                return row;
            },
            [zeros](Random& r) {
                Row row{};
                for (std::int8_t& w : row) {
                    w = static_cast<std::int8_t>(r.trit(zeros));
                }
                return row;
            }};
}

// The recorded rows in their order, over and over.
Rows model_rows(const ModelStimulus& model) {
    const auto next = [](const std::vector<Row>& rows) {
        return [rows, at = std::size_t{0}](Random&) mutable { return rows[at++ % rows.size()]; };
    };
    return {next(model.activations), next(model.weights)};
}

// Chunks of `hold` beats: the next chunk's activations are loaded in the first five cycles of a chunk, taken
// over with the first beat of the next. The first chunk has only loads.
Workload leaf_workload(std::size_t hold, const Rows& given) {
    const Rows rows = given;  // recorded rows begin anew in every workload
    const std::size_t cycles = 1000 / hold * hold + 2 * hold;
    Workload w =
        workload({{"beat_i", kPortBits},
                  {"load_i", 1},
                  {"load_last_i", 1},
                  {"load_token_i", 3},
                  {"load_group_i", 3},
                  {"load_data_i", kPortBits},
                  {"swap_i", 1},
                  {"valid_i", 1},
                  {"rst_ni", 1}},
                 {{"sum_o", kSumBits}, {"nonzero_o", kCountBits}, {"illegal_o", 1}, {"fill_busy_o", 1}},
                 cycles, hold + kLeafLatency);
    w.first_counted = std::max(2 * hold, w.first_checked);
    w.first_counted = (w.first_counted + hold - 1) / hold * hold;  // whole chunks
    Random random(kSeed);
    Row current{};
    Row shadow{};
    for (std::size_t n = 0; n < cycles; ++n) {
        const std::size_t phase = n % hold;
        const bool beat = n >= hold;
        if (phase == 0) {
            current = shadow;
            shadow = rows.activations(random);
        }
        w.inputs.set(n, 8, 0, 1, 1);
        w.inputs.set(n, 6, 0, 1, beat && phase == 0 ? 1U : 0U);
        w.inputs.set(n, 7, 0, 1, beat ? 1U : 0U);
        // The loader's word stands still between loads, as a register outside would.
        const unsigned group = static_cast<unsigned>(std::min<std::size_t>(phase, kTritsPerCode - 1));
        w.inputs.set(n, 1, 0, 1, phase < kTritsPerCode ? 1U : 0U);
        w.inputs.set(n, 2, 0, 1, phase == kTritsPerCode - 1 ? 1U : 0U);
        w.inputs.set(n, 4, 0, 3, group);
        for (unsigned l = 0; l < kCodes; ++l) {
            w.inputs.set(n, 5, 8 * l, 8, as_bits(shadow.at(group * kCodes + l)));
        }
        // Recorded rows of weights belong to the chunk that they meet.
        const Row weights = beat ? rows.weights(random) : Row{};
        set_beat(w.inputs, n, 0, weights);
        if (beat && n + kLeafLatency < cycles) {
            int sum = 0;
            unsigned count = 0;
            for (unsigned l = 0; l < kLanes; ++l) {
                sum += weights.at(l) * current.at(l);
                count += weights.at(l) != 0 ? 1U : 0U;
            }
            w.expected.set(n + kLeafLatency, 0, 0, kSumBits, as_bits(sum));
            w.expected.set(n + kLeafLatency, 1, 0, kCountBits, count);
        }
    }
    return w;
}

Unit engine_leaf(const ModelStimulus& model) {
    Unit unit;
    unit.name = "engine_leaf";
    unit.text =
        "setun_leaf_tree, 80 lanes, as it is: decoder, activation registers, binary tree, counter of "
        "non-zero weights";
    unit.operation = "MAC";
    unit.operations = kLanes;
    unit.large = true;
    unit.job = {"setun_leaf_tree",
                {"rtl/setun_delay.sv", "rtl/setun_trit_decode.sv", "rtl/setun_add_tree.sv",
                 "rtl/setun_sum_tree.sv", "rtl/setun_popcount.sv", "rtl/setun_leaf_tree.sv"},
                {{"PortBits", kPortBits}},
                true,
                {}};
    unit.groups = {{"select and tree", Category::kLogic},        {"tree registers", Category::kCore},
                   {"input ports", Category::kOperand},          {"weight registers", Category::kOperand},
                   {"activation registers", Category::kOperand}, {"decoder", Category::kAuxiliary},
                   {"non-zero counter", Category::kAuxiliary}};
    // The decoder and the counter first: what they share with the tree is the weight registers, not logic.
    unit.rules = {{"u_tree", 1, 0},  {"u_count", 6, 6}, {"illegal", 6, 5}, {"shadow_q", 4, 4},
                  {"chunk_q", 4, 4}, {"nz_q", 3, 5},    {".s_q", 3, 5}};
    const auto add = [&](std::string name, std::string text, std::size_t hold, const Rows& rows) {
        unit.cases.push_back(
            {std::move(name), std::move(text), [hold, rows] { return leaf_workload(hold, rows); }});
    };
    for (const double zeros : zero_shares()) {
        add(fmt::format("zeros{:.0f}", 100 * zeros),
            fmt::format("x N(0, 36) held for 64 beats, {:.0f} % zeros", 100 * zeros), 64, random_rows(zeros));
    }
    add("hold8", "x N(0, 36) held for 8 beats, 45 % zeros", 8, random_rows(kZeros));
    add("model", fmt::format("{}, x held for 64 beats", model.source), 64, model_rows(model));
    return unit;
}

Unit trit_decoder(const ModelStimulus& model) {
    Unit unit = plain_unit("trit_decode", "setun_trit_decode, 16 codes of five weights", "weight",
                           {"char_trit_decode",
                            {"rtl/setun_trit_decode.sv", "energy_model/characterize/rtl/char_trit_decode.sv"},
                            {{"PortBits", kPortBits}},
                            false,
                            {}});
    unit.operations = kLanes;
    const auto make = [](const Rows& given) {
        const Rows rows = given;  // as in leaf_workload
        Workload w =
            workload({{"beat_i", kPortBits}},
                     {{"nonzero_o", kLanes}, {"negative_o", kLanes}, {"illegal_o", 1}}, kWideCycles, 2);
        Random random(kSeed);
        for (std::size_t n = 0; n < kWideCycles; ++n) {
            const Row weights = rows.weights(random);
            set_beat(w.inputs, n, 0, weights);
            for (unsigned l = 0; n + 2 < kWideCycles && l < kLanes; ++l) {
                w.expected.set(n + 2, 0, l, 1, weights.at(l) != 0 ? 1U : 0U);
                w.expected.set(n + 2, 1, l, 1, weights.at(l) < 0 ? 1U : 0U);
            }
        }
        return w;
    };
    unit.cases = {{"zeros45", "45 % zeros", [make] { return make(random_rows(kZeros)); }},
                  {"model", model.source, [make, rows = model_rows(model)] { return make(rows); }}};
    return unit;
}

Unit partial_sum() {
    Unit unit = plain_unit("accumulator", "partial-sum path of setun_engine, 32 bits, without its memory",
                           "partial sum",
                           {"char_partial_sum",
                            {"energy_model/characterize/rtl/char_partial_sum.sv"},
                            {{"SumW", kSumBits}},
                            true,
                            {}});
    unit.cases = {
        {"chunks32", "sums of 80 products, 32 chunks a row", [] {
             Workload w = workload(
                 {{"valid_i", 1}, {"first_i", 1}, {"next_plane_i", 1}, {"sum_i", kSumBits}, {"old_i", 32}},
                 {{"acc_o", 32}}, kNarrowCycles, 2);
             Random random(kSeed);
             // A chunk passes over 64 rows before the next does, as in a tile: neighbours in time are
             // different rows.
             constexpr std::size_t kRows = 64;
             constexpr std::size_t kChunks = 32;  // 2560 inputs
             const double sigma = kActivationSigma * std::sqrt((1 - kZeros) * kLanes);
             std::array<std::int32_t, kRows> memory{};
             for (std::size_t n = 0; n < kNarrowCycles; ++n) {
                 std::int32_t& row = memory.at(n % kRows);
                 const bool first = n / kRows % kChunks == 0;
                 const auto sum = static_cast<std::int32_t>(std::nearbyint(random.normal(sigma)));
                 w.inputs.set(n, 0, 0, 1, 1);
                 w.inputs.set(n, 1, 0, 1, first ? 1U : 0U);
                 w.inputs.set(n, 3, 0, kSumBits, as_bits(sum));
                 w.inputs.set(n, 4, 0, 32, as_bits(row));
                 row = sum + (first ? 0 : row);
                 if (n + 2 < kNarrowCycles) {
                     w.expected.set(n + 2, 0, 0, 32, as_bits(row));
                 }
             }
             return w;
         }}};
    return unit;
}

}  // namespace

std::vector<Unit> all_units(const ModelStimulus& model) {
    std::vector<Unit> units;
    units.push_back(integer_add(8));
    units.push_back(int8_add_full());
    units.push_back(integer_add(32));
    units.push_back(int8_multiply());
    units.push_back(int8_serial());
    units.push_back(int8_tree());
    units.push_back(half_multiplier(2));
    units.push_back(half_multiplier(1));
    units.push_back(half_adder(3));
    units.push_back(half_adder(2));
    units.push_back(half_serial(2, 3));
    units.push_back(half_serial(1, 2));
    units.push_back(half_tree());
    units.push_back(ternary_serial());
    units.push_back(ternary_carry_save());
    units.push_back(engine_leaf(model));
    units.push_back(trit_decoder(model));
    units.push_back(partial_sum());
    return units;
}

const Unit& find_unit(const std::vector<Unit>& units, std::string_view name) {
    const auto it =
        std::find_if(units.begin(), units.end(), [name](const Unit& unit) { return unit.name == name; });
    if (it != units.end()) {
        return *it;
    }
    std::string names;
    for (const Unit& unit : units) {
        names += (names.empty() ? "" : ", ") + unit.name;
    }
    throw CharacterizeError(fmt::format("--unit {}: no such unit; there are {}", name, names));
}

}  // namespace setun::characterize
