// The zip format's local headers, central directory and end record (PKWARE APPNOTE,
// sections 4.3.7, 4.3.12, 4.3.16).
#include "sim/xrt/zip.h"

#include <zlib.h>

#include <cstdint>
#include <limits>
#include <stdexcept>

namespace setun::xclbin {
namespace {

constexpr std::uint32_t kLocalMagic = 0x04034b50;
constexpr std::uint32_t kCentralMagic = 0x02014b50;
constexpr std::uint32_t kEndMagic = 0x06054b50;
constexpr std::uint16_t kVersionNeeded = 10;
constexpr std::uint16_t kMadeByUnix = 3U << 8U | 20U;
constexpr std::uint16_t kDate1980 = 1U << 5U | 1U;  // 1 January 1980: archives do not depend on the clock
constexpr std::uint32_t kRegularFile = 0100000;

class Output {
  public:
    void u16(std::uint32_t value) { number(value, 2); }
    void u32(std::uint32_t value) { number(value, 4); }
    void text(const std::string& value) {
        for (const char c : value) {
            bytes.push_back(static_cast<std::byte>(c));
        }
    }
    [[nodiscard]] std::uint32_t size() const { return static_cast<std::uint32_t>(bytes.size()); }
    std::vector<std::byte> bytes;

  private:
    void number(std::uint32_t value, unsigned count) {
        for (unsigned i = 0; i < count; ++i) {
            bytes.push_back(static_cast<std::byte>(value >> (8 * i) & 0xFFU));
        }
    }
};

std::uint32_t checksum(const std::string& content) {
    const auto* data = reinterpret_cast<const Bytef*>(content.data());
    return static_cast<std::uint32_t>(
        ::crc32(::crc32(0, nullptr, 0), data, static_cast<uInt>(content.size())));
}

/// The fields that local and central headers share.
void common(Output& out, const ZipEntry& entry) {
    const auto size = static_cast<std::uint32_t>(entry.content.size());
    out.u16(kVersionNeeded);
    out.u16(0);  // flags
    out.u16(0);  // stored
    out.u16(0);  // time
    out.u16(kDate1980);
    out.u32(checksum(entry.content));
    out.u32(size);
    out.u32(size);
    out.u16(static_cast<std::uint32_t>(entry.path.size()));
    out.u16(0);  // extra field
}

}  // namespace

std::vector<std::byte> write_zip(std::span<const ZipEntry> entries) {
    std::uint64_t total = 0;
    for (const ZipEntry& entry : entries) {
        total += entry.content.size() + 2 * entry.path.size() + 128;
        if (entry.path.empty() || entry.path.size() > std::numeric_limits<std::uint16_t>::max()) {
            throw std::invalid_argument("zip: bad entry name");
        }
    }
    if (entries.size() > std::numeric_limits<std::uint16_t>::max() ||
        total > std::numeric_limits<std::uint32_t>::max()) {
        throw std::invalid_argument("zip: too large for the plain format");
    }
    Output out;
    std::vector<std::uint32_t> offsets;
    for (const ZipEntry& entry : entries) {
        offsets.push_back(out.size());
        out.u32(kLocalMagic);
        common(out, entry);
        out.text(entry.path);
        out.text(entry.content);
    }
    const std::uint32_t directory = out.size();
    for (std::size_t i = 0; i < entries.size(); ++i) {
        const std::uint32_t permissions = entries[i].executable ? 0755 : 0644;
        out.u32(kCentralMagic);
        out.u16(kMadeByUnix);
        common(out, entries[i]);
        out.u16(0);  // comment
        out.u16(0);  // disk
        out.u16(0);  // internal attributes
        out.u32((kRegularFile | permissions) << 16U);
        out.u32(offsets[i]);
        out.text(entries[i].path);
    }
    const std::uint32_t directory_bytes = out.size() - directory;
    const auto count = static_cast<std::uint32_t>(entries.size());
    out.u32(kEndMagic);
    out.u16(0);  // this disk
    out.u16(0);  // disk of the directory
    out.u16(count);
    out.u16(count);
    out.u32(directory_bytes);
    out.u32(directory);
    out.u16(0);  // comment
    return out.bytes;
}

}  // namespace setun::xclbin
