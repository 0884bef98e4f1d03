// The virtual chip: everything of sim/vp/ wired together, behind an interface without SystemC.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <stdexcept>
#include <string>
#include <vector>

#include "firmware/platform.h"
#include "rtl/setun_vector_abi.h"
#include "sim/axi_memory.h"
#include "sim/kernel_sim.h"

namespace setun::vp {

/// The platform cannot be built, or its simulation cannot go on. One-line message.
class PlatformError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// "matrix engine", "norm", ...: the units of rtl/setun_vector_abi.h by SETUN_UNIT_*.
[[nodiscard]] const char* unit_name(unsigned unit);

struct PlatformOptions {
    sim::KernelConfig kernel;
    std::string memory = "ddr4";                   ///< preset of sim/memory_presets.h
    std::uint64_t seed = 0;                        ///< of memory jitter and power-up values
    std::uint64_t data_bytes = 64U << 20U;         ///< of data memory, at most SETUN_DATA_MAX_BYTES
    std::string firmware;                          ///< ELF file
    bool timeline = false;                         ///< record spans
    std::function<void(const std::string&)> uart;  ///< called with each line that the firmware prints
    /// Names the commands [address, address + count) of data memory for the timeline; may be empty.
    std::function<std::string(std::uint64_t address, std::uint32_t count)> label;
};

/// What a unit did since construction.
struct UnitTotals {
    std::uint64_t commands = 0;  ///< of the matrix engine: lists
    std::uint64_t cycles = 0;    ///< from start to done
    std::uint64_t compute = 0;   ///< vector units: of those, annotated computing; the rest waits for memory
};

/// The matrix engine's own counters, summed over its lists.
struct EngineTotals {
    std::uint64_t busy = 0;
    std::uint64_t beats = 0;
    std::uint64_t stall_w = 0;
    std::uint64_t stall_x = 0;
    std::uint64_t stall_y = 0;
    std::uint64_t nonzero = 0;
};

/// Totals since construction; subtract two of them for an interval.
struct PlatformUse {
    std::uint64_t cycles = 0;                   ///< of the platform's clock
    std::array<UnitTotals, SETUN_UNITS> units;  ///< by SETUN_UNIT_*
    EngineTotals engine;
    std::uint64_t weight_bytes = 0;     ///< read on weight ports, by the engine and by EMBED
    std::uint64_t data_read_bytes = 0;  ///< by everybody
    std::uint64_t data_write_bytes = 0;
    std::uint64_t arbitration_cycles = 0;   ///< masters waited for each other at a slave
    std::uint64_t instructions = 0;         ///< of the firmware
    std::array<std::uint64_t, 5> phases{};  ///< cycles by SETUN_PHASE_*
    std::uint64_t any_busy = 0;             ///< cycles with at least one unit at work
    std::uint64_t overlapped = 0;           ///< cycles with at least two
};

/// One chip. SystemC has one simulation in a process, so there can be one platform, once.
class VirtualPlatform {
  public:
    /// Builds the chip, loads the firmware and lets it boot. Throws PlatformError: a second platform in this
    /// process, unknown configuration or memory preset, firmware that is missing or made for another platform
    /// or does not boot.
    explicit VirtualPlatform(const PlatformOptions& options);
    VirtualPlatform(const VirtualPlatform&) = delete;
    VirtualPlatform& operator=(const VirtualPlatform&) = delete;
    ~VirtualPlatform();

    [[nodiscard]] const sim::KernelConfig& kernel() const;
    [[nodiscard]] double clock_hz() const;

    /// Data memory, from SETUN_DATA_BASE on, as the host sees it (direct memory interface).
    [[nodiscard]] std::span<std::byte> data();
    /// Makes `bytes` readable on weight port `port`; they must outlive the platform. Returns the offset from
    /// the port's base, the next multiple of 4 KiB. Throws PlatformError when the port does not exist.
    std::uint64_t map_weights(unsigned port, std::span<const std::byte> bytes);
    /// The memory of weight port p, or of data for p = ports: for faults in tests.
    [[nodiscard]] sim::AxiMemory& memory(unsigned port);

    /// Registers of the mailbox, over the bus: SETUN_MBOX_*.
    [[nodiscard]] std::uint32_t read_mailbox(std::uint32_t offset);
    void write_mailbox(std::uint32_t offset, std::uint32_t value);

    /// Runs until the mailbox raises the host's interrupt, at most `max_cycles`; true when it is high. Throws
    /// PlatformError when an RTL assertion fails or the processor stops.
    bool run(std::uint64_t max_cycles);

    [[nodiscard]] PlatformUse use() const;
    /// The trace so far, as JSON.
    [[nodiscard]] std::string timeline_json() const;

  private:
    class Chip;
    std::unique_ptr<Chip> chip_;
};

}  // namespace setun::vp
