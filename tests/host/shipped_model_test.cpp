// The model that ships, against vectors that an independent program recorded from the same checkpoint.
#include <gtest/gtest.h>

#include <cmath>
#include <nlohmann/json.hpp>

#include "host/cpu/cpu_device.h"
#include "host/model/decoder.h"
#include "host/model/model_file.h"
#include "host/schedule/lowering.h"
#include "host/text/tokenizer.h"
#include "tests/host/synthetic_model.h"

namespace setun {
namespace {

using nlohmann::json;
using Tokens = std::vector<std::uint32_t>;
const std::string kModels = std::string(SETUN_SOURCE_DIR) + "/models/";

json vectors(const std::string& name) { return json::parse(test::read_file(kModels + "vectors/" + name)); }

/// The shipped model on the processor, one token at a time.
class ShippedModel : public testing::Test {
  protected:
    struct GroupTrace {
        std::vector<std::int8_t> q;
        std::vector<std::int32_t> y;
    };

    ShippedModel()
        : model_(open_model(kModels + "setun-3.8m.setun")),
          device_(make_cpu_device({})),
          lowered_(product_groups(model_), *device_) {}

    /// Runs one token; keeps what went into and came out of every group.
    std::span<const float> step(Decoder& decoder, std::uint32_t token) {
        decoder.begin(std::span(&token, 1), true);
        trace_.assign(decoder.groups(), {});
        for (std::size_t g = 0; g < decoder.groups(); ++g) {
            const auto q = decoder.prepare(g);
            trace_[g].q.assign(q.begin(), q.end());
            trace_[g].y.resize(lowered_.group(g).rows);
            lowered_.write_activations(*device_, g, trace_[g].q, 1);
            device_->submit(lowered_.list_offset(g, 1), lowered_.list_count(g));
            EXPECT_TRUE(device_->wait(std::chrono::minutes(1)).ok());
            lowered_.read_results(*device_, g, trace_[g].y);
            decoder.absorb(g, trace_[g].y, 1);
        }
        return decoder.logits();
    }

    static std::uint32_t largest(std::span<const float> logits) {
        return static_cast<std::uint32_t>(std::max_element(logits.begin(), logits.end()) - logits.begin());
    }

    /// Nats that the logits take for `token`.
    static double surprise(std::span<const float> logits, std::uint32_t token) {
        double total = 0;
        for (const float value : logits) {
            total += std::exp(static_cast<double>(value));
        }
        return std::log(total) - static_cast<double>(logits[token]);
    }

    Model model_;
    std::unique_ptr<Device> device_;
    LoweredModel lowered_;
    std::vector<GroupTrace> trace_;
};

TEST_F(ShippedModel, TokenizerIsTheRecordedOne) {
    const Tokenizer tokenizer(model_.tokenizer.value());
    for (const auto& item : vectors("tokenizer.json")) {
        EXPECT_EQ(tokenizer.encode(item["text"].get<std::string>()), item["ids"].get<Tokens>());
    }
}

TEST_F(ShippedModel, LogitsAreTheRecordedOnes) {
    const json recorded = vectors("logits.json");
    for (const auto& item : recorded["cases"]) {
        SCOPED_TRACE(item["text"].get<std::string>());
        Decoder decoder(model_, 64);
        std::vector<std::vector<float>> found;
        for (const std::uint32_t token : item["ids"].get<Tokens>()) {
            const auto logits = step(decoder, token);
            found.emplace_back(logits.begin(), logits.end());
        }
        for (std::size_t i = 0; i < item["positions"].size(); ++i) {
            const auto position = item["positions"][i].get<std::size_t>();
            const auto expected = item["logits"][i].get<std::vector<double>>();
            ASSERT_EQ(found[position].size(), expected.size());
            for (std::size_t v = 0; v < expected.size(); ++v) {
                // Equal integers: what is left is the order of float sums and seven printed digits.
                EXPECT_NEAR(static_cast<double>(found[position][v]), expected[v], 1e-4)
                    << "position " << position << " token " << v;
            }
            EXPECT_EQ(largest(found[position]), item["argmax"][position]);
        }
    }
}

TEST_F(ShippedModel, IntegersOfLayerZeroAreExact) {
    const json recorded = vectors("layer0.json");
    const json& tensors = recorded["tensors"];
    Decoder decoder(model_, 4);
    const auto ids = recorded["ids"].get<Tokens>();
    for (std::size_t t = 0; t < ids.size(); ++t) {
        step(decoder, ids[t]);
        const std::array<const char*, 4> inputs{"qkv_proj", "o_proj", "gate_up_proj", "down_proj"};
        const std::array<std::vector<const char*>, 4> outputs{
            {{"q_proj", "k_proj", "v_proj"}, {"o_proj"}, {"gate_proj", "up_proj"}, {"down_proj"}}};
        for (std::size_t g = 0; g < 4; ++g) {
            const json& input = tensors[std::string("layers.0.") + inputs[g] + ".in"];
            EXPECT_EQ(trace_[g].q, input["q"][t].get<std::vector<std::int8_t>>()) << inputs[g];
            std::vector<std::int32_t> expected;
            for (const char* output : outputs[g]) {
                const auto part =
                    tensors[std::string("layers.0.") + output + ".acc"][t].get<std::vector<std::int32_t>>();
                expected.insert(expected.end(), part.begin(), part.end());
            }
            EXPECT_EQ(trace_[g].y, expected) << inputs[g];
        }
    }
}

TEST_F(ShippedModel, HeldOutTextHasTheRecordedLikelihood) {
    const json recorded = vectors("text.json");
    const auto ids = recorded["ids"].get<Tokens>();
    Decoder decoder(model_, model_.architecture.context);
    double sum = 0;
    std::size_t clear = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
        const auto logits = step(decoder, ids[i]);
        sum += surprise(logits, ids[i + 1]);
        // A rounding on the edge of two INT8 steps may move logits a little: only clear decisions must agree.
        if (recorded["margin"][i].get<double>() > 0.1) {
            ++clear;
            EXPECT_EQ(largest(logits), recorded["argmax"][i]) << "position " << i;
        }
    }
    EXPECT_GT(clear, ids.size() / 2);
    EXPECT_NEAR(sum / static_cast<double>(ids.size() - 1), recorded["mean_nll"].get<double>(), 2e-3);
}

/// What docs/numerics.md section 4.1 says that an INT8 cache costs.
TEST_F(ShippedModel, Int8CacheKeepsTheLikelihoodOfHeldOutText) {
    const json recorded = vectors("text.json");
    const auto ids = recorded["ids"].get<Tokens>();
    Decoder exact(model_, model_.architecture.context);
    Decoder decoder(model_, model_.architecture.context, KvFormat::kInt8);
    double sum = 0;
    double exact_sum = 0;
    std::size_t same = 0;
    for (std::size_t i = 0; i + 1 < ids.size(); ++i) {
        const auto expected = step(exact, ids[i]);
        exact_sum += surprise(expected, ids[i + 1]);
        const std::uint32_t choice = largest(expected);
        const auto logits = step(decoder, ids[i]);
        sum += surprise(logits, ids[i + 1]);
        same += largest(logits) == choice ? 1U : 0U;
    }
    const auto n = static_cast<double>(ids.size() - 1);
    RecordProperty("nll_float32", std::to_string(exact_sum / n));
    RecordProperty("nll_int8", std::to_string(sum / n));
    RecordProperty("same_argmax", std::to_string(same));
    EXPECT_NE(sum, exact_sum) << "the caches are not the same";
    EXPECT_NEAR(sum / n, exact_sum / n, 5e-3);
    EXPECT_GT(static_cast<double>(same), 0.97 * n);
}

TEST_F(ShippedModel, GreedyTextIsTheRecordedOne) {
    const Tokenizer tokenizer(model_.tokenizer.value());
    for (const auto& item : vectors("greedy.json")) {
        Decoder decoder(model_, model_.architecture.context);
        std::uint32_t next = 0;
        for (const std::uint32_t token : item["prompt"].get<Tokens>()) {
            next = largest(step(decoder, token));
        }
        Tokens text{next};
        while (text.size() < item["ids"].size()) {
            text.push_back(largest(step(decoder, text.back())));
        }
        EXPECT_EQ(text, item["ids"].get<Tokens>());
        EXPECT_EQ(tokenizer.decode(text), item["output"].get<std::string>());
    }
}

}  // namespace
}  // namespace setun
