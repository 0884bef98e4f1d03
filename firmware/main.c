/*
 * Serves requests of the host, one after another, from boot to the end of time.
 */
#include "firmware/console.h"
#include "firmware/hardware.h"
#include "firmware/outcome.h"
#include "firmware/request.h"
#include "firmware/schedule.h"
#include "firmware/stack.h"
#include "firmware/units.h"

/* Entry points of start.S. */
void boot(void);
void serve(void);
void report_trap(uint32_t cause, uint32_t pc, uint32_t value);

static struct SetunRequest request;
static struct Outcome outcome;
static bool booted;

static void mailbox_write(uint32_t offset, uint32_t value) { write32(SETUN_MAILBOX_BASE + offset, value); }

static void print_request(void) {
    print("request: ");
    print_number(request.body_count);
    print("+");
    print_number(request.head_count);
    print(" commands, prompt ");
    print_number(request.prompt_count);
    print(", at most ");
    print_number(request.max_tokens);
    print(" tokens\r\n");
}

/* Tells host and console how things ended. */
static void answer(void) {
    if (outcome.status >= SETUN_STATUS_BAD_REQUEST) {
        print("failed: status ");
        print_number(outcome.status);
        print(", details");
        for (uint32_t i = 0; i < SETUN_MBOX_DETAILS; ++i) {
            print(" ");
            print_number(outcome.detail[i]);
        }
        print("\r\n");
    }
    for (uint32_t i = 0; i < SETUN_MBOX_DETAILS; ++i) {
        mailbox_write(SETUN_MBOX_DETAIL + 4 * i, outcome.detail[i]);
    }
    stack_report();
    set_phase(SETUN_PHASE_IDLE);
    fence();
    mailbox_write(SETUN_MBOX_STATUS, outcome.status);
    mailbox_write(SETUN_MBOX_HOST_IRQ, 1);
}

void boot(void) {
    set_phase(SETUN_PHASE_IDLE);
    outcome_set(&outcome, SETUN_STATUS_IDLE, 0, 0, 0);
    if (!units_check(&outcome)) {
        answer();
        for (;;) {
            wait_for_interrupt();
        }
    }
    units_reset(ALL_UNITS);
    print("setun firmware ready\r\n");
    booted = true;
    stack_report();
    mailbox_write(SETUN_MBOX_BOOT, SETUN_PLATFORM_VERSION);
    mailbox_write(SETUN_MBOX_STATUS, SETUN_STATUS_IDLE);
}

/* Reads the token that the head list has chosen and writes it to the output. */
static void take_token(uint32_t made, uint32_t position, uint32_t* token) {
    *token = read32(data_address(request.argmax));
    if (*token >= request.vocabulary) {
        /* The list has no ARGMAX, or one that writes elsewhere or looks at more rows than there are tokens.
         */
        outcome_set(&outcome, SETUN_STATUS_UNIT_ERROR, SETUN_UNIT_TOKEN, SETUN_ERR_TOKEN, 1);
        outcome.detail[3] = request.head_count - 1;
        outcome.detail[4] = data_address(request.argmax);
        outcome.detail[6] = *token;
        outcome.detail[7] = position;
        return;
    }
    write32(data_address(request.output) + 4 * made, *token);
    fence();
    mailbox_write(SETUN_MBOX_TOKENS, made + 1);
    mailbox_write(SETUN_MBOX_HOST_IRQ, 1);
    for (uint32_t i = 0; i < request.stop_count; ++i) {
        if (request.stop[i] == *token) {
            outcome_set(&outcome, SETUN_STATUS_STOPPED, 0, 0, 0);
        }
    }
    if (outcome.status == SETUN_STATUS_BUSY && made + 1 == request.max_tokens) {
        outcome_set(&outcome, SETUN_STATUS_DONE, 0, 0, 0);
    }
}

/* Runs positions until `outcome` says why no more. */
static void run_request(void) {
    uint32_t made = 0;
    uint32_t token = 0;
    for (uint32_t step = 0; outcome.status == SETUN_STATUS_BUSY; ++step) {
        const uint32_t position = request.position + step;
        const bool with_head = step + 1 >= request.prompt_count;
        if (request_cancelled()) {
            outcome_set(&outcome, SETUN_STATUS_ABORTED, 0, 0, 0);
            return;
        }
        if (position >= request.capacity) {
            outcome_set(&outcome, SETUN_STATUS_CONTEXT_FULL, position, request.capacity, 0);
            return;
        }
        if (!stack_intact()) {
            outcome_set(&outcome, SETUN_STATUS_TRAP, STACK_OVERFLOW_CAUSE, 0, stack_lowest());
            return;
        }
        if (step < request.prompt_count) {
            token = read32(data_address(request.prompt) + 4 * step);
        }
        units_set_position(position, token);
        if (with_head) {
            write32(data_address(request.argmax), 0xFFFFFFFFu); /* no token: ARGMAX must overwrite it */
        }
        fence();
        if (!schedule_run(with_head, position, &outcome)) {
            return;
        }
        set_phase(SETUN_PHASE_TOKEN);
        if (with_head) {
            take_token(made, position, &token);
            ++made;
        }
    }
}

void serve(void) {
    const uint32_t doorbell = 1u << SETUN_IRQ_DOORBELL;
    write32(SETUN_INTC_BASE + SETUN_INTC_ENABLE, doorbell);
    while ((read32(SETUN_INTC_BASE + SETUN_INTC_PENDING) & doorbell) == 0) {
        wait_for_interrupt();
    }
    outcome_set(&outcome, SETUN_STATUS_BUSY, 0, 0, 0);
    mailbox_write(SETUN_MBOX_STATUS, SETUN_STATUS_BUSY);
    mailbox_write(SETUN_MBOX_TOKENS, 0);
    mailbox_write(SETUN_MBOX_DOORBELL, 0);
    set_phase(SETUN_PHASE_LOAD);
    write32(SETUN_INTC_BASE + SETUN_INTC_ENABLE, ALL_UNITS | 1u << SETUN_IRQ_TIMER);
    if (request_load(&request, &outcome) && schedule_load(&request, &outcome)) {
        print_request();
        run_request();
    }
    answer();
}

void report_trap(uint32_t cause, uint32_t pc, uint32_t value) {
    write32(SETUN_TIMER_BASE + SETUN_TIMER_COMPARE_HI, 0xFFFFFFFFu);
    outcome_set(&outcome, SETUN_STATUS_TRAP, cause, pc, value);
    if (booted) {
        units_reset(ALL_UNITS);
    }
    answer();
    while (!booted) {
        wait_for_interrupt();
    }
}
