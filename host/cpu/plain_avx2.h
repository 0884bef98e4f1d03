// A yardstick: the matrix-vector product that a programmer writes first, two bits a weight in row order,
// AVX2.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace setun::plain {

/// Rows of two-bit weights: blocks of 128 weights in 32 bytes, weight 32 g + p of a block in bits 2 g + 1 : 2
/// g of byte p, code w + 1 (0, 1, 2); k is padded to whole blocks with zero weights.
std::size_t row_bytes(std::uint32_t k);

/// weights[m][k] in {-1, 0, +1} to m * row_bytes(k) bytes. Throws InputError for another value.
std::vector<std::uint8_t> to_two_bit(std::uint32_t m, std::uint32_t k, std::span<const std::int8_t> weights);

/// y[m] = W[m][k] * x[k], exact. Needs AVX2 (TernaryKernel::has_avx2()).
void matvec(std::uint32_t m, std::uint32_t k, const std::uint8_t* two_bit, const std::int8_t* x,
            std::int32_t* y);

}  // namespace setun::plain
