#include "firmware/outcome.h"

void outcome_set(struct Outcome* outcome, uint32_t status, uint32_t d0, uint32_t d1, uint32_t d2) {
    outcome->status = status;
    for (uint32_t i = 0; i < SETUN_MBOX_DETAILS; ++i) {
        outcome->detail[i] = 0;
    }
    outcome->detail[0] = d0;
    outcome->detail[1] = d1;
    outcome->detail[2] = d2;
}
