#include "firmware/schedule.h"

#include "firmware/hardware.h"
#include "firmware/request.h"
#include "firmware/units.h"

#define NONE 0xFFFFFFFFu

_Static_assert(SETUN_WINDOW == 32 && SETUN_MAX_DISTANCE == SETUN_WINDOW - 1, "done commands are bits of a word");

/* A command as the scheduler sees it: [2:0] unit, [7:3] and [12:8] distances, [25:13] distance to the next command
 * of the same unit, 0 = there is none. */
#define COMMAND_UNIT(word) ((word)&7u)
#define COMMAND_FIRST(word) ((word) >> 3 & 31u)
#define COMMAND_SECOND(word) ((word) >> 8 & 31u)
#define COMMAND_NEXT(word) ((word) >> 13)
#define NEXT_SHIFT 13
_Static_assert(SETUN_MAX_COMMANDS <= 1u << 13, "a distance to the next command fits its field");

static uint32_t commands[SETUN_MAX_COMMANDS];
static uint32_t first_of_unit[SETUN_UNITS];
static uint32_t body_address, body_count, head_address, total_count;
static uint32_t watchdog;

/* ---- Loading --------------------------------------------------------------------------------------------- */

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
        first_of_unit[unit] = NONE;
        last[unit] = NONE;
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
        commands[i] = unit | SETUN_TAG_FIRST(tag) << 3 | SETUN_TAG_SECOND(tag) << 8;
        if (last[unit] == NONE) {
            first_of_unit[unit] = i;
        } else {
            commands[last[unit]] |= (i - last[unit]) << NEXT_SHIFT;
        }
        last[unit] = i;
    }
    return true;
}

/* ---- Running --------------------------------------------------------------------------------------------- */

/* A run in progress. Commands before `base` are done, of those behind it bit i of `done` says whether base + i is. */
struct Board {
    uint32_t base;
    uint32_t done;
    uint32_t count;               /* commands of this run */
    uint32_t busy;                /* bit per unit */
    uint32_t next[SETUN_UNITS];   /* oldest command of the unit that was not started */
    uint32_t begun[SETUN_UNITS];  /* first command that the unit works on */
    uint32_t members[SETUN_UNITS]; /* and how many from there on, a mask of so many ones */
    uint32_t progress;            /* low word of the time at which a command finished last */
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

/* Whether the commands that command base + place waits for are done. */
static inline bool ready(const struct Board* board, uint32_t word, uint32_t place) {
    const uint32_t first = COMMAND_FIRST(word);
    const uint32_t second = COMMAND_SECOND(word);
    return (first == 0 || first > place || (board->done >> (place - first) & 1u)) &&
           (second == 0 || second > place || (board->done >> (place - second) & 1u));
}

/* Starts every idle unit whose next command may start. The engine comes first: it sets the pace. */
static void start_ready(struct Board* board) {
    uint32_t limit = board->base + SETUN_WINDOW;
    if (limit > board->count) {
        limit = board->count;
    }
    for (uint32_t unit = 0; unit < SETUN_UNITS; ++unit) {
        const uint32_t index = board->next[unit];
        if ((board->busy >> unit & 1u) || index >= limit) {
            continue;
        }
        uint32_t word = commands[index];
        if (!ready(board, word, index - board->base)) {
            continue;
        }
        uint32_t end = index + 1;
        if (unit == SETUN_UNIT_ENGINE) {
            /* A run stays within its list, for the two need not be neighbours in memory. */
            const uint32_t border = index < body_count && body_count < limit ? body_count : limit;
            while (end < border && COMMAND_NEXT(word) == 1 && ready(board, commands[end], end - board->base)) {
                word = commands[end++];
            }
            engine_start(command_address(index), end - index);
        } else {
            vector_start(unit, command_address(index));
        }
        board->busy |= 1u << unit;
        board->begun[unit] = index;
        board->members[unit] = end - index == 32 ? 0xFFFFFFFFu : (1u << (end - index)) - 1u;
        board->next[unit] = COMMAND_NEXT(word) == 0 ? NONE : end - 1 + COMMAND_NEXT(word);
    }
}

static void locate(struct Outcome* outcome, uint32_t detail, uint32_t index) {
    const bool head = index >= body_count;
    outcome->detail[detail] = head;
    outcome->detail[detail + 1] = head ? index - body_count : index;
}

/* Unit `unit` has finished. Only the first error is kept. */
static void finish(struct Board* board, uint32_t unit, uint32_t position, struct Outcome* outcome) {
    const uint32_t error = unit_finish(unit);
    board->busy &= ~(1u << unit);
    board->progress = read32(SETUN_TIMER_BASE + SETUN_TIMER_COUNT_LO);
    if (error != SETUN_ERR_NONE) {
        if (outcome->status == SETUN_STATUS_BUSY) {
            units_describe_error(outcome, unit, error);
            locate(outcome, 2, board->begun[unit] + (unit == SETUN_UNIT_ENGINE ? engine_error_index() : 0));
            outcome->detail[7] = position;
        }
        return;
    }
    board->done |= board->members[unit] << (board->begun[unit] - board->base);
    while (board->done & 1u) {
        board->done >>= 1;
        ++board->base;
    }
}

/* Interrupts of busy units and of the timer; waits until there is one. */
static uint32_t wait_for_event(uint32_t busy) {
    const uint32_t wanted = busy | 1u << SETUN_IRQ_TIMER;
    uint32_t pending = read32(SETUN_INTC_BASE + SETUN_INTC_PENDING);
    if ((pending & wanted) == 0) {
        set_phase(SETUN_PHASE_WAIT);
        do {
            /* A unit that was not started and says that it is done would keep us awake for nothing. */
            for (uint32_t unit = 0; unit < SETUN_UNITS; ++unit) {
                if (pending & ~busy & 1u << unit) {
                    (void)unit_finish(unit);
                }
            }
            wait_for_interrupt();
            pending = read32(SETUN_INTC_BASE + SETUN_INTC_PENDING);
        } while ((pending & wanted) == 0);
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
    board.done = 0;
    board.count = with_head ? total_count : body_count;
    board.busy = 0;
    for (uint32_t unit = 0; unit < SETUN_UNITS; ++unit) {
        board.next[unit] = first_of_unit[unit];
    }
    board.progress = read32(SETUN_TIMER_BASE + SETUN_TIMER_COUNT_LO);
    set_phase(SETUN_PHASE_DISPATCH);
    watch(watchdog);
    /* Something is always under way: command `base` waits for nothing but older ones, and those are done. */
    while (board.base < board.count || board.busy != 0) {
        if (outcome->status == SETUN_STATUS_BUSY) {
            start_ready(&board);
        } else if (board.busy == 0) {
            break;
        }
        const uint32_t events = wait_for_event(board.busy);
        for (uint32_t unit = 0; unit < SETUN_UNITS; ++unit) {
            if (events >> unit & 1u) {
                finish(&board, unit, position, outcome);
            }
        }
        if (events >> SETUN_IRQ_TIMER & 1u) {
            check_progress(&board, position, outcome);
        }
    }
    stop_watching();
    return outcome->status == SETUN_STATUS_BUSY;
}
