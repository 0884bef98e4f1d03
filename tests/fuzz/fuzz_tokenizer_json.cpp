// Fuzz target: tokenizer.json, and text through the tokenizer that it gives.
#include "host/tokenizer.h"
#include "host/tokenizer_files.h"
#include "tests/fuzz/scratch.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    static const setun::fuzz::ScratchFile kFile;
    kFile.fill(setun::fuzz::input(data, size));
    setun::fuzz::read_or_refuse([] {
        const setun::Tokenizer tokenizer(setun::read_tokenizer_json(kFile.path()));
        static_cast<void>(tokenizer.decode(tokenizer.encode("the end, and 12345 \xC3\xA9 ")));
    });
    return 0;
}
