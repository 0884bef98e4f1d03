// The counting rules of the BitNet papers.
#include "energy_model/paper.h"

#include <fmt/format.h>

#include <array>
#include <string_view>

#include "energy_model/workload.h"

namespace setun::energy {
namespace {

constexpr double kJoulePerPicojoule = 1e-12;

/// Operations of a sequence, in doubles: 70B and a million tokens pass 2^64.
struct PaperCounts {
    double linear = 0;     ///< weight x token pairs
    double attention = 0;  ///< multiply-adds of scores and values
    double scales = 0;     ///< m p + m n, summed over the matrices
};

PaperCounts count_sequence(const ModelShape& s, std::uint64_t tokens) {
    const auto t = static_cast<double>(tokens);
    const auto layers = static_cast<double>(s.layers);
    PaperCounts counts;
    counts.linear = t * static_cast<double>(s.linear_weights());
    counts.attention = t * 2 * t * static_cast<double>(s.q_rows()) * layers;
    const std::uint64_t widths = (s.hidden + s.q_rows()) + 2 * (s.hidden + s.kv_rows()) +
                                 (s.q_rows() + s.hidden) + (s.gated ? 3 : 2) * (s.hidden + s.ffn);
    counts.scales = t * static_cast<double>(widths) * layers;
    return counts;
}

class Sheet {
  public:
    Sheet(PaperEnergy& energy, const Table& operations) : energy_(energy), operations_(operations) {}

    void line(const char* what, const char* key, std::string_view op, double count) {
        Contribution line;
        line.what = what;
        line.key = key;
        line.part = Part::kArithmetic;
        line.count = count;
        line.entry = operations_.at(op, Unit::kOperation);
        line.joules = count * line.entry.energy_pj * kJoulePerPicojoule;
        energy_.contributions.push_back(std::move(line));
    }

  private:
    PaperEnergy& energy_;
    const Table& operations_;
};

bool is_multiply(const Contribution& line) {
    return line.entry.op.size() > 4 && line.entry.op.substr(line.entry.op.size() - 4) == "_mul";
}

}  // namespace

double PaperEnergy::add_j() const noexcept {
    double sum = 0;
    for (const Contribution& line : contributions) {
        sum += is_multiply(line) ? 0 : line.joules;
    }
    return sum;
}

double PaperEnergy::mul_j() const noexcept {
    double sum = 0;
    for (const Contribution& line : contributions) {
        sum += is_multiply(line) ? line.joules : 0;
    }
    return sum;
}

const PaperEnergy& PaperReport::machine(std::string_view name) const {
    for (const PaperEnergy* energy : {&setun, &fp16, &fp32, &int8}) {
        if (energy->machine == name) {
            return *energy;
        }
    }
    throw BadInput(fmt::format("unknown machine '{}'; use one of setun, fp16, fp32, int8", name));
}

std::vector<Ratio> PaperReport::ratios() const {
    const char* scope = "all counted operations of a sequence: linear layers and full attention, no memory";
    const auto linear = [](const PaperEnergy& energy) {
        double sum = 0;
        for (const Contribution& line : energy.contributions) {
            sum += line.key.find("linear") == 0 ? line.joules : 0;
        }
        return sum;
    };
    return {
        {"fp16_total", fp16.total_j() / setun.total_j(), scope},
        {"fp32_total", fp32.total_j() / setun.total_j(), scope},
        {"int8_total", int8.total_j() / setun.total_j(), scope},
        {"fp16_linear", linear(fp16) / linear(setun), "linear layers alone: bare operators for each weight"}};
}

PaperReport paper_energy(const Table& operations, const ModelShape& shape, std::uint64_t tokens,
                         PaperRule rule) {
    check_workload({Phase::kPrompt, tokens, 1});
    check_shape(shape, shape.name);
    const PaperCounts counts = count_sequence(shape, tokens);
    PaperReport report;
    report.operations = operations.name();
    report.tokens = tokens;

    report.setun.machine = "setun";
    report.setun.basis = "one INT8 add a weight; attention in FP16";
    Sheet ternary(report.setun, operations);
    ternary.line("adds of linear layers", "linear_add", "int8_add", counts.linear);
    if (rule == PaperRule::kV1) {
        ternary.line("multiplies by scales", "linear_scale_mul", "fp16_mul", counts.scales);
        report.setun.basis += "; m p + m n FP16 multiplies a matrix for scales";
    }
    ternary.line("adds of attention", "attention_add", "fp16_add", counts.attention);
    ternary.line("multiplies of attention", "attention_mul", "fp16_mul", counts.attention);

    const auto baseline = [&](PaperEnergy& energy, const char* name, const char* basis, const char* add,
                              const char* mul, const char* attention_add, const char* attention_mul) {
        energy.machine = name;
        energy.basis = basis;
        Sheet sheet(energy, operations);
        sheet.line("adds of linear layers", "linear_add", add, counts.linear);
        sheet.line("multiplies of linear layers", "linear_mul", mul, counts.linear);
        sheet.line("adds of attention", "attention_add", attention_add, counts.attention);
        sheet.line("multiplies of attention", "attention_mul", attention_mul, counts.attention);
    };
    baseline(report.fp16, "fp16", "one FP16 multiply and add a weight; attention in FP16", "fp16_add",
             "fp16_mul", "fp16_add", "fp16_mul");
    baseline(report.fp32, "fp32", "one FP32 multiply and add a weight; attention in FP32", "fp32_add",
             "fp32_mul", "fp32_add", "fp32_mul");
    baseline(report.int8, "int8",
             "one INT8 multiply and INT32 add a weight (not in the papers); attention in FP16", "int32_add",
             "int8_mul", "fp16_add", "fp16_mul");

    report.assumptions = {
        fmt::format("the joules are of a sequence of {} tokens, not of a token", tokens),
        fmt::format("operation energies of table '{}' are bare operators", operations.name()),
        "attention is full, not causal: every query element meets every token, twice",
        "no output head, no embedding, no norms, no softmax, no memory, no static power"};
    return report;
}

}  // namespace setun::energy
