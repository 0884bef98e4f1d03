// Hugging Face directories: every storage form gives the same integers, and hostile files are refused by
// name.
#include "host/loaders/hf_loader.h"

#include <gtest/gtest.h>

#include <bit>
#include <cmath>
#include <random>

#include "host/base/error.h"
#include "host/loaders/matrix_packing.h"
#include "host/loaders/safetensors.h"
#include "tests/host/synthetic_model.h"

namespace setun {
namespace {

using nlohmann::json;
using test::Storage;

std::vector<std::int8_t> integers(const PackedMatrix& matrix) {
    return unpack_matrix(matrix.layout, matrix.m, matrix.k, matrix.planes, matrix.streams);
}

void expect_equal(const PackedMatrix& matrix, const test::PlainLinear& plain, float tolerance) {
    EXPECT_EQ(integers(matrix), plain.w) << matrix.name;
    EXPECT_NEAR(matrix.scale, plain.scale, tolerance * plain.scale) << matrix.name;
}

/// Loads a directory and returns the error's text, or "" when it was accepted.
std::string error_of(const test::TemporaryFolder& folder) {
    try {
        static_cast<void>(load_hugging_face(folder.path(), {}));
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

/// A directory whose config.json has one field changed.
std::string error_with(const std::string& field, const json& value) {
    const test::TemporaryFolder folder;
    test::write_synthetic(folder.path(), {});
    json config = json::parse(test::read_file(folder / "config.json"));
    if (value.is_discarded()) {
        config.erase(field);
    } else {
        config[field] = value;
    }
    test::write_file(folder / "config.json", config.dump());
    return error_of(folder);
}

class EveryStorage : public testing::TestWithParam<Storage> {};

TEST_P(EveryStorage, GivesTheSameIntegersAndScales) {
    for (const std::uint64_t seed : {0U, 1U}) {
        const test::TemporaryFolder folder;
        test::SyntheticOptions options;
        options.storage = GetParam();
        options.seed = seed;
        options.ffn = 98;  // not a multiple of four: the packed form has unused rows
        const test::PlainModel plain = test::write_synthetic(folder.path(), options);
        const Model model = load_hugging_face(folder.path(), {2, 256, 16});
        ASSERT_EQ(model.layers.size(), plain.layers.size());
        for (std::size_t i = 0; i < plain.layers.size(); ++i) {
            for (std::size_t m = 0; m < kLayerMatrices; ++m) {
                expect_equal(model.layers[i].matrices[m], plain.layers[i].linears[m], 1e-6F);
            }
            EXPECT_EQ(model.layers[i].norms, plain.layers[i].norms);
        }
        expect_equal(model.embedding, plain.embedding, 0);
        EXPECT_EQ(model.final_norm, plain.final_norm);
        ASSERT_TRUE(model.tokenizer.has_value());
        EXPECT_EQ(model.tokenizer->tokens.size(), plain.vocab);
    }
}

INSTANTIATE_TEST_SUITE_P(Forms, EveryStorage,
                         testing::Values(Storage::kF32, Storage::kF16, Storage::kBF16,
                                         Storage::kPackedMultiply, Storage::kPackedDivide));

TEST(HfLoader, ReadsUntiedHeadAndModelsWithoutSubNorms) {
    const test::TemporaryFolder folder;
    test::SyntheticOptions options;
    options.tied_head = false;
    options.sub_norms = false;
    options.activation = "silu";
    const test::PlainModel plain = test::write_synthetic(folder.path(), options);
    const Model model = load_hugging_face(folder.path(), {});
    ASSERT_TRUE(model.head.has_value());
    expect_equal(*model.head, plain.head, 0);
    EXPECT_FALSE(model.architecture.sub_norms);
    EXPECT_EQ(model.architecture.activation, Activation::kSilu);
    EXPECT_TRUE(model.layers[0].norm(LayerNorm::kFfnSub).empty());
}

TEST(HfLoader, ReadsShardsAndOneBitLlmNames) {
    const test::TemporaryFolder folder;
    test::SyntheticOptions options;
    options.shards = 3;
    options.one_bit_llm = true;
    options.activation = "silu";
    options.storage = Storage::kF16;
    const test::PlainModel plain = test::write_synthetic(folder.path(), options);
    const Model model = load_hugging_face(folder.path(), {});
    EXPECT_TRUE(model.architecture.sub_norms);
    for (std::size_t i = 0; i < plain.layers.size(); ++i) {
        EXPECT_EQ(model.layers[i].norms, plain.layers[i].norms);
        expect_equal(model.layers[i].matrices[6], plain.layers[i].linears[6], 1e-6F);
    }
}

TEST(HfLoader, RefusesBrokenShards) {
    const test::TemporaryFolder folder;
    test::SyntheticOptions options;
    options.shards = 2;
    test::write_synthetic(folder.path(), options);
    const std::string index = test::read_file(folder / "model.safetensors.index.json");
    const auto with = [&](const std::string& shard) {
        json changed = json::parse(index);
        changed["weight_map"]["model.norm.weight"] = shard;
        test::write_file(folder / "model.safetensors.index.json", changed.dump());
        return error_of(folder);
    };
    EXPECT_NE(with("../model-00001-of-00002.safetensors").find("is not the name of a file"),
              std::string::npos);
    EXPECT_NE(with("..").find("is not the name of a file"), std::string::npos);
    EXPECT_NE(with("").find("is not the name of a file"), std::string::npos);
    EXPECT_NE(with("absent.safetensors").find("absent.safetensors"), std::string::npos);
    EXPECT_NE(with("model-00001-of-00002.safetensors") + with("model-00002-of-00002.safetensors"), "");
    test::write_file(folder / "model.safetensors.index.json", index);
    EXPECT_EQ(error_of(folder), "");
    std::filesystem::copy_file(folder / "model-00001-of-00002.safetensors", folder / "again.safetensors");
    EXPECT_NE(with("again.safetensors").find("also in another shard"), std::string::npos);
}

TEST(HfLoader, NamesTheFieldOfAWrongConfig) {
    EXPECT_EQ(error_with("unrelated", 1), "");
    const json missing = json::value_t::discarded;
    for (const char* field : {"hidden_size", "intermediate_size", "num_hidden_layers", "vocab_size",
                              "rms_norm_eps", "hidden_act"}) {
        EXPECT_NE(error_with(field, missing).find(std::string("'") + field + "' is missing"),
                  std::string::npos)
            << field;
    }
    EXPECT_NE(error_with("hidden_size", -64).find("hidden_size"), std::string::npos);
    EXPECT_NE(error_with("hidden_size", 64.5).find("hidden_size"), std::string::npos);
    EXPECT_NE(error_with("hidden_size", "64").find("hidden_size"), std::string::npos);
    EXPECT_NE(error_with("hidden_act", "gelu").find("expected relu2 or silu"), std::string::npos);
    EXPECT_NE(error_with("rope_scaling", {{"type", "yarn"}}).find("rope_scaling"), std::string::npos);
    EXPECT_NE(error_with("attention_bias", true).find("attention_bias"), std::string::npos);
    EXPECT_NE(error_with("eos_token_id", 1'000'000).find("eos_token_id"), std::string::npos);
    EXPECT_NE(error_with("quantization_config", missing).find("quantization_config"), std::string::npos);
    EXPECT_NE(error_with("num_key_value_heads", 3).find("kv heads"), std::string::npos);
}

TEST(HfLoader, RefusesInputsThatTheKernelCannotTake) {
    const std::string message = error_with("intermediate_size", 200'000);
    EXPECT_NE(message.find("intermediate_size"), std::string::npos) << message;
    EXPECT_NE(message.find("131072"), std::string::npos) << message;
}

TEST(HfLoader, NamesATensorOfTheWrongShape) {
    const std::string message = error_with("intermediate_size", 100);
    EXPECT_NE(message.find("gate_proj"), std::string::npos) << message;
    EXPECT_NE(message.find("[96, 64]"), std::string::npos) << message;
}

TEST(HfLoader, NamesMissingFiles) {
    const test::TemporaryFolder folder;
    EXPECT_NE(error_of(folder).find("config.json"), std::string::npos);
    test::write_synthetic(folder.path(), {});
    std::filesystem::remove(folder / "model.safetensors");
    EXPECT_NE(error_of(folder).find("model.safetensors"), std::string::npos);
}

TEST(HfLoader, TernarisesOnlyWhereTheModelDoes) {
    json config{{"quant_method", "bitnet"}, {"linear_class", "autobitlinear"}};
    EXPECT_NE(error_with("quantization_config", config).find("does not say that the model ternarises"),
              std::string::npos);
    config["quantization_mode"] = "online";
    EXPECT_EQ(error_with("quantization_config", config), "");
    config["linear_class"] = "bitlinear";
    EXPECT_NE(error_with("quantization_config", config).find("expected U8"), std::string::npos);
    for (const auto& [field, value] : std::vector<std::pair<const char*, json>>{{"linear_class", "linear"},
                                                                                {"quantization_mode", "both"},
                                                                                {"use_rms_norm", true},
                                                                                {"quant_method", "gptq"}}) {
        json bad{
            {"quant_method", "bitnet"}, {"linear_class", "autobitlinear"}, {"quantization_mode", "online"}};
        bad[field] = value;
        EXPECT_NE(error_with("quantization_config", bad).find(field), std::string::npos) << field;
    }
}

TEST(HfLoader, ReadsRopeParametersAndRefusesScaling) {
    EXPECT_EQ(error_with("rope_parameters", {{"rope_type", "default"}, {"rope_theta", 500000.0}}), "");
    EXPECT_EQ(error_with("rope_scaling", nullptr), "");
    for (const char* type : {"linear", "dynamic", "yarn", "llama3", "longrope"}) {
        EXPECT_NE(error_with("rope_scaling", {{"rope_type", type}, {"factor", 8.0}}).find(type),
                  std::string::npos);
    }
    EXPECT_NE(error_with("partial_rotary_factor", 0.5).find("partial_rotary_factor"), std::string::npos);
    EXPECT_NE(error_with("model_type", "gemma").find("supported: bitnet, llama"), std::string::npos);
    EXPECT_NE(error_with("num_hidden_layers", 1).find("has no place"), std::string::npos);
}

TEST(HfLoader, EndsTextsAtEveryTokenThatTheFilesName) {
    const test::TemporaryFolder folder;
    test::write_synthetic(folder.path(), {});
    test::write_file(folder / "generation_config.json", R"({"eos_token_id": [256, 7]})");
    EXPECT_EQ(load_hugging_face(folder.path(), {}).architecture.eos, (std::vector<std::uint32_t>{256, 7}));
}

TEST(HfLoader, LoadsWithoutAUsableTokenizer) {
    const test::TemporaryFolder folder;
    test::write_synthetic(folder.path(), {});
    test::write_file(folder / "tokenizer.json", R"({"model": {"type": "Unigram"}})");
    const Model model = load_hugging_face(folder.path(), {});
    EXPECT_FALSE(model.tokenizer.has_value());
    EXPECT_NE(model.metadata.at("no_tokenizer").find("Unigram"), std::string::npos);
    std::filesystem::remove(folder / "tokenizer.json");
    EXPECT_NE(load_hugging_face(folder.path(), {}).metadata.at("no_tokenizer").find("neither tokenizer.json"),
              std::string::npos);
}

TEST(HfLoader, RefusesTheFourthCodeAndBadScales) {
    test::SyntheticOptions options;
    options.storage = Storage::kPackedMultiply;
    const test::TemporaryFolder folder;
    test::write_synthetic(folder.path(), options);
    const std::string good = test::read_file(folder / "model.safetensors");
    std::string bad = good;
    std::uint64_t header = 0;
    std::memcpy(&header, good.data(), 8);
    bad[8 + header] = static_cast<char>(0xFF);  // the first tensor is layer 0's q
    test::write_file(folder / "model.safetensors", bad);
    EXPECT_NE(error_of(folder).find("code 3"), std::string::npos) << error_of(folder);
    // The scale of q stands behind its 16 * 64 code bytes: zero, negative, infinite, NaN.
    for (const unsigned scale : {0x0000U, 0xBE00U, 0x7F80U, 0x7FC0U}) {
        bad = good;
        bad[8 + header + 1024] = static_cast<char>(scale & 0xFF);
        bad[8 + header + 1025] = static_cast<char>(scale >> 8);
        test::write_file(folder / "model.safetensors", bad);
        EXPECT_NE(error_of(folder).find("q_proj.weight_scale"), std::string::npos) << scale;
    }
}

TEST(SafeTensors, SurvivesAnyDamage) {
    const test::TemporaryFolder folder;
    test::write_synthetic(folder.path(), {});
    const std::string good = test::read_file(folder / "model.safetensors");
    for (std::size_t size : {std::size_t{0}, std::size_t{7}, std::size_t{8}, std::size_t{9},
                             std::size_t{1000}, good.size() - 1}) {
        test::write_file(folder / "model.safetensors", good.substr(0, size));
        EXPECT_NE(error_of(folder), "") << size;
    }
    for (const std::uint64_t seed : {0U, 1U}) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        for (int i = 0; i < 200; ++i) {
            std::string bad = good;
            bad[random() % 6000] = static_cast<char>(random());
            test::write_file(folder / "model.safetensors", bad);
            static_cast<void>(error_of(folder));  // refused or read: never a crash
        }
    }
}

TEST(SafeTensors, RefusesOffsetsOutsideTheFile) {
    const test::TemporaryFolder folder;
    const auto error = [&](const std::string& entry) {
        const std::string header = R"({"t":)" + entry + "}";
        std::string file(8, '\0');
        const std::uint64_t size = header.size();
        std::memcpy(file.data(), &size, 8);
        test::write_file(folder / "m.safetensors", file + header + std::string(16, 'x'));
        try {
            static_cast<void>(SafeTensors::open(folder / "m.safetensors"));
        } catch (const InputError& failure) {
            return std::string(failure.what());
        }
        return std::string();
    };
    EXPECT_EQ(error(R"({"dtype":"F32","shape":[4],"data_offsets":[0,16]})"), "");
    for (
        const char* bad :
        {R"({"dtype":"F32","shape":[8],"data_offsets":[0,32]})",
         R"({"dtype":"F32","shape":[4],"data_offsets":[16,0]})",
         R"({"dtype":"F32","shape":[3],"data_offsets":[0,16]})",
         R"({"dtype":"F32","shape":[4],"data_offsets":[0]})",
         R"({"dtype":"F32","shape":[-4],"data_offsets":[0,16]})", R"({"dtype":"F32","data_offsets":[0,16]})",
         R"({"dtype":"F32","shape":[4294967296,4294967296],"data_offsets":[0,16]})",
         R"({"dtype":"F32","shape":[4],"data_offsets":[18446744073709551615,18446744073709551615]})",
         R"({"dtype":"F32","shape":[2],"data_offsets":[0,8]},"u":{"dtype":"F32","shape":[3],"data_offsets":[4,16]})",
         R"({"dtype":"F32","shape":[2],"data_offsets":[8,16]})", R"([])", R"("x")"}) {
        EXPECT_NE(error(bad).find("tensor '"), std::string::npos) << bad << " -> " << error(bad);
    }
}

}  // namespace
}  // namespace setun
