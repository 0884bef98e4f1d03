// What loaders of checkpoints, the decoder and model files refuse, each by file, field and reason, and the
// forms that few files have.
#include <gtest/gtest.h>

#include <algorithm>
#include <functional>
#include <limits>
#include <nlohmann/json.hpp>

#include "host/base/error.h"
#include "host/loaders/gguf_loader.h"
#include "host/loaders/hf_loader.h"
#include "host/loaders/safetensors.h"
#include "host/model/decoder.h"
#include "host/model/model_file.h"
#include "tests/host/refusal.h"
#include "tests/host/synthetic_gguf.h"

namespace setun {
namespace {

using test::error_of;
using test::expect_error;

using nlohmann::json;
using test::GgufType;
using test::GgufWriter;
using test::Storage;

// Hugging Face directories.

/// Loads a synthetic directory after a change of its config.json.
Model load_with(const test::SyntheticOptions& options, const std::function<void(json&)>& change,
                const std::function<void(const std::filesystem::path&)>& files = {}) {
    const test::TemporaryFolder folder;
    test::write_synthetic(folder.path(), options);
    json config = json::parse(test::read_file(folder / "config.json"));
    change(config);
    test::write_file(folder / "config.json", config.dump());
    if (files) {
        files(folder.path());
    }
    return load_hugging_face(folder.path(), {});
}

TEST(LoaderRefusals, HeadsThatDoNotDivideTheWidthNeedTheirSize) {
    const auto with = [](const std::function<void(json&)>& change) {
        return error_of([&] { return load_with({}, change); });
    };
    EXPECT_EQ(load_with({}, [](json& c) { c["head_dim"] = 16; }).architecture.head_dim, 16U);
    expect_error(with([](json& c) {
                     c["num_attention_heads"] = 5;
                     c["num_key_value_heads"] = 5;
                 }),
                 "num_attention_heads' is 5, which does not divide hidden_size 64; head_dim must be given");
    // With a size of their own, the tensors must have it too.
    expect_error(with([](json& c) { c["head_dim"] = 32; }),
                 "expected F32, F16 or BF16 of shape [128, 64] from config.json");
}

TEST(LoaderRefusals, OneBitLlmTakesInt8Inputs) {
    test::SyntheticOptions options;
    options.one_bit_llm = true;
    expect_error(error_of([&] { return load_with(options, [](json& c) { c["input_bits"] = 4; }); }),
                 "input_bits' is not 8; only 8-bit activations are supported");
}

TEST(LoaderRefusals, NamesTheTensorThatIsMissing) {
    expect_error(error_of([] { return load_with({}, [](json& c) { c["num_hidden_layers"] = 3; }); }),
                 "tensor 'model.layers.2.");
}

TEST(LoaderRefusals, PackedRowsAreAQuarterOfTheMatrix) {
    test::SyntheticOptions options;
    options.storage = Storage::kPackedMultiply;
    expect_error(error_of([&] { return load_with(options, [](json& c) { c["intermediate_size"] = 100; }); }),
                 "packed shape [24, 64]; expected [25, 64] from config.json");
}

TEST(LoaderRefusals, KeepsTheModelCard) {
    const Model model = load_with(
        {}, [](json&) {},
        [](const auto& folder) { test::write_file(folder / "README.md", "# A model\nof tests"); });
    EXPECT_EQ(model.metadata.at("card"), "# A model\nof tests");
}

TEST(LoaderRefusals, SafetensorsHeaderThatLies) {
    const test::TemporaryFolder folder;
    const auto open = [&](const std::vector<test::RawTensor>& tensors, const std::string& more = "") {
        test::write_safetensors(folder / "x.safetensors", tensors);
        test::write_file(folder / "x.safetensors", test::read_file(folder / "x.safetensors") + more);
        return error_of([&] { return SafeTensors::open(folder / "x.safetensors"); });
    };
    const std::uint64_t large = std::uint64_t{1} << 40;
    EXPECT_EQ(open({{"a", "F32", {2}, std::string(8, 'x')}}), "accepted");
    EXPECT_EQ(open({{"a", "F32", {0, 5}, ""}}), "accepted");
    expect_error(open({{"a", "F32", {large + 1}, ""}}), "'shape' holds something that is not a usable size");
    expect_error(open({{"a", "F32", {large, 2}, ""}}), "'shape' asks for more than 1099511627776 elements");
    // 2^64 elements, which a product of 64 bits takes for none.
    expect_error(open({{"a", "F32", {std::uint64_t{1} << 24, large}, ""}}), "'shape' asks for more than");
    expect_error(open({{"a", "F32", {2}, std::string(8, 'x')}}, "more"),
                 "tensors end at data byte 8, the file has 12: truncated or extended");
}

// GGUF files.

test::PlainModel small_plain() {
    test::SyntheticOptions options;
    options.hidden = 256;
    options.ffn = 512;
    options.heads = 8;
    return test::make_plain_model(options);
}

Model load_bytes(const std::string& bytes, const std::function<void(double)>& progress = {}) {
    const test::TemporaryFolder folder;
    test::write_file(folder / "small.gguf", bytes);
    return load_gguf(folder / "small.gguf", {}, progress);
}

std::string gguf_error(const test::PlainModel& plain, const std::function<void(GgufWriter&)>& change = {}) {
    GgufWriter writer = test::gguf_of(plain, {});
    if (change) {
        change(writer);
    }
    return error_of([&] { return load_bytes(writer.bytes()); });
}

std::string with_length(const std::string& text) {
    const std::uint64_t size = text.size();
    return std::string(reinterpret_cast<const char*>(&size), sizeof(size)) + text;
}

TEST(LoaderRefusals, GgufSizesThatContradictEachOther) {
    test::PlainModel plain = small_plain();
    plain.options.heads = 7;
    expect_error(gguf_error(plain),
                 "attention.head_count' is 7, which does not divide the embedding length 256");
    plain = small_plain();
    plain.embedding.m = 200;
    plain.embedding.w.resize(std::size_t{200} * 256);
    expect_error(gguf_error(plain), "vocab_size' differs from the 200 rows of token_embd.weight");
    std::string bytes = test::gguf_of(plain, {}).bytes();  // without that key
    const std::string key = "vocab_size";
    bytes.replace(bytes.find(key), key.size(), "vocab_none");
    expect_error(error_of([&] { return load_bytes(bytes); }),
                 "tokenizer.ggml.tokens' has 263 entries; token_embd.weight has 200 rows");
    expect_error(gguf_error(small_plain(),
                            [](auto& w) {
                                w.tensor("blk.0.attn_q.scale", {1}, GgufType::kF32,
                                         test::encode_floats(GgufType::kF32, {-1.0F}));
                            }),
                 "'blk.0.attn_q.scale': holds -1; expected a positive number");
}

TEST(LoaderRefusals, GgufTensorsBeginAtTheAlignment) {
    std::string bytes = test::gguf_of(small_plain(), {}).bytes();
    const std::string name = "output_norm.weight";  // one dimension: 4 + 8 + 4 bytes to the offset
    const std::size_t at = bytes.find(name) + name.size() + 16;
    bytes[at] = static_cast<char>(bytes[at] + 8);
    expect_error(error_of([&] { return load_bytes(bytes); }),
                 "tensor 'output_norm.weight' begins at offset ");
    expect_error(error_of([&] { return load_bytes(bytes); }), "which is not a multiple of 32");
}

TEST(LoaderRefusals, GgufVectorsMayHaveDimensionsOfOne) {
    test::PlainModel plain = small_plain();
    const std::vector<float> norm = plain.layers[1].norms[1];
    plain.layers[1].norms[1].clear();
    GgufWriter writer = test::gguf_of(plain, {});
    writer.tensor("blk.1.attn_sub_norm.weight", {256, 1, 1}, GgufType::kF32,
                  test::encode_floats(GgufType::kF32, norm));
    EXPECT_EQ(load_bytes(writer.bytes()).layers[1].norms[1], norm);
}

TEST(LoaderRefusals, GgufWithoutANameIsCalledLikeItsFile) {
    std::string bytes = test::gguf_of(small_plain(), {}).bytes();
    const std::size_t at = bytes.find("general.name");
    if (at != std::string::npos) {
        bytes.replace(at, 12, "general.none");
    }
    EXPECT_EQ(load_bytes(bytes).metadata.at("name"), "small");
}

TEST(LoaderRefusals, GgufTextsAlsoEndAtTheEndOfATurn) {
    GgufWriter named = test::gguf_of(small_plain(), {});
    named.u32("tokenizer.ggml.eot_token_id", 77);
    EXPECT_EQ(load_bytes(named.bytes()).architecture.eos, (std::vector<std::uint32_t>{256, 77}));
    // 2B4T has no key for it, so the control token of that name counts. The pad keeps tensors where they are.
    GgufWriter silent = test::gguf_of(small_plain(), {});
    silent.text("pad", "   ");
    std::string bytes = silent.bytes();
    const auto replace = [&](const std::string& from, const std::string& to) {
        const std::size_t at = bytes.find(from);
        ASSERT_NE(at, std::string::npos) << from;
        bytes.replace(at, from.size(), to);
    };
    replace("tokenizer.ggml.eos_token_id", "tokenizer.ggml.eos_token_no");
    EXPECT_EQ(load_bytes(bytes).architecture.eos, std::vector<std::uint32_t>{});
    replace(with_length("<|end|>"), with_length("<|eot_id|>"));
    replace(with_length("   "), with_length(""));
    EXPECT_EQ(load_bytes(bytes).architecture.eos, (std::vector<std::uint32_t>{256}));
}

TEST(LoaderRefusals, GgufTellsHowFarItIs) {
    std::vector<double> shares;
    load_bytes(test::gguf_of(small_plain(), {}).bytes(), [&](double share) { shares.push_back(share); });
    ASSERT_GE(shares.size(), 2U);
    EXPECT_EQ(shares.front(), 0);
    EXPECT_TRUE(std::is_sorted(shares.begin(), shares.end()));
    EXPECT_LE(shares.back(), 1);
}

// Model files and the decoder.

TEST(LoaderRefusals, ModelFileWithAVectorThatIsNotFinite) {
    const test::TemporaryFolder folder;
    test::write_synthetic(folder.path(), {});
    Model model = load_hugging_face(folder.path(), {});
    model.final_norm[3] = std::numeric_limits<float>::infinity();
    save_model(model, folder / "infinite.setun", false);
    expect_error(error_of([&] { return open_model(folder / "infinite.setun"); }),
                 "vector 'final_norm' holds a value that is not finite");
}

TEST(LoaderRefusals, DecoderKeepsToItsPositionsAndVocabulary) {
    const test::TemporaryFolder folder;
    test::write_synthetic(folder.path(), {});
    const Model model = load_hugging_face(folder.path(), {});
    expect_error(error_of([&] { return Decoder(model, 49); }),
                 "49 positions asked for, the model's context is 48");
    Decoder decoder(model, 4);
    const auto begin = [&](const std::vector<std::uint32_t>& tokens) {
        return error_of([&] {
            decoder.begin(tokens, true);
            return 0;
        });
    };
    EXPECT_EQ(begin({1, 2, 3, 262}), "accepted");
    expect_error(begin({1, 2, 3, 4, 5}), "5 tokens do not fit behind position 0 of 4");
    expect_error(begin({263}), "token id 263 is out of range; the vocabulary has ids 0 to 262");
    expect_error(error_of([&] {
                     decoder.rewind(1);
                     return 0;
                 }),
                 "cannot go back to position 1 of 0");
}

}  // namespace
}  // namespace setun
