// What a vector unit does with a command: check it, know its memory and its cycles, and compute it.
#include "sim/vp/vector_command.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <stdexcept>
#include <string>
#include <utility>

#include "hls/contract.h"
#include "hls/digit_planes.h"
#include "hls/embedding.h"
#include "hls/kv_cache.h"
#include "hls/units/units.h"

namespace setun::vp {
namespace {

static_assert(std::endian::native == std::endian::little, "operands are little endian");
namespace contract = hls::contract;

void check_geometry(const EngineGeometry& geometry) {
    const bool ports = std::has_single_bit(geometry.ports) && geometry.ports <= hls::kMaxPorts;
    const bool bits = geometry.port_bits == 128 || geometry.port_bits == 256 || geometry.port_bits == 512;
    const bool rows = std::has_single_bit(geometry.tile_rows) && geometry.tile_rows >= 16 &&
                      geometry.tile_rows <= hls::kMaxTileRows;
    if (!ports || !bits || !rows) {
        throw std::invalid_argument("engine geometry: no engine has " + std::to_string(geometry.ports) +
                                    " ports of " + std::to_string(geometry.port_bits) + " bits, tiles of " +
                                    std::to_string(geometry.tile_rows) + " rows a port");
    }
}

bool within(std::uint64_t value, std::uint64_t low, std::uint64_t high) {
    return value >= low && value <= high;
}

/// Fields of a command beside version, opcode, tag and x, that an opcode may use.
enum Field : unsigned {
    kA = 1U << 0U,
    kX = 1U << 1U,
    kY = 1U << 2U,
    kM = 1U << 3U,
    kK = 1U << 4U,
    kColumns = 1U << 5U,
    kPlanes = 1U << 6U,
    kKind = 1U << 7U,
    kCapacity = 1U << 8U,
    kB = 1U << 9U,
    kF0 = 1U << 10U,
    kF1 = 1U << 11U,
};

/// What an opcode uses, as the table of docs/command-interface.md section 5 says it.
unsigned fields_of(const VectorCommand& c) {
    switch (c.opcode) {
        case SETUN_OP_NORM_QUANTIZE:
            return (c.flags & SETUN_VFLAG_NO_GAIN) != 0 ? kX | kY | kB | kK : kX | kA | kY | kB | kK | kF0;
        case SETUN_OP_ROPE:
            return kX | kY | kB | kM | kK | kColumns | kF0 | kF1;
        case SETUN_OP_KV_APPEND:
            return kX | kA | kY | kB | kM | kK | kColumns | kKind | kCapacity | kF0;
        case SETUN_OP_ATTENTION:
            return kX | kA | kY | kM | kK | kColumns | kKind | kCapacity;
        case SETUN_OP_GATE:
            return kX | kA | kY | kB | kM | kColumns | kKind | kF0 | kF1;
        case SETUN_OP_RESIDUAL:
        case SETUN_OP_ARGMAX:
            return kX | kY | kB | kM | kColumns | kF0;
        case SETUN_OP_EMBED:
            return kA | kY | kM | kK | kPlanes | kKind | kF0;
        default:
            return 0;
    }
}

/// A float field that is all zero bits: -0 is not.
bool is_zero(float value) { return std::bit_cast<std::uint32_t>(value) == 0; }

bool unused_are_zero(const VectorCommand& c, unsigned used) {
    const auto ok = [used](Field field, bool zero) { return (used & field) != 0 || zero; };
    return ok(kA, c.a_offset == 0) && ok(kX, c.x_offset == 0) && ok(kY, c.y_offset == 0) &&
           ok(kM, c.m == 0) && ok(kK, c.k == 0) && ok(kColumns, c.columns == 0) &&
           ok(kPlanes, c.planes == 0) && ok(kKind, c.kind == 0) && ok(kCapacity, c.capacity == 0) &&
           ok(kB, c.b_offset == 0) && ok(kF0, is_zero(c.f0)) && ok(kF1, is_zero(c.f1));
}

bool flags_are_legal(const VectorCommand& c) {
    const unsigned known = c.opcode == SETUN_OP_NORM_QUANTIZE ? SETUN_VFLAG_NO_GAIN : 0U;
    return (c.flags & ~known) == 0;
}

/// Caches and activations have kinds 0 and 1, trits one code.
bool kind_is_legal(const VectorCommand& c) {
    static_assert(SETUN_KV_INT8 == 1, "beside 0");
    static_assert(SETUN_GATE_SILU == 1, "beside 0");
    switch (c.opcode) {
        case SETUN_OP_KV_APPEND:
        case SETUN_OP_ATTENTION:
        case SETUN_OP_GATE:
            return c.kind <= 1;
        case SETUN_OP_EMBED:
            return c.kind == SETUN_TRIT_CODE_T5;
        default:
            return true;
    }
}

bool shape_is_legal(const VectorCommand& c) {
    const bool columns = within(c.columns, 1, hls::kMaxTokens);
    const bool heads = within(c.m, 1, SETUN_MAX_HEADS) && within(c.k, 1, SETUN_MAX_HEAD_DIM);
    const bool capacity = within(c.capacity, 1, SETUN_MAX_POSITIONS);
    switch (c.opcode) {
        case SETUN_OP_NORM_QUANTIZE:
            return within(c.k, 1, SETUN_MAX_K);
        case SETUN_OP_ROPE:
            // Below 1 the angles grow with the dimension, beyond what the table's reduction takes.
            return heads && columns && c.k % 2 == 0 && c.f1 >= 1.0F && std::isfinite(c.f1);
        case SETUN_OP_KV_APPEND:
            return heads && columns && capacity;
        case SETUN_OP_ATTENTION:
            return heads && capacity && c.columns != 0 && c.m % c.columns == 0;
        case SETUN_OP_GATE:
        case SETUN_OP_RESIDUAL:
            return columns && within(c.m, 1, SETUN_MAX_K);
        case SETUN_OP_EMBED:
            return within(c.m, 1, SETUN_MAX_M) && within(c.k, 1, SETUN_MAX_K) &&
                   within(c.planes, 1, SETUN_MAX_PLANES);
        default:  // ARGMAX
            return columns && within(c.m, 1, SETUN_MAX_M);
    }
}

/// n elements of a column of a result matrix: bytes up to the last of them.
std::uint64_t column_bytes(const VectorCommand& c, std::uint64_t n) { return 4 * ((n - 1) * c.columns + 1); }

hls::DigitPlanes matrix_of(const VectorCommand& c, const EngineGeometry& geometry) {
    return {geometry.ports, geometry.port_bits, geometry.tile_rows, c.m, c.k, c.planes};
}

/// Bytes behind each offset that a command of legal shape may touch, whatever the position and the token: all
/// are below 2^40.
struct Footprint {
    std::uint64_t x = 0;
    std::uint64_t a = 0;
    std::uint64_t y = 0;
};

Footprint footprint_of(const VectorCommand& c, const EngineGeometry& geometry) {
    const std::uint64_t heads = std::uint64_t{c.m} * c.k;
    const bool int8 = c.kind == SETUN_KV_INT8;
    switch (c.opcode) {
        case SETUN_OP_NORM_QUANTIZE:
            return {4ULL * c.k, 4ULL * c.k, c.k};
        case SETUN_OP_ROPE:
            return {column_bytes(c, heads), 0, 4 * heads};
        case SETUN_OP_KV_APPEND:
            return {4 * heads, column_bytes(c, heads),
                    hls::kv_cache_layout(int8, c.capacity, c.m, c.k).bytes};
        case SETUN_OP_ATTENTION:
            return {4 * heads, hls::kv_cache_layout(int8, c.capacity, c.columns, c.k).bytes, 4 * heads};
        case SETUN_OP_GATE:
            return {column_bytes(c, c.m), column_bytes(c, c.m), 4ULL * c.m};
        case SETUN_OP_RESIDUAL:
            return {column_bytes(c, c.m), 0, 4ULL * c.m};
        case SETUN_OP_EMBED:
            return {0, hls::stream_bytes(matrix_of(c, geometry)), 4ULL * c.k};
        default:  // ARGMAX
            return {column_bytes(c, c.m), 0, sizeof(ArgmaxResult)};
    }
}

bool addresses_wrap(const VectorCommand& c, const EngineGeometry& geometry) {
    constexpr std::uint64_t kEnd = std::numeric_limits<std::uint64_t>::max();
    const Footprint f = footprint_of(c, geometry);
    return c.x_offset > kEnd - f.x || c.a_offset > kEnd - f.a || c.y_offset > kEnd - f.y ||
           c.b_offset > kEnd - sizeof(float);
}

/// Largest position at which an opcode can run, plus one.
std::uint64_t positions_of(const VectorCommand& c) {
    switch (c.opcode) {
        case SETUN_OP_ROPE:
            return SETUN_MAX_POSITIONS;
        case SETUN_OP_KV_APPEND:
        case SETUN_OP_ATTENTION:
            return c.capacity;
        default:
            return std::numeric_limits<std::uint64_t>::max();
    }
}

std::uint32_t check_fields(const VectorCommand& c, const EngineGeometry& geometry) {
    if (c.version != SETUN_COMMAND_VERSION) {
        return SETUN_ERR_VERSION;
    }
    const unsigned used = fields_of(c);
    if (used == 0) {
        return SETUN_ERR_OPCODE;
    }
    if (!flags_are_legal(c) || !unused_are_zero(c, used)) {
        return SETUN_ERR_FLAGS;
    }
    if (!shape_is_legal(c)) {
        return SETUN_ERR_SHAPE;
    }
    if (c.a_offset % SETUN_ALIGN != 0 || c.x_offset % SETUN_ALIGN != 0 || c.y_offset % SETUN_ALIGN != 0 ||
        c.b_offset % sizeof(float) != 0) {
        return SETUN_ERR_ALIGN;
    }
    if (addresses_wrap(c, geometry)) {
        return SETUN_ERR_ADDRESS;
    }
    return kind_is_legal(c) ? SETUN_ERR_NONE : SETUN_ERR_ENCODING;
}

/// Collects the regions of a checked command.
class Planner {
  public:
    Planner(const VectorCommand& command, std::uint32_t position, std::uint32_t token,
            const EngineGeometry& geometry)
        : c_(command), position_(position), token_(token), geometry_(geometry) {}

    CommandPlan take() {
        collect();
        return std::move(plan_);
    }

  private:
    void read(std::uint64_t offset, std::uint64_t bytes) {
        plan_.reads.push_back({Region::kData, offset, bytes});
    }
    void write(std::uint64_t offset, std::uint64_t bytes) {
        plan_.writes.push_back({Region::kData, offset, bytes});
    }
    void collect();
    void norm_quantize();
    void rope();
    void kv_append();
    void attention();
    void gate();
    void residual();
    void embed();
    void argmax();

    const VectorCommand& c_;
    std::uint32_t position_;
    std::uint32_t token_;
    EngineGeometry geometry_;
    CommandPlan plan_;
};

void Planner::collect() {
    switch (c_.opcode) {
        case SETUN_OP_NORM_QUANTIZE:
            return norm_quantize();
        case SETUN_OP_ROPE:
            return rope();
        case SETUN_OP_KV_APPEND:
            return kv_append();
        case SETUN_OP_ATTENTION:
            return attention();
        case SETUN_OP_GATE:
            return gate();
        case SETUN_OP_RESIDUAL:
            return residual();
        case SETUN_OP_EMBED:
            return embed();
        default:
            return argmax();
    }
}

void Planner::norm_quantize() {
    const bool gain = (c_.flags & SETUN_VFLAG_NO_GAIN) == 0;
    const std::uint64_t n = c_.k;
    read(c_.x_offset, 4 * n);
    if (gain) {
        read(c_.a_offset, 4 * n);
    }
    write(c_.y_offset, n);
    write(c_.b_offset, 4);
    plan_.cycles = contract::norm_quantize(c_.k, gain);
}

void Planner::rope() {
    const std::uint64_t n = std::uint64_t{c_.m} * c_.k;
    read(c_.x_offset, column_bytes(c_, n));
    read(c_.b_offset, 4);
    write(c_.y_offset, 4 * n);
    plan_.cycles = contract::rope(c_.m, c_.k);
}

void Planner::kv_append() {
    const bool int8 = c_.kind == SETUN_KV_INT8;
    const auto cache = hls::kv_cache_layout(int8, c_.capacity, c_.m, c_.k);
    const std::uint64_t n = std::uint64_t{c_.m} * c_.k;
    const std::uint64_t row = n * (int8 ? 1 : 4);
    read(c_.x_offset, 4 * n);
    read(c_.a_offset, column_bytes(c_, n));
    read(c_.b_offset, 4);
    write(c_.y_offset + cache.key + position_ * row, row);
    write(c_.y_offset + cache.value + position_ * row, row);
    if (int8) {
        const std::uint64_t scales = std::uint64_t{4} * c_.m;
        write(c_.y_offset + cache.key_scale + position_ * scales, scales);
        write(c_.y_offset + cache.value_scale + position_ * scales, scales);
    }
    plan_.cycles = contract::kv_append(c_.m, c_.k, int8);
}

void Planner::attention() {
    const bool int8 = c_.kind == SETUN_KV_INT8;
    const auto cache = hls::kv_cache_layout(int8, c_.capacity, c_.columns, c_.k);
    const std::uint64_t n = std::uint64_t{c_.m} * c_.k;
    const std::uint64_t positions = std::uint64_t{position_} + 1;
    const std::uint64_t rows = positions * c_.columns * c_.k * (int8 ? 1 : 4);
    read(c_.x_offset, 4 * n);
    read(c_.a_offset + cache.key, rows);
    read(c_.a_offset + cache.value, rows);
    if (int8) {
        const std::uint64_t scales = positions * c_.columns * 4;
        read(c_.a_offset + cache.key_scale, scales);
        read(c_.a_offset + cache.value_scale, scales);
    }
    write(c_.y_offset, 4 * n);
    plan_.cycles = contract::attention(c_.m, c_.columns, c_.k, static_cast<std::uint32_t>(positions), int8);
}

void Planner::gate() {
    read(c_.x_offset, column_bytes(c_, c_.m));
    read(c_.a_offset, column_bytes(c_, c_.m));
    read(c_.b_offset, 4);
    write(c_.y_offset, std::uint64_t{4} * c_.m);
    plan_.cycles = contract::gate(c_.m, c_.kind == SETUN_GATE_SILU);
}

void Planner::residual() {
    read(c_.x_offset, column_bytes(c_, c_.m));
    read(c_.b_offset, 4);
    read(c_.y_offset, std::uint64_t{4} * c_.m);
    write(c_.y_offset, std::uint64_t{4} * c_.m);
    plan_.cycles = contract::residual(c_.m);
}

void Planner::embed() {
    const hls::DigitPlanes matrix = matrix_of(c_, geometry_);
    const std::uint64_t bytes = geometry_.port_bits / 8;
    const int port = static_cast<int>(token_ % geometry_.ports);
    for (std::uint32_t chunk = 0; chunk < hls::chunks_of(matrix); ++chunk) {
        for (std::uint32_t plane = 0; plane < c_.planes; ++plane) {
            plan_.reads.push_back(
                {port, c_.a_offset + hls::beat_offset(matrix, token_, plane, chunk), bytes});
        }
    }
    write(c_.y_offset, std::uint64_t{4} * c_.k);
    plan_.cycles = contract::embed(c_.k, c_.planes, geometry_.port_bits);
}

void Planner::argmax() {
    read(c_.x_offset, column_bytes(c_, c_.m));
    read(c_.b_offset, 4);
    write(c_.y_offset, sizeof(ArgmaxResult));
    plan_.cycles = contract::argmax(c_.m);
}

/// Operands of a command as the units take them.
class Operands {
  public:
    Operands(std::span<const std::span<const std::byte>> inputs,
             std::span<const std::span<std::byte>> outputs)
        : inputs_(inputs), outputs_(outputs) {}

    template <class T>
    [[nodiscard]] const T* in(std::size_t i) const {
        return i < inputs_.size() ? reinterpret_cast<const T*>(inputs_[i].data()) : nullptr;
    }
    template <class T>
    [[nodiscard]] T* out(std::size_t i) const {
        return i < outputs_.size() ? reinterpret_cast<T*>(outputs_[i].data()) : nullptr;
    }

  private:
    std::span<const std::span<const std::byte>> inputs_;
    std::span<const std::span<std::byte>> outputs_;
};

template <class Byte>
void check_spans(const std::vector<Region>& regions, std::span<const std::span<Byte>> spans,
                 const char* what) {
    if (regions.size() != spans.size()) {
        throw std::invalid_argument("vector command: " + std::to_string(spans.size()) + " " + what +
                                    " spans where the plan has " + std::to_string(regions.size()));
    }
    for (std::size_t i = 0; i < spans.size(); ++i) {
        if (spans[i].size() != regions[i].bytes ||
            reinterpret_cast<std::uintptr_t>(spans[i].data()) % sizeof(float) != 0) {
            throw std::invalid_argument("vector command: " + std::string(what) + " span " +
                                        std::to_string(i) + " has " + std::to_string(spans[i].size()) +
                                        " bytes or is not aligned to 4; the plan has " +
                                        std::to_string(regions[i].bytes));
        }
    }
}

/// EMBED out of beats that stand apart, where setun_hls_embed walks whole streams.
ExecuteResult embed_beats(const VectorCommand& c, const EngineGeometry& geometry,
                          std::span<const std::span<const std::byte>> beats, float* h) {
    const std::uint32_t bytes = geometry.port_bits / 8;
    const std::uint32_t lanes = hls::kTritsPerCode * bytes;
    std::array<std::int8_t, hls::kMaxLanes> digits{};
    for (std::size_t i = 0; i < beats.size(); ++i) {
        const std::size_t plane = i % c.planes;
        const auto* const beat = reinterpret_cast<const std::uint8_t*>(beats[i].data());
        if (!hls::add_digits(beat, bytes, plane == 0, digits.data())) {
            return {SETUN_ERR_TRIT, i};
        }
        if (plane + 1 == c.planes) {
            const auto first = static_cast<std::uint32_t>(i / c.planes) * lanes;
            hls::embedding_row(digits.data(), std::min(lanes, c.k - first), c.f0, h + first);
        }
    }
    return {};
}

void append(const VectorCommand& c, const Operands& o) {
    const bool int8 = c.kind == SETUN_KV_INT8;
    setun_hls_kv_append(o.in<float>(0), o.in<std::int32_t>(1), o.in<float>(2),
                        int8 ? nullptr : o.out<float>(0), int8 ? nullptr : o.out<float>(1),
                        int8 ? o.out<std::int8_t>(0) : nullptr, int8 ? o.out<std::int8_t>(1) : nullptr,
                        o.out<float>(2), o.out<float>(3), c.m, c.k, c.columns, c.f0, c.kind);
}

void attend(const VectorCommand& c, std::uint32_t position, const Operands& o) {
    const bool int8 = c.kind == SETUN_KV_INT8;
    setun_hls_attention(o.in<float>(0), int8 ? nullptr : o.in<float>(1), int8 ? nullptr : o.in<float>(2),
                        int8 ? o.in<std::int8_t>(1) : nullptr, int8 ? o.in<std::int8_t>(2) : nullptr,
                        o.in<float>(3), o.in<float>(4), o.out<float>(0), c.m, c.columns, c.k, position + 1,
                        c.kind);
}

}  // namespace

CommandPlan plan(const VectorCommand& command, std::uint32_t position, std::uint32_t token,
                 const EngineGeometry& geometry) {
    check_geometry(geometry);
    const std::uint32_t error = check_fields(command, geometry);
    if (error != SETUN_ERR_NONE) {
        return {error, {}, {}, 0};
    }
    if (command.opcode == SETUN_OP_EMBED && token >= command.m) {
        return {SETUN_ERR_TOKEN, {}, {}, 0};
    }
    if (position >= positions_of(command)) {
        return {SETUN_ERR_POSITION, {}, {}, 0};
    }
    return Planner(command, position, token, geometry).take();
}

ExecuteResult execute(const VectorCommand& command, std::uint32_t position, std::uint32_t token,
                      const EngineGeometry& geometry, std::span<const std::span<const std::byte>> inputs,
                      std::span<const std::span<std::byte>> outputs) {
    const CommandPlan checked = plan(command, position, token, geometry);
    if (checked.error != SETUN_ERR_NONE) {
        return {checked.error, 0};
    }
    check_spans(checked.reads, inputs, "input");
    check_spans(checked.writes, outputs, "output");
    const VectorCommand& c = command;
    const Operands o(inputs, outputs);
    switch (c.opcode) {
        case SETUN_OP_NORM_QUANTIZE:
            setun_hls_norm_quantize(o.in<float>(0), o.in<float>(1), o.out<std::int8_t>(0), o.out<float>(1),
                                    c.k, c.f0, c.flags & SETUN_VFLAG_NO_GAIN);
            break;
        case SETUN_OP_ROPE:
            setun_hls_rope(o.in<std::int32_t>(0), o.in<float>(1), o.out<float>(0), c.m, c.k, c.columns, c.f0,
                           c.f1, position);
            break;
        case SETUN_OP_KV_APPEND:
            append(c, o);
            break;
        case SETUN_OP_ATTENTION:
            attend(c, position, o);
            break;
        case SETUN_OP_GATE:
            setun_hls_gate(o.in<std::int32_t>(0), o.in<std::int32_t>(1), o.in<float>(2), o.out<float>(0), c.m,
                           c.columns, c.f0, c.f1, c.kind);
            break;
        case SETUN_OP_RESIDUAL:
            std::memcpy(outputs[0].data(), inputs[2].data(), outputs[0].size());
            setun_hls_residual(o.in<std::int32_t>(0), o.in<float>(1), o.out<float>(0), c.m, c.columns, c.f0);
            break;
        case SETUN_OP_EMBED:
            return embed_beats(c, geometry, inputs, o.out<float>(0));
        default:
            setun_hls_argmax(o.in<std::int32_t>(0), o.in<float>(1), o.out<std::uint32_t>(0), c.m, c.columns,
                             c.f0);
            break;
    }
    return {};
}

}  // namespace setun::vp
