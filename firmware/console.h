/*
 * Lines for people on the UART. A UART that takes nothing loses characters and delays nothing for long.
 */
#ifndef SETUN_FIRMWARE_CONSOLE_H
#define SETUN_FIRMWARE_CONSOLE_H

#include <stdint.h>

void print(const char* text);
void print_number(uint32_t value);

#endif
