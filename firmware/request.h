/*
 * The host's request: copied out of data memory once, and checked before anything runs.
 */
#ifndef SETUN_FIRMWARE_REQUEST_H
#define SETUN_FIRMWARE_REQUEST_H

#include <stdbool.h>

#include "firmware/outcome.h"

/* Field of BAD_REQUEST when the address in the mailbox itself is wrong. */
#define REQUEST_ADDRESS_FIELD 0xFFFFFFFFu

/* Copies the request that the mailbox points at into *request and checks every field that does not need the
 * lists. On failure: BAD_REQUEST, TOKEN_RANGE or CONTEXT_FULL. */
bool request_load(struct SetunRequest* request, struct Outcome* outcome);
/* Whether the host has asked for an end since. */
bool request_cancelled(void);
/* Bus address of an offset into data memory. */
static inline uint32_t data_address(uint32_t offset) { return SETUN_DATA_BASE + offset; }

#endif
