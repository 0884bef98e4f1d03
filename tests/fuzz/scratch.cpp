// Files of a fuzz target that live in memory: readers take paths.
#include "tests/fuzz/scratch.h"

#include <sys/mman.h>
#include <unistd.h>

#include <cstdio>
#include <cstdlib>

#include "host/error.h"

namespace setun::fuzz {
namespace {

void require(bool ok, const char* what) {
    if (!ok) {
        std::perror(what);
        std::exit(2);  // not abort(), which would count as a finding
    }
}

}  // namespace

ScratchFile::ScratchFile() : descriptor_(::memfd_create("setun-fuzz", 0)) {
    require(descriptor_ >= 0, "memfd_create");
    path_ = "/proc/self/fd/" + std::to_string(descriptor_);
}

ScratchFile::~ScratchFile() { ::close(descriptor_); }

void ScratchFile::fill(std::span<const std::byte> bytes) const {
    require(::ftruncate(descriptor_, 0) == 0, "ftruncate");
    require(::pwrite(descriptor_, bytes.data(), bytes.size(), 0) == static_cast<ssize_t>(bytes.size()),
            "pwrite");
}

void read_or_refuse(const std::function<void()>& reader) {
    try {
        reader();
    } catch (const InputError& error) {
        // A message is one line, whatever bytes came from the file.
        if (std::string_view(error.what()).find('\n') != std::string_view::npos) {
            std::abort();
        }
    }
}

}  // namespace setun::fuzz
