// Internal to the kernel: rows of one tile that one thread runs, and the ways to run them.
#pragma once

#include <cstddef>
#include <cstdint>
#include <span>
#include <vector>

namespace setun::cpu {

/// Rows of a slice are padded to a multiple of this, the most rows that one AVX2 register of beats holds.
constexpr std::size_t kRowBlock = 16;

/// Bytes of one plane and chunk in the piece of work that a thread takes at a time: least and most.
constexpr std::size_t kSmallestPiece = 3072;
constexpr std::size_t kLargestPiece = 4 * kSmallestPiece;

/// Consecutive groups of one tile on one port, and the activations prepared for the chosen path.
struct Slice {
    const std::byte* tile = nullptr;  ///< first beat of the tile in the port's stream
    std::size_t beat_bytes = 64;
    std::uint32_t chunks = 0;
    std::uint32_t planes = 0;
    std::uint32_t tile_groups = 0;  ///< beats of one plane and chunk
    std::uint32_t first = 0;        ///< groups first .. last - 1 of the tile are run
    std::uint32_t last = 0;
    unsigned tokens = 0;
    const std::int8_t* x = nullptr;       ///< prepared activations, at a multiple of 64 bytes
    std::size_t x_stride = 0;             ///< bytes between tokens in x, a multiple of 64
    const std::int32_t* x_sum = nullptr;  ///< sum of all activations of each token
    std::size_t row_stride = 0;           ///< integers between tokens in the sums, >= rows() up to kRowBlock

    [[nodiscard]] std::uint32_t rows() const { return last - first; }
    [[nodiscard]] const std::byte* beats(std::uint32_t plane, std::uint32_t chunk) const {
        const std::size_t block = static_cast<std::size_t>(plane) * chunks + chunk;
        return tile + (block * tile_groups + first) * beat_bytes;
    }
};

struct SliceStatus {
    bool legal = true;
    std::uint64_t nonzero = 0;
};

/// One way to run a slice. All give the same integers; only available ones may be run.
struct SlicePath {
    const char* name;
    bool (*available)();  ///< this processor has the instructions
    /// Bytes of one token's prepared activations, a multiple of 64.
    std::size_t (*x_bytes)(std::size_t beat_bytes, std::uint32_t chunks);
    /// Puts one token's activations x[k] in the order that run() reads; zeros after k. `out` has x_bytes().
    void (*prepare)(std::span<const std::int8_t> x, std::size_t beat_bytes, std::span<std::int8_t> out);
    /// sums[tokens][row_stride] of the slice's rows; what stands in the padding rows is not defined.
    SliceStatus (*run)(const Slice& slice, std::int32_t* sums);
};

const SlicePath& portable_path();
const SlicePath& absent_path();  ///< stands for a path of another architecture; never available
const SlicePath& avx2_path();
const SlicePath& avx_vnni_path();     ///< 256-bit, VEX-coded VNNI
const SlicePath& avx512_vnni_path();  ///< 256-bit, AVX512VL-coded VNNI, 32 registers
const SlicePath& avx512_path();       ///< 512-bit with VBMI and GFNI

}  // namespace setun::cpu
