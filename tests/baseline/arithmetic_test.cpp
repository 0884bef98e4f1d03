// The adders and multipliers of rtl/baseline: every bit, and the cycle in which it comes.
#include <array>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <random>
#include <string>
#include <vector>

#include "Varithmetic_top.h"
#include "gtest/gtest.h"
#include "tests/baseline/fp16_reference.h"
#include "tests/baseline/operands.h"

namespace setun::baseline {
namespace {

/// Both outputs of a kind of unit must be the function of the operands given `latency` edges ago.
struct Operands {
    std::uint32_t a = 0;
    std::uint32_t b = 0;
};

class ArithmeticTest : public testing::Test {
  protected:
    /// Gives one pair to all units and compares what comes out.
    void step(std::uint32_t a, std::uint32_t b) {
        model_.a_i = a;
        model_.b_i = b;
        model_.clk_i = 0;
        model_.eval();
        model_.clk_i = 1;
        model_.eval();
        past_.push_front({a, b});
        if (past_.size() > kDepth) {
            past_.pop_back();
        }
        compare();
    }

    /// Compares the results that are still on their way.
    void drain() {
        for (std::size_t i = 0; i < kDepth; ++i) {
            step(0, 0);
        }
    }

    [[nodiscard]] std::uint64_t compared() const { return compared_; }

  private:
    static constexpr std::size_t kDepth = 4;

    void compare() {
        if (past_.size() < kDepth) {
            return;
        }
        ++compared_;
        // Latencies of the modules' headers: past_[n] was given n + 1 edges ago.
        const Operands two = past_[1];
        ASSERT_EQ(model_.int_add_8_o, (two.a + two.b) & 0xFFU) << describe(two);
        ASSERT_EQ(model_.int_add_16_o, (two.a + two.b) & 0xFFFFU) << describe(two);
        ASSERT_EQ(model_.int_add_32_o, two.a + two.b) << describe(two);
        const int product = static_cast<std::int8_t>(two.a) * static_cast<std::int8_t>(two.b);
        ASSERT_EQ(model_.int8_mul_o, static_cast<std::uint16_t>(product)) << describe(two);
        // A product and a sum are worked out once and held against both depths.
        muls_.push_front(fp16_mul(static_cast<Fp16>(two.a), static_cast<Fp16>(two.b)));
        adds_.push_front(fp16_add(static_cast<Fp16>(past_[2].a), static_cast<Fp16>(past_[2].b)));
        ASSERT_EQ(model_.fp16_mul_1_o, muls_[0]) << describe(two);
        ASSERT_EQ(model_.fp16_add_2_o, adds_[0]) << describe(past_[2]);
        if (muls_.size() > 1) {
            ASSERT_EQ(model_.fp16_mul_2_o, muls_[1]) << describe(past_[2]);
            ASSERT_EQ(model_.fp16_add_3_o, adds_[1]) << describe(past_[3]);
            muls_.pop_back();
            adds_.pop_back();
        }
    }

    static std::string describe(const Operands& operands) {
        std::array<char, 64> text{};
        std::snprintf(text.data(), text.size(), "operands 0x%08x 0x%08x", operands.a, operands.b);
        return text.data();
    }

    Varithmetic_top model_;
    std::deque<Operands> past_;
    std::deque<Fp16> muls_;
    std::deque<Fp16> adds_;
    std::uint64_t compared_ = 0;
};

TEST(Fp16Reference, KnownValues) {
    EXPECT_EQ(fp16_value(0x3C00), 1.0);
    EXPECT_EQ(fp16_value(0xFBFF), -65504.0);
    EXPECT_EQ(fp16_value(0x03FF), 0.0);  // the greatest subnormal
    EXPECT_EQ(fp16_mul(0x3C01, 0x3C01), 0x3C02);
    EXPECT_EQ(fp16_mul(0x7C00, 0x83FF), kFp16NaN);  // infinity times a flushed subnormal
    EXPECT_EQ(fp16_mul(0x0400, 0xBBFF),
              0x8000);  // 2^-14 * (1 - 2^-11): eleven bits are enough for it, so it is flushed
    EXPECT_EQ(fp16_mul(0x07FF, 0x3800), 0x0000);  // (2 - 2^-10) 2^-15, the same
    EXPECT_EQ(fp16_mul(0x0401, 0x3BFF), 0x0400);  // 2^-14 (1 + 2^-11 - 2^-21) rounds down to 2^-14
    EXPECT_EQ(fp16_add(0x3C00, 0xBC00), 0x0000);
    EXPECT_EQ(fp16_add(0x8001, 0x8000), 0x8000);
    EXPECT_EQ(fp16_add(0x0401, 0x8400), 0x0000);  // 2^-24 is flushed
    EXPECT_EQ(fp16_add(0x7BFF, 0x4BFF), 0x7BFF);  // 65504 + 15.99 stays
    EXPECT_EQ(fp16_add(0x7BFF, 0x4C00), 0x7C00);  // 65504 + 16 = 65520 is half way, and even is infinity
    EXPECT_EQ(fp16_add(0x7C00, 0xFC00), kFp16NaN);
}

#if defined(__FLT16_MANT_DIG__) && !defined(__clang__)  // clang 14 has the macro without the type
// The compiler's own binary16 knows subnormals; where neither operands nor result are, both must agree.
TEST(Fp16Reference, AgreesWithTheCompiler) {
    Fp16Pairs pairs(0);
    unsigned agreed = 0;
    for (unsigned i = 0; i < 200'000; ++i) {
        const auto [a, b] = pairs.next();
        _Float16 x = 0;
        _Float16 y = 0;
        std::memcpy(&x, &a, sizeof x);
        std::memcpy(&y, &b, sizeof y);
        const auto normal = [](Fp16 bits) { return (bits & 0x7C00) != 0 || (bits & 0x7FFF) == 0; };
        const auto check = [&](_Float16 compiled, Fp16 ours) {
            Fp16 bits = 0;
            std::memcpy(&bits, &compiled, sizeof bits);
            if (!normal(a) || !normal(b) || !normal(bits) || (bits & 0x7FFF) == 0x0400) {
                return;
            }
            if ((bits & 0x7FFF) > kFp16Infinity) {
                bits = kFp16NaN;
            }
            ASSERT_EQ(ours, bits) << std::hex << a << ' ' << b;
            ++agreed;
        };
        // In float, products and sums of binary16 need not be exact; in double they are.
        check(static_cast<_Float16>(static_cast<double>(x) * static_cast<double>(y)), fp16_mul(a, b));
        check(static_cast<_Float16>(static_cast<double>(x) + static_cast<double>(y)), fp16_add(a, b));
    }
    EXPECT_GT(agreed, 200'000U);
}
#endif

TEST_F(ArithmeticTest, EveryPairOfBytes) {
    // Upper bytes follow, so that the wider adders see carries of every length.
    for (unsigned a = 0; a < 256; ++a) {
        for (unsigned b = 0; b < 256; ++b) {
            step(a * 0x01010101U, b * 0x01010101U);
            ASSERT_FALSE(HasFatalFailure());
        }
    }
    drain();
    EXPECT_GE(compared(), 65536U);
}

TEST_F(ArithmeticTest, WideAddersOnRandomWords) {
    std::mt19937_64 random(0);
    for (unsigned i = 0; i < 50'000; ++i) {
        const auto a = static_cast<std::uint32_t>(random());
        const auto flips = static_cast<std::uint32_t>(random() & random() & random() & random());
        // Complements with a few flipped bits carry far.
        step(a, i % 2 == 0 ? static_cast<std::uint32_t>(random()) : ~a ^ flips);
        ASSERT_FALSE(HasFatalFailure());
    }
    drain();
}

TEST_F(ArithmeticTest, EveryPairOfNotableFp16) {
    // Every exponent and sign with the fractions at the ends and in the middle: zeros, subnormals, infinities
    // and NaN are among them.
    std::vector<Fp16> values;
    for (unsigned top = 0; top < 64; ++top) {
        for (const unsigned fraction : {0x000U, 0x001U, 0x002U, 0x1FFU, 0x200U, 0x201U, 0x3FEU, 0x3FFU}) {
            values.push_back(static_cast<Fp16>(top << 10U | fraction));
        }
    }
    for (const Fp16 a : values) {
        for (const Fp16 b : values) {
            step(a, b);
            ASSERT_FALSE(HasFatalFailure());
        }
    }
    drain();
    EXPECT_GE(compared(), 512U * 512U);
}

// Products of all significands: what the multiplier knows about the carry of its rounding holds for every
// one.
TEST_F(ArithmeticTest, EveryPairOfFp16SignificandsMultiplied) {
    for (unsigned a = 0x3C00; a < 0x4000; ++a) {
        for (unsigned b = 0x3C00; b < 0x4000; ++b) {
            step(a, b);
        }
        ASSERT_FALSE(HasFatalFailure());
    }
    drain();
    EXPECT_GE(compared(), 1024U * 1024U);
}

// Sums and differences of all significands at every distance of the exponents, until one operand only rounds
// the other.
class ApartFp16 : public ArithmeticTest, public testing::WithParamInterface<unsigned> {};

TEST_P(ApartFp16, EveryPairOfSignificandsAdded) {
    const unsigned lesser = 0x6000 - GetParam() * 0x400;
    for (const unsigned sign : {0U, 0x8000U}) {
        for (unsigned a = 0x6000; a < 0x6400; ++a) {
            for (unsigned b = lesser; b < lesser + 0x400; ++b) {
                step(a, sign | b);
            }
            ASSERT_FALSE(HasFatalFailure());
        }
    }
    drain();
    EXPECT_GE(compared(), 2U * 1024U * 1024U);
}

INSTANTIATE_TEST_SUITE_P(Exponents, ApartFp16, testing::Range(0U, 15U));

class RandomFp16 : public ArithmeticTest, public testing::WithParamInterface<unsigned> {};

TEST_P(RandomFp16, Pairs) {
    Fp16Pairs pairs(GetParam());
    unsigned mul_ties = 0;
    unsigned add_ties = 0;
    unsigned mul_flushed = 0;
    unsigned add_flushed = 0;
    unsigned overflows = 0;
    unsigned cancelled = 0;
    for (unsigned i = 0; i < 600'000; ++i) {
        const auto [a, b] = pairs.next();
        step(a, b);
        ASSERT_FALSE(HasFatalFailure());
        // What the pairs are meant to reach, in the exact values.
        const double product = fp16_value(a) * fp16_value(b);
        const double sum = fp16_value(a) + fp16_value(b);
        if (!std::isfinite(product) || !std::isfinite(sum)) {
            continue;
        }
        const auto tie = [](double exact) {
            int exponent = 0;
            const double scaled = std::ldexp(std::frexp(exact, &exponent), 12);
            return scaled == std::nearbyint(scaled) && std::fmod(scaled, 2.0) != 0.0;
        };
        const double least = std::ldexp(1.0, -14);
        mul_ties += tie(product) ? 1U : 0U;
        add_ties += tie(sum) ? 1U : 0U;
        mul_flushed += product != 0.0 && std::fabs(product) < least ? 1U : 0U;
        add_flushed += sum != 0.0 && std::fabs(sum) < least ? 1U : 0U;
        overflows += std::fabs(product) >= 65520.0 || std::fabs(sum) >= 65520.0 ? 1U : 0U;
        cancelled += sum != 0.0 && std::fabs(sum) < std::fabs(fp16_value(a)) / 64 ? 1U : 0U;
    }
    drain();
    EXPECT_GE(compared(), 600'000U);
    for (const unsigned count : {mul_ties, add_ties, mul_flushed, add_flushed, overflows, cancelled}) {
        EXPECT_GT(count, 5'000U);
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, RandomFp16, testing::Values(0U, 1U));

}  // namespace
}  // namespace setun::baseline
