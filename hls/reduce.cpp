// Sums in the one order that every back-end keeps (docs/numerics.md section 3).
#include "hls/reduce.h"

#include "hls/hls.h"

namespace setun {
namespace hls {
namespace {

/// Adds the partial sums pairwise: 16 to 8 to 4 to 2 to 1.
float fold(float partial[kPartialSums]) {
    SETUN_HLS(HLS INLINE)
    for (unsigned width = kPartialSums / 2; width > 0; width /= 2) {
        SETUN_HLS(HLS UNROLL)
        for (unsigned l = 0; l < width; ++l) {
            SETUN_HLS(HLS UNROLL)
            partial[l] = partial[l] + partial[l + width];
        }
    }
    return partial[0];
}

}  // namespace

float sum(const float* x, std::uint32_t n) {
    float partial[kPartialSums] = {};
    SETUN_HLS(HLS ARRAY_PARTITION variable = partial complete)
    const std::uint32_t whole = n - n % kPartialSums;
    for (std::uint32_t i = 0; i < whole; i += kPartialSums) {
        SETUN_HLS(HLS PIPELINE)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 0 max = kMaxPositions / kPartialSums)
        for (unsigned l = 0; l < kPartialSums; ++l) {
            SETUN_HLS(HLS UNROLL)
            partial[l] = partial[l] + x[i + l];
        }
    }
    for (std::uint32_t i = whole; i < n; ++i) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 0 max = kPartialSums - 1)
        partial[i - whole] = partial[i - whole] + x[i];
    }
    return fold(partial);
}

float sum_of_squares(const float* x, std::uint32_t n) { return dot(x, x, n); }

SETUN_HLS_VECTORS float dot(const float* a, const float* b, std::uint32_t n) {
    float partial[kPartialSums] = {};
    SETUN_HLS(HLS ARRAY_PARTITION variable = partial complete)
    const std::uint32_t whole = n - n % kPartialSums;
    for (std::uint32_t i = 0; i < whole; i += kPartialSums) {
        SETUN_HLS(HLS PIPELINE)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 0 max = kMaxWidth / kPartialSums)
        for (unsigned l = 0; l < kPartialSums; ++l) {
            SETUN_HLS(HLS UNROLL)
            partial[l] = partial[l] + a[i + l] * b[i + l];
        }
    }
    for (std::uint32_t i = whole; i < n; ++i) {
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 0 max = kPartialSums - 1)
        partial[i - whole] = partial[i - whole] + a[i] * b[i];
    }
    return fold(partial);
}

float maximum(const float* x, std::uint32_t n) {
    float largest = x[0];
    for (std::uint32_t i = 1; i < n; ++i) {
        SETUN_HLS(HLS PIPELINE II = 1)
        SETUN_HLS(HLS LOOP_TRIPCOUNT min = 0 max = kMaxPositions)
        largest = x[i] > largest ? x[i] : largest;
    }
    return largest;
}

}  // namespace hls
}  // namespace setun
