// Fuzz target: tokenizer.json, and text through the tokenizer that it gives.
#include "host/text/tokenizer_files.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    setun::fuzz::read_or_refuse([&] {
        setun::fuzz::use(setun::Tokenizer(setun::read_tokenizer_json(setun::fuzz::file(data, size))));
    });
    return 0;
}
