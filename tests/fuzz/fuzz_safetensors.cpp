// Fuzz target: Hugging Face directories. An input that begins like JSON is config.json beside good weights,
// any other one is model.safetensors beside a good config.json.
#include "host/loaders/hf_loader.h"
#include "tests/fuzz/target.h"
#include "tests/host/synthetic_model.h"

namespace {

struct GoodFiles {
    std::string config;
    std::string weights;

    GoodFiles() {
        const setun::test::TemporaryFolder folder;
        setun::test::write_hugging_face(folder.path(), setun::test::make_tiny_model());
        config = setun::test::read_file(folder / "config.json");
        weights = setun::test::read_file(folder / "model.safetensors");
    }
};

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const GoodFiles kGood;
    const auto input = setun::fuzz::input(data, size);
    const bool is_config = size != 0 && data[0] == '{';
    const setun::FileFolder folder(
        "folder", {{"config.json", is_config ? input : setun::bytes_of(kGood.config)},
                   {"model.safetensors", is_config ? setun::bytes_of(kGood.weights) : input}});
    setun::fuzz::read_or_refuse([&] { static_cast<void>(setun::load_hugging_face(folder, {1, 128, 16})); });
    return 0;
}
