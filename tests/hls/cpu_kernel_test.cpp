// The processor's kernel against the plain sum, on every path.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "hls/ternary_matmul.h"
#include "hls/trit.h"
#include "host/cpu/ternary_kernel.h"
#include "host/error.h"
#include "tests/hls/random_data.h"

namespace setun {
namespace {

const auto paths = available_kernel_paths;

struct Problem {
    StreamLayout layout;
    std::uint32_t m = 0, k = 0;
    unsigned planes = 1, tokens = 1, columns = 1;
    std::vector<std::int8_t> w, x;

    void check(TernaryKernel& kernel) const {
        const StreamIndex index(layout, m, k, planes);
        const PackedStreams streams = pack_matrix(layout, m, k, planes, std::span<const std::int8_t>(w));
        std::vector<std::int32_t> y(static_cast<std::size_t>(m) * columns, 77);
        const KernelStatus status =
            kernel.multiply(index, views(streams), {x.data(), k, tokens}, columns, y.data());
        std::vector<std::int32_t> narrow(static_cast<std::size_t>(m) * tokens);
        hls::matmul_reference(w.data(), m, k, x.data(), tokens, narrow.data());
        ASSERT_TRUE(status.legal);
        ASSERT_EQ(status.nonzero, count_trits(index, views(streams)).nonzero);
        for (std::size_t r = 0; r < m; ++r) {
            for (std::size_t t = 0; t < columns; ++t) {
                ASSERT_EQ(y[r * columns + t], t < tokens ? narrow[r * tokens + t] : 0)
                    << "row " << r << " token " << t;
            }
        }
    }
};

Problem random_problem(test::Random& random, int largest_m, int largest_k) {
    Problem p;
    p.layout = {1U << static_cast<unsigned>(random.between(0, 4)),
                128U << static_cast<unsigned>(random.between(0, 2)),
                16U << static_cast<unsigned>(random.between(0, 4))};
    p.m = static_cast<std::uint32_t>(random.between(1, largest_m));
    p.k = static_cast<std::uint32_t>(random.between(1, largest_k));
    p.planes = static_cast<unsigned>(random.between(1, 5));
    p.columns = 1U << static_cast<unsigned>(random.between(0, 3));
    p.tokens = static_cast<unsigned>(random.between(1, static_cast<int>(p.columns)));
    const int reach = hls::max_of_planes(p.planes);
    p.w = random.integers<std::int8_t>(static_cast<std::size_t>(p.m) * p.k, -reach, reach);
    p.x = random.integers<std::int8_t>(static_cast<std::size_t>(p.tokens) * p.k, -128, 127);
    return p;
}

TEST(CpuKernel, EqualsTheReferenceOnRandomShapes) {
    for (const KernelPath path : paths()) {
        TernaryKernel kernel(1, path);
        for (std::uint64_t seed = 0; seed < 150; ++seed) {
            SCOPED_TRACE("path " + std::to_string(static_cast<int>(path)) + ", seed " + std::to_string(seed));
            test::Random random(seed);
            random_problem(random, 300, 700).check(kernel);
        }
    }
}

TEST(CpuKernel, ThreadsDoNotChangeAnything) {
    for (const KernelPath path : paths()) {
        for (const unsigned threads : {2U, 3U, 7U}) {
            TernaryKernel kernel(threads, path);
            ASSERT_EQ(kernel.threads(), threads);
            for (std::uint64_t seed = 0; seed < 4; ++seed) {
                SCOPED_TRACE("threads " + std::to_string(threads) + ", seed " + std::to_string(seed));
                test::Random random(seed);
                Problem p = random_problem(random, 200, 300);
                p.m += 300;  // large enough to be shared out
                p.k += 900;
                const int reach = hls::max_of_planes(p.planes);
                p.w = random.integers<std::int8_t>(static_cast<std::size_t>(p.m) * p.k, -reach, reach);
                p.x = random.integers<std::int8_t>(static_cast<std::size_t>(p.tokens) * p.k, -128, 127);
                p.check(kernel);
            }
        }
    }
}

TEST(CpuKernel, ExtremesAreExact) {
    for (const KernelPath path : paths()) {
        TernaryKernel kernel(1, path);
        for (const unsigned bits : {128U, 256U, 512U}) {
            for (unsigned planes = 1; planes <= 5; ++planes) {
                const int reach = hls::max_of_planes(planes);
                for (const int w : {reach, -reach, 0}) {
                    for (const int x : {127, -128}) {
                        SCOPED_TRACE(std::to_string(bits) + " bits, w " + std::to_string(w) + ", x " +
                                     std::to_string(x));
                        Problem p;
                        p.layout = {1, bits, 16};
                        p.m = 19;
                        p.k = 1001;
                        p.planes = planes;
                        p.w.assign(static_cast<std::size_t>(p.m) * p.k, static_cast<std::int8_t>(w));
                        p.x.assign(p.k, static_cast<std::int8_t>(x));
                        p.check(kernel);
                    }
                }
            }
        }
    }
}

TEST(CpuKernel, LargestInnerDimensionIsExact) {
    for (const KernelPath path : paths()) {
        TernaryKernel kernel(1, path);
        Problem p;
        p.m = 3;
        p.k = 1U << 17;
        p.planes = 5;
        p.w.assign(static_cast<std::size_t>(p.m) * p.k, 121);
        std::fill_n(p.w.begin() + p.k, p.k, std::int8_t{-121});
        p.x.assign(p.k, -128);
        p.check(kernel);
    }
}

/// Each weight alone meets its own activation: a permutation of lanes cannot hide.
TEST(CpuKernel, EachLaneMeetsItsActivation) {
    for (const KernelPath path : paths()) {
        TernaryKernel kernel(1, path);
        for (const unsigned bits : {128U, 256U, 512U}) {
            const std::uint32_t k = bits / 8 * 5;
            Problem p;
            p.layout = {1, bits, 512};
            p.m = k;
            p.k = k;
            p.w.assign(static_cast<std::size_t>(k) * k, 0);
            for (std::size_t i = 0; i < k; ++i) {
                p.w[i * k + i] = i % 2 == 0 ? 1 : -1;
            }
            test::Random random(bits);
            p.x = random.integers<std::int8_t>(k, -128, 127);
            p.check(kernel);
        }
    }
}

TEST(CpuKernel, FindsEveryIllegalCodeAndNamesTheFirst) {
    for (const KernelPath path : paths()) {
        TernaryKernel kernel(2, path);
        for (const unsigned bits : {128U, 256U, 512U}) {
            const StreamLayout layout{2, bits, 16};
            const StreamIndex index(layout, 45, 1000, 2);
            const PackedStreams good = random_streams(layout, 45, 1000, 2, 1, 0.4);
            const std::vector<std::int8_t> x(1000, 3);
            std::vector<std::int32_t> y(45);
            test::Random random(bits);
            for (int round = 0; round < 50; ++round) {
                PackedStreams streams = good;
                const auto port = static_cast<unsigned>(random.between(0, 1));
                const auto beat = static_cast<std::uint64_t>(
                    random.between(0, static_cast<int>(index.beats_per_port()) - 1));
                const auto code = static_cast<unsigned>(random.between(0, static_cast<int>(bits) / 8 - 1));
                for (std::size_t j = 0; j < 8; ++j) {  // code 0xFF in place of one code
                    const std::size_t bit = j * layout.beat_bytes() + code;
                    streams[port][beat * layout.beat_bytes() + bit / 8] |=
                        static_cast<std::byte>(1U << (bit % 8));
                }
                const KernelStatus status =
                    kernel.multiply(index, views(streams), {x.data(), 1000, 1}, 1, y.data());
                ASSERT_FALSE(status.legal);
                ASSERT_EQ(status.port, port);
                ASSERT_EQ(status.offset, beat * layout.beat_bytes());
            }
        }
    }
}

TEST(CpuKernel, AgreesWithTheGoldenModelOnWhichIllegalBeatIsFirst) {
    const StreamLayout layout{4, 128, 16};
    PackedStreams streams = random_streams(layout, 100, 300, 1, 3, 0.4);
    for (const auto& [port, beat] : {std::pair<unsigned, std::size_t>{3, 20}, {1, 20}, {0, 40}}) {
        std::fill_n(streams[port].begin() + static_cast<std::ptrdiff_t>(beat * 16), 16, std::byte{0xFF});
    }
    const std::vector<std::int8_t> x(300, 1);
    std::vector<std::int32_t> y(100);
    hls::WeightStreams golden{};
    for (unsigned p = 0; p < 4; ++p) {
        golden.port[p] = reinterpret_cast<const std::uint8_t*>(streams[p].data());
    }
    const auto want = hls::ternary_matmul({4, 128, 16, 1, 100, 300, 1, 1}, golden, x.data(), 300, y.data());
    for (const KernelPath path : paths()) {
        TernaryKernel kernel(1, path);
        const auto got = kernel.multiply(StreamIndex(layout, 100, 300, 1), views(streams), {x.data(), 300, 1},
                                         1, y.data());
        EXPECT_FALSE(got.legal);
        EXPECT_EQ(got.port, want.port);
        EXPECT_EQ(got.offset, want.offset);
    }
}

TEST(CpuKernel, SaysWhichPathRuns) {
    EXPECT_EQ(TernaryKernel(1, KernelPath::kPortable).path(), KernelPath::kPortable);
    EXPECT_EQ(TernaryKernel(1).path(), paths().back());
    EXPECT_GE(TernaryKernel(0).threads(), 1U);
}

}  // namespace
}  // namespace setun
