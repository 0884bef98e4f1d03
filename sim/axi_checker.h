// Rules of AXI4 and AXI4-Lite, checked clock by clock on the pins. Every violation is a line that names the
// rule.
#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <vector>

namespace setun::sim {

/// One address channel as it stands before a clock edge.
struct AddressSample {
    bool valid = false;
    bool ready = false;
    std::uint64_t address = 0;
    unsigned len = 0;
    unsigned size = 0;
    unsigned burst = 0;
    unsigned lock = 0;
    unsigned id = 0;
};

/// A data or response channel. `bytes` is unused by B.
struct DataSample {
    bool valid = false;
    bool ready = false;
    bool last = false;
    unsigned id = 0;
    unsigned response = 0;
    std::uint64_t strobe = 0;
    std::array<std::byte, 64> bytes{};
};

/// All channels of one AXI4 port.
struct AxiSample {
    bool in_reset = false;
    AddressSample ar;
    AddressSample aw;
    DataSample r;
    DataSample w;
    DataSample b;
};

/// Collects violations; keeps the first hundred.
class ViolationLog {
  public:
    void add(const std::string& port, std::uint64_t cycle, const std::string& rule);
    [[nodiscard]] const std::vector<std::string>& lines() const { return lines_; }
    void clear() { lines_.clear(); }

  private:
    std::vector<std::string> lines_;
};

/// Checks one AXI4 port: the kernel as master, and the memory model as slave.
///
/// Stable payload and VALID while READY is low, all VALIDs low in reset; INCR bursts of full-width beats,
/// aligned, at most 4 KiB and 256 beats, not across a 4 KiB boundary; WLAST on the last beat of its address's
/// length; strobes within the beat; B only after WLAST and its address; R only after its address with the
/// right number of beats, RLAST and ID. With `reads_always_ready` also the kernel's own promise that RREADY
/// never waits.
class AxiChecker {
  public:
    AxiChecker(std::string port, unsigned beat_bytes, bool reads_always_ready, ViolationLog& log);

    /// One clock.
    void check(std::uint64_t cycle, const AxiSample& now);
    /// Forgets everything that was in flight.
    void reset();

  private:
    struct Outstanding {
        unsigned beats = 0;
        unsigned id = 0;
    };

    void require(bool ok, const char* rule);
    void check_held(const char* channel, const AddressSample& before, const AddressSample& now);
    void check_held(const char* channel, const DataSample& before, const DataSample& now, bool payload);
    void check_address(const char* channel, const AddressSample& a);
    void check_read_data(const AxiSample& now);
    void check_write_data(const AxiSample& now);
    void check_response(const AxiSample& now);

    std::string port_;
    unsigned beat_bytes_;
    bool reads_always_ready_;
    ViolationLog* log_;
    std::uint64_t cycle_ = 0;
    bool have_before_ = false;
    AxiSample before_;
    std::deque<Outstanding> reads_;
    std::deque<Outstanding> writes_;       ///< addresses whose data is not complete
    std::deque<unsigned> early_bursts_;    ///< lengths of complete bursts whose address has not come
    std::deque<unsigned> responses_owed_;  ///< IDs
    unsigned read_beats_ = 0;
    unsigned write_beats_ = 0;
};

/// AXI4-Lite control port, the kernel as slave.
struct LiteSample {
    bool in_reset = false;
    bool aw_valid = false, aw_ready = false;
    bool w_valid = false, w_ready = false;
    bool b_valid = false, b_ready = false;
    bool ar_valid = false, ar_ready = false;
    bool r_valid = false, r_ready = false;
    unsigned b_response = 0, r_response = 0;
    std::uint32_t r_data = 0;
};

/// Checks that the slave holds BVALID/RVALID and their payload, answers only what was asked, and is silent in
/// reset.
class LiteChecker {
  public:
    explicit LiteChecker(ViolationLog& log) : log_(&log) {}
    void check(std::uint64_t cycle, const LiteSample& now);

  private:
    ViolationLog* log_;
    LiteSample before_;
    unsigned addresses_ = 0;  ///< write addresses not answered
    unsigned datas_ = 0;
    unsigned reads_ = 0;
};

}  // namespace setun::sim
