// Preloaded into hosts of the emulation, never into those of a card: replaces the functions of the C library with which
// XRT's emulation driver sleeps whole seconds and writes to the program's standard output.
#include <cstdarg>
#include <cstdio>
#include <ctime>

#include "sim/xrt/host_shim.h"

namespace {

std::FILE* log_file = nullptr;

int write_log(const char* format, std::va_list list) {
    return log_file == nullptr ? 0 : std::vfprintf(log_file, format, list);
}

}  // namespace

extern "C" {

void setun_xrt_log_to(std::FILE* file) { log_file = file; }

/// The driver looks for the end of a run, sleeps ten seconds the first time and one after that. Its loops end on a
/// condition, so a shorter sleep only makes them look more often.
unsigned sleep(unsigned seconds) {
    const timespec moment{0, seconds == 0 ? 0 : 100'000};
    nanosleep(&moment, nullptr);
    return 0;
}

// What XRT's libraries print goes to the log. Setun itself uses neither printf nor puts.
int puts(const char* text) { return log_file == nullptr ? 0 : std::fprintf(log_file, "%s\n", text); }

int printf(const char* format, ...) {
    std::va_list list;
    va_start(list, format);
    const int count = write_log(format, list);
    va_end(list);
    return count;
}

int __printf_chk(int, const char* format, ...) {  // NOLINT(bugprone-reserved-identifier): glibc's name
    std::va_list list;
    va_start(list, format);
    const int count = write_log(format, list);
    va_end(list);
    return count;
}

}  // extern "C"
