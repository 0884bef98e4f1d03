/*
 * Reset, and the only trap entry: exceptions. Interrupts never trap here; they end WFI
 * (hardware.h), so the firmware has no concurrency of its own.
 */
#include "firmware/stack.h"

    .section .start, "ax"
    .option norvc
    .globl _start
_start:
    j reset
    .word 0
    /* Behind it link.ld puts header.c. */

    .text
    .align 2
reset:
    .option push
    .option norelax
    la gp, __global_pointer$
    .option pop
    csrw mstatus, zero
    la t0, trap
    csrw mtvec, t0
    li t0, 0x800                /* external interrupt ends WFI, but mstatus.MIE stays 0 */
    csrw mie, t0
    la t0, _bss
    la t1, _end
1:  bgeu t0, t1, 2f
    sw zero, 0(t0)
    addi t0, t0, 4
    j 1b
2:  call paint
    call boot
    /* Behind boot, and after every exception: an empty stack, and requests forever. */
serve_again:
    call paint
    call serve
    j serve_again

/* Fills the stack with the pattern that stack.c looks for; sp = its top. Uses no stack. */
paint:
    la t0, _stack_limit
    la sp, _stack_top
    li t1, STACK_PATTERN
1:  sw t1, 0(t0)
    addi t0, t0, 4
    bltu t0, sp, 1b
    ret

    .align 2
trap:
    csrr a0, mcause
    csrr a1, mepc
    csrr a2, mtval
    la sp, _stack_top           /* whoever was interrupted never goes on, and its sp may be what is wrong */
    call report_trap
    la t0, serve_again
    csrw mepc, t0
    mret
