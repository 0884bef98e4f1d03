// The AXI slave clock by clock: when READY and VALID rise, what they carry, back-pressure and stuck channels.
#include "sim/axi_slave.h"

#include <gtest/gtest.h>

#include <vector>

#include "sim/axi_pins.h"

namespace setun::sim {
namespace {

/// Pins of a data port as Verilator would declare them, with 16-byte beats.
struct Pins128 {
    std::uint8_t m_axi_data_arid = 0, m_axi_data_arlen = 0, m_axi_data_arvalid = 0, m_axi_data_arready = 0;
    std::uint64_t m_axi_data_araddr = 0;
    std::uint8_t m_axi_data_rid = 0, m_axi_data_rresp = 0, m_axi_data_rlast = 0, m_axi_data_rvalid = 0;
    std::uint8_t m_axi_data_rready = 1;
    std::array<std::uint32_t, 4> m_axi_data_rdata{};
    std::uint8_t m_axi_data_awid = 0, m_axi_data_awlen = 0, m_axi_data_awvalid = 0, m_axi_data_awready = 0;
    std::uint64_t m_axi_data_awaddr = 0;
    std::uint8_t m_axi_data_wlast = 0, m_axi_data_wvalid = 0, m_axi_data_wready = 0;
    std::uint16_t m_axi_data_wstrb = 0;
    std::array<std::uint32_t, 4> m_axi_data_wdata{};
    std::uint8_t m_axi_data_bid = 0, m_axi_data_bresp = 0, m_axi_data_bvalid = 0, m_axi_data_bready = 1;
};

class AxiSlave : public testing::Test {
  protected:
    static constexpr std::uint64_t kBase = 0x10000;
    static constexpr unsigned kLatency = 7;

    AxiSlave() : channel_(timing(), 0), target_(channel_), read_(target_, stats_), write_(target_, stats_) {
        ram_ = target_.memory().allocate(kBase, 8192);
        for (std::size_t i = 0; i < ram_.size(); ++i) {
            ram_[i] = static_cast<std::byte>(i / 16);
        }
        drive();
    }

    static ChannelTiming timing() {
        ChannelTiming t;
        t.read_latency = kLatency * kCycle;
        t.write_latency = 3 * kCycle;
        t.outstanding = 2;
        return t;
    }

    template <bool Full = false>
    void clock() {
        read_.sample<PinsData, Full>(pins_, cycle_ << kTimeShift);
        write_.sample<PinsData, Full>(pins_, cycle_ << kTimeShift);
        ++cycle_;
        drive<Full>();
    }
    template <bool Full = false>
    void drive() {
        read_.drive<PinsData, Full>(pins_, cycle_ << kTimeShift);
        write_.drive<PinsData, Full>(pins_, cycle_ << kTimeShift);
    }

    void request(std::uint64_t address, unsigned beats) {
        pins_.m_axi_data_araddr = address;
        pins_.m_axi_data_arlen = static_cast<std::uint8_t>(beats - 1);
        pins_.m_axi_data_arvalid = 1;
        clock();
        pins_.m_axi_data_arvalid = 0;
    }

    MemoryChannel channel_;
    DirectTarget target_;
    PortStats stats_;
    ReadSlave<16> read_;
    WriteSlave<16> write_;
    Pins128 pins_;
    std::span<std::byte> ram_;
    std::uint64_t cycle_ = 0;
};

TEST_F(AxiSlave, FirstBeatAtTheLatencyAndNotBefore) {
    request(kBase + 32, 2);  // this clock is number 1 after the handshake
    for (unsigned i = 1; i < kLatency; ++i) {
        EXPECT_FALSE(pins_.m_axi_data_rvalid) << i;
        clock();
    }
    EXPECT_TRUE(pins_.m_axi_data_rvalid);
    EXPECT_EQ(pins_.m_axi_data_rdata[0] & 0xFF, 2U);
    EXPECT_FALSE(pins_.m_axi_data_rlast);
    clock();
    EXPECT_TRUE(pins_.m_axi_data_rvalid);
    EXPECT_TRUE(pins_.m_axi_data_rlast);
    EXPECT_EQ(pins_.m_axi_data_rdata[0] & 0xFF, 3U);
    clock();
    EXPECT_FALSE(pins_.m_axi_data_rvalid);
    EXPECT_EQ(stats_.read_beats, 2U);
    EXPECT_EQ(stats_.read_bytes, 32U);
    EXPECT_EQ(stats_.read_bursts, 1U);
}

TEST_F(AxiSlave, BeatWaitsForReady) {
    pins_.m_axi_data_rready = 0;
    request(kBase, 2);
    for (unsigned i = 0; i < 30; ++i) {
        clock();
    }
    EXPECT_TRUE(pins_.m_axi_data_rvalid);
    EXPECT_EQ(pins_.m_axi_data_rdata[0] & 0xFF, 0U);
    EXPECT_EQ(stats_.read_beats, 0U);
    pins_.m_axi_data_rready = 1;
    clock();
    EXPECT_EQ(pins_.m_axi_data_rdata[0] & 0xFF, 1U);
}

TEST_F(AxiSlave, LimitsOutstandingReads) {
    request(kBase, 4);
    EXPECT_TRUE(pins_.m_axi_data_arready);
    request(kBase + 64, 4);
    EXPECT_FALSE(pins_.m_axi_data_arready) << "two bursts are the limit of this channel";
    while (stats_.read_beats < 4) {
        clock();
    }
    EXPECT_TRUE(pins_.m_axi_data_arready);
}

TEST_F(AxiSlave, BurstsFollowWithoutAGap) {
    request(kBase, 4);
    request(kBase + 64, 4);
    while (!pins_.m_axi_data_rvalid) {
        clock();
    }
    for (unsigned i = 0; i < 8; ++i) {
        EXPECT_TRUE(pins_.m_axi_data_rvalid) << i;
        EXPECT_EQ(pins_.m_axi_data_rdata[0] & 0xFF, i);
        clock();
    }
    EXPECT_FALSE(pins_.m_axi_data_rvalid);
}

TEST_F(AxiSlave, UnmappedReadsAnswerDecErr) {
    request(0x5000, 1);
    while (!pins_.m_axi_data_rvalid) {
        clock();
    }
    EXPECT_EQ(pins_.m_axi_data_rresp, 3);
    EXPECT_TRUE(pins_.m_axi_data_rlast);
}

class AxiSlaveWrite : public AxiSlave {
  protected:
    void address(std::uint64_t a, unsigned beats) {
        pins_.m_axi_data_awaddr = a;
        pins_.m_axi_data_awlen = static_cast<std::uint8_t>(beats - 1);
        pins_.m_axi_data_awvalid = 1;
        clock();
        pins_.m_axi_data_awvalid = 0;
    }
    void data(std::uint32_t value, unsigned strobe, bool last) {
        pins_.m_axi_data_wdata.fill(value);
        pins_.m_axi_data_wstrb = static_cast<std::uint16_t>(strobe);
        pins_.m_axi_data_wlast = last;
        pins_.m_axi_data_wvalid = 1;
        clock();
        pins_.m_axi_data_wvalid = 0;
    }
};

TEST_F(AxiSlaveWrite, BytesAppearWithTheResponse) {
    address(kBase, 2);
    data(0x11111111, 0xFFFF, false);
    data(0x22222222, 0x00FF, true);
    EXPECT_FALSE(pins_.m_axi_data_bvalid);
    EXPECT_EQ(ram_[0], std::byte{0}) << "not visible before the response";
    clock();
    clock();
    EXPECT_TRUE(pins_.m_axi_data_bvalid) << "three clocks after the last beat";
    EXPECT_EQ(pins_.m_axi_data_bresp, 0);
    EXPECT_EQ(ram_[0], std::byte{0x11});
    EXPECT_EQ(ram_[23], std::byte{0x22});
    EXPECT_EQ(ram_[24], std::byte{1}) << "not strobed";
    clock();
    EXPECT_FALSE(pins_.m_axi_data_bvalid);
    EXPECT_EQ(stats_.write_bytes, 24U);
    EXPECT_EQ(stats_.write_beats, 2U);
    EXPECT_EQ(stats_.write_responses, 1U);
}

TEST_F(AxiSlaveWrite, DataMayComeBeforeItsAddress) {
    data(0x33333333, 0xFFFF, true);
    for (int i = 0; i < 10; ++i) {
        clock();
        EXPECT_FALSE(pins_.m_axi_data_bvalid);
    }
    address(kBase + 16, 1);
    for (int i = 0; i < 3; ++i) {
        clock();
    }
    EXPECT_EQ(ram_[16], std::byte{0x33});
}

TEST_F(AxiSlaveWrite, WorstResponseOfTheBurstWins) {
    target_.memory().add_fault({.begin = kBase + 16, .end = kBase + 17, .response = Response::kSlvErr});
    address(kBase, 3);
    data(1, 0xFFFF, false);
    data(2, 0xFFFF, false);
    data(3, 0xFFFF, true);
    while (!pins_.m_axi_data_bvalid) {
        clock();
    }
    EXPECT_EQ(pins_.m_axi_data_bresp, 2);
    EXPECT_EQ(ram_[0], std::byte{1});
    EXPECT_EQ(ram_[16], std::byte{1}) << "the failing beat is dropped";
    EXPECT_EQ(ram_[32], std::byte{3});
}

TEST_F(AxiSlave, ThrottleWithholdsButKeepsTheData) {
    for (const std::uint64_t seed : {0U, 1U, 2U, 3U}) {
        read_.throttle(Throttle{0, 6}, seed);
        std::vector<unsigned> values;
        pins_.m_axi_data_araddr = kBase;
        pins_.m_axi_data_arlen = 15;
        pins_.m_axi_data_arvalid = 1;
        unsigned clocks = 0;
        while (values.size() < 16 && clocks < 1000) {
            const bool accepted = pins_.m_axi_data_arvalid && pins_.m_axi_data_arready;
            if (pins_.m_axi_data_rvalid) {
                values.push_back(pins_.m_axi_data_rdata[0] & 0xFF);
            }
            clock<true>();
            ++clocks;
            if (accepted) {
                pins_.m_axi_data_arvalid = 0;
            }
        }
        ASSERT_EQ(values.size(), 16U);
        for (unsigned i = 0; i < 16; ++i) {
            EXPECT_EQ(values[i], i);
        }
        EXPECT_GT(clocks, 16 + kLatency) << "nothing was withheld";
    }
}

TEST_F(AxiSlave, StuckChannelsStaySilentUntilReleased) {
    read_.stick(kStuckR);
    drive<true>();
    pins_.m_axi_data_araddr = kBase;
    pins_.m_axi_data_arlen = 0;
    pins_.m_axi_data_arvalid = 1;
    clock<true>();
    pins_.m_axi_data_arvalid = 0;
    for (int i = 0; i < 100; ++i) {
        clock<true>();
        EXPECT_FALSE(pins_.m_axi_data_rvalid);
    }
    EXPECT_TRUE(read_.waiting());
    read_.stick(kStuckNone);
    clock<true>();
    EXPECT_TRUE(pins_.m_axi_data_rvalid);
    read_.stick(kStuckAr);
    clock<true>();
    EXPECT_FALSE(pins_.m_axi_data_arready);
}

}  // namespace
}  // namespace setun::sim
