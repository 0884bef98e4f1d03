// The float operations against their formulas in double.
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <numeric>
#include <vector>

#include "hls/activation.h"
#include "hls/argmax.h"
#include "hls/attention.h"
#include "hls/elementary.h"
#include "hls/embedding.h"
#include "hls/reduce.h"
#include "hls/residual.h"
#include "hls/rms_norm.h"
#include "hls/rope.h"
#include "hls/softmax.h"
#include "tests/hls/random_data.h"

namespace setun::hls {
namespace {

const float kInf = std::numeric_limits<float>::infinity();
const float kNan = std::numeric_limits<float>::quiet_NaN();

/// Distance of a float from an exact value in units of the float's last place.
double ulps(float got, double exact) {
    const float near = static_cast<float>(exact);
    const double unit = std::nextafter(std::fabs(near), kInf) - static_cast<double>(std::fabs(near));
    return std::fabs(static_cast<double>(got) - exact) / unit;
}

TEST(Elementary, ExponentialWithinTwoUlp) {
    double worst = 0;
    for (int i = -87 * 4096; i <= 88 * 4096; ++i) {
        const float x = static_cast<float>(i) / 4096.0F;
        worst = std::max(worst, ulps(exponential(x), std::exp(static_cast<double>(x))));
    }
    EXPECT_LT(worst, 2.0);
    EXPECT_GT(worst, 0.0);
}

TEST(Elementary, ExponentialAtTheEdges) {
    EXPECT_EQ(exponential(0.0F), 1.0F);
    EXPECT_EQ(exponential(-0.0F), 1.0F);
    EXPECT_GE(exponential(-87.0F), std::numeric_limits<float>::min());
    EXPECT_EQ(exponential(std::nextafter(-87.0F, -100.0F)), 0.0F);
    EXPECT_EQ(exponential(-kInf), 0.0F);
    EXPECT_TRUE(std::isfinite(exponential(88.0F)));
    EXPECT_EQ(exponential(kInf), exponential(88.0F));
    EXPECT_TRUE(std::isnan(exponential(kNan)));
}

TEST(Elementary, ExponentialNeverDecreases) {
    float before = exponential(-20.0F);
    for (float x = -20.0F; x < 2.0F; x = std::nextafter(x, 3.0F) + 1e-5F) {
        const float now = exponential(x);
        ASSERT_GE(now, before * (1.0F - 3e-7F)) << x;
        before = now;
    }
}

TEST(Elementary, DoubleFunctionsForTables) {
    test::Random random(0);
    for (int i = 0; i < 20000; ++i) {
        const double x = static_cast<double>(random.unit()) * 700.0;
        EXPECT_NEAR(exponential_double(x) / std::exp(x), 1.0, 1e-15);
        const double positive = std::exp(static_cast<double>(random.unit()) * 40.0);
        EXPECT_NEAR(logarithm_double(positive), std::log(positive),
                    1e-15 * std::fmax(1.0, std::fabs(std::log(positive))));
        const double angle = static_cast<double>(random.unit()) * 1048576.0;
        double s = 0;
        double c = 0;
        sine_cosine_double(angle, &s, &c);
        EXPECT_NEAR(s, std::sin(angle), 1e-15);
        EXPECT_NEAR(c, std::cos(angle), 1e-15);
    }
    EXPECT_EQ(logarithm_double(1.0), 0.0);
    EXPECT_EQ(exponential_double(0.0), 1.0);
}

TEST(Reduce, OrderIsSixteenPartialSumsThenPairs) {
    for (const std::uint32_t n : {0U, 1U, 15U, 16U, 17U, 100U}) {
        test::Random random(n);
        const auto x = random.floats(n, 1000.0F);
        std::vector<float> p(16, 0.0F);
        for (std::uint32_t i = 0; i < n; ++i) {
            p[i % 16] += x[i];
        }
        for (std::size_t width = 8; width > 0; width /= 2) {
            for (std::size_t l = 0; l < width; ++l) {
                p[l] += p[l + width];
            }
        }
        EXPECT_EQ(sum(x.data(), n), p[0]) << n;
    }
}

TEST(Reduce, DotAndSquares) {
    test::Random random(3);
    const auto a = random.floats(333, 1.0F);
    const auto b = random.floats(333, 1.0F);
    double exact = 0;
    for (std::size_t i = 0; i < a.size(); ++i) {
        exact += static_cast<double>(a[i]) * static_cast<double>(b[i]);
    }
    EXPECT_NEAR(dot(a.data(), b.data(), 333), exact, 1e-5);
    EXPECT_EQ(sum_of_squares(a.data(), 333), dot(a.data(), a.data(), 333));
    EXPECT_EQ(maximum(a.data(), 333), *std::max_element(a.begin(), a.end()));
}

TEST(RmsNorm, EqualsTheFormula) {
    test::Random random(0);
    for (const std::uint32_t n : {1U, 5U, 320U, 2560U, 6912U}) {
        const auto x = random.floats(n, 30.0F);
        const auto weight = random.floats(n, 2.0F);
        double squares = 0;
        for (const float v : x) {
            squares += static_cast<double>(v) * static_cast<double>(v);
        }
        const double r = 1.0 / std::sqrt(squares / n + 1e-5);
        std::vector<float> y(n);
        rms_norm(x.data(), weight.data(), n, 1e-5F, y.data());
        for (std::uint32_t j = 0; j < n; ++j) {
            const double exact = static_cast<double>(x[j]) * r * static_cast<double>(weight[j]);
            EXPECT_NEAR(y[j], exact, 1e-6 * std::fabs(exact) + 1e-30);
        }
        std::vector<float> in_place = x;
        rms_norm(in_place.data(), weight.data(), n, 1e-5F, in_place.data());
        EXPECT_EQ(in_place, y);
    }
}

TEST(RmsNorm, ZeroRowStaysZero) {
    const std::vector<float> x(20, 0.0F);
    std::vector<float> y(20, 1.0F);
    rms_norm(x.data(), std::vector<float>(20, 3.0F).data(), 20, 1e-5F, y.data());
    EXPECT_EQ(y, x);
}

TEST(Rope, TableWithinOneUlpOfTheFormula) {
    for (const float theta : {10000.0F, 500000.0F}) {
        for (const std::uint32_t head_dim : {2U, 64U, 80U, 128U}) {
            for (const std::uint32_t position : {0U, 1U, 17U, 4095U, 131071U}) {
                std::vector<float> cosine(head_dim / 2);
                std::vector<float> sine(head_dim / 2);
                rope_table(position, theta, head_dim, cosine.data(), sine.data());
                for (std::uint32_t i = 0; i < head_dim / 2; ++i) {
                    const double angle = position * std::pow(static_cast<double>(theta), -2.0 * i / head_dim);
                    EXPECT_NEAR(cosine[i], std::cos(angle), 6e-8) << position << ' ' << i;
                    EXPECT_NEAR(sine[i], std::sin(angle), 6e-8) << position << ' ' << i;
                }
            }
        }
    }
}

TEST(Rope, PositionZeroIsTheIdentityAndPairsAreHalfApart) {
    std::vector<float> cosine(2);
    std::vector<float> sine(2);
    rope_table(0, 10000.0F, 4, cosine.data(), sine.data());
    std::vector<float> x = {1, 2, 3, 4, 5, 6, 7, 8};
    const std::vector<float> before = x;
    rope_rotate(x.data(), 2, 4, cosine.data(), sine.data());
    EXPECT_EQ(x, before);

    cosine = {0, 1};  // a quarter turn of pair 0 only: (a, b) -> (-b, a)
    sine = {1, 0};
    rope_rotate(x.data(), 2, 4, cosine.data(), sine.data());
    EXPECT_EQ(x, (std::vector<float>{-3, 2, 1, 4, -7, 6, 5, 8}));
}

TEST(Softmax, EqualsTheFormulaAndSumsToOne) {
    test::Random random(0);
    for (const std::uint32_t n : {1U, 2U, 17U, 1000U}) {
        const auto x = random.floats(n, 20.0F);
        auto y = x;
        softmax(y.data(), n);
        const double largest = *std::max_element(x.begin(), x.end());
        double total = 0;
        for (const float v : x) {
            total += std::exp(v - largest);
        }
        for (std::uint32_t i = 0; i < n; ++i) {
            EXPECT_NEAR(y[i], std::exp(x[i] - largest) / total, 1e-6);
        }
        EXPECT_NEAR(std::accumulate(y.begin(), y.end(), 0.0), 1.0, 1e-5);
    }
    std::vector<float> far = {-1000.0F, 0.0F, 3e38F};
    softmax(far.data(), 3);
    EXPECT_EQ(far, (std::vector<float>{0.0F, 0.0F, 1.0F}));
}

TEST(Attention, EqualsTheFormulaForGroupedHeads) {
    for (const auto& [heads, kv_heads, head_dim, positions] :
         {std::array<std::uint32_t, 4>{1, 1, 4, 1}, {4, 2, 16, 7}, {6, 1, 20, 33}, {20, 5, 128, 50}}) {
        test::Random random(positions);
        const AttentionShape shape{heads, kv_heads, head_dim, positions};
        const auto q = random.floats(static_cast<std::size_t>(heads) * head_dim, 2.0F);
        const auto keys = random.floats(static_cast<std::size_t>(positions) * kv_heads * head_dim, 2.0F);
        const auto values = random.floats(keys.size(), 2.0F);
        std::vector<float> scores(positions);
        std::vector<float> out(q.size());
        attention(shape, q.data(), keys.data(), values.data(), scores.data(), out.data());
        for (std::size_t head = 0; head < heads; ++head) {
            const std::size_t kv = head / (heads / kv_heads);
            std::vector<double> weight(positions);
            double total = 0;
            for (std::size_t p = 0; p < positions; ++p) {
                double score = 0;
                for (std::size_t d = 0; d < head_dim; ++d) {
                    score += static_cast<double>(q[head * head_dim + d]) *
                             static_cast<double>(keys[(p * kv_heads + kv) * head_dim + d]);
                }
                weight[p] = std::exp(score / std::sqrt(static_cast<double>(head_dim)));
                total += weight[p];
            }
            for (std::size_t d = 0; d < head_dim; ++d) {
                double exact = 0;
                for (std::size_t p = 0; p < positions; ++p) {
                    exact +=
                        weight[p] / total * static_cast<double>(values[(p * kv_heads + kv) * head_dim + d]);
                }
                EXPECT_NEAR(out[head * head_dim + d], exact, 2e-5);
            }
        }
        auto in_place = q;
        attention(shape, in_place.data(), keys.data(), values.data(), scores.data(), in_place.data());
        EXPECT_EQ(in_place, out);
    }
}

TEST(Attention, OnePositionReturnsItsValue) {
    const AttentionShape shape{2, 1, 3, 1};
    const std::vector<float> q = {1, 2, 3, 4, 5, 6};
    const std::vector<float> key = {9, 9, 9};
    const std::vector<float> value = {0.25F, -7, 3};
    std::vector<float> score(1);
    std::vector<float> out(6);
    attention(shape, q.data(), key.data(), value.data(), score.data(), out.data());
    EXPECT_EQ(out, (std::vector<float>{0.25F, -7, 3, 0.25F, -7, 3}));
}

TEST(Activation, Relu2Gate) {
    const std::vector<float> gate = {-2, 0, 3, 1000, kNan};
    const std::vector<float> up = {5, 5, -2, 3, 1};
    std::vector<float> y(5);
    relu2_gate(gate.data(), up.data(), 5, y.data());
    EXPECT_EQ(std::vector<float>(y.begin(), y.begin() + 4), (std::vector<float>{0, 0, -18, 3e6F}));
    EXPECT_TRUE(std::isnan(y[4]));
}

TEST(Activation, SiluGate) {
    for (int i = -2000; i <= 2000; ++i) {
        const float gate = static_cast<float>(i) / 20.0F;
        const float up = 1.5F;
        float y = 0;
        silu_gate(&gate, &up, 1, &y);
        const double exact = gate / (1.0 + std::exp(-static_cast<double>(gate))) * 1.5;
        // exponential() stops at e^88, so that the smallest results are not followed further down.
        EXPECT_NEAR(y, exact, 4e-7 * std::fabs(exact) + 1e-35);
    }
}

TEST(Residual, Adds) {
    std::vector<float> h = {1, 2, 3};
    residual_add(h.data(), std::vector<float>{0.5F, -2, 1e9F}.data(), 3);
    EXPECT_EQ(h, (std::vector<float>{1.5F, 0, 1000000003.0F}));
}

TEST(Embedding, ScalesIntegers) {
    const std::vector<std::int8_t> row = {-121, 0, 121, 1};
    std::vector<float> h(4);
    embedding_row(row.data(), 4, 0.1F, h.data());
    EXPECT_EQ(h, (std::vector<float>{-121 * 0.1F, 0, 121 * 0.1F, 0.1F}));
}

TEST(Argmax, LowestIndexWinsAndNanNever) {
    EXPECT_EQ(argmax(std::vector<float>{1, 3, 3, 2}.data(), 4), 1U);
    EXPECT_EQ(argmax(std::vector<float>{-0.0F, 0.0F}.data(), 2), 0U);
    EXPECT_EQ(argmax(std::vector<float>{kNan, -kInf, -5, kNan, -5}.data(), 5), 2U);
    EXPECT_EQ(argmax(std::vector<float>{kNan, kNan}.data(), 2), 0U);
    EXPECT_EQ(argmax(std::vector<float>{kNan, -kInf}.data(), 2), 1U);
    EXPECT_EQ(argmax(std::vector<float>{7}.data(), 1), 0U);
}

TEST(Argmax, IntegersWithStride) {
    const std::vector<std::int32_t> acc = {1, 99, 5, 99, 5, 99, std::numeric_limits<std::int32_t>::min(), 99};
    EXPECT_EQ(argmax_int(acc.data(), 4, 2), 1U);
    EXPECT_EQ(argmax_int(acc.data() + 6, 1, 2), 0U);
}

}  // namespace
}  // namespace setun::hls
