// The two-bit yardstick gives the same integers.
#include "host/cpu/plain_avx2.h"

#include <gtest/gtest.h>

#include "hls/ternary_matmul.h"
#include "host/base/error.h"
#include "host/cpu/ternary_kernel.h"
#include "tests/hls/random_data.h"

namespace setun {
namespace {

TEST(PlainAvx2, EqualsTheReference) {
    if (!TernaryKernel::has_avx2()) {
        GTEST_SKIP() << "this processor has no AVX2";
    }
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        test::Random random(seed);
        const auto m = static_cast<std::uint32_t>(random.between(1, 60));
        const auto k = static_cast<std::uint32_t>(random.between(1, 5000));
        // Extremes in the first rounds, where 16-bit sums are fullest.
        const bool extreme = seed < 4;
        const auto w = random.integers<std::int8_t>(static_cast<std::size_t>(m) * k, extreme ? 1 : -1, 1);
        const auto x = random.integers<std::int8_t>(k, seed % 2 == 0 || !extreme ? -128 : 127,
                                                    extreme && seed % 2 == 0 ? -128 : 127);
        std::vector<std::int32_t> want(m);
        std::vector<std::int32_t> got(m);
        hls::matmul_reference(w.data(), m, k, x.data(), 1, want.data());
        plain::matvec(m, k, plain::to_two_bit(m, k, w).data(), x.data(), got.data());
        EXPECT_EQ(got, want);
    }
}

TEST(PlainAvx2, RefusesOtherWeights) {
    EXPECT_THROW(plain::to_two_bit(1, 2, std::vector<std::int8_t>{1, 2}), InputError);
}

}  // namespace
}  // namespace setun
