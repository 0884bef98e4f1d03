// The T5 code and balanced ternary digits.
#include "hls/trit.h"

#include <gtest/gtest.h>

#include <array>
#include <set>

namespace setun::hls {
namespace {

using Trits = std::array<std::int8_t, kTritsPerCode>;

TEST(Trit, EveryCodeIsIllegalOrTheCanonicalCodeOfItsTrits) {
    std::set<Trits> seen;
    for (unsigned code = 0; code < 256; ++code) {
        Trits trits{9, 9, 9, 9, 9};
        if (decode_trits(static_cast<std::uint8_t>(code), trits.data())) {
            EXPECT_EQ(encode_trits(trits.data()), code);
            EXPECT_TRUE(seen.insert(trits).second) << "code " << code;
        } else {
            EXPECT_EQ(trits, Trits{}) << "an illegal code must not leave weights behind";
        }
    }
    EXPECT_EQ(seen.size(), 243U);
}

TEST(Trit, EveryFiveTritsHaveACode) {
    for (int n = 0; n < 243; ++n) {
        Trits trits{};
        int rest = n;
        for (auto& trit : trits) {
            trit = static_cast<std::int8_t>(rest % 3 - 1);
            rest /= 3;
        }
        Trits back{};
        ASSERT_TRUE(decode_trits(encode_trits(trits.data()), back.data()));
        EXPECT_EQ(back, trits);
    }
}

TEST(Trit, ByteLevelFactsOfTheFormat) {
    Trits trits{1, 1, 1, 1, 1};
    ASSERT_TRUE(decode_trits(kZeroCode, trits.data()));
    EXPECT_EQ(trits, Trits{});
    EXPECT_FALSE(decode_trits(0xFF, trits.data()));
    // Symbols are 0 for +1: the zero byte is five times +1.
    ASSERT_TRUE(decode_trits(0x00, trits.data()));
    EXPECT_EQ(trits, (Trits{1, 1, 1, 1, 1}));
}

/// illegal = c3 & c2 & (a | (esc & c4)) of docs/memory-format.md, from the bits.
TEST(Trit, IllegalCodesAreThoseOfTheFormula) {
    for (unsigned code = 0; code < 256; ++code) {
        const auto b = [code](unsigned i) { return (code >> i & 1U) != 0; };
        const bool esc = b(4) && b(3) && b(2);
        const bool c4 = esc ? b(7) : b(4);
        const bool c3 = esc ? b(6) : b(3);
        const bool c2 = esc ? b(5) : b(2);
        const bool a = b(1) && b(0);
        Trits trits{};
        EXPECT_EQ(!decode_trits(static_cast<std::uint8_t>(code), trits.data()),
                  c3 && c2 && (a || (esc && c4)))
            << "code " << code;
    }
}

TEST(BalancedTernary, ReachOfPlanes) {
    const int reach[] = {0, 1, 4, 13, 40, 121};
    for (unsigned planes = 0; planes <= kMaxPlanes; ++planes) {
        EXPECT_EQ(max_of_planes(planes), reach[planes]);
    }
}

TEST(BalancedTernary, RoundTripOfEveryIntegerAndRefusalBeyond) {
    for (unsigned planes = 1; planes <= kMaxPlanes; ++planes) {
        const int reach = max_of_planes(planes);
        for (int w = -reach; w <= reach; ++w) {
            std::array<std::int8_t, kMaxPlanes> digits{};
            ASSERT_TRUE(to_balanced_ternary(w, planes, digits.data()));
            int value = 0;
            for (unsigned d = 0; d < planes; ++d) {
                ASSERT_LE(std::abs(digits[d]), 1);
                value = 3 * value + digits[d];
            }
            EXPECT_EQ(value, w);
            EXPECT_EQ(from_balanced_ternary(digits.data(), planes), w);
        }
        for (const int w : {reach + 1, -reach - 1, 127, -128, 1000000}) {
            std::array<std::int8_t, kMaxPlanes> digits{1, 1, 1, 1, 1};
            EXPECT_FALSE(to_balanced_ternary(w, planes, digits.data()));
            EXPECT_EQ(from_balanced_ternary(digits.data(), planes), 0);
        }
    }
}

TEST(BalancedTernary, MostSignificantDigitFirst) {
    std::array<std::int8_t, 5> digits{};
    ASSERT_TRUE(to_balanced_ternary(41, 5, digits.data()));  // 81 - 40
    EXPECT_EQ(digits, (std::array<std::int8_t, 5>{1, -1, -1, -1, -1}));
}

}  // namespace
}  // namespace setun::hls
