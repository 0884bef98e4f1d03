// A yardstick: the matrix-vector product that a programmer writes first, two bits a weight in row order,
// AVX2.
#include "host/cpu/plain_avx2.h"

#include <algorithm>
#include <numeric>
#include <string>

#include "host/base/error.h"

#if defined(__x86_64__)
#include <immintrin.h>
#endif

namespace setun::plain {
namespace {

constexpr std::uint32_t kBlock = 128;  // weights
constexpr std::size_t kBlockBytes = 32;

std::size_t blocks_of(std::uint32_t k) { return (k + kBlock - 1) / kBlock; }

#if defined(__x86_64__)
/// sum over a row of code * x, x padded to whole blocks.
__attribute__((target("avx2"))) std::int32_t row_sum(const std::uint8_t* codes, const std::int8_t* x,
                                                     std::size_t blocks) {
    // A 16-bit lane takes 4 pairs a block, each at most 2 * 2 * 128: 16 blocks reach 32,768 only with the
    // sign that int16 has room for (-32,768).
    constexpr std::size_t kBlocksPerFold = 16;
    const __m256i mask = _mm256_set1_epi8(3);
    const __m256i ones = _mm256_set1_epi16(1);
    __m256i wide = _mm256_setzero_si256();
    for (std::size_t begin = 0; begin < blocks; begin += kBlocksPerFold) {
        const std::size_t end = std::min(blocks, begin + kBlocksPerFold);
        __m256i narrow = _mm256_setzero_si256();
        for (std::size_t b = begin; b < end; ++b) {
            const __m256i v = _mm256_loadu_si256(reinterpret_cast<const __m256i*>(codes + kBlockBytes * b));
            const auto* const at = reinterpret_cast<const __m256i*>(x + kBlock * b);
            const __m256i w0 = _mm256_and_si256(v, mask);
            const __m256i w1 = _mm256_and_si256(_mm256_srli_epi16(v, 2), mask);
            const __m256i w2 = _mm256_and_si256(_mm256_srli_epi16(v, 4), mask);
            const __m256i w3 = _mm256_and_si256(_mm256_srli_epi16(v, 6), mask);
            const __m256i p01 = _mm256_add_epi16(_mm256_maddubs_epi16(w0, _mm256_loadu_si256(at)),
                                                 _mm256_maddubs_epi16(w1, _mm256_loadu_si256(at + 1)));
            const __m256i p23 = _mm256_add_epi16(_mm256_maddubs_epi16(w2, _mm256_loadu_si256(at + 2)),
                                                 _mm256_maddubs_epi16(w3, _mm256_loadu_si256(at + 3)));
            narrow = _mm256_add_epi16(narrow, _mm256_add_epi16(p01, p23));
        }
        wide = _mm256_add_epi32(wide, _mm256_madd_epi16(narrow, ones));
    }
    __m128i sum = _mm_add_epi32(_mm256_castsi256_si128(wide), _mm256_extracti128_si256(wide, 1));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0x4E));
    sum = _mm_add_epi32(sum, _mm_shuffle_epi32(sum, 0xB1));
    return _mm_cvtsi128_si32(sum);
}
#else
std::int32_t row_sum(const std::uint8_t* codes, const std::int8_t* x, std::size_t blocks) {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < blocks * kBlock; ++i) {
        const unsigned byte = codes[i / kBlock * kBlockBytes + i % kBlockBytes];
        sum += static_cast<std::int32_t>((byte >> (i % kBlock / kBlockBytes * 2)) & 3U) * x[i];
    }
    return sum;
}
#endif

}  // namespace

std::size_t row_bytes(std::uint32_t k) { return blocks_of(k) * kBlockBytes; }

std::vector<std::uint8_t> to_two_bit(std::uint32_t m, std::uint32_t k, std::span<const std::int8_t> weights) {
    std::vector<std::uint8_t> out(m * row_bytes(k), 0x55);  // four codes 1: zero weights
    for (std::size_t row = 0; row < m; ++row) {
        for (std::size_t j = 0; j < k; ++j) {
            const int w = weights[row * k + j];
            if (w < -1 || w > 1) {
                throw InputError("two-bit weights: " + std::to_string(w) + " at row " + std::to_string(row) +
                                 ", input " + std::to_string(j) + " is not -1, 0 or +1");
            }
            const std::size_t at = row * row_bytes(k) + j / kBlock * kBlockBytes + j % kBlockBytes;
            const auto shift = static_cast<unsigned>(j % kBlock / kBlockBytes * 2);
            out[at] = static_cast<std::uint8_t>((out[at] & ~(3U << shift)) |
                                                (static_cast<unsigned>(w + 1) << shift));
        }
    }
    return out;
}

void matvec(std::uint32_t m, std::uint32_t k, const std::uint8_t* two_bit, const std::int8_t* x,
            std::int32_t* y) {
    std::vector<std::int8_t> padded(blocks_of(k) * kBlock, 0);
    std::copy_n(x, k, padded.begin());
    const std::int32_t bias = std::accumulate(x, x + k, std::int32_t{0});
    for (std::size_t row = 0; row < m; ++row) {
        y[row] = row_sum(two_bit + row * row_bytes(k), padded.data(), blocks_of(k)) - bias;
    }
}

}  // namespace setun::plain
