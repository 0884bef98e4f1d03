// Several texts at once: each is what it would be alone, and a pass over the weights serves all.
#include <gtest/gtest.h>

#include "host/base/error.h"
#include "host/cpu/cpu_device.h"
#include "host/generate/generate.h"
#include "host/loaders/hf_loader.h"
#include "tests/host/synthetic_model.h"

namespace setun {
namespace {

using Tokens = std::vector<std::uint32_t>;

/// A synthetic model on a processor kernel with TOKENS columns.
class Machine {
  public:
    explicit Machine(unsigned columns) {
        test::write_synthetic(folder_.path(), {});
        CpuOptions options;
        options.tokens = columns;
        options.threads = 1;
        device_ = make_cpu_device(options);
        model_ = load_hugging_face(folder_.path(), {});
        groups_ = product_groups(model_);
        lowered_ = std::make_unique<LoweredModel>(groups_, *device_);
        reference_ = make_golden_reference(groups_, columns);
        head_exit_ =
            std::make_unique<HeadExit>(*lowered_, model_.output_head(), *device_, HeadExitOptions{4, 0});
    }
    BatchResult run(const std::vector<GenerateRequest>& requests, bool head_exit = true) {
        Scheduler scheduler(2);
        const BatchResult result =
            generate_batch(scheduler, model_, *lowered_, scheduler.attach(*device_), reference_.get(),
                           requests, head_exit ? head_exit_.get() : nullptr);
        EXPECT_EQ(result.mismatches, 0U) << result.first_mismatch;
        EXPECT_EQ(result.verified, result.products);
        return result;
    }

  private:
    test::TemporaryFolder folder_;
    Model model_;
    std::unique_ptr<Device> device_;
    std::vector<ProductGroup> groups_;
    std::unique_ptr<LoweredModel> lowered_;
    std::unique_ptr<ReferenceEngine> reference_;
    std::unique_ptr<HeadExit> head_exit_;
};

GenerateRequest request_of(Tokens prompt, std::uint32_t count, std::uint64_t seed = 0, double temperature = 0,
                           std::uint32_t top_k = 0) {
    GenerateRequest request;
    request.prompt = std::move(prompt);
    request.max_tokens = count;
    request.sampling.seed = seed;
    request.sampling.temperature = temperature;
    request.sampling.top_k = top_k;
    return request;
}

/// Texts of all kinds and lengths.
std::vector<GenerateRequest> ragged() {
    std::vector<GenerateRequest> requests{request_of({256, 3, 65, 200, 7, 9, 30, 31, 32, 33, 11}, 12),
                                          request_of({5}, 20, 1, 1.0, 5),
                                          request_of({17, 17}, 1),
                                          request_of({100, 101, 102, 103}, 30, 2, 0.7),
                                          request_of(Tokens(45, 5), 100),  // ends at the context
                                          request_of({9, 8, 7}, 9, 3, 1.3, 40),
                                          request_of({200, 1}, 16),
                                          request_of({4, 3, 2, 1}, 5)};
    requests[7].keep_logits = true;
    return requests;
}

TEST(Batch, EveryTextIsWhatItIsAlone) {
    auto requests = ragged();
    Machine single(1);
    std::vector<GeneratedText> alone;
    for (const GenerateRequest& request : requests) {
        alone.push_back(single.run({request}, false).sequences[0]);
    }
    requests[6].stop = {alone[6].tokens[3]};
    const auto end = std::find(alone[6].tokens.begin(), alone[6].tokens.end(), alone[6].tokens[3]);
    alone[6].tokens.erase(end + 1, alone[6].tokens.end());
    for (const unsigned columns : {1U, 2U, 4U, 8U}) {
        Machine machine(columns);
        for (const bool head_exit : {false, true}) {
            SCOPED_TRACE(testing::Message() << columns << " columns, head exit " << head_exit);
            const BatchResult batch = machine.run(requests, head_exit);
            ASSERT_EQ(batch.sequences.size(), requests.size());
            std::uint64_t drawn = 0;
            for (std::size_t i = 0; i < requests.size(); ++i) {
                EXPECT_EQ(batch.sequences[i].tokens, alone[i].tokens) << "text " << i;
                EXPECT_EQ(batch.sequences[i].logits, alone[i].logits) << "text " << i;
                drawn += alone[i].tokens.size();
            }
            EXPECT_EQ(batch.prompt.drawn + batch.decode.drawn, drawn);
            EXPECT_EQ(batch.decode.positions, batch.decode.drawn);
        }
    }
}

TEST(Batch, OnePassOverTheWeightsServesAll) {
    Machine machine(4);
    const BatchResult one = machine.run({request_of({1, 2, 3}, 10)}, false);
    std::vector<GenerateRequest> requests;
    for (std::uint32_t i = 0; i < 4; ++i) {
        requests.push_back(request_of({i, i + 1, i + 2}, 10, i, 1.0));
    }
    const BatchResult four = machine.run(requests, false);
    EXPECT_EQ(one.decode.steps, 9U);
    EXPECT_EQ(four.decode.steps, 9U);
    EXPECT_EQ(four.decode.drawn, 36U);
    EXPECT_EQ(four.decode.counters.weight_bytes, one.decode.counters.weight_bytes);
    EXPECT_EQ(four.decode.work.macs, 4 * one.decode.work.macs);
    EXPECT_EQ(four.decode.work.fp16_macs, 4 * one.decode.work.fp16_macs);
    EXPECT_EQ(four.prompt.positions, 12U);
    EXPECT_EQ(four.prompt.steps, 3U);
}

TEST(Batch, AFreePlaceGoesToTheNextText) {
    Machine machine(2);
    // 2 places: a text of 3 tokens makes room for the third, which then shares the steps of the second.
    const BatchResult result = machine.run({request_of({1}, 3), request_of({2}, 9), request_of({3}, 6)});
    EXPECT_EQ(result.prompt.steps + result.decode.steps, 9U);
    EXPECT_EQ(result.prompt.steps, 2U);
}

TEST(Batch, SpareRowsTakeMoreOfAPrompt) {
    Machine machine(8);
    const BatchResult result = machine.run({request_of(Tokens(14, 9), 1), request_of({2}, 1)});
    // Seven rows beside the other text, then the last seven.
    EXPECT_EQ(result.prompt.steps, 2U);
    EXPECT_EQ(result.prompt.positions, 15U);
}

TEST(Batch, BadPromptsAreNamedBeforeAnythingRuns) {
    Machine machine(2);
    bool called = false;
    auto good = request_of({1}, 3);
    good.on_token = [&](std::uint32_t) { called = true; };
    try {
        machine.run({good, request_of({1, 263}, 3)});
        FAIL() << "token 263 is out of range";
    } catch (const InputError& error) {
        EXPECT_NE(std::string(error.what()).find("prompt 2: token id 263"), std::string::npos)
            << error.what();
    }
    EXPECT_FALSE(called);
}

TEST(Batch, StopsWithWhatThereIs) {
    test::TemporaryFolder folder;
    test::write_synthetic(folder.path(), {});
    const Model model = load_hugging_face(folder.path(), {});
    CpuOptions options;
    options.tokens = 2;
    const auto device = make_cpu_device(options);
    const LoweredModel lowered(product_groups(model), *device);
    Scheduler scheduler(2);
    std::vector<GenerateRequest> requests{request_of({1}, 40), request_of({2}, 40), request_of({3}, 40)};
    std::size_t seen = 0;
    requests[1].on_token = [&](std::uint32_t) {
        if (++seen == 3) {
            scheduler.stop("interrupted");
        }
    };
    const BatchResult result =
        generate_batch(scheduler, model, lowered, scheduler.attach(*device), nullptr, requests);
    EXPECT_EQ(result.stopped, "interrupted");
    EXPECT_EQ(result.sequences[0].tokens.size(), 3U);
    EXPECT_EQ(result.sequences[1].tokens.size(), 3U);
    EXPECT_EQ(result.sequences[2].tokens.size(), 0U);
}

}  // namespace
}  // namespace setun
