// Fuzz target: the tokenizer section of our own model file. What can be read is written back as the same
// bytes.
#include <algorithm>

#include "tests/fuzz/target.h"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    const auto bytes = setun::fuzz::input(data, size);
    setun::fuzz::read_or_refuse([&] {
        setun::TokenizerData read = setun::parse_tokenizer(bytes, "input");
        const auto written = setun::serialise_tokenizer(read);
        setun::fuzz::require(std::ranges::equal(written, bytes), "a section is written as it was read");
        setun::fuzz::use(setun::Tokenizer(std::move(read)));
    });
    return 0;
}
