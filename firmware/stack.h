/*
 * How much stack was used: the unused part keeps a pattern.
 */
#ifndef SETUN_FIRMWARE_STACK_H
#define SETUN_FIRMWARE_STACK_H

#define STACK_PATTERN 0x5AFE57AC
#define STACK_GUARD_BYTES 64u    /* lowest part, which must keep the pattern */
#define STACK_OVERFLOW_CAUSE 24u /* mcause of STATUS_TRAP for it; the specification leaves 24 to 31 to us */

#ifndef __ASSEMBLER__
#include <stdbool.h>
#include <stdint.h>

/* Whether the guard below the stack is untouched. */
bool stack_intact(void);
/* The lowest address that the stack has reached. */
uint32_t stack_lowest(void);
/* Writes the image's size and the most stack ever used to the mailbox. */
void stack_report(void);
#endif

#endif
