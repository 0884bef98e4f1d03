// Sampling: portable numbers, and the options' meaning.
#include "host/generate/sampler.h"

#include <gtest/gtest.h>

#include <cmath>
#include <limits>
#include <map>

#include "host/base/error.h"

namespace setun {
namespace {

SamplingOptions options(double temperature, std::uint32_t top_k, double top_p, std::uint64_t seed) {
    SamplingOptions result;
    result.temperature = temperature;
    result.top_k = top_k;
    result.top_p = top_p;
    result.seed = seed;
    return result;
}

std::map<std::uint32_t, int> histogram(const SamplingOptions& sampling, const std::vector<float>& logits,
                                       int draws) {
    Sampler sampler(sampling);
    std::map<std::uint32_t, int> counts;
    for (int i = 0; i < draws; ++i) {
        ++counts[sampler.sample(logits)];
    }
    return counts;
}

TEST(SampleRandom, StartsWithSplitMixOfTheSeed) {
    // SplitMix64(0) gives E220A8397B1DCDAF, 6E789E6AA1B965F4, ...; the first output of xoshiro256** is rotl(5
    // s1, 7) * 9.
    const std::uint64_t s1 = 0x6E789E6AA1B965F4U;
    const std::uint64_t product = s1 * 5;
    EXPECT_EQ(SampleRandom(0).next(), ((product << 7) | (product >> 57)) * 9);
    SampleRandom a(1);
    SampleRandom b(1);
    for (int i = 0; i < 100; ++i) {
        EXPECT_EQ(a.next(), b.next());
    }
    SampleRandom c(2);
    for (int i = 0; i < 1000; ++i) {
        const double u = c.uniform();
        EXPECT_GE(u, 0);
        EXPECT_LT(u, 1);
    }
}

TEST(Sampler, GreedyTakesTheFirstOfTheLargest) {
    Sampler sampler({});
    EXPECT_EQ(sampler.sample(std::vector<float>{1, 3, 3, 2}), 1U);
    EXPECT_EQ(sampler.sample(std::vector<float>{-1}), 0U);
}

TEST(Sampler, FollowsTheSoftmax) {
    const std::vector<float> logits{0, std::log(2.0F), std::log(5.0F)};
    const int draws = 16000;
    const auto counts = histogram(options(1, 0, 1, 7), logits, draws);
    const std::array<double, 3> share{0.125, 0.25, 0.625};
    for (std::uint32_t i = 0; i < 3; ++i) {
        const double expected = draws * share[i];
        EXPECT_NEAR(counts.at(i), expected, 5 * std::sqrt(expected * (1 - share[i]))) << i;
    }
}

TEST(Sampler, TemperatureSharpensAndFlattens) {
    const std::vector<float> logits{0, 1};
    const int cold = histogram(options(0.1, 0, 1, 0), logits, 2000)[1];
    const int hot = histogram(options(10, 0, 1, 0), logits, 2000)[1];
    EXPECT_GE(cold, 1990);  // share of the other: e^-10
    EXPECT_NEAR(hot, 1050, 150);
}

TEST(Sampler, TopKAndTopPCutTheTail) {
    const std::vector<float> logits{0, std::log(2.0F), std::log(5.0F), 0};
    for (const auto& [token, count] : histogram(options(1, 2, 1, 0), logits, 2000)) {
        EXPECT_TRUE(token == 1 || token == 2) << token << " " << count;
    }
    // Shares 5/9, 2/9, 1/9, 1/9: 0.6 needs the two likeliest, 0.5 only the first.
    EXPECT_EQ(histogram(options(1, 0, 0.6, 0), logits, 2000).size(), 2U);
    EXPECT_EQ(histogram(options(1, 0, 0.5, 0), logits, 2000).size(), 1U);
    EXPECT_EQ(histogram(options(1, 100, 1, 0), logits, 4000).size(), 4U);
}

TEST(Sampler, SameSeedSameTokens) {
    const std::vector<float> logits(50, 0.0F);
    Sampler a(options(1, 0, 1, 3));
    Sampler b(options(1, 0, 1, 3));
    Sampler c(options(1, 0, 1, 4));
    int different = 0;
    for (int i = 0; i < 100; ++i) {
        const auto token = a.sample(logits);
        EXPECT_EQ(token, b.sample(logits));
        different += token != c.sample(logits) ? 1 : 0;
    }
    EXPECT_GT(different, 50);
}

TEST(Sampler, SurvivesNotANumber) {
    const float nan = std::numeric_limits<float>::quiet_NaN();
    Sampler sampler(options(1, 0, 1, 0));
    EXPECT_EQ(sampler.sample(std::vector<float>{nan, 0, nan}), 1U);
    EXPECT_EQ(sampler.sample(std::vector<float>{nan, nan}), 0U);
}

TEST(Sampler, RefusesOptionsOutOfRange) {
    EXPECT_THROW(Sampler(options(-1, 0, 1, 0)), InputError);
    EXPECT_THROW(Sampler(options(std::nan(""), 0, 1, 0)), InputError);
    EXPECT_THROW(Sampler(options(1, 0, 0, 0)), InputError);
    EXPECT_THROW(Sampler(options(1, 0, 1.5, 0)), InputError);
}

}  // namespace
}  // namespace setun
