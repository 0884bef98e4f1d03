// Fuzz target: the smaller files of a Hugging Face directory. The first byte of an input chooses one of them,
// which stands beside good others.
#include <array>

#include "host/loaders/hf_loader.h"
#include "host/text/chat_template.h"
#include "host/text/tokenizer_files.h"
#include "tests/fuzz/byte_ranks.h"
#include "tests/fuzz/target.h"
#include "tests/host/synthetic_model.h"

namespace {

constexpr std::array<const char*, 7> kNames{
    "model.safetensors.index.json", "generation_config.json", "README.md",
    "tokenizer_config.json",        "added_tokens.json",      "tokenizer.model",
    "chat_template.jinja"};
constexpr std::size_t kFirstOfTokenizer = 3;

using Files = std::map<std::string, std::string>;

/// A model of four tokens in two shards.
Files model_files() {
    const setun::test::TemporaryFolder folder;
    setun::test::PlainModel model = setun::test::make_tiny_model();
    model.options.shards = 2;
    setun::test::write_hugging_face(folder.path(), model);
    Files files;
    for (const auto& entry : std::filesystem::directory_iterator(folder.path())) {
        files[entry.path().filename()] = setun::test::read_file(entry.path());
    }
    files.erase("tokenizer.json");
    return files;
}

Files tokenizer_files() {
    return {{"tokenizer.model", setun::fuzz::byte_ranks()},
            {"added_tokens.json", R"({"<|im_start|>": 259, "<|im_end|>": 260, "<|eot_id|>": 261})"}};
}

void read_tokenizer(const setun::FileFolder& folder) {
    if (auto data = setun::read_folder_tokenizer(folder)) {
        const setun::Tokenizer tokenizer(std::move(*data));
        setun::fuzz::use(tokenizer);
        static_cast<void>(setun::ChatTemplate::of(tokenizer));
    }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Files kModel = model_files();
    static const Files kTokenizer = tokenizer_files();
    if (size == 0) {
        return 0;
    }
    const std::size_t which = data[0] % kNames.size();
    std::map<std::string, std::span<const std::byte>> files;
    for (const auto& [name, content] : which < kFirstOfTokenizer ? kModel : kTokenizer) {
        files[name] = setun::bytes_of(content);
    }
    const std::string name = kNames.at(which);
    files[name] = setun::fuzz::input(data, size).subspan(1);
    if (name == "tokenizer.model") {
        files.erase("added_tokens.json");  // their ids go on behind those of the good one
    }
    const setun::FileFolder folder("folder", std::move(files));
    setun::fuzz::read_or_refuse([&] {
        if (which < kFirstOfTokenizer) {
            static_cast<void>(setun::load_hugging_face(folder, {1, 128, 16}));
        } else {
            read_tokenizer(folder);
        }
    });
    return 0;
}
