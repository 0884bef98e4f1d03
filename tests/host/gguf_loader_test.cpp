// GGUF files: every storage form of one model gives the same integers, scales and logits; everything that is
// not supported or contradicts itself is refused by name.
#include "host/loaders/gguf_loader.h"

#include <gtest/gtest.h>

#include <cmath>
#include <cstring>
#include <functional>
#include <random>

#include "host/base/error.h"
#include "host/loaders/hf_loader.h"
#include "host/loaders/model_loader.h"
#include "host/model/model_file.h"
#include "host/text/tokenizer_files.h"
#include "tests/host/synthetic_gguf.h"

namespace setun {
namespace {

using test::GgufOptions;
using test::GgufType;
using test::GgufWriter;

/// The smallest model that TQ blocks can hold.
test::SyntheticOptions small() {
    test::SyntheticOptions options;
    options.hidden = 256;
    options.ffn = 512;
    options.heads = 8;
    return options;
}

std::vector<std::int8_t> integers(const PackedMatrix& matrix) {
    return unpack_matrix(matrix.layout, matrix.m, matrix.k, matrix.planes, matrix.streams);
}

void expect_equal(const Model& model, const test::PlainModel& plain) {
    ASSERT_EQ(model.layers.size(), plain.layers.size());
    for (std::size_t i = 0; i < plain.layers.size(); ++i) {
        for (std::size_t m = 0; m < kLayerMatrices; ++m) {
            const PackedMatrix& matrix = model.layers[i].matrices[m];
            EXPECT_EQ(integers(matrix), plain.layers[i].linears[m].w) << matrix.name;
            EXPECT_EQ(matrix.scale, plain.layers[i].linears[m].scale) << matrix.name;
        }
        EXPECT_EQ(model.layers[i].norms, plain.layers[i].norms);
    }
    EXPECT_EQ(integers(model.embedding), plain.embedding.w);
    EXPECT_EQ(model.embedding.scale, plain.embedding.scale);
    EXPECT_EQ(integers(model.output_head()), plain.head.w);
    EXPECT_EQ(model.final_norm, plain.final_norm);
}

std::string error_of(const std::string& bytes) {
    const test::TemporaryFolder folder;
    test::write_file(folder / "m.gguf", bytes);
    try {
        static_cast<void>(load_gguf(folder / "m.gguf", {}));
    } catch (const InputError& error) {
        return error.what();
    }
    return "";
}

class EveryLinearType : public testing::TestWithParam<GgufType> {};

TEST_P(EveryLinearType, GivesTheSameModel) {
    for (const std::uint64_t seed : {0U, 1U}) {
        SCOPED_TRACE(seed);
        test::SyntheticOptions options = small();
        options.seed = seed;
        const test::PlainModel plain = test::make_plain_model(options);
        const test::TemporaryFolder folder;
        GgufOptions form;
        form.linear = GetParam();
        form.with_scales = seed == 1;
        test::write_gguf(folder / "m.gguf", plain, form);
        const Model model = load_gguf(folder / "m.gguf", {2, 256, 16});
        expect_equal(model, plain);
        EXPECT_EQ(model.architecture.activation, Activation::kRelu2);
        EXPECT_TRUE(model.architecture.sub_norms);
        EXPECT_TRUE(model.architecture.tied_head);
        EXPECT_EQ(model.architecture.bos, 256U);
        EXPECT_EQ(model.architecture.eos, (std::vector<std::uint32_t>{256}));
        // The Hugging Face form of the same model means the same, tokenizer included.
        options.storage = test::Storage::kPackedMultiply;
        const test::TemporaryFolder directory;
        test::write_synthetic(directory.path(), options);
        const Model other = load_hugging_face(directory.path(), {});
        EXPECT_EQ(model.architecture, other.architecture);
        EXPECT_EQ(model.tokenizer, other.tokenizer);
        expect_equal(other, plain);
    }
}

INSTANTIATE_TEST_SUITE_P(Types, EveryLinearType,
                         testing::Values(GgufType::kTq1_0, GgufType::kTq2_0, GgufType::kI2S, GgufType::kF32,
                                         GgufType::kF16, GgufType::kBF16));

class EveryEmbeddingType : public testing::TestWithParam<GgufType> {};

TEST_P(EveryEmbeddingType, GivesTheSameHead) {
    const test::PlainModel plain = test::make_plain_model(small());
    const test::TemporaryFolder folder;
    GgufOptions form;
    form.embedding = GetParam();
    test::write_gguf(folder / "m.gguf", plain, form);
    expect_equal(load_gguf(folder / "m.gguf", {}), plain);
}

INSTANTIATE_TEST_SUITE_P(Types, EveryEmbeddingType,
                         testing::Values(GgufType::kF32, GgufType::kF16, GgufType::kBF16, GgufType::kQ8_0));

TEST(GgufLoader, ReadsEveryArchitecture) {
    for (const char* architecture : {"bitnet", "bitnet-25", "bitnet-b1.58", "llama"}) {
        SCOPED_TRACE(architecture);
        const std::string name = architecture;
        test::SyntheticOptions options = small();
        options.sub_norms = name != "llama";
        options.activation = name == "bitnet" || name == "llama" ? "silu" : "relu2";
        options.tied_head = name != "llama";
        const test::PlainModel plain = test::make_plain_model(options);
        const test::TemporaryFolder folder;
        GgufOptions form;
        form.architecture = architecture;
        form.with_output = name == "bitnet-25";  // equal to the embedding: still tied
        test::write_gguf(folder / "m.gguf", plain, form);
        const Model model = load_gguf(folder / "m.gguf", {});
        expect_equal(model, plain);
        EXPECT_EQ(model.architecture.sub_norms, options.sub_norms);
        EXPECT_EQ(model.architecture.tied_head, options.tied_head);
        EXPECT_EQ(model.architecture.activation == Activation::kSilu, options.activation == "silu");
    }
}

TEST(GgufLoader, ReadsVersion2AndOtherAlignments) {
    const test::PlainModel plain = test::make_plain_model(small());
    for (const std::uint32_t alignment : {8U, 32U, 64U, 4096U}) {
        GgufWriter writer = test::gguf_of(plain, {});
        writer.version = 2;
        writer.alignment = alignment;
        EXPECT_EQ(error_of(writer.bytes()), "") << alignment;
    }
}

TEST(GgufLoader, ZeroBlocksAreZeroWeights) {
    test::PlainModel plain = test::make_plain_model(small());
    auto& q = plain.layers[0].linears[0].w;
    std::fill(q.begin(), q.begin() + 512, std::int8_t{0});
    GgufWriter writer;
    const test::TemporaryFolder folder;
    for (const GgufType type : {GgufType::kTq1_0, GgufType::kTq2_0}) {
        GgufOptions form;
        form.linear = type;
        std::string bytes = test::gguf_of(plain, form).bytes();
        // llama.cpp gives a block of zeros the scale 0.
        const std::string block = test::encode_ternary(type, std::vector<std::int8_t>(512, 0), 0.125F);
        const std::string zero = test::encode_ternary(type, std::vector<std::int8_t>(512, 0), 0);
        const std::size_t at = bytes.find(block);
        ASSERT_NE(at, std::string::npos);
        bytes.replace(at, zero.size(), zero);
        test::write_file(folder / "m.gguf", bytes);
        expect_equal(load_gguf(folder / "m.gguf", {}), plain);
    }
}

/// The file of a model with one thing changed by `change`.
std::string error_with(const std::function<void(GgufWriter&)>& change, const GgufOptions& form = {}) {
    GgufWriter writer = test::gguf_of(test::make_plain_model(small()), form);
    change(writer);
    return error_of(writer.bytes());
}

TEST(GgufLoader, RefusesWhatItDoesNotSupportByName) {
    const auto has = [](const std::string& message, const char* part) {
        EXPECT_NE(message.find(part), std::string::npos) << part << " not in: " << message;
    };
    const std::string a = "bitnet-b1.58.";
    has(error_with([&](auto& w) { w.text(a + "rope.scaling.type", "yarn"); }), "yarn");
    has(error_with([&](auto& w) { w.f32(a + "rope.scaling.factor", 4); }), "rope.scaling.factor");
    has(error_with([&](auto& w) { w.u32(a + "expert_count", 8); }), "expert_count");
    has(error_with([&](auto& w) { w.f32(a + "embedding_scale", 12); }), "embedding_scale");
    has(error_with([&](auto& w) { w.u32(a + "attention.key_length", 64); }), "rope.dimension_count");
    has(error_with([&](auto& w) { w.u32(a + "attention.value_length", 64); }), "value_length");
    has(error_with([&](auto& w) { w.u32("split.count", 2); }), "split.count");
    has(error_with(
            [&](auto& w) { w.tensor("blk.0.attn_q.bias", {256}, GgufType::kF32, std::string(1024, '\0')); }),
        "attn_q.bias");
    has(error_with([&](auto& w) {
            w.tensor("rope_freqs.weight", {16}, GgufType::kF32,
                     test::encode_floats(GgufType::kF32, std::vector<float>(16, 8.0F)));
        }),
        "rope_freqs");
    has(error_with([&](auto& w) {
            w.tensor("output.weight", {256, 263}, GgufType::kQ5_K, std::string(263 * 176, '\0'));
        }),
        "Q5_K; supported here: F32, F16, BF16, Q8_0, Q6_K");
    has(error_with([&](auto& w) {
            w.tensor("token_embd.weight", {256, 7}, GgufType::kF32, std::string(7168, '\0'));
        }),
        "appears twice");
    has(error_with([&](auto& w) { w.u32(a + "block_count", 2); }), "appears twice");
    GgufWriter other;
    other.text("general.architecture", "gemma3");
    has(error_of(other.bytes()), "supported: bitnet, bitnet-25, bitnet-b1.58, llama");
    has(error_of(GgufWriter().bytes()), "general.architecture");
}

TEST(GgufLoader, NamesTensorsThatAreMissingOrOfAnotherShape) {
    test::PlainModel plain = test::make_plain_model(small());
    plain.layers[1].norms[1].clear();
    EXPECT_NE(error_of(test::gguf_of(plain, {}).bytes()).find("'blk.1.attn_sub_norm.weight' is missing"),
              std::string::npos);
    plain = test::make_plain_model(small());
    plain.layers[1].linears[4].m -= 1;
    plain.layers[1].linears[4].w.resize(plain.layers[1].linears[4].w.size() - 256);
    EXPECT_NE(error_of(test::gguf_of(plain, {}).bytes())
                  .find("'blk.1.ffn_gate.weight': shape [256, 511]; expected [256, 512]"),
              std::string::npos);
    GgufOptions form;
    form.linear = GgufType::kQ8_0;
    EXPECT_NE(error_of(test::gguf_of(test::make_plain_model(small()), form).bytes())
                  .find("type Q8_0; supported here: TQ1_0"),
              std::string::npos);
    plain = test::make_plain_model(small());
    plain.layers[0].linears[2].w[300] = 2;  // not ternary
    form.linear = GgufType::kF32;
    EXPECT_NE(error_of(test::gguf_of(plain, form).bytes()).find("these are not ternary weights"),
              std::string::npos);
}

/// Replaces the last `size` bytes of the first block of layer 0's q.
std::string with_scale(GgufType type, std::size_t block, const std::string& scale) {
    const test::PlainModel plain = test::make_plain_model(small());
    GgufOptions form;
    form.linear = type;
    std::string bytes = test::gguf_of(plain, form).bytes();
    const std::string q = test::encode_ternary(type, plain.layers[0].linears[0].w, 0.125F);
    const std::size_t at = bytes.find(q);
    return bytes.replace(at + (block == 0 ? q.size() - 32 : block - 2), scale.size(), scale);
}

TEST(GgufLoader, RefusesScalesThatAreNotOnePositiveNumber) {
    const auto half = [](unsigned bits) {
        return std::string{static_cast<char>(bits & 255), static_cast<char>(bits >> 8)};
    };
    for (const auto& [type, block] :
         {std::pair{GgufType::kTq1_0, std::size_t{54}}, std::pair{GgufType::kTq2_0, std::size_t{66}}}) {
        EXPECT_NE(error_of(with_scale(type, block, half(0x3C00))).find("only tensors with one scale"),
                  std::string::npos);
        for (const unsigned bits : {0x7E00U, 0x7C00U, 0xB000U}) {  // NaN, infinity, -0.125
            const std::string message = error_of(with_scale(type, block, half(bits)));
            EXPECT_NE(message.find("blk.0.attn_q.weight"), std::string::npos) << message;
            EXPECT_NE(message.find("expected a positive finite number"), std::string::npos) << message;
        }
    }
    for (const float scale : {0.0F, -1.0F, INFINITY, NAN}) {
        std::string bits(4, '\0');
        std::memcpy(bits.data(), &scale, 4);
        EXPECT_NE(error_of(with_scale(GgufType::kI2S, 0, bits)).find("expected a positive finite number"),
                  std::string::npos);
    }
}

TEST(GgufLoader, NamesAnIllegalCode) {
    for (const GgufType type : {GgufType::kTq1_0, GgufType::kTq2_0, GgufType::kI2S}) {
        const test::PlainModel plain = test::make_plain_model(small());
        GgufOptions form;
        form.linear = type;
        std::string bytes = test::gguf_of(plain, form).bytes();
        const std::size_t at = bytes.find(test::encode_ternary(type, plain.layers[1].linears[3].w, 0.125F));
        const bool base3 = type == GgufType::kTq1_0;
        bytes[at + 3] = static_cast<char>(base3 ? 0x01 : 0xFF);
        const std::string message = error_of(bytes);
        EXPECT_NE(message.find(base3 ? "'blk.1.attn_output.weight': code byte 0x01 at row 0, byte 3"
                                     : "'blk.1.attn_output.weight': code byte 0xff at row 0, byte 3"),
                  std::string::npos)
            << message;
    }
}

TEST(GgufLoader, LeavesOutTokenizersThatItCannotUse) {
    GgufWriter writer = test::gguf_of(test::make_plain_model(small()), {});
    const std::string bytes = writer.bytes();
    std::string other = bytes;
    const std::string model = "gpt2";
    other.replace(other.find(model), model.size(), "rwkv");
    const test::TemporaryFolder folder;
    test::write_file(folder / "m.gguf", other);
    const Model loaded = load_gguf(folder / "m.gguf", {});
    EXPECT_FALSE(loaded.tokenizer.has_value());
    EXPECT_NE(loaded.metadata.at("no_tokenizer").find("rwkv"), std::string::npos);
    // Ids outside of the vocabulary are an error, not a missing tokenizer.
    EXPECT_NE(error_with([](auto& w) { w.u32("tokenizer.ggml.eot_token_id", 263); }).find("eot_token_id"),
              std::string::npos);
    EXPECT_NE(error_with([](auto& w) {
                  w.f32s("tokenizer.ggml.scores", {1, 2});
              }).find("scores"),
              std::string::npos);
}

TEST(GgufVocabulary, HoldsWhatTheFileSays) {
    GgufWriter writer = test::gguf_of(test::make_plain_model(small()), {});
    writer.text("tokenizer.chat_template", "{{ messages }}");
    writer.u32("tokenizer.ggml.unknown_token_id", 3);
    writer.f32s("tokenizer.ggml.scores", std::vector<float>(263, -1.5F));
    const test::TemporaryFolder folder;
    test::write_file(folder / "m.gguf", writer.bytes());
    const GgufVocabulary vocabulary = read_vocabulary(GgufFile::open(folder / "m.gguf"));
    EXPECT_EQ(vocabulary.model, "gpt2");
    EXPECT_EQ(vocabulary.pre, "gpt-2");
    EXPECT_EQ(vocabulary.tokens.size(), 263U);
    EXPECT_EQ(vocabulary.types[256], 3);  // control
    EXPECT_EQ(vocabulary.scores[262], -1.5F);
    EXPECT_EQ(vocabulary.merges.front(), "t h");
    EXPECT_EQ(vocabulary.bos, 256U);
    EXPECT_EQ(vocabulary.unk, 3U);
    EXPECT_TRUE(vocabulary.add_bos);
    EXPECT_EQ(vocabulary.chat_template, "{{ messages }}");
}

TEST(GgufVocabulary, BeginsWithBosByKind) {
    GgufVocabulary vocabulary;
    vocabulary.model = "gpt2";
    vocabulary.pre = "gpt-2";
    EXPECT_FALSE(gguf_begins_with_bos(vocabulary));
    vocabulary.pre = "llama-bpe";
    EXPECT_TRUE(gguf_begins_with_bos(vocabulary));
    vocabulary.pre.clear();
    vocabulary.model = "llama";
    EXPECT_TRUE(gguf_begins_with_bos(vocabulary));
    // Microsoft's 2B4T: no name of a pre-tokenizer, 128256 tokens.
    vocabulary.model = "gpt2";
    vocabulary.pre.clear();
    vocabulary.tokens.resize(128256);
    EXPECT_TRUE(gguf_begins_with_bos(vocabulary));
    for (std::size_t i = 0; i < vocabulary.tokens.size(); ++i) {
        vocabulary.tokens[i] = std::to_string(i);
    }
    const TokenizerData data = read_gguf_vocabulary(vocabulary, "2b4t.gguf");
    EXPECT_EQ(data.pre, PreTokenizer::kLlama3);
    EXPECT_TRUE(data.ignore_merges);
}

TEST(Gguf, SurvivesAnyDamage) {
    const std::string good = test::gguf_of(test::make_plain_model(small()), {}).bytes();
    ASSERT_EQ(error_of(good), "");
    for (std::size_t size = 0; size < 2000; size += 7) {
        EXPECT_NE(error_of(good.substr(0, size)), "") << size;
    }
    EXPECT_NE(error_of(good.substr(0, good.size() - 64)), "");
    for (const std::uint64_t seed : {0U, 1U}) {
        SCOPED_TRACE(seed);
        std::mt19937_64 random(seed);
        for (int i = 0; i < 100; ++i) {
            std::string bad = good;
            bad[random() % 12000] = static_cast<char>(random());
            static_cast<void>(error_of(bad));  // refused or read: never a crash
        }
    }
}

/// Found by fuzzing: an architecture with a line break in it went into the message as it was.
TEST(Gguf, MessagesAreOneLineWhateverTheFileHolds) {
    GgufWriter writer;
    writer.text("general.architecture", "bit\nnet\x1B[2J" + std::string(100'000, 'x'));
    const std::string message = error_of(writer.bytes());
    EXPECT_NE(message.find("'bit?net?[2Jxxx"), std::string::npos) << message;
    EXPECT_LT(message.size(), 2100U);
}

TEST(Gguf, RefusesImpossibleHeaders) {
    const auto header = [](std::uint32_t version, std::uint64_t tensors, std::uint64_t pairs) {
        std::string out = "GGUF";
        out.append(reinterpret_cast<const char*>(&version), 4);
        out.append(reinterpret_cast<const char*>(&tensors), 8);
        out.append(reinterpret_cast<const char*>(&pairs), 8);
        return out + std::string(200, '\0');
    };
    EXPECT_NE(error_of(header(1, 0, 0)).find("version 1"), std::string::npos);
    EXPECT_NE(error_of(header(4, 0, 0)).find("version 4"), std::string::npos);
    EXPECT_NE(error_of(header(0x03000000, 0, 0)).find("big-endian"), std::string::npos);
    EXPECT_NE(error_of(header(3, ~std::uint64_t{0}, 0)).find("tensor count"), std::string::npos);
    EXPECT_NE(error_of(header(3, 0, ~std::uint64_t{0})).find("metadata count"), std::string::npos);
    EXPECT_NE(error_of("GGML" + std::string(100, '\0')).find("not a GGUF file"), std::string::npos);
}

TEST(Gguf, RefusesTensorsThatDoNotFit) {
    const auto error = [](const std::function<void(GgufWriter&)>& add) {
        GgufWriter writer;
        add(writer);
        return error_of(writer.bytes());
    };
    const std::uint64_t huge = std::uint64_t{1} << 32;
    EXPECT_NE(error([&](auto& w) {
                  w.tensor("t", {huge, huge}, GgufType::kF32, "");
              }).find("extent"),
              std::string::npos);
    EXPECT_NE(error([&](auto& w) { w.tensor("t", {0}, GgufType::kF32, ""); }).find("extent"),
              std::string::npos);
    EXPECT_NE(error([&](auto& w) { w.tensor("t", {}, GgufType::kF32, ""); }).find("0 dimensions"),
              std::string::npos);
    EXPECT_NE(error([&](auto& w) {
                  w.tensor("t", {1, 1, 1, 1, 1}, GgufType::kF32, "    ");
              }).find("5 dimensions"),
              std::string::npos);
    EXPECT_NE(error([&](auto& w) { w.tensor("t", {1024}, GgufType::kF32, "1234"); }).find("truncated"),
              std::string::npos);
    EXPECT_NE(error([&](auto& w) {
                  w.tensor("t", {100}, GgufType::kTq2_0, std::string(66, '\0'));
              }).find("multiple of 256"),
              std::string::npos);
    EXPECT_NE(error([&](auto& w) { w.tensor("", {1}, GgufType::kF32, "1234"); }).find("name of 0 bytes"),
              std::string::npos);
    // The second tensor begins inside the first, whose data are longer than what was written for it.
    EXPECT_NE(error([&](auto& w) {
                  w.tensor("a", {16}, GgufType::kF32, "1234");
                  w.tensor("b", {16}, GgufType::kF32, std::string(64, '\0'));
              }).find("'a' and 'b' overlap"),
              std::string::npos);
    EXPECT_NE(error([&](auto& w) { w.u32("general.alignment", 24); }).find("general.alignment"),
              std::string::npos);
    EXPECT_NE(error([&](auto& w) { w.u32("general.alignment", 0); }).find("general.alignment"),
              std::string::npos);
}

TEST(ModelLoader, DecidesByContent) {
    const test::TemporaryFolder folder;
    const test::PlainModel plain = test::make_plain_model(small());
    test::write_gguf(folder / "weights.bin", plain, {});
    EXPECT_EQ(model_form(folder / "weights.bin"), ModelForm::kGguf);
    const Model model = load_model_path(folder / "weights.bin", {});
    save_model(model, folder / "model.gguf.bin", false);
    EXPECT_EQ(model_form(folder / "model.gguf.bin"), ModelForm::kSetun);
    expect_equal(load_model_path(folder / "model.gguf.bin", {1, 128, 16}), plain);
    EXPECT_THROW(model_form(folder.path()), InputError);
    test::write_gguf(folder / "a.gguf", plain, {});
    EXPECT_EQ(model_form(folder.path()), ModelForm::kGguf);
    expect_equal(load_model_path(folder.path(), {}), plain);
    test::write_gguf(folder / "b.gguf", plain, {});
    EXPECT_THROW(model_form(folder.path()), InputError);
    test::write_synthetic(folder.path(), {});
    EXPECT_EQ(model_form(folder.path()), ModelForm::kHuggingFace);
    EXPECT_THROW(model_form(folder / "model.safetensors"), InputError);
    EXPECT_THROW(model_form(folder / "config.json"), InputError);
}

}  // namespace
}  // namespace setun
