// posix_spawn with the output in a log file.
#include "energy_model/characterize/process.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>

#include "energy_model/characterize/error.h"
#include "energy_model/characterize/text_file.h"

namespace setun::characterize {
namespace {

// The last line that is not blank, or the last that says ERROR.
std::string last_line(const std::string& text) {
    const std::size_t error = text.rfind("ERROR");
    if (error != std::string::npos) {
        return text.substr(error, text.find('\n', error) - error);
    }
    const std::size_t end = text.find_last_not_of(" \n");
    if (end == std::string::npos) {
        return "nothing was printed";
    }
    const std::size_t before = text.rfind('\n', end);
    const std::size_t begin = before == std::string::npos ? 0 : before + 1;
    return text.substr(begin, end + 1 - begin);
}

}  // namespace

std::string run_tool(const std::vector<std::string>& command, const char* package,
                     const std::filesystem::path& log) {
    std::vector<std::string> copy = command;  // posix_spawn wants what it could change
    std::vector<char*> arguments;
    arguments.reserve(copy.size() + 1);
    for (std::string& argument : copy) {
        arguments.push_back(argument.data());
    }
    arguments.push_back(nullptr);
    posix_spawn_file_actions_t actions;
    posix_spawn_file_actions_init(&actions);
    posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC,
                                     0644);
    posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO);
    pid_t child = 0;
    const int status = posix_spawnp(&child, arguments[0], &actions, nullptr, arguments.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    if (status != 0) {
        throw CharacterizeError(fmt::format(
            "'{}' cannot be run; install Debian's package {} (scripts/setup --tests)", command[0], package));
    }
    int result = 0;
    while (waitpid(child, &result, 0) < 0 && errno == EINTR) {
    }
    std::string printed = read_text_file(log);
    if (!WIFEXITED(result) || WEXITSTATUS(result) != 0) {
        throw CharacterizeError(
            fmt::format("'{}' failed (all of it in {}): {}", command[0], log.string(), last_line(printed)));
    }
    return printed;
}

}  // namespace setun::characterize
