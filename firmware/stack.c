#include "firmware/stack.h"

#include "firmware/hardware.h"

_Static_assert(SETUN_SRAM_BASE == 0 && SETUN_SRAM_BYTES == 0x10000, "link.ld has the same memory");

/* link.ld */
extern uint32_t _end[];
extern uint32_t _stack_limit[];
extern uint32_t _stack_top[];

static uint32_t most_used;

static uint32_t address_of(const volatile uint32_t* word) { return (uint32_t)(uintptr_t)word; }

bool stack_intact(void) {
    const volatile uint32_t* word = _stack_limit;
    for (uint32_t i = 0; i < STACK_GUARD_BYTES / 4; ++i) {
        if (word[i] != STACK_PATTERN) {
            return false;
        }
    }
    return true;
}

uint32_t stack_lowest(void) {
    const volatile uint32_t* word = _stack_limit;
    while (address_of(word) < address_of(_stack_top) && *word == STACK_PATTERN) {
        ++word;
    }
    return address_of(word);
}

void stack_report(void) {
    const uint32_t used = address_of(_stack_top) - stack_lowest();
    if (used > most_used) {
        most_used = used;
    }
    write32(SETUN_MAILBOX_BASE + SETUN_MBOX_FIRMWARE, (address_of(_end) - SETUN_SRAM_BASE) | most_used << 16);
}
