#include "firmware/console.h"

#include <stdbool.h>

#include "firmware/hardware.h"

/* Polls for one character. At 115200 baud and 250 MHz one takes 22 000 cycles, and a poll at least five. */
#define MAX_POLLS 10000u

/* A character had to be dropped: the next ones get one poll each until the UART takes one again. */
static bool stuck;

static void put(char character) {
    const uint32_t most = stuck ? 1 : MAX_POLLS;
    stuck = true;
    for (uint32_t polls = 0; stuck && polls < most; ++polls) {
        if (read32(SETUN_UART_BASE + SETUN_UART_STATUS) & 1u) {
            write32(SETUN_UART_BASE + SETUN_UART_DATA, (uint32_t)(unsigned char)character);
            stuck = false;
        }
    }
}

void print(const char* text) {
    while (*text != '\0') {
        put(*text++);
    }
}

void print_number(uint32_t value) {
    char digits[10];
    uint32_t count = 0;
    do {
        digits[count++] = (char)('0' + value % 10);
        value /= 10;
    } while (value != 0);
    while (count > 0) {
        put(digits[--count]);
    }
}
