// Preloaded into hosts of the emulation only: XRT's emulation driver waits for a run by sleeping whole seconds, ten the
// first time.
#include <ctime>

extern "C" unsigned sleep(unsigned seconds);

/// Sleeps 0.1 ms instead. Callers loop on a condition, so that they look more often.
extern "C" unsigned sleep(unsigned seconds) {
    const timespec moment{0, seconds == 0 ? 0 : 100'000};
    nanosleep(&moment, nullptr);
    return 0;
}
