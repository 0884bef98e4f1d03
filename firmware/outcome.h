/*
 * How a request ended: a status and its details, as the mailbox shows them.
 */
#ifndef SETUN_FIRMWARE_OUTCOME_H
#define SETUN_FIRMWARE_OUTCOME_H

#include "firmware/platform.h"

struct Outcome {
    uint32_t status; /* SETUN_STATUS_BUSY while nothing has ended it */
    uint32_t detail[SETUN_MBOX_DETAILS];
};

/* Records a status with the first three details; the others become zero. */
void outcome_set(struct Outcome* outcome, uint32_t status, uint32_t d0, uint32_t d1, uint32_t d2);

#endif
