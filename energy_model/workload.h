// The work of a whole model from its shape: decode at a context length, or a prompt.
#pragma once

#include <cstdint>

#include "energy_model/counts.h"
#include "energy_model/shape.h"

namespace setun::energy {

enum class Phase {
    kDecode,  ///< one new token for each sequence, with `context` positions behind it, itself included
    kPrompt,  ///< the first `context` tokens of each sequence, TOKENS of them a pass over the weights
};

/// What is asked of the model.
struct Workload {
    Phase phase = Phase::kDecode;
    std::uint64_t context = 1;  ///< positions, 1 to 2^20
    std::uint64_t batch = 1;    ///< sequences, 1 to 2^16
};

/// Throws BadInput when context or batch is out of range.
void check_workload(const Workload& workload);

/// Everything that the model does for the workload, with `tokens` set: batch (decode) or batch * context
/// (prompt). TOKENS rows share a pass over the weights; a pass that is not full costs a full column of
/// results. The head runs once a sequence. Attention is causal, in FP16: 2 multiply-adds a query element and
/// visible position. The KV cache is read once a sequence and pass. Throws BadInput, ShapeError;
/// std::invalid_argument for an impossible engine.
[[nodiscard]] WorkCounts model_work(const ModelShape& shape, const Workload& workload, const Engine& engine);

/// Positions that went through a model outside its matrices.
struct VectorJob {
    std::uint64_t positions = 0;  ///< through all layers
    std::uint64_t attended = 0;   ///< sum over those of the positions that each one sees, itself included
    std::uint64_t kv_read_positions = 0;  ///< positions whose K and V were read
    std::uint64_t head_positions = 0;     ///< through the output head
};

/// Adds KV traffic and elementwise steps to `work` (norms, RoPE, softmax, activation, residuals; quantisers
/// apart), counted as the golden model computes them: an RMSNorm of n elements is 3 n multiplies and n adds,
/// an exponential 11 and 10, a rotated element 2 and 1. Square roots and divisions by row are left out. Sets
/// kv_bits.
void add_vector_work(WorkCounts& work, const ModelShape& shape, const VectorJob& job);

}  // namespace setun::energy
