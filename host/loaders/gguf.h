// Reader of the GGUF container, versions 2 and 3: metadata and a table of tensors, all checked on opening.
#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <map>
#include <memory>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <variant>
#include <vector>

#include "host/base/file.h"
#include "host/loaders/block_formats.h"

namespace setun {

/// An array of metadata; only arrays of numbers, booleans and strings are accepted.
using GgufArray = std::variant<std::vector<std::int64_t>, std::vector<double>, std::vector<std::string_view>>;
/// A value of metadata. Integers that need 64 unsigned bits are refused on opening.
using GgufValue = std::variant<std::int64_t, double, bool, std::string_view, GgufArray>;

/// One tensor of the file.
struct GgufTensor {
    std::vector<std::uint64_t> extents;  ///< fastest-moving first: extents[0] numbers make a row
    std::uint32_t type = 0;              ///< number in the file
    std::optional<BlockFormat> format;   ///< nothing when this program does not read the type
    std::span<const std::byte> bytes;    ///< exactly what type and extents ask for; empty without a format

    [[nodiscard]] std::uint64_t elements() const;
};

/// Name of a GGML tensor type for messages, e.g. "Q5_K" or "type 200".
std::string gguf_type_name(std::uint32_t type);

/// A mapped GGUF file. Strings and tensors are views of it.
class GgufFile {
  public:
    /// Throws InputError naming file, field, what was expected and what was found: wrong magic, version or
    /// byte order, counts and lengths that the file cannot hold, repeated names, unknown metadata types,
    /// sizes that overflow, misaligned, overlapping or out-of-range tensors.
    static GgufFile open(MappedFile file);
    static GgufFile open(const std::filesystem::path& path) { return open(MappedFile::open(path)); }

    [[nodiscard]] std::string file_name() const { return file_->path().string(); }
    [[nodiscard]] const std::shared_ptr<const MappedFile>& file() const { return file_; }
    [[nodiscard]] std::uint32_t version() const { return version_; }
    [[nodiscard]] const std::map<std::string, GgufTensor, std::less<>>& tensors() const { return tensors_; }
    [[nodiscard]] const std::map<std::string, GgufValue, std::less<>>& metadata() const { return metadata_; }

    [[nodiscard]] bool has(std::string_view key) const { return metadata_.find(key) != metadata_.end(); }
    /// Typed metadata. Throw InputError with file and key when the value is missing (where there is no
    /// default), has another type, or is out of range.
    [[nodiscard]] std::uint64_t integer(std::string_view key, std::uint64_t low, std::uint64_t high) const;
    [[nodiscard]] std::uint64_t integer_or(std::string_view key, std::uint64_t low, std::uint64_t high,
                                           std::uint64_t otherwise) const;
    [[nodiscard]] double number(std::string_view key, double low, double high) const;
    [[nodiscard]] bool boolean_or(std::string_view key, bool otherwise) const;
    [[nodiscard]] std::string_view text(std::string_view key) const;
    [[nodiscard]] std::string_view text_or(std::string_view key, std::string_view otherwise) const;
    /// An array, empty when the key is missing.
    [[nodiscard]] std::vector<std::string_view> texts(std::string_view key) const;
    [[nodiscard]] std::vector<std::int64_t> integers(std::string_view key) const;
    [[nodiscard]] std::vector<double> numbers(std::string_view key) const;

    /// Throws InputError "file: key 'key' <problem>".
    [[noreturn]] void fail(std::string_view key, const std::string& problem) const;

  private:
    friend class GgufParser;
    explicit GgufFile(std::shared_ptr<const MappedFile> file) : file_(std::move(file)) {}
    [[nodiscard]] const GgufValue& at(std::string_view key) const;

    std::shared_ptr<const MappedFile> file_;
    std::uint32_t version_ = 0;
    std::map<std::string, GgufValue, std::less<>> metadata_;
    std::map<std::string, GgufTensor, std::less<>> tensors_;
};

/// True when the file begins with the magic number of GGUF.
bool is_gguf_file(std::span<const std::byte> bytes);

}  // namespace setun
