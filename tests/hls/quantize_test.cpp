// Activation quantisation and the way back.
#include "hls/quantize.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <vector>

#include "tests/hls/random_data.h"

namespace setun::hls {
namespace {

struct Quantized {
    std::vector<std::int8_t> q;
    float scale = 0;
};

Quantized quantized(const std::vector<float>& x) {
    Quantized out;
    out.q.resize(x.size());
    quantize(x.data(), static_cast<std::uint32_t>(x.size()), out.q.data(), &out.scale);
    return out;
}

/// s = 127 / max(max|x|, 1e-5), q = clamp(rint(x * s)) written with the C library.
TEST(Quantize, EqualsTheFormula) {
    for (const std::uint64_t seed : {0U, 1U, 2U, 77U}) {
        SCOPED_TRACE(seed);
        test::Random random(seed);
        for (const std::size_t n : {1U, 3U, 16U, 317U, 2560U}) {
            const auto x = random.floats(n, std::ldexp(1.0F, random.between(-30, 30)));
            float largest = 1e-5F;
            for (const float value : x) {
                largest = std::fmax(largest, std::fabs(value));
            }
            const float s = 127.0F / largest;
            const Quantized got = quantized(x);
            EXPECT_EQ(got.scale, s);
            for (std::size_t j = 0; j < n; ++j) {
                const float rounded = std::nearbyintf(x[j] * s);
                EXPECT_EQ(got.q[j], std::fmin(std::fmax(rounded, -128.0F), 127.0F)) << j;
            }
        }
    }
}

TEST(Quantize, RoundsHalfToEven) {
    // The maximum 127 makes the scale exactly 1.
    const Quantized got = quantized({127.0F, 0.5F, 1.5F, 2.5F, -0.5F, -1.5F, -2.5F, 126.5F, -126.5F, 125.5F});
    EXPECT_EQ(got.scale, 1.0F);
    EXPECT_EQ(got.q, (std::vector<std::int8_t>{127, 0, 2, 2, 0, -2, -2, 126, -126, 126}));
}

TEST(Quantize, SmallAndZeroRowsUseTheFloor) {
    const Quantized zero = quantized({0.0F, -0.0F});
    EXPECT_EQ(zero.scale, 127.0F / 1e-5F);
    EXPECT_EQ(zero.q, (std::vector<std::int8_t>{0, 0}));
    const Quantized small = quantized({1e-6F, -1e-6F, 1e-38F, 1e-42F});
    EXPECT_EQ(small.scale, 127.0F / 1e-5F);
    EXPECT_EQ(small.q, (std::vector<std::int8_t>{13, -13, 0, 0}));
}

TEST(Quantize, LargestFloatStaysInRange) {
    const float big = std::numeric_limits<float>::max();
    const Quantized got = quantized({big, -big, big / 2});
    EXPECT_EQ(got.q[0], 127);
    EXPECT_EQ(got.q[1], -127);
    EXPECT_TRUE(std::isfinite(got.scale));
}

TEST(Quantize, NotFiniteInputPoisonsTheRow) {
    const float inf = std::numeric_limits<float>::infinity();
    const float nan = std::numeric_limits<float>::quiet_NaN();
    for (const float bad : {inf, -inf, nan}) {
        const Quantized got = quantized({1.0F, bad, 3.0F});
        EXPECT_TRUE(std::isnan(got.scale));
        EXPECT_EQ(got.q, (std::vector<std::int8_t>{0, 0, 0}));
        EXPECT_TRUE(std::isnan(dequantize(5, 1.0F, got.scale)));
    }
}

TEST(Dequantize, MultipliesBeforeItDivides) {
    const std::int32_t acc = 16777217;  // rounds to 2^24 as a float
    EXPECT_EQ(dequantize(acc, 0.1F, 0.3F), (16777216.0F * 0.1F) / 0.3F);
    int differ = 0;
    for (int a = 1; a < 1000; ++a) {
        const float value = static_cast<float>(a);
        EXPECT_EQ(dequantize(a, 0.1F, 0.3F), (value * 0.1F) / 0.3F);
        differ += dequantize(a, 0.1F, 0.3F) != value * (0.1F / 0.3F) ? 1 : 0;
    }
    EXPECT_GT(differ, 0) << "these operands must tell the two orders apart";
    EXPECT_EQ(dequantize(std::numeric_limits<std::int32_t>::min(), 1.0F, 1.0F), -2147483648.0F);
}

TEST(Dequantize, RowTakesEveryStridedElement) {
    const std::vector<std::int32_t> acc = {1, 100, 2, 200, 3, 300};
    std::vector<float> y(3);
    dequantize_row(acc.data() + 1, 3, 2, 0.5F, 4.0F, y.data());
    EXPECT_EQ(y, (std::vector<float>{12.5F, 25.0F, 37.5F}));
}

}  // namespace
}  // namespace setun::hls
