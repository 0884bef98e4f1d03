// The ternary product with AVX-512 (BW, VBMI, VNNI) and GFNI.
//
// A register holds the codes of one beat of 512 bits, or of 2 or 4 beats of 256 or 128. One byte permutation and
// one GF(2) product turn its bit planes into code bytes, table look-ups of 64 entries turn each code into its five
// weights as bytes v = 1 - w, and vpdpbusd adds v * x to 32-bit sums without saturation:
// sum(w * x) = sum(x) - sum(v * x). Lanes keep their order, so activations are only repeated for narrow beats.
#include "host/cpu/slice.h"

#include <algorithm>
#include <array>

#if defined(__x86_64__)
#include <immintrin.h>

#define SETUN_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,gfni")))
#define SETUN_AVX512_INLINE \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,gfni"), always_inline)) inline

namespace setun::cpu {
namespace {

constexpr std::size_t kRegister = 64;  // bytes; codes
constexpr unsigned kGroups = 5;        // weights of a code
constexpr std::size_t kSumLanes = 16;
/// Registers of sums of a row block, all tokens: half of a level-1 cache.
constexpr std::size_t kBlockSums = 256;
/// Rows of a block in registers when there is one token: pieces of 4 KiB in the stream.
constexpr std::size_t kLargestBlock = 64;

using Table = std::array<std::uint8_t, kRegister>;

constexpr std::uint8_t field(bool zero, bool negative) {
    return zero ? 1 : negative ? 2 : 0;
}

/// Bits b7 .. b2 of a code, b2 lowest, decide weights 4 and 3 and give esc, c4, c3 and c2
/// (docs/memory-format.md section 1).
struct High {
    bool esc, c4, c3, c2;
    std::uint8_t v4, v3;

    constexpr explicit High(unsigned index)
        : esc((index & 7U) == 7U),
          c4(bit(index, esc ? 5 : 2)),
          c3(bit(index, esc ? 4 : 1)),
          c2(bit(index, esc ? 3 : 0)),
          v4(field(esc || (bit(index, 4) && bit(index, 3)), bit(index, 5))),
          v3(field(esc || (bit(index, 4) && !bit(index, 3)), bit(index, bit(index, 4) ? 5 : 3))) {}

    static constexpr bool bit(unsigned value, unsigned at) { return ((value >> at) & 1U) != 0; }
};

/// esc, c4, c3, c2, b1 and b0, b0 lowest, decide weights 2, 1 and 0 and legality.
struct Low {
    std::uint8_t v2, v1, v0;
    bool illegal;

    constexpr explicit Low(unsigned index) : v2(0), v1(0), v0(0), illegal(false) {
        const auto bit = [index](unsigned at) { return High::bit(index, at); };
        const bool b0 = bit(0);
        const bool b1 = bit(1);
        const bool c2 = bit(2);
        const bool c3 = bit(3);
        const bool c4 = bit(4);
        const bool esc = bit(5);
        const bool a = b1 && b0;
        v2 = field(a || (c3 && c2), c4);
        v1 = field(!a && c3, a ? c4 : c2);
        v0 = field(a ? c3 : b1, a ? c2 : b0);
        illegal = c3 && c2 && (a || (esc && c4));
    }
};

constexpr bool is_zero(std::uint8_t v) { return v == 1; }

/// v3 in bits 1:0, the high four bits of the second index in bits 5:2, zeros among weights 4 and 3 in bits 7:6.
constexpr Table make_first() {
    Table table{};
    for (unsigned i = 0; i < table.size(); ++i) {
        const High h(i);
        const unsigned index = (h.esc ? 8U : 0U) | (h.c4 ? 4U : 0U) | (h.c3 ? 2U : 0U) | (h.c2 ? 1U : 0U);
        const unsigned zeros = (is_zero(h.v4) ? 1U : 0U) + (is_zero(h.v3) ? 1U : 0U);
        table[i] = static_cast<std::uint8_t>(h.v3 | index << 2U | zeros << 6U);
    }
    return table;
}

/// v0 in bits 1:0, zeros among weights 2, 1 and 0 in bits 3:2, illegal in bit 7.
constexpr Table make_second() {
    Table table{};
    for (unsigned i = 0; i < table.size(); ++i) {
        const Low l(i);
        const unsigned zeros = (is_zero(l.v2) ? 1U : 0U) + (is_zero(l.v1) ? 1U : 0U) + (is_zero(l.v0) ? 1U : 0U);
        table[i] = static_cast<std::uint8_t>(l.v0 | zeros << 2U | (l.illegal ? 0x80U : 0U));
    }
    return table;
}

constexpr Table make_v4() {
    Table table{};
    for (unsigned i = 0; i < table.size(); ++i) {
        table[i] = High(i).v4;
    }
    return table;
}

constexpr Table make_v2() {
    Table table{};
    for (unsigned i = 0; i < table.size(); ++i) {
        table[i] = Low(i).v2;
    }
    return table;
}

constexpr Table make_v1() {
    Table table{};
    for (unsigned i = 0; i < table.size(); ++i) {
        table[i] = Low(i).v1;
    }
    return table;
}

/// Brings the eight plane bytes of eight codes together, in the order that makes the GF(2) product with the unit
/// matrix give code bytes rotated right by two: bits b1, b0, b7, ..., b2.
template <std::size_t kBeat>
constexpr Table make_gather() {
    constexpr std::size_t kPlane = kBeat / 8;
    Table table{};
    for (std::size_t i = 0; i < table.size(); ++i) {
        const std::size_t beat = i / kBeat;
        const std::size_t group = i % kBeat / 8;            // of eight codes
        const std::size_t plane = (9 - i % 8) % 8;          // row 7 - n of the matrix gives bit n
        table[i] = static_cast<std::uint8_t>(beat * kBeat + plane * kPlane + group);
    }
    return table;
}

template <std::size_t kBeat>
struct Tables {
    alignas(kRegister) Table gather = make_gather<kBeat>();
    alignas(kRegister) Table first = make_first();
    alignas(kRegister) Table second = make_second();
    alignas(kRegister) Table v4 = make_v4();
    alignas(kRegister) Table v2 = make_v2();
    alignas(kRegister) Table v1 = make_v1();
};

template <std::size_t kBeat>
constexpr Tables<kBeat> kTables{};

SETUN_AVX512_INLINE __m512i load_table(const Table& table) { return _mm512_load_si512(table.data()); }

/// Accumulates what is not a product.
struct Tally {
    __m512i illegal;      // in bit 7 of any byte
    __m512i high_zeros;   // 64 times the zeros among weights 4 and 3, in 32-bit lanes
    __m512i low_zeros;    // 4 times the zeros among weights 2, 1 and 0
};

/// The five weights v of 64 codes.
struct Weights {
    __m512i v[kGroups];
};

/// Turns registers of beats into weights; its members stay in registers.
struct Decoder {
    __m512i gather, first, second, v4, v2, v1;

    template <std::size_t kBeat>
    SETUN_AVX512_INLINE static Decoder make() {
        const Tables<kBeat>& t = kTables<kBeat>;
        return {load_table(t.gather), load_table(t.first), load_table(t.second),
                load_table(t.v4),     load_table(t.v2),    load_table(t.v1)};
    }

    SETUN_AVX512_INLINE Weights decode(__m512i beat, Tally& tally) const {
        const __m512i unit = _mm512_set1_epi64(static_cast<long long>(0x8040201008040201ULL));
        const __m512i field_mask = _mm512_set1_epi8(0x03);
        const __m512i high_count = _mm512_set1_epi8(static_cast<char>(0xC0));
        const __m512i low_count = _mm512_set1_epi8(0x0C);
        const __m512i ones = _mm512_set1_epi8(1);
        const __m512i code = _mm512_gf2p8affine_epi64_epi8(unit, _mm512_permutexvar_epi8(gather, beat), 0);
        const __m512i a = _mm512_permutexvar_epi8(code, first);
        // Bits 1:0 of the index from the code's bits 7:6, bits 5:2 from the first table; look-ups ignore the rest.
        constexpr int kSelect = 0xE4;  // third ? first : second
        const __m512i index =
            _mm512_ternarylogic_epi64(_mm512_srli_epi16(code, 6), a, field_mask, kSelect);
        const __m512i b = _mm512_permutexvar_epi8(index, second);
        tally.illegal = _mm512_or_si512(tally.illegal, b);
        tally.high_zeros = _mm512_dpbusd_epi32(tally.high_zeros, _mm512_and_si512(a, high_count), ones);
        tally.low_zeros = _mm512_dpbusd_epi32(tally.low_zeros, _mm512_and_si512(b, low_count), ones);
        return {{_mm512_and_si512(b, field_mask), _mm512_permutexvar_epi8(index, v1),
                 _mm512_permutexvar_epi8(index, v2), _mm512_and_si512(a, field_mask),
                 _mm512_permutexvar_epi8(code, v4)}};
    }
};

/// One chunk of one plane of a row block.
struct Pass {
    const std::byte* beats = nullptr;
    const std::byte* next = nullptr;  ///< beats to prefetch: those of the next pass
    const std::int8_t* x = nullptr;   ///< first token's activations of the chunk, five registers
    std::size_t x_stride = 0;
    unsigned tokens = 0;
    std::size_t registers = 0;
    __mmask64 last = 0;  ///< bytes of the last register that belong to the rows
};

SETUN_AVX512_INLINE __m512i load_beats(const Pass& pass, std::size_t at) {
    const std::byte* const from = pass.beats + at * kRegister;
    _mm_prefetch(reinterpret_cast<const char*>(pass.next + at * kRegister), _MM_HINT_T0);
    // A beat of zero bytes holds legal codes without zero weights: nothing is counted for it.
    return at + 1 == pass.registers ? _mm512_maskz_loadu_epi8(pass.last, from) : _mm512_loadu_si512(from);
}

SETUN_AVX512_INLINE __m512i load_x(const std::int8_t* x, unsigned t) {
    return _mm512_load_si512(x + t * kRegister);
}

SETUN_AVX512_INLINE void add_products(std::int32_t* sums, const Weights& w, const __m512i x[kGroups]) {
    __m512i sum = _mm512_load_si512(sums);
    for (unsigned t = 0; t < kGroups; ++t) {
        sum = _mm512_dpbusd_epi32(sum, w.v[t], x[t]);
    }
    _mm512_store_si512(sums, sum);
}

/// One token: the activations stay in registers.
SETUN_AVX512_INLINE void run_one(const Decoder& decoder, const Pass& pass, std::int32_t* sums, Tally& tally) {
    __m512i x[kGroups];
    for (unsigned t = 0; t < kGroups; ++t) {
        x[t] = load_x(pass.x, t);
    }
    for (std::size_t at = 0; at < pass.registers; ++at) {
        add_products(sums + at * kSumLanes, decoder.decode(load_beats(pass, at), tally), x);
    }
}

/// Several tokens: the weights of two registers stay, and each activation that is loaded meets both.
SETUN_AVX512_INLINE void run_many(const Decoder& decoder, const Pass& pass, std::int32_t* sums, Tally& tally) {
    const std::size_t stride = pass.tokens * kSumLanes;
    for (std::size_t at = 0; at < pass.registers; at += 2) {
        const bool pair = at + 1 < pass.registers;
        const Weights a = decoder.decode(load_beats(pass, at), tally);
        const Weights b = pair ? decoder.decode(load_beats(pass, at + 1), tally) : a;
        std::int32_t* const row = sums + at * stride;
        for (unsigned token = 0; token < pass.tokens; ++token) {
            const std::int8_t* const from = pass.x + token * pass.x_stride;
            std::int32_t* const sum_a = row + token * kSumLanes;
            std::int32_t* const sum_b = sum_a + stride;  // of a register that is only padding when there is no pair
            __m512i first = _mm512_load_si512(sum_a);
            __m512i second = _mm512_load_si512(sum_b);
            for (unsigned t = 0; t < kGroups; ++t) {
                const __m512i x = load_x(from, t);
                first = _mm512_dpbusd_epi32(first, a.v[t], x);
                second = _mm512_dpbusd_epi32(second, b.v[t], x);
            }
            _mm512_store_si512(sum_a, first);
            _mm512_store_si512(sum_b, second);
        }
    }
}

/// The four 32-bit lanes of each 128-bit part of four registers, added: part p gets those of registers 0 to 3.
SETUN_AVX512_INLINE __m512i add_parts(__m512i a, __m512i b, __m512i c, __m512i d) {
    const __m512i ab = _mm512_add_epi32(_mm512_unpacklo_epi32(a, b), _mm512_unpackhi_epi32(a, b));
    const __m512i cd = _mm512_add_epi32(_mm512_unpacklo_epi32(c, d), _mm512_unpackhi_epi32(c, d));
    return _mm512_add_epi32(_mm512_unpacklo_epi64(ab, cd), _mm512_unpackhi_epi64(ab, cd));
}

/// out[row] = bias - the sum of the lanes of each row of four registers.
template <std::size_t kBeat>
SETUN_AVX512_INLINE void fold(__m512i parts, std::int32_t bias, std::int32_t* out) {
    if constexpr (kBeat == 16) {  // a part is a row
        const __m512i order = _mm512_setr_epi32(0, 4, 8, 12, 1, 5, 9, 13, 2, 6, 10, 14, 3, 7, 11, 15);
        _mm512_storeu_si512(out,
                            _mm512_sub_epi32(_mm512_set1_epi32(bias), _mm512_permutexvar_epi32(order, parts)));
        return;
    }
    const __m512i pairs = _mm512_add_epi32(parts, _mm512_shuffle_i64x2(parts, parts, 0xB1));
    if constexpr (kBeat == 32) {  // two parts
        const __m512i order = _mm512_setr_epi32(0, 8, 1, 9, 2, 10, 3, 11, 0, 0, 0, 0, 0, 0, 0, 0);
        const __m256i rows = _mm512_castsi512_si256(_mm512_permutexvar_epi32(order, pairs));
        _mm256_storeu_si256(reinterpret_cast<__m256i*>(out), _mm256_sub_epi32(_mm256_set1_epi32(bias), rows));
    } else if constexpr (kBeat == 64) {
        const __m512i all = _mm512_add_epi32(pairs, _mm512_shuffle_i64x2(pairs, pairs, 0x4E));
        _mm_storeu_si128(reinterpret_cast<__m128i*>(out),
                         _mm_sub_epi32(_mm_set1_epi32(bias), _mm512_castsi512_si128(all)));
    }
}

SETUN_AVX512_INLINE std::uint64_t add_lanes(__m512i x) {
    alignas(kRegister) std::array<std::uint32_t, kSumLanes> lanes{};
    _mm512_store_si512(lanes.data(), x);
    std::uint64_t sum = 0;
    for (const std::uint32_t lane : lanes) {
        sum += lane;
    }
    return sum;
}

/// Rows from .. to - 1 of the slice: all planes and chunks; sums begin at row `from`.
template <std::size_t kBeat>
SETUN_AVX512 SliceStatus run_block(const Slice& slice, std::uint32_t from, std::uint32_t to, std::int32_t* sums) {
    constexpr std::uint32_t kRows = kRegister / kBeat;
    alignas(kRegister) std::array<std::int32_t, kBlockSums * kSumLanes> block;
    Pass pass;
    pass.tokens = slice.tokens;
    pass.x_stride = slice.x_stride;
    pass.registers = (to - from + kRows - 1) / kRows;
    const std::size_t last_bytes = ((to - from) - (pass.registers - 1) * kRows) * kBeat;
    pass.last = ~std::uint64_t{0} >> (kRegister - last_bytes);
    const std::size_t used = (pass.registers + 3) / 4 * 4 * slice.tokens;
    std::fill_n(block.begin(), used * kSumLanes, 0);

    const Decoder decoder = Decoder::make<kBeat>();
    Tally tally = {_mm512_setzero_si512(), _mm512_setzero_si512(), _mm512_setzero_si512()};
    const std::size_t offset = std::size_t{from} * kBeat;
    std::int32_t weight_of_ones = 0;
    for (std::uint32_t plane = 0; plane < slice.planes; ++plane) {
        weight_of_ones = 3 * weight_of_ones + 1;
        for (std::size_t i = 0; i < used && plane != 0; ++i) {
            const __m512i sum = _mm512_load_si512(&block[i * kSumLanes]);
            _mm512_store_si512(&block[i * kSumLanes], _mm512_add_epi32(sum, _mm512_add_epi32(sum, sum)));
        }
        for (std::uint32_t chunk = 0; chunk < slice.chunks; ++chunk) {
            pass.beats = slice.beats(plane, chunk) + offset;
            // Behind the last pass come the next rows of the tile. A prefetch of what is not there is harmless.
            const bool ends = plane + 1 == slice.planes && chunk + 1 == slice.chunks;
            pass.next = ends ? slice.beats(0, 0) + std::size_t{to} * kBeat
                             : pass.beats + std::size_t{slice.tile_groups} * kBeat;
            pass.x = slice.x + std::size_t{chunk} * kGroups * kRegister;
            if (slice.tokens == 1) {
                run_one(decoder, pass, block.data(), tally);
            } else {
                run_many(decoder, pass, block.data(), tally);
            }
        }
    }

    for (std::size_t at = 0; at < pass.registers; at += 4) {
        for (unsigned token = 0; token < slice.tokens; ++token) {
            const auto sum = [&](std::size_t i) SETUN_AVX512 {
                return _mm512_load_si512(&block[((at + i) * slice.tokens + token) * kSumLanes]);
            };
            // Wraps around like the sums themselves; the result fits (docs/numerics.md section 2).
            const auto bias = static_cast<std::int32_t>(static_cast<std::uint32_t>(weight_of_ones) *
                                                        static_cast<std::uint32_t>(slice.x_sum[token]));
            fold<kBeat>(add_parts(sum(0), sum(1), sum(2), sum(3)), bias,
                        sums + token * slice.row_stride + at * kRows);
        }
    }
    const std::uint64_t all = std::uint64_t{to - from} * slice.planes * slice.chunks * kGroups * kBeat;
    const std::uint64_t zeros = add_lanes(tally.high_zeros) / 64 + add_lanes(tally.low_zeros) / 4;
    return {_mm512_movepi8_mask(tally.illegal) == 0, all - zeros};
}

template <std::size_t kBeat>
SliceStatus run(const Slice& slice, std::int32_t* sums) {
    constexpr std::size_t kRows = kRegister / kBeat;
    const std::size_t fits = kBlockSums / slice.tokens / 4 * 4;
    const auto step = static_cast<std::uint32_t>(std::min(fits, kLargestBlock) * kRows);
    SliceStatus status;
    for (std::uint32_t row = 0; row < slice.rows(); row += step) {
        const SliceStatus part = run_block<kBeat>(slice, row, std::min(row + step, slice.rows()), sums + row);
        status.legal = status.legal && part.legal;
        status.nonzero += part.nonzero;
    }
    return status;
}

std::size_t x_bytes(std::size_t, std::uint32_t chunks) { return std::size_t{chunks} * kGroups * kRegister; }

/// Vector (chunk, t): the beat's lanes of weight t, repeated over the register.
void prepare(std::span<const std::int8_t> x, std::size_t beat_bytes, std::span<std::int8_t> out) {
    std::fill(out.begin(), out.end(), std::int8_t{0});
    for (std::size_t k = 0; k < x.size(); k += beat_bytes) {
        const auto lanes = x.subspan(k, std::min(beat_bytes, x.size() - k));
        for (std::size_t at = 0; at < kRegister; at += beat_bytes) {
            std::copy(lanes.begin(), lanes.end(), out.begin() + static_cast<std::ptrdiff_t>(k / beat_bytes * kRegister + at));
        }
    }
}

SliceStatus run_any(const Slice& slice, std::int32_t* sums) {
    switch (slice.beat_bytes) {
        case 16:
            return run<16>(slice, sums);
        case 32:
            return run<32>(slice, sums);
        default:
            return run<64>(slice, sums);
    }
}

bool available() {
    return __builtin_cpu_supports("avx512f") != 0 && __builtin_cpu_supports("avx512bw") != 0 &&
           __builtin_cpu_supports("avx512vl") != 0 && __builtin_cpu_supports("avx512vbmi") != 0 &&
           __builtin_cpu_supports("avx512vnni") != 0 && __builtin_cpu_supports("gfni") != 0;
}

}  // namespace

const SlicePath& avx512_vnni_path() { return avx2_path(); }
const SlicePath& avx_vnni_path() { return avx2_path(); }
const SlicePath& avx512_path() {
    static constexpr SlicePath kPath{"AVX-512 VBMI", available, x_bytes, prepare, run_any};
    return kPath;
}

}  // namespace setun::cpu

#else

namespace setun::cpu {

const SlicePath& avx512_path() { return portable_path(); }

}  // namespace setun::cpu

#endif
