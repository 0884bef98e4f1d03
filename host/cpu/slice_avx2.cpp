// The ternary product with AVX2.
//
// A 256-bit register holds one bit plane of 4, 8 or 16 consecutive beats (rows) of a chunk, so the T5 code is
// decoded for 1280 weights in some 45 operations. Decoding gives, for each lane, v = 1 - w as two bits (w = 0
// -> 1, w = -1 -> 2), and sum(w * x) = sum(x) - sum(v * x). The two bits of neighbouring lanes are
// interleaved so that masking a register leaves a byte v or 4 v of every fourth lane, ready for the
// unsigned-by-signed multiply-add; activations are stored in that order once for a product.
#include "host/cpu/slice.h"

#include <algorithm>
#include <array>
#include <cstring>

#include "host/packing.h"

#if defined(__x86_64__)
#include <immintrin.h>

#define SETUN_AVX2 __attribute__((target("avx2")))
#define SETUN_AVX2_INLINE __attribute__((target("avx2"), always_inline)) inline

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

/// Two-bit fields v of a block, 4 registers for each weight of the code: lanes 0 and 2, 4 and 6, 1 and 3, 5
/// and 7 of each byte in bits 1:0 and 3:2. Higher bits are not cleared.
struct Fields {
    __m256i v[4 * kGroups];
};

/// Accumulates what is not a product.
struct Tally {
    __m256i illegal;
    __m256i zeros;  // four 64-bit counts
};

SETUN_AVX2_INLINE __m128i load_half(const std::byte* at) {
    return _mm_loadu_si128(reinterpret_cast<const __m128i*>(at));
}

/// Sixteen bytes at `low`, sixteen at `high`.
SETUN_AVX2_INLINE __m256i load_halves(const std::byte* low, const std::byte* high) {
    return _mm256_inserti128_si256(_mm256_castsi128_si256(load_half(low)), load_half(high), 1);
}

/// Four beats of 64 bytes: planes are 64-bit words.
SETUN_AVX2_INLINE Planes planes_of_64(const std::byte* beats) {
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
SETUN_AVX2_INLINE Planes planes_of_32(const std::byte* beats) {
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
SETUN_AVX2_INLINE Planes planes_of_16(const std::byte* beats) {
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
SETUN_AVX2_INLINE Planes planes_of(const std::byte* beats) {
    if constexpr (kBeat == 64) {
        return planes_of_64(beats);
    } else if constexpr (kBeat == 32) {
        return planes_of_32(beats);
    } else {
        return planes_of_16(beats);
    }
}

/// Number of ones in each 64-bit word.
SETUN_AVX2_INLINE __m256i popcount(__m256i x) {
    const __m256i table = _mm256_setr_epi8(0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4,  //
                                           0, 1, 1, 2, 1, 2, 2, 3, 1, 2, 2, 3, 2, 3, 3, 4);
    const __m256i nibble = _mm256_set1_epi8(0x0F);
    const __m256i low = _mm256_shuffle_epi8(table, _mm256_and_si256(x, nibble));
    const __m256i high = _mm256_shuffle_epi8(table, _mm256_and_si256(_mm256_srli_epi16(x, 4), nibble));
    return _mm256_add_epi8(low, high);
}

/// Adds the ones of five masks to the counts: two full adders leave three words to count in place of five.
SETUN_AVX2_INLINE void count_zeros(const __m256i zero[kGroups], Tally& tally) {
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

/// v of one weight of the code from its masks: bit 0 is `zero`, bit 1 is `negative` where not zero.
SETUN_AVX2_INLINE void fields_of(__m256i zero, __m256i sign, __m256i* v) {
    const __m256i even = _mm256_set1_epi8(0x55);
    const __m256i odd = _mm256_set1_epi8(static_cast<char>(0xAA));
    const __m256i minus = _mm256_andnot_si256(zero, sign);
    const __m256i minus_even = _mm256_and_si256(minus, even);
    const __m256i even_lanes =
        _mm256_or_si256(_mm256_and_si256(zero, even), _mm256_add_epi8(minus_even, minus_even));
    const __m256i odd_lanes =
        _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi16(zero, 1), even), _mm256_and_si256(minus, odd));
    v[0] = even_lanes;
    v[1] = _mm256_srli_epi16(even_lanes, 4);
    v[2] = odd_lanes;
    v[3] = _mm256_srli_epi16(odd_lanes, 4);
}

/// a where mask, else b.
SETUN_AVX2_INLINE __m256i select(__m256i mask, __m256i a, __m256i b) {
    return _mm256_xor_si256(b, _mm256_and_si256(mask, _mm256_xor_si256(a, b)));
}

/// The T5 code, docs/memory-format.md section 1.
SETUN_AVX2_INLINE void decode(const Planes& planes, Fields& fields, Tally& tally) {
    const __m256i* const b = planes.b;
    const __m256i esc = _mm256_and_si256(_mm256_and_si256(b[4], b[3]), b[2]);
    const __m256i c4 = select(esc, b[7], b[4]);
    const __m256i c3 = select(esc, b[6], b[3]);
    const __m256i c2 = select(esc, b[5], b[2]);
    const __m256i a = _mm256_and_si256(b[1], b[0]);
    const __m256i both = _mm256_and_si256(c3, c2);
    tally.illegal =
        _mm256_or_si256(tally.illegal, _mm256_and_si256(both, _mm256_or_si256(a, _mm256_and_si256(esc, c4))));

    __m256i zero[kGroups];
    zero[4] = _mm256_or_si256(esc, _mm256_and_si256(b[6], b[5]));
    zero[3] = _mm256_or_si256(esc, _mm256_andnot_si256(b[5], b[6]));
    zero[2] = _mm256_or_si256(a, both);
    zero[1] = _mm256_andnot_si256(a, c3);
    zero[0] = select(a, c3, b[1]);
    count_zeros(zero, tally);
    fields_of(zero[4], b[7], fields.v + 16);
    fields_of(zero[3], select(b[6], b[7], b[5]), fields.v + 12);
    fields_of(zero[2], c4, fields.v + 8);
    fields_of(zero[1], select(a, c4, c2), fields.v + 4);
    fields_of(zero[0], select(a, c2, b[0]), fields.v);
}

/// One chunk of one token's activations: vector (t, j) repeated over the rows of a block.
constexpr std::size_t kInputBytes = kVectors * kRegister;

/// Sums of 16-bit pairs of v * x. |v * x| <= 2 * 128 and each lane of `one` takes 20 pairs: at most 10,240.
/// Fields that stand two bits higher give 4 v * x: 12 pairs in `four_a` reach 24,576, 8 in `four_b` 16,384.
struct Products {
    __m256i one;
    __m256i four_a;
    __m256i four_b;
};

SETUN_AVX2_INLINE Products multiply(const Fields& fields, const std::int8_t* inputs) {
    // Vectors (t, j) that meet bits 1:0 and 3:2 of the four registers of weight t.
    constexpr unsigned kLow[4] = {0, 4, 1, 5};
    constexpr unsigned kHigh[4] = {2, 6, 3, 7};
    const __m256i low = _mm256_set1_epi8(0x03);
    const __m256i high = _mm256_set1_epi8(0x0C);
    Products out = {_mm256_setzero_si256(), _mm256_setzero_si256(), _mm256_setzero_si256()};
    for (unsigned t = 0; t < kGroups; ++t) {
        __m256i& four = t < 3 ? out.four_a : out.four_b;
        for (unsigned i = 0; i < 4; ++i) {
            const __m256i v = fields.v[4 * t + i];
            const auto* const x = reinterpret_cast<const __m256i*>(inputs + 8 * t * kRegister);
            const __m256i one =
                _mm256_maddubs_epi16(_mm256_and_si256(v, low), _mm256_load_si256(x + kLow[i]));
            const __m256i quad =
                _mm256_maddubs_epi16(_mm256_and_si256(v, high), _mm256_load_si256(x + kHigh[i]));
            out.one = _mm256_add_epi16(out.one, one);
            four = _mm256_add_epi16(four, quad);
        }
    }
    return out;
}

SETUN_AVX2_INLINE void subtract(std::int32_t* sums, __m256i part) {
    auto* const at = reinterpret_cast<__m256i*>(sums);
    _mm256_storeu_si256(at, _mm256_sub_epi32(_mm256_loadu_si256(at), part));
}

/// Both kinds of products as one sum: `fours` holds 4 * v * x.
SETUN_AVX2_INLINE __m256i quarter(__m256i one, __m256i fours) {
    return _mm256_add_epi32(one, _mm256_srai_epi32(fours, 2));
}

/// Sixteen-bit lanes of the same row added up, as 32-bit: sums[row] -= sum(v * x).
template <std::size_t kBeat>
SETUN_AVX2_INLINE void accumulate(const Products& p, std::int32_t* sums) {
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

/// One chunk of one plane: all rows of the slice, all tokens.
template <std::size_t kBeat>
SETUN_AVX2 void run_chunk(const Slice& slice, const std::byte* beats, const std::int8_t* inputs,
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
        const std::byte* const block = row < whole ? beats + row * kBeat : rest.data();
        Fields fields;
        decode(planes_of<kBeat>(block), fields, tally);
        for (unsigned token = 0; token < slice.tokens; ++token) {
            const std::int8_t* const x = inputs + token * slice.x_stride;
            accumulate<kBeat>(multiply(fields, x), sums + token * slice.row_stride + row);
        }
    }
    out = tally;
}

template <std::size_t kBeat>
SETUN_AVX2 SliceStatus run(const Slice& slice, std::int32_t* sums) {
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
            run_chunk<kBeat>(slice, slice.beats(plane, chunk), slice.x + chunk * kInputBytes, sums,
                             tally);
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

bool available() { return __builtin_cpu_supports("avx2") != 0; }

}  // namespace

const SlicePath& avx2_path() {
    static constexpr SlicePath kPath{"AVX2", available, x_bytes, prepare, run_any};
    return kPath;
}

}  // namespace setun::cpu

#else

namespace setun::cpu {

const SlicePath& avx2_path() { return portable_path(); }

}  // namespace setun::cpu

#endif
