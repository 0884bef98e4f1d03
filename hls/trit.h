// The T5 trit code (five ternary weights in a byte) and balanced ternary digits.
#pragma once

#include <cstdint>

namespace setun {
namespace hls {

constexpr unsigned kTritsPerCode = 5;
constexpr std::uint8_t kZeroCode = 0x7E;  ///< five zero weights
constexpr unsigned kMaxPlanes = 5;

/// The canonical code of five weights in {-1, 0, +1}; weight j is trit j of docs/memory-format.md section 1.
/// Any other value counts by its sign.
std::uint8_t encode_trits(const std::int8_t w[kTritsPerCode]);

/// The five weights of `code`. Returns false, and five zeros, for the 13 illegal codes.
bool decode_trits(std::uint8_t code, std::int8_t w[kTritsPerCode]);

/// Code i of a beat of `bytes` bytes, gathered from its eight bit planes: bit (j * bytes + i) of the beat is
/// bit j of code i.
std::uint8_t code_of_beat(const std::uint8_t* beat, std::uint32_t bytes, std::uint32_t i);

/// Largest integer that `planes` (0 to 5) balanced ternary digits hold: (3^planes - 1) / 2.
int max_of_planes(unsigned planes);

/// `planes` digits of `w` in {-1, 0, +1}, most significant first: w = sum_d 3^(planes-1-d) * digits[d].
/// Returns false, and zeros, when |w| > max_of_planes(planes).
bool to_balanced_ternary(int w, unsigned planes, std::int8_t* digits);

/// The inverse of to_balanced_ternary: acc = 3 * acc + digit, as the engine does between planes.
int from_balanced_ternary(const std::int8_t* digits, unsigned planes);

}  // namespace hls
}  // namespace setun
