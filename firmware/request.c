#include "firmware/request.h"

#include <stddef.h>

#include "firmware/hardware.h"
#include "rtl/setun_vector_abi.h"

#define FIELD(name) ((uint32_t)offsetof(struct SetunRequest, name))
#define DEFAULT_WATCHDOG 0x10000000u
/* The scheduler tells elapsed cycles from their low words. */
#define MAX_WATCHDOG 0x80000000u

_Static_assert(sizeof(struct SetunRequest) == 192, "three command slots of 64 bytes");

static uint32_t request_address;

static bool refuse(struct Outcome* outcome, uint32_t field, uint32_t value) {
    outcome_set(outcome, SETUN_STATUS_BAD_REQUEST, field, value, 0);
    return false;
}

/* Whether `count` items of `bytes` (a power of two) at `offset` lie in the window of data memory. */
static bool inside(uint32_t offset, uint32_t count, uint32_t bytes) {
    return offset <= SETUN_DATA_MAX_BYTES && count <= (SETUN_DATA_MAX_BYTES - offset) / bytes;
}

static bool check_lists(const struct SetunRequest* r, struct Outcome* outcome) {
    if (r->body_count == 0 || r->body_count > SETUN_MAX_COMMANDS) {
        return refuse(outcome, FIELD(body_count), r->body_count);
    }
    if (r->head_count == 0 || r->head_count > SETUN_MAX_COMMANDS - r->body_count) {
        return refuse(outcome, FIELD(head_count), r->head_count);
    }
    if (r->body_list % SETUN_ALIGN != 0 || !inside(r->body_list, r->body_count, SETUN_COMMAND_BYTES)) {
        return refuse(outcome, FIELD(body_list), r->body_list);
    }
    if (r->head_list % SETUN_ALIGN != 0 || !inside(r->head_list, r->head_count, SETUN_COMMAND_BYTES)) {
        return refuse(outcome, FIELD(head_list), r->head_list);
    }
    return true;
}

static bool check_sizes(const struct SetunRequest* r, struct Outcome* outcome) {
    if (r->argmax % 4 != 0 || !inside(r->argmax, 2, 4)) {
        return refuse(outcome, FIELD(argmax), r->argmax);
    }
    if (r->prompt % 4 != 0 || r->prompt > SETUN_DATA_MAX_BYTES) {
        return refuse(outcome, FIELD(prompt), r->prompt);
    }
    if (r->prompt_count == 0 || !inside(r->prompt, r->prompt_count, 4)) {
        return refuse(outcome, FIELD(prompt_count), r->prompt_count);
    }
    if (r->capacity == 0 || r->capacity > SETUN_MAX_POSITIONS) {
        return refuse(outcome, FIELD(capacity), r->capacity);
    }
    if (r->vocabulary == 0) {
        return refuse(outcome, FIELD(vocabulary), r->vocabulary);
    }
    if (r->output % 4 != 0 || r->output > SETUN_DATA_MAX_BYTES) {
        return refuse(outcome, FIELD(output), r->output);
    }
    if (r->max_tokens == 0 || !inside(r->output, r->max_tokens, 4)) {
        return refuse(outcome, FIELD(max_tokens), r->max_tokens);
    }
    if (r->watchdog > MAX_WATCHDOG) {
        return refuse(outcome, FIELD(watchdog), r->watchdog);
    }
    if (r->stop_count > SETUN_MAX_STOP) {
        return refuse(outcome, FIELD(stop_count), r->stop_count);
    }
    for (uint32_t i = 0; i < sizeof r->reserved / sizeof r->reserved[0]; ++i) {
        if (r->reserved[i] != 0) {
            return refuse(outcome, FIELD(reserved) + 4 * i, r->reserved[i]);
        }
    }
    return true;
}

static bool check_prompt(const struct SetunRequest* r, struct Outcome* outcome) {
    if (r->position >= r->capacity || r->prompt_count > r->capacity - r->position) {
        /* The first position that has no room. */
        const uint32_t position = r->position > r->capacity ? r->position : r->capacity;
        outcome_set(outcome, SETUN_STATUS_CONTEXT_FULL, position, r->capacity, 0);
        return false;
    }
    for (uint32_t i = 0; i < r->prompt_count; ++i) {
        const uint32_t token = read32(data_address(r->prompt) + 4 * i);
        if (token >= r->vocabulary) {
            outcome_set(outcome, SETUN_STATUS_TOKEN_RANGE, i, token, r->vocabulary);
            return false;
        }
    }
    return true;
}

bool request_load(struct SetunRequest* request, struct Outcome* outcome) {
    request_address = read32(SETUN_MAILBOX_BASE + SETUN_MBOX_REQUEST);
    /* The last address that leaves room is a multiple of 64. */
    if (request_address < SETUN_DATA_BASE || request_address % SETUN_ALIGN != 0 ||
        !inside(request_address - SETUN_DATA_BASE, sizeof *request / 4, 4)) {
        return refuse(outcome, REQUEST_ADDRESS_FIELD, request_address);
    }
    uint32_t* words = (uint32_t*)request;
    for (uint32_t i = 0; i < sizeof *request / 4; ++i) {
        words[i] = read32(request_address + 4 * i);
    }
    if (request->magic != SETUN_REQUEST_MAGIC) {
        return refuse(outcome, FIELD(magic), request->magic);
    }
    if (request->version >> 16 != SETUN_PLATFORM_VERSION >> 16) {
        return refuse(outcome, FIELD(version), request->version);
    }
    if (!check_lists(request, outcome) || !check_sizes(request, outcome) || !check_prompt(request, outcome)) {
        return false;
    }
    if (request->watchdog == 0) {
        request->watchdog = DEFAULT_WATCHDOG;
    }
    return true;
}

bool request_cancelled(void) { return read32(request_address + FIELD(cancel)) != 0; }
