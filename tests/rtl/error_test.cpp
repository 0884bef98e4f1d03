// Everything that can go wrong: bad descriptors, illegal weights, bus errors, channels that never answer,
// reset at any moment. After each, the kernel must run a good list exactly.
#include <gtest/gtest.h>

#include <cstddef>
#include <functional>

#include "hls/trit.h"
#include "tests/rtl/bench.h"

namespace setun::sim::test {
namespace {

SimOptions checked(std::uint64_t seed) {
    SimOptions options;
    options.seed = seed;
    options.check_protocol = true;
    return options;
}

class Errors : public testing::TestWithParam<KernelConfig> {
  protected:
    /// A good list on the same bench must work, without reset.
    static void expect_recovery(Bench& bench) {
        bench.clear_list();
        bench.add_matmul({.m = 33, .k = 333, .planes = 1, .tokens = bench.config().tokens});
        bench.add_matmul({.m = 5, .k = 64});
        bench.run_and_check();
    }
};

// ---- Descriptors
// ----------------------------------------------------------------------------------------------------

struct BadDescriptor {
    const char* name;
    std::uint32_t error;
    std::function<void(Command&, const KernelConfig&)> spoil;
};

std::vector<BadDescriptor> bad_descriptors() {
    constexpr std::uint64_t kTop = ~std::uint64_t{0} - 63;  // last multiple of 64
    std::vector<BadDescriptor> all = {
        {"version 0", SETUN_ERR_VERSION, [](Command& c, const KernelConfig&) { c.version = 0; }},
        {"version 2", SETUN_ERR_VERSION, [](Command& c, const KernelConfig&) { c.version = 2; }},
        {"version 0x81", SETUN_ERR_VERSION, [](Command& c, const KernelConfig&) { c.version = 0x81; }},
        {"opcode 2", SETUN_ERR_OPCODE, [](Command& c, const KernelConfig&) { c.opcode = 2; }},
        {"opcode 0x81", SETUN_ERR_OPCODE, [](Command& c, const KernelConfig&) { c.opcode = 0x81; }},
        {"m zero", SETUN_ERR_SHAPE, [](Command& c, const KernelConfig&) { c.m = 0; }},
        {"m too large", SETUN_ERR_SHAPE, [](Command& c, const KernelConfig&) { c.m = SETUN_MAX_M + 1; }},
        {"m huge", SETUN_ERR_SHAPE, [](Command& c, const KernelConfig&) { c.m = 0x80000001; }},
        {"k zero", SETUN_ERR_SHAPE, [](Command& c, const KernelConfig&) { c.k = 0; }},
        {"k too large", SETUN_ERR_SHAPE, [](Command& c, const KernelConfig&) { c.k = SETUN_MAX_K + 1; }},
        {"k huge", SETUN_ERR_SHAPE, [](Command& c, const KernelConfig&) { c.k = 0x80000001; }},
        {"tokens zero", SETUN_ERR_SHAPE, [](Command& c, const KernelConfig&) { c.tokens = 0; }},
        {"tokens too many", SETUN_ERR_SHAPE,
         [](Command& c, const KernelConfig& k) { c.tokens = static_cast<std::uint16_t>(k.tokens + 1); }},
        {"tokens 0x101", SETUN_ERR_SHAPE, [](Command& c, const KernelConfig&) { c.tokens = 0x101; }},
        {"planes zero", SETUN_ERR_SHAPE, [](Command& c, const KernelConfig&) { c.planes = 0; }},
        {"planes 6", SETUN_ERR_SHAPE, [](Command& c, const KernelConfig&) { c.planes = 6; }},
        {"planes 0x81", SETUN_ERR_SHAPE, [](Command& c, const KernelConfig&) { c.planes = 0x81; }},
        {"encoding 0", SETUN_ERR_ENCODING, [](Command& c, const KernelConfig&) { c.encoding = 0; }},
        {"encoding 2", SETUN_ERR_ENCODING, [](Command& c, const KernelConfig&) { c.encoding = 2; }},
        {"weight offset", SETUN_ERR_ALIGN, [](Command& c, const KernelConfig&) { c.weight_offset += 32; }},
        {"x offset", SETUN_ERR_ALIGN, [](Command& c, const KernelConfig&) { c.x_offset += 1; }},
        {"y offset", SETUN_ERR_ALIGN, [](Command& c, const KernelConfig&) { c.y_offset += 4; }},
        {"x stride", SETUN_ERR_ALIGN, [](Command& c, const KernelConfig&) { c.x_stride += 16; }},
        {"weights wrap", SETUN_ERR_ADDRESS,
         [](Command& c, const KernelConfig&) { c.weight_offset = kTop - Bench::kWeightBase; }},
        {"weight offset wraps", SETUN_ERR_ADDRESS,
         [](Command& c, const KernelConfig&) { c.weight_offset = kTop; }},
        {"x wraps", SETUN_ERR_ADDRESS,
         [](Command& c, const KernelConfig&) { c.x_offset = kTop - Bench::kDataBase; }},
        {"x offset wraps", SETUN_ERR_ADDRESS, [](Command& c, const KernelConfig&) { c.x_offset = kTop; }},
        {"y wraps", SETUN_ERR_ADDRESS,
         [](Command& c, const KernelConfig&) { c.y_offset = kTop - Bench::kDataBase; }},
        {"y offset wraps", SETUN_ERR_ADDRESS, [](Command& c, const KernelConfig&) { c.y_offset = kTop; }},
    };
    for (unsigned bit = 1; bit < 16; ++bit) {
        all.push_back({"unknown flag", SETUN_ERR_FLAGS, [bit](Command& c, const KernelConfig&) {
                           c.flags = static_cast<std::uint16_t>(1U << bit);
                       }});
    }
    for (unsigned byte = 0; byte < 16; ++byte) {
        all.push_back({"reserved byte", SETUN_ERR_FLAGS, [byte](Command& c, const KernelConfig&) {
                           c.reserved[byte] = static_cast<std::uint8_t>(1U << byte % 8);
                       }});
    }
    return all;
}

TEST_P(Errors, EveryBadDescriptor) {
    Bench bench(GetParam(), checked(0), 8U << 20U, 8U << 20U);
    std::uint64_t position = 0;
    for (const BadDescriptor& bad : bad_descriptors()) {
        SCOPED_TRACE(bad.name);
        bench.clear_list();
        const std::size_t count = 3;
        const std::size_t failing = position++ % count;
        for (std::size_t i = 0; i < count; ++i) {
            bench.add_matmul({.m = 70, .k = 90});  // every operand is longer than 64 bytes
        }
        Command good = bench.command(failing);
        bad.spoil(bench.command(failing), GetParam());
        const Status status = bench.run();
        EXPECT_EQ(status.error, bad.error);
        EXPECT_EQ(status.error_index, failing);
        EXPECT_EQ(status.error_address, bench.command_address(failing));
        EXPECT_EQ(status.completed, failing) << "commands before the bad one complete";
        bench.command(failing) = good;  // the model of what lies where
        bench.check_memory(failing);
    }
    expect_recovery(bench);
    bench.expect_no_violations();
}

TEST_P(Errors, OperandsMayEndAtTheTopOfMemory) {
    // The last byte of the address space is legal; the bus answers DECERR there, so that the error is of the
    // bus.
    Bench bench(GetParam(), checked(1));
    bench.add_matmul({.m = 16, .k = 64});
    Command& c = bench.command(0);
    c.x_offset = ~std::uint64_t{0} - 63 - Bench::kDataBase;
    const Status status = bench.run();
    EXPECT_EQ(status.error, SETUN_ERR_DATA_READ);
    EXPECT_EQ(status.error_address, ~std::uint64_t{0} - 63);
    expect_recovery(bench);
}

TEST_P(Errors, LargestShapesAreAccepted) {
    // m and k at their limits pass the decoder: the bus then finds nothing behind the operands.
    Bench bench(GetParam(), checked(2));
    bench.add_matmul({.m = 16, .k = 64});
    bench.command(0).m = SETUN_MAX_M;
    bench.command(0).k = SETUN_MAX_K;
    bench.command(0).x_offset = std::uint64_t{1} << 50U;
    EXPECT_EQ(bench.run().error, SETUN_ERR_DATA_READ);
}

TEST_P(Errors, SizesOfAnyBits) {
    // Any legal shape passes the decoder; the bus has nothing behind its activations.
    Bench bench(GetParam(), checked(4));
    for (int i = 0; i < 12; ++i) {
        bench.clear_list();
        bench.add_matmul({.m = 16, .k = 64});
        Command& c = bench.command(0);
        c.m = static_cast<std::uint32_t>(bench.between(1, SETUN_MAX_M));
        c.k = static_cast<std::uint32_t>(bench.between(1, SETUN_MAX_K));
        c.planes = static_cast<std::uint8_t>(bench.between(1, SETUN_MAX_PLANES));
        c.tokens = static_cast<std::uint16_t>(bench.between(1, GetParam().tokens));
        c.x_stride = static_cast<std::uint32_t>(bench.random()()) / 64 * 64;
        c.x_offset = std::uint64_t{1} << 50U;
        SCOPED_TRACE(testing::Message() << "m " << c.m << " k " << c.k);
        const Status status = bench.run();
        EXPECT_EQ(status.error, SETUN_ERR_DATA_READ);
        EXPECT_EQ(status.completed, 0U);
    }
    bench.expect_no_violations();
}

TEST_P(Errors, EveryBitThatMustBeZero) {
    struct Field {
        std::size_t offset;
        unsigned first, end;  ///< bits
        std::uint32_t error;
    };
    static constexpr Field kFields[] = {
        {offsetof(Command, version), 1, 8, SETUN_ERR_VERSION},
        {offsetof(Command, opcode), 1, 8, SETUN_ERR_OPCODE},
        {offsetof(Command, flags), 1, 16, SETUN_ERR_FLAGS},
        {offsetof(Command, m), 21, 32, SETUN_ERR_SHAPE},
        {offsetof(Command, k), 18, 32, SETUN_ERR_SHAPE},
        {offsetof(Command, tokens), 4, 16, SETUN_ERR_SHAPE},
        {offsetof(Command, planes), 3, 8, SETUN_ERR_SHAPE},
        {offsetof(Command, encoding), 1, 8, SETUN_ERR_ENCODING},
        {offsetof(Command, weight_offset), 0, 6, SETUN_ERR_ALIGN},
        {offsetof(Command, x_offset), 0, 6, SETUN_ERR_ALIGN},
        {offsetof(Command, y_offset), 0, 6, SETUN_ERR_ALIGN},
        {offsetof(Command, x_stride), 0, 6, SETUN_ERR_ALIGN},
        {offsetof(Command, reserved), 0, 128, SETUN_ERR_FLAGS},
    };
    Bench bench(GetParam(), checked(5));
    bench.add_matmul({.m = 1, .k = 1});
    const Command good = bench.command(0);
    for (const Field& field : kFields) {
        for (unsigned bit = field.first; bit < field.end; ++bit) {
            SCOPED_TRACE(testing::Message() << "byte " << field.offset << " bit " << bit);
            bench.command(0) = good;
            reinterpret_cast<std::uint8_t*>(&bench.command(0))[field.offset + bit / 8] ^=
                static_cast<std::uint8_t>(1U << bit % 8);
            const Status status = bench.run();
            EXPECT_EQ(status.error, field.error);
            EXPECT_EQ(status.completed, 0U);
        }
    }
    bench.command(0) = good;
    bench.run_and_check();
}

TEST_P(Errors, MisalignedBases) {
    Bench bench(GetParam(), checked(3));
    bench.add_matmul({.m = 4, .k = 64});
    bench.program();
    bench.sim().write_address(SETUN_REG_DATA_BASE_LO, Bench::kDataBase + 32);
    bench.start();
    EXPECT_EQ(bench.finish().error, SETUN_ERR_ALIGN);

    for (unsigned p = 0; p < GetParam().ports; ++p) {
        bench.program();
        bench.sim().write_address(SETUN_REG_W_BASE_LO + p * SETUN_REG_W_STRIDE, Bench::kWeightBase + 8);
        bench.start();
        EXPECT_EQ(bench.finish().error, SETUN_ERR_ALIGN) << "port " << p;
    }

    bench.program();
    bench.sim().write_address(SETUN_REG_LIST_LO, bench.command_address(0) + 4);
    bench.start();
    EXPECT_EQ(bench.finish().error, SETUN_ERR_ALIGN);
    expect_recovery(bench);
    bench.expect_no_violations();
}

// ---- Weights and bus errors
// -----------------------------------------------------------------------------------------

/// A list of four products with enough rows and chunks for several bursts.
void add_products(Bench& bench) {
    for (int i = 0; i < 4; ++i) {
        bench.add_matmul(
            {.m = static_cast<std::uint32_t>(bench.between(20, 250)) * bench.config().ports,
             .k = static_cast<std::uint32_t>(bench.between(1, std::uint64_t{4} * bench.config().lanes())),
             .planes = static_cast<unsigned>(bench.between(1, 2)),
             .tokens = static_cast<unsigned>(bench.between(1, bench.config().tokens))});
    }
}

void expect_completed_results(Bench& bench, const Status& status, std::size_t failing) {
    EXPECT_LE(status.completed, failing);
    bench.check_memory(status.completed);
    bench.expect_no_violations();
}

std::vector<unsigned> illegal_codes() {
    std::vector<unsigned> codes;
    for (unsigned code = 0; code < 256; ++code) {
        std::int8_t weights[hls::kTritsPerCode];
        if (!hls::decode_trits(static_cast<std::uint8_t>(code), weights)) {
            codes.push_back(code);
        }
    }
    return codes;
}

TEST_P(Errors, EveryIllegalTritCodeAnywhere) {
    const std::vector<unsigned> codes = illegal_codes();
    ASSERT_EQ(codes.size(), 13U);
    for (std::uint64_t seed = 0; seed < codes.size(); ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed) + " code " + std::to_string(codes[seed]));
        SimOptions options = checked(seed);
        if (seed % 2 == 1) {
            options.throttle = Throttle{0, 4};
        }
        Bench bench(GetParam(), options);
        add_products(bench);
        const std::size_t failing = bench.between(0, 3);
        const auto port = static_cast<unsigned>(bench.between(0, GetParam().ports - 1));
        const std::uint64_t beat = bench.between(0, bench.beats_per_port(failing) - 1);
        const std::uint64_t position = bench.between(0, GetParam().beat_bytes() - 1);
        const std::uint64_t offset = bench.command(failing).weight_offset + beat * GetParam().beat_bytes();
        std::vector<std::byte> good(GetParam().beat_bytes());
        const auto place = bench.weight_arena(port).subspan(offset, good.size());
        std::ranges::copy(place, good.begin());
        for (unsigned plane = 0; plane < 8; ++plane) {
            const std::uint64_t bit = std::uint64_t{plane} * GetParam().beat_bytes() + position;
            const auto mask = static_cast<std::byte>(1U << bit % 8);
            place[bit / 8] =
                (codes[seed] >> plane & 1U) != 0 ? place[bit / 8] | mask : place[bit / 8] & ~mask;
        }
        const Status status = bench.run();
        EXPECT_EQ(status.error, SETUN_ERR_TRIT);
        EXPECT_EQ(status.error_index, failing);
        EXPECT_EQ(status.error_info, port);
        EXPECT_EQ(status.error_address, bench.weight_address(failing, port, beat * GetParam().beat_bytes()));
        expect_completed_results(bench, status, failing);
        std::ranges::copy(good, place.begin());
        expect_recovery(bench);
    }
}

TEST_P(Errors, IllegalCodeAmongShortCommands) {
    // One beat a command: several are between the weights and the adder's end at once, and the error names
    // its own.
    for (std::size_t failing = 0; failing < 12; ++failing) {
        SCOPED_TRACE(failing);
        Bench bench(GetParam(), checked(failing));
        for (int i = 0; i < 12; ++i) {
            bench.add_matmul({.m = 1, .k = 1});
        }
        const auto place =
            bench.weight_arena(0).subspan(bench.command(failing).weight_offset, GetParam().beat_bytes());
        const std::vector<std::byte> good(place.begin(), place.end());
        std::ranges::fill(place, std::byte{0xFF});
        const Status status = bench.run();
        EXPECT_EQ(status.error, SETUN_ERR_TRIT);
        EXPECT_EQ(status.error_index, failing);
        EXPECT_EQ(status.error_address, bench.weight_address(failing, 0));
        expect_completed_results(bench, status, failing);
        std::ranges::copy(good, place.begin());
        expect_recovery(bench);
    }
}

TEST_P(Errors, IllegalCodeInTheLastBeatBeforeShortCommands) {
    // A long command, then one-beat commands whose activations are ready: the next but one must not take the
    // place of the long one, which the error names, before its last beat has left the adder.
    const auto rows = GetParam().ports * (GetParam().fill_cycles() + 100);
    Bench bench(GetParam(), checked(0));
    const std::size_t failing = bench.add_matmul({.m = rows, .k = 1});
    for (int i = 0; i < 4; ++i) {
        bench.add_matmul({.m = 1, .k = 1});
    }
    const std::uint64_t offset = (bench.beats_per_port(failing) - 1) * GetParam().beat_bytes();
    const auto place =
        bench.weight_arena(0).subspan(bench.command(failing).weight_offset + offset, GetParam().beat_bytes());
    const std::vector<std::byte> good(place.begin(), place.end());
    std::ranges::fill(place, std::byte{0xFF});
    const Status status = bench.run();
    EXPECT_EQ(status.error, SETUN_ERR_TRIT);
    EXPECT_EQ(status.error_index, failing);
    EXPECT_EQ(status.error_address, bench.weight_address(failing, 0, offset));
    expect_completed_results(bench, status, failing);
    std::ranges::copy(good, place.begin());
    expect_recovery(bench);
}

struct BusErrorCase {
    std::uint32_t error;
    bool on_read;
};

/// Puts a fault over one beat of an operand and expects the error with the burst that met it.
void expect_bus_error(Bench& bench, unsigned port, std::uint64_t address, std::size_t failing,
                      Response response, const BusErrorCase& c) {
    AxiMemory& memory = bench.sim().memory(port);
    memory.add_fault({.begin = address,
                      .end = address + 1,
                      .response = response,
                      .on_read = c.on_read,
                      .on_write = !c.on_read});
    const Status status = bench.run();
    EXPECT_EQ(status.error, c.error);
    EXPECT_EQ(status.error_index, failing);
    EXPECT_LE(status.error_address, address) << "the burst begins before the failing beat";
    EXPECT_EQ(status.error_address / 4096, address / 4096) << "and lies in its page";
    if (c.error == SETUN_ERR_WEIGHT_READ) {
        EXPECT_EQ(status.error_info, port);
    }
    expect_completed_results(bench, status, failing);
    memory.clear_faults();
}

Response any_error(Bench& bench) { return bench.between(0, 1) != 0 ? Response::kSlvErr : Response::kDecErr; }

TEST_P(Errors, BusErrorOnWeights) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Bench bench(GetParam(), checked(seed));
        add_products(bench);
        const std::size_t failing = bench.between(0, 3);
        const auto port = static_cast<unsigned>(bench.between(0, GetParam().ports - 1));
        const std::uint64_t bytes = bench.beats_per_port(failing) * GetParam().beat_bytes();
        const std::uint64_t address = bench.weight_address(failing, port, bench.between(0, bytes - 1));
        expect_bus_error(bench, port, address, failing, any_error(bench), {SETUN_ERR_WEIGHT_READ, true});
        expect_recovery(bench);
    }
}

TEST_P(Errors, BusErrorOnActivations) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Bench bench(GetParam(), checked(seed));
        add_products(bench);
        const std::size_t failing = bench.between(0, 3);
        const Command& c = bench.command(failing);
        const std::uint64_t token = bench.between(0, c.tokens - 1U);
        const std::uint64_t address =
            bench.x_address(failing) + token * c.x_stride + bench.between(0, c.k - 1U);
        expect_bus_error(bench, KernelSim::kDataPort, address, failing, any_error(bench),
                         {SETUN_ERR_DATA_READ, true});
        expect_recovery(bench);
    }
}

TEST_P(Errors, BusErrorOnResults) {
    for (std::uint64_t seed = 0; seed < 10; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Bench bench(GetParam(), checked(seed));
        add_products(bench);
        const std::size_t failing = bench.between(0, 3);
        const std::uint64_t bytes = std::uint64_t{4} * bench.command(failing).m * GetParam().tokens;
        const std::uint64_t address = bench.y_address(failing) + bench.between(0, bytes - 1);
        expect_bus_error(bench, KernelSim::kDataPort, address, failing, any_error(bench),
                         {SETUN_ERR_DATA_WRITE, false});
        expect_recovery(bench);
    }
}

TEST_P(Errors, TheFirstOfManyBusErrorsIsReported) {
    // Bursts that are under way when the run stops fail too, and must not take the place of the first.
    constexpr std::uint64_t kPage = 4096;
    for (std::uint64_t seed = 0; seed < 4; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Bench bench(GetParam(), checked(seed));
        bench.add_matmul({.m = 200 * GetParam().ports, .k = 400});
        const auto port = static_cast<unsigned>(bench.between(0, GetParam().ports - 1));
        const std::uint64_t bytes = bench.beats_per_port(0) * GetParam().beat_bytes();
        const std::uint64_t boundary = (bench.weight_address(0, port) / kPage + 2) * kPage;
        ASSERT_LT(boundary + kPage, bench.weight_address(0, port, bytes));
        bench.sim().memory(port).add_fault({.begin = boundary - 1,
                                            .end = bench.weight_address(0, port, bytes),
                                            .response = any_error(bench),
                                            .on_write = false});
        const Status status = bench.run();
        EXPECT_EQ(status.error, SETUN_ERR_WEIGHT_READ);
        EXPECT_EQ(status.error_address / kPage, boundary / kPage - 1);
        EXPECT_EQ(status.error_info, port);
        expect_completed_results(bench, status, 0);
        bench.sim().memory(port).clear_faults();
        expect_recovery(bench);
    }
}

TEST_P(Errors, BusErrorAnywhereInALongList) {
    // Far more commands than queues hold: the error still names its own, and the next start works.
    constexpr std::size_t kCommands = 200;
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Bench bench(GetParam(), checked(seed), 8U << 20U, 8U << 20U);
        for (std::size_t i = 0; i < kCommands; ++i) {
            bench.add_matmul({.m = static_cast<unsigned>(bench.between(1, 40)),
                              .k = static_cast<unsigned>(bench.between(1, 200)),
                              .planes = static_cast<unsigned>(bench.between(1, 2)),
                              .tokens = static_cast<unsigned>(bench.between(1, GetParam().tokens))});
        }
        const std::size_t failing = bench.between(kCommands / 4, kCommands - 1);
        const Command& c = bench.command(failing);
        if (seed % 3 == 0) {
            const auto port = static_cast<unsigned>(bench.between(0, GetParam().ports - 1));
            const std::uint64_t bytes = bench.beats_per_port(failing) * GetParam().beat_bytes();
            expect_bus_error(bench, port, bench.weight_address(failing, port, bench.between(0, bytes - 1)),
                             failing, any_error(bench), {SETUN_ERR_WEIGHT_READ, true});
        } else if (seed % 3 == 1) {
            const std::uint64_t token = bench.between(0, c.tokens - 1U);
            expect_bus_error(bench, KernelSim::kDataPort,
                             bench.x_address(failing) + token * c.x_stride + bench.between(0, c.k - 1U),
                             failing, any_error(bench), {SETUN_ERR_DATA_READ, true});
        } else {
            const std::uint64_t bytes = std::uint64_t{4} * c.m * GetParam().tokens;
            expect_bus_error(bench, KernelSim::kDataPort,
                             bench.y_address(failing) + bench.between(0, bytes - 1), failing,
                             any_error(bench), {SETUN_ERR_DATA_WRITE, false});
        }
        expect_recovery(bench);
    }
}

TEST_P(Errors, BusErrorOnTheList) {
    for (std::uint64_t seed = 0; seed < 6; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        Bench bench(GetParam(), checked(seed));
        add_products(bench);
        const std::size_t failing = bench.between(0, 3);
        bench.program();
        const std::uint64_t address = bench.command_address(failing) + bench.between(0, 63);
        bench.sim()
            .memory(KernelSim::kDataPort)
            .add_fault({.begin = address, .end = address + 1, .response = any_error(bench)});
        bench.start();
        const Status status = bench.finish();
        EXPECT_EQ(status.error, SETUN_ERR_LIST_READ);
        EXPECT_EQ(status.error_index, failing);
        EXPECT_LE(status.error_address, address);
        EXPECT_GE(status.error_address + 4096, address);
        expect_completed_results(bench, status, failing);
        bench.sim().memory(KernelSim::kDataPort).clear_faults();
        expect_recovery(bench);
    }
}

TEST_P(Errors, NothingBehindTheList) {
    Bench bench(GetParam(), checked(0));
    bench.add_matmul({.m = 4, .k = 64});
    bench.program();
    bench.sim().write_address(SETUN_REG_LIST_LO, 0x1000);
    bench.start();
    const Status status = bench.finish();
    EXPECT_EQ(status.error, SETUN_ERR_LIST_READ);
    EXPECT_EQ(status.error_index, 0U);
    EXPECT_EQ(status.error_address, 0x1000U);
    EXPECT_EQ(status.completed, 0U);
    expect_recovery(bench);
}

TEST_P(Errors, ErrorsUnderBackPressure) {
    for (std::uint64_t seed = 0; seed < 8; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        SimOptions options = checked(seed);
        options.throttle = Throttle{0, 6};
        Bench bench(GetParam(), options);
        add_products(bench);
        const std::size_t failing = bench.between(0, 3);
        if (seed % 2 == 0) {
            const std::uint64_t bytes = std::uint64_t{4} * bench.command(failing).m * GetParam().tokens;
            expect_bus_error(bench, KernelSim::kDataPort,
                             bench.y_address(failing) + bench.between(0, bytes - 1), failing,
                             any_error(bench), {SETUN_ERR_DATA_WRITE, false});
        } else {
            const std::uint64_t bytes = bench.beats_per_port(failing) * GetParam().beat_bytes();
            expect_bus_error(bench, 0, bench.weight_address(failing, 0, bench.between(0, bytes - 1)), failing,
                             any_error(bench), {SETUN_ERR_WEIGHT_READ, true});
        }
        expect_recovery(bench);
    }
}

// ---- Watchdog and reset
// ---------------------------------------------------------------------------------------------

struct StuckCase {
    const char* name;
    bool data_port;
    unsigned channel;
    std::uint32_t waiting;  ///< bit of ERROR_INFO that must be set
};

const StuckCase kStuckCases[] = {
    {"data AR", true, kStuckAr, SETUN_WAIT_DATA_AR},
    {"data R", true, kStuckR, SETUN_WAIT_DATA_R},
    {"data AW", true, kStuckAw, SETUN_WAIT_DATA_AW},
    {"data W", true, kStuckW, SETUN_WAIT_DATA_W},
    {"data B", true, kStuckB, SETUN_WAIT_DATA_B},
    {"w0 AR", false, kStuckAr, 1U << SETUN_WAIT_W_AR_SHIFT},
    {"w0 R", false, kStuckR, 1U << SETUN_WAIT_W_R_SHIFT},
};

TEST_P(Errors, WatchdogNamesTheSilentChannel) {
    // Nothing moves on the bus while tables are filled: the limit must be longer.
    const std::uint32_t limit = 500 + static_cast<std::uint32_t>(GetParam().fill_cycles());
    for (const StuckCase& c : kStuckCases) {
        for (unsigned weight_port = 0; weight_port < (c.data_port ? 1 : GetParam().ports); ++weight_port) {
            SCOPED_TRACE(c.name + std::string(" port ") + std::to_string(weight_port));
            Bench bench(GetParam(), checked(0));
            bench.add_matmul({.m = 40, .k = 300});
            bench.program();
            bench.sim().write_register(SETUN_REG_WATCHDOG, limit);
            const unsigned port = c.data_port ? KernelSim::kDataPort : weight_port;
            bench.sim().stick(port, c.channel);
            bench.start();
            const Status status = bench.finish(20'000);
            EXPECT_EQ(status.error, SETUN_ERR_WATCHDOG);
            const std::uint32_t bit = c.data_port ? c.waiting : c.waiting << weight_port;
            EXPECT_EQ(status.error_info & bit, bit) << "info " << status.error_info;
            // A port that waits for ARREADY is not said to wait for data too.
            EXPECT_EQ(status.error_info >> 8U & status.error_info >> 20U & 0xFU, 0U)
                << "info " << status.error_info;
            EXPECT_EQ(status.error_index, 0U);
            EXPECT_EQ(status.error_address, bench.command_address(0));
            EXPECT_GE(status.cycles, limit);
            // Before the results: three tiles of four chunks at most, each of which may have tables to fill.
            EXPECT_LE(status.cycles, 4 * limit + 12 * GetParam().fill_cycles());

            bench.start();
            const Status again = bench.finish(20'000);
            EXPECT_EQ(again.error, SETUN_ERR_WATCHDOG) << "the channel still owes a response";
            EXPECT_EQ(again.error_info & bit, bit);
            EXPECT_EQ(again.error_address, bench.command_address(0));

            bench.sim().stick(port, kStuckNone);
            bench.sim().reset();
            bench.sim().write_register(SETUN_REG_GIE, 1);
            bench.sim().write_register(SETUN_REG_IER, 1);
            expect_recovery(bench);
        }
    }
}

TEST_P(Errors, RecoversWithoutResetWhenTheChannelAnswers) {
    const std::uint32_t limit = 500 + static_cast<std::uint32_t>(GetParam().fill_cycles());
    for (const unsigned channel : {kStuckAr, kStuckR}) {
        SCOPED_TRACE(channel);
        Bench bench(GetParam(), checked(channel));
        bench.add_matmul({.m = 40, .k = 300});
        bench.program();
        bench.sim().write_register(SETUN_REG_WATCHDOG, limit);
        bench.sim().stick(0, channel);
        bench.start();
        EXPECT_EQ(bench.finish(20'000).error, SETUN_ERR_WATCHDOG);
        bench.sim().stick(0, kStuckNone);
        bench.sim().step(2000);
        expect_recovery(bench);
    }
}

TEST_P(Errors, WatchdogToleratesSlowMemory) {
    const std::uint32_t limit = 500 + static_cast<std::uint32_t>(GetParam().fill_cycles());
    Bench bench(GetParam(), checked(0));
    bench.add_matmul({.m = 40, .k = 300});
    bench.program();
    bench.sim().write_register(SETUN_REG_WATCHDOG, limit);
    bench.start();
    for (int i = 0; i < 4; ++i) {
        bench.sim().step(30);
        bench.sim().stick(0, kStuckR | kStuckAr);
        bench.sim().step(limit - 50);
        bench.sim().stick(0, kStuckNone);
    }
    EXPECT_EQ(bench.finish().error, SETUN_ERR_NONE);
    bench.check_memory(1);
}

TEST_P(Errors, WatchdogCountsEveryHandshake) {
    // One handshake of one channel now and then, and nothing else, for far longer than the limit.
    struct Case {
        const char* name;
        bool data_port;
        unsigned channel;
        unsigned held;  ///< channels of the port that stay silent meanwhile
        std::uint64_t PortStats::*handshakes;
        unsigned count;            ///< of the channel's handshakes, as far as it gets with the others held
        bool without_activations;  ///< hold them back, so that weights come and nothing is computed
    };
    static constexpr Case kCases[] = {
        {"data AR", true, kStuckAr, kStuckR, &PortStats::read_bursts, 1, false},
        {"data R", true, kStuckR, 0, &PortStats::read_beats, 4, false},
        {"data AW", true, kStuckAw, kStuckW, &PortStats::write_bursts, 1, false},
        {"data W", true, kStuckW, 0, &PortStats::write_beats, 4, false},
        {"data B", true, kStuckB, 0, &PortStats::write_responses, 1, false},
        {"w0 AR", false, kStuckAr, kStuckR, &PortStats::read_bursts, 3, true},
        {"w0 R", false, kStuckR, 0, &PortStats::read_beats, 4, true},
    };
    // Nothing moves on the bus while tables are filled.
    const std::uint32_t wait = 60 + GetParam().fill_cycles();
    const std::uint32_t limit = wait + 40;
    for (const Case& c : kCases) {
        SCOPED_TRACE(c.name);
        Bench bench(GetParam(), checked(0));
        bench.add_matmul({.m = 300 * GetParam().ports, .k = GetParam().lanes()});
        bench.program();
        bench.sim().write_register(SETUN_REG_WATCHDOG, limit);
        const unsigned port = c.data_port ? KernelSim::kDataPort : 0;
        bench.sim().stick(port, c.channel | c.held);
        const std::uint64_t lists = bench.sim().stats(KernelSim::kDataPort).read_bursts;
        bench.start();
        if (c.without_activations) {
            // The list is one burst, the activations are the next.
            for (int i = 0; i < 200 && bench.sim().stats(KernelSim::kDataPort).read_bursts < lists + 2; ++i) {
                bench.sim().step(1);
            }
            bench.sim().stick(KernelSim::kDataPort, kStuckR);
        }
        const std::uint64_t before = bench.sim().stats(port).*c.handshakes;
        for (int i = 0; i < 40 && bench.sim().stats(port).*c.handshakes < before + c.count; ++i) {
            bench.sim().step(wait);
            bench.sim().stick(port, c.held);
            bench.sim().step(1);
            bench.sim().stick(port, c.channel | c.held);
            bench.sim().step(1);  // the handshake
        }
        bench.sim().step(wait);
        bench.sim().stick(port, kStuckNone);
        bench.sim().stick(KernelSim::kDataPort, kStuckNone);
        const Status status = bench.finish();
        EXPECT_EQ(status.error, SETUN_ERR_NONE) << "info " << status.error_info;
        EXPECT_GT(status.cycles, 2U * limit);
        bench.check_memory(1);
        bench.expect_no_violations();
    }
}

TEST_P(Errors, WatchdogZeroNeverFires) {
    Bench bench(GetParam(), checked(0));
    bench.add_matmul({.m = 40, .k = 300});
    bench.program();
    bench.sim().write_register(SETUN_REG_WATCHDOG, 0);
    bench.sim().stick(KernelSim::kDataPort, kStuckW);
    bench.start();
    bench.sim().step(20'000);
    EXPECT_FALSE(bench.sim().interrupt());
    bench.sim().stick(KernelSim::kDataPort, kStuckNone);
    EXPECT_EQ(bench.finish().error, SETUN_ERR_NONE);
    bench.check_memory(1);
}

TEST_P(Errors, SimulationNamesTheStuckChannel) {
    SimOptions options;
    options.stuck_after = 3000;
    Bench bench(GetParam(), options);
    bench.add_matmul({.m = 40, .k = 300});
    bench.program();
    bench.sim().write_register(SETUN_REG_WATCHDOG, 0);
    bench.sim().stick(0, kStuckAr);
    bench.start();
    try {
        bench.sim().run(1'000'000);
        FAIL() << "a stuck run came back";
    } catch (const SimError& error) {
        EXPECT_NE(std::string(error.what()).find("weight port w0: ARVALID high, ARREADY low"),
                  std::string::npos)
            << error.what();
    }
}

TEST_P(Errors, ResetInTheMiddleOfARun) {
    Bench bench(GetParam(), checked(0), 8U << 20U, 8U << 20U);
    for (std::uint64_t seed = 0; seed < 25; ++seed) {
        SCOPED_TRACE("seed " + std::to_string(seed));
        bench.clear_list();
        bench.add_matmul({.m = 50, .k = 400, .planes = 1, .tokens = GetParam().tokens});
        bench.add_matmul({.m = 20, .k = 100});
        bench.program();
        bench.start();
        bench.sim().step(bench.between(1, 400));
        bench.sim().reset(static_cast<unsigned>(bench.between(2, 10)));
        bench.sim().write_register(SETUN_REG_GIE, 1);
        bench.sim().write_register(SETUN_REG_IER, 1);
        bench.check_memory(0);
        bench.run_and_check();
    }
}

INSTANTIATE_TEST_SUITE_P(Kernel, Errors, testing::ValuesIn(kernel_configs().begin(), kernel_configs().end()),
                         config_test_name);

}  // namespace
}  // namespace setun::sim::test
