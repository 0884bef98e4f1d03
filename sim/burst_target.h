// What stands behind an AXI port: asked once a burst for bytes and for time.
#pragma once

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <span>

#include "sim/axi_memory.h"
#include "sim/memory_channel.h"

namespace setun::sim {

/// One burst of writes, with the strobes of each beat.
struct WriteBurst {
    std::uint64_t address = 0;  ///< multiple of beat_bytes
    unsigned beat_bytes = 0;
    std::span<const std::byte> data;         ///< whole beats
    std::span<const std::uint64_t> strobes;  ///< one per beat; bit i = byte i is written

    [[nodiscard]] unsigned bytes() const { return static_cast<unsigned>(data.size()); }
};

/// The memory side of a port. A slave (sim/axi_slave.h) keeps the order of bursts and the pins.
class BurstTarget {
  public:
    virtual ~BurstTarget() = default;
    BurstTarget() = default;
    BurstTarget(const BurstTarget&) = delete;
    BurstTarget& operator=(const BurstTarget&) = delete;

    struct ReadGrant {
        const std::byte* data;  ///< all bytes of the burst, valid until its last beat; null: ask read_beat()
        Time first;             ///< when the first beat can be delivered
    };
    /// Accepts a read burst at `now`.
    virtual ReadGrant read(std::uint64_t address, unsigned bytes, Time now) = 0;
    /// One beat of a burst that came without data. On an error `bytes` is zero-filled.
    virtual Response read_beat(std::uint64_t address, std::span<std::byte> bytes) = 0;

    /// Accepts a complete write burst at `now`; returns when its response can be given.
    virtual Time write(const WriteBurst& burst, Time now) = 0;
    /// The response of the oldest accepted write burst that has none yet, given when it is due. By then the
    /// bytes are in memory.
    virtual Response finish_write(const WriteBurst& burst) = 0;

    /// Bursts that may be in flight in each direction, and the time that a byte takes.
    [[nodiscard]] virtual unsigned outstanding() const = 0;
    [[nodiscard]] virtual Time byte_time() const = 0;
};

/// An AxiMemory of its own behind a MemoryChannel that ports may share. Written bytes become visible when
/// their response is due.
class DirectTarget final : public BurstTarget {
  public:
    explicit DirectTarget(MemoryChannel& channel) : channel_(&channel) {}

    [[nodiscard]] AxiMemory& memory() { return memory_; }

    ReadGrant read(std::uint64_t address, unsigned bytes, Time now) override {
        return {memory_.direct(address, bytes), channel_->read(now, bytes)};
    }
    Response read_beat(std::uint64_t address, std::span<std::byte> bytes) override {
        return memory_.read(address, bytes);
    }
    Time write(const WriteBurst& burst, Time now) override { return channel_->write(now, burst.bytes()); }
    Response finish_write(const WriteBurst& burst) override {
        Response worst = Response::kOkay;
        for (std::size_t beat = 0; beat < burst.strobes.size(); ++beat) {
            const std::size_t offset = beat * burst.beat_bytes;
            worst = std::max(
                worst, memory_.write(burst.address + offset, burst.data.subspan(offset, burst.beat_bytes),
                                     burst.strobes[beat]));
        }
        return worst;
    }
    [[nodiscard]] unsigned outstanding() const override { return channel_->timing().outstanding; }
    [[nodiscard]] Time byte_time() const override { return channel_->timing().byte_time; }

  private:
    AxiMemory memory_;
    MemoryChannel* channel_;
};

}  // namespace setun::sim
