// Varints, tags and the two headers.
#include "sim/xrt/message.h"

#include <cstring>
#include <string>

namespace setun::emulation {
namespace {

constexpr unsigned kWireVarint = 0;
constexpr unsigned kWireFixed64 = 1;
constexpr unsigned kWireBytes = 2;
constexpr unsigned kWireFixed32 = 5;
constexpr std::byte kSizeTag{0x09};  // field 1, fixed64
constexpr std::byte kCallTag{0x15};  // field 2, fixed32

/// Takes little-endian bytes off the front.
std::uint64_t take_fixed(std::span<const std::byte>& bytes, std::size_t count) {
    if (bytes.size() < count) {
        throw ProtocolError("a message ends inside a number");
    }
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < count; ++i) {
        value |= std::to_integer<std::uint64_t>(bytes[i]) << (8 * i);
    }
    bytes = bytes.subspan(count);
    return value;
}

std::uint64_t take_varint(std::span<const std::byte>& bytes) {
    constexpr std::size_t kLongest = 10;
    std::uint64_t value = 0;
    for (std::size_t i = 0; i < kLongest; ++i) {
        if (i == bytes.size()) {
            throw ProtocolError("a message ends inside a number");
        }
        const auto piece = std::to_integer<std::uint64_t>(bytes[i]);
        if (i == kLongest - 1 && piece > 1) {
            break;  // more than 64 bits
        }
        value |= (piece & 0x7FU) << (7 * i);
        if ((piece & 0x80U) == 0) {
            bytes = bytes.subspan(i + 1);
            return value;
        }
    }
    throw ProtocolError("a message holds a number of more than 64 bits");
}

void append_fixed(std::vector<std::byte>& out, std::uint64_t value, unsigned count) {
    for (unsigned i = 0; i < count; ++i) {
        out.push_back(static_cast<std::byte>(value >> (8 * i) & 0xFFU));
    }
}

}  // namespace

MessageReader::MessageReader(std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const std::uint64_t tag = take_varint(bytes);
        Field field{tag >> 3U, false, 0, {}};
        switch (static_cast<unsigned>(tag & 7U)) {
            case kWireVarint:
                field.value = take_varint(bytes);
                break;
            case kWireFixed64:
                field.value = take_fixed(bytes, 8);
                break;
            case kWireFixed32:
                field.value = take_fixed(bytes, 4);
                break;
            case kWireBytes: {
                const std::uint64_t size = take_varint(bytes);
                if (size > bytes.size()) {
                    throw ProtocolError("a message ends inside a byte string");
                }
                field.is_bytes = true;
                field.bytes = bytes.first(size);
                bytes = bytes.subspan(size);
                break;
            }
            default:
                throw ProtocolError("a message holds a field of unknown wire type");
        }
        if (field.number == 0) {
            throw ProtocolError("a message holds a field of number 0");
        }
        fields_.push_back(field);
    }
}

std::optional<std::uint64_t> MessageReader::number(unsigned field) const {
    std::optional<std::uint64_t> value;
    for (const Field& f : fields_) {
        if (f.number == field && !f.is_bytes) {
            value = f.value;
        }
    }
    return value;
}

std::uint64_t MessageReader::need(unsigned field, const char* what) const {
    const auto value = number(field);
    if (!value) {
        throw ProtocolError(std::string("a message lacks its ") + what);
    }
    return *value;
}

std::span<const std::byte> MessageReader::bytes(unsigned field) const {
    std::span<const std::byte> value;
    for (const Field& f : fields_) {
        if (f.number == field && f.is_bytes) {
            value = f.bytes;
        }
    }
    return value;
}

void MessageWriter::varint(std::uint64_t value) {
    while (value >= 0x80U) {
        data_.push_back(static_cast<std::byte>(value | 0x80U));
        value >>= 7U;
    }
    data_.push_back(static_cast<std::byte>(value));
}

void MessageWriter::number(unsigned field, std::uint64_t value) {
    varint(field << 3U | kWireVarint);
    varint(value);
}

void MessageWriter::bytes(unsigned field, std::span<const std::byte> value) {
    varint(field << 3U | kWireBytes);
    varint(value.size());
    data_.insert(data_.end(), value.begin(), value.end());
}

RequestHeader parse_request_header(std::span<const std::byte, RequestHeader::kBytes> bytes) {
    if (bytes[0] != kSizeTag || bytes[9] != kCallTag) {
        throw ProtocolError("a request does not begin with a header");
    }
    std::span<const std::byte> size = bytes.subspan(1, 8);
    std::span<const std::byte> call = bytes.subspan(10, 4);
    return {take_fixed(size, 8), static_cast<std::uint32_t>(take_fixed(call, 4))};
}

std::vector<std::byte> make_request_header(const RequestHeader& header) {
    std::vector<std::byte> out = make_reply_header(header.payload);
    out.push_back(kCallTag);
    append_fixed(out, header.call, 4);
    return out;
}

std::vector<std::byte> make_reply_header(std::uint64_t payload) {
    std::vector<std::byte> out{kSizeTag};
    append_fixed(out, payload, 8);
    return out;
}

}  // namespace setun::emulation
