// Runs a program and keeps what it printed.
#include "tests/cli/process.h"

#include <fcntl.h>
#include <poll.h>
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

[[noreturn]] void become(const std::vector<std::string>& arguments,
                         const std::vector<std::string>& environment, int in, int out, int err) {
    if (in >= 0) {
        ::dup2(in, STDIN_FILENO);
        ::fcntl(STDIN_FILENO, F_SETFL, 0);
    }
    ::dup2(out, STDOUT_FILENO);
    ::dup2(err, STDERR_FILENO);
    for (const std::string& entry : environment) {
        const std::size_t equals = entry.find('=');
        ::setenv(entry.substr(0, equals).c_str(), entry.substr(equals + 1).c_str(), 1);
    }
    std::vector<char*> list;
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
    const int in = readable(options.input);
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
    }
    int status = 0;
    ::waitpid(child, &status, 0);
    result.exit_code = WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
    return result;
}

}  // namespace setun::test
