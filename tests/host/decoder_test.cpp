// The transformer step and the generation loop, against an independent model in double precision.
#include "host/model/decoder.h"

#include <gtest/gtest.h>

#include <cmath>

#include "host/base/error.h"
#include "host/cpu/cpu_device.h"
#include "host/generate/generate.h"
#include "host/loaders/hf_loader.h"
#include "tests/host/synthetic_model.h"

namespace setun {
namespace {

using Tokens = std::vector<std::uint32_t>;

/// A synthetic model and everything that runs it on the processor.
class Machine {
  public:
    explicit Machine(const test::SyntheticOptions& options, unsigned columns = 1) {
        plain = test::write_synthetic(folder_.path(), options);
        model = load_hugging_face(folder_.path(), {});
        CpuOptions cpu;
        cpu.tokens = columns;
        cpu.threads = 1;
        device_ = make_cpu_device(cpu);
        groups_ = product_groups(model);
        lowered_ = std::make_unique<LoweredModel>(groups_, *device_);
        reference_ = make_golden_reference(groups_, columns);
    }

    GenerateResult run(const GenerateRequest& request, bool verify = true) {
        Scheduler scheduler(2);
        return generate(scheduler, model, *lowered_, scheduler.attach(*device_),
                        verify ? reference_.get() : nullptr, request);
    }

    test::PlainModel plain;
    Model model;

  private:
    test::TemporaryFolder folder_;
    std::unique_ptr<Device> device_;
    std::vector<ProductGroup> groups_;
    std::unique_ptr<LoweredModel> lowered_;
    std::unique_ptr<ReferenceEngine> reference_;
};

GenerateRequest request_of(Tokens prompt, std::uint32_t count) {
    GenerateRequest request;
    request.prompt = std::move(prompt);
    request.max_tokens = count;
    return request;
}

double relative_difference(const std::vector<float>& found, const std::vector<double>& expected) {
    double error = 0;
    double size = 0;
    for (std::size_t i = 0; i < expected.size(); ++i) {
        error += std::pow(static_cast<double>(found[i]) - expected[i], 2);
        size += expected[i] * expected[i];
    }
    return std::sqrt(error / size);
}

struct Form {
    const char* activation;
    bool sub_norms;
    bool tied;
    std::uint32_t kv_heads;
};

class EveryForm : public testing::TestWithParam<Form> {};

TEST_P(EveryForm, LogitsAgreeWithTheIndependentModel) {
    for (const std::uint64_t seed : {0U, 1U, 2U}) {
        SCOPED_TRACE(seed);
        test::SyntheticOptions options;
        options.activation = GetParam().activation;
        options.sub_norms = GetParam().sub_norms;
        options.tied_head = GetParam().tied;
        options.kv_heads = GetParam().kv_heads;
        options.seed = seed;
        Machine machine(options);
        const Tokens tokens{256, 3, 65, 200, 65, 7, 0, 262, 17, 90};
        GenerateRequest request = request_of(tokens, 1);
        request.keep_logits = true;
        const GenerateResult result = machine.run(request);
        const auto expected = test::plain_logits(machine.plain, tokens);
        ASSERT_EQ(result.logits.size(), expected.size());
        for (std::size_t i = 0; i < expected.size(); ++i) {
            // Exact integers, float against double between them: only a value on the edge of two INT8 steps
            // differs.
            EXPECT_LT(relative_difference(result.logits[i], expected[i]), 0.02) << "position " << i;
        }
        EXPECT_EQ(result.mismatches, 0U);
        EXPECT_EQ(result.verified, result.products);
    }
}

INSTANTIATE_TEST_SUITE_P(Forms, EveryForm,
                         testing::Values(Form{"relu2", true, true, 2}, Form{"silu", false, true, 4},
                                         Form{"silu", true, false, 1}, Form{"relu2", false, false, 2}));

TEST(Generate, PromptInBlocksGivesTheSameBits) {
    const Tokens prompt{256, 3, 65, 200, 65, 7, 0, 262, 17, 90, 11};
    std::vector<Tokens> texts;
    for (const unsigned columns : {1U, 2U, 4U, 8U}) {
        Machine machine({}, columns);
        const GenerateResult result = machine.run(request_of(prompt, 20));
        EXPECT_EQ(result.mismatches, 0U);
        EXPECT_EQ(result.prompt.positions, prompt.size());
        EXPECT_EQ(result.prompt.steps, (prompt.size() + columns - 1) / columns)
            << "weights are read once for a block";
        EXPECT_EQ(result.decode.steps, 19U);
        texts.push_back(result.tokens);
    }
    for (const Tokens& text : texts) {
        EXPECT_EQ(text, texts[0]);
    }
}

TEST(Generate, CountsProducts) {
    Machine machine({});
    const GenerateResult result = machine.run(request_of({1, 2, 3}, 4));
    // Two layers of seven matrices for each of 3 + 3 positions, and a head for each token drawn.
    EXPECT_EQ(result.products, 6U * 14 + 4);
    EXPECT_EQ(result.verified, result.products);
    const GenerateResult unchecked = machine.run(request_of({1, 2, 3}, 4), false);
    EXPECT_EQ(unchecked.verified, 0U);
    EXPECT_EQ(unchecked.tokens, result.tokens);
}

TEST(Generate, StopsAtTheEndTokenAndAtTheContext) {
    Machine machine({});
    const GenerateResult free = machine.run(request_of({1, 2, 3}, 10));
    GenerateRequest request = request_of({1, 2, 3}, 10);
    request.stop = {free.tokens[4]};
    const GenerateResult stopped = machine.run(request);
    ASSERT_LE(stopped.tokens.size(), 5U);
    EXPECT_EQ(stopped.tokens.back(), free.tokens[4]);
    // Context 48: a prompt of 45 leaves positions for 3 more inputs, and the last token drawn needs none.
    EXPECT_EQ(machine.run(request_of(Tokens(45, 5), 100)).tokens.size(), 4U);
    EXPECT_EQ(machine.run(request_of(Tokens(48, 5), 100)).tokens.size(), 1U);
}

TEST(Generate, RefusesBadPrompts) {
    Machine machine({});
    EXPECT_THROW(machine.run(request_of({}, 1)), InputError);
    EXPECT_THROW(machine.run(request_of(Tokens(49, 5), 1)), InputError);
    EXPECT_THROW(machine.run(request_of({263}, 1)), InputError);
    EXPECT_THROW(machine.run(request_of({1}, 0)), InputError);
}

TEST(Generate, ReportsAReferenceThatDisagrees) {
    /// A reference with one wrong integer in one matrix.
    class Wrong final : public ReferenceEngine {
      public:
        explicit Wrong(std::unique_ptr<ReferenceEngine> good) : good_(std::move(good)) {}
        [[nodiscard]] std::string name() const override { return "wrong"; }
        void run(std::size_t group, std::span<const std::int8_t> q, unsigned tokens,
                 std::span<std::int32_t> y) override {
            good_->run(group, q, tokens, y);
            if (group == 3) {
                y[2] += 1;
            }
        }
        void run_head(const PackedMatrix& head, std::span<const HeadPart> parts,
                      std::span<const std::int8_t> q, unsigned tokens, std::span<std::int32_t> y) override {
            good_->run_head(head, parts, q, tokens, y);
        }

      private:
        std::unique_ptr<ReferenceEngine> good_;
    };
    test::TemporaryFolder folder;
    test::write_synthetic(folder.path(), {});
    const Model model = load_hugging_face(folder.path(), {});
    const auto device = make_cpu_device({});
    const auto groups = product_groups(model);
    const LoweredModel lowered(groups, *device);
    Wrong wrong(make_golden_reference(groups, 1));
    Scheduler scheduler(2);
    const GenerateResult result =
        generate(scheduler, model, lowered, scheduler.attach(*device), &wrong, request_of({1}, 2));
    EXPECT_EQ(result.mismatches, 2U);
    EXPECT_NE(result.first_mismatch.find("layers.0.down"), std::string::npos) << result.first_mismatch;
}

TEST(Generate, StopsCleanlyWhenAsked) {
    test::TemporaryFolder folder;
    test::write_synthetic(folder.path(), {});
    const Model model = load_hugging_face(folder.path(), {});
    const auto device = make_cpu_device({});
    const LoweredModel lowered(product_groups(model), *device);
    Scheduler scheduler(2);
    GenerateRequest request = request_of({1}, 40);
    std::size_t seen = 0;
    request.on_token = [&](std::uint32_t) {
        if (++seen == 3) {
            scheduler.stop("interrupted");
        }
    };
    const GenerateResult result =
        generate(scheduler, model, lowered, scheduler.attach(*device), nullptr, request);
    EXPECT_EQ(result.tokens.size(), 3U);
    EXPECT_EQ(result.stopped, "interrupted");
}

}  // namespace
}  // namespace setun
