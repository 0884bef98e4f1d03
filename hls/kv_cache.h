// Where the parts of a layer's key/value cache stand, and what INT8 keeps of a row.
#pragma once

#include <cstdint>

namespace setun {
namespace hls {

/// Byte offsets of the parts of one layer's cache, and its size; parts start at multiples of 64. The scales
/// exist for INT8 only, otherwise their offsets equal `bytes`.
struct KvCacheLayout {
    std::uint64_t key;          ///< [capacity][kv_heads][head_dim], float or int8
    std::uint64_t value;        ///< the same
    std::uint64_t key_scale;    ///< float [capacity][kv_heads]
    std::uint64_t value_scale;  ///< float [capacity][kv_heads]
    std::uint64_t bytes;        ///< of all parts
};

/// Layout of a cache of SETUN_KV_FLOAT32 (`int8` false) or SETUN_KV_INT8 for sizes within the limits of
/// rtl/setun_vector_abi.h, which nothing here can overflow.
constexpr KvCacheLayout kv_cache_layout(bool int8, std::uint32_t capacity, std::uint32_t kv_heads,
                                        std::uint32_t head_dim) {
    constexpr std::uint64_t kAlign = 64;
    const std::uint64_t rows = static_cast<std::uint64_t>(capacity) * kv_heads;
    const std::uint64_t data = (rows * head_dim * (int8 ? 1 : 4) + kAlign - 1) / kAlign * kAlign;
    const std::uint64_t scales = int8 ? (rows * 4 + kAlign - 1) / kAlign * kAlign : 0;
    return {0, data, 2 * data, 2 * data + scales, 2 * data + 2 * scales};
}

/// A cache row in INT8: quantize() (hls/quantize.h) of each head by itself, x and q [heads][head_dim],
/// scale[heads].
void quantize_heads(const float* x, std::uint32_t heads, std::uint32_t head_dim, std::int8_t* q,
                    float* scale);

}  // namespace hls
}  // namespace setun
