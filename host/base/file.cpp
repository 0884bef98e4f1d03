// Files: read-only memory maps, folders of them, and outputs that appear whole or not at all.
#include "host/base/file.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstring>
#include <utility>

#include "host/base/error.h"

namespace setun {
namespace {

std::string reason() { return std::strerror(errno); }

void write_all(int descriptor, std::span<const std::byte> bytes, off_t offset) {
    while (!bytes.empty()) {
        const ssize_t written = ::pwrite(descriptor, bytes.data(), bytes.size(), offset);
        if (written < 0 && errno == EINTR) {
            continue;
        }
        if (written <= 0) {
            throw InputError(reason());
        }
        bytes = bytes.subspan(static_cast<std::size_t>(written));
        offset += written;
    }
}

}  // namespace

MappedFile MappedFile::open(const std::filesystem::path& path) {
    const int descriptor = ::open(path.c_str(), O_RDONLY | O_CLOEXEC);
    if (descriptor < 0) {
        throw InputError(fmt::format("cannot open '{}': {}", path.string(), reason()));
    }
    struct stat info {};
    if (::fstat(descriptor, &info) != 0 || !S_ISREG(info.st_mode)) {
        ::close(descriptor);
        throw InputError(fmt::format("cannot read '{}': not a regular file", path.string()));
    }
    const auto size = static_cast<std::size_t>(info.st_size);
    if (size == 0) {
        ::close(descriptor);
        return {path, {}, true};
    }
    void* address = ::mmap(nullptr, size, PROT_READ, MAP_PRIVATE, descriptor, 0);
    const std::string why = reason();
    ::close(descriptor);
    if (address == MAP_FAILED) {
        throw InputError(fmt::format("cannot map '{}': {}", path.string(), why));
    }
    return {path, {static_cast<const std::byte*>(address), size}, true};
}

MappedFile::MappedFile(MappedFile&& other) noexcept
    : path_(std::move(other.path_)), bytes_(std::exchange(other.bytes_, {})), mapped_(other.mapped_) {}

MappedFile& MappedFile::operator=(MappedFile&& other) noexcept {
    if (this != &other) {
        close();
        path_ = std::move(other.path_);
        bytes_ = std::exchange(other.bytes_, {});
        mapped_ = other.mapped_;
    }
    return *this;
}

MappedFile::~MappedFile() { close(); }

void MappedFile::close() noexcept {
    if (mapped_ && !bytes_.empty()) {
        ::munmap(const_cast<std::byte*>(bytes_.data()), bytes_.size());
    }
    bytes_ = {};
}

void MappedFile::forget(std::size_t offset, std::size_t size) const noexcept {
    if (!mapped_) {
        return;  // advice to drop pages of anonymous memory would clear them
    }
    const auto page = static_cast<std::size_t>(::sysconf(_SC_PAGESIZE));
    const std::size_t begin = (offset + page - 1) / page * page;
    const std::size_t end = std::min(bytes_.size(), offset + size) / page * page;
    if (begin < end) {
        ::madvise(const_cast<std::byte*>(bytes_.data()) + begin, end - begin, MADV_DONTNEED);
    }
}

bool FileFolder::contains(const std::string& name) const {
    return in_memory_ ? files_.contains(name) : std::filesystem::exists(path_ / name);
}

MappedFile FileFolder::open(const std::string& name) const {
    if (!in_memory_) {
        return MappedFile::open(path_ / name);
    }
    const auto found = files_.find(name);
    if (found == files_.end()) {
        throw InputError(fmt::format("cannot open '{}': no such file", where(name)));
    }
    return MappedFile::in_memory(path_ / name, found->second);
}

AtomicFile::AtomicFile(std::filesystem::path path, bool replace) : path_(std::move(path)), replace_(replace) {
    // Renaming would put a file in the place of a device.
    std::error_code ignored;
    const auto status = std::filesystem::status(path_, ignored);
    if (std::filesystem::exists(status) && !std::filesystem::is_regular_file(status)) {
        throw InputError(fmt::format("cannot write '{}': not a regular file", path_.string()));
    }
    if (!replace && std::filesystem::exists(path_)) {
        throw InputError(fmt::format("'{}' exists already; add --force to replace it", path_.string()));
    }
    temporary_ = path_;
    temporary_ += fmt::format(".tmp{}", ::getpid());
    descriptor_ = ::open(temporary_.c_str(), O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0644);
    if (descriptor_ < 0) {
        throw InputError(
            fmt::format("cannot write '{}': {}; choose another place", path_.string(), reason()));
    }
}

AtomicFile::~AtomicFile() {
    if (descriptor_ >= 0) {
        ::close(descriptor_);
        ::unlink(temporary_.c_str());
    }
}

void AtomicFile::fail(const char* what) const {
    throw InputError(fmt::format("cannot write '{}': {}", path_.string(), what));
}

void AtomicFile::write(std::span<const std::byte> bytes) {
    write_at(size_, bytes);
    size_ += bytes.size();
}

void AtomicFile::write_at(std::uint64_t offset, std::span<const std::byte> bytes) {
    try {
        write_all(descriptor_, bytes, static_cast<off_t>(offset));
    } catch (const InputError& error) {
        fail(error.what());
    }
}

void AtomicFile::commit() {
    if (::fsync(descriptor_) != 0) {
        fail(reason().c_str());
    }
    // link() refuses to replace a file that has appeared since the constructor looked; rename() replaces it.
    const bool placed = replace_ ? ::rename(temporary_.c_str(), path_.c_str()) == 0
                                 : ::link(temporary_.c_str(), path_.c_str()) == 0;
    if (!placed) {
        fail(reason().c_str());
    }
    if (!replace_) {
        ::unlink(temporary_.c_str());
    }
    ::close(descriptor_);
    descriptor_ = -1;
}

std::string_view text_of(const MappedFile& file, std::size_t limit) {
    if (file.bytes().size() > limit) {
        throw InputError(fmt::format("'{}' has {} bytes; at most {} are accepted", file.path().string(),
                                     file.bytes().size(), limit));
    }
    return {reinterpret_cast<const char*>(file.bytes().data()), file.bytes().size()};
}

std::string read_text_file(const std::filesystem::path& path, std::size_t limit) {
    return std::string(text_of(MappedFile::open(path), limit));
}

}  // namespace setun
