// Shapes: sizes of known models, JSON files, and shapes that cannot be.
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <string>
#include <string_view>

#include "energy_model/energy.h"

namespace setun::energy {
namespace {

constexpr const char* kGood =
    R"({"hidden": 64, "ffn": 96, "layers": 2, "heads": 4, "kv_heads": 2, "vocab": 100})";

void expect_refused(const std::string& text, std::string_view part) {
    try {
        (void)parse_shape(text, "s.json");
        FAIL() << "accepted: " << text;
    } catch (const ShapeError& error) {
        const std::string message = error.what();
        EXPECT_EQ(message.rfind("s.json: ", 0), 0U) << message;
        EXPECT_NE(message.find(part), std::string::npos) << message;
        EXPECT_EQ(message.find('\n'), std::string::npos) << message;
    }
}

std::string replaced(std::string text, std::string_view from, std::string_view to) {
    const auto at = text.find(from);
    EXPECT_NE(at, std::string::npos) << from;
    return text.replace(at, from.size(), to);
}

TEST(Shape, TwoBFourTHasItsPublishedWeights) {
    const ModelShape s = find_shape("2b4t");
    // q, o: 2560 x 2560; k, v: 640 x 2560; gate, up, down: 6912 x 2560.
    EXPECT_EQ(s.layer_weights(), 2U * 2560 * 2560 + 2U * 640 * 2560 + 3U * 6912 * 2560);
    EXPECT_EQ(s.linear_weights(), 2084044800U);
    EXPECT_EQ(s.head_weights(), 328335360U);
    EXPECT_EQ(s.kv_elements(), 38400U);
}

TEST(Shape, EveryKnownShapeHoldsTogether) {
    for (const ModelShape& shape : known_shapes()) {
        EXPECT_NO_THROW(check_shape(shape, shape.name)) << shape.name;
        EXPECT_FALSE(shape.note.empty()) << shape.name;
        EXPECT_EQ(find_shape(shape.name).linear_weights(), shape.linear_weights());
    }
}

TEST(Shape, SizesAreWhatTheNamesSay) {
    const auto billions = [](const char* name) {
        return static_cast<double>(find_shape(name).linear_weights()) / 1e9;
    };
    EXPECT_NEAR(billions("b158-700m"), 0.7, 0.05);
    EXPECT_NEAR(billions("b158-1.3b"), 1.3, 0.1);
    EXPECT_NEAR(billions("b158-3.9b"), 3.9, 0.05);
    EXPECT_NEAR(billions("llama-7b"), 6.5, 0.1);
    EXPECT_NEAR(billions("llama-30b"), 32.1, 0.1);
    EXPECT_NEAR(billions("llama2-70b"), 68.5, 0.2);
    EXPECT_NEAR(billions("llama-70b"), 64.8, 0.2);
    EXPECT_NEAR(billions("bitnet-6.7b"), 6.44, 0.01);
}

TEST(Shape, SeventyBIsNamedHonestly) {
    EXPECT_EQ(find_shape("70b").name, "llama-70b");
    EXPECT_EQ(find_shape("70b").kv_heads, 64U);
    EXPECT_EQ(find_shape("70b").ffn, 22016U);
    EXPECT_EQ(find_shape("llama2-70b").kv_heads, 8U);
    EXPECT_EQ(find_shape("llama2-70b").ffn, 28672U);
    EXPECT_NE(find_shape("70b").note.find("not of Llama 2"), std::string::npos);
    EXPECT_NE(find_shape("3.9b").note.find("derived"), std::string::npos);
}

TEST(Shape, JsonHasDefaults) {
    const ModelShape s = parse_shape(kGood, "s.json");
    EXPECT_EQ(s.head_dim, 16U);
    EXPECT_EQ(s.kv_rows(), 32U);
    EXPECT_TRUE(s.gated);
    EXPECT_TRUE(s.tied_head);
    EXPECT_FALSE(s.silu);
    EXPECT_EQ(s.head_planes, 5U);
    EXPECT_EQ(s.kv_bits, 8U);
    const ModelShape full = parse_shape(
        R"({"name": "n", "note": "o", "hidden": 64, "ffn": 96, "layers": 2, "heads": 4, "head_dim": 32, "gated": false,
            "activation": "silu", "sub_norms": false, "tied_head": false, "head_planes": 3, "kv_bits": 16,
            "context": 512, "rope_theta": 1e4, "eps": 1e-5})",
        "s.json");
    EXPECT_EQ(full.kv_heads, 4U);
    EXPECT_EQ(full.q_rows(), 128U);
    EXPECT_EQ(full.layer_weights(), 4U * 64 * 128 + 2U * 64 * 96);
    EXPECT_EQ(full.head_planes, 3U);
    EXPECT_EQ(full.kv_bits, 16U);
    EXPECT_TRUE(full.silu);
}

TEST(Shape, RefusesWhatCannotBe) {
    expect_refused("{", "not valid JSON");
    expect_refused("[1]", "must be an object");
    expect_refused(R"({"ffn": 96, "layers": 2, "heads": 4})", "'hidden' is missing");
    expect_refused(replaced(kGood, "64", "0"), "'hidden' is 0");
    expect_refused(replaced(kGood, "64", "-64"), "'hidden' is -64");
    expect_refused(replaced(kGood, "64", "6.5"), "'hidden' is 6.5");
    expect_refused(replaced(kGood, "64", "\"64\""), "'hidden' is \"64\"");
    expect_refused(replaced(kGood, "64", "99999999"), "'hidden' is 99999999");
    expect_refused(replaced(kGood, R"("heads": 4)", R"("heads": 7)"),
                   "'heads' 7 does not divide 'hidden' 64");
    expect_refused(replaced(kGood, R"("kv_heads": 2)", R"("kv_heads": 3)"),
                   "'kv_heads' 3 does not divide 'heads' 4");
    expect_refused(replaced(kGood, "vocab", "vocabulary"), "unknown field 'vocabulary'");
    expect_refused(replaced(kGood, R"("vocab": 100)", R"("head_planes": 6)"), "'head_planes' is 6");
    expect_refused(replaced(kGood, R"("vocab": 100)", R"("kv_bits": 7)"), "'kv_bits' is 7");
    expect_refused(replaced(kGood, R"("vocab": 100)", R"("activation": "gelu")"), "expected relu2 or silu");
    expect_refused(replaced(kGood, R"("vocab": 100)", R"("gated": 1)"), "'gated' must be true or false");
}

TEST(Shape, FindTakesNamesAndFiles) {
    const auto file = std::filesystem::path(testing::TempDir()) / "setun_shape_test.json";
    std::ofstream(file) << kGood;
    EXPECT_EQ(find_shape(file.string()).ffn, 96U);
    std::filesystem::remove(file);
    try {
        (void)find_shape("9b");
        FAIL();
    } catch (const ShapeError& error) {
        EXPECT_NE(std::string(error.what()).find("unknown shape '9b'"), std::string::npos) << error.what();
        EXPECT_NE(std::string(error.what()).find("2b4t, "), std::string::npos) << error.what();
    }
    EXPECT_THROW((void)find_shape(testing::TempDir()), ShapeError);
}

}  // namespace
}  // namespace setun::energy
