// Fuzz target: Hugging Face directories. An input that begins like JSON is config.json beside good weights,
// any other one is model.safetensors beside a good config.json.
#include <filesystem>

#include "host/loaders/hf_loader.h"
#include "tests/fuzz/scratch.h"
#include "tests/host/synthetic_model.h"

namespace {

/// config.json and model.safetensors of a directory, as links to files in memory.
struct Directory {
    setun::test::TemporaryFolder folder;
    setun::fuzz::ScratchFile config;
    setun::fuzz::ScratchFile weights;
    std::string good_config;
    std::string good_weights;

    Directory() {
        const setun::test::PlainModel model = setun::test::make_tiny_model();
        setun::test::write_hugging_face(folder.path(), model);
        good_config = setun::test::read_file(folder / "config.json");
        good_weights = setun::test::read_file(folder / "model.safetensors");
        for (const char* name : {"config.json", "model.safetensors", "tokenizer.json"}) {
            std::filesystem::remove(folder / name);
        }
        std::filesystem::create_symlink(config.path(), folder / "config.json");
        std::filesystem::create_symlink(weights.path(), folder / "model.safetensors");
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const Directory kDirectory;
    const auto input = setun::fuzz::input(data, size);
    const bool is_config = size != 0 && data[0] == '{';
    kDirectory.config.fill(is_config ? input : std::as_bytes(std::span(kDirectory.good_config)));
    kDirectory.weights.fill(is_config ? std::as_bytes(std::span(kDirectory.good_weights)) : input);
    setun::fuzz::read_or_refuse([] {
        static_cast<void>(setun::load_hugging_face(kDirectory.folder.path(), {1, 128, 16}));
    });
    return 0;
}
