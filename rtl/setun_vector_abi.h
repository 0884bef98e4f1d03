/*
 * Commands of the vector units: everything of a decoder step that is not a matrix product.
 *
 * They stand in the same lists and have the same 64 bytes as the commands of setun_abi.h; whoever walks a list
 * gives a MATMUL to the matrix engine and every other command to its unit. Plain C, shared by host, firmware
 * and platform. Prose: docs/command-interface.md section 5.
 */
#ifndef SETUN_VECTOR_ABI_H
#define SETUN_VECTOR_ABI_H

#include "rtl/setun_abi.h"

/* ---- Opcodes. The high nibble is the unit, the low nibble the operation. ----------------------- */
#define SETUN_OP_NORM_QUANTIZE 0x10u /* y = quantize(rms_norm(x, a)), b = its scale */
#define SETUN_OP_ROPE 0x20u          /* y = rope(dequantize(x)) at POSITION */
#define SETUN_OP_KV_APPEND 0x21u     /* row POSITION of the cache at y = key x, value dequantize(a) */
#define SETUN_OP_ATTENTION 0x30u     /* y = attention(query x, cache a, positions 0 .. POSITION) */
#define SETUN_OP_GATE 0x40u          /* y = activation(dequantize(x)) * dequantize(a) */
#define SETUN_OP_RESIDUAL 0x41u      /* y = y + dequantize(x) */
#define SETUN_OP_EMBED 0x50u         /* y = row TOKEN of the digit planes at a (weight ports) */
#define SETUN_OP_ARGMAX 0x51u        /* y = index and value of the largest of dequantize(x) */

#define SETUN_UNIT_OF(opcode) ((opcode) >> 4u)
#define SETUN_UNIT_ENGINE 0u    /* the matrix engine: SETUN_OP_NOP and SETUN_OP_MATMUL */
#define SETUN_UNIT_NORM 1u
#define SETUN_UNIT_ROPE 2u
#define SETUN_UNIT_ATTENTION 3u
#define SETUN_UNIT_GATE 4u
#define SETUN_UNIT_TOKEN 5u     /* both ends of the step: EMBED and ARGMAX */
#define SETUN_UNITS 6u

/* ---- tag: what a command waits for ---------------------------------------------------------------
 * Two distances, [15:0] and [31:16]: the command may start when the commands so many places before it in the
 * list are done; 0 = nothing to wait for. A distance never reaches before the list's first command. Commands 32 or
 * more places before are done in any case (SETUN_WINDOW in firmware/platform.h). */
#define SETUN_TAG(first, second) ((0u + (first)) | (0u + (second)) << 16u)
#define SETUN_TAG_FIRST(tag) ((tag) & 0xFFFFu)
#define SETUN_TAG_SECOND(tag) ((tag) >> 16u)

/* ---- flags of vector commands -------------------------------------------------------------------- */
#define SETUN_VFLAG_NO_GAIN 0x0001u /* NORM_QUANTIZE: quantize x itself */

/* ---- values of the `kind` byte -------------------------------------------------------------------- */
#define SETUN_KV_FLOAT32 0u         /* KV_APPEND, ATTENTION: cache format */
#define SETUN_KV_INT8 1u
#define SETUN_GATE_RELU2 0u         /* GATE: activation function */
#define SETUN_GATE_SILU 1u

/* ---- limits ----------------------------------------------------------------------------------------- */
#define SETUN_MAX_HEAD_DIM 256u
#define SETUN_MAX_HEADS 256u
#define SETUN_MAX_POSITIONS 0x100000u

/* ---- error codes of the vector units, after those of setun_abi.h: VERSION, OPCODE, FLAGS (also: a field that
 *      the opcode does not read is not zero), SHAPE, ALIGN, ADDRESS, ENCODING (`kind`), DATA_READ, DATA_WRITE,
 *      WEIGHT_READ and TRIT mean the same as there ------------------------------------------------------ */
#define SETUN_ERR_TOKEN 32u    /* EMBED: TOKEN >= m */
#define SETUN_ERR_POSITION 33u /* KV_APPEND, ATTENTION: POSITION >= capacity; ROPE: >= SETUN_MAX_POSITIONS */
#define SETUN_ERR_TAG 34u      /* distance too large or before the list's start; found by who walks the list */

#ifdef __cplusplus
namespace setun {

/* A vector command. Offsets count from DATA_BASE, but EMBED's a_offset, which counts from each weight base.
 * INT32 inputs are columns of a result matrix: element j is at 4 * j * columns bytes. Which fields an opcode
 * reads: docs/command-interface.md section 5; the others are zero. */
struct VectorCommand {
    std::uint8_t version = SETUN_COMMAND_VERSION;
    std::uint8_t opcode = SETUN_OP_NORM_QUANTIZE;
    std::uint16_t flags = 0;
    std::uint32_t tag = 0;
    std::uint64_t a_offset = 0;
    std::uint64_t x_offset = 0;
    std::uint64_t y_offset = 0;
    std::uint32_t m = 0;        /* rows or heads */
    std::uint32_t k = 0;        /* elements, or elements of a head */
    std::uint16_t columns = 0;  /* INT32 inputs: TOKENS of the engine; ATTENTION: KV heads */
    std::uint8_t planes = 0;    /* EMBED: digit planes */
    std::uint8_t kind = 0;      /* SETUN_KV_*, SETUN_GATE_*, or EMBED: trit code */
    std::uint32_t capacity = 0; /* KV_APPEND, ATTENTION: positions that the cache has room for */
    std::uint64_t b_offset = 0; /* activation scale, one float */
    float f0 = 0;
    float f1 = 0;
};
static_assert(sizeof(VectorCommand) == SETUN_COMMAND_BYTES, "all commands have 64 bytes");

/* What ARGMAX writes at y_offset. */
struct ArgmaxResult {
    std::uint32_t index = 0;
    float value = 0;
};

}  // namespace setun
#endif

/* Fields by opcode (C: elements of x, a; n = k unless noted)
 *
 * NORM_QUANTIZE  x float[k], a float[k] gain (not with NO_GAIN), y int8[k], b out float, f0 eps
 * ROPE           x int32[m * k], b in float, f0 weight scale, f1 theta, y float[m][k]; m heads of k elements
 * KV_APPEND      x float[m][k] key, a int32[m * k] value, b in float, f0 weight scale of the value, y cache
 * ATTENTION      x float[m][k] query, a cache, y float[m][k]; m heads, `columns` KV heads; y may be x
 * GATE           x int32[m] gate, a int32[m] up, b in float, f0 and f1 their weight scales, y float[m]
 * RESIDUAL       x int32[m], b in float, f0 weight scale, y float[m] in and out
 * EMBED          a digit planes of [m][k] on the weight ports, f0 scale, y float[k]
 * ARGMAX         x int32[m], b in float, f0 weight scale, y ArgmaxResult
 *
 * Cache of one layer, C = capacity, H = KV heads, D = elements of a head; parts start at multiples of 64 bytes:
 *   FLOAT32  float key[C][H][D], float value[C][H][D]
 *   INT8     int8 key[C][H][D], int8 value[C][H][D], float key_scale[C][H], float value_scale[C][H]
 */

#endif /* SETUN_VECTOR_ABI_H */
