// The processor's kernel against the plain sum, on every path.
#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <atomic>
#include <string>
#include <vector>

#include "hls/ternary_matmul.h"
#include "hls/trit.h"
#include "host/base/error.h"
#include "host/cpu/ternary_kernel.h"
#include "host/cpu/thread_pool.h"
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

/// Each of the 256 bytes as one code of a matrix: the same verdict, weights and count as the definition.
TEST(CpuKernel, EveryCodeIsReadAsDefined) {
    for (const KernelPath path : paths()) {
        TernaryKernel kernel(1, path);
        for (const unsigned bits : {128U, 256U, 512U}) {
            const std::size_t beat = bits / 8;
            const auto k = static_cast<std::uint32_t>(5 * beat);
            const StreamIndex index({1, bits, 16}, 9, k, 1);
            test::Random random(bits);
            const auto x = random.integers<std::int8_t>(k, -128, 127);
            for (unsigned code = 0; code < 256; ++code) {
                SCOPED_TRACE(std::string(kernel_path_name(path)) + ", " + std::to_string(bits) +
                             " bits, code " + std::to_string(code));
                const std::size_t row = code % 9;
                const std::size_t at = (7 * code) % beat;
                std::vector<std::byte> stream(index.stream_bytes());
                for (std::size_t r = 0; r < 9; ++r) {
                    fill_zero_beat({stream.data() + r * beat, beat});
                }
                for (std::size_t j = 0; j < 8; ++j) {
                    const std::size_t bit = j * beat + at;
                    std::byte& byte = stream[row * beat + bit / 8];
                    const auto mask = static_cast<std::byte>(1U << (bit % 8));
                    byte = ((code >> j) & 1U) != 0 ? byte | mask : byte & ~mask;
                }
                std::int8_t w[5] = {};
                const bool legal = hls::decode_trits(static_cast<std::uint8_t>(code), w);
                const std::span<const std::byte> view(stream);
                std::vector<std::int32_t> y(9, -1);
                const KernelStatus status = kernel.multiply(index, {&view, 1}, {x.data(), k, 1}, 1, y.data());
                ASSERT_EQ(status.legal, legal);
                if (!legal) {
                    ASSERT_EQ(status.offset, row * beat);
                    continue;
                }
                std::int32_t want = 0;
                std::uint64_t nonzero = 0;
                for (std::size_t t = 0; t < 5; ++t) {
                    want += w[t] * x[t * beat + at];
                    nonzero += w[t] != 0 ? 1 : 0;
                }
                ASSERT_EQ(status.nonzero, nonzero);
                for (std::size_t r = 0; r < 9; ++r) {
                    ASSERT_EQ(y[r], r == row ? want : 0);
                }
            }
        }
    }
}

/// Counts that fill their narrow lanes most: all zeros, and all -1 with -128, through several pieces of a
/// tile, for every number of tokens that share a register of weights and for more.
TEST(CpuKernel, FullLanesDoNotOverflow) {
    for (const KernelPath path : paths()) {
        TernaryKernel kernel(2, path);
        for (const unsigned bits : {128U, 256U, 512U}) {
            for (const int w : {0, -1, 1}) {
                for (const unsigned tokens : {1U, 2U, 3U, 4U, 5U, 6U, 7U, 8U, 11U}) {
                    SCOPED_TRACE(std::string(kernel_path_name(path)) + ", " + std::to_string(bits) +
                                 " bits, w " + std::to_string(w) + ", tokens " + std::to_string(tokens));
                    Problem p;
                    p.layout = {1, bits, 4096};
                    p.m = 64000 / bits * 8 + 1;
                    p.k = bits + 1;
                    p.tokens = p.columns = tokens;
                    p.w.assign(static_cast<std::size_t>(p.m) * p.k, static_cast<std::int8_t>(w));
                    p.x.assign(static_cast<std::size_t>(p.k) * tokens, -128);
                    p.check(kernel);
                }
            }
        }
    }
}

TEST(CpuKernel, RefusesAPathThatTheProcessorLacks) {
    for (const KernelPath path : {KernelPath::kPortable, KernelPath::kAvx2, KernelPath::kAvxVnni,
                                  KernelPath::kAvx512Vnni, KernelPath::kAvx512}) {
        if (kernel_path_available(path)) {
            EXPECT_EQ(TernaryKernel(1, path).path(), path);
        } else {
            EXPECT_THROW(TernaryKernel(1, path), InputError);
        }
    }
}

TEST(ThreadPool, EveryPieceIsTakenOnce) {
    for (const unsigned threads : {1U, 2U, 8U}) {
        ThreadPool pool(threads);
        ASSERT_EQ(pool.threads(), threads);
        for (int round = 0; round < 500; ++round) {
            constexpr std::size_t kPieces = 37;
            std::array<std::atomic<int>, kPieces> taken{};
            std::atomic<std::size_t> next = 0;
            pool.run([&] {
                for (std::size_t i = next++; i < kPieces; i = next++) {
                    ++taken[i];
                }
            });
            for (const auto& count : taken) {
                ASSERT_EQ(count, 1);
            }
        }
    }
}

TEST(CpuKernel, SaysWhichPathRuns) {
    EXPECT_STREQ(kernel_path_name(KernelPath::kBest), kernel_path_name(paths().back()));
    EXPECT_EQ(TernaryKernel(1, KernelPath::kPortable).path(), KernelPath::kPortable);
    EXPECT_EQ(TernaryKernel(1).path(), paths().back());
    EXPECT_GE(TernaryKernel(0).threads(), 1U);
}

}  // namespace
}  // namespace setun
