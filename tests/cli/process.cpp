// Runs a program and keeps what it printed.
#include "tests/cli/process.h"

#include <fcntl.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <csignal>
#include <cstdlib>
#include <stdexcept>

namespace setun::test {
namespace {

/// A pipe that holds `text`, whose writing end is closed; -1 when there is no text.
int readable(const std::string& text) {
    if (text.empty()) {
        return -1;
    }
    std::array<int, 2> ends{};
    if (::pipe2(ends.data(), O_CLOEXEC | O_NONBLOCK) != 0 ||
        ::write(ends[1], text.data(), text.size()) != static_cast<ssize_t>(text.size())) {
        throw std::runtime_error("standard input does not fit a pipe");
    }
    ::close(ends[1]);
    return ends[0];
}

/// A pseudo terminal: the test types at one end, the program reads the other.
struct Terminal {
    int keyboard = -1;
    int program = -1;
};

Terminal open_terminal() {
    Terminal terminal;
    std::array<char, 64> name{};
    terminal.keyboard = ::posix_openpt(O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal.keyboard < 0 || ::grantpt(terminal.keyboard) != 0 || ::unlockpt(terminal.keyboard) != 0 ||
        ::ptsname_r(terminal.keyboard, name.data(), name.size()) != 0) {
        throw std::runtime_error("no pseudo terminal");
    }
    terminal.program = ::open(name.data(), O_RDWR | O_NOCTTY | O_CLOEXEC);
    if (terminal.program < 0) {
        throw std::runtime_error("the pseudo terminal cannot be opened");
    }
    return terminal;
}

/// Types the next keys when what they wait for is in `out`.
void type_next(const std::vector<Typed>& script, const std::string& out, int keyboard, std::size_t& typed,
               std::size_t& seen) {
    if (typed == script.size()) {
        return;
    }
    const Typed& next = script[typed];
    const std::size_t found = out.find(next.after, seen);
    if (found == std::string::npos || out.size() == seen) {
        return;
    }
    seen = out.size();
    ++typed;
    if (::write(keyboard, next.keys.data(), next.keys.size()) != static_cast<ssize_t>(next.keys.size())) {
        throw std::runtime_error("the terminal takes no keys");
    }
}

[[noreturn]] void become(const std::vector<std::string>& arguments,
                         const std::vector<std::string>& environment, int in, int out, int err) {
    if (in >= 0) {
        ::dup2(in, STDIN_FILENO);
        ::fcntl(STDIN_FILENO, F_SETFL, 0);
    }
    if (::isatty(STDIN_FILENO) == 1 && in >= 0) {
        ::setsid();
        ::ioctl(STDIN_FILENO, TIOCSCTTY, 0);  // Ctrl-C becomes a signal to this process
    }
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    for (const std::string& entry : environment) {
        const std::size_t equals = entry.find('=');
        ::setenv(entry.substr(0, equals).c_str(), entry.substr(equals + 1).c_str(), 1);
    }
    std::vector<char*> list;
    list.reserve(arguments.size() + 1);
    for (const std::string& argument : arguments) {
        list.push_back(const_cast<char*>(argument.c_str()));
    }
    list.push_back(nullptr);
    ::execv(list[0], list.data());
    std::_Exit(127);
}

}  // namespace

ProcessResult run_process(const std::vector<std::string>& arguments, const ProcessOptions& options) {
    std::array<int, 2> out{};
    std::array<int, 2> err{};
    if (::pipe2(out.data(), O_CLOEXEC) != 0 || ::pipe2(err.data(), O_CLOEXEC) != 0) {
        throw std::runtime_error("pipe failed");
    }
    const Terminal terminal = options.terminal.empty() ? Terminal{} : open_terminal();
    const int in = options.terminal.empty() ? readable(options.input) : terminal.program;
    const pid_t child = ::fork();
    if (child == 0) {
        become(arguments, options.environment, in, out[1], err[1]);
    }
    if (in >= 0) {
        ::close(in);
    }
    ::close(out[1]);
    ::close(err[1]);
    ProcessResult result;
    bool interrupted = options.interrupt_after.empty();
    std::size_t typed = 0;
    std::size_t seen = 0;
    std::array<pollfd, 2> streams{{{out[0], POLLIN, 0}, {err[0], POLLIN, 0}}};
    int open = 2;
    while (open > 0 && ::poll(streams.data(), streams.size(), -1) > 0) {
        for (std::size_t i = 0; i < streams.size(); ++i) {
            if (streams[i].fd < 0 || streams[i].revents == 0) {
                continue;
            }
            std::array<char, 4096> buffer{};
            const ssize_t count = ::read(streams[i].fd, buffer.data(), buffer.size());
            if (count <= 0) {
                ::close(streams[i].fd);
                streams[i].fd = -1;
                --open;
                continue;
            }
            (i == 0 ? result.out : result.err).append(buffer.data(), static_cast<std::size_t>(count));
        }
        if (!interrupted && result.out.find(options.interrupt_after) != std::string::npos) {
            ::kill(child, SIGINT);
            interrupted = true;
        }
        type_next(options.terminal, result.out, terminal.keyboard, typed, seen);
    }
    if (terminal.keyboard >= 0) {
        ::close(terminal.keyboard);
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return result;
}

}  // namespace setun::test
