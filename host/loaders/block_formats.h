// How tensors store numbers: plain floats and the quantised blocks of GGML, decoded a row at a time.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <vector>

namespace setun {

/// Storage of one number or one block of numbers (docs/models.md lists the layouts and their sources).
enum class BlockFormat : std::uint8_t { kF32, kF16, kBF16, kQ8_0, kQ4_0, kQ4_K, kQ6_K, kTq1_0, kTq2_0, kI2S };

/// "F32", "Q8_0", "TQ2_0", ...
const char* block_format_name(BlockFormat format);

/// Numbers that share a block, and bytes of a block. A row must consist of whole blocks.
struct BlockSize {
    std::uint32_t elements = 1;
    std::uint32_t bytes = 0;
};
BlockSize block_size(BlockFormat format);

/// TQ1_0, TQ2_0, I2_S: codes of -1, 0, +1. The others hold floats.
bool is_ternary(BlockFormat format);

/// Bytes of `elements` numbers, or nothing when they are not whole blocks or the size passes 2^62. I2_S has
/// 32 bytes more, for the scale.
std::optional<std::uint64_t> tensor_bytes(BlockFormat format, std::uint64_t elements);

/// IEEE binary16 to float, exact.
float half_to_float(std::uint16_t half);

/// Decodes whole blocks of a float format (not is_ternary). `bytes` must hold exactly out.size() numbers.
void decode_floats(BlockFormat format, std::span<const std::byte> bytes, std::span<float> out);

/// The scale of one TQ1_0 or TQ2_0 block: a half behind the codes. `block` is a whole block.
float ternary_block_scale(BlockFormat format, std::span<const std::byte> block);

/// Decodes whole ternary blocks into -1, 0, +1, without their scales. `codes` must hold exactly out.size()
/// weights. Returns the index of the first code byte that its format does not use, or nothing.
std::optional<std::size_t> decode_trits(BlockFormat format, std::span<const std::byte> codes,
                                        std::span<std::int8_t> out);

}  // namespace setun
