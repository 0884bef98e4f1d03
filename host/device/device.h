// The interface between the runtime and anything that runs command lists: a simulated chip, the golden model,
// a card.
#pragma once

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>

#include "rtl/setun_abi.h"

namespace setun {

/// What a device is and how its kernel was configured. Read from the chip where there is one.
struct DeviceInfo {
    std::string name;           ///< what the user types: "cpu", "rtl"
    std::string engine;         ///< what produces the integers, e.g. "Verilated RTL, planes leaf"
    unsigned ports = 1;         ///< weight ports
    unsigned port_bits = 512;   ///< bits of one AXI word
    unsigned tokens = 1;        ///< activation rows that share a weight beat
    unsigned tile_rows = 1024;  ///< rows a tile gives to each port
    std::string memory;         ///< memory preset, e.g. "ideal", "ddr4"; empty when the device has no timing
    double clock_hz = 0;        ///< clock of the memory preset, for time and static energy; 0 when unknown
    bool cycle_accurate = false;  ///< counters come from simulated or real hardware, not from a model

    [[nodiscard]] unsigned beat_bytes() const { return port_bits / 8; }
    [[nodiscard]] unsigned lanes() const { return 5 * beat_bytes(); }
};

/// Performance counters of one run, or sums of them. Units: cycles, beats, weights.
struct Counters {
    std::uint64_t cycles = 0;
    std::uint64_t busy = 0;
    std::uint64_t beats = 0;
    std::uint64_t stall_w = 0;
    std::uint64_t stall_x = 0;
    std::uint64_t stall_y = 0;
    std::optional<std::uint64_t> nonzero = 0;  ///< non-zero weights; empty: the device cannot count them
    std::uint64_t weight_bytes = 0;            ///< bytes read on the weight ports
    std::uint64_t data_read_bytes = 0;
    std::uint64_t data_write_bytes = 0;

    Counters& operator+=(const Counters& other);
};

/// Outcome of a command list. `error` is a SETUN_ERR_* code; completion does not imply success.
struct RunResult {
    std::uint32_t error = SETUN_ERR_NONE;
    std::uint32_t error_index = 0;
    std::uint64_t error_address = 0;
    std::uint32_t error_info = 0;
    std::uint32_t completed = 0;
    Counters counters;

    [[nodiscard]] bool ok() const { return error == SETUN_ERR_NONE; }
    /// One line for a user: the error's name, the command, the address, and what it usually means.
    [[nodiscard]] std::string describe() const;
};

/// "TRIT: illegal trit code in weight memory; ..." for a SETUN_ERR_* of the kernel or of a vector unit.
[[nodiscard]] std::string error_name(std::uint32_t error);

/// A device could not be opened, was used wrongly, or did not answer. One-line message.
class DeviceError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Memory behind one port of the kernel.
struct Space {
    static constexpr unsigned kData = ~0U;
    unsigned port = kData;  ///< kData, or a weight port

    static Space data() { return {}; }
    static Space weights(unsigned port) { return {port}; }
    [[nodiscard]] bool is_data() const { return port == kData; }
    bool operator==(const Space&) const = default;
};

/// Runs command lists. Calls on one device must not overlap; different devices are independent.
/// All offsets are relative to the base registers of the space, so that command lists do not depend on
/// placement.
class Device {
  public:
    virtual ~Device() = default;
    Device() = default;
    Device(const Device&) = delete;
    Device& operator=(const Device&) = delete;

    [[nodiscard]] virtual const DeviceInfo& info() const noexcept = 0;

    /// Reserves `bytes` (zero-filled, 4 KiB aligned) in `space` and returns their offset. Throws DeviceError
    /// when full.
    virtual std::uint64_t allocate(Space space, std::size_t bytes) = 0;

    /// Makes `bytes` readable by the kernel in `space` and returns their offset (4 KiB aligned). Simulated
    /// devices do not copy: the bytes must outlive the device. Others copy once.
    virtual std::uint64_t map(Space space, std::span<const std::byte> bytes) = 0;

    /// Copies to or from allocated memory. Blocking. Throws DeviceError when the range was not allocated.
    virtual void write(Space space, std::uint64_t offset, std::span<const std::byte> bytes) = 0;
    virtual void read(Space space, std::uint64_t offset, std::span<std::byte> bytes) = 0;

    /// Starts `count` commands at `list_offset` in data space. Returns at once. One list at a time.
    virtual void submit(std::uint64_t list_offset, std::uint32_t count) = 0;

    /// Blocks until the submitted list is done. Throws DeviceError after `deadline` without an answer; the
    /// device must then not be used again.
    virtual RunResult wait(std::chrono::milliseconds deadline) = 0;
};

}  // namespace setun
