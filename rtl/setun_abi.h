/*
 * The software view of the Setun kernel: register map, command layout, error codes.
 *
 * Plain C so that firmware, drivers and C++ share it. The same constants stand in
 * setun_pkg.sv for the RTL; tests/guards/abi_test.cpp fails when the two differ.
 * Prose: docs/command-interface.md.
 */
#ifndef SETUN_ABI_H
#define SETUN_ABI_H

/* ---- AXI4-Lite register map (byte offsets) ---------------------------------------------- */
#define SETUN_REG_CTRL 0x000u        /* bit 0 start, 1 done (clear on read), 2 idle, 3 ready, 7 auto-restart */
#define SETUN_REG_GIE 0x004u         /* bit 0 global interrupt enable */
#define SETUN_REG_IER 0x008u         /* bit 0 done, bit 1 ready */
#define SETUN_REG_ISR 0x00Cu         /* bit 0 done, bit 1 ready; toggle on write of 1 */
#define SETUN_REG_LIST_LO 0x010u     /* address of the command list on the data port */
#define SETUN_REG_LIST_HI 0x014u
#define SETUN_REG_LIST_COUNT 0x01Cu  /* number of 64-byte commands in the list */
#define SETUN_REG_DATA_BASE_LO 0x024u /* added to x_offset and y_offset of every command */
#define SETUN_REG_DATA_BASE_HI 0x028u
#define SETUN_REG_W_BASE_LO 0x030u   /* weight port p: this + p * SETUN_REG_W_STRIDE */
#define SETUN_REG_W_BASE_HI 0x034u
#define SETUN_REG_W_STRIDE 0x00Cu

#define SETUN_REG_MAGIC 0x200u       /* read only: SETUN_MAGIC */
#define SETUN_REG_VERSION 0x204u     /* read only: SETUN_ABI_VERSION */
#define SETUN_REG_CONFIG0 0x208u     /* read only: [15:0] PORT_BITS, [23:16] PORTS, [31:24] TOKENS */
#define SETUN_REG_CONFIG1 0x20Cu     /* read only: [15:0] TILE_ROWS, [23:16] trit code, [31:24] leaf form */
#define SETUN_REG_ERROR 0x210u       /* read only: error code of the last run, 0 = none */
#define SETUN_REG_ERROR_INDEX 0x214u /* read only: index of the failing command in the list */
#define SETUN_REG_ERROR_ADDR_LO 0x218u /* read only: address of the failing access or command */
#define SETUN_REG_ERROR_ADDR_HI 0x21Cu
#define SETUN_REG_ERROR_INFO 0x220u  /* read only: error detail, see docs/command-interface.md */
#define SETUN_REG_COMPLETED 0x224u   /* read only: commands completed in this run */
#define SETUN_REG_WATCHDOG 0x228u    /* cycles without progress before the run is stopped, 0 = never */
#define SETUN_REG_OMITTED 0x22Cu     /* read only: SETUN_OMITTED_ bits of what this build leaves out */

#define SETUN_REG_CYCLES_LO 0x240u   /* read only, 64-bit counters of the current or last run */
#define SETUN_REG_BUSY_LO 0x248u     /* cycles in which the engine accepted a beat from every port */
#define SETUN_REG_BEATS_LO 0x250u    /* weight beats consumed, all ports together */
#define SETUN_REG_STALL_W_LO 0x258u  /* cycles stalled for weights */
#define SETUN_REG_STALL_X_LO 0x260u  /* cycles stalled for activations */
#define SETUN_REG_STALL_Y_LO 0x268u  /* cycles stalled because results could not be accepted */
#define SETUN_REG_NONZERO_LO 0x270u  /* non-zero weights seen, all ports together */
#define SETUN_REG_END 0x278u         /* first offset after the map; reads above return SLVERR */

#define SETUN_MAGIC 0x4E555453u      /* "STUN" in memory order */
#define SETUN_ABI_VERSION 0x00010000u /* major in [31:16], minor in [15:0] */

#define SETUN_OMITTED_NONZERO 0x01u  /* the NONZERO counter, which then reads 0 */

#define SETUN_CTRL_START 0x01u
#define SETUN_CTRL_DONE 0x02u
#define SETUN_CTRL_IDLE 0x04u
#define SETUN_CTRL_READY 0x08u
#define SETUN_CTRL_AUTO_RESTART 0x80u

/* ---- Command descriptor: 64 bytes, little endian ----------------------------------------- */
#define SETUN_COMMAND_BYTES 64u
#define SETUN_COMMAND_VERSION 1u

#define SETUN_OP_NOP 0u
#define SETUN_OP_MATMUL 1u

#define SETUN_FLAG_FENCE 0x0001u     /* read activations only after all earlier results are in memory */

#define SETUN_TRIT_CODE_T5 1u        /* the only trit code of this version, docs/memory-format.md */

#define SETUN_LEAF_PLANES 0u
#define SETUN_LEAF_TREE 1u
#define SETUN_LEAF_TABLE 2u         /* tables in LUT RAM */
#define SETUN_LEAF_BRAM 3u          /* tables in block RAM */

#define SETUN_MAX_M 0x100000u        /* rows: 1 .. 2^20 */
#define SETUN_MAX_K 0x20000u         /* inputs: 1 .. 2^17, so that 5 planes cannot overflow INT32 */
#define SETUN_MAX_PLANES 5u
#define SETUN_ALIGN 64u              /* alignment of offsets, strides and of the list itself */

/* ---- Error codes ---------------------------------------------------------------------------- */
#define SETUN_ERR_NONE 0u
#define SETUN_ERR_VERSION 1u         /* command version */
#define SETUN_ERR_OPCODE 2u
#define SETUN_ERR_FLAGS 3u           /* unknown flag, or reserved bytes not zero */
#define SETUN_ERR_SHAPE 4u           /* m, k, tokens or planes zero or too large */
#define SETUN_ERR_ALIGN 5u           /* offset, stride or base not a multiple of SETUN_ALIGN */
#define SETUN_ERR_ADDRESS 6u         /* base + offset + size wraps around 2^64 */
#define SETUN_ERR_ENCODING 7u        /* trit code not supported by this build */
#define SETUN_ERR_TRIT 8u            /* illegal trit code in weight memory */
#define SETUN_ERR_LIST_READ 9u       /* SLVERR/DECERR while reading the command list */
#define SETUN_ERR_WEIGHT_READ 10u    /* SLVERR/DECERR on a weight port; info = port */
#define SETUN_ERR_DATA_READ 11u      /* SLVERR/DECERR while reading activations */
#define SETUN_ERR_DATA_WRITE 12u     /* SLVERR/DECERR while writing results */
#define SETUN_ERR_WATCHDOG 13u       /* no progress; info = bit mask of waiting channels */

/* Bits of ERROR_INFO after SETUN_ERR_WATCHDOG: channels that the kernel waits on. */
#define SETUN_WAIT_DATA_AR 0x0001u   /* data port: ARVALID without ARREADY */
#define SETUN_WAIT_DATA_R 0x0002u    /* data port: read data outstanding */
#define SETUN_WAIT_DATA_AW 0x0004u
#define SETUN_WAIT_DATA_W 0x0008u
#define SETUN_WAIT_DATA_B 0x0010u
#define SETUN_WAIT_W_AR_SHIFT 8u     /* bit 8 + p: weight port p: ARVALID without ARREADY (p < 12) */
#define SETUN_WAIT_W_R_SHIFT 20u     /* bit 20 + p: weight port p: read data outstanding (p < 12) */

#ifdef __cplusplus
#include <cstdint>

namespace setun {

/* One entry of a command list, exactly as the kernel reads it. */
struct Command {
    std::uint8_t version = SETUN_COMMAND_VERSION;
    std::uint8_t opcode = SETUN_OP_NOP;
    std::uint16_t flags = 0;
    std::uint32_t tag = 0;           /* not interpreted by the kernel */
    std::uint64_t weight_offset = 0; /* bytes from each weight port's base */
    std::uint64_t x_offset = 0;      /* activations: bytes from the data base */
    std::uint64_t y_offset = 0;      /* results: bytes from the data base */
    std::uint32_t m = 0;             /* output rows */
    std::uint32_t k = 0;             /* inputs */
    std::uint16_t tokens = 0;        /* 1 .. TOKENS */
    std::uint8_t planes = 0;         /* digit planes, most significant first; 1 = ternary */
    std::uint8_t encoding = 0;       /* SETUN_TRIT_CODE_* */
    std::uint32_t x_stride = 0;      /* bytes between the activation rows of two tokens */
    std::uint8_t reserved[16] = {};  /* must be zero */
};
static_assert(sizeof(Command) == SETUN_COMMAND_BYTES, "the kernel reads 64-byte commands");

}  // namespace setun
#endif

#endif /* SETUN_ABI_H */
