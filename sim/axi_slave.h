// Cycle-by-cycle AXI4 slave: read and write channels in front of a BurstTarget.
//
// Per clock the owner calls sample() (with the pins as they stand before the clock edge), evaluates the edge,
// then calls drive(). All work of a burst - address look-up, bandwidth, refresh - is done when its address is
// accepted, so that a clock in the middle of a burst costs a comparison and one copy. `Full` adds what only
// tests want: random back-pressure, read data taken at the earliest legal moment, rubbish on RDATA while
// RVALID is low.
#pragma once

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <string>
#include <vector>

#include "sim/burst_target.h"
#include "sim/random.h"

namespace setun::sim {

/// What passed through one port. Bytes of writes count set strobes only.
struct PortStats {
    std::uint64_t read_bursts = 0;
    std::uint64_t read_beats = 0;
    std::uint64_t read_bytes = 0;
    std::uint64_t write_bursts = 0;
    std::uint64_t write_beats = 0;
    std::uint64_t write_bytes = 0;
    std::uint64_t write_responses = 0;

    /// Any handshake changes it.
    [[nodiscard]] std::uint64_t handshakes() const {
        return read_bursts + read_beats + write_bursts + write_beats + write_responses;
    }
};

/// Random back-pressure: after each handshake a channel is withheld for a uniform number of clocks in [min,
/// max]. READY is in addition taken back now and then before VALID comes.
struct Throttle {
    unsigned min_wait = 0;
    unsigned max_wait = 0;
};

/// What a slave may wait for before it takes a write. AXI (IHI 0022, A3.3.1) allows all three; a master that
/// waits for one channel before it uses the other hangs on one of them.
enum class WriteOrder {
    kFree,         ///< address and data are taken as they come
    kDataFirst,    ///< AWREADY only when WVALID has been seen
    kAddressFirst  ///< WREADY only when the address has been taken
};

/// Channels of a port that a test can make stop answering.
enum StuckChannel : unsigned {
    kStuckNone = 0,
    kStuckAr = 1U << 0U,
    kStuckR = 1U << 1U,
    kStuckAw = 1U << 2U,
    kStuckW = 1U << 3U,
    kStuckB = 1U << 4U,
};

/// Decides per clock whether a throttled channel may proceed.
class Gate {
  public:
    void configure(const Throttle& throttle, std::uint64_t seed) {
        throttle_ = throttle;
        random_ = Random(seed);
        close();
    }

    [[nodiscard]] bool active() const { return throttle_.max_wait != 0; }

    /// After a handshake.
    void close() { wait_ = random_.between(throttle_.min_wait, throttle_.max_wait); }

    /// For a VALID: once a clock, as long as nothing is offered.
    bool open() {
        if (wait_ == 0) {
            return true;
        }
        --wait_;
        return false;
    }

    /// For a READY: may close again although nothing came.
    bool open_for_ready() {
        if (!open()) {
            return false;
        }
        if (active() && random_.between(0, 3) == 0) {
            close();
        }
        return true;
    }

  private:
    Throttle throttle_;
    Random random_;
    std::uint64_t wait_ = 0;
};

/// AR and R of one port. In order, one ID at a time, any number of bursts up to the preset's limit in flight.
template <unsigned Bytes>
class ReadSlave {
  public:
    static constexpr unsigned kRing = 64;

    ReadSlave(BurstTarget& target, PortStats& stats)
        : target_(&target),
          stats_(&stats),
          limit_(std::min(target.outstanding(), kRing)),
          beat_time_(Bytes * target.byte_time()) {}

    void throttle(const Throttle& throttle, std::uint64_t seed) {
        ar_gate_.configure(throttle, seed);
        r_gate_.configure(throttle, seed + 1);
        snapshots_.resize(kRing);
    }

    void stick(unsigned channels) { stuck_ = channels; }

    void reset() {
        head_ = tail_ = 0;
        valid_ = ready_ = false;
    }

    /// True while an address has been accepted whose data is not complete.
    [[nodiscard]] bool waiting() const { return head_ != tail_ || valid_; }

    template <class Pins, bool Full, class Root>
    void sample(Root& root, Time now) {
        if (valid_ && Pins::rready(root)) {
            valid_ = false;
            ++stats_->read_beats;
            if constexpr (Full) {
                r_gate_.close();
            }
        }
        if (ready_ && Pins::arvalid(root)) {
            accept<Full>(Pins::araddr(root), Pins::arlen(root) + 1U, Pins::arid(root), now);
            if constexpr (Full) {
                ar_gate_.close();
            }
        }
    }

    template <class Pins, bool Full, class Root>
    void drive(Root& root, Time now) {
        ready_ = tail_ - head_ < limit_;
        if constexpr (Full) {
            ready_ = ready_ && (stuck_ & kStuckAr) == 0 && ar_gate_.open_for_ready();
        }
        Pins::arready(root) = ready_;
        if (!valid_ && head_ != tail_ && now >= ring_[head_ % kRing].next) {
            bool permitted = true;
            if constexpr (Full) {
                permitted = (stuck_ & kStuckR) == 0 && r_gate_.open();
            }
            if (permitted) {
                offer<Pins>(root);
                return;
            }
        }
        Pins::rvalid(root) = valid_;
        if constexpr (Full) {
            if (!valid_) {
                poison<Pins>(root);
            }
        }
    }

  private:
    struct Burst {
        const std::byte* data;  ///< next beat, or null: ask the memory beat by beat
        std::uint64_t address;
        Time next;  ///< earliest delivery of the next beat
        std::uint16_t left;
        std::uint8_t id;
    };

    template <bool Full>
    void accept(std::uint64_t address, unsigned beats, std::uint8_t id, Time now) {
        Burst& burst = ring_[tail_ % kRing];
        const unsigned bytes = beats * Bytes;
        burst.address = address & ~std::uint64_t{Bytes - 1};
        const BurstTarget::ReadGrant grant = target_->read(burst.address, bytes, now);
        burst.data = grant.data;
        burst.left = static_cast<std::uint16_t>(beats);
        burst.id = id;
        burst.next = grant.first;
        if constexpr (Full) {
            // A slave may read its cells as soon as it has the address: the harshest case for a master that
            // forgot to wait for a write response.
            if (burst.data != nullptr && bytes <= AxiMemory::kPage && !snapshots_.empty()) {
                std::memcpy(snapshots_[tail_ % kRing].data(), burst.data, bytes);
                burst.data = snapshots_[tail_ % kRing].data();
            }
        }
        ++tail_;
        ++stats_->read_bursts;
        stats_->read_bytes += bytes;
    }

    template <class Pins, class Root>
    void offer(Root& root) {
        Burst& burst = ring_[head_ % kRing];
        static_assert(sizeof(Pins::rdata(root)) == Bytes,
                      "the configuration's PORT_BITS does not match the port");
        if (burst.data != nullptr) [[likely]] {
            std::memcpy(&Pins::rdata(root), burst.data, Bytes);
            Pins::rresp(root) = 0;
            burst.data += Bytes;
        } else {
            std::array<std::byte, Bytes> beat{};
            Pins::rresp(root) = static_cast<std::uint8_t>(target_->read_beat(burst.address, beat));
            std::memcpy(&Pins::rdata(root), beat.data(), Bytes);
            burst.address += Bytes;
        }
        burst.next += beat_time_;
        const bool last = --burst.left == 0;
        Pins::rlast(root) = last;
        Pins::rid(root) = burst.id;
        Pins::rvalid(root) = 1;
        valid_ = true;
        head_ += last;
    }

    template <class Pins, class Root>
    void poison(Root& root) {
        std::memset(&Pins::rdata(root), static_cast<int>(rubbish_.next() >> 56U), Bytes);
        Pins::rlast(root) = static_cast<std::uint8_t>(rubbish_.next() >> 63U);
        Pins::rresp(root) = static_cast<std::uint8_t>(rubbish_.next() >> 62U);
    }

    BurstTarget* target_;
    PortStats* stats_;
    unsigned limit_;
    Time beat_time_;
    unsigned stuck_ = kStuckNone;
    unsigned head_ = 0;
    unsigned tail_ = 0;
    bool valid_ = false;
    bool ready_ = false;
    std::array<Burst, kRing> ring_{};
    Gate ar_gate_;
    Gate r_gate_;
    Random rubbish_;
    std::vector<std::array<std::byte, AxiMemory::kPage>> snapshots_;
};

/// AW, W and B of one port. Data may come before its address. Bytes become visible to reads when BVALID
/// rises.
template <unsigned Bytes>
class WriteSlave {
  public:
    static constexpr unsigned kRing = 16;
    static constexpr unsigned kMaxBeats = AxiMemory::kPage / Bytes;

    WriteSlave(BurstTarget& target, PortStats& stats)
        : target_(&target), stats_(&stats), limit_(std::min(target.outstanding(), kRing)), ring_(kRing) {}

    void throttle(const Throttle& throttle, std::uint64_t seed) {
        aw_gate_.configure(throttle, seed);
        w_gate_.configure(throttle, seed + 1);
        b_gate_.configure(throttle, seed + 2);
    }

    void order(WriteOrder order) { order_ = order; }

    void stick(unsigned channels) { stuck_ = channels; }

    void reset() {
        head_ = due_ = addresses_ = datas_ = 0;
        aw_ready_ = w_ready_ = valid_ = false;
        for (Burst& burst : ring_) {
            burst.beats = 0;
        }
    }

    /// True while the memory owes a response.
    [[nodiscard]] bool waiting() const { return head_ != due_ || valid_; }
    /// True while an address has been accepted whose data is not complete.
    [[nodiscard]] bool wants_data() const { return addresses_ > datas_; }

    template <class Pins, bool Full, class Root>
    void sample(Root& root, Time now) {
        if (valid_ && Pins::bready(root)) {
            valid_ = false;
            ++stats_->write_responses;
            if constexpr (Full) {
                b_gate_.close();
            }
        }
        const bool address = aw_ready_ && Pins::awvalid(root);
        const bool data = w_ready_ && Pins::wvalid(root);
        if (address) {
            accept_address(Pins::awaddr(root), Pins::awid(root));
            if constexpr (Full) {
                aw_gate_.close();
            }
        }
        if (data) {
            accept_data(&Pins::wdata(root), Pins::wstrb(root), Pins::wlast(root) != 0);
            if constexpr (Full) {
                w_gate_.close();
            }
        }
        if (address || data) {
            schedule(now);
        }
    }

    template <class Pins, bool Full, class Root>
    void drive(Root& root, Time now) {
        aw_ready_ = addresses_ - head_ < limit_;
        w_ready_ = datas_ - head_ < limit_;
        if constexpr (Full) {
            if (order_ == WriteOrder::kDataFirst) {
                aw_ready_ = aw_ready_ && (Pins::wvalid(root) || datas_ > addresses_);
            } else if (order_ == WriteOrder::kAddressFirst) {
                w_ready_ = w_ready_ && addresses_ > datas_;
            }
            aw_ready_ = aw_ready_ && (stuck_ & kStuckAw) == 0 && aw_gate_.open_for_ready();
            w_ready_ = w_ready_ && (stuck_ & kStuckW) == 0 && w_gate_.open_for_ready();
        }
        Pins::awready(root) = aw_ready_;
        Pins::wready(root) = w_ready_;
        if (!valid_ && head_ != due_ && now >= ring_[head_ % kRing].due) {
            bool permitted = true;
            if constexpr (Full) {
                permitted = (stuck_ & kStuckB) == 0 && b_gate_.open();
            }
            if (permitted) {
                Burst& burst = ring_[head_ % kRing];
                Pins::bresp(root) = static_cast<std::uint8_t>(commit(burst));
                Pins::bid(root) = burst.id;
                valid_ = true;
                ++head_;
            }
        }
        Pins::bvalid(root) = valid_;
    }

  private:
    struct Burst {
        std::uint64_t address = 0;
        Time due = 0;
        unsigned beats = 0;
        std::uint8_t id = 0;
        std::array<std::uint64_t, kMaxBeats> strobes{};
        std::array<std::byte, AxiMemory::kPage> data{};
    };

    void accept_address(std::uint64_t address, std::uint8_t id) {
        Burst& burst = ring_[addresses_++ % kRing];
        burst.address = address & ~std::uint64_t{Bytes - 1};
        burst.id = id;
        ++stats_->write_bursts;
    }

    void accept_data(const void* data, std::uint64_t strobe, bool last) {
        Burst& burst = ring_[datas_ % kRing];
        if (burst.beats < kMaxBeats) {  // more is a protocol error that the checker reports
            std::memcpy(burst.data.data() + burst.beats * Bytes, data, Bytes);
            burst.strobes[burst.beats++] = strobe;
        }
        ++stats_->write_beats;
        stats_->write_bytes += static_cast<unsigned>(__builtin_popcountll(strobe));
        datas_ += last;
    }

    void schedule(Time now) {
        while (due_ != addresses_ && due_ != datas_) {
            Burst& burst = ring_[due_++ % kRing];
            burst.due = target_->write(view(burst), now);
        }
    }

    Response commit(Burst& burst) {
        const Response response = target_->finish_write(view(burst));
        burst.beats = 0;
        return response;
    }

    static WriteBurst view(const Burst& burst) {
        return {burst.address, Bytes, std::span(burst.data).first(std::size_t{burst.beats} * Bytes),
                std::span(burst.strobes).first(burst.beats)};
    }

    BurstTarget* target_;
    PortStats* stats_;
    unsigned limit_;
    WriteOrder order_ = WriteOrder::kFree;
    unsigned stuck_ = kStuckNone;
    unsigned head_ = 0;       ///< responses offered
    unsigned due_ = 0;        ///< bursts complete and scheduled
    unsigned addresses_ = 0;  ///< addresses accepted
    unsigned datas_ = 0;      ///< bursts whose last beat was accepted
    bool aw_ready_ = false;
    bool w_ready_ = false;
    bool valid_ = false;
    std::vector<Burst> ring_;
    Gate aw_gate_;
    Gate w_gate_;
    Gate b_gate_;
};

}  // namespace setun::sim
