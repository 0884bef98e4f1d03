// Number formats of model files and the quantisation rules, against their definitions written out.
#include "host/loaders/block_formats.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <filesystem>
#include <random>

#include "host/base/error.h"
#include "host/loaders/matrix_packing.h"
#include "tests/host/synthetic_gguf.h"

namespace setun {
namespace {

using test::GgufType;

std::span<const std::byte> bytes_of_text(const std::string& text) { return std::as_bytes(std::span(text)); }

TensorRows rows_of(const std::vector<float>& values, std::uint32_t m) {
    return {
        "w", {m, static_cast<std::uint32_t>(values.size() / m)}, BlockFormat::kF32, bytes_of(values), nullptr,
        0};
}

struct Unpacked {
    std::vector<std::int8_t> w;
    float scale;
};
Unpacked unpacked(const PackedMatrix& matrix) {
    return {unpack_matrix(matrix.layout, matrix.m, matrix.k, matrix.planes, matrix.streams), matrix.scale};
}

Unpacked ternarise(const std::vector<float>& values) {
    Model model;
    return unpacked(pack_ternarised(model, "w", rows_of(values, 1), {}));
}

Unpacked planes(const std::vector<float>& values) {
    Model model;
    return unpacked(pack_digit_planes(model, "w", rows_of(values, 1), {}));
}

TEST(Ternarise, FollowsThePublishedFormula) {
    // mean|W| = 0.8, thresholds at 0.4
    const auto [w, scale] = ternarise({1.0F, -1.0F, 0.3F, -0.5F, 0.0F, 2.0F});
    EXPECT_FLOAT_EQ(scale, 0.8F);
    EXPECT_EQ(w, (std::vector<std::int8_t>{1, -1, 0, -1, 0, 1}));
    const auto zeros = ternarise(std::vector<float>(4, 0.0F));
    EXPECT_FLOAT_EQ(zeros.scale, 1e-5F);
    EXPECT_EQ(zeros.w, std::vector<std::int8_t>(4, 0));
    EXPECT_THROW(ternarise({1, std::nanf("")}), InputError);
    EXPECT_THROW(ternarise({1, INFINITY}), InputError);
}

TEST(Ternarise, RoundsHalfToEven) {
    // mean|W| is exactly 1, so +-0.5 lies on the threshold and goes to the even integer, zero.
    EXPECT_EQ(ternarise({0.5F, -0.5F, 1.5F, -1.5F}).w, (std::vector<std::int8_t>{0, 0, 1, -1}));
}

TEST(Ternarise, HandlesHugeAndTinyWeights) {
    const auto [w, scale] = ternarise({3e38F, -3e38F, 1e-34F, 0.0F});
    EXPECT_FLOAT_EQ(scale, 1.5e38F);
    EXPECT_EQ(w, (std::vector<std::int8_t>{1, -1, 0, 0}));
}

TEST(DigitPlanes, ReachesExactly121) {
    const auto [w, scale] = planes({-2.0F, 1.0F, 2.0F, 0.0F});
    EXPECT_EQ(w[0], -121);
    EXPECT_EQ(w[2], 121);
    EXPECT_EQ(w[3], 0);
    EXPECT_FLOAT_EQ(scale, 2.0F / 121);
    EXPECT_EQ(planes(std::vector<float>(3, 0.0F)).w, std::vector<std::int8_t>(3, 0));
    EXPECT_THROW(planes({1, std::nanf("")}), InputError);
}

TEST(DigitPlanes, RoundsLikeNearbyint) {
    for (const std::uint64_t seed : {0U, 1U}) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        std::normal_distribution<float> draw;
        std::vector<float> values(5000);
        for (float& value : values) {
            value = draw(random);
        }
        const auto [w, scale] = planes(values);
        for (std::size_t i = 0; i < values.size(); ++i) {
            ASSERT_EQ(w[i], static_cast<int>(std::nearbyint(values[i] / scale))) << i;
        }
    }
}

/// Many threads, windows and rows that are not multiples of anything: the lowest bad row is named.
TEST(MatrixPacking, NamesTheFirstBadRow) {
    std::vector<float> values(std::size_t{1000} * 33, 0.5F);
    values[998 * 33 + 5] = NAN;
    values[401 * 33 + 7] = INFINITY;
    Model model;
    try {
        pack_digit_planes(model, "w", rows_of(values, 1000), {});
        FAIL() << "accepted";
    } catch (const InputError& error) {
        EXPECT_STREQ(error.what(), "w: row 401, column 7 holds a value that is not finite");
    }
}

TEST(ExactTernary, AcceptsOneMagnitudeOnly) {
    Model model;
    const auto [w, scale] =
        unpacked(pack_exact_ternary(model, "w", rows_of({0.5F, 0, -0.5F, -0.0F}, 2), 2, {}));
    EXPECT_EQ(w, (std::vector<std::int8_t>{1, 0, -1, 0}));
    EXPECT_EQ(scale, 1.0F);
    EXPECT_EQ(unpacked(pack_exact_ternary(model, "w", rows_of({0, 0}, 1), 1, {})).scale, 1.0F);
    EXPECT_THROW(pack_exact_ternary(model, "w", rows_of({0.5F, 0, -0.25F, 0}, 2), 1, {}), InputError);
}

TEST(HalfToFloat, IsExactForAllValues) {
    for (unsigned half = 0; half < 0x10000; ++half) {
        const float value = half_to_float(static_cast<std::uint16_t>(half));
        const int exponent = static_cast<int>(half >> 10) & 31;
        const int fraction = static_cast<int>(half) & 1023;
        ASSERT_EQ(std::signbit(value), half >= 0x8000) << half;
        if (exponent == 31) {
            ASSERT_EQ(std::isnan(value), fraction != 0) << half;
            ASSERT_EQ(std::isinf(value), fraction == 0) << half;
        } else {
            const double magnitude =
                exponent == 0 ? std::ldexp(fraction, -24) : std::ldexp(fraction + 1024, exponent - 25);
            ASSERT_EQ(std::abs(static_cast<double>(value)), magnitude) << half;
        }
    }
}

class TernaryFormat : public testing::TestWithParam<std::pair<GgufType, BlockFormat>> {};

TEST_P(TernaryFormat, RoundTrips) {
    const auto [type, format] = GetParam();
    for (const std::uint64_t seed : {0U, 1U, 2U}) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        std::vector<std::int8_t> w(2048);
        for (auto& value : w) {
            value = static_cast<std::int8_t>(static_cast<int>(random() % 3) - 1);
        }
        const std::string stored = test::encode_ternary(type, w, 0.5F);
        ASSERT_EQ(stored.size(), tensor_bytes(format, w.size()));
        std::vector<std::int8_t> decoded(w.size());
        const std::size_t codes = format == BlockFormat::kI2S ? stored.size() - 32 : stored.size();
        EXPECT_FALSE(decode_trits(format, bytes_of_text(stored).first(codes), decoded).has_value());
        EXPECT_EQ(decoded, w);
        if (format != BlockFormat::kI2S) {
            EXPECT_EQ(ternary_block_scale(format, bytes_of_text(stored).first(block_size(format).bytes)),
                      0.5F);
        }
    }
}

TEST_P(TernaryFormat, NamesEveryIllegalCode) {
    const auto [type, format] = GetParam();
    const std::vector<std::int8_t> w(512, 0);
    const std::string good = test::encode_ternary(type, w, 0.5F);
    std::vector<std::int8_t> decoded(w.size());
    const auto size = block_size(format);
    const std::size_t codes_a_block = format == BlockFormat::kI2S ? size.bytes : size.bytes - 2;
    const std::size_t all = w.size() / size.elements * size.bytes;
    for (std::size_t at = 0; at < all; ++at) {
        if (at % size.bytes < codes_a_block) {
            std::string bad = good;
            // Code 3 four times; in base 3 the first byte that no five trits give.
            bad[at] = static_cast<char>(format == BlockFormat::kTq1_0 ? 1 : 0xFF);
            EXPECT_EQ(decode_trits(format, bytes_of_text(bad).first(all), decoded), at);
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Formats, TernaryFormat,
                         testing::Values(std::pair{GgufType::kTq1_0, BlockFormat::kTq1_0},
                                         std::pair{GgufType::kTq2_0, BlockFormat::kTq2_0},
                                         std::pair{GgufType::kI2S, BlockFormat::kI2S}));

/// tests/host/data/ggml_blocks.json: blocks of every quantised type with the values that the reference
/// implementation in Python (the package gguf) gives for them.
TEST(BlockFormats, AgreeWithTheReferenceImplementation) {
    const auto recorded = nlohmann::json::parse(
        test::read_file(std::filesystem::path(SETUN_SOURCE_DIR) / "tests/host/data/ggml_blocks.json"));
    unsigned formats = 0;
    for (const BlockFormat format : {BlockFormat::kQ8_0, BlockFormat::kQ4_0, BlockFormat::kQ4_K,
                                     BlockFormat::kQ6_K, BlockFormat::kTq1_0, BlockFormat::kTq2_0}) {
        SCOPED_TRACE(block_format_name(format));
        const auto& entry = recorded.at("blocks").at(block_format_name(format));
        const auto hex = entry.at("bytes").get<std::string>();
        std::string bytes;
        for (std::size_t i = 0; i < hex.size(); i += 2) {
            bytes.push_back(static_cast<char>(std::stoi(hex.substr(i, 2), nullptr, 16)));
        }
        const auto values = entry.at("values").get<std::vector<float>>();
        ASSERT_EQ(bytes.size(), tensor_bytes(format, values.size()));
        std::vector<float> decoded(values.size());
        if (is_ternary(format)) {
            std::vector<std::int8_t> w(values.size());
            EXPECT_FALSE(decode_trits(format, bytes_of_text(bytes), w).has_value());
            const auto block = bytes_of_text(bytes).first(block_size(format).bytes);
            const float scale = ternary_block_scale(format, block);
            std::transform(w.begin(), w.end(), decoded.begin(),
                           [scale](std::int8_t trit) { return static_cast<float>(trit) * scale; });
        } else {
            decode_floats(format, bytes_of_text(bytes), decoded);
        }
        EXPECT_EQ(decoded, values);
        ++formats;
    }
    EXPECT_EQ(formats, recorded.at("blocks").size());
}

TEST(Tq1, Uses243Of256Bytes) {
    std::string block(54, '\0');
    std::vector<std::int8_t> decoded(256);
    unsigned legal = 0;
    for (unsigned byte = 0; byte < 256; ++byte) {
        block[0] = static_cast<char>(byte);
        legal += decode_trits(BlockFormat::kTq1_0, bytes_of_text(block), decoded) ? 0U : 1U;
    }
    EXPECT_EQ(legal, 243U);
}

/// The last four bytes of a TQ1_0 block hold four trits: the fifth digit of a written byte is 0.
TEST(Tq1, TailBytesDecodeTheirFourTrits) {
    std::vector<std::int8_t> w(256, -1);
    for (std::size_t i = 240; i < 256; ++i) {
        w[i] = static_cast<std::int8_t>(static_cast<int>(i % 3) - 1);
    }
    const std::string stored = test::encode_ternary(GgufType::kTq1_0, w, 1);
    std::vector<std::int8_t> decoded(256);
    EXPECT_FALSE(decode_trits(BlockFormat::kTq1_0, bytes_of_text(stored), decoded).has_value());
    EXPECT_EQ(decoded, w);
}

}  // namespace
}  // namespace setun
