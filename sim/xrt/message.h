// Messages between XRT's hardware emulation driver and a simulator: protocol buffer wire format, by hand.
//
// Only what the protocol uses: varints, fixed numbers and byte strings. Fields that nobody asks for are
// skipped, as protocol buffers demand.
#pragma once

#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <vector>

namespace setun::emulation {

/// The other side sent something that is not a message.
class ProtocolError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Numbers of the calls (XRT 2.13).
enum class Call : std::uint32_t {
    kClose = 1,
    kAllocate = 4,
    kFree = 5,
    kHostToDevice = 6,
    kDeviceToHost = 7,
    kWriteRegisters = 9,
    kReadRegisters = 11,
    kTimestamp = 17,
    kDebugMessages = 19,
    kSetEnvironment = 20,
};

/// Fields of a message; views into the bytes it was parsed from.
class MessageReader {
  public:
    /// Throws ProtocolError when the bytes are not a sequence of whole fields.
    explicit MessageReader(std::span<const std::byte> bytes);

    /// The last value of a number field, or nothing.
    [[nodiscard]] std::optional<std::uint64_t> number(unsigned field) const;
    /// A number that must be there. Throws ProtocolError that names `what`.
    [[nodiscard]] std::uint64_t need(unsigned field, const char* what) const;
    /// The last value of a byte string field; empty when absent.
    [[nodiscard]] std::span<const std::byte> bytes(unsigned field) const;

  private:
    struct Field {
        std::uint64_t number;
        bool is_bytes;
        std::uint64_t value;
        std::span<const std::byte> bytes;
    };
    std::vector<Field> fields_;
};

/// Builds a message.
class MessageWriter {
  public:
    void number(unsigned field, std::uint64_t value);
    void bytes(unsigned field, std::span<const std::byte> value);
    [[nodiscard]] const std::vector<std::byte>& data() const { return data_; }

  private:
    void varint(std::uint64_t value);
    std::vector<std::byte> data_;
};

/// Header of a request: payload size and call number.
struct RequestHeader {
    static constexpr std::size_t kBytes = 14;
    std::uint64_t payload = 0;
    std::uint32_t call = 0;
};

/// Throws ProtocolError when the bytes are not a header.
[[nodiscard]] RequestHeader parse_request_header(std::span<const std::byte, RequestHeader::kBytes> bytes);
[[nodiscard]] std::vector<std::byte> make_request_header(const RequestHeader& header);
/// A reply has the size only: 9 bytes.
[[nodiscard]] std::vector<std::byte> make_reply_header(std::uint64_t payload);

}  // namespace setun::emulation
