// Preloaded into hosts of the emulation, never into those of a card: replaces the functions of the C library
// with which XRT's emulation driver sleeps whole seconds and writes to the program's standard output.
#include <dlfcn.h>
#include <unistd.h>

#include <csignal>
#include <cstdarg>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <ctime>
#include <string>

#include "sim/xrt/host_shim.h"
#include "sim/xrt/run_status.h"

namespace {

std::FILE*& log_file() {
    static std::FILE* file = nullptr;  // NOLINT(cppcoreguidelines-avoid-non-const-global-variables)
    return file;
}

/// Where a call's output goes: XRT's to the log, that of others where they want it.
std::FILE* output_of(const void* caller) {
    Dl_info info{};
    if (log_file() == nullptr || ::dladdr(caller, &info) == 0 || info.dli_fname == nullptr) {
        return stdout;
    }
    const char* const slash = std::strrchr(info.dli_fname, '/');
    const char* const name = slash == nullptr ? info.dli_fname : slash + 1;
    return std::strncmp(name, "libxrt", std::strlen("libxrt")) == 0 ? log_file() : stdout;
}

}  // namespace

extern "C" {

int __printf_chk(int flag, const char* format, ...);  // NOLINT: glibc's name

void setun_xrt_log_to(std::FILE* file) { log_file() = file; }

/// The driver looks for the end of a run, sleeps ten seconds the first time and one after that. Its loops end
/// on a condition, so a shorter sleep only makes them look more often.
unsigned sleep(unsigned seconds) {
    const timespec moment{0, seconds == 0 ? 0 : 100'000};
    nanosleep(&moment, nullptr);
    return 0;
}

// NOLINTNEXTLINE(readability-inconsistent-declaration-parameter-name)
int puts(const char* text) { return std::fprintf(output_of(__builtin_return_address(0)), "%s\n", text); }

/// The driver's calls of unzip and others: what they complain about goes to the log too.
int system(const char* command) {  // NOLINT: glibc's name
    // NOLINTNEXTLINE(cppcoreguidelines-pro-type-reinterpret-cast)
    const auto next = reinterpret_cast<int (*)(const char*)>(::dlsym(RTLD_NEXT, "system"));
    const char* const folder = std::getenv(setun::emulation::kRunFolderVariable);
    if (command == nullptr || folder == nullptr) {
        return next(command);
    }
    const std::string logged =
        std::string("{ ") + command + "\n} 2>>'" + folder + "/" + setun::emulation::kXrtLog + "'";
    return next(logged.c_str());
}

int printf(const char* format, ...) {
    std::va_list list;
    va_start(list, format);
    const int count = std::vfprintf(output_of(__builtin_return_address(0)), format, list);
    va_end(list);
    return count;
}

int __printf_chk(int, const char* format, ...) {  // NOLINT: glibc's name
    std::va_list list;
    va_start(list, format);
    const int count = std::vfprintf(output_of(__builtin_return_address(0)), format, list);
    va_end(list);
    return count;
}

/// XRT asserts that the simulator answered, and its own handler of SIGABRT would end the program with an
/// ordinary exit code. Here it dies of the signal, so that whoever started it sees that it did, and says why.
// NOLINTNEXTLINE: glibc's name and parameters
void __assert_fail(const char* text, const char* file, unsigned line, const char* function) {
    std::FILE* const caller = output_of(__builtin_return_address(0));
    std::fprintf(caller == stdout ? stderr : caller, "%s:%u: %s: Assertion `%s' failed.\n", file, line,
                 function, text);
    std::fflush(nullptr);
    std::signal(SIGABRT, SIG_DFL);
    std::abort();
}

}  // extern "C"
