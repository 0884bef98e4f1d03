/*
 * The chip as its processor sees it: memory map, peripherals, and the requests that the host makes.
 *
 * Plain C, shared by the firmware, the SystemC platform (sim/vp) and the host. A board that runs the firmware
 * provides these blocks at these addresses. Prose: docs/virtual-platform.md.
 */
#ifndef SETUN_PLATFORM_H
#define SETUN_PLATFORM_H

#define SETUN_PLATFORM_VERSION 0x00010000u /* major in [31:16]: firmware and platform must agree on it */

/* ---- Memory map, 32-bit ----------------------------------------------------------------------------- */
#define SETUN_SRAM_BASE 0x00000000u   /* code, data and stack of the firmware; the reset vector is its start */
#define SETUN_SRAM_BYTES 0x00010000u
#define SETUN_MMIO_BASE 0x10000000u
#define SETUN_INTC_BASE 0x10000000u
#define SETUN_TIMER_BASE 0x10001000u
#define SETUN_UART_BASE 0x10002000u
#define SETUN_MAILBOX_BASE 0x10003000u
#define SETUN_UNIT_BASE 0x10010000u   /* unit u of setun_vector_abi.h: this + u * SETUN_UNIT_STRIDE; unit 0 is the */
#define SETUN_UNIT_STRIDE 0x00001000u /* matrix engine with the register map of setun_abi.h */
#define SETUN_MMIO_END 0x10020000u
#define SETUN_DATA_BASE 0x80000000u   /* data memory, up to 2 GiB; DATA_BASE of the engine and of the units */
#define SETUN_DATA_MAX_BYTES 0x80000000u
/* Weight memory of port p is beyond 32 bits, where only engine and units reach: (p + 1) << 36. */
#define SETUN_WEIGHT_BASE_SHIFT 36u

/* ---- Interrupt controller ---------------------------------------------------------------------------
 * Level of a source stays high until its block is acknowledged. The processor's external interrupt is
 * PENDING & ENABLE != 0. */
#define SETUN_INTC_PENDING 0x00u /* R: bit per source */
#define SETUN_INTC_ENABLE 0x04u  /* RW */
#define SETUN_IRQ_UNIT(u) (u)    /* unit u, 0 = matrix engine */
#define SETUN_IRQ_TIMER 8u
#define SETUN_IRQ_DOORBELL 9u

/* ---- Timer: 64-bit count of clock cycles; its interrupt is high while COUNT >= COMPARE ---------------- */
#define SETUN_TIMER_COUNT_LO 0x00u   /* R; reading it captures COUNT_HI */
#define SETUN_TIMER_COUNT_HI 0x04u   /* R */
#define SETUN_TIMER_COMPARE_LO 0x08u /* RW; after reset both words are all ones: never */
#define SETUN_TIMER_COMPARE_HI 0x0Cu

/* ---- UART: transmit only ------------------------------------------------------------------------------ */
#define SETUN_UART_DATA 0x00u   /* W: character in [7:0] */
#define SETUN_UART_STATUS 0x04u /* R: bit 0 = can take a character */

/* ---- Vector units (setun_vector_abi.h), each at its own base ------------------------------------------- */
#define SETUN_VU_CTRL 0x00u      /* W: bit 0 start, bit 1 acknowledge done, bit 2 reset; R: bit 0 busy, bit 1 done */
#define SETUN_VU_COMMAND 0x04u   /* RW: bus address (from SETUN_DATA_BASE on) of the command, multiple of 64 */
#define SETUN_VU_POSITION 0x08u  /* RW */
#define SETUN_VU_TOKEN 0x0Cu     /* RW */
#define SETUN_VU_ERROR 0x10u     /* R: SETUN_ERR_* of the last command */
#define SETUN_VU_ERROR_ADDR 0x14u /* R: address of the failing access, low word */
#define SETUN_VU_CYCLES 0x18u    /* R: cycles of the last command */
#define SETUN_VU_IDENT 0x1Cu     /* R: unit number in [7:0], SETUN_COMMAND_VERSION in [15:8] */
#define SETUN_VU_START 0x1u
#define SETUN_VU_ACK 0x2u
#define SETUN_VU_RESET 0x4u
#define SETUN_VU_BUSY 0x1u
#define SETUN_VU_DONE 0x2u
/* The platform's own register in the matrix engine's window, beyond the kernel's map: writing 1 pulses its
 * ap_rst_n (16 cycles), as a reset controller on a board does. */
#define SETUN_ENGINE_RESET 0x800u

/* ---- Mailbox ----------------------------------------------------------------------------------------------
 * The host writes a request into data memory, its address into REQUEST, and 1 into DOORBELL. The firmware
 * answers in STATUS and rings HOST_IRQ. A doorbell while STATUS is BUSY is refused by the mailbox itself, which
 * counts it in REFUSED; the request under way is not disturbed. */
#define SETUN_MBOX_DOORBELL 0x00u  /* host W 1: ring; firmware R: bit 0 rung, W 0: taken */
#define SETUN_MBOX_REQUEST 0x04u   /* host W: bus address (from SETUN_DATA_BASE on) of a SetunRequest, multiple of 64 */
#define SETUN_MBOX_STATUS 0x08u    /* firmware W, host R: SETUN_STATUS_* */
#define SETUN_MBOX_TOKENS 0x0Cu    /* firmware W, host R: tokens written to the output so far */
#define SETUN_MBOX_HOST_IRQ 0x10u  /* firmware W 1: raise, at every token and at the end; host W 0: acknowledge */
#define SETUN_MBOX_DETAIL 0x14u    /* 8 words, firmware W, host R: what a failure was, see SETUN_STATUS_* */
#define SETUN_MBOX_DETAILS 8u
#define SETUN_MBOX_REFUSED 0x34u   /* R: doorbells refused since reset */
#define SETUN_MBOX_PHASE 0x38u     /* firmware W: SETUN_PHASE_*, for the timeline */
#define SETUN_MBOX_FIRMWARE 0x3Cu  /* firmware W: [15:0] bytes of code and data, [31:16] most bytes of stack used */
#define SETUN_MBOX_BOOT 0x40u      /* firmware W: SETUN_PLATFORM_VERSION once it is ready */

/* STATUS. 16 and above are failures; DETAIL words in brackets. */
#define SETUN_STATUS_RESET 0u
#define SETUN_STATUS_IDLE 1u
#define SETUN_STATUS_BUSY 2u
#define SETUN_STATUS_DONE 3u             /* all tokens made */
#define SETUN_STATUS_STOPPED 4u          /* a stop token was made; it is the last of the output */
#define SETUN_STATUS_BAD_REQUEST 16u     /* [0] offset of the field in SetunRequest, all ones = REQUEST itself, [1] its value */
#define SETUN_STATUS_BAD_COMMAND 17u     /* list refused when it was loaded: [0] list 0 body 1 head, [1] index, [2] SETUN_ERR_* */
#define SETUN_STATUS_TOKEN_RANGE 18u     /* [0] index in the prompt, [1] token id, [2] vocabulary */
#define SETUN_STATUS_CONTEXT_FULL 19u    /* [0] position, [1] capacity */
#define SETUN_STATUS_UNIT_ERROR 20u      /* [0] unit, [1] SETUN_ERR_*, [2] list, [3] index, [4] address low, [5] address high, [6] ERROR_INFO, [7] position */
#define SETUN_STATUS_WATCHDOG 21u        /* [0] mask of busy units, [1] list, [2] oldest command not done, [3] position */
#define SETUN_STATUS_ABORTED 22u         /* the host asked for it with SetunRequest.cancel */
#define SETUN_STATUS_TRAP 23u            /* exception in the firmware: [0] mcause, 24 = stack overflow, [1] mepc, [2] mtval */

/* PHASE: what the processor is doing. */
#define SETUN_PHASE_IDLE 0u
#define SETUN_PHASE_LOAD 1u      /* checking a request and its lists */
#define SETUN_PHASE_DISPATCH 2u  /* finding and starting commands */
#define SETUN_PHASE_WAIT 3u      /* units are working, nothing can be started */
#define SETUN_PHASE_TOKEN 4u     /* token done: output, stop tokens */

/* ---- Request ------------------------------------------------------------------------------------------------
 * Offsets count from SETUN_DATA_BASE. All words little endian. */
#define SETUN_REQUEST_MAGIC 0x51525453u /* "STRQ" */
#define SETUN_MAX_STOP 16u
#define SETUN_MAX_COMMANDS 6144u        /* commands of both lists together that the firmware can hold */
#define SETUN_MAX_DISTANCE 31u          /* largest distance in a tag */
#define SETUN_WINDOW 32u                /* a command starts only when all commands so many places before it are done */

#ifndef __ASSEMBLER__
#include <stdint.h>

struct SetunRequest {
    uint32_t magic;          /* SETUN_REQUEST_MAGIC */
    uint32_t version;        /* SETUN_PLATFORM_VERSION */
    uint32_t body_list;      /* commands of a position, multiple of 64 */
    uint32_t body_count;
    uint32_t head_list;      /* commands that make a token of the last position; they continue the body list, */
                             /* so their tags may reach back into it */
    uint32_t head_count;
    uint32_t argmax;         /* where the head list's ARGMAX writes */
    uint32_t prompt;         /* uint32 token ids */
    uint32_t prompt_count;   /* at least 1 */
    uint32_t position;       /* of the prompt's first token: positions that the cache holds already */
    uint32_t capacity;       /* positions that the cache has room for */
    uint32_t vocabulary;
    uint32_t max_tokens;     /* tokens to make, at least 1 */
    uint32_t output;         /* uint32 token ids, max_tokens of them */
    uint32_t watchdog;       /* cycles without a command finishing before the request is given up; at most 2^31, 0 = 2^28 */
    uint32_t cancel;         /* the host writes 1 to end the request at the next token */
    uint32_t stop_count;     /* at most SETUN_MAX_STOP */
    uint32_t stop[SETUN_MAX_STOP];
    uint32_t reserved[15];   /* zero */
};

/* First bytes of the firmware's image, at SETUN_SRAM_BASE + SETUN_HEADER_OFFSET: what the loader checks. */
#define SETUN_FIRMWARE_MAGIC 0x57465453u /* "STFW" */
#define SETUN_HEADER_OFFSET 0x08u        /* behind the jump of the reset vector */
struct SetunFirmwareHeader {
    uint32_t magic;
    uint32_t platform_version;
    uint32_t sram_bytes;     /* memory that the image was linked for */
    uint32_t command_version;
};
#endif

#endif /* SETUN_PLATFORM_H */
