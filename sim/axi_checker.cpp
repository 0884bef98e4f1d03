// The rules, one require() each. Section numbers are those of the AMBA AXI protocol specification (IHI 0022).
#include "sim/axi_checker.h"

#include <algorithm>
#include <bit>
#include <utility>

namespace setun::sim {
namespace {

constexpr std::size_t kMaxLines = 100;
constexpr std::uint64_t kBoundary = 4096;

}  // namespace

void ViolationLog::add(const std::string& port, std::uint64_t cycle, const std::string& rule) {
    if (lines_.size() < kMaxLines) {
        lines_.push_back("cycle " + std::to_string(cycle) + ", " + port + ": " + rule);
    }
}

AxiChecker::AxiChecker(std::string port, unsigned beat_bytes, bool reads_always_ready, ViolationLog& log)
    : port_(std::move(port)), beat_bytes_(beat_bytes), reads_always_ready_(reads_always_ready), log_(&log) {}

void AxiChecker::reset() {
    have_before_ = false;
    reads_.clear();
    writes_.clear();
    early_bursts_.clear();
    responses_owed_.clear();
    read_beats_ = write_beats_ = 0;
}

void AxiChecker::require(bool ok, const char* rule) {
    if (!ok) {
        log_->add(port_, cycle_, rule);
    }
}

// A3.2.1: once VALID is asserted it stays, with its payload, until the handshake.
void AxiChecker::check_held(const char* channel, const AddressSample& before, const AddressSample& now) {
    if (!before.valid || before.ready) {
        return;
    }
    const std::string name = channel;
    require(now.valid, (name + "VALID dropped before " + name + "READY").c_str());
    const bool same = now.address == before.address && now.len == before.len && now.size == before.size &&
                      now.burst == before.burst && now.lock == before.lock && now.id == before.id;
    require(!now.valid || same, (name + " payload changed while " + name + "READY was low").c_str());
}

void AxiChecker::check_held(const char* channel, const DataSample& before, const DataSample& now,
                            bool payload) {
    if (!before.valid || before.ready) {
        return;
    }
    const std::string name = channel;
    require(now.valid, (name + "VALID dropped before " + name + "READY").c_str());
    const bool same = now.last == before.last && now.id == before.id && now.response == before.response &&
                      now.strobe == before.strobe && (!payload || now.bytes == before.bytes);
    require(!now.valid || same, (name + " payload changed while " + name + "READY was low").c_str());
}

void AxiChecker::check_address(const char* channel, const AddressSample& a) {
    const std::string name = channel;
    const std::uint64_t bytes = (std::uint64_t{a.len} + 1) * beat_bytes_;
    require(a.burst == 1, (name + "BURST is not INCR").c_str());
    require(a.size == static_cast<unsigned>(std::countr_zero(beat_bytes_)),
            (name + "SIZE is not the full width").c_str());
    require(a.lock == 0, (name + "LOCK set: exclusive accesses are not part of this interface").c_str());
    require(a.len <= 255, (name + "LEN above 255").c_str());
    require(a.address % beat_bytes_ == 0, (name + "ADDR not aligned to the beat").c_str());
    require(bytes <= kBoundary, (name + " burst longer than 4 KiB").c_str());
    require(a.address / kBoundary == (a.address + bytes - 1) / kBoundary,
            (name + " burst crosses a 4 KiB boundary (A3.4.1)").c_str());
}

void AxiChecker::check_read_data(const AxiSample& now) {
    if (now.r.valid && reads_always_ready_) {
        require(now.r.ready, "RREADY low while RVALID is high: the kernel promises never to wait");
    }
    if (!now.r.valid) {
        return;
    }
    require(!reads_.empty(), "RVALID without an outstanding address (A3.3.1)");
    if (reads_.empty() || !now.r.ready) {
        return;
    }
    const Outstanding& burst = reads_.front();
    ++read_beats_;
    require(now.r.id == burst.id, "RID differs from ARID");
    require(now.r.last == (read_beats_ == burst.beats), "RLAST not on the last beat of the burst");
    if (read_beats_ == burst.beats) {
        reads_.pop_front();
        read_beats_ = 0;
    }
}

void AxiChecker::check_write_data(const AxiSample& now) {
    if (!now.w.valid || !now.w.ready) {
        return;
    }
    const std::uint64_t lanes = beat_bytes_ == 64 ? ~std::uint64_t{0} : (std::uint64_t{1} << beat_bytes_) - 1;
    require((now.w.strobe & ~lanes) == 0, "WSTRB set outside the beat");
    ++write_beats_;
    if (!writes_.empty()) {
        require(now.w.last == (write_beats_ == writes_.front().beats),
                "WLAST not on the last beat of the burst");
    }
    if (!now.w.last) {
        return;
    }
    if (writes_.empty()) {
        early_bursts_.push_back(write_beats_);
    } else {
        responses_owed_.push_back(writes_.front().id);
        writes_.pop_front();
    }
    write_beats_ = 0;
}

void AxiChecker::check_response(const AxiSample& now) {
    if (!now.b.valid) {
        return;
    }
    require(!responses_owed_.empty(), "BVALID before the burst's address and last data (A3.3.1)");
    if (!responses_owed_.empty() && now.b.ready) {
        require(now.b.id == responses_owed_.front(), "BID differs from AWID");
        responses_owed_.pop_front();
    }
}

void AxiChecker::check(std::uint64_t cycle, const AxiSample& now) {
    cycle_ = cycle;
    if (now.in_reset) {
        // A3.1.2: a master drives its VALIDs low during reset; the first clock of reset may still show the
        // old ones.
        if (have_before_ && before_.in_reset) {
            require(!now.ar.valid && !now.aw.valid && !now.w.valid,
                    "ARVALID, AWVALID or WVALID high during reset");
        }
        reset();
        before_ = now;
        have_before_ = true;
        return;
    }
    if (have_before_ && !before_.in_reset) {
        check_held("AR", before_.ar, now.ar);
        check_held("AW", before_.aw, now.aw);
        check_held("W", before_.w, now.w, true);
        check_held("R", before_.r, now.r, true);
        check_held("B", before_.b, now.b, false);
    }
    // Responses first: an answer in the same clock as its request would come too early.
    check_read_data(now);
    check_response(now);
    if (now.ar.valid) {
        check_address("AR", now.ar);
        if (now.ar.ready) {
            reads_.push_back({now.ar.len + 1, now.ar.id});
        }
    }
    if (now.aw.valid) {
        check_address("AW", now.aw);
        if (now.aw.ready) {
            if (early_bursts_.empty()) {
                writes_.push_back({now.aw.len + 1, now.aw.id});
            } else {
                require(early_bursts_.front() == now.aw.len + 1, "WLAST not on the last beat of the burst");
                early_bursts_.pop_front();
                responses_owed_.push_back(now.aw.id);
            }
        }
    }
    check_write_data(now);
    before_ = now;
    have_before_ = true;
}

void LiteChecker::check(std::uint64_t cycle, const LiteSample& now) {
    const auto require = [&](bool ok, const char* rule) {
        if (!ok) {
            log_->add("s_axi_control", cycle, rule);
        }
    };
    if (now.in_reset) {
        require(!before_.in_reset || (!now.b_valid && !now.r_valid), "BVALID or RVALID high during reset");
        addresses_ = datas_ = reads_ = 0;
        before_ = now;
        return;
    }
    if (!before_.in_reset && before_.b_valid && !before_.b_ready) {
        require(now.b_valid, "BVALID dropped before BREADY");
        require(now.b_response == before_.b_response, "BRESP changed while BREADY was low");
    }
    if (!before_.in_reset && before_.r_valid && !before_.r_ready) {
        require(now.r_valid, "RVALID dropped before RREADY");
        require(now.r_response == before_.r_response && now.r_data == before_.r_data,
                "RDATA or RRESP changed while RREADY was low");
    }
    if (now.b_valid) {
        require(addresses_ > 0 && datas_ > 0, "BVALID before the write's address and data");
    }
    if (now.r_valid) {
        require(reads_ > 0, "RVALID without an outstanding address");
    }
    if (now.b_valid && now.b_ready && addresses_ > 0 && datas_ > 0) {
        --addresses_;
        --datas_;
    }
    if (now.r_valid && now.r_ready && reads_ > 0) {
        --reads_;
    }
    addresses_ += now.aw_valid && now.aw_ready;
    datas_ += now.w_valid && now.w_ready;
    reads_ += now.ar_valid && now.ar_ready;
    before_ = now;
}

}  // namespace setun::sim
