// Packing of integer matrices.
#include "host/device/packing.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <string>

#include "hls/trit.h"
#include "host/base/error.h"
#include "tests/hls/random_data.h"

namespace setun {
namespace {

using Weights = std::vector<std::int8_t>;

PackedStreams pack(const StreamLayout& layout, std::uint32_t m, std::uint32_t k, unsigned planes,
                   const Weights& w) {
    return pack_matrix(layout, m, k, planes, std::span<const std::int8_t>(w));
}

/// The message of the InputError that `act` throws.
template <class Act>
std::string refusal(Act act) {
    try {
        act();
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

/// docs/memory-format.md sections 2 and 3, read literally: bit by bit, beat by beat.
TEST(Packing, EqualsTheFormatReadLiterally) {
    for (std::uint64_t seed = 0; seed < 12; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        test::Random random(seed);
        const StreamLayout layout{1U << static_cast<unsigned>(random.between(0, 2)),
                                  128U << static_cast<unsigned>(random.between(0, 2)), 16};
        const auto m = static_cast<std::uint32_t>(random.between(1, 150));
        const auto k = static_cast<std::uint32_t>(random.between(1, 400));
        const auto planes = static_cast<unsigned>(random.between(1, 5));
        const int reach = hls::max_of_planes(planes);
        const Weights w = random.integers<std::int8_t>(static_cast<std::size_t>(m) * k, -reach, reach);
        const PackedStreams streams = pack(layout, m, k, planes, w);

        const std::uint32_t bytes = layout.port_bits / 8;
        const std::uint32_t lanes = 5 * bytes;
        const std::uint32_t chunks = (k + lanes - 1) / lanes;
        const std::uint32_t span = layout.ports * layout.tile_rows;
        for (std::uint32_t port = 0; port < layout.ports; ++port) {
            std::size_t at = 0;
            for (std::uint32_t tile = 0; tile * span < m; ++tile) {
                const std::uint32_t rows = std::min(span, m - tile * span);
                const std::uint32_t groups = (rows + layout.ports - 1) / layout.ports;
                for (unsigned d = 0; d < planes; ++d) {
                    for (std::uint32_t c = 0; c < chunks; ++c) {
                        for (std::uint32_t g = 0; g < groups; ++g, at += bytes) {
                            const std::uint32_t row = tile * span + g * layout.ports + port;
                            for (std::uint32_t i = 0; i < bytes; ++i) {
                                unsigned code = 0;
                                for (unsigned j = 0; j < 8; ++j) {
                                    const std::uint32_t bit = j * bytes + i;
                                    code |=
                                        (std::to_integer<unsigned>(streams[port][at + bit / 8]) >> (bit % 8) &
                                         1U)
                                        << j;
                                }
                                std::int8_t trits[5];
                                ASSERT_TRUE(hls::decode_trits(static_cast<std::uint8_t>(code), trits));
                                for (std::uint32_t t = 0; t < 5; ++t) {
                                    const std::uint32_t input = c * lanes + t * bytes + i;
                                    std::int8_t digits[5] = {};
                                    if (row < m && input < k) {
                                        hls::to_balanced_ternary(w[static_cast<std::size_t>(row) * k + input],
                                                                 planes, digits);
                                    }
                                    ASSERT_EQ(trits[t], digits[d]);
                                }
                            }
                        }
                    }
                }
            }
            EXPECT_EQ(at, streams[port].size());
            EXPECT_EQ(at, stream_bytes(layout, m, k, planes));
        }
    }
}

TEST(Packing, RoundTripRepackAndRows) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        test::Random random(seed);
        const auto layout = [&random] {
            return StreamLayout{1U << static_cast<unsigned>(random.between(0, 4)),
                                128U << static_cast<unsigned>(random.between(0, 2)),
                                16U << static_cast<unsigned>(random.between(0, 3))};
        };
        const StreamLayout from = layout();
        const StreamLayout to = layout();
        const auto m = static_cast<std::uint32_t>(random.between(1, 300));
        const auto k = static_cast<std::uint32_t>(random.between(1, 900));
        const auto planes = static_cast<unsigned>(random.between(1, 5));
        const int reach = hls::max_of_planes(planes);
        const Weights w = random.integers<std::int8_t>(static_cast<std::size_t>(m) * k, -reach, reach);
        const PackedStreams streams = pack(from, m, k, planes, w);
        EXPECT_EQ(unpack_matrix(from, m, k, planes, streams), w);
        EXPECT_EQ(repack(from, to, m, k, planes, views(streams)), pack(to, m, k, planes, w));
        EXPECT_EQ(pack_matrix(from, m, k, planes,
                              [&](std::uint32_t row, std::span<std::int8_t> out) {
                                  std::copy_n(w.begin() + static_cast<std::ptrdiff_t>(row) * k, k,
                                              out.begin());
                              }),
                  streams);
        const auto row = static_cast<std::uint32_t>(random.between(0, static_cast<int>(m) - 1));
        Weights one(k, 55);
        unpack_row(StreamIndex(from, m, k, planes), row, views(streams), one);
        EXPECT_TRUE(std::equal(one.begin(), one.end(), w.begin() + static_cast<std::ptrdiff_t>(row) * k));
        EXPECT_NO_THROW(check_streams(StreamIndex(from, m, k, planes), views(streams)));
    }
}

TEST(Packing, CountsTrits) {
    test::Random random(0);
    const std::uint32_t m = 33;
    const std::uint32_t k = 101;
    const Weights w = random.integers<std::int8_t>(static_cast<std::size_t>(m) * k, -1, 1);
    const auto zeros = static_cast<std::uint64_t>(std::count(w.begin(), w.end(), 0));
    for (const unsigned bits : {128U, 256U, 512U}) {
        const StreamLayout layout{2, bits, 16};
        const TritCounts counts = count_trits(StreamIndex(layout, m, k, 1), views(pack(layout, m, k, 1, w)));
        EXPECT_EQ(counts.zero, zeros);
        EXPECT_EQ(counts.nonzero, static_cast<std::uint64_t>(m) * k - zeros);
        EXPECT_NEAR(counts.zero_share(), static_cast<double>(zeros) / (m * k), 1e-12);
    }
    EXPECT_EQ(TritCounts{}.zero_share(), 0.0);
}

TEST(Packing, RefusesAWeightThatDoesNotFit) {
    Weights w(6, 0);
    w[4] = 2;
    const std::string text = refusal([&] { pack({}, 2, 3, 1, w); });
    EXPECT_NE(text.find("weight 2 at row 1, input 1"), std::string::npos) << text;
    EXPECT_NO_THROW(pack({}, 2, 3, 2, w));
    w[4] = 122;
    EXPECT_NE(refusal([&] { pack({}, 2, 3, 5, w); }), "");
    w[4] = -128;
    EXPECT_NE(refusal([&] { pack({}, 2, 3, 5, w); }), "");
    EXPECT_NE(refusal([&] { pack({}, 2, 4, 1, w); }), "") << "8 weights wanted, 6 given";
}

TEST(Packing, RefusesShapesAndLayoutsThatNoKernelHas) {
    EXPECT_NE(refusal([] { StreamIndex({}, 0, 1, 1); }), "");
    EXPECT_NE(refusal([] { StreamIndex({}, (1U << 20) + 1, 1, 1); }), "");
    EXPECT_NE(refusal([] { StreamIndex({}, 1, 0, 1); }), "");
    EXPECT_NE(refusal([] { StreamIndex({}, 1, (1U << 17) + 1, 1); }), "");
    EXPECT_NE(refusal([] { StreamIndex({}, 1, 1, 0); }), "");
    EXPECT_NE(refusal([] { StreamIndex({}, 1, 1, 6); }), "");
    EXPECT_NE(refusal([] { StreamIndex({0, 512, 1024}, 1, 1, 1); }), "");
    EXPECT_NE(refusal([] { StreamIndex({3, 512, 1024}, 1, 1, 1); }), "");
    EXPECT_NE(refusal([] { StreamIndex({1, 64, 1024}, 1, 1, 1); }), "");
    EXPECT_NE(refusal([] { StreamIndex({1, 512, 1000}, 1, 1, 1); }), "");
    EXPECT_NE(refusal([] { StreamIndex({1, 512, 8}, 1, 1, 1); }), "");
    EXPECT_EQ(beats_per_port({1, 128, 16}, 1U << 20, 1U << 17, 5), 5ULL * 1639 * (1U << 20));
}

TEST(Packing, RefusesDamagedStreams) {
    const StreamLayout layout{2, 128, 16};
    const std::uint32_t m = 5;   // one padding row
    const std::uint32_t k = 81;  // 79 padding inputs in the second chunk
    const PackedStreams good = pack(layout, m, k, 1, Weights(static_cast<std::size_t>(m) * k, 1));
    const StreamIndex index(layout, m, k, 1);

    PackedStreams bad = good;
    const auto illegal = index.place(2, 0, 1);
    std::fill_n(bad[illegal.port].begin() + static_cast<std::ptrdiff_t>(illegal.byte), 16, std::byte{0xFF});
    const std::string text = refusal([&] { unpack_matrix(layout, m, k, 1, bad); });
    EXPECT_NE(text.find("illegal trit code"), std::string::npos) << text;
    EXPECT_NE(text.find("port 0, byte " + std::to_string(illegal.byte)), std::string::npos) << text;
    EXPECT_NE(refusal([&] { check_streams(index, views(bad)); }), "");

    bad = good;
    const auto inputs = index.place(0, 0, 1);
    std::fill_n(bad[inputs.port].begin() + static_cast<std::ptrdiff_t>(inputs.byte), 16, std::byte{0});
    EXPECT_NE(refusal([&] { unpack_matrix(layout, m, k, 1, bad); }).find("padding is not zero"),
              std::string::npos);

    bad = good;
    const auto row = index.place(5, 0, 0);
    std::fill_n(bad[row.port].begin() + static_cast<std::ptrdiff_t>(row.byte), 16, std::byte{0});
    EXPECT_NE(refusal([&] { unpack_matrix(layout, m, k, 1, bad); }).find("padding is not zero"),
              std::string::npos);
    EXPECT_NE(refusal([&] { repack(layout, {}, m, k, 1, views(bad)); }), "");

    bad = good;
    bad[1].pop_back();
    EXPECT_NE(refusal([&] { unpack_matrix(layout, m, k, 1, bad); }).find("port 1"), std::string::npos);
    bad.pop_back();
    EXPECT_NE(refusal([&] { unpack_matrix(layout, m, k, 1, bad); }), "");
}

TEST(Packing, RandomStreamsAreValidSeededAndHaveTheAskedZeroShare) {
    for (const double share : {0.0, 0.3, 0.42, 1.0}) {
        const StreamLayout layout{2, 256, 64};
        const std::uint32_t m = 301;
        const std::uint32_t k = 1111;
        const StreamIndex index(layout, m, k, 2);
        const PackedStreams streams = random_streams(layout, m, k, 2, 7, share);
        EXPECT_NO_THROW(check_streams(index, views(streams)));
        EXPECT_NEAR(count_trits(index, views(streams)).zero_share(), share, 0.005);
        EXPECT_EQ(random_streams(layout, m, k, 2, 7, share), streams);
        if (share < 1) {
            EXPECT_NE(random_streams(layout, m, k, 2, 8, share), streams);
        }
    }
    EXPECT_NE(refusal([] { random_streams({}, 1, 1, 1, 0, 1.5); }), "");
}

TEST(Packing, RandomTritsAreBalancedInEveryWeightOfTheCode) {
    const std::uint32_t m = 400;
    const std::uint32_t k = 320;
    const Weights w = unpack_matrix({}, m, k, 1, random_streams({}, m, k, 1, 0, 0.4));
    for (std::uint32_t t = 0; t < 5; ++t) {
        int plus = 0;
        int minus = 0;
        for (std::size_t at = 0; at < w.size(); ++at) {
            if (at % k / 64 == t) {
                plus += w[at] == 1 ? 1 : 0;
                minus += w[at] == -1 ? 1 : 0;
            }
        }
        EXPECT_NEAR(plus / 25600.0, 0.3, 0.012) << t;
        EXPECT_NEAR(minus / 25600.0, 0.3, 0.012) << t;
    }
}

}  // namespace
}  // namespace setun
