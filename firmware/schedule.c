#include "firmware/schedule.h"

#include "firmware/hardware.h"
#include "firmware/request.h"
#include "firmware/units.h"

#define NONE 0xFFFFFFFFu

_Static_assert(SETUN_WINDOW == 32 && SETUN_MAX_DISTANCE == SETUN_WINDOW - 1,
               "done commands are bits of a word");

/* A command as the scheduler sees it: [2:0] unit, [7:3] and [12:8] distances, [25:13] distance to the next
 * command of the same unit, NO_NEXT = there is none: that leads beyond every list. */
#define COMMAND_UNIT(word) ((word)&7u)
#define COMMAND_FIRST(word) ((word) >> 3 & 31u)
#define COMMAND_SECOND(word) ((word) >> 8 & 31u)
#define COMMAND_NEXT(word) ((word) >> 13)
#define NEXT_SHIFT 13
#define NO_NEXT 0x1FFFu
_Static_assert(SETUN_MAX_COMMANDS <= NO_NEXT, "a distance to the next command fits its field");

static uint32_t commands[SETUN_MAX_COMMANDS];
static uint32_t first_of_unit[SETUN_UNITS];
static uint32_t body_address, body_count, head_address, total_count;
static uint32_t watchdog;

/* A unit during a run. */
struct Slot {
    uint32_t unit;
    uint32_t bit; /* 1 << unit */
    uint32_t registers;
    uint32_t next;    /* oldest command of the unit that was not started; beyond the list when all were */
    uint32_t need;    /* commands that `next` waits for; only while the unit is among Board.waiting */
    uint32_t begun;   /* first command that the busy unit works on */
    uint32_t members; /* all commands that it works on */
};

static struct Slot slots[SETUN_UNITS];
/* The slot of the lowest unit of a mask of units: RV32IM has no instruction for it, and this is the hot path.
 */
static struct Slot* lowest[ALL_UNITS + 1];

/* ---- Loading ---------------------------------------------------------------------------------------------
 */

static bool known_opcode(uint32_t opcode) {
    switch (opcode) {
        case SETUN_OP_NOP:
        case SETUN_OP_MATMUL:
        case SETUN_OP_NORM_QUANTIZE:
        case SETUN_OP_ROPE:
        case SETUN_OP_KV_APPEND:
        case SETUN_OP_ATTENTION:
        case SETUN_OP_GATE:
        case SETUN_OP_RESIDUAL:
        case SETUN_OP_EMBED:
        case SETUN_OP_ARGMAX:
            return true;
        default:
            return false;
    }
}

static uint32_t command_address(uint32_t index) {
    return index < body_count ? body_address + index * SETUN_COMMAND_BYTES
                              : head_address + (index - body_count) * SETUN_COMMAND_BYTES;
}

/* SETUN_ERR_* of the words that hold version, opcode and tag, for the command `index`. */
static uint32_t check_command(uint32_t word, uint32_t tag, uint32_t index) {
    const uint32_t first = SETUN_TAG_FIRST(tag);
    const uint32_t second = SETUN_TAG_SECOND(tag);
    if ((word & 0xFFu) != SETUN_COMMAND_VERSION) {
        return SETUN_ERR_VERSION;
    }
    if (!known_opcode(word >> 8 & 0xFFu)) {
        return SETUN_ERR_OPCODE;
    }
    if (first > SETUN_MAX_DISTANCE || second > SETUN_MAX_DISTANCE || first > index || second > index) {
        return SETUN_ERR_TAG;
    }
    return SETUN_ERR_NONE;
}

bool schedule_load(const struct SetunRequest* request, struct Outcome* outcome) {
    uint32_t last[SETUN_UNITS];
    body_address = data_address(request->body_list);
    body_count = request->body_count;
    head_address = data_address(request->head_list);
    total_count = request->body_count + request->head_count;
    watchdog = request->watchdog;
    for (uint32_t unit = 0; unit < SETUN_UNITS; ++unit) {
        slots[unit].unit = unit;
        slots[unit].bit = 1u << unit;
        slots[unit].registers = unit_base(unit);
        first_of_unit[unit] = NONE;
        last[unit] = NONE;
    }
    for (uint32_t mask = ALL_UNITS; mask != 0; --mask) {
        uint32_t unit = 0;
        while ((mask >> unit & 1u) == 0) {
            ++unit;
        }
        lowest[mask] = &slots[unit];
    }
    for (uint32_t i = 0; i < total_count; ++i) {
        const uint32_t address = command_address(i);
        const uint32_t word = read32(address);
        const uint32_t tag = read32(address + 4);
        const uint32_t error = check_command(word, tag, i);
        if (error != SETUN_ERR_NONE) {
            const bool head = i >= body_count;
            outcome_set(outcome, SETUN_STATUS_BAD_COMMAND, head, head ? i - body_count : i, error);
            return false;
        }
        const uint32_t unit = SETUN_UNIT_OF(word >> 8 & 0xFFu);
        commands[i] = unit | SETUN_TAG_FIRST(tag) << 3 | SETUN_TAG_SECOND(tag) << 8 | NO_NEXT << NEXT_SHIFT;
        if (last[unit] == NONE) {
            first_of_unit[unit] = i;
        } else {
            commands[last[unit]] ^= (NO_NEXT ^ (i - last[unit])) << NEXT_SHIFT;
        }
        last[unit] = i;
    }
    return true;
}

/* ---- Running ---------------------------------------------------------------------------------------------
 */

/* A run in progress. Commands before `base` are done. Everything else that matters lies in the window behind
 * it, so a mask of commands has bit (index % 32) for the command `index`. */
struct Board {
    uint32_t base;
    uint32_t base_bit; /* 1 << base % 32 */
    uint32_t done;     /* commands from `base` on that are done */
    uint32_t count;    /* commands of this run */
    uint32_t busy;     /* units at work; this and the next two are bits per unit, and exclusive */
    uint32_t waiting;  /* units whose next command waits for Slot.need */
    uint32_t fresh;    /* units whose next command was not looked at, or is beyond the window */
    uint32_t progress; /* low word of the time at which a command finished last */
};

static void watch(uint32_t cycles) {
    const uint32_t low = read32(SETUN_TIMER_BASE + SETUN_TIMER_COUNT_LO);
    const uint32_t high = read32(SETUN_TIMER_BASE + SETUN_TIMER_COUNT_HI);
    const uint32_t end = low + cycles;
    /* High word first to "never", so that no state in between is in the past. */
    write32(SETUN_TIMER_BASE + SETUN_TIMER_COMPARE_HI, 0xFFFFFFFFu);
    write32(SETUN_TIMER_BASE + SETUN_TIMER_COMPARE_LO, end);
    write32(SETUN_TIMER_BASE + SETUN_TIMER_COMPARE_HI, high + (end < low));
}

static void stop_watching(void) { write32(SETUN_TIMER_BASE + SETUN_TIMER_COMPARE_HI, 0xFFFFFFFFu); }

/* The commands that the command `index`, which is in the window, still waits for. */
static inline uint32_t needs(const struct Board* board, uint32_t word, uint32_t index) {
    const uint32_t place = index - board->base;
    const uint32_t first = COMMAND_FIRST(word);
    const uint32_t second = COMMAND_SECOND(word);
    uint32_t mask = 0;
    if (first != 0 && first <= place) {
        mask = 1u << ((index - first) & 31u);
    }
    if (second != 0 && second <= place) {
        mask |= 1u << ((index - second) & 31u);
    }
    return mask & ~board->done;
}

/* Starts an idle unit on its next command, which may start; the engine also on the neighbours that may. */
static inline void start(struct Board* board, struct Slot* slot, uint32_t limit) {
    const uint32_t index = slot->next;
    uint32_t word = commands[index];
    uint32_t last = index;
    uint32_t members = 1u << (index & 31u);
    if (slot->unit == SETUN_UNIT_ENGINE) {
        /* A run stays within its list, for the two need not be neighbours in memory. */
        const uint32_t end = index < body_count && body_count < limit ? body_count : limit;
        while (last + 1 < end && COMMAND_NEXT(word) == 1 && needs(board, commands[last + 1], last + 1) == 0) {
            word = commands[++last];
            members |= 1u << (last & 31u);
        }
        engine_start(command_address(index), last - index + 1);
    } else {
        vector_start(slot->registers, command_address(index));
    }
    board->busy |= slot->bit;
    board->waiting &= ~slot->bit;
    slot->begun = index;
    slot->members = members;
    slot->next = last + COMMAND_NEXT(word);
}

/* Starts every idle unit whose next command may start now that the commands `finished` are done. The engine
 * comes first: it sets the pace. */
static void start_ready(struct Board* board, uint32_t finished) {
    uint32_t limit = board->base + SETUN_WINDOW;
    if (limit > board->count) {
        limit = board->count;
    }
    uint32_t ready = 0;
    struct Slot* slot_of = slots;
    __asm__("" : "+r"(slot_of)); /* keeps the address in a register */
#pragma GCC unroll 6
    for (uint32_t unit = 0; unit < SETUN_UNITS; ++unit) {
        slot_of[unit].need &= ~finished;
        if (slot_of[unit].need == 0) {
            ready |= 1u << unit;
        }
    }
    ready &= board->waiting;
    for (uint32_t fresh = board->fresh; fresh != 0; fresh &= fresh - 1) {
        struct Slot* slot = lowest[fresh];
        if (slot->next < limit) {
            slot->need = needs(board, commands[slot->next], slot->next);
            board->fresh &= ~slot->bit;
            board->waiting |= slot->bit;
            ready |= slot->need == 0 ? slot->bit : 0u;
        }
    }
    for (; ready != 0; ready &= ready - 1) {
        start(board, lowest[ready], limit);
    }
}

static void locate(struct Outcome* outcome, uint32_t detail, uint32_t index) {
    const bool head = index >= body_count;
    outcome->detail[detail] = head;
    outcome->detail[detail + 1] = head ? index - body_count : index;
}

/* A unit has finished; returns its commands. Only the first error is kept. */
static inline uint32_t finish(struct Board* board, struct Slot* slot, uint32_t position,
                              struct Outcome* outcome) {
    const uint32_t error = unit_finish(slot->unit, slot->registers);
    board->busy &= ~slot->bit;
    board->progress = read32(SETUN_TIMER_BASE + SETUN_TIMER_COUNT_LO);
    if (error != SETUN_ERR_NONE) {
        if (outcome->status == SETUN_STATUS_BUSY) {
            const uint32_t member = slot->unit == SETUN_UNIT_ENGINE ? engine_error_index() : 0;
            units_describe_error(outcome, slot->unit, error);
            locate(outcome, 2, slot->begun + member);
            outcome->detail[7] = position;
        }
        return 0;
    }
    board->fresh |= slot->bit;
    board->done |= slot->members;
    while (board->done & board->base_bit) {
        board->done ^= board->base_bit;
        board->base_bit = board->base_bit << 1 | board->base_bit >> 31;
        ++board->base;
    }
    return slot->members;
}

/* Units that say that they are done and were not started: they would keep us awake for nothing. */
static __attribute__((noinline)) void acknowledge_idle(uint32_t units) {
    for (; units != 0; units &= units - 1) {
        (void)unit_finish(lowest[units]->unit, lowest[units]->registers);
    }
}

/* Interrupts of busy units and of the timer; waits until there is one. */
static uint32_t wait_for_event(uint32_t busy) {
    const uint32_t wanted = busy | 1u << SETUN_IRQ_TIMER;
    uint32_t pending = read32(SETUN_INTC_BASE + SETUN_INTC_PENDING);
    if ((pending & wanted) == 0) {
        set_phase(SETUN_PHASE_WAIT);
        for (;;) {
            wait_for_interrupt();
            pending = read32(SETUN_INTC_BASE + SETUN_INTC_PENDING);
            if (pending & wanted) {
                break;
            }
            acknowledge_idle(pending & ALL_UNITS);
        }
        set_phase(SETUN_PHASE_DISPATCH);
    }
    return pending & wanted;
}

/* The timer has rung: gives up if no command has finished in time, and looks again later otherwise. */
static void check_progress(struct Board* board, uint32_t position, struct Outcome* outcome) {
    const uint32_t elapsed = read32(SETUN_TIMER_BASE + SETUN_TIMER_COUNT_LO) - board->progress;
    if (elapsed < watchdog) {
        watch(watchdog - elapsed);
        return;
    }
    /* An error whose neighbours did not finish stays the error. */
    if (outcome->status == SETUN_STATUS_BUSY) {
        outcome_set(outcome, SETUN_STATUS_WATCHDOG, board->busy, 0, 0);
        locate(outcome, 1, board->base);
        outcome->detail[3] = position;
    }
    units_reset(board->busy);
    board->busy = 0;
}

bool schedule_run(bool with_head, uint32_t position, struct Outcome* outcome) {
    struct Board board;
    board.base = 0;
    board.base_bit = 1;
    board.done = 0;
    board.count = with_head ? total_count : body_count;
    board.busy = 0;
    board.waiting = 0;
    board.fresh = ALL_UNITS;
    for (uint32_t unit = 0; unit < SETUN_UNITS; ++unit) {
        slots[unit].next = first_of_unit[unit];
        slots[unit].need = 0;
    }
    uint32_t finished = 0;
    board.progress = read32(SETUN_TIMER_BASE + SETUN_TIMER_COUNT_LO);
    set_phase(SETUN_PHASE_DISPATCH);
    watch(watchdog);
    /* Something is always under way: command `base` waits for nothing but older ones, and those are done. */
    while (board.base < board.count || board.busy != 0) {
        if (outcome->status == SETUN_STATUS_BUSY) {
            start_ready(&board, finished);
        } else if (board.busy == 0) {
            break;
        }
        const uint32_t events = wait_for_event(board.busy);
        finished = 0;
        for (uint32_t units = events & ALL_UNITS; units != 0; units &= units - 1) {
            finished |= finish(&board, lowest[units], position, outcome);
        }
        if (events >> SETUN_IRQ_TIMER & 1u) {
            check_progress(&board, position, outcome);
        }
    }
    stop_watching();
    return outcome->status == SETUN_STATUS_BUSY;
}
