// Writes a small model of random weights in any of the formats that are read, for scripts that compare
// programs, and prints the logits that an independent double-precision model gives for it.
#include <CLI/CLI.hpp>
#include <exception>
#include <filesystem>
#include <iostream>
#include <map>
#include <string>
#include <vector>

#include "tests/host/synthetic_gguf.h"
#include "tests/host/synthetic_model.h"

namespace setun::test {
namespace {

const std::map<std::string, Storage>& directory_forms() {
    static const std::map<std::string, Storage> kForms{{"hf-packed", Storage::kPackedMultiply},
                                                       {"hf-packed-divide", Storage::kPackedDivide},
                                                       {"hf-f32", Storage::kF32},
                                                       {"hf-f16", Storage::kF16},
                                                       {"hf-bf16", Storage::kBF16}};
    return kForms;
}

const std::map<std::string, GgufType>& gguf_types() {
    static const std::map<std::string, GgufType> kTypes{
        {"gguf-tq1_0", GgufType::kTq1_0}, {"gguf-tq2_0", GgufType::kTq2_0}, {"gguf-i2_s", GgufType::kI2S},
        {"gguf-f32", GgufType::kF32},     {"gguf-f16", GgufType::kF16},     {"gguf-bf16", GgufType::kBF16}};
    return kTypes;
}

const std::map<std::string, GgufType>& embedding_types() {
    static const std::map<std::string, GgufType> kTypes{{"f32", GgufType::kF32},
                                                        {"f16", GgufType::kF16},
                                                        {"bf16", GgufType::kBF16},
                                                        {"q8_0", GgufType::kQ8_0}};
    return kTypes;
}

struct Arguments {
    std::string format;
    std::string output;
    std::string architecture = "bitnet-b1.58";
    std::string embedding = "f16";
    SyntheticOptions model;
    bool untied = false;
    std::vector<std::uint32_t> logits;
    bool llama_cpp = false;
};

void declare(CLI::App& app, Arguments& a) {
    a.model.hidden = 256;
    a.model.ffn = 512;
    std::vector<std::string> formats;
    for (const auto& [name, form] : directory_forms()) {
        formats.push_back(name);
    }
    for (const auto& [name, type] : gguf_types()) {
        formats.push_back(name);
    }
    app.add_option("FORMAT", a.format, "Form of the model")->required()->check(CLI::IsMember(formats));
    app.add_option("OUT", a.output, "Directory (hf-*) or file (gguf-*) to write")->required();
    app.add_option("--arch", a.architecture,
                   "bitnet, bitnet-25, bitnet-b1.58 or llama; decides gate and sub-norms")
        ->check(CLI::IsMember({"bitnet", "bitnet-25", "bitnet-b1.58", "llama"}))
        ->capture_default_str();
    app.add_option("--embedding", a.embedding, "GGUF type of the embedding: f32, f16, bf16, q8_0")
        ->check(CLI::IsMember({"f32", "f16", "bf16", "q8_0"}))
        ->capture_default_str();
    app.add_option("--hidden", a.model.hidden, "TQ types need multiples of 256")->capture_default_str();
    app.add_option("--ffn", a.model.ffn, "TQ types need multiples of 256")->capture_default_str();
    app.add_option("--layers", a.model.layers)->capture_default_str();
    app.add_option("--heads", a.model.heads)->capture_default_str();
    app.add_option("--kv-heads", a.model.kv_heads)->capture_default_str();
    app.add_option("--context", a.model.context)->capture_default_str();
    app.add_option("--seed", a.model.seed)->capture_default_str();
    app.add_option("--shards", a.model.shards, "Shards of a hf-* directory")->capture_default_str();
    app.add_flag("--untied", a.untied, "An output head of its own");
    app.add_option("--logits", a.logits, "Token ids, e.g. 1,2,3: print the logits behind each as JSON")
        ->delimiter(',');
    app.add_flag("--llama-cpp", a.llama_cpp, "Logits with llama.cpp's activations by block and a float head");
}

void write(const Arguments& a) {
    SyntheticOptions options = a.model;
    options.sub_norms = a.architecture != "llama";
    options.activation = a.architecture == "bitnet" || a.architecture == "llama" ? "silu" : "relu2";
    options.tied_head = !a.untied;
    const auto directory = directory_forms().find(a.format);
    if (directory != directory_forms().end()) {
        options.storage = directory->second;
    }
    PlainModel model = make_plain_model(options);
    if (directory != directory_forms().end()) {
        std::filesystem::create_directories(a.output);
        model = write_hugging_face(a.output, model);
    } else {
        GgufOptions form;
        form.architecture = a.architecture;
        form.linear = gguf_types().at(a.format);
        form.embedding = embedding_types().at(a.embedding);
        write_gguf(a.output, model, form);
    }
    if (!a.logits.empty()) {
        for (const std::uint32_t id : a.logits) {
            if (id >= model.vocab) {
                throw std::runtime_error("--logits: " + std::to_string(id) + " is not below " +
                                         std::to_string(model.vocab));
            }
        }
        const auto rows =
            plain_logits(model, a.logits, a.llama_cpp ? Arithmetic::kLlamaCpp : Arithmetic::kBitNet);
        std::cout << nlohmann::json{{"tokens", a.logits}, {"logits", rows}} << '\n';
    }
}

}  // namespace
}  // namespace setun::test

int main(int argc, char** argv) {
    CLI::App app("Writes a small model of random weights in any of the formats that Setun reads.");
    setun::test::Arguments arguments;
    setun::test::declare(app, arguments);
    CLI11_PARSE(app, argc, argv);
    try {
        setun::test::write(arguments);
    } catch (const std::exception& error) {
        std::cerr << "write_model: " << error.what() << '\n';
        return 2;
    }
    return 0;
}
