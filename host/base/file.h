// Files: read-only memory maps, folders of them, and outputs that appear whole or not at all.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>

namespace setun {

/// A file mapped read-only, or bytes that stand for one. Movable; the bytes of a file stay valid until the
/// object is destroyed.
class MappedFile {
  public:
    /// Maps `path`. Throws InputError naming the path when it does not exist, is not a regular file or cannot
    /// be read.
    static MappedFile open(const std::filesystem::path& path);
    /// Bytes that are in memory already, under the name that errors shall give them. They are not copied and
    /// must outlive the object and all that is read from it.
    static MappedFile in_memory(std::filesystem::path name, std::span<const std::byte> bytes) {
        return {std::move(name), bytes, false};
    }

    MappedFile(MappedFile&& other) noexcept;
    MappedFile& operator=(MappedFile&& other) noexcept;
    MappedFile(const MappedFile&) = delete;
    MappedFile& operator=(const MappedFile&) = delete;
    ~MappedFile();

    [[nodiscard]] std::span<const std::byte> bytes() const noexcept { return bytes_; }
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }

    /// Tells the kernel that a range will not be needed again soon, so that resident memory stays small.
    /// Nothing happens to bytes that were in memory.
    void forget(std::size_t offset, std::size_t size) const noexcept;

  private:
    MappedFile(std::filesystem::path path, std::span<const std::byte> bytes, bool mapped)
        : path_(std::move(path)), bytes_(bytes), mapped_(mapped) {}
    void close() noexcept;

    std::filesystem::path path_;
    std::span<const std::byte> bytes_;
    bool mapped_ = true;
};

/// The files of one directory by name: on disk, or bytes in memory that stand for them.
class FileFolder {
  public:
    explicit FileFolder(std::filesystem::path directory) : path_(std::move(directory)) {}
    /// The bytes must outlive everything that is read from the folder. `name` is its path in errors.
    FileFolder(std::filesystem::path name, std::map<std::string, std::span<const std::byte>> files)
        : path_(std::move(name)), files_(std::move(files)), in_memory_(true) {}

    [[nodiscard]] bool contains(const std::string& name) const;
    /// Throws InputError naming the path when there is no such regular file or it cannot be read.
    [[nodiscard]] MappedFile open(const std::string& name) const;
    [[nodiscard]] const std::filesystem::path& path() const noexcept { return path_; }
    /// The file's path, for messages.
    [[nodiscard]] std::string where(const std::string& name) const { return (path_ / name).string(); }

  private:
    std::filesystem::path path_;
    std::map<std::string, std::span<const std::byte>> files_;
    bool in_memory_ = false;
};

/// Writes a file next to its destination and renames it into place on commit(); without commit() nothing is
/// left behind.
class AtomicFile {
  public:
    /// Opens a temporary file in the destination's directory. Throws InputError when the destination exists
    /// and `replace` is false, when it is something else than a file (a device, a pipe, a directory), or when
    /// the directory cannot be written.
    AtomicFile(std::filesystem::path path, bool replace);
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;
    ~AtomicFile();

    /// Appends bytes. Throws InputError when the disk is full or the file cannot be written.
    void write(std::span<const std::byte> bytes);
    /// Overwrites bytes that were written before.
    void write_at(std::uint64_t offset, std::span<const std::byte> bytes);
    [[nodiscard]] std::uint64_t size() const noexcept { return size_; }

    /// Flushes to disk and renames over the destination. Call once.
    void commit();

  private:
    [[noreturn]] void fail(const char* what) const;

    std::filesystem::path path_;
    std::filesystem::path temporary_;
    int descriptor_ = -1;
    bool replace_ = false;
    std::uint64_t size_ = 0;
};

/// The file as text, valid as long as its bytes. Throws InputError naming the file when it has more than
/// `limit` bytes.
std::string_view text_of(const MappedFile& file, std::size_t limit);
/// A copy of a whole text file of at most `limit` bytes. Throws InputError.
std::string read_text_file(const std::filesystem::path& path, std::size_t limit);

/// View of any contiguous range of trivially copyable values as bytes.
template <class T>
std::span<const std::byte> bytes_of(const T& range) {
    return std::as_bytes(std::span(range));
}

}  // namespace setun
