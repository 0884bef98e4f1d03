// The ternary product with 256-bit vectors: the body of the paths AVX2, AVX-VNNI and AVX-512 VNNI.
//
// Include once in a source file, inside no namespace, with SETUN_PLANES_TARGET as the instruction sets of its
// functions, and for VNNI with SETUN_PLANES_DPBUSD as the intrinsic that adds four byte products to 32-bit
// sums.
//
// A 256-bit register holds one bit plane of 4, 8 or 16 consecutive beats (rows) of a chunk, so the T5 code is
// decoded for 1280 weights in some 45 operations. Decoding gives, for each lane, v = 1 - w as two bits (w = 0
// -> 1, w = -1 -> 2), and sum(w * x) = sum(x) - sum(v * x). The two bits of neighbouring lanes are
// interleaved so that masking a register leaves a byte v or 4 v of every fourth lane, ready for the
// unsigned-by-signed multiply-add; activations are stored in that order once for a product.
#pragma once

#include "host/cpu/slice.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <type_traits>

#include "host/packing.h"

#include <immintrin.h>

#define SETUN_PLANES __attribute__((target(SETUN_PLANES_TARGET)))
#define SETUN_PLANES_INLINE __attribute__((target(SETUN_PLANES_TARGET), always_inline)) inline

namespace setun::cpu {
namespace {

constexpr std::size_t kRegister = 32;     // bytes
constexpr std::size_t kBlockBytes = 256;  // beats decoded together: eight registers
constexpr unsigned kGroups = 5;           // weights of a code
constexpr unsigned kVectors = 8 * kGroups;

/// Bit planes 0 to 7 of a block of beats, rows in ascending order.
struct Planes {
    __m256i b[8];
};

/// Masks of a block for each weight of the code: it is zero, it is -1.
struct Masks {
    __m256i zero[kGroups];
    __m256i minus[kGroups];
};

/// Accumulates what is not a product.
struct Tally {
    __m256i illegal;
    __m256i zeros;  // four 64-bit counts
};

SETUN_PLANES_INLINE __m128i load_half(const std::byte* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

/// Sixteen bytes at `low`, sixteen at `high`.
SETUN_PLANES_INLINE __m256i load_halves(const std::byte* low, const std::byte* high) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load_half(low)), load_half(high), 1);
}

/// Four beats of 64 bytes: planes are 64-bit words.
SETUN_PLANES_INLINE Planes planes_of_64(const std::byte* beats) {
    Planes out;
    for (unsigned pair = 0; pair < 4; ++pair) {
        const std::byte* const at = beats + 16 * pair;
        const __m256i even = load_halves(at, at + 128);      // rows 0 and 2
        const __m256i odd = load_halves(at + 64, at + 192);  // rows 1 and 3
        out.b[2 * pair] = _mm256_unpacklo_epi64(even, odd);
        out.b[2 * pair + 1] = _mm256_unpackhi_epi64(even, odd);
    }
    return out;
}

/// Eight beats of 32 bytes: planes are 32-bit words.
SETUN_PLANES_INLINE Planes planes_of_32(const std::byte* beats) {
    Planes out;
    for (unsigned half = 0; half < 2; ++half) {
        __m256i row[4];
        for (unsigned r = 0; r < 4; ++r) {
            const std::byte* const at = beats + 32 * r + 16 * half;
            row[r] = load_halves(at, at + 128);  // rows r and r + 4
        }
        const __m256i low01 = _mm256_unpacklo_epi32(row[0], row[1]);
        const __m256i high01 = _mm256_unpackhi_epi32(row[0], row[1]);
        const __m256i low23 = _mm256_unpacklo_epi32(row[2], row[3]);
        const __m256i high23 = _mm256_unpackhi_epi32(row[2], row[3]);
        out.b[4 * half] = _mm256_unpacklo_epi64(low01, low23);
        out.b[4 * half + 1] = _mm256_unpackhi_epi64(low01, low23);
        out.b[4 * half + 2] = _mm256_unpacklo_epi64(high01, high23);
        out.b[4 * half + 3] = _mm256_unpackhi_epi64(high01, high23);
    }
    return out;
}

/// Sixteen beats of 16 bytes: planes are 16-bit words.
SETUN_PLANES_INLINE Planes planes_of_16(const std::byte* beats) {
    __m256i pair[8];  // after the first step: words 0-3 and 4-7 of rows (0,1), (2,3), ...
    for (unsigned r = 0; r < 4; ++r) {
        const std::byte* const at = beats + 32 * r;
        const __m256i even = load_halves(at, at + 128);
        const __m256i odd = load_halves(at + 16, at + 144);
        pair[2 * r] = _mm256_unpacklo_epi16(even, odd);
        pair[2 * r + 1] = _mm256_unpackhi_epi16(even, odd);
    }
    Planes out;
    for (unsigned half = 0; half < 2; ++half) {
        const __m256i low_a = _mm256_unpacklo_epi32(pair[half], pair[2 + half]);
        const __m256i high_a = _mm256_unpackhi_epi32(pair[half], pair[2 + half]);
        const __m256i low_b = _mm256_unpacklo_epi32(pair[4 + half], pair[6 + half]);
        const __m256i high_b = _mm256_unpackhi_epi32(pair[4 + half], pair[6 + half]);
        out.b[4 * half] = _mm256_unpacklo_epi64(low_a, low_b);
        out.b[4 * half + 1] = _mm256_unpackhi_epi64(low_a, low_b);
        out.b[4 * half + 2] = _mm256_unpacklo_epi64(high_a, high_b);
        out.b[4 * half + 3] = _mm256_unpackhi_epi64(high_a, high_b);
    }
    return out;
}

template <std::size_t kBeat>
SETUN_PLANES_INLINE Planes planes_of(const std::byte* beats) {
    if constexpr (kBeat == 64) {
        return planes_of_64(beats);
    } else if constexpr (kBeat == 32) {
        return planes_of_32(beats);
    } else {
        return planes_of_16(beats);
    }
}

/// Number of ones in each 64-bit word.
SETUN_PLANES_INLINE __m256i popcount(__m256i x) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                           0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i nibble = _mm256_set1_epi8(0x0F);
    const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, nibble));
    const __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
    return _mm256_add_epi8(low, high);
}

/// Adds the ones of five masks to the counts: two full adders leave three words to count in place of five.
SETUN_PLANES_INLINE void count_zeros(const __m256i zero[kGroups], Tally& tally) {
    const __m256i half_a = _mm256_xor_si256(zero[0], zero[1]);
    const __m256i ones_a = _mm256_xor_si256(half_a, zero[2]);
    const __m256i twos_a =
        _mm256_or_si256(_mm256_and_si256(zero[0], zero[1]), _mm256_and_si256(half_a, zero[2]));
    const __m256i half_b = _mm256_xor_si256(ones_a, zero[3]);
    const __m256i ones_b = _mm256_xor_si256(half_b, zero[4]);
    const __m256i twos_b =
        _mm256_or_si256(_mm256_and_si256(ones_a, zero[3]), _mm256_and_si256(half_b, zero[4]));
    const __m256i twos = _mm256_add_epi8(popcount(twos_a), popcount(twos_b));
    const __m256i bytes = _mm256_add_epi8(popcount(ones_b), _mm256_add_epi8(twos, twos));  // at most 40
    tally.zeros = _mm256_add_epi64(tally.zeros, _mm256_sad_epu8(bytes, _mm256_setzero_si256()));
}

/// a where mask, else b.
SETUN_PLANES_INLINE __m256i select(__m256i mask, __m256i a, __m256i b) {
    return _mm256_xor_si256(b, _mm256_and_si256(mask, _mm256_xor_si256(a, b)));
}

/// The T5 code, docs/memory-format.md section 1.
SETUN_PLANES_INLINE void decode(const Planes& planes, Masks& masks, Tally& tally) {
    const __m256i* const b = planes.b;
    const __m256i esc = _mm256_and_si256(_mm256_and_si256(b[4], b[3]), b[2]);
    const __m256i c4 = select(esc, b[7], b[4]);
    const __m256i c3 = select(esc, b[6], b[3]);
    const __m256i c2 = select(esc, b[5], b[2]);
    const __m256i a = _mm256_and_si256(b[1], b[0]);
    const __m256i both = _mm256_and_si256(c3, c2);
    tally.illegal =
        _mm256_or_si256(tally.illegal, _mm256_and_si256(both, _mm256_or_si256(a, _mm256_and_si256(esc, c4))));

    __m256i* const zero = masks.zero;
    zero[4] = _mm256_or_si256(esc, _mm256_and_si256(b[6], b[5]));
    zero[3] = _mm256_or_si256(esc, _mm256_andnot_si256(b[5], b[6]));
    zero[2] = _mm256_or_si256(a, both);
    zero[1] = _mm256_andnot_si256(a, c3);
    zero[0] = select(a, c3, b[1]);
    count_zeros(zero, tally);
    masks.minus[4] = _mm256_andnot_si256(zero[4], b[7]);
    masks.minus[3] = _mm256_andnot_si256(zero[3], select(b[6], b[7], b[5]));
    masks.minus[2] = _mm256_andnot_si256(zero[2], c4);
    masks.minus[1] = _mm256_andnot_si256(zero[1], select(a, c4, c2));
    masks.minus[0] = _mm256_andnot_si256(zero[0], select(a, c2, b[0]));
}

/// Two-bit fields v of one weight of the code: of the even and of the odd lanes of each byte, lane i in bits
/// i + 1 : i and i : i - 1.
struct Fields {
    __m256i even;
    __m256i odd;
};

SETUN_PLANES_INLINE Fields fields_of(__m256i zero, __m256i minus) {
    const __m256i low = _mm256_set1_epi8(0x55);
    const __m256i high = _mm256_set1_epi8(static_cast<char>(0xAA));
    const __m256i minus_even = _mm256_and_si256(minus, low);
    return {
        _mm256_or_si256(_mm256_and_si256(zero, low), _mm256_add_epi8(minus_even, minus_even)),
        _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(zero, 1), low), _mm256_and_si256(minus, high))};
}

/// One chunk of one token's activations: vector (t, j) repeated over the rows of a block.
constexpr std::size_t kInputBytes = kVectors * kRegister;

SETUN_PLANES_INLINE __m256i load_x(const std::int8_t* inputs, unsigned t, unsigned lane) {
    return _mm256_load_si256(reinterpret_cast<const __m256i*>(inputs + (8 * t + lane) * kRegister));
}

/// Sums of 16-bit pairs of v * x. |v * x| <= 2 * 128 and each lane of `one` takes 20 pairs: at most 10,240.
/// Fields that stand two bits higher give 4 v * x: 12 pairs in `four_a` reach 24,576, 8 in `four_b` 16,384.
struct PairProducts {
    __m256i one;
    __m256i four_a;
    __m256i four_b;
};

SETUN_PLANES_INLINE PairProducts no_pairs() {
    const __m256i zero = _mm256_setzero_si256();
    return {zero, zero, zero};
}

SETUN_PLANES_INLINE void multiply(const Fields& fields, const std::int8_t* inputs, unsigned t,
                                  PairProducts& out) {
    const __m256i low = _mm256_set1_epi8(0x03);
    const __m256i high = _mm256_set1_epi8(0x0C);
    __m256i& four = t < 3 ? out.four_a : out.four_b;
    const auto add = [&](__m256i v, unsigned lane) SETUN_PLANES {
        const __m256i one = _mm256_maddubs_epi16(_mm256_and_si256(v, low), load_x(inputs, t, lane));
        const __m256i quad = _mm256_maddubs_epi16(_mm256_and_si256(v, high), load_x(inputs, t, lane + 2));
        out.one = _mm256_add_epi16(out.one, one);
        four = _mm256_add_epi16(four, quad);
    };
    add(fields.even, 0);
    add(fields.odd, 1);
    add(_mm256_srli_epi16(fields.even, 4), 4);
    add(_mm256_srli_epi16(fields.odd, 4), 5);
}

SETUN_PLANES_INLINE void subtract(std::int32_t* sums, __m256i part) {
    auto* const at = reinterpret_cast<__m256i*>(sums);
    _mm256_storeu_si256(at, _mm256_sub_epi32(_mm256_loadu_si256(at), part));
}

/// Both kinds of products as one sum: `fours` holds 4 * v * x.
SETUN_PLANES_INLINE __m256i quarter(__m256i one, __m256i fours) {
    return _mm256_add_epi32(one, _mm256_srai_epi32(fours, 2));
}

/// Sixteen-bit lanes of the same row added up, as 32-bit: sums[row] -= sum(v * x).
template <std::size_t kBeat>
SETUN_PLANES_INLINE void accumulate(const PairProducts& p, std::int32_t* sums) {
    if constexpr (kBeat == 16) {
        for (int half = 0; half < 2; ++half) {
            const __m128i one =
                half == 0 ? _mm256_castsi256_si128(p.one) : _mm256_extracti128_si256(p.one, 1);
            const __m128i a =
                half == 0 ? _mm256_castsi256_si128(p.four_a) : _mm256_extracti128_si256(p.four_a, 1);
            const __m128i b =
                half == 0 ? _mm256_castsi256_si128(p.four_b) : _mm256_extracti128_si256(p.four_b, 1);
            const __m256i fours = _mm256_add_epi32(_mm256_cvtepi16_epi32(a), _mm256_cvtepi16_epi32(b));
            subtract(sums + 8 * half, quarter(_mm256_cvtepi16_epi32(one), fours));
        }
        return;
    }
    const __m256i unit = _mm256_set1_epi16(1);
    const __m256i fours =
        _mm256_add_epi32(_mm256_madd_epi16(p.four_a, unit), _mm256_madd_epi16(p.four_b, unit));
    const __m256i pairs = quarter(_mm256_madd_epi16(p.one, unit), fours);
    if constexpr (kBeat == 32) {
        subtract(sums, pairs);
    } else if constexpr (kBeat == 64) {
        const __m256i rows = _mm256_permute4x64_epi64(_mm256_hadd_epi32(pairs, pairs), 0x08);
        auto* const at = reinterpret_cast<__m128i*>(sums);
        _mm_storeu_si128(at, _mm_sub_epi32(_mm_loadu_si128(at), _mm256_castsi256_si128(rows)));
    }
}

#ifdef SETUN_PLANES_DPBUSD

/// 32-bit sums of v * x, of 4 v * x, 16 v * x and 64 v * x: one for each place of a field in its byte.
struct QuadProducts {
    __m256i sum[4];
};

SETUN_PLANES_INLINE QuadProducts no_quads() {
    const __m256i zero = _mm256_setzero_si256();
    return {{zero, zero, zero, zero}};
}

SETUN_PLANES_INLINE void multiply(const Fields& fields, const std::int8_t* inputs, unsigned t,
                                  QuadProducts& out) {
    constexpr unsigned char kPlace[4] = {0x03, 0x0C, 0x30, 0xC0};
    for (unsigned place = 0; place < 4; ++place) {
        const __m256i mask = _mm256_set1_epi8(static_cast<char>(kPlace[place]));
        __m256i& sum = out.sum[place];
        sum = SETUN_PLANES_DPBUSD(sum, _mm256_and_si256(fields.even, mask), load_x(inputs, t, 2 * place));
        sum = SETUN_PLANES_DPBUSD(sum, _mm256_and_si256(fields.odd, mask), load_x(inputs, t, 2 * place + 1));
    }
}

/// Sums of v * x in 32-bit lanes. Each sum is a multiple of its factor, so the shifts are exact.
SETUN_PLANES_INLINE __m256i add_places(const QuadProducts& p) {
    const __m256i high = _mm256_add_epi32(_mm256_srai_epi32(p.sum[3], 2), p.sum[2]);
    const __m256i middle = _mm256_add_epi32(_mm256_srai_epi32(high, 2), p.sum[1]);
    return _mm256_add_epi32(_mm256_srai_epi32(middle, 2), p.sum[0]);
}

/// Lanes of the same row added up: sums[row] -= sum(v * x). A sum has the lanes of two neighbours already.
template <std::size_t kBeat>
SETUN_PLANES_INLINE void accumulate(const QuadProducts& p, std::int32_t* sums) {
    const __m256i lanes = add_places(p);
    if constexpr (kBeat == 32) {
        subtract(sums, lanes);
    } else if constexpr (kBeat == 64) {
        const __m256i rows = _mm256_permute4x64_epi64(_mm256_hadd_epi32(lanes, lanes), 0x08);
        auto* const at = reinterpret_cast<__m128i*>(sums);
        _mm_storeu_si128(at, _mm_sub_epi32(_mm_loadu_si128(at), _mm256_castsi256_si128(rows)));
    }
}

/// Four bytes of a plane of a narrow beat belong to two rows: its products are added in pairs.
template <std::size_t kBeat>
using Products = std::conditional_t<kBeat == 16, PairProducts, QuadProducts>;

template <std::size_t kBeat>
SETUN_PLANES_INLINE Products<kBeat> no_products() {
    if constexpr (kBeat == 16) {
        return no_pairs();
    } else {
        return no_quads();
    }
}

#else

template <std::size_t kBeat>
using Products = PairProducts;

template <std::size_t kBeat>
SETUN_PLANES_INLINE Products<kBeat> no_products() {
    return no_pairs();
}

#endif

/// One chunk of one plane: all rows of the slice, all tokens.
template <std::size_t kBeat>
SETUN_PLANES void run_chunk(const Slice& slice, const std::byte* beats, const std::int8_t* inputs,
                            std::int32_t* sums, Tally& out) {
    constexpr std::uint32_t kRows = kBlockBytes / kBeat;
    Tally tally = out;
    const std::uint32_t whole = slice.rows() - slice.rows() % kRows;
    alignas(kRegister) std::array<std::byte, kBlockBytes> rest;
    if (whole != slice.rows()) {
        for (std::size_t at = 0; at < kBlockBytes; at += kBeat) {
            fill_zero_beat({rest.data() + at, kBeat});
        }
        std::memcpy(rest.data(), beats + whole * kBeat, (slice.rows() - whole) * kBeat);
    }
    for (std::uint32_t row = 0; row < slice.rows(); row += kRows) {
        // The next chunk's beats of these rows. A prefetch of what is not there is harmless.
        const std::byte* const next = beats + (std::size_t{slice.tile_groups} + row) * kBeat;
        for (std::size_t at = 0; at < kBlockBytes; at += 64) {
            _mm_prefetch(reinterpret_cast<const char*>(next + at), _MM_HINT_T1);
        }
        const std::byte* const block = row < whole ? beats + row * kBeat : rest.data();
        Masks masks;
        decode(planes_of<kBeat>(block), masks, tally);
        if (slice.tokens == 1) {
            Products<kBeat> products = no_products<kBeat>();
#pragma GCC unroll 5
            for (unsigned t = 0; t < kGroups; ++t) {
                multiply(fields_of(masks.zero[t], masks.minus[t]), inputs, t, products);
            }
            accumulate<kBeat>(products, sums + row);
            continue;
        }
        Fields fields[kGroups];
        for (unsigned t = 0; t < kGroups; ++t) {
            fields[t] = fields_of(masks.zero[t], masks.minus[t]);
        }
        for (unsigned token = 0; token < slice.tokens; ++token) {
            Products<kBeat> products = no_products<kBeat>();
#pragma GCC unroll 5
            for (unsigned t = 0; t < kGroups; ++t) {
                multiply(fields[t], inputs + token * slice.x_stride, t, products);
            }
            accumulate<kBeat>(products, sums + token * slice.row_stride + row);
        }
    }
    out = tally;
}

template <std::size_t kBeat>
SETUN_PLANES SliceStatus run(const Slice& slice, std::int32_t* sums) {
    Tally tally = {_mm256_setzero_si256(), _mm256_setzero_si256()};
    std::fill_n(sums, slice.tokens * slice.row_stride, 0);
    for (std::uint32_t plane = 0; plane < slice.planes; ++plane) {
        for (unsigned token = 0; token < slice.tokens; ++token) {
            for (std::size_t row = 0; row < slice.row_stride; ++row) {
                std::int32_t& sum = sums[token * slice.row_stride + row];
                sum = 3 * sum + slice.x_sum[token];
            }
        }
        for (std::uint32_t chunk = 0; chunk < slice.chunks; ++chunk) {
            run_chunk<kBeat>(slice, slice.beats(plane, chunk), slice.x + chunk * kInputBytes, sums, tally);
        }
    }
    alignas(kRegister) std::array<std::uint64_t, 4> zeros{};
    _mm256_store_si256(reinterpret_cast<__m256i*>(zeros.data()), tally.zeros);
    constexpr std::uint32_t kRows = kBlockBytes / kBeat;
    const std::uint64_t rows =
        (slice.rows() + kRows - 1) / kRows * kRows;  // with the zero rows of a last block
    const std::uint64_t all = rows * slice.planes * slice.chunks * 5 * kBeat;
    return {_mm256_testz_si256(tally.illegal, tally.illegal) != 0,
            all - (zeros[0] + zeros[1] + zeros[2] + zeros[3])};
}

std::size_t x_bytes(std::size_t, std::uint32_t chunks) { return chunks * kInputBytes; }

/// Chunk by chunk, vector (t, j): the lanes t * beat_bytes + 8 * i + j, bit j of each byte i of a bit plane,
/// repeated over a register.
void prepare(std::span<const std::int8_t> x, std::size_t beat_bytes, std::span<std::int8_t> out) {
    std::fill(out.begin(), out.end(), std::int8_t{0});
    for (std::size_t k = 0; k < x.size(); ++k) {
        const std::size_t group = k / beat_bytes;  // chunk * 5 + t
        const std::size_t i = k % beat_bytes;
        std::int8_t* const vector = out.data() + (group * 8 + i % 8) * kRegister;
        for (std::size_t at = i / 8; at < kRegister; at += beat_bytes / 8) {
            vector[at] = x[k];
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

}  // namespace
}  // namespace setun::cpu
