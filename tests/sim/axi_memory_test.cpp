// Segments, page ends, faults and strobes of the memory behind a port.
#include "sim/axi_memory.h"

#include <gtest/gtest.h>

#include <array>
#include <vector>

namespace setun::sim {
namespace {

std::array<std::byte, 64> beat(int value) {
    std::array<std::byte, 64> bytes;
    bytes.fill(static_cast<std::byte>(value));
    return bytes;
}

TEST(AxiMemory, ReleasedSegmentsAreGoneAndTheirPlaceIsFree) {
    AxiMemory memory;
    memory.allocate(0x1000, 4096)[0] = std::byte{7};
    memory.allocate(0x3000, 100);
    memory.release(0x1000);
    EXPECT_EQ(memory.direct(0x1000, 1), nullptr);
    EXPECT_THROW(static_cast<void>(memory.allocated(0x1000, 1)), std::out_of_range);
    EXPECT_NO_THROW(static_cast<void>(memory.allocated(0x3000, 100)));
    EXPECT_EQ(memory.allocate(0x1000, 8192)[0], std::byte{0});
    EXPECT_THROW(memory.release(0x2000), std::invalid_argument) << "inside a segment, not its start";
    EXPECT_THROW(memory.release(0x9000), std::invalid_argument);
}

TEST(AxiMemory, MapsWithoutACopy) {
    AxiMemory memory;
    std::vector<std::byte> host(8192, std::byte{1});
    memory.map(0x10000, host);
    EXPECT_EQ(memory.direct(0x10000, 8192), host.data());
    EXPECT_EQ(memory.direct(0x10040, 64), host.data() + 64);
    host[100] = std::byte{7};
    auto bytes = beat(0);
    EXPECT_EQ(memory.read(0x10040, bytes), Response::kOkay);
    EXPECT_EQ(bytes[36], std::byte{7});
}

TEST(AxiMemory, RestOfTheLastPageReadsZero) {
    AxiMemory memory;
    const std::vector<std::byte> host(100, std::byte{3});
    memory.map(0x1000, host);
    EXPECT_EQ(memory.direct(0x1040, 64), nullptr) << "the beat is not wholly in host memory";
    auto bytes = beat(9);
    EXPECT_EQ(memory.read(0x1040, bytes), Response::kOkay);
    EXPECT_EQ(bytes[35], std::byte{3});
    EXPECT_EQ(bytes[36], std::byte{0});
    EXPECT_EQ(memory.read(0x1FC0, bytes), Response::kOkay);
    EXPECT_EQ(memory.read(0x2000, bytes), Response::kDecErr);
    EXPECT_EQ(memory.read(0x0FC0, bytes), Response::kDecErr);
}

TEST(AxiMemory, WritesNeedAllocatedBytes) {
    AxiMemory memory;
    const std::vector<std::byte> host(4096, std::byte{1});
    memory.map(0x1000, host);
    const auto ram = memory.allocate(0x4000, 100);
    EXPECT_EQ(memory.write(0x1000, beat(2), 1), Response::kDecErr) << "mapped memory is read only";
    EXPECT_EQ(memory.write(0x4000, beat(2), 0x8000000000000001U), Response::kOkay);
    EXPECT_EQ(ram[0], std::byte{2});
    EXPECT_EQ(ram[1], std::byte{0});
    EXPECT_EQ(ram[63], std::byte{2});
    EXPECT_EQ(memory.write(0x4040, beat(5), 0xF), Response::kOkay);
    EXPECT_EQ(ram[67], std::byte{5});
    EXPECT_EQ(memory.write(0x4040, beat(5), std::uint64_t{1} << 36U), Response::kDecErr)
        << "byte 100 was not allocated";
}

TEST(AxiMemory, RefusesOverlapsAndOddBases) {
    AxiMemory memory;
    const std::vector<std::byte> host(5000);
    memory.map(0x10000, host);
    EXPECT_THROW(memory.map(0x10000, host), std::invalid_argument);
    EXPECT_THROW(memory.allocate(0x11000, 64), std::invalid_argument)
        << "the last page belongs to the segment";
    EXPECT_THROW(memory.allocate(0xF000, 4097), std::invalid_argument);
    EXPECT_THROW(memory.allocate(0x20010, 64), std::invalid_argument);
    EXPECT_THROW(memory.allocate(0x20000, 0), std::invalid_argument);
    EXPECT_THROW(memory.allocate(0xFFFFFFFFFFFFF000U, 8192), std::invalid_argument);
    EXPECT_NO_THROW(memory.allocate(0xF000, 4096));
    EXPECT_NO_THROW(memory.allocate(0x12000, 64));
}

TEST(AxiMemory, FaultsHitTheirRangeAndDirection) {
    AxiMemory memory;
    memory.allocate(0x1000, 4096);
    memory.add_fault(
        {.begin = 0x1100, .end = 0x1101, .response = Response::kSlvErr, .on_read = true, .on_write = false});
    auto bytes = beat(0);
    EXPECT_EQ(memory.direct(0x1000, 512), nullptr);
    EXPECT_NE(memory.direct(0x1000, 256), nullptr);
    EXPECT_EQ(memory.read(0x10C0, bytes), Response::kOkay);
    EXPECT_EQ(memory.read(0x1100, bytes), Response::kSlvErr);
    EXPECT_EQ(memory.read(0x1140, bytes), Response::kOkay);
    EXPECT_EQ(memory.write(0x1100, bytes, 1), Response::kOkay);
    memory.clear_faults();
    EXPECT_EQ(memory.read(0x1100, bytes), Response::kOkay);
}

TEST(AxiMemory, AllocatedChecksItsRange) {
    AxiMemory memory;
    memory.allocate(0x1000, 100);
    EXPECT_EQ(memory.allocated(0x1000, 100).size(), 100U);
    EXPECT_THROW(static_cast<void>(memory.allocated(0x1000, 101)), std::out_of_range);
    EXPECT_THROW(static_cast<void>(memory.allocated(0x1064, 1)), std::out_of_range);
    EXPECT_THROW(static_cast<void>(memory.allocated(0x2000, 1)), std::out_of_range);
}

}  // namespace
}  // namespace setun::sim
