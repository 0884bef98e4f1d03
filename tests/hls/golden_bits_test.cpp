// The golden model's results bit for bit: recorded once, the same for every compiler, optimisation level and
// machine.
//
// A hash covers all outputs of an operation on fixed inputs. A change of a hash is a change of the numeric
// contract (docs/numerics.md) and must be meant.
#include <gtest/gtest.h>

#include <cstdint>
#include <vector>

#include "hls/activation.h"
#include "hls/argmax.h"
#include "hls/attention.h"
#include "hls/attention_int8.h"
#include "hls/bits.h"
#include "hls/elementary.h"
#include "hls/embedding.h"
#include "hls/kv_cache.h"
#include "hls/quantize.h"
#include "hls/reduce.h"
#include "hls/residual.h"
#include "hls/rms_norm.h"
#include "hls/rope.h"
#include "hls/softmax.h"
#include "tests/hls/random_data.h"

#define SETUN_CONCAT(a, b) a##b
#define SETUN_SUITE_OF(name) SETUN_CONCAT(GoldenBits, name)
#define GOLDEN_SUITE SETUN_SUITE_OF(SETUN_BUILD_NAME)
#define GOLDEN_TEST_OF(suite, name) TEST(suite, name)
#define GOLDEN_TEST(name) GOLDEN_TEST_OF(GOLDEN_SUITE, name)

namespace setun::hls {
namespace {

/// FNV-1a over the bits of floats and integers.
class Hash {
  public:
    void add(std::uint64_t value) {
        for (unsigned i = 0; i < 8; ++i) {
            state_ = (state_ ^ (value >> (8 * i) & 0xFFU)) * 0x100000001B3ULL;
        }
    }
    void add(float value) { add(static_cast<std::uint64_t>(bits_of(value))); }
    void add(const std::vector<float>& values) {
        for (const float value : values) {
            add(value);
        }
    }
    [[nodiscard]] std::uint64_t value() const { return state_; }

  private:
    std::uint64_t state_ = 0xCBF29CE484222325ULL;
};

GOLDEN_TEST(Exponential) {
    Hash hash;
    for (int i = -90 * 1024; i <= 90 * 1024; ++i) {
        hash.add(exponential(static_cast<float>(i) / 1024.0F));
    }
    EXPECT_EQ(hash.value(), 0x498CBD32A9B9F5E8ULL);
}

GOLDEN_TEST(SquareRoot) {
    Hash hash;
    test::Random random(1);
    for (int i = 0; i < 10000; ++i) {
        hash.add(square_root((random.unit() + 1.0F) * 100.0F));
    }
    EXPECT_EQ(hash.value(), 0x12D9A19E57DCE534ULL);
}

GOLDEN_TEST(RopeTableAndRotation) {
    Hash hash;
    test::Random random(2);
    std::vector<float> cosine(64);
    std::vector<float> sine(64);
    for (std::uint32_t position = 0; position < 5000; position += 7) {
        rope_table(position, 500000.0F, 128, cosine.data(), sine.data());
        hash.add(cosine);
        hash.add(sine);
        auto x = random.floats(256, 10.0F);
        rope_rotate(x.data(), 2, 128, cosine.data(), sine.data());
        hash.add(x);
    }
    EXPECT_EQ(hash.value(), 0xB16943BE49DD25D3ULL);
}

GOLDEN_TEST(Sums) {
    Hash hash;
    test::Random random(3);
    for (std::uint32_t n = 1; n < 300; ++n) {
        const auto a = random.floats(n, 7.0F);
        const auto b = random.floats(n, 7.0F);
        hash.add(sum(a.data(), n));
        hash.add(dot(a.data(), b.data(), n));
        hash.add(sum_of_squares(a.data(), n));
        hash.add(maximum(b.data(), n));
    }
    EXPECT_EQ(hash.value(), 0x014DE1D93AFF7774ULL);
}

GOLDEN_TEST(RmsNorm) {
    Hash hash;
    test::Random random(4);
    for (const std::uint32_t n : {1U, 320U, 2560U, 6912U}) {
        auto x = random.floats(n, 50.0F);
        rms_norm(x.data(), random.floats(n, 3.0F).data(), n, 1e-5F, x.data());
        hash.add(x);
    }
    EXPECT_EQ(hash.value(), 0x544ED1CCFCDFE345ULL);
}

GOLDEN_TEST(SoftmaxAndAttention) {
    Hash hash;
    test::Random random(5);
    auto row = random.floats(1001, 30.0F);
    softmax(row.data(), 1001);
    hash.add(row);
    const AttentionShape shape{8, 2, 64, 77};
    const auto q = random.floats(512, 3.0F);
    const auto keys = random.floats(77 * 128, 3.0F);
    const auto values = random.floats(77 * 128, 3.0F);
    std::vector<float> scores(77);
    std::vector<float> out(512);
    attention(shape, q.data(), keys.data(), values.data(), scores.data(), out.data());
    hash.add(out);
    EXPECT_EQ(hash.value(), 0x0DB75E875335D850ULL);
}

GOLDEN_TEST(AttentionInt8) {
    Hash hash;
    test::Random random(8);
    for (const std::uint32_t positions : {1U, 2U, 17U, 300U}) {
        const AttentionShape shape{6, 2, 40, positions};
        const std::size_t row = 80;
        std::vector<std::int8_t> keys(positions * row);
        std::vector<std::int8_t> values(keys.size());
        std::vector<float> key_scales(positions * std::size_t{2});
        std::vector<float> value_scales(key_scales.size());
        for (std::size_t p = 0; p < positions; ++p) {
            quantize_heads(random.floats(row, 3.0F).data(), 2, 40, &keys[p * row], &key_scales[2 * p]);
            quantize_heads(random.floats(row, 3.0F).data(), 2, 40, &values[p * row], &value_scales[2 * p]);
        }
        auto query = random.floats(240, 2.0F);
        std::vector<float> scores(positions);
        attention_int8(shape, query.data(),
                       {keys.data(), values.data(), key_scales.data(), value_scales.data()}, scores.data(),
                       query.data());
        hash.add(query);
    }
    EXPECT_EQ(hash.value(), 0x19A941AA1F379456ULL);
}

GOLDEN_TEST(GatesResidualEmbedding) {
    Hash hash;
    test::Random random(6);
    const auto gate = random.floats(3001, 40.0F);
    const auto up = random.floats(3001, 40.0F);
    std::vector<float> y(3001);
    relu2_gate(gate.data(), up.data(), 3001, y.data());
    hash.add(y);
    silu_gate(gate.data(), up.data(), 3001, y.data());
    hash.add(y);
    residual_add(y.data(), gate.data(), 3001);
    hash.add(y);
    embedding_row(random.integers<std::int8_t>(3001, -121, 121).data(), 3001, 0.0123F, y.data());
    hash.add(y);
    hash.add(std::uint64_t{argmax(up.data(), 3001)});
    EXPECT_EQ(hash.value(), 0x92F78D28A31BB2ABULL);
}

GOLDEN_TEST(QuantizeAndBack) {
    Hash hash;
    test::Random random(7);
    for (int round = 0; round < 50; ++round) {
        const auto x = random.floats(777, 1.0F / static_cast<float>(round + 1));
        std::vector<std::int8_t> q(777);
        float scale = 0;
        quantize(x.data(), 777, q.data(), &scale);
        hash.add(scale);
        for (const std::int8_t value : q) {
            hash.add(dequantize(value * 1234567, 0.7F, scale));
        }
    }
    EXPECT_EQ(hash.value(), 0x242518C139F83A2AULL);
}

}  // namespace
}  // namespace setun::hls
