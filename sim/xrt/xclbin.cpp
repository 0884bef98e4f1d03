// Offsets of the axlf container and of its tables, after XRT's public header xclbin.h; a test compares them
// with it.
#include "sim/xrt/xclbin.h"

#include <algorithm>
#include <cstring>
#include <stdexcept>

namespace setun::xclbin {
namespace {

constexpr std::array<char, 8> kMagic{'x', 'c', 'l', 'b', 'i', 'n', '2', '\0'};

// struct axlf
constexpr std::size_t kSignatureLength = 8;
constexpr std::size_t kReserved = 12;
constexpr std::size_t kReservedBytes = 28;
constexpr std::size_t kUniqueId = 296;
constexpr std::size_t kHeader = 304;
constexpr std::size_t kSections = 456;
// struct axlf_header, from the start of the file
constexpr std::size_t kLength = kHeader;
constexpr std::size_t kTimestamp = kHeader + 8;
constexpr std::size_t kVersionMajor = kHeader + 26;
constexpr std::size_t kVersionMinor = kHeader + 27;
constexpr std::size_t kMode = kHeader + 28;
constexpr std::size_t kPlatform = kHeader + 48;
constexpr std::size_t kPlatformBytes = 64;
constexpr std::size_t kUuid = kHeader + 112;
constexpr std::size_t kSectionCount = kHeader + 144;
// struct axlf_section_header
constexpr std::size_t kSectionHeaderBytes = 40;
constexpr std::size_t kSectionName = 4;
constexpr std::size_t kSectionNameBytes = 16;
constexpr std::size_t kSectionOffset = 24;
constexpr std::size_t kSectionSize = 32;
constexpr std::uint32_t kMaxSections = 0x10000;
// tables
constexpr std::size_t kBankBytes = 40;
constexpr std::size_t kBankFirst = 8;
constexpr std::size_t kTagBytes = 16;
constexpr std::size_t kUnitBytes = 80;
constexpr std::size_t kUnitFirst = 8;
constexpr std::size_t kUnitNameBytes = 64;
constexpr std::size_t kConnectionBytes = 12;
constexpr std::size_t kConnectionFirst = 4;

using Bytes = std::vector<std::byte>;

template <class Value>
void put(Bytes& bytes, std::size_t offset, Value value) {
    std::memcpy(bytes.data() + offset, &value, sizeof value);
}

/// `offset` was checked by the caller.
template <class Value>
Value get(std::span<const std::byte> bytes, std::size_t offset) {
    Value value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

void put_text(Bytes& bytes, std::size_t offset, std::size_t room, const std::string& text, const char* what) {
    if (text.size() >= room) {
        throw std::invalid_argument(std::string("xclbin: ") + what + " '" + text + "' is longer than " +
                                    std::to_string(room - 1) + " bytes");
    }
    std::memcpy(bytes.data() + offset, text.data(), text.size());
}

std::string get_text(std::span<const std::byte> bytes, std::size_t offset, std::size_t room) {
    std::string text(room, '\0');
    std::memcpy(text.data(), bytes.data() + offset, room);
    return text.substr(0, text.find('\0'));
}

constexpr std::size_t align8(std::size_t value) { return (value + 7) / 8 * 8; }

/// The number of entries that a table's first word announces, when they fit.
std::size_t table_count(std::span<const std::byte> section, std::size_t first, std::size_t entry,
                        const char* what) {
    const auto refuse = [what] {
        throw std::invalid_argument(std::string("xclbin: the ") + what + " section is truncated");
    };
    if (section.size() < 4) {
        refuse();
    }
    const auto count = get<std::int32_t>(section, 0);
    if (count < 0 || static_cast<std::size_t>(count) > section.size() / entry ||
        (count != 0 && first + static_cast<std::size_t>(count) * entry > section.size())) {
        refuse();
    }
    return static_cast<std::size_t>(count);
}

Bytes make_table(std::size_t count, std::size_t first, std::size_t entry) {
    Bytes bytes(align8(first + std::max<std::size_t>(count, 1) * entry));
    put(bytes, 0, static_cast<std::int32_t>(count));
    return bytes;
}

}  // namespace

const Section* Image::find(std::uint32_t kind) const {
    const auto found = std::find_if(sections.begin(), sections.end(),
                                    [kind](const Section& section) { return section.kind == kind; });
    return found == sections.end() ? nullptr : &*found;
}

Bytes write_image(const Image& image) {
    if (image.sections.empty() || image.sections.size() > kMaxSections) {
        throw std::invalid_argument("xclbin: an image has 1 to 65536 sections");
    }
    std::size_t size = align8(kSections + image.sections.size() * kSectionHeaderBytes);
    for (const Section& section : image.sections) {
        size += align8(section.data.size());
    }
    Bytes bytes(size);
    std::memcpy(bytes.data(), kMagic.data(), kMagic.size());
    put(bytes, kSignatureLength, std::int32_t{-1});
    std::fill_n(bytes.begin() + kReserved, kReservedBytes, std::byte{0xFF});
    put(bytes, kUniqueId, image.timestamp);
    put(bytes, kLength, std::uint64_t{size});
    put(bytes, kTimestamp, image.timestamp);
    put(bytes, kVersionMajor, std::uint8_t{2});
    put(bytes, kVersionMinor, std::uint8_t{13});
    put(bytes, kMode, image.mode);
    put_text(bytes, kPlatform, kPlatformBytes, image.platform, "platform name");
    std::memcpy(bytes.data() + kUuid, image.uuid.data(), image.uuid.size());
    put(bytes, kSectionCount, static_cast<std::uint32_t>(image.sections.size()));
    std::size_t header = kSections;
    std::size_t data = align8(kSections + image.sections.size() * kSectionHeaderBytes);
    for (const Section& section : image.sections) {
        put(bytes, header, section.kind);
        put_text(bytes, header + kSectionName, kSectionNameBytes, section.name, "section name");
        put(bytes, header + kSectionOffset, std::uint64_t{data});
        put(bytes, header + kSectionSize, std::uint64_t{section.data.size()});
        std::copy(section.data.begin(), section.data.end(),
                  bytes.begin() + static_cast<std::ptrdiff_t>(data));
        header += kSectionHeaderBytes;
        data += align8(section.data.size());
    }
    return bytes;
}

Image read_image(std::span<const std::byte> bytes) {
    if (bytes.size() < kMagic.size() || std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) != 0) {
        throw std::invalid_argument("not an xclbin: it does not begin with 'xclbin2'");
    }
    const auto truncated = [](const std::string& what) {
        throw std::invalid_argument("the xclbin is truncated: " + what);
    };
    if (bytes.size() < kSections) {
        truncated("it ends inside its header");
    }
    const auto length = get<std::uint64_t>(bytes, kLength);
    if (length > bytes.size()) {
        truncated("its header says " + std::to_string(length) + " bytes, the file has " +
                  std::to_string(bytes.size()));
    }
    const auto count = get<std::uint32_t>(bytes, kSectionCount);
    if (count > kMaxSections || count > (bytes.size() - kSections) / kSectionHeaderBytes) {
        truncated("its section table has " + std::to_string(count) + " entries");
    }
    Image image;
    image.timestamp = get<std::uint64_t>(bytes, kTimestamp);
    image.mode = get<std::uint16_t>(bytes, kMode);
    image.platform = get_text(bytes, kPlatform, kPlatformBytes);
    std::memcpy(image.uuid.data(), bytes.data() + kUuid, image.uuid.size());
    std::uint64_t room = bytes.size();  // for all sections: a small file must not stand for a large one
    for (std::size_t i = 0; i < count; ++i) {
        const std::size_t header = kSections + i * kSectionHeaderBytes;
        Section section;
        section.kind = get<std::uint32_t>(bytes, header);
        section.name = get_text(bytes, header + kSectionName, kSectionNameBytes);
        const auto offset = get<std::uint64_t>(bytes, header + kSectionOffset);
        const auto size = get<std::uint64_t>(bytes, header + kSectionSize);
        if (offset > bytes.size() || size > bytes.size() - offset) {
            truncated("section " + std::to_string(i) + " lies outside the file");
        }
        if (size > room) {
            throw std::invalid_argument("the xclbin's sections overlap");
        }
        room -= size;
        const auto data = bytes.subspan(offset, size);
        section.data.assign(data.begin(), data.end());
        image.sections.push_back(std::move(section));
    }
    return image;
}

Bytes write_banks(std::span<const Bank> banks) {
    Bytes bytes = make_table(banks.size(), kBankFirst, kBankBytes);
    for (std::size_t i = 0; i < banks.size(); ++i) {
        const std::size_t at = kBankFirst + i * kBankBytes;
        put(bytes, at, banks[i].type);
        put(bytes, at + 1, static_cast<std::uint8_t>(banks[i].used ? 1 : 0));
        put(bytes, at + 8, banks[i].bytes / 1024);
        put(bytes, at + 16, banks[i].base);
        put_text(bytes, at + 24, kTagBytes, banks[i].tag, "memory tag");
    }
    return bytes;
}

std::vector<Bank> read_banks(std::span<const std::byte> section) {
    std::vector<Bank> banks(table_count(section, kBankFirst, kBankBytes, "memory topology"));
    for (std::size_t i = 0; i < banks.size(); ++i) {
        const std::size_t at = kBankFirst + i * kBankBytes;
        banks[i].type = get<std::uint8_t>(section, at);
        banks[i].used = get<std::uint8_t>(section, at + 1) != 0;
        banks[i].bytes = get<std::uint64_t>(section, at + 8) * 1024;
        banks[i].base = get<std::uint64_t>(section, at + 16);
        banks[i].tag = get_text(section, at + 24, kTagBytes);
    }
    return banks;
}

Bytes write_units(std::span<const Unit> units) {
    Bytes bytes = make_table(units.size(), kUnitFirst, kUnitBytes);
    for (std::size_t i = 0; i < units.size(); ++i) {
        const std::size_t at = kUnitFirst + i * kUnitBytes;
        put(bytes, at, units[i].type);
        put(bytes, at + 4, units[i].properties);
        put(bytes, at + 8, units[i].base);
        put_text(bytes, at + 16, kUnitNameBytes, units[i].name, "kernel name");
    }
    return bytes;
}

std::vector<Unit> read_units(std::span<const std::byte> section) {
    std::vector<Unit> units(table_count(section, kUnitFirst, kUnitBytes, "IP layout"));
    for (std::size_t i = 0; i < units.size(); ++i) {
        const std::size_t at = kUnitFirst + i * kUnitBytes;
        units[i].type = get<std::uint32_t>(section, at);
        units[i].properties = get<std::uint32_t>(section, at + 4);
        units[i].base = get<std::uint64_t>(section, at + 8);
        units[i].name = get_text(section, at + 16, kUnitNameBytes);
    }
    return units;
}

Bytes write_connections(std::span<const Connection> connections) {
    Bytes bytes = make_table(connections.size(), kConnectionFirst, kConnectionBytes);
    for (std::size_t i = 0; i < connections.size(); ++i) {
        const std::size_t at = kConnectionFirst + i * kConnectionBytes;
        put(bytes, at, connections[i].argument);
        put(bytes, at + 4, connections[i].unit);
        put(bytes, at + 8, connections[i].bank);
    }
    return bytes;
}

std::vector<Connection> read_connections(std::span<const std::byte> section) {
    std::vector<Connection> connections(
        table_count(section, kConnectionFirst, kConnectionBytes, "connectivity"));
    for (std::size_t i = 0; i < connections.size(); ++i) {
        const std::size_t at = kConnectionFirst + i * kConnectionBytes;
        connections[i].argument = get<std::int32_t>(section, at);
        connections[i].unit = get<std::int32_t>(section, at + 4);
        connections[i].bank = get<std::int32_t>(section, at + 8);
    }
    return connections;
}

}  // namespace setun::xclbin
