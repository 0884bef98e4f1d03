// Plain, gzip and xz text files.
#include "energy_model/characterize/text_file.h"

#include <fmt/format.h>
#include <lzma.h>
#include <zlib.h>

#include <array>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <memory>

#include "energy_model/characterize/error.h"

namespace setun::characterize {
namespace {

constexpr std::size_t kLargest = std::size_t{256} << 20;  // the largest ASAP7 file is 22 MB
constexpr std::uint64_t kXzMemory = std::uint64_t{512} << 20;

[[noreturn]] void fail(const std::filesystem::path& file, const char* problem) {
    throw CharacterizeError(fmt::format("{}: {}", file.string(), problem));
}

std::string read_bytes(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream || std::filesystem::is_directory(file)) {
        fail(file, "cannot be read");
    }
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::string read_gzip(const std::filesystem::path& file) {
    const std::unique_ptr<gzFile_s, int (*)(gzFile)> stream(gzopen(file.c_str(), "rb"), gzclose);
    if (!stream) {
        fail(file, "cannot be read");
    }
    std::string text;
    std::array<char, 1U << 16> buffer{};
    while (true) {
        const int got = gzread(stream.get(), buffer.data(), static_cast<unsigned>(buffer.size()));
        if (got < 0) {
            fail(file, "damaged gzip data; fetch it again");
        }
        if (got == 0) {
            break;
        }
        text.append(buffer.data(), static_cast<std::size_t>(got));
        if (text.size() > kLargest) {
            fail(file, "more than 256 MiB unpacked; no Liberty file of ASAP7");
        }
    }
    // gzread gives the bytes of a cut file without complaint; the error stands here.
    int status = Z_OK;
    gzerror(stream.get(), &status);
    if (status != Z_OK && status != Z_STREAM_END) {
        fail(file, "damaged gzip data; fetch it again");
    }
    return text;
}

std::string read_xz(const std::filesystem::path& file) {
    const std::string packed = read_bytes(file);
    lzma_stream stream = LZMA_STREAM_INIT;
    if (lzma_stream_decoder(&stream, kXzMemory, LZMA_CONCATENATED) != LZMA_OK) {
        fail(file, "no memory to unpack it");
    }
    const std::unique_ptr<lzma_stream, void (*)(lzma_stream*)> guard(&stream, lzma_end);
    std::string text;
    std::array<std::uint8_t, 1U << 16> buffer{};
    stream.next_in = reinterpret_cast<const std::uint8_t*>(packed.data());
    stream.avail_in = packed.size();
    lzma_ret status = LZMA_OK;
    while (status == LZMA_OK) {
        stream.next_out = buffer.data();
        stream.avail_out = buffer.size();
        status = lzma_code(&stream, LZMA_FINISH);
        text.append(reinterpret_cast<const char*>(buffer.data()), buffer.size() - stream.avail_out);
        if (text.size() > kLargest) {
            fail(file, "more than 256 MiB unpacked; no Liberty file of ASAP7");
        }
    }
    if (status != LZMA_STREAM_END) {
        fail(file, "damaged xz data; fetch it again");
    }
    return text;
}

}  // namespace

std::string read_text_file(const std::filesystem::path& file) {
    const std::string extension = file.extension().string();
    if (extension == ".xz") {
        return read_xz(file);
    }
    if (extension == ".gz") {
        return read_gzip(file);
    }
    std::string text = read_bytes(file);
    if (text.size() > kLargest) {
        fail(file, "more than 256 MiB; no Liberty file of ASAP7");
    }
    return text;
}

}  // namespace setun::characterize
