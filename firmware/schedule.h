/*
 * The scheduler: keeps both lists in a compact form, and runs them with a scoreboard.
 *
 * The head list continues the body list, so distances in its tags may reach back into the body. Each unit
 * takes its commands in the order of the list. A command starts when the commands that its tag names are
 * done, and all commands SETUN_WINDOW or more places before it. Neighbouring engine commands that may all
 * start become one run of the engine.
 */
#ifndef SETUN_FIRMWARE_SCHEDULE_H
#define SETUN_FIRMWARE_SCHEDULE_H

#include <stdbool.h>

#include "firmware/outcome.h"

/* Reads and checks the scheduling part of both lists. On failure: BAD_COMMAND. */
bool schedule_load(const struct SetunRequest* request, struct Outcome* outcome);
/* Runs the body list, and the head list behind it if `with_head`, for the position that the units were told.
 * All units are idle afterwards. On failure: UNIT_ERROR or WATCHDOG; units that did not finish have been
 * reset. */
bool schedule_run(bool with_head, uint32_t position, struct Outcome* outcome);

#endif
