// From the rows of a tensor in a mapped file to packed weight streams, in parallel and without a copy of the
// tensor.
#pragma once

#include <cstdint>
#include <functional>
#include <span>
#include <string>

#include "host/base/file.h"
#include "host/loaders/block_formats.h"
#include "host/model/model.h"

namespace setun {

/// A tensor of shape.m rows of shape.k numbers in a mapped file. Rows are contiguous whole blocks of
/// `format`.
struct TensorRows {
    std::string label;  ///< "FILE tensor 'NAME'", for errors
    MatrixShape shape{};
    BlockFormat format = BlockFormat::kF32;
    std::span<const std::byte> bytes;
    const MappedFile* file = nullptr;  ///< whose pages may leave memory behind the reader; may be null
    /// When not 0: the rows of each group of this many (a head) stand in the file as pairs of rotary
    /// embedding side by side (0, d/2, 1, d/2 + 1, ...) and are read back into halves.
    std::uint32_t paired_head = 0;

    /// Bytes of row `row` of the matrix.
    [[nodiscard]] std::span<const std::byte> row(std::uint32_t row) const;
    /// Rows [first, last) of the file have been used up.
    void forget(std::uint32_t first, std::uint32_t last) const;
};

/// Floats of one row; refuses values that are not finite, naming row and column.
void read_row(const TensorRows& tensor, std::uint32_t row, std::span<float> out);

/// A matrix from any source of rows. `source` is called once for each row, from several threads; an exception
/// from it is thrown again here, that of the lowest row. `done(first, last)`, when given, is called after
/// all rows of a range are packed. The result does not depend on the number of threads.
PackedMatrix pack_rows(Model& model, const std::string& name, MatrixShape shape, std::uint32_t planes,
                       float scale, const StreamLayout& layout, const RowSource& source,
                       const std::function<void(std::uint32_t first, std::uint32_t last)>& done = {});

/// Master weights: scale = max(mean|W|, 1e-5), w = clamp(round_half_even(W / scale), -1, 1) (arXiv
/// 2402.17764). The mean is a double: each row summed in ascending order, then the rows' sums.
PackedMatrix pack_ternarised(Model& model, const std::string& name, const TensorRows& tensor,
                             const StreamLayout& layout);

/// Floats that are ternary already: 0 and +-s with one s in the whole tensor. Throws InputError naming the
/// first other value. `factor` multiplies the scale.
PackedMatrix pack_exact_ternary(Model& model, const std::string& name, const TensorRows& tensor, float factor,
                                const StreamLayout& layout);

/// TQ1_0, TQ2_0 or I2_S. Throws InputError when scales of blocks differ, a scale is not positive and finite,
/// or a code is illegal. Blocks of scale 0 are zero weights. `factor` multiplies the scale.
PackedMatrix pack_ternary_blocks(Model& model, const std::string& name, const TensorRows& tensor,
                                 float factor, const StreamLayout& layout);

/// The rule for embeddings and output heads: five digit planes, scale = max|E| / 121,
/// w = clamp(round_half_even(E / scale), -121, 121), E and the division in float.
PackedMatrix pack_digit_planes(Model& model, const std::string& name, const TensorRows& tensor,
                               const StreamLayout& layout);

}  // namespace setun
