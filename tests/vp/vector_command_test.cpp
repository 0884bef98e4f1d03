// Commands of the vector units: values against the golden functions, regions, cycles, and every refusal.
#include "sim/vp/vector_command.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cstdint>
#include <cstring>
#include <limits>
#include <span>
#include <stdexcept>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

#include "hls/activation.h"
#include "hls/argmax.h"
#include "hls/attention.h"
#include "hls/attention_int8.h"
#include "hls/contract.h"
#include "hls/embedding.h"
#include "hls/kv_cache.h"
#include "hls/quantize.h"
#include "hls/residual.h"
#include "hls/rms_norm.h"
#include "hls/rope.h"
#include "hls/units/units.h"
#include "host/device/packing.h"
#include "tests/hls/random_data.h"
#include "tests/vp/unit_memory.h"

namespace setun {
namespace {

using test::Random;
using test::UnitMemory;
using vp::EngineGeometry;
using vp::Region;

constexpr EngineGeometry kGeometry{1, 512, 1024};
constexpr std::uint64_t kX = 0x1000;
constexpr std::uint64_t kA = 0x9000;
constexpr std::uint64_t kY = 0x20000;
constexpr std::uint64_t kB = 0x4004;  // aligned to a float and no more
constexpr std::size_t kDataBytes = 1U << 19U;
constexpr std::uint64_t kSeeds = 12;  // 0 among them

std::vector<std::uint32_t> bits(const std::vector<float>& values) {
    std::vector<std::uint32_t> out;
    for (const float value : values) {
        out.push_back(std::bit_cast<std::uint32_t>(value));
    }
    return out;
}

std::uint32_t number(Random& random, int low, int high) {
    return static_cast<std::uint32_t>(random.between(low, high));
}

/// An INT32 column of a result matrix among others, and its elements dequantised.
struct Column {
    std::vector<std::int32_t> matrix;
    std::vector<float> values;
};

Column random_column(Random& random, std::size_t n, std::uint16_t columns, float weight_scale, float s_x) {
    Column out;
    out.matrix = random.integers<std::int32_t>(n * columns, -300000, 300000);
    out.values.resize(n);
    hls::dequantize_row(out.matrix.data(), static_cast<std::uint32_t>(n), columns, weight_scale, s_x,
                        out.values.data());
    return out;
}

/// A random command of an opcode with valid fields, small enough for the test's memory.
VectorCommand random_command(Random& random, unsigned opcode) {
    VectorCommand c;
    c.opcode = static_cast<std::uint8_t>(opcode);
    c.x_offset = kX;
    c.a_offset = kA;
    c.y_offset = kY;
    c.b_offset = kB;
    c.columns = static_cast<std::uint16_t>(number(random, 1, 8));
    c.f0 = 0.01F + 0.005F * random.unit();
    switch (opcode) {
        case SETUN_OP_NORM_QUANTIZE:
            c.k = number(random, 1, 700);
            c.columns = 0;
            c.f0 = 1e-5F;
            if (random.between(0, 2) == 0) {
                c.flags = SETUN_VFLAG_NO_GAIN;
                c.a_offset = 0;
                c.f0 = 0;
            }
            break;
        case SETUN_OP_ROPE:
            c.m = number(random, 1, 9);
            c.k = 2 * number(random, 1, 40);
            c.a_offset = 0;
            c.f1 = random.between(0, 1) == 0 ? 10000.0F : 500000.0F;
            break;
        case SETUN_OP_KV_APPEND:
            c.m = number(random, 1, 5);
            c.k = number(random, 1, 64);
            c.capacity = number(random, 1, 20);
            c.kind = static_cast<std::uint8_t>(number(random, 0, 1));
            break;
        case SETUN_OP_ATTENTION:
            c.columns = static_cast<std::uint16_t>(number(random, 1, 4));
            c.m = c.columns * number(random, 1, 5);
            c.k = number(random, 1, 96);
            c.capacity = number(random, 1, 20);
            c.kind = static_cast<std::uint8_t>(number(random, 0, 1));
            c.b_offset = 0;
            c.f0 = 0;
            break;
        case SETUN_OP_GATE:
            c.m = number(random, 1, 700);
            c.kind = static_cast<std::uint8_t>(number(random, 0, 1));
            c.f1 = 0.02F;
            break;
        case SETUN_OP_EMBED:
            c.x_offset = 0;
            c.b_offset = 0;
            c.columns = 0;
            c.m = number(random, 1, 150);
            c.k = number(random, 1, 700);
            c.planes = static_cast<std::uint8_t>(number(random, 1, 5));
            c.kind = SETUN_TRIT_CODE_T5;
            break;
        default:  // RESIDUAL, ARGMAX
            c.m = number(random, 1, 700);
            c.a_offset = 0;
            break;
    }
    return c;
}

constexpr std::array<std::uint8_t, 8> kOpcodes = {SETUN_OP_NORM_QUANTIZE, SETUN_OP_ROPE,  SETUN_OP_KV_APPEND,
                                                  SETUN_OP_ATTENTION,     SETUN_OP_GATE,  SETUN_OP_RESIDUAL,
                                                  SETUN_OP_EMBED,         SETUN_OP_ARGMAX};

std::uint32_t error_of(const VectorCommand& c, std::uint32_t position = 0, std::uint32_t token = 0) {
    const auto plan = vp::plan(c, position, token, kGeometry);
    if (plan.error != SETUN_ERR_NONE) {
        EXPECT_TRUE(plan.reads.empty() && plan.writes.empty());
        EXPECT_EQ(plan.cycles, 0U);
    }
    return plan.error;
}

// ---- Values ----------------------------------------------------------------------------------------------

TEST(VectorCommandExact, NormQuantize) {
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        const VectorCommand c = random_command(random, SETUN_OP_NORM_QUANTIZE);
        UnitMemory memory(kDataBytes, kGeometry);
        auto x = random.floats(c.k, 5.0F);
        if (seed == 1) {
            x[0] = std::numeric_limits<float>::infinity();
        }
        const auto gain = random.floats(c.k, 2.0F);
        memory.put(kX, x);
        memory.put(kA, gain);
        ASSERT_EQ(memory.run(c, 0, 0).error, SETUN_ERR_NONE);
        std::vector<std::int8_t> q(c.k);
        float scale = 0;
        if (c.flags == 0) {
            hls::rms_norm(x.data(), gain.data(), c.k, c.f0, x.data());
        }
        hls::quantize(x.data(), c.k, q.data(), &scale);
        EXPECT_EQ(memory.get<std::int8_t>(kY, c.k), q);
        EXPECT_EQ(bits(memory.get<float>(kB, 1)), bits({scale}));
        const auto plan = vp::plan(c, 0, 0, kGeometry);
        EXPECT_EQ(plan.cycles, hls::contract::norm_quantize(c.k, c.flags == 0));
        EXPECT_EQ(plan.reads.size(), c.flags == 0 ? 2U : 1U);
        EXPECT_EQ(plan.writes, (std::vector<Region>{{Region::kData, kY, c.k}, {Region::kData, kB, 4}}));
    }
}

TEST(VectorCommandExact, Rope) {
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        const VectorCommand c = random_command(random, SETUN_OP_ROPE);
        const std::uint32_t position = seed == 0 ? SETUN_MAX_POSITIONS - 1 : number(random, 0, 5000);
        const float s_x = 3.0F + random.unit();
        const std::size_t n = std::size_t{c.m} * c.k;
        Column x = random_column(random, n, c.columns, c.f0, s_x);
        UnitMemory memory(kDataBytes, kGeometry);
        memory.put(kX, x.matrix);
        memory.put(kB, std::vector<float>{s_x});
        ASSERT_EQ(memory.run(c, position, 0).error, SETUN_ERR_NONE);
        std::vector<float> cosine(c.k / 2);
        std::vector<float> sine(c.k / 2);
        hls::rope_table(position, c.f1, c.k, cosine.data(), sine.data());
        hls::rope_rotate(x.values.data(), c.m, c.k, cosine.data(), sine.data());
        EXPECT_EQ(bits(memory.get<float>(kY, n)), bits(x.values));
        const auto plan = vp::plan(c, position, 0, kGeometry);
        EXPECT_EQ(plan.cycles, hls::contract::rope(c.m, c.k));
        EXPECT_EQ(plan.reads, (std::vector<Region>{{Region::kData, kX, 4 * ((n - 1) * c.columns + 1)},
                                                   {Region::kData, kB, 4}}));
    }
}

/// A cache in memory after `count` appended rows, and what it must hold.
struct Cache {
    std::vector<float> keys, values;
    std::vector<std::int8_t> keys_int8, values_int8;
    std::vector<float> key_scales, value_scales;
};

void append_golden(Cache& cache, const VectorCommand& c, const std::vector<float>& key,
                   const std::vector<float>& value) {
    cache.keys.insert(cache.keys.end(), key.begin(), key.end());
    cache.values.insert(cache.values.end(), value.begin(), value.end());
    const auto quantise = [&c](const std::vector<float>& row, std::vector<std::int8_t>& q,
                               std::vector<float>& scales) {
        for (std::uint32_t head = 0; head < c.m; ++head) {
            q.resize(q.size() + c.k);
            scales.push_back(0);
            hls::quantize(&row[std::size_t{head} * c.k], c.k, &q[q.size() - c.k], &scales.back());
        }
    };
    quantise(key, cache.keys_int8, cache.key_scales);
    quantise(value, cache.values_int8, cache.value_scales);
}

TEST(VectorCommandExact, KvAppendWritesItsRowsAndNothingElse) {
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        const VectorCommand c = random_command(random, SETUN_OP_KV_APPEND);
        const bool int8 = c.kind == SETUN_KV_INT8;
        const auto layout = hls::kv_cache_layout(int8, c.capacity, c.m, c.k);
        const std::size_t n = std::size_t{c.m} * c.k;
        UnitMemory memory(kDataBytes, kGeometry);
        std::fill(memory.data().begin(), memory.data().end(), std::byte{0x5A});
        const std::uint32_t position = number(random, 0, static_cast<int>(c.capacity) - 1);
        const float s_x = 3.0F + random.unit();
        const auto key = random.floats(n, 4.0F);
        const Column value = random_column(random, n, c.columns, c.f0, s_x);
        memory.put(kX, key);
        memory.put(kA, value.matrix);
        memory.put(kB, std::vector<float>{s_x});
        auto expected = memory.data();
        const auto put = [&expected](std::uint64_t offset, const auto& row) {
            std::memcpy(expected.data() + offset, row.data(), row.size() * sizeof(row[0]));
        };
        Cache row;
        append_golden(row, c, key, value.values);
        if (int8) {
            put(kY + layout.key + position * n, row.keys_int8);
            put(kY + layout.value + position * n, row.values_int8);
            put(kY + layout.key_scale + std::uint64_t{position} * c.m * 4, row.key_scales);
            put(kY + layout.value_scale + std::uint64_t{position} * c.m * 4, row.value_scales);
        } else {
            put(kY + layout.key + position * n * 4, row.keys);
            put(kY + layout.value + position * n * 4, row.values);
        }
        ASSERT_EQ(memory.run(c, position, 0).error, SETUN_ERR_NONE);
        EXPECT_EQ(memory.data(), expected);
        EXPECT_EQ(vp::plan(c, position, 0, kGeometry).cycles, hls::contract::kv_append(c.m, c.k, int8));
    }
}

TEST(VectorCommandExact, AttentionReadsTheCacheUpToItsPosition) {
    for (std::uint64_t seed = 0; seed < 2 * kSeeds; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        const VectorCommand c = random_command(random, SETUN_OP_ATTENTION);
        const bool int8 = c.kind == SETUN_KV_INT8;
        const auto layout = hls::kv_cache_layout(int8, c.capacity, c.columns, c.k);
        const std::size_t n = std::size_t{c.columns} * c.k;
        UnitMemory memory(kDataBytes, kGeometry);
        std::fill(memory.data().begin(), memory.data().end(), std::byte{0xFF});  // NaN where nothing was put
        const std::uint32_t position = number(random, 0, static_cast<int>(c.capacity) - 1);
        VectorCommand append;
        append.opcode = SETUN_OP_KV_APPEND;
        append.x_offset = kX;
        append.a_offset = kY;
        append.y_offset = kA;
        append.m = c.columns;
        append.k = c.k;
        append.columns = 1;
        append.kind = c.kind;
        append.capacity = c.capacity;
        append.b_offset = kB;
        append.f0 = 0.01F;
        Cache cache;
        for (std::uint32_t p = 0; p <= position; ++p) {
            const float s_x = 30.0F + random.unit();
            const auto key = random.floats(n, 4.0F);
            const Column value = random_column(random, n, 1, append.f0, s_x);
            memory.put(kX, key);
            memory.put(kY, value.matrix);
            memory.put(kB, std::vector<float>{s_x});
            ASSERT_EQ(memory.run(append, p, 0).error, SETUN_ERR_NONE);
            append_golden(cache, append, key, value.values);
        }
        const std::size_t outputs = std::size_t{c.m} * c.k;
        const auto query = random.floats(outputs, 3.0F);
        memory.put(kX, query);
        ASSERT_EQ(memory.run(c, position, 0).error, SETUN_ERR_NONE);
        const hls::AttentionShape shape{c.m, c.columns, c.k, position + 1};
        std::vector<float> scores(shape.positions);
        std::vector<float> expected(outputs);
        if (int8) {
            const hls::Int8Cache view{cache.keys_int8.data(), cache.values_int8.data(),
                                      cache.key_scales.data(), cache.value_scales.data()};
            hls::attention_int8(shape, query.data(), view, scores.data(), expected.data());
        } else {
            hls::attention(shape, query.data(), cache.keys.data(), cache.values.data(), scores.data(),
                           expected.data());
        }
        EXPECT_EQ(bits(memory.get<float>(kY, outputs)), bits(expected));
        VectorCommand in_place = c;  // y may be x
        in_place.y_offset = kX;
        ASSERT_EQ(memory.run(in_place, position, 0).error, SETUN_ERR_NONE);
        EXPECT_EQ(bits(memory.get<float>(kX, outputs)), bits(expected));

        const auto plan = vp::plan(c, position, 0, kGeometry);
        const std::uint64_t rows = shape.positions * n * (int8 ? 1 : 4);
        std::vector<Region> reads = {{Region::kData, kX, 4 * outputs},
                                     {Region::kData, kA + layout.key, rows},
                                     {Region::kData, kA + layout.value, rows}};
        if (int8) {
            const std::uint64_t scales = std::uint64_t{4} * shape.positions * c.columns;
            reads.push_back({Region::kData, kA + layout.key_scale, scales});
            reads.push_back({Region::kData, kA + layout.value_scale, scales});
        }
        EXPECT_EQ(plan.reads, reads);
        EXPECT_EQ(plan.cycles, hls::contract::attention(c.m, c.columns, c.k, position + 1, int8));
    }
}

TEST(VectorCommandExact, Gate) {
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        const VectorCommand c = random_command(random, SETUN_OP_GATE);
        const float s_x = 3.0F + random.unit();
        const Column gate = random_column(random, c.m, c.columns, c.f0, s_x);
        const Column up = random_column(random, c.m, c.columns, c.f1, s_x);
        UnitMemory memory(kDataBytes, kGeometry);
        memory.put(kX, gate.matrix);
        memory.put(kA, up.matrix);
        memory.put(kB, std::vector<float>{s_x});
        ASSERT_EQ(memory.run(c, 0, 0).error, SETUN_ERR_NONE);
        std::vector<float> expected(c.m);
        const auto combine = c.kind == SETUN_GATE_SILU ? hls::silu_gate : hls::relu2_gate;
        combine(gate.values.data(), up.values.data(), c.m, expected.data());
        EXPECT_EQ(bits(memory.get<float>(kY, c.m)), bits(expected));
        EXPECT_EQ(vp::plan(c, 0, 0, kGeometry).cycles, hls::contract::gate(c.m, c.kind == SETUN_GATE_SILU));
    }
}

TEST(VectorCommandExact, Residual) {
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        const VectorCommand c = random_command(random, SETUN_OP_RESIDUAL);
        const float s_x = 3.0F + random.unit();
        const Column x = random_column(random, c.m, c.columns, c.f0, s_x);
        auto hidden = random.floats(c.m, 50.0F);
        UnitMemory memory(kDataBytes, kGeometry);
        memory.put(kX, x.matrix);
        memory.put(kY, hidden);
        memory.put(kB, std::vector<float>{s_x});
        ASSERT_EQ(memory.run(c, 0, 0).error, SETUN_ERR_NONE);
        hls::residual_add(hidden.data(), x.values.data(), c.m);
        EXPECT_EQ(bits(memory.get<float>(kY, c.m)), bits(hidden));
        EXPECT_EQ(vp::plan(c, 0, 0, kGeometry).cycles, hls::contract::residual(c.m));
    }
}

TEST(VectorCommandExact, Argmax) {
    for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        const VectorCommand c = random_command(random, SETUN_OP_ARGMAX);
        const float s_x = seed == 1 ? std::numeric_limits<float>::quiet_NaN() : 3.0F + random.unit();
        Column x = random_column(random, c.m, c.columns, c.f0, s_x);
        if (seed % 2 == 0) {  // many equals
            for (auto& value : x.matrix) {
                value = value > 0 ? 5 : -5;
            }
            hls::dequantize_row(x.matrix.data(), c.m, c.columns, c.f0, s_x, x.values.data());
        }
        UnitMemory memory(kDataBytes, kGeometry);
        memory.put(kX, x.matrix);
        memory.put(kB, std::vector<float>{s_x});
        ASSERT_EQ(memory.run(c, 0, 0).error, SETUN_ERR_NONE);
        const auto result = memory.get<ArgmaxResult>(kY, 1)[0];
        ASSERT_EQ(result.index, hls::argmax(x.values.data(), c.m));
        EXPECT_EQ(bits({result.value}), bits({x.values[result.index]}));
        EXPECT_EQ(vp::plan(c, 0, 0, kGeometry).cycles, hls::contract::argmax(c.m));
    }
}

/// Sums and scales whose dequantised values hold NaN at chosen places cannot come from one scale: the pairing
/// of candidates is tried through overflow, where the sum 0 gives a number (or 0 * inf = NaN) among
/// infinities.
TEST(VectorCommandExact, ArgmaxPassesOverNan) {
    for (std::uint64_t seed = 0; seed < 40; ++seed) {
        SCOPED_TRACE(seed);
        Random random(seed);
        VectorCommand c = random_command(random, SETUN_OP_ARGMAX);
        c.m = number(random, 1, 40);
        c.columns = 1;
        c.f0 = std::numeric_limits<float>::infinity();
        auto x = random.integers<std::int32_t>(c.m, -1, random.between(0, 3) == 0 ? 0 : 1);
        std::vector<float> values(c.m);
        hls::dequantize_row(x.data(), c.m, 1, c.f0, 2.0F, values.data());
        UnitMemory memory(kDataBytes, kGeometry);
        memory.put(kX, x);
        memory.put(kB, std::vector<float>{2.0F});
        ASSERT_EQ(memory.run(c, 0, 0).error, SETUN_ERR_NONE);
        ASSERT_EQ(memory.get<ArgmaxResult>(kY, 1)[0].index, hls::argmax(values.data(), c.m));
    }
}

TEST(VectorCommandExact, EmbedReadsRowsOutOfTheStreams) {
    for (const EngineGeometry geometry : {EngineGeometry{1, 512, 1024}, EngineGeometry{2, 256, 16},
                                          EngineGeometry{4, 128, 32}, EngineGeometry{16, 128, 16}}) {
        for (std::uint64_t seed = 0; seed < kSeeds; ++seed) {
            SCOPED_TRACE(seed);
            Random random(seed);
            const VectorCommand c = random_command(random, SETUN_OP_EMBED);
            const StreamLayout layout{geometry.ports, geometry.port_bits, geometry.tile_rows};
            const StreamIndex index(layout, c.m, c.k, c.planes);
            const PackedStreams streams = random_streams(layout, c.m, c.k, c.planes, seed, 0.4);
            UnitMemory memory(kDataBytes, geometry);
            for (std::size_t p = 0; p < geometry.ports; ++p) {
                memory.weights(p).resize(kA);
                memory.weights(p).insert(memory.weights(p).end(), streams[p].begin(), streams[p].end());
            }
            for (const std::uint32_t token : {0U, c.m - 1, number(random, 0, static_cast<int>(c.m) - 1)}) {
                ASSERT_EQ(memory.run(c, 0, token).error, SETUN_ERR_NONE);
                ASSERT_EQ(memory.outside, 0);
                std::vector<std::int8_t> row(c.k);
                unpack_row(index, token, views(streams), row);
                std::vector<float> expected(c.k);
                hls::embedding_row(row.data(), c.k, c.f0, expected.data());
                EXPECT_EQ(bits(memory.get<float>(kY, c.k)), bits(expected));
                if (geometry.ports <= 4) {  // what the synthesized top can take
                    std::array<const std::uint8_t*, 4> w{};
                    for (std::size_t p = 0; p < geometry.ports; ++p) {
                        w[p] = reinterpret_cast<const std::uint8_t*>(streams[p].data());
                    }
                    std::vector<float> h(c.k);
                    std::array<std::uint64_t, 3> status{};
                    setun_hls_embed(w[0], w[1], w[2], w[3], h.data(), status.data(), geometry.ports,
                                    geometry.port_bits, geometry.tile_rows, c.m, c.k, c.planes, token, c.f0);
                    EXPECT_EQ(status[0], SETUN_ERR_NONE);
                    EXPECT_EQ(bits(h), bits(expected));
                }
            }
            const auto plan = vp::plan(c, 0, 0, geometry);
            EXPECT_EQ(plan.reads.size(), std::size_t{index.chunks()} * c.planes);
            EXPECT_EQ(plan.cycles, hls::contract::embed(c.k, c.planes, geometry.port_bits));
        }
    }
}

TEST(VectorCommandError, IllegalTritCodeNamesItsBeat) {
    const EngineGeometry geometry{2, 128, 16};
    const StreamLayout layout{geometry.ports, geometry.port_bits, geometry.tile_rows};
    Random random(0);
    VectorCommand c = random_command(random, SETUN_OP_EMBED);
    c.m = 40;
    c.k = 170;  // three chunks, the last with 10 of 80 lanes
    c.planes = 3;
    c.a_offset = 0;
    const StreamIndex index(layout, c.m, c.k, c.planes);
    const PackedStreams streams = random_streams(layout, c.m, c.k, c.planes, 0, 0.4);
    constexpr std::uint32_t kToken = 37;
    for (std::uint32_t chunk = 0; chunk < 3; ++chunk) {
        for (std::uint32_t plane = 0; plane < 3; ++plane) {
            UnitMemory memory(kDataBytes, geometry);
            for (std::size_t p = 0; p < geometry.ports; ++p) {
                memory.weights(p) = streams[p];
            }
            const auto place = index.place(kToken, plane, chunk);
            std::fill_n(memory.weights(place.port).begin() + static_cast<std::ptrdiff_t>(place.byte), 16,
                        std::byte{0xFF});
            memory.data()[kY] = std::byte{0x77};
            const auto result = memory.run(c, 0, kToken);
            EXPECT_EQ(result.error, SETUN_ERR_TRIT);
            const auto plan = vp::plan(c, 0, kToken, geometry);
            const Region& region = plan.reads.at(result.region);
            EXPECT_EQ(region.offset, place.byte);
            EXPECT_EQ(region.port, static_cast<int>(place.port));
            EXPECT_EQ(memory.data()[kY], std::byte{0x77}) << "nothing is written";
            std::vector<float> h(c.k);
            std::array<std::uint64_t, 3> status{};
            setun_hls_embed(reinterpret_cast<const std::uint8_t*>(memory.weights(0).data()),
                            reinterpret_cast<const std::uint8_t*>(memory.weights(1).data()), nullptr, nullptr,
                            h.data(), status.data(), geometry.ports, geometry.port_bits, geometry.tile_rows,
                            c.m, c.k, c.planes, kToken, c.f0);
            EXPECT_EQ(status, (std::array<std::uint64_t, 3>{SETUN_ERR_TRIT, place.port, place.byte}));
        }
    }
}

// ---- Refusals --------------------------------------------------------------------------------------------

class EveryOpcode : public testing::TestWithParam<std::uint8_t> {
  protected:
    VectorCommand command() {
        Random random(0);
        VectorCommand c = random_command(random, GetParam());
        c.flags = 0;
        EXPECT_EQ(error_of(c), SETUN_ERR_NONE);
        return c;
    }
};

TEST_P(EveryOpcode, Version) {
    for (const int version : {0, 2, 255}) {
        VectorCommand c = command();
        c.version = static_cast<std::uint8_t>(version);
        EXPECT_EQ(error_of(c), SETUN_ERR_VERSION);
    }
}

TEST_P(EveryOpcode, UnknownFlags) {
    for (unsigned bit = 0; bit < 16; ++bit) {
        VectorCommand c = command();
        c.flags = static_cast<std::uint16_t>(1U << bit);
        const bool known = bit == 0 && c.opcode == SETUN_OP_NORM_QUANTIZE;
        if (known) {
            c.a_offset = 0;
            c.f0 = 0;
        }
        EXPECT_EQ(error_of(c), known ? SETUN_ERR_NONE : SETUN_ERR_FLAGS) << bit;
    }
}

TEST_P(EveryOpcode, FieldsThatItDoesNotReadMustBeZero) {
    const VectorCommand good = command();
    const auto refused = [&good](auto member, auto value) {
        VectorCommand c = good;
        if (c.*member == 0) {
            c.*member = value;
            return error_of(c) == SETUN_ERR_FLAGS ? 1 : 0;
        }
        return 0;
    };
    // How many fields an opcode leaves: of 11 (b, x, y, a, m, k, columns, planes, kind, capacity, f0, f1)
    int count = refused(&VectorCommand::a_offset, std::uint64_t{64}) +
                refused(&VectorCommand::x_offset, std::uint64_t{64}) +
                refused(&VectorCommand::b_offset, std::uint64_t{64}) +
                refused(&VectorCommand::m, std::uint32_t{1}) + refused(&VectorCommand::k, std::uint32_t{1}) +
                refused(&VectorCommand::columns, std::uint16_t{1}) +
                refused(&VectorCommand::planes, std::uint8_t{1}) +
                refused(&VectorCommand::capacity, std::uint32_t{1}) + refused(&VectorCommand::f0, 1.0F) +
                refused(&VectorCommand::f1, 1.0F);
    VectorCommand c = good;
    c.kind = 1;
    count += error_of(c) == SETUN_ERR_FLAGS ? 1 : 0;
    int expected = 0;
    switch (GetParam()) {
        case SETUN_OP_NORM_QUANTIZE:
            expected = 6;  // m, columns, planes, capacity, f1, kind
            break;
        case SETUN_OP_ROPE:
            expected = 4;  // a, planes, capacity, kind
            break;
        case SETUN_OP_KV_APPEND:
            expected = 2;  // planes, f1
            break;
        case SETUN_OP_ATTENTION:
            expected = 4;  // b, planes, f0, f1
            break;
        case SETUN_OP_GATE:
            expected = 3;  // k, planes, capacity
            break;
        case SETUN_OP_EMBED:
            expected = 5;  // x, b, columns, capacity, f1
            break;
        default:
            expected = 6;  // RESIDUAL, ARGMAX: a, k, planes, capacity, f1, kind
            break;
    }
    EXPECT_EQ(count, expected);
}

TEST_P(EveryOpcode, Alignment) {
    const auto aligned = [](VectorCommand c, std::uint64_t VectorCommand::*offset, std::uint64_t step) {
        if (c.*offset == 0) {
            return;  // not used
        }
        c.*offset += step;
        EXPECT_EQ(error_of(c), SETUN_ERR_ALIGN);
        c.*offset += 63 * step;
        EXPECT_EQ(error_of(c), SETUN_ERR_NONE);
    };
    for (const auto offset : {&VectorCommand::x_offset, &VectorCommand::a_offset, &VectorCommand::y_offset}) {
        for (const std::uint64_t step : {1U, 2U, 4U, 16U, 32U}) {
            if (step != 16 && step != 32) {
                aligned(command(), offset, step);
            } else if (command().*offset != 0) {
                VectorCommand c = command();
                c.*offset += step;
                EXPECT_EQ(error_of(c), SETUN_ERR_ALIGN);
            }
        }
    }
    for (const std::uint64_t step : {1U, 2U, 3U}) {
        VectorCommand c = command();
        if (c.b_offset != 0) {
            c.b_offset += step;
            EXPECT_EQ(error_of(c), SETUN_ERR_ALIGN);
        }
    }
}

TEST_P(EveryOpcode, AddressesDoNotWrap) {
    for (const auto offset : {&VectorCommand::x_offset, &VectorCommand::a_offset, &VectorCommand::y_offset,
                              &VectorCommand::b_offset}) {
        VectorCommand c = command();
        if (c.*offset == 0) {
            continue;
        }
        if (c.k != 0) {
            c.k = 200;  // more than 64 bytes of everything
        }
        c.*offset = std::numeric_limits<std::uint64_t>::max() - 63;
        if (offset == &VectorCommand::b_offset) {
            EXPECT_EQ(error_of(c), SETUN_ERR_NONE);
            c.*offset += 60;
        } else if (c.opcode == SETUN_OP_ARGMAX && offset == &VectorCommand::y_offset) {
            EXPECT_EQ(error_of(c), SETUN_ERR_NONE);  // eight bytes fit
            continue;
        }
        EXPECT_EQ(error_of(c), SETUN_ERR_ADDRESS);
    }
}

INSTANTIATE_TEST_SUITE_P(VectorCommandError, EveryOpcode, testing::ValuesIn(kOpcodes),
                         [](const auto& instance) { return "Opcode" + std::to_string(instance.param); });

TEST(VectorCommandError, UnknownOpcodes) {
    for (unsigned opcode = 0; opcode < 256; ++opcode) {
        VectorCommand c;
        c.opcode = static_cast<std::uint8_t>(opcode);
        const bool known = std::find(kOpcodes.begin(), kOpcodes.end(), opcode) != kOpcodes.end();
        EXPECT_EQ(error_of(c) == SETUN_ERR_OPCODE, !known) << opcode;
    }
}

/// Sets one field to values at both ends of what is legal, and just outside.
TEST(VectorCommandError, Shapes) {
    using M = std::uint32_t VectorCommand::*;
    const std::vector<std::tuple<unsigned, M, std::uint32_t, std::uint32_t>> limits = {
        {SETUN_OP_NORM_QUANTIZE, &VectorCommand::k, 1, SETUN_MAX_K},
        {SETUN_OP_ROPE, &VectorCommand::m, 1, SETUN_MAX_HEADS},
        {SETUN_OP_ROPE, &VectorCommand::k, 2, SETUN_MAX_HEAD_DIM},
        {SETUN_OP_KV_APPEND, &VectorCommand::m, 1, SETUN_MAX_HEADS},
        {SETUN_OP_KV_APPEND, &VectorCommand::k, 1, SETUN_MAX_HEAD_DIM},
        {SETUN_OP_KV_APPEND, &VectorCommand::capacity, 1, SETUN_MAX_POSITIONS},
        {SETUN_OP_ATTENTION, &VectorCommand::k, 1, SETUN_MAX_HEAD_DIM},
        {SETUN_OP_ATTENTION, &VectorCommand::capacity, 1, SETUN_MAX_POSITIONS},
        {SETUN_OP_GATE, &VectorCommand::m, 1, SETUN_MAX_K},
        {SETUN_OP_RESIDUAL, &VectorCommand::m, 1, SETUN_MAX_K},
        {SETUN_OP_EMBED, &VectorCommand::m, 1, SETUN_MAX_M},
        {SETUN_OP_EMBED, &VectorCommand::k, 1, SETUN_MAX_K},
        {SETUN_OP_ARGMAX, &VectorCommand::m, 1, SETUN_MAX_M}};
    for (const auto& [opcode, field, low, high] : limits) {
        Random random(0);
        VectorCommand c = random_command(random, opcode);
        for (const std::uint32_t value : {low, high}) {
            c.*field = value;
            EXPECT_EQ(error_of(c), SETUN_ERR_NONE) << opcode << ' ' << value;
        }
        for (const std::uint32_t value : {low - 1, high + 1, 0xFFFFFFFFU}) {
            c.*field = value;
            EXPECT_EQ(error_of(c), SETUN_ERR_SHAPE) << opcode << ' ' << value;
        }
    }
}

TEST(VectorCommandError, ShapesThatDependOnEachOther) {
    Random random(0);
    for (const unsigned opcode :
         {SETUN_OP_ROPE, SETUN_OP_KV_APPEND, SETUN_OP_GATE, SETUN_OP_RESIDUAL, SETUN_OP_ARGMAX}) {
        VectorCommand c = random_command(random, opcode);
        for (const auto& [columns, error] : std::vector<std::pair<int, unsigned>>{{0, SETUN_ERR_SHAPE},
                                                                                  {1, SETUN_ERR_NONE},
                                                                                  {8, SETUN_ERR_NONE},
                                                                                  {9, SETUN_ERR_SHAPE},
                                                                                  {65535, SETUN_ERR_SHAPE}}) {
            c.columns = static_cast<std::uint16_t>(columns);
            EXPECT_EQ(error_of(c), error) << opcode << ' ' << columns;
        }
    }
    VectorCommand rope = random_command(random, SETUN_OP_ROPE);
    rope.k = 31;
    EXPECT_EQ(error_of(rope), SETUN_ERR_SHAPE) << "odd";
    rope.k = 32;
    for (const float theta : {0.0F, -1.0F, 0.99F, std::numeric_limits<float>::infinity(),
                              std::numeric_limits<float>::quiet_NaN()}) {
        rope.f1 = theta;
        EXPECT_EQ(error_of(rope), SETUN_ERR_SHAPE) << theta;
    }
    rope.f1 = 1.0F;
    EXPECT_EQ(error_of(rope), SETUN_ERR_NONE);

    VectorCommand attention = random_command(random, SETUN_OP_ATTENTION);
    attention.m = 12;
    for (const auto& [kv_heads, error] : std::vector<std::pair<int, unsigned>>{{0, SETUN_ERR_SHAPE},
                                                                               {1, SETUN_ERR_NONE},
                                                                               {4, SETUN_ERR_NONE},
                                                                               {5, SETUN_ERR_SHAPE},
                                                                               {12, SETUN_ERR_NONE},
                                                                               {24, SETUN_ERR_SHAPE}}) {
        attention.columns = static_cast<std::uint16_t>(kv_heads);
        EXPECT_EQ(error_of(attention), error) << kv_heads;
    }
    attention.columns = 1;
    attention.m = SETUN_MAX_HEADS;
    EXPECT_EQ(error_of(attention), SETUN_ERR_NONE);
    attention.m = SETUN_MAX_HEADS + 1;
    EXPECT_EQ(error_of(attention), SETUN_ERR_SHAPE);
    attention.m = 0;
    EXPECT_EQ(error_of(attention), SETUN_ERR_SHAPE);

    VectorCommand embed = random_command(random, SETUN_OP_EMBED);
    for (const int planes : {0, 6, 255}) {
        embed.planes = static_cast<std::uint8_t>(planes);
        EXPECT_EQ(error_of(embed), SETUN_ERR_SHAPE) << planes;
    }
}

TEST(VectorCommandError, Kinds) {
    Random random(0);
    for (const unsigned opcode : {SETUN_OP_KV_APPEND, SETUN_OP_ATTENTION, SETUN_OP_GATE, SETUN_OP_EMBED}) {
        VectorCommand c = random_command(random, opcode);
        for (int kind = 0; kind < 256; ++kind) {
            c.kind = static_cast<std::uint8_t>(kind);
            const bool legal = opcode == SETUN_OP_EMBED ? kind == SETUN_TRIT_CODE_T5 : kind < 2;
            EXPECT_EQ(error_of(c), legal ? SETUN_ERR_NONE : SETUN_ERR_ENCODING) << opcode << ' ' << kind;
        }
    }
}

TEST(VectorCommandError, TokenAndPosition) {
    Random random(0);
    const VectorCommand embed = random_command(random, SETUN_OP_EMBED);
    EXPECT_EQ(error_of(embed, 0, embed.m - 1), SETUN_ERR_NONE);
    EXPECT_EQ(error_of(embed, 0, embed.m), SETUN_ERR_TOKEN);
    EXPECT_EQ(error_of(embed, 0xFFFFFFFFU, 0xFFFFFFFFU), SETUN_ERR_TOKEN);
    for (const unsigned opcode : {SETUN_OP_KV_APPEND, SETUN_OP_ATTENTION}) {
        VectorCommand c = random_command(random, opcode);
        EXPECT_EQ(error_of(c, c.capacity - 1), SETUN_ERR_NONE);
        EXPECT_EQ(error_of(c, c.capacity), SETUN_ERR_POSITION);
        EXPECT_EQ(error_of(c, 0xFFFFFFFFU), SETUN_ERR_POSITION);
    }
    const VectorCommand rope = random_command(random, SETUN_OP_ROPE);
    EXPECT_EQ(error_of(rope, SETUN_MAX_POSITIONS - 1), SETUN_ERR_NONE);
    EXPECT_EQ(error_of(rope, SETUN_MAX_POSITIONS), SETUN_ERR_POSITION);
    const VectorCommand gate = random_command(random, SETUN_OP_GATE);
    EXPECT_EQ(error_of(gate, 0xFFFFFFFFU, 0xFFFFFFFFU), SETUN_ERR_NONE) << "registers that it does not read";
}

TEST(VectorCommandError, TheLowestCodeIsReported) {
    VectorCommand c;
    c.opcode = SETUN_OP_EMBED;
    c.version = 9;
    c.flags = 4;
    c.y_offset = 1;
    EXPECT_EQ(error_of(c), SETUN_ERR_VERSION);
    c.version = SETUN_COMMAND_VERSION;
    EXPECT_EQ(error_of(c), SETUN_ERR_FLAGS);
    c.flags = 0;
    EXPECT_EQ(error_of(c), SETUN_ERR_SHAPE);
    c.m = c.k = c.planes = 1;
    EXPECT_EQ(error_of(c), SETUN_ERR_ALIGN);
    c.y_offset = ~std::uint64_t{63};
    c.m = 100;
    c.k = 100;
    EXPECT_EQ(error_of(c), SETUN_ERR_ADDRESS);
    c.y_offset = 64;
    EXPECT_EQ(error_of(c), SETUN_ERR_ENCODING);
    c.kind = SETUN_TRIT_CODE_T5;
    EXPECT_EQ(error_of(c, 0, 100), SETUN_ERR_TOKEN);
    EXPECT_EQ(error_of(c, 0, 99), SETUN_ERR_NONE);
}

TEST(VectorCommandError, ExecuteRefusesWhatPlanRefusesAndSpansThatDisagree) {
    Random random(0);
    VectorCommand c = random_command(random, SETUN_OP_RESIDUAL);
    c.columns = 1;
    c.m = 4;
    std::array<std::vector<std::byte>, 4> buffers = {std::vector<std::byte>(16), std::vector<std::byte>(4),
                                                     std::vector<std::byte>(16), std::vector<std::byte>(16)};
    std::vector<std::span<const std::byte>> inputs(buffers.begin(), buffers.begin() + 3);
    std::vector<std::span<std::byte>> outputs(buffers.begin() + 3, buffers.end());
    EXPECT_EQ(vp::execute(c, 0, 0, kGeometry, inputs, outputs).error, SETUN_ERR_NONE);
    VectorCommand bad = c;
    bad.m = 0;
    EXPECT_EQ(vp::execute(bad, 0, 0, kGeometry, inputs, outputs).error, SETUN_ERR_SHAPE);
    bad.m = 5;
    EXPECT_THROW(vp::execute(bad, 0, 0, kGeometry, inputs, outputs), std::invalid_argument);
    EXPECT_THROW(vp::execute(c, 0, 0, kGeometry, std::span(inputs).first(2), outputs), std::invalid_argument);
    EXPECT_THROW(vp::execute(c, 0, 0, kGeometry, inputs, {}), std::invalid_argument);
    std::vector<std::byte> odd(20);
    inputs[0] = std::span(odd).subspan(1, 16);
    EXPECT_THROW(vp::execute(c, 0, 0, kGeometry, inputs, outputs), std::invalid_argument);
}

TEST(VectorCommandError, GeometryThatNoEngineHas) {
    Random random(0);
    const VectorCommand c = random_command(random, SETUN_OP_EMBED);
    for (const EngineGeometry geometry :
         {EngineGeometry{0, 512, 1024}, EngineGeometry{3, 512, 1024}, EngineGeometry{32, 512, 1024},
          EngineGeometry{1, 500, 1024}, EngineGeometry{1, 512, 8}, EngineGeometry{1, 512, 8192}}) {
        EXPECT_THROW(vp::plan(c, 0, 0, geometry), std::invalid_argument);
    }
}

// ---- Cycles ----------------------------------------------------------------------------------------------

/// Each unit's formula at sizes where the number of passes over the lanes changes.
TEST(VectorCommandTiming, CyclesStepWithTheLanes) {
    namespace contract = hls::contract;
    const auto step = [](auto formula, std::uint32_t n) { return formula(n + 1) - formula(n); };
    const auto residual = [](std::uint32_t n) { return contract::residual(n); };
    EXPECT_EQ(step(residual, 8), 1U);
    EXPECT_EQ(step(residual, 9), 0U);
    const auto norm = [](std::uint32_t n) { return contract::norm_quantize(n, true); };
    EXPECT_EQ(step(norm, 16), 3U);  // sum, scaling, rounding
    EXPECT_EQ(step(norm, 20), 1U);  // sum only
    EXPECT_EQ(step(norm, 21), 0U);
    const auto positions = [](std::uint32_t n) { return contract::attention(20, 5, 128, n, true); };
    // The first group's scores, softmax and values, and the pace of the four groups behind it.
    EXPECT_EQ(step(positions, 100), 4U + 2U + 4U + 4U * 4U);
}

}  // namespace
}  // namespace setun
