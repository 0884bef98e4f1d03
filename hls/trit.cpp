// The T5 trit code (five ternary weights in a byte) and balanced ternary digits.
#include "hls/trit.h"

#include "hls/hls.h"

namespace setun {
namespace hls {
namespace {

unsigned bit(unsigned value, unsigned index) { return (value >> index) & 1U; }

std::int8_t trit(unsigned nonzero, unsigned negative) {
    return static_cast<std::int8_t>(nonzero == 0 ? 0 : (negative != 0 ? -1 : 1));
}

/// Symbol of a weight: 0 is +1, 1 is -1, 2 is 0.
unsigned symbol(std::int8_t w) { return w == 0 ? 2U : (w < 0 ? 1U : 0U); }

}  // namespace

std::uint8_t encode_trits(const std::int8_t w[kTritsPerCode]) {
    SETUN_HLS(HLS INLINE)
    const unsigned s0 = symbol(w[0]);
    const unsigned s1 = symbol(w[1]);
    const unsigned s2 = symbol(w[2]);
    const unsigned s3 = symbol(w[3]);
    const unsigned s4 = symbol(w[4]);

    // c4..c0 carry s0, s1, s2; a = c1 & c0 marks that s2 is zero, c3 = c2 = 1 that s1 is.
    unsigned c = 0;
    if (s1 == 2 && s2 == 2) {
        c = 0x0CU | s0;  // c3 c2 = 11, c1 c0 = s0 (0, 1 or 2, so a = 0)
    } else if (s2 == 2) {
        c = 0x03U | (s1 << 4) | (bit(s0, 1) << 3) | (bit(s0, 0) << 2);
    } else {
        c = (s2 << 4) | (s1 << 2) | s0;
    }

    // b7..b0 carry s3 and s4 beside c; esc = b4 & b3 & b2 marks that both are zero.
    if (s3 == 2 && s4 == 2) {
        return static_cast<std::uint8_t>(((c >> 2) << 5) | 0x1CU | (c & 3U));
    }
    if (s4 == 2) {
        return static_cast<std::uint8_t>((s3 << 7) | 0x60U | c);
    }
    return static_cast<std::uint8_t>((s4 << 7) | (s3 << 5) | c);
}

bool decode_trits(std::uint8_t code, std::int8_t w[kTritsPerCode]) {
    SETUN_HLS(HLS INLINE)
    const unsigned b7 = bit(code, 7);
    const unsigned b6 = bit(code, 6);
    const unsigned b5 = bit(code, 5);
    const unsigned esc = bit(code, 4) & bit(code, 3) & bit(code, 2);
    const unsigned c4 = esc != 0 ? b7 : bit(code, 4);
    const unsigned c3 = esc != 0 ? b6 : bit(code, 3);
    const unsigned c2 = esc != 0 ? b5 : bit(code, 2);
    const unsigned b1 = bit(code, 1);
    const unsigned b0 = bit(code, 0);
    const unsigned a = b1 & b0;

    if ((c3 & c2 & (a | (esc & c4))) != 0) {
        for (unsigned j = 0; j < kTritsPerCode; ++j) {
            SETUN_HLS(HLS UNROLL)
            w[j] = 0;
        }
        return false;
    }
    w[4] = trit((esc ^ 1U) & ((b6 & b5) ^ 1U), b7);
    w[3] = trit((esc ^ 1U) & ((b6 & (b5 ^ 1U)) ^ 1U), b6 != 0 ? b7 : b5);
    w[2] = trit((a ^ 1U) & ((c3 & c2) ^ 1U), c4);
    w[1] = trit(a | (c3 ^ 1U), a != 0 ? c4 : c2);
    w[0] = trit(a != 0 ? (c3 ^ 1U) : (b1 ^ 1U), a != 0 ? c2 : b0);
    return true;
}

std::uint8_t code_of_beat(const std::uint8_t* beat, std::uint32_t bytes, std::uint32_t i) {
    SETUN_HLS(HLS INLINE)
    unsigned code = 0;
    for (unsigned j = 0; j < 8; ++j) {
        SETUN_HLS(HLS UNROLL)
        const std::uint32_t position = j * bytes + i;
        code |= ((static_cast<unsigned>(beat[position / 8]) >> (position % 8)) & 1U) << j;
    }
    return static_cast<std::uint8_t>(code);
}

int max_of_planes(unsigned planes) {
    int reach = 0;
    for (unsigned d = 0; d < kMaxPlanes; ++d) {
        SETUN_HLS(HLS UNROLL)
        if (d < planes) {
            reach = 3 * reach + 1;
        }
    }
    return reach;
}

bool to_balanced_ternary(int w, unsigned planes, std::int8_t* digits) {
    const int reach = max_of_planes(planes);
    const bool fits = planes <= kMaxPlanes && w >= -reach && w <= reach;
    // Adding `reach` (all digits 1) turns balanced digits -1, 0, 1 into the digits 0, 1, 2 of an ordinary
    // number.
    unsigned rest = fits ? static_cast<unsigned>(w + reach) : static_cast<unsigned>(reach);
    for (unsigned d = kMaxPlanes; d-- > 0;) {
        SETUN_HLS(HLS UNROLL)
        if (d < planes) {
            digits[d] = static_cast<std::int8_t>(static_cast<int>(rest % 3U) - 1);
            rest /= 3U;
        }
    }
    return fits;
}

int from_balanced_ternary(const std::int8_t* digits, unsigned planes) {
    int acc = 0;
    for (unsigned d = 0; d < kMaxPlanes; ++d) {
        SETUN_HLS(HLS UNROLL)
        if (d < planes) {
            acc = 3 * acc + digits[d];
        }
    }
    return acc;
}

}  // namespace hls
}  // namespace setun
