// Logits against those that Hugging Face transformers gave for the same tiny checkpoints (scripts/peers).
#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <nlohmann/json.hpp>

#include "host/cpu/cpu_device.h"
#include "host/generate.h"
#include "host/loaders/hf_loader.h"
#include "tests/host/synthetic_model.h"

namespace setun {
namespace {

class PeerLogits : public testing::TestWithParam<const char*> {};

TEST_P(PeerLogits, EqualRecordedOnes) {
    const std::filesystem::path folder =
        std::filesystem::path(SETUN_SOURCE_DIR) / "tests/host/data/transformers" / GetParam();
    const auto recorded = nlohmann::json::parse(test::read_file(folder / "logits.json"));
    const Model model = load_hugging_face(folder, {});
    CpuOptions cpu;
    cpu.threads = 1;
    const auto device = make_cpu_device(cpu);
    const LoweredModel lowered(product_groups(model), *device);
    GenerateRequest request;
    request.prompt = recorded["tokens"].get<std::vector<std::uint32_t>>();
    request.keep_logits = true;
    Scheduler scheduler(2);
    const GenerateResult result =
        generate(scheduler, model, lowered, scheduler.attach(*device), nullptr, request);
    ASSERT_EQ(result.logits.size(), request.prompt.size());
    ASSERT_EQ(recorded["logits"].size(), request.prompt.size());
    for (std::size_t p = 0; p < result.logits.size(); ++p) {
        const auto expected = recorded["logits"][p].get<std::vector<float>>();
        ASSERT_EQ(result.logits[p].size(), expected.size());
        float size = 0;
        float error = 0;
        for (std::size_t i = 0; i < expected.size(); ++i) {
            size = std::max(size, std::abs(expected[i]));
            error = std::max(error, std::abs(result.logits[p][i] - expected[i]));
        }
        EXPECT_LE(error, 1e-5F * size) << "position " << p;
    }
}

INSTANTIATE_TEST_SUITE_P(Transformers, PeerLogits, testing::Values("relu2", "silu_divide", "llama"));

}  // namespace
}  // namespace setun
