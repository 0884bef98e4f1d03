// The counting rules of the BitNet papers, so that anyone can derive their published joules and ratios again.
#pragma once

#include <string>
#include <vector>

#include "energy_model/machines.h"
#include "energy_model/shape.h"
#include "energy_model/table.h"

namespace setun::energy {

/// How a paper counts a sequence. Both: every matrix product m x n x p is m n p adds (ternary) or
/// multiply-adds, full (not causal) attention is two products of the query width with all tokens in FP16, and
/// nothing else: no head, no embedding, no norms, no memory.
enum class PaperRule {
    kB158,  ///< arXiv 2402.17764 and 2504.12285
    kV1,    ///< arXiv 2310.11453: besides, m p + m n FP16 multiplies a matrix for the scales of 1-bit layers
};

/// Energy of a whole sequence on one machine, adds and multiplies apart as the papers print them.
struct PaperEnergy {
    std::string machine;  ///< "setun" (ternary or binary weights), "fp16", "fp32", "int8"
    std::string basis;
    std::vector<Contribution> contributions;  ///< of the whole sequence

    [[nodiscard]] double add_j() const noexcept;
    [[nodiscard]] double mul_j() const noexcept;
    [[nodiscard]] double total_j() const noexcept { return add_j() + mul_j(); }
};

struct PaperReport {
    std::string operations;  ///< name of the operation table
    std::uint64_t tokens = 0;
    PaperEnergy setun;
    PaperEnergy fp16;
    PaperEnergy fp32;
    PaperEnergy int8;
    std::vector<std::string> assumptions;

    /// Throws BadInput that lists the machines.
    [[nodiscard]] const PaperEnergy& machine(std::string_view name) const;
    [[nodiscard]] std::vector<Ratio> ratios() const;
};

/// `tokens` is the sequence length, 512 in the papers, 1 to 2^20. Throws TableError, ShapeError, BadInput.
[[nodiscard]] PaperReport paper_energy(const Table& operations, const ModelShape& shape, std::uint64_t tokens,
                                       PaperRule rule);

}  // namespace setun::energy
