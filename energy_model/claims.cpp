// Published claims beside what this model computes. Published figures are data here; ours are computed on
// each call.
#include "energy_model/claims.h"

#include <fmt/format.h>

#include <array>
#include <cmath>
#include <utility>

#include "energy_model/machines.h"
#include "energy_model/paper.h"
#include "energy_model/shape.h"
#include "energy_model/table.h"
#include "energy_model/workload.h"

namespace setun::energy {
namespace {

constexpr std::uint64_t kPaperTokens = 512;
constexpr double kPicojoule = 1e-12;
constexpr const char* kV1Paper = "arXiv 2310.11453";
constexpr const char* kB158Paper = "arXiv 2402.17764";
constexpr const char* k2b4tPaper = "arXiv 2504.12285";

double real(std::uint64_t value) { return static_cast<double>(value); }

/// What a claim says and how well that is known.
struct Published {
    const char* source;
    const char* reading;
    const char* unit;
    double value;
    double tolerance;  ///< relative
};

/// Half a unit of the last printed digit, relative.
double printed(double value, double last_digit) { return last_digit / 2 / value * (1 + 1e-9); }

class Claims {
  public:
    /// `assuming` is empty when nothing was assumed; `otherwise` says why the figures differ, if they do.
    void add(std::string id, std::string claim, const Published& published, double ours, std::string basis,
             const std::string& assuming, const std::string& otherwise) {
        Claim c;
        c.id = std::move(id);
        c.claim = std::move(claim);
        c.unit = published.unit;
        c.published = published.value;
        c.source = published.source;
        c.reading = published.reading;
        c.ours = ours;
        c.basis = std::move(basis);
        c.tolerance = published.tolerance;
        const bool equal = std::abs(c.difference()) <= c.tolerance;
        c.verdict = !equal             ? Verdict::kNotReproduced
                    : assuming.empty() ? Verdict::kReproduced
                                       : Verdict::kReproducedAssuming;
        c.because = equal ? assuming : otherwise;
        list.push_back(std::move(c));
    }

    std::vector<Claim> list;
};

// ---- bare operators -------------------------------------------------------------------------------------

void operators(Claims& claims) {
    const Table ops = builtin_table("7nm");
    const double fp16 = ops.at("fp16_mul").energy_pj + ops.at("fp16_add").energy_pj;
    claims.add("op-ratio", "arithmetic of a matrix product, ternary against FP16, 7 nm",
               {kB158Paper, "read", "x", 71.4, printed(71.4, 0.1)}, fp16 / ops.at("int8_add").energy_pj,
               "(FP16 multiply + FP16 add) / INT8 add of table 7nm", "", "the table changed");
    claims.add("op-ratio-accumulator", "the same with a 32-bit accumulator add for every weight",
               {"derived from the same table", "derived", "x", 16.7, printed(16.7, 0.1)},
               fp16 / ops.at("int32_add").energy_pj, "(FP16 multiply + FP16 add) / INT32 add of table 7nm",
               "", "the table changed");
    claims.add("int8-add", "an INT8 add costs 0.007 pJ at 7 nm", {kV1Paper, "read", "pJ", 0.007, 0.1},
               ops.at("int32_add").energy_pj * 8 / 32,
               "a quarter of the INT32 add of table 7nm, from another paper",
               "energy of an adder is linear in its width", "energy of an adder is not linear in its width");
    const auto names = builtin_table_names();
    for (const std::string& name : names) {
        if (name != "asap7") {
            continue;
        }
        const Table gates = builtin_table(name);
        if (gates.contains("int8_add")) {
            claims.add("int8-add-gates", "an INT8 add costs 0.007 pJ at 7 nm",
                       {kV1Paper, "read", "pJ", 0.007, 0.1}, gates.at("int8_add").energy_pj,
                       "an 8-bit adder synthesized to ASAP7, switching simulated with glitches", "",
                       "another process and method: synthesized gates before layout, glitches counted");
        }
        if (gates.contains("int8_add") && gates.contains("fp16_mul") && gates.contains("fp16_add")) {
            claims.add("op-ratio-bare-gates", "arithmetic of a matrix product, ternary against FP16, 7 nm",
                       {kB158Paper, "read", "x", 71.4, 0.05},
                       (gates.at("fp16_mul").energy_pj + gates.at("fp16_add").energy_pj) /
                           gates.at("int8_add").energy_pj,
                       "the same three bare operators, synthesized to ASAP7", "",
                       "another process and method: synthesized gates before layout, glitches counted");
        }
        if (gates.contains("fp16_mac") && gates.contains("ternary_mac")) {
            claims.add(
                "op-ratio-gates", "arithmetic of a matrix product, ternary against FP16, 7 nm",
                {kB158Paper, "read", "x", 71.4, 0.05},
                gates.at("fp16_mac").energy_pj / gates.at("ternary_mac").energy_pj,
                "FP16 multiply-add unit / ternary lane of a tree, both synthesized to ASAP7", "",
                "a ternary multiply-add is more than one bare 8-bit adder: select, growing width, glitches, "
                "accumulator");
        }
    }
}

// ---- end-to-end ratios ----------------------------------------------------------------------------------

double paper_ratio(const char* shape, PaperRule rule) {
    return paper_energy(builtin_table("7nm"), find_shape(shape), kPaperTokens, rule).ratios().front().value;
}

void end_to_end(Claims& claims) {
    struct Point {
        const char* size;
        const char* shape;
        double ratio;
        const char* reading;
    };
    constexpr std::array<Point, 5> kPoints{{{"1.3B", "b158-1.3b", 18.6, "second-hand"},
                                            {"3B", "b158-3b", 21.7, "unverified"},
                                            {"7B", "llama-7b", 29.1, "unverified"},
                                            {"13B", "llama-13b", 32.9, "unverified"},
                                            {"70B", "llama-70b", 41.2, "second-hand"}}};
    const std::string assuming =
        "sequence of 512 tokens, full attention in FP16, no head, no memory; the paper prints none of this";
    const std::string scales = assuming + "; scales counted as in the first BitNet paper";
    for (const Point& p : kPoints) {
        const std::string id = p.size;
        const Published published{"arXiv 2402.17764, Fig. 3", p.reading, "x", p.ratio, 0.01};
        const std::string claim =
            fmt::format("end-to-end energy of {} against LLaMA of that size, 7 nm", p.size);
        claims.add("e2e-" + id, claim, published, paper_ratio(p.shape, PaperRule::kB158),
                   fmt::format("paper rule b1.58, shape {}", p.shape), assuming,
                   "the rule gives another ratio for the published shape");
        claims.add("e2e-" + id + "-scales", claim, published, paper_ratio(p.shape, PaperRule::kV1),
                   fmt::format("paper rule v1 (multiplies by scales counted), shape {}", p.shape), scales,
                   "the rule gives another ratio for the published shape");
    }
    claims.add(
        "e2e-3B-stablelm", "end-to-end energy of 3B against LLaMA of that size, 7 nm",
        {"arXiv 2402.17764, Fig. 3", "unverified", "x", 21.7, 0.01},
        paper_ratio("stablelm-3b", PaperRule::kV1),
        "paper rule v1 (multiplies by scales counted), shape stablelm-3b",
        scales +
            "; width 2560 and feed-forward 6912 instead of the 3200 and 8640 that the paper prints for 3B",
        "the rule gives another ratio for this shape too");
}

// ---- joules of the BitNet v1 paper ----------------------------------------------------------------------

void first_bitnet(Claims& claims) {
    struct Row {
        const char* shape;
        const char* machine;
        const char* node;
        double mul_j;
        double add_j;
        const char* reading;
    };
    constexpr std::array<Row, 18> kRows{{
        {"bitnet-6.7b", "fp32", "7nm", 4.41, 1.28, "second-hand"},
        {"bitnet-6.7b", "fp16", "7nm", 1.14, 0.54, "second-hand"},
        {"bitnet-6.7b", "setun", "7nm", 0.02, 0.04, "second-hand"},
        {"bitnet-13b", "fp32", "7nm", 8.58, 2.49, "unverified"},
        {"bitnet-13b", "fp16", "7nm", 2.23, 1.05, "unverified"},
        {"bitnet-13b", "setun", "7nm", 0.04, 0.06, "unverified"},
        {"bitnet-30b", "fp32", "7nm", 20.09, 5.83, "second-hand"},
        {"bitnet-30b", "fp16", "7nm", 5.21, 2.45, "unverified"},
        {"bitnet-30b", "setun", "7nm", 0.06, 0.14, "second-hand"},
        {"bitnet-6.7b", "fp32", "45nm", 12.46, 3.03, "unverified"},
        {"bitnet-6.7b", "fp16", "45nm", 3.70, 1.35, "unverified"},
        {"bitnet-6.7b", "setun", "45nm", 0.08, 0.13, "unverified"},
        {"bitnet-13b", "fp32", "45nm", 24.23, 5.89, "unverified"},
        {"bitnet-13b", "fp16", "45nm", 7.20, 2.62, "unverified"},
        {"bitnet-13b", "setun", "45nm", 0.12, 0.24, "unverified"},
        {"bitnet-30b", "fp32", "45nm", 56.73, 13.80, "unverified"},
        {"bitnet-30b", "fp16", "45nm", 16.87, 6.13, "unverified"},
        {"bitnet-30b", "setun", "45nm", 0.20, 0.53, "unverified"},
    }};
    constexpr double kLastDigit = 0.01;
    const std::string assuming =
        "feed-forward of two matrices 4 hidden wide, full FP16 (FP32) attention counted, no head";
    const std::string otherwise =
        "the printed digits ask for an INT8 add of about 0.0073 pJ; the paper prints 0.007";
    for (const Row& row : kRows) {
        const PaperReport report =
            paper_energy(builtin_table(row.node), find_shape(row.shape), kPaperTokens, PaperRule::kV1);
        const PaperEnergy& energy = report.machine(row.machine);
        const std::string bits = row.machine == std::string("setun") ? "W1A8" : row.machine;
        const auto add = [&](const char* kind, double published, double ours) {
            claims.add(fmt::format("v1-{}-{}-{}-{}", row.shape, bits, row.node, kind),
                       fmt::format("{} energy of {} as {}, {}, 512 tokens", kind, row.shape, bits, row.node),
                       {kV1Paper, row.reading, "J", published, printed(published, kLastDigit)}, ours,
                       fmt::format("paper rule v1, shape {}, machine {}", row.shape, row.machine), assuming,
                       otherwise);
        };
        add("mul", row.mul_j, energy.mul_j());
        add("add", row.add_j, energy.add_j());
    }
}

// ---- joules of the 2B4T report --------------------------------------------------------------------------

void report_2b4t(Claims& claims) {
    struct Row {
        const char* shape;
        const char* machine;
        double joules;
    };
    constexpr std::array<Row, 6> kRows{{{"2b4t", "setun", 0.028},
                                        {"llama3.2-1b", "fp16", 0.258},
                                        {"gemma3-1b", "fp16", 0.186},
                                        {"qwen2.5-1.5b", "fp16", 0.347},
                                        {"smollm2-1.7b", "fp16", 0.425},
                                        {"minicpm-2b", "fp16", 0.649}}};
    constexpr double kLastDigit = 0.001;
    for (const Row& row : kRows) {
        const double ours =
            paper_energy(builtin_table("7nm"), find_shape(row.shape), kPaperTokens, PaperRule::kB158)
                .machine(row.machine)
                .total_j();
        claims.add(fmt::format("2b4t-energy-{}", row.shape), fmt::format("estimated energy of {}", row.shape),
                   {k2b4tPaper, "second-hand", "J", row.joules, printed(row.joules, kLastDigit)}, ours,
                   fmt::format("paper rule b1.58, machine {}", row.machine),
                   "joules of a sequence of 512 tokens, not of one token; no head, no memory",
                   "the rule gives another energy for the published shape");
    }
}

// ---- memory ---------------------------------------------------------------------------------------------

double gigabytes(const ModelShape& shape, double bits) {
    constexpr double kFp16Bytes = 2;
    const double tables = (shape.tied_head ? 1 : 2) * real(shape.head_weights()) * kFp16Bytes;
    return (real(shape.linear_weights()) * bits / 8 + tables) / 1e9;
}

void memory_sizes(Claims& claims) {
    constexpr double kTwoBit = 2;
    constexpr double kFp16 = 16;
    const std::string otherwise =
        "the paper measures a GPU's memory in use; ours is what the weights need, without cache and work "
        "space";
    struct Row {
        const char* size;
        const char* shape;
        double llama_gb;
        double b158_gb;
        double ratio;
        const char* reading;
    };
    constexpr std::array<Row, 7> kRows{{{"700M", "b158-700m", 2.08, 0.80, 2.60, "read"},
                                        {"1.3B", "b158-1.3b", 3.34, 1.14, 2.93, "read"},
                                        {"3B", "b158-3b", 7.89, 2.22, 3.55, "read"},
                                        {"3.9B", "b158-3.9b", 0, 2.38, 0, "read"},
                                        {"7B", "llama-7b", 0, 0, 4.40, "second-hand"},
                                        {"13B", "llama-13b", 0, 0, 5.12, "second-hand"},
                                        {"70B", "llama-70b", 0, 0, 7.16, "second-hand"}}};
    constexpr double kTolerance = 0.02;
    for (const Row& row : kRows) {
        const ModelShape shape = find_shape(row.shape);
        const double half = gigabytes(shape, kFp16);
        const double ternary = gigabytes(shape, kTwoBit);
        const auto add = [&](const char* id, const char* what, const char* unit, double published,
                             double ours, const char* basis) {
            if (published != 0) {
                claims.add(fmt::format("memory-{}-{}", row.size, id), fmt::format("{} of {}", what, row.size),
                           {kB158Paper, row.reading, unit, published, kTolerance}, ours, basis,
                           "embedding and head in FP16", otherwise);
            }
        };
        add("llama", "memory of LLaMA", "GB", row.llama_gb, half, "weights, embedding and head at 16 bits");
        add("b158", "memory of BitNet b1.58", "GB", row.b158_gb, ternary,
            "linear weights at 2 bits; embedding and head at 16");
        add("ratio", "memory saved by BitNet b1.58", "x", row.ratio, half / ternary, "quotient of the two");
    }
}

// ---- BitNet b1.58 2B4T ----------------------------------------------------------------------------------

void sizes_2b4t(Claims& claims) {
    const ModelShape s = find_shape("2b4t");
    const double bits = 1.6;
    const auto derived = [&](const char* id, const char* claim, const char* unit, double published,
                             double last, double ours, const char* basis) {
        claims.add(id, claim, {k2b4tPaper, "derived", unit, published, printed(published, last)}, ours, basis,
                   "", "the shape changed");
    };
    const double weights = real(s.linear_weights());
    derived("2b4t-layer", "ternary weights of a layer", "M", 69.47, 0.01, real(s.layer_weights()) / 1e6,
            "shape 2b4t");
    derived("2b4t-weights", "ternary weights", "G", 2.084, 0.001, weights / 1e9, "shape 2b4t");
    derived("2b4t-head", "weights of the head", "M", 328.3, 0.1, real(s.head_weights()) / 1e6, "shape 2b4t");
    derived("2b4t-bytes", "weights at 1.6 bit", "MB", 416.8, 0.1, weights * bits / 8 / 1e6, "shape 2b4t");
    derived("2b4t-bytes-2bit", "weights at 2 bits", "MB", 521, 1, weights * 2 / 8 / 1e6, "shape 2b4t");
    derived("2b4t-kv", "INT8 KV cache of a token", "KB", 38.4, 0.1,
            real(s.kv_elements()) * s.kv_bits / 8 / 1e3, "shape 2b4t");
    claims.add("2b4t-memory", "memory without embeddings",
               {k2b4tPaper, "second-hand", "GB", 0.4, printed(0.4, 0.1)}, weights * bits / 8 / 1e9,
               "weights at 1.6 bit", "1.6 bits a weight", "packed otherwise");

    // Decoding at batch 1 is memory: linear layers alone, without head.
    ModelShape layers = s;
    layers.vocab = 1;
    layers.head_planes = 1;
    const Engine engine{.port_bits = 512, .ports = 1, .tokens = 1, .tile_rows = 1024};
    const Technology tech = find_technology("7nm", "hbm2");
    const TokenEnergy e = evaluate(tech, model_work(layers, {Phase::kDecode, 1, 1}, engine), engine,
                                   {.on_chip = false, .elementwise = false, .static_power = false});
    const double memory_j = weights * bits * tech.memories.at("hbm2").energy_pj * kPicojoule;
    claims.add("2b4t-decode-memory", "weights of a token from HBM2",
               {"derived", "derived", "mJ", 13, printed(13, 1)}, memory_j * 1e3,
               "1.6 bits a weight at 3.9 pJ/bit", "", "the table changed");
    claims.add("2b4t-memory-share", "that is about 900 times the linear arithmetic",
               {"derived", "derived", "x", 900, 0.05}, memory_j / e.setun.key_j("ternary_add"),
               "weights from HBM2 / one INT8 add a weight", "", "the table changed");
    claims.add("2b4t-weight-ratio", "from weights alone, ternary against FP16",
               {"derived", "derived", "x", 10, printed(10, 0.1)}, e.fp16.weights_j / e.setun.weights_j,
               "bits of the weights through a 512-bit port, padding of the last chunk included", "",
               "padding of the last chunk: Setun's stream is more than 1.6 bits a weight");
}

// ---- machines -------------------------------------------------------------------------------------------

void machines(Claims& claims) {
    const ModelShape s = find_shape("2b4t");
    const Engine kv260{.port_bits = 128, .ports = 4, .tokens = 1, .tile_rows = 1024};
    const WorkCounts work = model_work(s, {Phase::kDecode, 128, 1}, kv260);
    const double linear_bytes = real(work.weight_bytes - work.head_weight_bytes);
    const char* board = "github.com/MerlijnW70/bitnet-kv260";
    constexpr double kPortBytesPerSecond = 4 * 16 * 250e6;
    claims.add("kv260-stream", "bytes of weights of a token, 4 x 128 bit",
               {board, "read", "MB", 417.5, printed(417.5, 0.1)}, linear_bytes / 1e6,
               "Setun's streams of the linear layers on 4 x 128-bit ports",
               "another packing of the same density", "another packing: padding of the last chunk differs");
    claims.add(
        "kv260-floor", "upper bound of the rate of the board", {board, "read", "tok/s", 33, 0.02},
        kPortBytesPerSecond / linear_bytes, "16.0 GB/s of its ports / weights of the linear layers", "",
        "how that bound was derived was not read; ours counts weights of linear layers and nothing else");
    const double bound = kPortBytesPerSecond / real(work.weight_bytes);
    constexpr double kRate = 16.78;
    claims.add(
        "kv260-rate", "decode rate of the board", {board, "read", "tok/s", kRate, 0.02}, bound,
        fmt::format(
            "bound of 4 x 128 bit at 250 MHz, head as five digit planes; the board reaches {:.0f} % of it",
            100 * kRate / bound),
        "", "measured on a board with head and attention on its processor; ours is the bound of the ports");
    const auto chip_j = [](const char* shape, const char* memory) {
        const Engine engine{.port_bits = 512, .ports = 1, .tokens = 1, .tile_rows = 1024};
        return evaluate(find_technology("7nm", memory),
                        model_work(find_shape(shape), {Phase::kDecode, 128, 1}, engine), engine)
            .setun;
    };
    claims.add(
        "kv260-energy", "energy of a token, whole board at 6.2 W", {board, "read", "J", 0.381, 0.02},
        chip_j("2b4t", "ddr4").total_j(), "7 nm chip and DDR4 device, context 128", "",
        "scope differs: a board with processor, regulators and a 16 nm FPGA against chip and memory device");
    claims.add("bitnet-cpp-energy", "energy of a token of 700M on an i7-13700H",
               {"arXiv 2410.16144", "read", "J", 0.384, 0.02}, chip_j("b158-700m", "ddr4").total_j(),
               "7 nm chip and DDR4 device, context 128", "",
               "scope differs: a processor package against chip and memory device");
    const MachineEnergy core = chip_j("b158-3b", "none");
    constexpr double kVitaWatt = 0.066;
    constexpr double kVitaRate = 70.7;
    claims.add("vitallm-energy", "energy of a token in the core, 66 mW at 70.7 tok/s, 3B class",
               {"VitaLLM", "read", "mJ", kVitaWatt / kVitaRate * 1e3, 0.02}, core.total_j() * 1e3,
               "7 nm, shape b158-3b, context 128, no off-chip memory", "",
               "another chip: 16 nm, own data flow; same order of magnitude is all that can be said");
}

}  // namespace

const char* verdict_name(Verdict verdict) noexcept {
    switch (verdict) {
        case Verdict::kReproduced:
            return "reproduced";
        case Verdict::kReproducedAssuming:
            return "reproduced under these assumptions";
        case Verdict::kNotReproduced:
            break;
    }
    return "not reproduced";
}

std::vector<Claim> evaluate_claims() {
    Claims claims;
    operators(claims);
    end_to_end(claims);
    first_bitnet(claims);
    report_2b4t(claims);
    memory_sizes(claims);
    sizes_2b4t(claims);
    machines(claims);
    return std::move(claims.list);
}

}  // namespace setun::energy
