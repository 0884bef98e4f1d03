// How tensors store numbers: plain floats and the quantised blocks of GGML, decoded a row at a time.
#include "host/loaders/block_formats.h"

#include <array>
#include <bit>
#include <cstring>

namespace setun {
namespace {

static_assert(std::endian::native == std::endian::little, "numbers in model files are little endian");

struct FormatInfo {
    const char* name = "";
    BlockSize size;
    bool ternary = false;
};

constexpr std::array<FormatInfo, 10> kFormats{{{"F32", {1, 4}, false},
                                               {"F16", {1, 2}, false},
                                               {"BF16", {1, 2}, false},
                                               {"Q8_0", {32, 34}, false},
                                               {"Q4_0", {32, 18}, false},
                                               {"Q4_K", {256, 144}, false},
                                               {"Q6_K", {256, 210}, false},
                                               {"TQ1_0", {256, 54}, true},
                                               {"TQ2_0", {256, 66}, true},
                                               {"I2_S", {128, 32}, true}}};
constexpr std::uint64_t kI2STail = 32;

constexpr const FormatInfo& info(BlockFormat format) { return kFormats[static_cast<std::size_t>(format)]; }

template <class T>
T load(const std::byte* bytes) {
    T value;
    std::memcpy(&value, bytes, sizeof(T));
    return value;
}

unsigned byte_at(const std::byte* bytes, std::size_t i) { return std::to_integer<unsigned>(bytes[i]); }

/// Half scale d, then 32 signed bytes.
void decode_q8_0(const std::byte* block, float* out) {
    const float d = half_to_float(load<std::uint16_t>(block));
    for (std::size_t i = 0; i < 32; ++i) {
        out[i] = d * static_cast<float>(static_cast<std::int8_t>(byte_at(block, 2 + i)));
    }
}

/// Half scale d, then 16 bytes: low nibbles are the first half of the block, 8 stands for zero.
void decode_q4_0(const std::byte* block, float* out) {
    const float d = half_to_float(load<std::uint16_t>(block));
    for (std::size_t i = 0; i < 16; ++i) {
        const unsigned byte = byte_at(block, 2 + i);
        out[i] = d * static_cast<float>(static_cast<int>(byte & 15) - 8);
        out[i + 16] = d * static_cast<float>(static_cast<int>(byte >> 4) - 8);
    }
}

/// Halves d and dmin, twelve bytes with eight 6-bit scales and eight 6-bit minima, then 128 bytes of nibbles.
void decode_q4_k(const std::byte* block, float* out) {
    const float d = half_to_float(load<std::uint16_t>(block));
    const float dmin = half_to_float(load<std::uint16_t>(block + 2));
    const std::byte* packed = block + 4;
    const std::byte* nibbles = block + 16;
    for (std::size_t part = 0; part < 8; ++part) {  // 32 numbers each
        unsigned scale = 0;
        unsigned minimum = 0;
        if (part < 4) {
            scale = byte_at(packed, part) & 63;
            minimum = byte_at(packed, part + 4) & 63;
        } else {  // low four bits behind, high two bits on top of the first eight bytes
            scale = (byte_at(packed, part + 4) & 15) | ((byte_at(packed, part - 4) >> 6) << 4);
            minimum = (byte_at(packed, part + 4) >> 4) | ((byte_at(packed, part) >> 6) << 4);
        }
        const float step = d * static_cast<float>(scale);
        const float base = dmin * static_cast<float>(minimum);
        const unsigned shift = part % 2 == 0 ? 0 : 4;
        for (std::size_t i = 0; i < 32; ++i) {
            const unsigned code = (byte_at(nibbles, part / 2 * 32 + i) >> shift) & 15;
            out[part * 32 + i] = step * static_cast<float>(code) - base;
        }
    }
}

/// 128 bytes of low nibbles, 64 bytes of high bit pairs, 16 signed scales, half d; 32 stands for zero.
void decode_q6_k(const std::byte* block, float* out) {
    const float d = half_to_float(load<std::uint16_t>(block + 208));
    for (std::size_t e = 0; e < 256; ++e) {
        const std::size_t half = e / 128;
        const std::size_t quarter = e % 128 / 32;
        const std::size_t i = e % 32;
        const unsigned low = byte_at(block, half * 64 + (quarter % 2) * 32 + i) >> (quarter < 2 ? 0 : 4);
        const unsigned high = byte_at(block, 128 + half * 32 + i) >> (2 * quarter);
        const int code = static_cast<int>((low & 15) | ((high & 3) << 4)) - 32;
        const auto scale = static_cast<std::int8_t>(byte_at(block, 192 + e / 16));
        out[e] = d * static_cast<float>(scale) * static_cast<float>(code);
    }
}

/// The five trits of a TQ1_0 byte. A byte is ceil(v * 256 / 243) with the first trit most significant in v,
/// so multiplying by 3 pushes the trits out at the top one by one. The 13 bytes that no v gives are illegal.
struct Tq1Table {
    std::array<std::array<std::int8_t, 5>, 256> trits{};
    std::array<bool, 256> legal{};

    constexpr Tq1Table() {
        for (unsigned v = 0; v < 243; ++v) {
            legal[(v * 256 + 242) / 243] = true;
        }
        for (unsigned byte = 0; byte < 256; ++byte) {
            unsigned rest = byte;
            for (auto& trit : trits[byte]) {
                trit = static_cast<std::int8_t>(static_cast<int>((rest * 3) >> 8) - 1);
                rest = rest * 3 % 256;
            }
        }
    }
};
constexpr Tq1Table kTq1;

/// `count` bytes with `trits` weights each: weight t * count + i is trit t of byte i.
bool decode_tq1_part(const std::byte* bytes, std::size_t count, unsigned trits, std::int8_t* out) {
    bool legal = true;
    for (std::size_t i = 0; i < count; ++i) {
        const unsigned byte = byte_at(bytes, i);
        legal = legal && kTq1.legal[byte];
        for (unsigned t = 0; t < trits; ++t) {
            out[t * count + i] = kTq1.trits[byte][t];
        }
    }
    return legal;
}

bool decode_tq1_0(const std::byte* block, std::int8_t* out) {
    const bool first = decode_tq1_part(block, 32, 5, out);
    const bool second = decode_tq1_part(block + 32, 16, 5, out + 160);
    return decode_tq1_part(block + 48, 4, 4, out + 240) && first && second;
}

/// 32 bytes, four weights each, 32 places apart. `top_first`: bits 7:6 hold the first 32 weights.
bool decode_two_bit(const std::byte* bytes, bool top_first, std::int8_t* out) {
    unsigned both = 0;  // bits of codes that are 3
    for (std::size_t group = 0; group < 4; ++group) {
        const std::size_t shift = top_first ? 6 - 2 * group : 2 * group;
        for (std::size_t i = 0; i < 32; ++i) {
            const unsigned code = (byte_at(bytes, i) >> shift) & 3;
            both |= code & (code >> 1);
            out[group * 32 + i] = static_cast<std::int8_t>(static_cast<int>(code) - 1);
        }
    }
    return both == 0;
}

bool decode_block(BlockFormat format, const std::byte* block, std::int8_t* out) {
    switch (format) {
        case BlockFormat::kTq1_0:
            return decode_tq1_0(block, out);
        case BlockFormat::kTq2_0: {
            const bool first = decode_two_bit(block, false, out);
            return decode_two_bit(block + 32, false, out + 128) && first;
        }
        default:
            return decode_two_bit(block, true, out);
    }
}

/// Which byte of a block that decode_block() refused is the first bad one.
std::size_t first_bad_byte(BlockFormat format, const std::byte* block) {
    const std::size_t codes = format == BlockFormat::kTq1_0 ? 52 : format == BlockFormat::kTq2_0 ? 64 : 32;
    for (std::size_t i = 0; i < codes; ++i) {
        const unsigned byte = byte_at(block, i);
        const bool legal =
            format == BlockFormat::kTq1_0 ? kTq1.legal[byte] : (byte & (byte >> 1) & 0x55) == 0;
        if (!legal) {
            return i;
        }
    }
    return 0;
}

}  // namespace

const char* block_format_name(BlockFormat format) { return info(format).name; }

BlockSize block_size(BlockFormat format) { return info(format).size; }

bool is_ternary(BlockFormat format) { return info(format).ternary; }

std::optional<std::uint64_t> tensor_bytes(BlockFormat format, std::uint64_t elements) {
    const BlockSize size = info(format).size;
    if (elements % size.elements != 0 || elements / size.elements > (std::uint64_t{1} << 54)) {
        return std::nullopt;
    }
    return elements / size.elements * size.bytes + (format == BlockFormat::kI2S ? kI2STail : 0);
}

float half_to_float(std::uint16_t half) {
    const std::uint32_t sign = std::uint32_t{half & 0x8000U} << 16;
    const std::uint32_t rest = half & 0x7FFFU;
    if (rest >= 0x7C00) {  // infinity, NaN
        return std::bit_cast<float>(sign | 0x7F800000U | (rest & 0x3FFU) << 13);
    }
    // Moves the exponent to its place; a multiplication by a power of two, exact also for subnormals.
    const float value = std::bit_cast<float>(rest << 13) * 0x1p112F;
    return std::bit_cast<float>(sign | std::bit_cast<std::uint32_t>(value));
}

void decode_floats(BlockFormat format, std::span<const std::byte> bytes, std::span<float> out) {
    const BlockSize size = info(format).size;
    const std::byte* in = bytes.data();
    if (format == BlockFormat::kF32) {
        std::memcpy(out.data(), in, bytes.size());
        return;
    }
    if (format == BlockFormat::kF16 || format == BlockFormat::kBF16) {
        for (std::size_t i = 0; i < out.size(); ++i) {
            const auto stored = load<std::uint16_t>(in + 2 * i);
            out[i] = format == BlockFormat::kF16 ? half_to_float(stored)
                                                 : std::bit_cast<float>(std::uint32_t{stored} << 16);
        }
        return;
    }
    for (std::size_t at = 0; at < out.size(); at += size.elements, in += size.bytes) {
        switch (format) {
            case BlockFormat::kQ8_0:
                decode_q8_0(in, out.data() + at);
                break;
            case BlockFormat::kQ4_0:
                decode_q4_0(in, out.data() + at);
                break;
            case BlockFormat::kQ4_K:
                decode_q4_k(in, out.data() + at);
                break;
            default:
                decode_q6_k(in, out.data() + at);
                break;
        }
    }
}

float ternary_block_scale(BlockFormat format, std::span<const std::byte> block) {
    return half_to_float(load<std::uint16_t>(block.data() + info(format).size.bytes - 2));
}

std::optional<std::size_t> decode_trits(BlockFormat format, std::span<const std::byte> codes,
                                        std::span<std::int8_t> out) {
    const BlockSize size = info(format).size;
    std::size_t byte = 0;
    for (std::size_t at = 0; at < out.size(); at += size.elements, byte += size.bytes) {
        if (!decode_block(format, codes.data() + byte, out.data() + at)) {
            return byte + first_bad_byte(format, codes.data() + byte);
        }
    }
    return std::nullopt;
}

}  // namespace setun
