// setun: the command line of the runtime.
#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <csignal>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <exception>
#include <iostream>
#include <vector>

#include "energy_model/energy.h"
#include "host/base/error.h"
#include "host/cli/command.h"
#include "host/cli/device_options.h"
#include "host/cli/sweep.h"
#include "host/device/device.h"
#include "host/xrt/xrt_emulation.h"

namespace {

using namespace setun::cli;

/// Reports a failure: one line on stderr, and with --json also the one object on stdout.
int fail(const std::string& message, bool json, int code) {
    std::string line = message.substr(0, message.find('\n'));
    // Not fmt::print, which throws when nobody can be told.
    std::fputs(fmt::format("setun: error: {}\n", line).c_str(), stderr);
    if (json) {
        print_json({{"error", line}, {"exit_code", code}});
    }
    return code;
}

/// Opens /dev/null in the place of standard streams that are closed: otherwise the next file that is opened
/// gets the number of standard output, and what is printed.
void open_standard_streams() {
    for (const int stream : {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO}) {
        if (::fcntl(stream, F_GETFD) < 0) {
            static_cast<void>(::open("/dev/null", O_RDWR));
        }
    }
}

/// `code`, or that of an error when standard output could not be written. A reader that has gone has read
/// what it wanted.
int flush_output(int code) {
    if (std::fflush(stdout) == 0 && std::ferror(stdout) == 0) {
        return code;
    }
    pollfd output{STDOUT_FILENO, 0, 0};
    static_cast<void>(::poll(&output, 1, 0));
    if ((output.revents & POLLERR) != 0) {
        return code;
    }
    const int failed = fail("cannot write to standard output; is the disk full?", false, kExitCheckFailed);
    return code == 0 ? failed : code;
}

/// CLI11 takes "-1" for the largest number there is, and so every number that is too large.
void refuse_wrapped_numbers(CLI::App& app) {
    for (CLI::Option* option : app.get_options()) {
        if (option->get_type_name().rfind("UINT", 0) == 0) {
            option->check(CLI::Validator(
                [](const std::string& text) -> std::string {
                    errno = 0;
                    static_cast<void>(std::strtoull(text.c_str(), nullptr, 0));
                    const bool fits = errno != ERANGE && text.find('-') == std::string::npos;
                    return fits ? "" : fmt::format("'{}' is not a number from 0 to {}", text, UINT64_MAX);
                },
                ""));
        }
    }
}

bool asks_for_json(int argc, char** argv) {
    for (int i = 1; i < argc; ++i) {
        if (std::strcmp(argv[i], "--json") == 0) {
            return true;
        }
    }
    return false;
}

std::string command_names(const CLI::App& app) {
    std::string names;
    for (const CLI::App* command : app.get_subcommands({})) {
        names += (names.empty() ? "" : ", ") + command->get_name();
    }
    return names;
}

bool has_command(const CLI::App& app, const std::string& name) {
    const auto commands = app.get_subcommands({});
    return std::any_of(commands.begin(), commands.end(),
                       [&](const CLI::App* command) { return command->get_name() == name; });
}

int run_chosen(const std::vector<std::unique_ptr<Command>>& commands) {
    for (const auto& command : commands) {
        if (!command->chosen()) {
            continue;
        }
        try {
            return command->run();
        } catch (const ExitRequest& done) {
            return done.code;
        } catch (const setun::InputError& error) {
            return fail(error.what(), command->json(), kExitBadInput);
        } catch (const setun::energy::BadInput& error) {
            return fail(error.what(), command->json(), kExitBadInput);
        } catch (const std::bad_alloc&) {
            return fail("not enough memory for this model; try a smaller one", command->json(),
                        kExitBadInput);
        } catch (const std::exception& error) {
            return fail(error.what(), command->json(), kExitCheckFailed);
        }
    }
    return kExitBadInput;
}

}  // namespace

int main(int argc, char** argv) {
    std::signal(SIGPIPE, SIG_IGN);
    open_standard_streams();
    CLI::App app{"Setun: ternary language models on a simulated accelerator"};
    app.require_subcommand(1);
    app.set_version_flag("--version", "setun " SETUN_VERSION);
    app.footer(
        "Example:\n  setun run --prompt \"To be, or not\" -n 40\nHelp on a command:\n  setun run --help");
    std::vector<std::unique_ptr<Command>> commands;
    for (auto* make : {make_run_command, make_inspect_command, make_verify_command, make_bench_command,
                       make_devices_command, make_pack_command, make_chat_command, make_logits_command,
                       make_tokenize_command, make_energy_command, make_sweep_command}) {
        commands.push_back(make());
        commands.back()->declare(app);
    }
    for (CLI::App* command : app.get_subcommands({})) {
        refuse_wrapped_numbers(*command);
    }
    try {
        app.parse(argc, argv);
    } catch (const CLI::Success& done) {
        return flush_output(app.exit(done));
    } catch (const CLI::ParseError& error) {
        if (argc > 1 && argv[1][0] != '-' && !has_command(app, argv[1])) {
            return fail(fmt::format("unknown command '{}'; use one of {}", argv[1], command_names(app)),
                        asks_for_json(argc, argv), kExitBadInput);
        }
        return fail(std::string(error.what()) + " (see 'setun --help')", asks_for_json(argc, argv),
                    kExitBadInput);
    }
    const int code = flush_output(run_chosen(commands));
    setun::end_emulated_host();
    return code;
}
