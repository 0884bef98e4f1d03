/*
 * The two functions that the compiler may call on its own.
 */
#include <stddef.h>

void* memcpy(void* restrict to, const void* restrict from, size_t bytes);
void* memset(void* to, int value, size_t bytes);

void* memcpy(void* restrict to, const void* restrict from, size_t bytes) {
    char* target = to;
    const char* source = from;
    while (bytes-- > 0) {
        *target++ = *source++;
    }
    return to;
}

void* memset(void* to, int value, size_t bytes) {
    char* target = to;
    while (bytes-- > 0) {
        *target++ = (char)value;
    }
    return to;
}
