// Work of whole models: closed forms by hand.
#include <gtest/gtest.h>

#include "energy_model/energy.h"
#include "tests/energy/small_shape.h"

namespace setun::energy {
namespace {

const Engine kEngine{.port_bits = 128, .ports = 1, .tokens = 4, .tile_rows = 16};

TEST(Workload, DecodeOfOneToken) {
    const WorkCounts w = model_work(small_shape(), {Phase::kDecode, 5, 1}, kEngine);
    const std::uint64_t layer = 4 * 4 + 2 * (2 * 4) + 4 * 4 + 3 * (4 * 6);
    EXPECT_EQ(w.tokens, 1U);
    EXPECT_EQ(w.macs, 3 * layer + 10 * 4);
    EXPECT_EQ(w.weights, 3 * layer + 10 * 4);
    EXPECT_EQ(w.head_weights, 40U);
    EXPECT_EQ(w.trit_macs, 3 * layer + 5 * 40);
    EXPECT_EQ(w.commands, 3 * 7U + 1);
    // Every row of every matrix is one beat: inputs fit one chunk of 80.
    const std::uint64_t rows = 4 + 2 + 2 + 4 + 6 + 6 + 4;
    EXPECT_EQ(w.beats, 3 * rows + 5 * 10);
    EXPECT_EQ(w.weight_bytes, w.beats * 16);
    EXPECT_EQ(w.head_weight_bytes, 5U * 10 * 16);
    EXPECT_EQ(w.activation_bytes, (3U * 7 + 1) * (16 + 64));
    EXPECT_EQ(w.result_bytes, (3 * rows + 10) * 4 * 4);
    // Scores and values: 2 multiply-adds for 4 query elements, 5 positions, 3 layers.
    EXPECT_EQ(w.fp16_macs, 2U * 4 * 5 * 3);
    // K and V: 2 elements each a position and layer.
    EXPECT_EQ(w.kv_read_elements, 5U * 2 * 2 * 3);
    EXPECT_EQ(w.kv_write_elements, 1U * 2 * 2 * 3);
    EXPECT_EQ(w.kv_bits, 8U);
}

TEST(Workload, ElementwiseStepsOfOneToken) {
    const WorkCounts w = model_work(small_shape(), {Phase::kDecode, 5, 1}, kEngine);
    // A layer: norms of 4, 4, 4 (queries) and 6 elements, RoPE of 4 + 2, two residuals of 4, relu2 and gate
    // of 6; a score 13 and 13 operations, 2 heads x 5 positions; at the end one norm of 4.
    const std::uint64_t norm = 4 + 4 + 4 + 6;
    EXPECT_EQ(w.fp32_muls, 3 * (3 * norm + 2 * 6 + 6 + 6 + 13 * 2 * 5) + 3 * 4);
    EXPECT_EQ(w.fp32_adds, 3 * (norm + 6 + 2 * 4 + 6 + 13 * 2 * 5) + 4);
    // Quantised: 4, 4, 4, 6 a layer and 4; dequantised: 4 + 2 + 2, 4, 12, 4 a layer and 10.
    EXPECT_EQ(w.quantiser_adds, 3 * 2 * (4 + 4 + 4 + 6) + 2 * 4U);
    EXPECT_EQ(w.quantiser_muls, 3 * ((4 + 4 + 4 + 6) + (8 + 4 + 12 + 4)) + 4 + 10U);
}

TEST(Workload, BatchSharesPassesOverTheWeights) {
    const WorkCounts one = model_work(small_shape(), {Phase::kDecode, 5, 1}, kEngine);
    const WorkCounts four = model_work(small_shape(), {Phase::kDecode, 5, 4}, kEngine);
    const WorkCounts six = model_work(small_shape(), {Phase::kDecode, 5, 6}, kEngine);
    EXPECT_EQ(four.tokens, 4U);
    EXPECT_EQ(four.weight_bytes, one.weight_bytes);
    EXPECT_EQ(six.weight_bytes, 2 * one.weight_bytes);  // 4 rows, then 2
    EXPECT_EQ(four.macs, 4 * one.macs);
    EXPECT_EQ(six.macs, 6 * one.macs);
    EXPECT_EQ(six.fp16_macs, 6 * one.fp16_macs);
    EXPECT_EQ(six.kv_read_elements, 6 * one.kv_read_elements);
    EXPECT_EQ(four.result_bytes, one.result_bytes);  // columns are written, used or not
}

TEST(Workload, PromptIsCausalAndTakesItsHeadOnce) {
    const WorkCounts w = model_work(small_shape(), {Phase::kPrompt, 6, 1}, kEngine);
    EXPECT_EQ(w.tokens, 6U);
    EXPECT_EQ(w.fp16_macs, 2U * 4 * 3 * (1 + 2 + 3 + 4 + 5 + 6));
    // Two passes: the first sees 4 positions, the second 6.
    EXPECT_EQ(w.kv_read_elements, (4U + 6) * 2 * 2 * 3);
    EXPECT_EQ(w.kv_write_elements, 6U * 2 * 2 * 3);
    const WorkCounts decode = model_work(small_shape(), {Phase::kDecode, 6, 1}, kEngine);
    EXPECT_EQ(w.head_weight_bytes, decode.head_weight_bytes);
    EXPECT_EQ(w.weight_bytes - w.head_weight_bytes, 2 * (decode.weight_bytes - decode.head_weight_bytes));
}

TEST(Workload, PromptOfOneTokenIsDecodeAtOne) {
    const WorkCounts a = model_work(small_shape(), {Phase::kPrompt, 1, 3}, kEngine);
    const WorkCounts b = model_work(small_shape(), {Phase::kDecode, 1, 3}, kEngine);
    EXPECT_EQ(a.macs, b.macs);
    EXPECT_EQ(a.fp16_macs, b.fp16_macs);
    EXPECT_EQ(a.kv_read_elements, b.kv_read_elements);
    EXPECT_EQ(a.fp32_muls, b.fp32_muls);
    EXPECT_EQ(a.weight_bytes, b.weight_bytes);
}

TEST(Workload, ContextAddsAttentionAndNothingElse) {
    const WorkCounts a = model_work(small_shape(), {Phase::kDecode, 100, 1}, kEngine);
    const WorkCounts b = model_work(small_shape(), {Phase::kDecode, 101, 1}, kEngine);
    EXPECT_EQ(b.fp16_macs - a.fp16_macs, 2U * 4 * 3);
    EXPECT_EQ(b.kv_read_elements - a.kv_read_elements, 2U * 2 * 3);
    EXPECT_EQ(b.macs, a.macs);
    EXPECT_EQ(b.weight_bytes, a.weight_bytes);
    EXPECT_EQ(b.quantiser_muls, a.quantiser_muls);
}

TEST(Workload, LargestModelsDoNotOverflow) {
    const Engine engine{.port_bits = 512, .ports = 4, .tokens = 8, .tile_rows = 1024};
    const ModelShape s = find_shape("llama2-70b");
    const WorkCounts w = model_work(s, {Phase::kPrompt, 1U << 20U, 1}, engine);
    const double t = 1 << 20;
    EXPECT_NEAR(static_cast<double>(w.fp16_macs), t * (t + 1) * 8192 * 80, 1e-6 * t * t * 8192 * 80);
    EXPECT_NEAR(static_cast<double>(w.macs), t * static_cast<double>(s.linear_weights()),
                1e-6 * t * static_cast<double>(s.linear_weights()));
}

TEST(Workload, RefusesAbsurdity) {
    EXPECT_THROW((void)model_work(small_shape(), {Phase::kDecode, 0, 1}, kEngine), BadInput);
    EXPECT_THROW((void)model_work(small_shape(), {Phase::kDecode, (1U << 20U) + 1, 1}, kEngine), BadInput);
    EXPECT_THROW((void)model_work(small_shape(), {Phase::kDecode, 1, 0}, kEngine), BadInput);
    EXPECT_THROW((void)model_work(small_shape(), {Phase::kDecode, 1, (1U << 16U) + 1}, kEngine), BadInput);
    ModelShape bad = small_shape();
    bad.kv_heads = 0;
    EXPECT_THROW((void)model_work(bad, {Phase::kDecode, 1, 1}, kEngine), ShapeError);
    EXPECT_THROW(
        (void)model_work(small_shape(), {Phase::kDecode, 1, 1}, {.port_bits = 128, .ports = 1, .tokens = 0}),
        std::invalid_argument);
}

}  // namespace
}  // namespace setun::energy
