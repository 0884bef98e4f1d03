// Operands and errors anywhere in the 64-bit address space: every address bit of bases, offsets and ports.
#include <gtest/gtest.h>

#include "tests/rtl/bench.h"

namespace setun::sim::test {
namespace {

constexpr std::size_t kArena = 1U << 20U;

SimOptions checked(std::uint64_t seed) {
    SimOptions options;
    options.seed = seed;
    options.check_protocol = true;
    return options;
}

/// A random place for the arenas; biases of any size that leave the base registers above zero.
Place random_place(std::uint64_t seed) {
    std::mt19937_64 random(seed);
    Place place;
    constexpr std::uint64_t kLast = ~std::uint64_t{0} - 8 * kArena;
    place.data = random() % kLast / 4096 * 4096;
    place.weights = random() % (kLast / 2) / 4096 * 4096;
    place.weight_stride = random() % (kLast / 8) / 4096 * 4096;
    place.data_bias = place.data == 0 ? 0 : random() % place.data / 64 * 64;
    place.weight_bias = place.weights == 0 ? 0 : random() % place.weights / 64 * 64;
    return place;
}

class Addresses : public testing::TestWithParam<KernelConfig> {};

TEST_P(Addresses, OperandsAnywhere) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Bench bench(GetParam(), checked(seed), kArena, kArena, random_place(seed));
        bench.add_matmul({.m = 40, .k = 100, .planes = 2, .tokens = GetParam().tokens});
        // One token: the stride is not used, but must not be looked at either.
        const std::size_t single = bench.add_matmul({.m = 9, .k = 64});
        bench.command(single).x_stride = static_cast<std::uint32_t>(bench.random()()) / 64 * 64;
        bench.add_dependent(0, 5, 64);
        bench.run_and_check();
    }
}

TEST_P(Addresses, ErrorsNameAnyAddress) {
    for (std::uint64_t seed = 0; seed < 16; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Bench bench(GetParam(), checked(seed), kArena, kArena, random_place(100 + seed));
        bench.add_matmul({.m = 40, .k = 300, .planes = 1, .tokens = GetParam().tokens});
        bench.program();
        const auto weight_port = static_cast<unsigned>(seed / 4 % GetParam().ports);
        struct Case {
            unsigned port;
            std::uint64_t address;
            std::uint32_t error;
        };
        const Case cases[] = {
            {KernelSim::kDataPort, bench.command_address(0), SETUN_ERR_LIST_READ},
            {KernelSim::kDataPort, bench.x_address(0), SETUN_ERR_DATA_READ},
            {KernelSim::kDataPort, bench.y_address(0), SETUN_ERR_DATA_WRITE},
            {weight_port, bench.weight_address(0, weight_port), SETUN_ERR_WEIGHT_READ},
        };
        const Case& c = cases[seed % 4];
        AxiMemory& memory = bench.sim().memory(c.port);
        memory.add_fault({.begin = c.address,
                          .end = c.address + 1,
                          .on_read = c.error != SETUN_ERR_DATA_WRITE,
                          .on_write = c.error == SETUN_ERR_DATA_WRITE});
        bench.start();
        const Status status = bench.finish();
        EXPECT_EQ(status.error, c.error);
        EXPECT_EQ(status.error_address, c.address) << "the first burst of the operand";
        EXPECT_EQ(status.error_info, c.error == SETUN_ERR_WEIGHT_READ ? weight_port : 0);
        memory.clear_faults();
        bench.run_and_check();
    }
}

TEST_P(Addresses, ListsAnywhere) {
    // A list that is not aligned, or reaches over the end of the space, is named by its address; nothing is
    // read.
    Bench bench(GetParam(), checked(0), kArena, kArena);
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        const std::uint64_t list = bench.random()() | 4U;
        bench.sim().write_address(SETUN_REG_LIST_LO, list);
        bench.sim().write_register(SETUN_REG_LIST_COUNT, 1);
        bench.start();
        const Status status = bench.finish();
        EXPECT_EQ(status.error, SETUN_ERR_ALIGN);
        EXPECT_EQ(status.error_address, list);
    }
    for (const std::uint32_t count : {2U, 0x8000'0000U, 0xFFFF'FFFFU}) {
        SCOPED_TRACE(count);
        const std::uint64_t list = 0 - std::uint64_t{64} * (count - 1);
        bench.sim().write_address(SETUN_REG_LIST_LO, list);
        bench.sim().write_register(SETUN_REG_LIST_COUNT, count);
        bench.start();
        const Status status = bench.finish();
        EXPECT_EQ(status.error, SETUN_ERR_ADDRESS);
        EXPECT_EQ(status.error_address, list);
    }
    // One command less ends at 2^64 exactly: legal, and the bus has nothing there.
    bench.sim().write_address(SETUN_REG_LIST_LO, 0 - std::uint64_t{64});
    bench.sim().write_register(SETUN_REG_LIST_COUNT, 1);
    bench.start();
    EXPECT_EQ(bench.finish().error, SETUN_ERR_LIST_READ);
}

TEST_P(Addresses, CountFarBeyondABadCommand) {
    for (const std::uint32_t count : {0x5555'5555U, 0xAAAA'AAAAU, 0xFFFF'FFFFU}) {
        SCOPED_TRACE(count);
        Bench bench(GetParam(), checked(2), kArena, kArena);
        bench.add_matmul({.m = 20, .k = 70});
        bench.add_nop();
        bench.command(1).opcode = 0x7F;
        bench.program();
        bench.sim().write_register(SETUN_REG_LIST_COUNT, count);
        bench.start();
        const Status status = bench.finish();
        EXPECT_EQ(status.error, SETUN_ERR_OPCODE);
        EXPECT_EQ(status.error_index, 1U);
        EXPECT_EQ(status.completed, 1U);
        bench.check_memory(1);
        bench.expect_no_violations();
    }
}

INSTANTIATE_TEST_SUITE_P(Kernel, Addresses,
                         testing::ValuesIn(kernel_configs().begin(), kernel_configs().end()),
                         config_test_name);

}  // namespace
}  // namespace setun::sim::test
