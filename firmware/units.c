#include "firmware/units.h"

/* The platform holds the engine's reset for 16 cycles. */
#define ENGINE_RESET_CYCLES 32u

static void engine_set_up(void) {
    const uint32_t base = unit_base(SETUN_UNIT_ENGINE);
    const uint32_t ports = read32(base + SETUN_REG_CONFIG0) >> 16 & 0xFFu;
    write32(base + SETUN_REG_LIST_HI, 0);
    write32(base + SETUN_REG_DATA_BASE_LO, SETUN_DATA_BASE);
    write32(base + SETUN_REG_DATA_BASE_HI, 0);
    for (uint32_t port = 0; port < ports; ++port) {
        const uint32_t offset = port * SETUN_REG_W_STRIDE;
        write32(base + SETUN_REG_W_BASE_LO + offset, 0);
        write32(base + SETUN_REG_W_BASE_HI + offset, (port + 1) << (SETUN_WEIGHT_BASE_SHIFT - 32u));
    }
    write32(base + SETUN_REG_IER, 1);
    write32(base + SETUN_REG_GIE, 1);
}

bool units_check(struct Outcome* outcome) {
    const uint32_t engine = unit_base(SETUN_UNIT_ENGINE);
    if (read32(engine + SETUN_REG_MAGIC) != SETUN_MAGIC ||
        read32(engine + SETUN_REG_VERSION) >> 16 != SETUN_ABI_VERSION >> 16) {
        outcome_set(outcome, SETUN_STATUS_UNIT_ERROR, SETUN_UNIT_ENGINE, SETUN_ERR_VERSION, 0);
        return false;
    }
    for (uint32_t unit = 1; unit < SETUN_UNITS; ++unit) {
        const uint32_t ident = read32(unit_base(unit) + SETUN_VU_IDENT);
        if ((ident & 0xFFFFu) != (unit | SETUN_COMMAND_VERSION << 8)) {
            outcome_set(outcome, SETUN_STATUS_UNIT_ERROR, unit, SETUN_ERR_VERSION, 0);
            return false;
        }
    }
    return true;
}

void units_reset(uint32_t mask) {
    for (uint32_t unit = 1; unit < SETUN_UNITS; ++unit) {
        if (mask >> unit & 1u) {
            write32(unit_base(unit) + SETUN_VU_CTRL, SETUN_VU_RESET);
        }
    }
    if (mask >> SETUN_UNIT_ENGINE & 1u) {
        write32(unit_base(SETUN_UNIT_ENGINE) + SETUN_ENGINE_RESET, 1);
        const uint32_t start = read32(SETUN_TIMER_BASE + SETUN_TIMER_COUNT_LO);
        while (read32(SETUN_TIMER_BASE + SETUN_TIMER_COUNT_LO) - start < ENGINE_RESET_CYCLES) {
        }
        engine_set_up();
    }
}

void units_set_position(uint32_t position, uint32_t token) {
    for (uint32_t unit = 1; unit < SETUN_UNITS; ++unit) {
        write32(unit_base(unit) + SETUN_VU_POSITION, position);
        write32(unit_base(unit) + SETUN_VU_TOKEN, token);
    }
}

void units_describe_error(struct Outcome* outcome, uint32_t unit, uint32_t error) {
    const uint32_t base = unit_base(unit);
    outcome_set(outcome, SETUN_STATUS_UNIT_ERROR, unit, error, 0);
    if (unit == SETUN_UNIT_ENGINE) {
        outcome->detail[4] = read32(base + SETUN_REG_ERROR_ADDR_LO);
        outcome->detail[5] = read32(base + SETUN_REG_ERROR_ADDR_HI);
        outcome->detail[6] = read32(base + SETUN_REG_ERROR_INFO);
    } else {
        outcome->detail[4] = read32(base + SETUN_VU_ERROR_ADDR);
    }
}

uint32_t engine_error_index(void) { return read32(unit_base(SETUN_UNIT_ENGINE) + SETUN_REG_ERROR_INDEX); }
