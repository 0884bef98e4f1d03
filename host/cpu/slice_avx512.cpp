// The ternary product with AVX-512 (BW, VBMI, VNNI) and GFNI.
//
// A register holds the codes of one beat of 512 bits, or of 2 or 4 beats of 256 or 128. One byte permutation
// and one GF(2) product turn its bit planes into code bytes, table look-ups of 64 entries turn each code into
// its five weights as bytes v = 1 - w, and vpdpbusd adds v * x to 32-bit sums without saturation: sum(w * x)
// = sum(x) - sum(v * x). Lanes keep their order, so activations are only repeated for narrow beats.
#include "host/cpu/slice.h"

#include <algorithm>
#include <array>
#include <numeric>

#if defined(__x86_64__)
#include <immintrin.h>

#define SETUN_AVX512 __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,gfni")))
#define SETUN_AVX512_LOOP \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,gfni"), noinline))
#define SETUN_AVX512_INLINE \
    __attribute__((target("avx512f,avx512bw,avx512vl,avx512vbmi,avx512vnni,gfni"), always_inline)) inline

namespace setun::cpu {
namespace {

constexpr std::size_t kRegister = 64;  // bytes; codes
constexpr unsigned kGroups = 5;        // weights of a code
constexpr std::size_t kSumLanes = 16;
/// Registers of sums of a row block, all tokens: half of a level-1 cache.
constexpr std::size_t kBlockSums = 256;
/// Registers of beats of a pass. A code has at most five zeros, so so many do not fill a byte.
constexpr std::size_t kPassRegisters = 48;
static_assert(5 * kPassRegisters < 255);
/// Registers of beats of a row block: long pieces of the stream, so that few pages are touched.
constexpr std::size_t kLargestBlock = 4 * kPassRegisters;

using Table = std::array<std::uint8_t, kRegister>;

constexpr std::uint8_t field(bool zero, bool negative) { return zero ? 1 : negative ? 2 : 0; }

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
    std::uint8_t v2 = 0;
    std::uint8_t v1 = 0;
    std::uint8_t v0 = 0;
    bool illegal = false;

    constexpr explicit Low(unsigned index) {
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

/// The second index without the code's own bits: v3 in bits 1:0, esc, c4, c3 and c2 in bits 5:2, in bit 6
/// whether exactly one of the weights 4 and 3 is zero (esc makes both zero).
constexpr std::uint8_t first_entry(unsigned i) {
    const High h(i);
    const unsigned index = (h.esc ? 8U : 0U) | (h.c4 ? 4U : 0U) | (h.c3 ? 2U : 0U) | (h.c2 ? 1U : 0U);
    const bool one_zero = is_zero(h.v4) != is_zero(h.v3);
    return static_cast<std::uint8_t>(h.v3 | index << 2U | (one_zero ? 0x40U : 0U));
}

/// Of a second index with bit 6: zero weights among the five, or kIllegal.
constexpr std::uint8_t kIllegal = 0xFF;
constexpr std::uint8_t count_entry(unsigned i) {
    const Low l(i % kRegister);
    const unsigned high_zeros = High::bit(i, 5) ? 2U : i / 64U;
    const unsigned zeros = (is_zero(l.v2) ? 1U : 0U) + (is_zero(l.v1) ? 1U : 0U) + (is_zero(l.v0) ? 1U : 0U);
    return l.illegal ? kIllegal : static_cast<std::uint8_t>(zeros + high_zeros);
}

constexpr std::uint8_t v4_entry(unsigned i) { return High(i).v4; }
constexpr std::uint8_t v2_entry(unsigned i) { return Low(i).v2; }
constexpr std::uint8_t v1_entry(unsigned i) { return Low(i).v1; }
constexpr std::uint8_t v0_entry(unsigned i) { return Low(i).v0; }

constexpr Table make_table(std::uint8_t (*entry)(unsigned), unsigned first = 0) {
    Table table{};
    for (unsigned i = 0; i < table.size(); ++i) {
        table[i] = entry(first + i);
    }
    return table;
}

/// Brings the eight plane bytes of eight codes together, in the order that makes the GF(2) product with the
/// unit matrix give code bytes rotated right by two: bits b1, b0, b7, ..., b2.
template <std::size_t kBeat>
constexpr Table make_gather() {
    constexpr std::size_t kPlane = kBeat / 8;
    Table table{};
    for (std::size_t i = 0; i < table.size(); ++i) {
        const std::size_t beat = i / kBeat;
        const std::size_t group = i % kBeat / 8;    // of eight codes
        const std::size_t plane = (9 - i % 8) % 8;  // row 7 - n of the matrix gives bit n
        table[i] = static_cast<std::uint8_t>(beat * kBeat + plane * kPlane + group);
    }
    return table;
}

/// Aligned, as the registers that hold it.
struct alignas(kRegister) RegisterTable {
    Table bytes;
};

template <std::size_t kBeat>
constexpr RegisterTable kGather{make_gather<kBeat>()};
constexpr RegisterTable kFirst{make_table(first_entry)};
constexpr RegisterTable kCountLow{make_table(count_entry)};
constexpr RegisterTable kCountHigh{make_table(count_entry, kRegister)};
constexpr RegisterTable kV4{make_table(v4_entry)};
constexpr RegisterTable kV2{make_table(v2_entry)};
constexpr RegisterTable kV1{make_table(v1_entry)};
constexpr RegisterTable kV0{make_table(v0_entry)};

SETUN_AVX512_INLINE __m512i load_table(const RegisterTable& table) {
    return _mm512_load_si512(table.bytes.data());
}

/// Accumulates what is not a product. The bytes are added with saturation: kIllegal fills one for good.
struct Tally {
    __m512i zeros;  // 64-bit lanes
    __mmask64 illegal;
    __m512i bytes;  // of the registers of one pass

    SETUN_AVX512_INLINE void fold() {
        zeros = _mm512_add_epi64(zeros, _mm512_sad_epu8(bytes, _mm512_setzero_si512()));
        illegal |= _mm512_cmpeq_epi8_mask(bytes, _mm512_set1_epi8(static_cast<char>(kIllegal)));
        bytes = _mm512_setzero_si512();
    }
};

/// The five weights v of 64 codes.
struct Weights {
    __m512i v[kGroups];
};

/// Turns registers of beats into weights; its members stay in registers.
struct Decoder {
    __m512i gather, first, count_low, count_high, v4, v2, v1, v0;

    template <std::size_t kBeat>
    SETUN_AVX512_INLINE static Decoder make() {
        return {load_table(kGather<kBeat>),
                load_table(kFirst),
                load_table(kCountLow),
                load_table(kCountHigh),
                load_table(kV4),
                load_table(kV2),
                load_table(kV1),
                load_table(kV0)};
    }

    /// The codes of a register of beats, each rotated right by two bits.
    SETUN_AVX512_INLINE __m512i codes(__m512i beat) const {
        const __m512i unit = _mm512_set1_epi64(static_cast<long long>(0x8040201008040201ULL));
        return _mm512_gf2p8affine_epi64_epi8(unit, _mm512_permutexvar_epi8(gather, beat), 0);
    }

    SETUN_AVX512_INLINE Weights look_up(__m512i code, Tally& tally) const {
        const __m512i low_bits = _mm512_set1_epi8(0x03);
        const __m512i a = _mm512_permutexvar_epi8(code, first);
        // Bits 1:0 of the index from the code's bits 7:6, the others from the first table; look-ups ignore
        // the bits that they do not need.
        constexpr int kSelect = 0xE4;  // third ? first : second
        const __m512i index = _mm512_ternarylogic_epi64(_mm512_srli_epi16(code, 6), a, low_bits, kSelect);
        tally.bytes = _mm512_adds_epu8(tally.bytes, _mm512_permutex2var_epi8(count_low, index, count_high));
        return {{_mm512_permutexvar_epi8(index, v0), _mm512_permutexvar_epi8(index, v1),
                 _mm512_permutexvar_epi8(index, v2), _mm512_and_si512(a, low_bits),
                 _mm512_permutexvar_epi8(code, v4)}};
    }

    SETUN_AVX512_INLINE Weights decode(__m512i beat, Tally& tally) const {
        return look_up(codes(beat), tally);
    }
};

/// Registers of one chunk of one plane.
struct Pass {
    const std::byte* beats = nullptr;
    const std::byte* next = nullptr;  ///< beats to prefetch: those of the next pass
    const std::int8_t* x = nullptr;   ///< first token's activations of the chunk, five registers
    std::size_t x_stride = 0;
    unsigned tokens = 0;
    std::size_t registers = 0;
    __mmask64 rest = 0;  ///< bytes of a last register that is not full
};

/// Brings the next chunk's beats as far as the second cache, where many reads can be under way, and the beats
/// soon due to the first.
constexpr std::size_t kNear = 12;
SETUN_AVX512_INLINE __m512i load_beats(const Pass& pass, std::size_t at) {
    _mm_prefetch(reinterpret_cast<const char*>(pass.next + at * kRegister), _MM_HINT_T1);
    _mm_prefetch(reinterpret_cast<const char*>(pass.beats + (at + kNear) * kRegister), _MM_HINT_T0);
    return _mm512_loadu_si512(pass.beats + at * kRegister);
}

/// The beats behind the full registers. A beat of zero bytes holds legal codes without zero weights: nothing
/// is counted for it.
SETUN_AVX512_INLINE __m512i load_rest(const Pass& pass) {
    return _mm512_maskz_loadu_epi8(pass.rest, pass.beats + pass.registers * kRegister);
}

SETUN_AVX512_INLINE __m512i load_x(const std::int8_t* x, unsigned t) {
    return _mm512_load_si512(x + t * kRegister);
}

SETUN_AVX512_INLINE void add_products(std::int32_t* sums, const Weights& w, const __m512i x[kGroups]) {
    __m512i sum = _mm512_load_si512(sums);
    for (unsigned t = kGroups; t-- > 0;) {  // weight 4 is decoded first
        sum = _mm512_dpbusd_epi32(sum, w.v[t], x[t]);
    }
    _mm512_store_si512(sums, sum);
}

/// Two rows at once: neither waits for the other's additions.
SETUN_AVX512_INLINE void add_two(std::int32_t* sums, const Weights& a, const Weights& b,
                                 const __m512i x[kGroups]) {
    __m512i first = _mm512_load_si512(sums);
    __m512i second = _mm512_load_si512(sums + kSumLanes);
    for (unsigned t = kGroups; t-- > 0;) {
        first = _mm512_dpbusd_epi32(first, a.v[t], x[t]);
        second = _mm512_dpbusd_epi32(second, b.v[t], x[t]);
    }
    _mm512_store_si512(sums, first);
    _mm512_store_si512(sums + kSumLanes, second);
}

// The loops are functions of their own, because the compiler then keeps tables and activations in registers.

/// One token: the activations stay in registers.
template <std::size_t kBeat>
SETUN_AVX512_LOOP void run_one(const Pass& pass, std::int32_t* sums, Tally& out) {
    const Decoder decoder = Decoder::make<kBeat>();
    Tally tally = out;
    __m512i x[kGroups];
    for (unsigned t = 0; t < kGroups; ++t) {
        x[t] = load_x(pass.x, t);
    }
    const std::size_t registers = pass.registers;
    std::size_t at = 0;
    for (; at + 1 < registers; at += 2) {
        const __m512i a = decoder.codes(load_beats(pass, at));
        const __m512i b = decoder.codes(load_beats(pass, at + 1));
        add_two(sums + at * kSumLanes, decoder.look_up(a, tally), decoder.look_up(b, tally), x);
    }
    if (at < registers) {
        add_products(sums + at * kSumLanes, decoder.decode(load_beats(pass, at), tally), x);
    }
    if (pass.rest != 0) {
        add_products(sums + registers * kSumLanes, decoder.decode(load_rest(pass), tally), x);
    }
    tally.fold();
    out = tally;
}

/// Several tokens: the weights of two registers stay, and each activation that is loaded meets both.
template <std::size_t kBeat>
SETUN_AVX512_LOOP void run_many(const Pass& pass, std::int32_t* sums, Tally& out) {
    const Decoder decoder = Decoder::make<kBeat>();
    Tally tally = out;
    const std::size_t stride = pass.tokens * kSumLanes;
    const auto add = [&](std::size_t at, const Weights& a, const Weights& b) SETUN_AVX512 {
        for (unsigned token = 0; token < pass.tokens; ++token) {
            const std::int8_t* const from = pass.x + token * pass.x_stride;
            std::int32_t* const sum_a = sums + at * stride + token * kSumLanes;
            std::int32_t* const sum_b = sum_a + stride;
            __m512i first = _mm512_load_si512(sum_a);
            __m512i second = _mm512_load_si512(sum_b);
            for (unsigned t = kGroups; t-- > 0;) {
                __m512i x = load_x(from, t);
                __asm__("" : "+v"(x));  // loaded once, not by each of its two users
                first = _mm512_dpbusd_epi32(first, a.v[t], x);
                second = _mm512_dpbusd_epi32(second, b.v[t], x);
            }
            _mm512_store_si512(sum_a, first);
            _mm512_store_si512(sum_b, second);
        }
    };
    std::size_t at = 0;
    for (; at + 1 < pass.registers; at += 2) {
        const Weights a = decoder.decode(load_beats(pass, at), tally);
        const Weights b = decoder.decode(load_beats(pass, at + 1), tally);
        add(at, a, b);
    }
    // A last register has padding for its neighbour, whose sums nobody reads.
    if (at < pass.registers) {
        const Weights a = decoder.decode(load_beats(pass, at), tally);
        const Weights b = pass.rest != 0 ? decoder.decode(load_rest(pass), tally) : a;
        add(at, a, b);
    } else if (pass.rest != 0) {
        const Weights a = decoder.decode(load_rest(pass), tally);
        add(at, a, a);
    }
    tally.fold();
    out = tally;
}

/// The four 32-bit lanes of each 128-bit part of four registers, added: part p gets those of registers 0
/// to 3.
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
        _mm512_storeu_si512(
            out, _mm512_sub_epi32(_mm512_set1_epi32(bias), _mm512_permutexvar_epi32(order, parts)));
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

/// Rows from .. to - 1 of the slice: all planes and chunks; sums begin at row `from`.
template <std::size_t kBeat>
SETUN_AVX512 SliceStatus run_block(const Slice& slice, std::uint32_t from, std::uint32_t to,
                                   std::int32_t* sums) {
    constexpr std::uint32_t kRows = kRegister / kBeat;
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-member-init): what is used is filled below
    alignas(kRegister) std::array<std::int32_t, kBlockSums * kSumLanes> block;
    Pass pass;
    pass.tokens = slice.tokens;
    pass.x_stride = slice.x_stride;
    const std::size_t full_registers = (to - from) / kRows;
    const std::size_t rest_bytes = (to - from) % kRows * kBeat;
    const std::size_t all_registers = full_registers + (rest_bytes != 0 ? 1 : 0);
    const std::size_t used = (all_registers + 3) / 4 * 4 * slice.tokens;
    std::fill_n(block.begin(), used * kSumLanes, 0);

    Tally tally = {_mm512_setzero_si512(), 0, _mm512_setzero_si512()};
    const std::size_t offset = std::size_t{from} * kBeat;
    std::int32_t weight_of_ones = 0;
    for (std::uint32_t plane = 0; plane < slice.planes; ++plane) {
        weight_of_ones = 3 * weight_of_ones + 1;
        for (std::size_t i = 0; i < used && plane != 0; ++i) {
            const __m512i sum = _mm512_load_si512(&block[i * kSumLanes]);
            _mm512_store_si512(&block[i * kSumLanes], _mm512_add_epi32(sum, _mm512_add_epi32(sum, sum)));
        }
        for (std::uint32_t chunk = 0; chunk < slice.chunks; ++chunk) {
            const std::byte* const beats = slice.beats(plane, chunk) + offset;
            // Behind the last chunk come the next rows of the tile. A prefetch of what is not there is
            // harmless.
            const bool ends = plane + 1 == slice.planes && chunk + 1 == slice.chunks;
            const std::byte* const next = ends ? slice.beats(0, 0) + std::size_t{to} * kBeat
                                               : beats + std::size_t{slice.tile_groups} * kBeat;
            pass.x = slice.x + std::size_t{chunk} * kGroups * kRegister;
            for (std::size_t at = 0; at < all_registers; at += kPassRegisters) {
                const std::size_t end = at + kPassRegisters;
                pass.registers = std::min(full_registers, end) - std::min(full_registers, at);
                pass.rest = end < all_registers || rest_bytes == 0 ? 0 : (__mmask64{1} << rest_bytes) - 1;
                pass.beats = beats + at * kRegister;
                pass.next = next + at * kRegister;
                std::int32_t* const block_sums = &block[at * slice.tokens * kSumLanes];
                if (slice.tokens == 1) {
                    run_one<kBeat>(pass, block_sums, tally);
                } else {
                    run_many<kBeat>(pass, block_sums, tally);
                }
            }
        }
    }

    for (std::size_t at = 0; at < all_registers; at += 4) {
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
    alignas(kRegister) std::array<std::uint64_t, 8> zeros{};
    _mm512_store_si512(zeros.data(), tally.zeros);
    return {tally.illegal == 0, all - std::accumulate(zeros.begin(), zeros.end(), std::uint64_t{0})};
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
            std::copy(lanes.begin(), lanes.end(),
                      out.begin() + static_cast<std::ptrdiff_t>(k / beat_bytes * kRegister + at));
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

const SlicePath& avx512_path() {
    static constexpr SlicePath kPath{"AVX-512 VBMI", available, x_bytes, prepare, run_any};
    return kPath;
}

}  // namespace setun::cpu

#else

namespace setun::cpu {

const SlicePath& avx512_path() { return absent_path(); }

}  // namespace setun::cpu

#endif
