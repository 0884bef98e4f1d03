/*
 * The matrix engine and the vector units: set-up, reset, start and acknowledgement. The scheduler's hot
 * path is inline.
 */
#ifndef SETUN_FIRMWARE_UNITS_H
#define SETUN_FIRMWARE_UNITS_H

#include <stdbool.h>

#include "firmware/hardware.h"
#include "firmware/outcome.h"
#include "rtl/setun_vector_abi.h"

#define ALL_UNITS ((1u << SETUN_UNITS) - 1u)

/* Checks that every unit is there and speaks our version. On failure: UNIT_ERROR with unit and code. */
bool units_check(struct Outcome* outcome);
/* Resets the units in `mask`, and sets the engine up again if it is one of them. */
void units_reset(uint32_t mask);
/* Tells all vector units the position and the token of the commands to come. */
void units_set_position(uint32_t position, uint32_t token);
/* The details of UNIT_ERROR that unit `unit` knows, after it finished with `error`; list, index and position
 * are the scheduler's. */
void units_describe_error(struct Outcome* outcome, uint32_t unit, uint32_t error);
/* Index within the run of the command that the engine stopped at. */
uint32_t engine_error_index(void);

/* Starts `count` commands at the bus address `address` on the engine. */
static inline void engine_start(uint32_t address, uint32_t count) {
    const uint32_t base = unit_base(SETUN_UNIT_ENGINE);
    write32(base + SETUN_REG_LIST_LO, address);
    write32(base + SETUN_REG_LIST_COUNT, count);
    write32(base + SETUN_REG_CTRL, SETUN_CTRL_START);
}

/* Starts the command at the bus address `address` on the vector unit with the registers at `base`. */
static inline void vector_start(uint32_t base, uint32_t address) {
    write32(base + SETUN_VU_COMMAND, address);
    write32(base + SETUN_VU_CTRL, SETUN_VU_START);
}

/* Takes away the interrupt of unit `unit`, whose registers are at `base`, and returns its error code. */
static inline uint32_t unit_finish(uint32_t unit, uint32_t base) {
    if (unit == SETUN_UNIT_ENGINE) {
        write32(base + SETUN_REG_ISR, 1);
        return read32(base + SETUN_REG_ERROR);
    }
    const uint32_t error = read32(base + SETUN_VU_ERROR);
    write32(base + SETUN_VU_CTRL, SETUN_VU_ACK);
    return error;
}

#endif
