// The golden matrix product on packed streams against the plain sum.
#include <gtest/gtest.h>

#include <algorithm>
#include <string>
#include <vector>

#include "hls/kernel_top.h"
#include "hls/ternary_matmul.h"
#include "hls/trit.h"
#include "host/device/packing.h"
#include "rtl/setun_abi.h"
#include "tests/hls/random_data.h"

namespace setun {
namespace {

struct Case {
    StreamLayout layout;
    std::uint32_t m, k;
    unsigned planes, tokens, columns;
};

struct GoldenRun {
    hls::MatmulStatus status;
    std::vector<std::int32_t> y;
};

GoldenRun run_golden(const Case& c, const PackedStreams& streams, const std::vector<std::int8_t>& x) {
    hls::WeightStreams weights{};
    for (unsigned p = 0; p < c.layout.ports; ++p) {
        weights.port[p] = reinterpret_cast<const std::uint8_t*>(streams[p].data());
    }
    const hls::MatmulShape shape{
        c.layout.ports, c.layout.port_bits, c.layout.tile_rows, c.columns, c.m, c.k, c.planes, c.tokens};
    GoldenRun out;
    out.y.assign(static_cast<std::size_t>(c.m) * c.columns, -12345);
    out.status = hls::ternary_matmul(shape, weights, x.data(), c.k, out.y.data());
    EXPECT_EQ(hls::beats_per_port(shape), beats_per_port(c.layout, c.m, c.k, c.planes));
    return out;
}

/// The reference with the columns of unused tokens.
std::vector<std::int32_t> expected(const Case& c, const std::vector<std::int8_t>& w,
                                   const std::vector<std::int8_t>& x) {
    std::vector<std::int32_t> narrow(static_cast<std::size_t>(c.m) * c.tokens);
    hls::matmul_reference(w.data(), c.m, c.k, x.data(), c.tokens, narrow.data());
    std::vector<std::int32_t> y(static_cast<std::size_t>(c.m) * c.columns, 0);
    for (std::size_t r = 0; r < c.m; ++r) {
        std::copy_n(narrow.begin() + static_cast<std::ptrdiff_t>(r * c.tokens), c.tokens,
                    y.begin() + static_cast<std::ptrdiff_t>(r * c.columns));
    }
    return y;
}

void check(const Case& c, const std::vector<std::int8_t>& w, const std::vector<std::int8_t>& x) {
    const PackedStreams streams = pack_matrix(c.layout, c.m, c.k, c.planes, std::span<const std::int8_t>(w));
    const GoldenRun got = run_golden(c, streams, x);
    ASSERT_EQ(got.status.error, SETUN_ERR_NONE);
    EXPECT_EQ(got.status.beats, c.layout.ports * beats_per_port(c.layout, c.m, c.k, c.planes));
    EXPECT_EQ(got.y, expected(c, w, x));
}

std::string name(const Case& c) {
    return "ports " + std::to_string(c.layout.ports) + " bits " + std::to_string(c.layout.port_bits) +
           " tile " + std::to_string(c.layout.tile_rows) + " m " + std::to_string(c.m) + " k " +
           std::to_string(c.k) + " planes " + std::to_string(c.planes) + " tokens " +
           std::to_string(c.tokens) + " of " + std::to_string(c.columns);
}

TEST(GoldenMatmul, RandomShapesAndLayouts) {
    for (std::uint64_t seed = 0; seed < 60; ++seed) {
        test::Random random(seed);
        Case c{};
        c.layout.ports = 1U << static_cast<unsigned>(random.between(0, 2));
        c.layout.port_bits = 128U << static_cast<unsigned>(random.between(0, 2));
        c.layout.tile_rows = 16U << static_cast<unsigned>(random.between(0, 2));
        c.m = static_cast<std::uint32_t>(random.between(1, 200));
        c.k = static_cast<std::uint32_t>(random.between(1, 700));
        c.planes = static_cast<unsigned>(random.between(1, 5));
        c.columns = 1U << static_cast<unsigned>(random.between(0, 3));
        c.tokens = static_cast<unsigned>(random.between(1, static_cast<int>(c.columns)));
        SCOPED_TRACE("seed " + std::to_string(seed) + ": " + name(c));
        const int reach = hls::max_of_planes(c.planes);
        check(c, random.integers<std::int8_t>(static_cast<std::size_t>(c.m) * c.k, -reach, reach),
              random.integers<std::int8_t>(static_cast<std::size_t>(c.tokens) * c.k, -128, 127));
    }
}

TEST(GoldenMatmul, ExtremesAreExact) {
    for (unsigned planes = 1; planes <= 5; ++planes) {
        const Case c{{2, 128, 16}, 37, 241, planes, 1, 1};
        SCOPED_TRACE(name(c));
        const std::size_t cells = static_cast<std::size_t>(c.m) * c.k;
        const auto reach = static_cast<std::int8_t>(hls::max_of_planes(planes));
        for (const int w : {+reach, -reach, 0}) {
            for (const int x : {127, -128, 0}) {
                check(c, std::vector<std::int8_t>(cells, static_cast<std::int8_t>(w)),
                      std::vector<std::int8_t>(c.k, static_cast<std::int8_t>(x)));
            }
        }
    }
}

/// 121 * -128 * 2^17 needs all 32 bits.
TEST(GoldenMatmul, LargestSumFitsInt32) {
    const Case c{{1, 512, 16}, 1, SETUN_MAX_K, 5, 1, 1};
    const PackedStreams streams =
        pack_matrix(c.layout, c.m, c.k, c.planes, std::vector<std::int8_t>(c.k, 121));
    EXPECT_EQ(run_golden(c, streams, std::vector<std::int8_t>(c.k, -128)).y[0], -121 * 128 * 131072);
}

TEST(GoldenMatmul, CountsNonzeroTrits) {
    const Case c{{2, 256, 16}, 5, 13, 1, 1, 1};
    test::Random random(0);
    const auto w = random.integers<std::int8_t>(static_cast<std::size_t>(c.m) * c.k, -1, 1);
    const PackedStreams streams = pack_matrix(c.layout, c.m, c.k, c.planes, std::span<const std::int8_t>(w));
    const auto nonzero =
        static_cast<std::uint64_t>(std::count_if(w.begin(), w.end(), [](int v) { return v != 0; }));
    EXPECT_EQ(run_golden(c, streams, std::vector<std::int8_t>(c.k, 1)).status.nonzero, nonzero);
}

TEST(GoldenMatmul, TopFunctionGivesTheSame) {
    const Case c{{4, 128, 16}, 70, 300, 3, 2, 4};
    test::Random random(11);
    const auto w = random.integers<std::int8_t>(static_cast<std::size_t>(c.m) * c.k, -13, 13);
    const auto x = random.integers<std::int8_t>(static_cast<std::size_t>(c.tokens) * c.k, -128, 127);
    const PackedStreams streams = pack_matrix(c.layout, c.m, c.k, c.planes, std::span<const std::int8_t>(w));
    const auto port = [&streams](std::size_t p) {
        return reinterpret_cast<const std::uint8_t*>(streams[p].data());
    };
    std::vector<std::int32_t> y(static_cast<std::size_t>(c.m) * c.columns);
    std::vector<std::uint64_t> status(5, 99);
    setun_hls_matmul(port(0), port(1), port(2), port(3), x.data(), y.data(), status.data(), 4, 128, 16,
                     c.columns, c.m, c.k, c.planes, c.tokens, c.k);
    const GoldenRun got = run_golden(c, streams, x);
    EXPECT_EQ(y, expected(c, w, x));
    EXPECT_EQ(status,
              (std::vector<std::uint64_t>{SETUN_ERR_NONE, 0, 0, got.status.beats, got.status.nonzero}));
}

TEST(GoldenMatmul, ReportsTheFirstIllegalCodeInConsumptionOrder) {
    const Case c{{2, 128, 16}, 40, 200, 2, 1, 1};
    PackedStreams streams = pack_matrix(c.layout, c.m, c.k, c.planes,
                                        std::vector<std::int8_t>(static_cast<std::size_t>(c.m) * c.k, 0));
    const std::size_t beat = c.layout.beat_bytes();
    const auto break_beat = [&](unsigned port, std::size_t index) {
        std::fill_n(streams[port].begin() + static_cast<std::ptrdiff_t>(index * beat), beat, std::byte{0xFF});
    };
    break_beat(0, 9);  // later in the stream
    break_beat(1, 7);  // same position as port 0's, but the lower port counts
    break_beat(0, 7);
    const GoldenRun got = run_golden(c, streams, std::vector<std::int8_t>(c.k, 1));
    EXPECT_EQ(got.status.error, SETUN_ERR_TRIT);
    EXPECT_EQ(got.status.port, 0U);
    EXPECT_EQ(got.status.offset, 7 * beat);
}

TEST(GoldenMatmul, RefusesEachIllegalCodeInEachPlaceOfABeat) {
    const Case c{{1, 128, 16}, 1, 80, 1, 1, 1};
    const PackedStreams zero = pack_matrix(c.layout, c.m, c.k, c.planes, std::vector<std::int8_t>(c.k, 0));
    const std::vector<std::int8_t> x(c.k, 1);
    for (unsigned code = 0; code < 256; ++code) {
        std::int8_t trits[hls::kTritsPerCode];
        const bool legal = hls::decode_trits(static_cast<std::uint8_t>(code), trits);
        for (std::size_t i = 0; i < c.layout.beat_bytes(); ++i) {
            PackedStreams streams = zero;
            for (std::size_t j = 0; j < 8; ++j) {  // bit j of code i is beat bit j * B + i
                const std::size_t position = j * c.layout.beat_bytes() + i;
                const auto mask = static_cast<std::byte>(1U << (position % 8));
                std::byte& byte = streams[0][position / 8];
                byte = (code >> j & 1U) != 0 ? byte | mask : byte & ~mask;
            }
            const GoldenRun got = run_golden(c, streams, x);
            ASSERT_EQ(got.status.error, legal ? SETUN_ERR_NONE : SETUN_ERR_TRIT)
                << "code " << code << " at " << i;
            if (legal) {
                ASSERT_EQ(got.y[0], trits[0] + trits[1] + trits[2] + trits[3] + trits[4]);
            }
        }
    }
}

}  // namespace
}  // namespace setun
