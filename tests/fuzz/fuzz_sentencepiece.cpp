// Fuzz target: SentencePiece models, and text through the tokenizer that they give.
#include "host/text/tokenizer_files.h"
#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    setun::fuzz::read_or_refuse([&] {
        setun::fuzz::use(setun::Tokenizer(setun::read_sentencepiece(setun::fuzz::file(data, size))));
    });
    return 0;
}
