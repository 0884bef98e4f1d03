/*
 * Access to registers and to data memory, and waiting for interrupts.
 */
#ifndef SETUN_FIRMWARE_HARDWARE_H
#define SETUN_FIRMWARE_HARDWARE_H

#include "firmware/platform.h"

static inline uint32_t read32(uint32_t address) { return *(volatile const uint32_t*)(uintptr_t)address; }

static inline void write32(uint32_t address, uint32_t value) {
    *(volatile uint32_t*)(uintptr_t)address = value;
}

/* Base of unit `unit`'s registers. */
static inline uint32_t unit_base(uint32_t unit) { return SETUN_UNIT_BASE + unit * SETUN_UNIT_STRIDE; }

/* Orders data memory against the registers that start units and tell the host. */
static inline void fence(void) { __asm__ volatile("fence" ::: "memory"); }

/* Sleeps until an enabled interrupt is pending; it stays pending, nothing is taken. May return early. */
static inline void wait_for_interrupt(void) { __asm__ volatile("wfi" ::: "memory"); }

static inline void set_phase(uint32_t phase) { write32(SETUN_MAILBOX_BASE + SETUN_MBOX_PHASE, phase); }

#endif
