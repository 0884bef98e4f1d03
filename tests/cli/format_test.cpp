// Numbers as people read them, and the progress bar, which only a terminal sees.
#include "host/cli/format.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <unistd.h>

#include <array>
#include <chrono>
#include <cmath>
#include <cstdlib>
#include <string>
#include <thread>

namespace setun::cli {
namespace {

TEST(Format, NumbersHaveAPrefixAndThreeDigits) {
    EXPECT_EQ(si(0, "J"), "0 J");
    EXPECT_EQ(si(1, "B"), "1.00 B");
    EXPECT_EQ(si(999.4, "B"), "999 B");
    EXPECT_EQ(si(999.6, "B"), "1.00 kB");
    EXPECT_EQ(si(12345, "B"), "12.3 kB");
    EXPECT_EQ(si(-2.5e-3, "J"), "-2.50 mJ");
    EXPECT_EQ(si(3e-6, "s"), "3.00 µs");
    EXPECT_EQ(si(4.2e-15, "J"), "0.00 pJ");  // nothing is smaller than the smallest prefix
    EXPECT_EQ(si(7e15, "B"), "7000 TB");
    EXPECT_EQ(si(INFINITY, "s"), "inf s");
    EXPECT_EQ(grouped(0), "0");
    EXPECT_EQ(grouped(999), "999");
    EXPECT_EQ(grouped(1000), "1,000");
    EXPECT_EQ(grouped(18446744073709551615U), "18,446,744,073,709,551,615");
    EXPECT_EQ(percent(0.1234), "12.3 %");
}

/// Standard error as a terminal of its own, as long as it lives.
class TerminalError {
  public:
    TerminalError() : before_(::dup(STDERR_FILENO)), reader_(::posix_openpt(O_RDWR | O_NOCTTY)) {
        std::array<char, 64> name{};
        if (reader_ < 0 || ::grantpt(reader_) != 0 || ::unlockpt(reader_) != 0 ||
            ::ptsname_r(reader_, name.data(), name.size()) != 0) {
            throw std::runtime_error("no pseudo terminal");
        }
        const int screen = ::open(name.data(), O_RDWR | O_NOCTTY);
        ::dup2(screen, STDERR_FILENO);
        ::close(screen);
    }
    TerminalError(const TerminalError&) = delete;
    TerminalError& operator=(const TerminalError&) = delete;
    ~TerminalError() {
        ::dup2(before_, STDERR_FILENO);
        ::close(before_);
        ::close(reader_);
    }
    /// What has been written since the last call.
    [[nodiscard]] std::string seen() const {
        std::string text;
        pollfd stream{reader_, POLLIN, 0};
        while (::poll(&stream, 1, 50) > 0 && (stream.revents & POLLIN) != 0) {
            std::array<char, 4096> buffer{};
            const ssize_t count = ::read(reader_, buffer.data(), buffer.size());
            text.append(buffer.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
        }
        return text;
    }

  private:
    int before_;
    int reader_;
};

TEST(Format, ProgressIsDrawnAfterASecondAndWipedAtTheEnd) {
    const TerminalError terminal;
    Progress progress("packing");
    progress.clear();  // nothing was drawn
    EXPECT_EQ(terminal.seen(), "");
    std::this_thread::sleep_for(
        std::chrono::milliseconds(1150));  // from then on it draws, however late it is
    progress.update(0.5);
    EXPECT_EQ(terminal.seen(), "\r\033[Kpacking [" + std::string(15, '#') + std::string(15, ' ') + "] 50 %");
    progress.clear();
    EXPECT_EQ(terminal.seen(), "\r\033[K");
    std::this_thread::sleep_for(std::chrono::milliseconds(150));
    progress.update(1);
    EXPECT_EQ(terminal.seen(), "\r\033[Kpacking [" + std::string(30, '#') + "] 100 %");
    progress.clear();
}

TEST(Format, ProgressIsSilentWithoutATerminal) {
    std::array<int, 2> ends{};
    ASSERT_EQ(::pipe2(ends.data(), O_NONBLOCK), 0);
    const int before = ::dup(STDERR_FILENO);
    ::dup2(ends[1], STDERR_FILENO);
    {
        Progress progress("packing");
        std::this_thread::sleep_for(std::chrono::milliseconds(1150));
        progress.update(0.5);
        progress.clear();
    }
    ::dup2(before, STDERR_FILENO);
    ::close(before);
    char byte = 0;
    EXPECT_LT(::read(ends[0], &byte, 1), 0);
    ::close(ends[0]);
    ::close(ends[1]);
}

}  // namespace
}  // namespace setun::cli
