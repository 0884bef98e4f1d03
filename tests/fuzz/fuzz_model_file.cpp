// Fuzz target: our own model file. Its checksums would stop nearly every input, so those of head and metadata
// are made right first. The tokenizer section has its own target.
#include <zlib.h>

#include <algorithm>
#include <cstring>
#include <vector>

#include "host/model/model_file.h"
#include "tests/fuzz/target.h"

namespace {

constexpr std::size_t kHead = 48;

std::uint32_t crc(const std::uint8_t* data, std::size_t size) {
    return static_cast<std::uint32_t>(::crc32_z(0, data, size));
}

template <class T>
T get(const std::vector<std::uint8_t>& file, std::size_t at) {
    T value;
    std::memcpy(&value, file.data() + at, sizeof(T));
    return value;
}

template <class T>
void set(std::vector<std::uint8_t>& file, std::size_t at, T value) {
    std::memcpy(file.data() + at, &value, sizeof(T));
}

/// docs/model-file.md section 2.
void mend(std::vector<std::uint8_t>& file) {
    set(file, 24, std::uint64_t{file.size()});
    const auto header = std::min<std::size_t>(get<std::uint32_t>(file, 12), file.size());
    if (header >= kHead) {
        set(file, 32, crc(file.data() + kHead, header - kHead));
    }
    set(file, 36, std::uint32_t{0});
    set(file, 36, crc(file.data(), kHead));
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    std::vector<std::uint8_t> file(data, data + size);
    if (size >= kHead) {
        mend(file);
    }
    setun::fuzz::read_or_refuse(
        [&] { static_cast<void>(setun::open_model(setun::fuzz::file(file.data(), file.size()))); });
    return 0;
}
