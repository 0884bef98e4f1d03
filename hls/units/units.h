// The vector units as top functions of synthesized kernels, one for each opcode of rtl/setun_vector_abi.h.
//
// A top takes what its command says, checked and with addresses resolved: pointers become AXI masters,
// numbers registers. Results have the bits of the golden functions that the tops are made of, whatever the
// lanes. Tops keep their buffers, as hardware does: one caller at a time. Operands do not overlap, but for
// attention's out, which may be q. INT32 inputs are columns: element j is x[j * columns].
#pragma once

#include <cstdint>

extern "C" {

/// NORM_QUANTIZE: (q[k], *scale) = quantize(rms_norm(x[k], gain[k], eps)), or quantize(x) with no_gain != 0.
/// k is 1 to SETUN_MAX_K.
void setun_hls_norm_quantize(const float* x, const float* gain, std::int8_t* q, float* scale, std::uint32_t k,
                             float eps, std::uint32_t no_gain);

/// ROPE: y[heads][head_dim] = rope_rotate(dequantize(x, weight_scale, *scale)) by the table of (position,
/// theta). head_dim is even, at most SETUN_MAX_HEAD_DIM; theta >= 1.
void setun_hls_rope(const std::int32_t* x, const float* scale, float* y, std::uint32_t heads,
                    std::uint32_t head_dim, std::uint32_t columns, float weight_scale, float theta,
                    std::uint32_t position);

/// KV_APPEND: one row of a cache, key[heads][head_dim] as it is and value = dequantize(value, weight_scale,
/// *scale). Pointers are those of the row: with kind SETUN_KV_FLOAT32 key_float and value_float are written,
/// with SETUN_KV_INT8 the other four (quantize_heads); the rest may be null.
void setun_hls_kv_append(const float* key, const std::int32_t* value, const float* scale, float* key_float,
                         float* value_float, std::int8_t* key_int8, std::int8_t* value_int8, float* key_scale,
                         float* value_scale, std::uint32_t heads, std::uint32_t head_dim,
                         std::uint32_t columns, float weight_scale, std::uint32_t kind);

/// ATTENTION: out[heads][head_dim] = attention() or attention_int8() of q over the first `positions` rows of
/// a cache of `kind`; pointers of the other kind may be null. `positions` is 1 to SETUN_MAX_POSITIONS.
void setun_hls_attention(const float* q, const float* key_float, const float* value_float,
                         const std::int8_t* key_int8, const std::int8_t* value_int8, const float* key_scale,
                         const float* value_scale, float* out, std::uint32_t heads, std::uint32_t kv_heads,
                         std::uint32_t head_dim, std::uint32_t positions, std::uint32_t kind);

/// GATE: y[n] = relu2_gate or silu_gate (`kind`) of dequantize(gate, gate_scale, *scale) and dequantize(up,
/// up_scale, *scale).
void setun_hls_gate(const std::int32_t* gate, const std::int32_t* up, const float* scale, float* y,
                    std::uint32_t n, std::uint32_t columns, float gate_scale, float up_scale,
                    std::uint32_t kind);

/// RESIDUAL: y[n] = y + dequantize(x, weight_scale, *scale).
void setun_hls_residual(const std::int32_t* x, const float* scale, float* y, std::uint32_t n,
                        std::uint32_t columns, float weight_scale);

/// EMBED: h[k] = embedding_row() of row `token` of a matrix of `planes` digit planes [m][k], read beat by
/// beat from the weight streams w0 .. w3 (null beyond `ports`). status[0] is SETUN_ERR_NONE or
/// SETUN_ERR_TRIT; then [1] is the port and [2] the byte offset of the first beat with an illegal code, in
/// the order chunk by chunk, plane by plane, and h is not defined.
void setun_hls_embed(const std::uint8_t* w0, const std::uint8_t* w1, const std::uint8_t* w2,
                     const std::uint8_t* w3, float* h, std::uint64_t* status, std::uint32_t ports,
                     std::uint32_t port_bits, std::uint32_t tile_rows, std::uint32_t m, std::uint32_t k,
                     std::uint32_t planes, std::uint32_t token, float row_scale);

/// ARGMAX: result[0] = argmax(dequantize(x, weight_scale, *scale)) over n, result[1] = the bits of that
/// float.
void setun_hls_argmax(const std::int32_t* x, const float* scale, std::uint32_t* result, std::uint32_t n,
                      std::uint32_t columns, float weight_scale);
}
