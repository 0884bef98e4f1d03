// Attention over an INT8 cache: the documented order written out plainly, closeness to floats, what is not
// finite, and the largest sums.
#include "hls/attention_int8.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "hls/attention.h"
#include "hls/kv_cache.h"
#include "hls/quantize.h"
#include "hls/softmax.h"
#include "tests/hls/random_data.h"

namespace setun::hls {
namespace {

struct Problem {
    AttentionShape shape;
    std::vector<float> query, keys, values;
    std::vector<std::int8_t> keys_int8, values_int8;
    std::vector<float> key_scales, value_scales;

    Problem(const AttentionShape& s, std::uint64_t seed) : shape(s) {
        test::Random random(seed);
        const std::size_t row = std::size_t{s.kv_heads} * s.head_dim;
        query = random.floats(std::size_t{s.heads} * s.head_dim, 3.0F);
        keys = random.floats(s.positions * row, 2.0F);
        values = random.floats(s.positions * row, 5.0F);
        quantise();
    }
    void quantise() {
        const std::size_t row = std::size_t{shape.kv_heads} * shape.head_dim;
        keys_int8.resize(keys.size());
        values_int8.resize(values.size());
        key_scales.resize(std::size_t{shape.positions} * shape.kv_heads);
        value_scales.resize(key_scales.size());
        for (std::size_t p = 0; p < shape.positions; ++p) {
            quantize_heads(&keys[p * row], shape.kv_heads, shape.head_dim, &keys_int8[p * row],
                           &key_scales[p * shape.kv_heads]);
            quantize_heads(&values[p * row], shape.kv_heads, shape.head_dim, &values_int8[p * row],
                           &value_scales[p * shape.kv_heads]);
        }
    }
    [[nodiscard]] Int8Cache cache() const {
        return {keys_int8.data(), values_int8.data(), key_scales.data(), value_scales.data()};
    }
    [[nodiscard]] std::vector<float> run() const {
        std::vector<float> scores(shape.positions);
        std::vector<float> out(query.size());
        attention_int8(shape, query.data(), cache(), scores.data(), out.data());
        return out;
    }
};

/// docs/numerics.md section 4.1, element by element.
std::vector<float> plain(const Problem& problem) {
    const AttentionShape& s = problem.shape;
    std::vector<float> out;
    for (std::uint32_t head = 0; head < s.heads; ++head) {
        const std::size_t kv = head / (s.heads / s.kv_heads);
        std::vector<std::int8_t> query(s.head_dim);
        float s_q = 0;
        quantize(&problem.query[std::size_t{head} * s.head_dim], s.head_dim, query.data(), &s_q);
        const float g = (1.0F / std::sqrt(static_cast<float>(s.head_dim))) / s_q;
        std::vector<float> w(s.positions);
        const auto at = [&](std::size_t p, std::size_t d) { return (p * s.kv_heads + kv) * s.head_dim + d; };
        for (std::size_t p = 0; p < s.positions; ++p) {
            std::int64_t sum = 0;
            for (std::size_t d = 0; d < s.head_dim; ++d) {
                sum += std::int64_t{query[d]} * problem.keys_int8[at(p, d)];
            }
            w[p] = (static_cast<float>(sum) * g) / problem.key_scales[p * s.kv_heads + kv];
        }
        softmax(w.data(), s.positions);
        float largest = 0;
        for (std::size_t p = 0; p < s.positions; ++p) {
            w[p] = w[p] / problem.value_scales[p * s.kv_heads + kv];
            largest = std::max(largest, w[p]);
        }
        const float s_u = 32767.0F / largest;
        for (std::size_t d = 0; d < s.head_dim; ++d) {
            std::int64_t acc = 0;
            for (std::size_t p = 0; p < s.positions; ++p) {
                acc += static_cast<std::int64_t>(std::nearbyint(w[p] * s_u)) * problem.values_int8[at(p, d)];
            }
            out.push_back(static_cast<float>(acc) / s_u);
        }
    }
    return out;
}

TEST(AttentionInt8, EqualsItsDefinitionAndIsCloseToFloats) {
    for (std::uint64_t seed = 0; seed < 24; ++seed) {
        SCOPED_TRACE(seed);
        test::Random random(seed);
        const auto number = [&random](int high) {
            return static_cast<std::uint32_t>(random.between(1, high));
        };
        const std::uint32_t kv_heads = number(4);
        const Problem problem({kv_heads * number(5), kv_heads, number(128), number(200)}, seed);
        const auto out = problem.run();
        const auto expected = plain(problem);
        std::vector<float> scores(problem.shape.positions);
        std::vector<float> floats(out.size());
        attention(problem.shape, problem.query.data(), problem.keys.data(), problem.values.data(),
                  scores.data(), floats.data());
        double error = 0;
        for (std::size_t i = 0; i < out.size(); ++i) {
            ASSERT_EQ(std::bit_cast<std::uint32_t>(out[i]), std::bit_cast<std::uint32_t>(expected[i])) << i;
            error = std::max(error, std::fabs(static_cast<double>(out[i]) - static_cast<double>(floats[i])));
        }
        EXPECT_LT(error, 0.25) << "values reach 5";
    }
}

TEST(AttentionInt8, OutMayBeTheQuery) {
    Problem problem({6, 2, 40, 17}, 0);
    const auto expected = problem.run();
    std::vector<float> scores(17);
    attention_int8(problem.shape, problem.query.data(), problem.cache(), scores.data(), problem.query.data());
    EXPECT_EQ(problem.query, expected);
}

TEST(AttentionInt8, WhatIsNotFiniteMakesItsHeadsNanAndNoOthers) {
    const AttentionShape shape{4, 2, 16, 9};
    for (const float bad : {std::numeric_limits<float>::infinity(), -std::numeric_limits<float>::infinity(),
                            std::numeric_limits<float>::quiet_NaN()}) {
        for (const std::size_t position : {0U, 4U, 8U}) {
            Problem key(shape, 0);
            key.keys[position * 32 + 3] = bad;  // KV head 0: query heads 0 and 1
            key.quantise();
            Problem value(shape, 0);
            value.values[position * 32 + 3] = bad;
            value.quantise();
            for (const Problem* problem : {&key, &value}) {
                const auto out = problem->run();
                for (std::size_t i = 0; i < out.size(); ++i) {
                    EXPECT_EQ(std::isnan(out[i]), i < 32) << i;
                }
            }
        }
        Problem query(shape, 0);
        query.query[20] = bad;  // head 1
        const auto out = query.run();
        for (std::size_t i = 0; i < out.size(); ++i) {
            EXPECT_EQ(std::isnan(out[i]), i / 16 == 1) << i;
        }
    }
}

/// Sums at their bounds: every product of the largest magnitude, one sign, many positions.
TEST(AttentionInt8, LargestSumsAreExact) {
    Problem problem({1, 1, 256, 70000}, 0);
    std::fill(problem.query.begin(), problem.query.end(), 2.0F);
    std::fill(problem.keys.begin(), problem.keys.end(), 2.0F);
    std::fill(problem.values.begin(), problem.values.end(), -1.0F);
    problem.quantise();
    // All weights are equal, 32767 each: acc = -127 * 32767 * 70000, beyond 32 bits; only float roundings
    // remain.
    for (const float value : problem.run()) {
        EXPECT_NEAR(value, -1.0F, 1e-3F);
    }
}

TEST(AttentionInt8, SmallestInputsGiveZerosAndNotNan) {
    Problem problem({2, 1, 8, 5}, 0);
    for (auto* vector : {&problem.query, &problem.keys, &problem.values}) {
        std::fill(vector->begin(), vector->end(), 0.0F);
    }
    problem.quantise();
    for (const float value : problem.run()) {
        EXPECT_EQ(value, 0.0F);
    }
}

}  // namespace
}  // namespace setun::hls
