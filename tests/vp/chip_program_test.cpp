// What the chip's program refuses: models and texts beyond units, firmware and data memory.
#include <gtest/gtest.h>

#include <string>

#include "host/base/error.h"
#include "host/chip/chip_program.h"
#include "host/model/model.h"

namespace setun {
namespace {

Architecture narrow() {
    Architecture a;
    a.hidden = 32;
    a.ffn = 32;
    a.layers = 1;
    a.heads = 2;
    a.kv_heads = 1;
    a.head_dim = 16;
    a.vocab = 32;
    a.context = 64;
    a.rope_theta = 10000.0F;
    a.eps = 1e-5F;
    return a;
}

std::string refusal(const Architecture& a, std::uint32_t positions, KvFormat kv = KvFormat::kFloat32) {
    const Model model = random_model(a, "limits", 0, {1, 512, 1024});
    try {
        const ChipProgram program(model, 1, kv, positions);
    } catch (const InputError& error) {
        return error.what();
    }
    return "accepted";
}

TEST(ChipProgramLimits, NamesWhatIsTooLarge) {
    EXPECT_EQ(refusal(narrow(), 64), "accepted");
    EXPECT_EQ(refusal(narrow(), 65), "device vp: 65 positions asked for, the model's context is 64");
    EXPECT_EQ(refusal(narrow(), 0), "device vp: 0 positions asked for, the model's context is 64");
    Architecture a = narrow();
    a.heads = 257;
    a.head_dim = 2;
    EXPECT_EQ(refusal(a, 1), "device vp: 257 heads of 2 elements; its units take up to 256 of 256");
    a = narrow();
    a.layers = 500;
    const std::string commands = refusal(a, 1);
    EXPECT_EQ(commands.rfind("device vp: 500 layers make ", 0), 0U) << commands;
    EXPECT_NE(commands.find(" commands; the firmware holds 6144"), std::string::npos) << commands;
}

TEST(ChipProgramLimits, ACacheMustFitDataMemory) {
    Architecture a = narrow();  // 4096 keys and values a position
    a.heads = 16;
    a.kv_heads = 16;
    a.head_dim = 256;
    a.context = 131072;
    const std::string error = refusal(a, 131072);
    EXPECT_EQ(error.rfind("device vp: the model needs ", 0), 0U) << error;
    EXPECT_NE(error.find("for 131072 positions, its processor reaches 2048; ask for fewer (run: -n"),
              std::string::npos)
        << error;
    EXPECT_EQ(refusal(a, 131072, KvFormat::kInt8), "accepted");  // a quarter of the bytes
    EXPECT_EQ(refusal(a, 32768), "accepted");
}

}  // namespace
}  // namespace setun
