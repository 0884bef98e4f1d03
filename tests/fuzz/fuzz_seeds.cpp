// Writes the seed inputs of the fuzz targets: small files of every form, made by the synthetic writers.
#include <array>
#include <cstdio>
#include <cstring>
#include <filesystem>
#include <string>

#include "host/loaders/hf_loader.h"
#include "host/model/model_file.h"
#include "host/text/tokenizer_files.h"
#include "sim/xrt/kernel_image.h"
#include "tests/firmware/synthetic_elf.h"
#include "tests/fuzz/byte_ranks.h"
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

/// A protobuf field of a string or message.
std::string field(unsigned id, const std::string& bytes) {
    return static_cast<char>(id << 3U | 2U) + std::string(1, static_cast<char>(bytes.size())) + bytes;
}
/// A protobuf field of a small number.
std::string field(unsigned id, unsigned value) {
    return {static_cast<char>(id << 3U), static_cast<char>(value)};
}

std::string byte_piece(unsigned byte) {
    std::array<char, 8> text{};
    std::snprintf(text.data(), text.size(), "<0x%02X>", byte);
    return text.data();
}

/// A SentencePiece model of a few pieces, with all bytes or with only an unknown piece.
std::string sentencepiece_model(bool bytes) {
    constexpr unsigned kUnknown = 2;
    constexpr unsigned kControl = 3;
    constexpr unsigned kByte = 6;
    std::string model;
    const auto piece = [&](const std::string& text, unsigned type, float score) {
        std::string stored(4, '\0');
        std::memcpy(stored.data(), &score, 4);
        model += field(1, field(1, text) + static_cast<char>(2U << 3U | 5U) + stored + field(3, type));
    };
    piece("<unk>", kUnknown, 0);
    piece("<s>", kControl, 0);
    for (unsigned byte = 0; bytes && byte < 256; ++byte) {
        piece(byte_piece(byte), kByte, 0);
    }
    float score = 0;
    for (const char* text : {"th", "the", "\xE2\x96\x81the", "\xE2\x96\x81", "t", "h", "e"}) {
        piece(text, 1, score--);
    }
    model += field(2, field(3, 2U));
    return model + field(3, field(3, 1U) + field(4, 0U) + field(5, 1U));
}

/// tokenizer.json as Llama 1 and 2 have it.
std::string llama2_json() {
    nlohmann::json vocab{{"<unk>", 0}, {"<s>", 1}};
    for (unsigned byte = 0; byte < 256; ++byte) {
        vocab[byte_piece(byte)] = byte + 2;
    }
    unsigned id = 258;
    for (const char* text : {"\xE2\x96\x81", "t", "h", "e", "th", "the", "\xE2\x96\x81the"}) {
        vocab[text] = id++;
    }
    return nlohmann::json{
        {"normalizer",
         {{"type", "Sequence"},
          {"normalizers",
           {{{"type", "Prepend"}, {"prepend", "\xE2\x96\x81"}},
            {{"type", "Replace"}, {"pattern", {{"String", " "}}}, {"content", "\xE2\x96\x81"}}}}}},
        {"added_tokens", {{{"id", 1}, {"content", "<s>"}, {"special", true}}}},
        {"post_processor",
         {{"type", "TemplateProcessing"}, {"single", {{{"SpecialToken", {{"id", "<s>"}}}}}}}},
        {"model",
         {{"type", "BPE"},
          {"byte_fallback", true},
          {"unk_token", "<unk>"},
          {"vocab", vocab},
          {"merges", {"t h", "th e", "\xE2\x96\x81 the"}}}}}
        .dump();
}

/// tokenizer.json as Llama 3 has it, with the newer form of merges.
std::string llama3_json() {
    nlohmann::json json = synthetic_tokenizer();
    json["pre_tokenizer"] = {
        {"type", "Sequence"},
        {"pretokenizers",
         {{{"type", "Split"},
           {"pattern",
            {{"Regex",
              R"((?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+)"}}}},
          {{"type", "ByteLevel"}, {"use_regex", false}}}}};
    json["model"]["ignore_merges"] = true;
    json["post_processor"] = {
        {"type", "Sequence"},
        {"processors",
         {{{"type", "ByteLevel"}},
          {{"type", "TemplateProcessing"}, {"single", {{{"SpecialToken", {{"id", "<|end|>"}}}}}}}}}};
    return json.dump();
}

/// Only the vocabulary of a SentencePiece model: what stands before the tensors.
std::string sentencepiece_gguf() {
    GgufWriter writer;
    writer.text("general.architecture", "llama");
    writer.u32("llama.context_length", 8);
    writer.u32("llama.embedding_length", 8);
    writer.u32("llama.block_count", 1);
    writer.u32("llama.feed_forward_length", 8);
    writer.u32("llama.attention.head_count", 1);
    writer.f32("llama.attention.layer_norm_rms_epsilon", 1e-5F);
    writer.text("tokenizer.ggml.model", "llama");
    writer.texts("tokenizer.ggml.tokens", {"<unk>", "<s>", "\xE2\x96\x81", "t", "h", "th"});
    writer.f32s("tokenizer.ggml.scores", {0, 0, -1, -2, -3, -4});
    writer.i32s("tokenizer.ggml.token_type", {2, 3, 1, 1, 1, 4});
    writer.u32("tokenizer.ggml.bos_token_id", 1);
    writer.u32("tokenizer.ggml.unknown_token_id", 0);
    writer.boolean("tokenizer.ggml.add_bos_token", true);
    const auto floats = [&](const std::string& name, std::vector<std::uint64_t> extents) {
        std::uint64_t count = 1;
        for (const std::uint64_t extent : extents) {
            count *= extent;
        }
        writer.tensor(name, extents, GgufType::kF32,
                      encode_floats(GgufType::kF32, std::vector<float>(count, 1.0F)));
    };
    floats("token_embd.weight", {8, 6});
    for (const char* name : {"attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"}) {
        floats(std::string("blk.0.") + name + ".weight", {8, 8});
    }
    floats("blk.0.attn_norm.weight", {8});
    floats("blk.0.ffn_norm.weight", {8});
    floats("output_norm.weight", {8});
    return writer.bytes();
}

/// Tokenizers of every kind that are small enough to be mutated well.
void write_tokenizer_seeds(const fs::path& out) {
    write_file(out / "tokenizer_json" / "llama2.json", llama2_json());
    write_file(out / "tokenizer_json" / "llama3.json", llama3_json());
    write_file(out / "sentencepiece" / "bytes.model", sentencepiece_model(true));
    write_file(out / "sentencepiece" / "unknown.model", sentencepiece_model(false));
    write_file(out / "tiktoken" / "bytes.tiktoken", fuzz::byte_ranks());
    write_file(out / "tiktoken" / "two.tiktoken", "YQ== 0\nYmI= 1\r\n");
    const auto section = [&](const char* name, setun::TokenizerData data) {
        const auto bytes = serialise_tokenizer(data);
        write_file(out / "tokenizer_section" / name,
                   {reinterpret_cast<const char*>(bytes.data()), bytes.size()});
        data.chat_template = "[INST]";
        data.add_bos = false;
        const auto more = serialise_tokenizer(data);
        write_file(out / "tokenizer_section" / (std::string(name) + "_chat"),
                   {reinterpret_cast<const char*>(more.data()), more.size()});
    };
    section("ranks", read_tiktoken(out / "tiktoken" / "bytes.tiktoken"));
    section("scores", read_sentencepiece(out / "sentencepiece" / "unknown.model"));
    section("merges", read_tokenizer_json(out / "tokenizer_json" / "tokenizer.json"));
    section("merges_llama2", read_tokenizer_json(out / "tokenizer_json" / "llama2.json"));
}

/// One input for each file that the target "folder" replaces; its first byte is the file's number there.
void write_folder_seeds(const fs::path& out) {
    PlainModel model = make_tiny_model();
    model.options.shards = 2;
    const TemporaryFolder folder;
    write_hugging_face(folder.path(), model);
    const std::vector<std::string> contents{
        read_file(folder / "model.safetensors.index.json"),
        R"({"eos_token_id": [1, 2], "bos_token_id": 0})",
        "# Card\n",
        R"({"add_bos_token": true, "chat_template": [{"name": "default", "template": "<|im_start|> <|im_end|>"}]})",
        R"({"<|im_start|>": 259, "<|im_end|>": 260, "<|eot_id|>": 261})",
        sentencepiece_model(true),
        "{% for m in messages %}<|start_header_id|>{{ m | capitalize }}<|eot_id|>Assistant: BITNETAssistant"};
    for (std::size_t i = 0; i < contents.size(); ++i) {
        write_file(out / "folder" / std::to_string(i), static_cast<char>(i) + contents[i]);
    }
    write_file(out / "folder" / "ranks", static_cast<char>(5) + fuzz::byte_ranks());
    write_file(out / "folder" / "json", static_cast<char>(5) + synthetic_tokenizer().dump());
}

void write_text_seeds(const fs::path& out) {
    const std::vector<std::string> texts{"The end, and 12345 of the <|eot_id|>\nUser: \xC3\xA9",
                                         "\xF0\x9F\x98\x80\xE2\x96\x81  it's\r\n\t</s><s>[/INST] the end",
                                         "\xFF\xE2\x82 \xED\xA0\x80"};
    for (unsigned i = 0; i < 24; ++i) {
        const std::string head{static_cast<char>(i), static_cast<char>(7)};
        write_file(out / "text" / std::to_string(i), head + texts[i % texts.size()]);
    }
}

void write_seeds(const fs::path& out) {
    for (const char* target : {"safetensors", "gguf", "tokenizer_json", "model_file", "sentencepiece",
                               "tiktoken", "tokenizer_section", "folder", "text", "firmware", "xclbin"}) {
        fs::create_directories(out / target);
    }
    const PlainModel tiny = make_tiny_model();
    const TemporaryFolder folder;
    write_hugging_face(folder.path(), tiny);
    for (const char* name : {"config.json", "model.safetensors"}) {
        write_file(out / "safetensors" / name, read_file(folder / name));
    }
    write_file(out / "tokenizer_json" / "tokenizer.json", read_file(folder / "tokenizer.json"));
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
    for (const unsigned ports : {1U, 4U}) {
        xclbin::EmulationImage image;
        image.config.ports = ports;
        const std::vector<std::byte> bytes = xclbin::write_image(xclbin::make_emulation_image(image));
        write_file(out / "xclbin" / (std::to_string(ports) + ".xclbin"),
                   std::string(reinterpret_cast<const char*>(bytes.data()), bytes.size()));
    }
    const std::vector<std::byte> elf = vp::test::Elf().bytes();
    write_file(out / "firmware" / "small.elf",
               std::string(reinterpret_cast<const char*>(elf.data()), elf.size()));
    write_file(out / "gguf" / "spm.gguf", sentencepiece_gguf());
    write_tokenizer_seeds(out);
    write_folder_seeds(out);
    write_text_seeds(out);
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
