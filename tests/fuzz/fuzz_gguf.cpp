// Fuzz target: GGUF files, from the container to packed weights and tokenizer.
#include "host/loaders/gguf_loader.h"
#include "host/tokenizer.h"
#include "tests/fuzz/scratch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const setun::fuzz::ScratchFile kFile;
    kFile.fill(setun::fuzz::input(data, size));
    setun::fuzz::read_or_refuse([] {
        const setun::Model model = setun::load_gguf(kFile.path(), {1, 128, 16});
        if (model.tokenizer) {
            const setun::Tokenizer tokenizer(*model.tokenizer);
            static_cast<void>(tokenizer.decode(tokenizer.encode("the end, and 12345 \xC3\xA9 ")));
        }
    });
    return 0;
}
