// Fuzz target: GGUF files, from the container to packed weights and tokenizer.
#include "host/loaders/gguf_loader.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    setun::fuzz::read_or_refuse([&] {
        const setun::Model model = setun::load_gguf(setun::fuzz::file(data, size), {1, 128, 16});
        if (model.tokenizer) {
            setun::fuzz::use(setun::Tokenizer(*model.tokenizer));
        }
    });
    return 0;
}
