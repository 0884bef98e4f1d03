// Logits against those that Hugging Face transformers and llama.cpp gave for the same small models
// (scripts/peers).
#include <gtest/gtest.h>
#include <zlib.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "host/cpu/cpu_device.h"
#include "host/generate/generate.h"
#include "host/loaders/gguf_loader.h"
#include "host/loaders/hf_loader.h"
#include "tests/host/synthetic_gguf.h"
#include "tests/host/synthetic_model.h"

namespace setun {
namespace {

/// Logits by position.
using Rows = std::vector<std::vector<double>>;

/// What the CPU device gives behind every token.
Rows setun_logits(const Model& model, const std::vector<std::uint32_t>& tokens) {
    CpuOptions cpu;
    cpu.threads = 1;
    const auto device = make_cpu_device(cpu);
    const LoweredModel lowered(product_groups(model), *device);
    GenerateRequest request;
    request.prompt = tokens;
    request.keep_logits = true;
    Scheduler scheduler(2);
    const GenerateResult result =
        generate(scheduler, model, lowered, scheduler.attach(*device), nullptr, request);
    Rows rows;
    for (const auto& logits : result.logits) {
        rows.emplace_back(logits.begin(), logits.end());
    }
    return rows;
}

/// Differences relative to the largest logit of the position.
void expect_close(const Rows& ours, const Rows& theirs, double limit) {
    ASSERT_EQ(ours.size(), theirs.size());
    for (std::size_t p = 0; p < ours.size(); ++p) {
        ASSERT_EQ(ours[p].size(), theirs[p].size());
        double size = 0;
        double error = 0;
        for (std::size_t i = 0; i < ours[p].size(); ++i) {
            size = std::max(size, std::abs(theirs[p][i]));
            error = std::max(error, std::abs(ours[p][i] - theirs[p][i]));
        }
        EXPECT_GT(size, 0);
        EXPECT_LE(error, limit * size) << "position " << p;
    }
}

class PeerLogits : public testing::TestWithParam<const char*> {};

TEST_P(PeerLogits, EqualRecordedOnes) {
    const std::filesystem::path folder =
        std::filesystem::path(SETUN_SOURCE_DIR) / "tests/host/data/transformers" / GetParam();
    const auto recorded = nlohmann::json::parse(test::read_file(folder / "logits.json"));
    const Rows ours = setun_logits(load_hugging_face(folder, {}), recorded["tokens"]);
    expect_close(ours, recorded["logits"], 1e-5);
}

/// llama.cpp quantises the inputs of matrices by blocks of 256 and leaves the head in float, BitNet and Setun
/// quantise by token, the head too. So the proof goes over two runs of plain_logits() that differ in nothing
/// but that rule: with one it must give llama.cpp's logits (graph and file format are understood as there),
/// with the other Setun's.
TEST(LlamaCppLogits, DifferInTheActivationRuleAlone) {
    const auto recorded = nlohmann::json::parse(
        test::read_file(std::filesystem::path(SETUN_SOURCE_DIR) / "tests/host/data/llama_cpp.json"));
    const auto tokens = recorded["tokens"].get<std::vector<std::uint32_t>>();
    ASSERT_EQ(recorded["cases"].size(), 2U);
    for (const auto& item : recorded["cases"]) {
        SCOPED_TRACE(item["architecture"]);
        test::SyntheticOptions options;
        options.hidden = item["hidden"];
        options.ffn = item["ffn"];
        options.layers = item["layers"];
        options.heads = item["heads"];
        options.kv_heads = item["kv_heads"];
        options.seed = item["seed"];
        options.activation = "silu";
        test::GgufOptions form;
        form.architecture = item["architecture"];
        options.sub_norms = form.architecture == "bitnet";
        form.linear = item["type"] == "tq1_0" ? test::GgufType::kTq1_0 : test::GgufType::kTq2_0;
        form.embedding = test::GgufType::kF32;
        const test::PlainModel plain = test::make_plain_model(options);
        const std::string file = test::gguf_of(plain, form).bytes();
        ASSERT_EQ(::crc32_z(0, reinterpret_cast<const unsigned char*>(file.data()), file.size()),
                  item["crc32"].get<unsigned long>())
            << "not the file of the recording: run scripts/peers/record_llama_cpp.py again";

        // float32 against double: sums of up to 768 products of 24-bit numbers, as in the other peers.
        constexpr double kFloat = 2e-6;
        const Rows theirs = item["logits"];
        const Rows by_block = test::plain_logits(plain, tokens, test::Arithmetic::kLlamaCpp);
        const Rows by_token = test::plain_logits(plain, tokens);
        expect_close(by_block, theirs, kFloat);
        const Rows ours = setun_logits(load_gguf(MappedFile::in_memory("file", bytes_of(file)), {}), tokens);
        expect_close(ours, by_token, kFloat);

        // What the rule costs: a rounding error is uniform in a step of 1/127 of the largest value, so
        // relative to the values (which reach 3 to 4 times their rms in 256 to 768 inputs) it is 4 / 127 /
        // sqrt(12) = 0.9 % a quantiser. Both programs make one at each of 4 stages in 2 layers, Setun one
        // more in the head: 0.9 % * sqrt(17) = 4 %, and twice that is the limit. More would be another model.
        for (std::size_t p = 0; p < ours.size(); ++p) {
            double error = 0;
            double size = 0;
            for (std::size_t i = 0; i < ours[p].size(); ++i) {
                error += (ours[p][i] - theirs[p][i]) * (ours[p][i] - theirs[p][i]);
                size += theirs[p][i] * theirs[p][i];
            }
            EXPECT_LE(std::sqrt(error / size), 0.08) << "position " << p;
            EXPECT_GE(std::sqrt(error / size), 0.005) << "the two rules are not told apart at position " << p;
        }
    }
}

/// A product of llama.cpp whose outputs its next quantiser finds to be exact halves of the largest, as
/// integers are. Its outputs are sums of eight float32 products, so equal integers have different last bits
/// and fall to different sides: no rule for halves explains such a model's logits, these lanes do.
TEST(LlamaCppProduct, RoundsExactHalvesAsItsLanesFall) {
    const auto recorded = nlohmann::json::parse(
        test::read_file(std::filesystem::path(SETUN_SOURCE_DIR) / "tests/host/data/llama_cpp_halves.json"));
    const auto x = recorded["x"].get<std::vector<float>>();
    test::PlainLinear linear;
    linear.k = static_cast<std::uint32_t>(x.size());
    linear.scale = recorded["scale"];
    for (const std::string row : recorded["w"]) {
        ASSERT_EQ(row.size(), x.size());
        ++linear.m;
        for (const char w : row) {
            linear.w.push_back(w == '0' ? std::int8_t{0} : w == '+' ? std::int8_t{1} : std::int8_t{-1});
        }
    }
    const std::vector<float> y = test::llama_cpp_product(linear, x);
    EXPECT_EQ(y, recorded["y"].get<std::vector<float>>());

    // The integers behind y: with one scale for all inputs, y is its largest times integer / largest integer.
    const float largest =
        *std::max_element(x.begin(), x.end(), [](float a, float b) { return std::abs(a) < std::abs(b); });
    std::vector<std::int64_t> exact(linear.m);
    for (std::size_t i = 0; i < linear.w.size(); ++i) {
        const auto q = static_cast<std::int64_t>(std::nearbyint(x[i % linear.k] * (-127 / largest)));
        exact[i / linear.k] += linear.w[i] * std::min<std::int64_t>(127, q);
    }
    const auto rounded = recorded["rounded"].get<std::vector<int>>();
    ASSERT_EQ(rounded.size(), y.size());
    ASSERT_GT(y.size(), 2U);
    constexpr std::int64_t kHalves = 254;  // of the quantiser's largest number, 127
    int up = 0;
    int against_even = 0;
    for (std::size_t row = 1; row < y.size(); ++row) {
        ASSERT_EQ(kHalves * exact[row] % exact[0], 0) << row;
        const std::int64_t twice = -kHalves * exact[row] / exact[0];
        ASSERT_NE(twice % 2, 0) << row << " is not a half";
        EXPECT_EQ(std::nearbyint(y[row] * (-127 / y[0])), rounded[row]) << row;
        up += std::int64_t{2} * rounded[row] > twice ? 1 : 0;
        against_even += rounded[row] % 2 != 0 ? 1 : 0;
    }
    EXPECT_GT(up, 0);
    EXPECT_LT(up, static_cast<int>(y.size()) - 1);
    EXPECT_GT(against_even, 0) << "half to even would explain them";
    bool told_apart = false;
    for (std::size_t a = 0; a < y.size(); ++a) {
        for (std::size_t b = 0; b < a; ++b) {
            told_apart = told_apart || (exact[a] == exact[b] && y[a] != y[b]);
        }
    }
    EXPECT_TRUE(told_apart) << "one float32 product of the integer would give these outputs";
}

INSTANTIATE_TEST_SUITE_P(Transformers, PeerLogits, testing::Values("relu2", "silu_divide", "llama"));

}  // namespace
}  // namespace setun
