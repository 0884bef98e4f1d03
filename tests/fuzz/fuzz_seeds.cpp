// Writes the seed inputs of the fuzz targets: small files of every form, made by the synthetic writers.
#include <cstdio>
#include <filesystem>
#include <string>

#include "host/loaders/hf_loader.h"
#include "host/model_file.h"
#include "tests/firmware/synthetic_elf.h"
#include "tests/host/synthetic_gguf.h"
#include "tests/host/synthetic_model.h"

namespace setun::test {
namespace {

namespace fs = std::filesystem;

/// A different type in every matrix; 256 inputs where blocks need them, and as few rows as possible.
std::string mixed_gguf() {
    GgufWriter writer;
    writer.text("general.architecture", "bitnet-b1.58");
    const std::string a = "bitnet-b1.58.";
    writer.u32(a + "context_length", 8);
    writer.u32(a + "embedding_length", 256);
    writer.u32(a + "block_count", 1);
    writer.u32(a + "feed_forward_length", 2);
    writer.u32(a + "attention.head_count", 1);
    writer.u32(a + "attention.key_length", 2);
    writer.u32(a + "rope.dimension_count", 2);
    writer.f32(a + "attention.layer_norm_rms_epsilon", 1e-5F);
    const std::vector<std::int8_t> w(512, 1);
    const auto ones = [](std::size_t n) { return std::vector<float>(n, 1.0F); };
    const auto floats = [&](const char* name, std::vector<std::uint64_t> extents, GgufType type) {
        std::uint64_t count = 1;
        for (const std::uint64_t extent : extents) {
            count *= extent;
        }
        writer.tensor(name, extents, type, encode_floats(type, ones(count)));
    };
    floats("token_embd.weight", {256, 2}, GgufType::kQ8_0);
    writer.tensor("output.weight", {256, 2}, GgufType::kQ6_K, std::string(420, '\1'));
    writer.tensor("blk.0.attn_q.weight", {256, 2}, GgufType::kTq1_0,
                  encode_ternary(GgufType::kTq1_0, w, 0.5F));
    writer.tensor("blk.0.attn_k.weight", {256, 2}, GgufType::kTq2_0,
                  encode_ternary(GgufType::kTq2_0, w, 0.5F));
    writer.tensor("blk.0.attn_v.weight", {256, 2}, GgufType::kI2S, encode_ternary(GgufType::kI2S, w, 0.5F));
    floats("blk.0.attn_output.weight", {2, 256}, GgufType::kF16);
    floats("blk.0.ffn_gate.weight", {256, 2}, GgufType::kBF16);
    floats("blk.0.ffn_up.weight", {256, 2}, GgufType::kF32);
    floats("blk.0.ffn_down.weight", {2, 256}, GgufType::kF16);
    floats("blk.0.attn_norm.weight", {256}, GgufType::kF32);
    floats("blk.0.ffn_norm.weight", {256}, GgufType::kF32);
    floats("blk.0.attn_sub_norm.weight", {2}, GgufType::kF32);
    floats("blk.0.ffn_sub_norm.weight", {2}, GgufType::kF32);
    floats("output_norm.weight", {256}, GgufType::kF32);
    return writer.bytes();
}

void write_seeds(const fs::path& out) {
    for (const char* target : {"safetensors", "gguf", "tokenizer_json", "model_file", "firmware"}) {
        fs::create_directories(out / target);
    }
    const PlainModel tiny = make_tiny_model();
    const TemporaryFolder folder;
    write_hugging_face(folder.path(), tiny);
    for (const char* name : {"config.json", "model.safetensors"}) {
        write_file(out / "safetensors" / name, read_file(folder / name));
    }
    write_file(out / "tokenizer_json" / "tokenizer.json", read_file(folder / "tokenizer.json"));
    write_file(out / "tokenizer_json" / "llama3.json",
               R"({"model": {"type": "BPE", "vocab": {"a": 0}, "merges": []},
        "pre_tokenizer": {"type": "Sequence", "pretokenizers": [{"type": "Split", "pattern": {"Regex": "a"}},
        {"type": "ByteLevel", "use_regex": false}]}, "added_tokens": [{"id": 1, "content": "b", "special": true}]})");
    fs::remove(folder / "tokenizer.json");
    save_model(load_hugging_face(folder.path(), {1, 128, 16}), out / "model_file" / "tiny.setun", true);
    GgufOptions form;
    form.linear = GgufType::kF32;
    form.architecture = "bitnet";
    write_gguf(out / "gguf" / "tiny.gguf", tiny, form);
    write_file(out / "gguf" / "mixed.gguf", mixed_gguf());
    SyntheticOptions options;
    options.hidden = 8;
    options.ffn = 8;
    options.layers = 1;
    options.heads = 2;
    options.kv_heads = 1;
    options.sub_norms = false;
    form.architecture = "llama";
    write_gguf(out / "gguf" / "llama.gguf", make_plain_model(options), form);
    const std::vector<std::byte> elf = vp::test::Elf().bytes();
    write_file(out / "firmware" / "small.elf",
               std::string(reinterpret_cast<const char*>(elf.data()), elf.size()));
}

}  // namespace
}  // namespace setun::test

int main(int argc, char** argv) {
    if (argc != 2) {
        std::fprintf(stderr, "usage: fuzz_seeds DIRECTORY\n");
        return 2;
    }
    setun::test::write_seeds(argv[1]);
    return 0;
}
