// Finds marked processes in /proc.
#include "tests/xrt/watched_run.h"

#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <fstream>
#include <sstream>
#include <thread>

namespace setun::test {
namespace {

namespace fs = std::filesystem;

/// Empty when the process has ended meanwhile, which reads as an error.
std::string content(const fs::path& file) {
    std::ifstream stream(file, std::ios::binary);
    std::ostringstream text;
    text << stream.rdbuf();
    return text.str();
}

bool is_zombie(const fs::path& process) {
    const std::string stat = content(process / "stat");
    const auto name_end = stat.rfind(')');
    return name_end == std::string::npos || stat.compare(name_end, 3, ") Z") == 0;
}

std::string variable(const std::string& environment, const std::string& name) {
    const auto begin = environment.find('\0' + name + '=');
    if (begin == std::string::npos) {
        return {};
    }
    const auto value = begin + name.size() + 2;
    return environment.substr(value, environment.find('\0', value) - value);
}

}  // namespace

WatchedRun::WatchedRun(std::vector<std::string> arguments, ProcessOptions options) {
    static std::atomic<unsigned> count{0};
    mark_ = "SETUN_TEST_MARK=" + std::to_string(::getpid()) + "-" + std::to_string(count++);
    options.environment.push_back(mark_);
    result_ =
        std::async(std::launch::async, [arguments = std::move(arguments), options = std::move(options)] {
            return run_process(arguments, options);
        });
}

std::vector<pid_t> WatchedRun::processes() const {
    std::vector<pid_t> found;
    std::error_code ignored;
    for (const auto& entry : fs::directory_iterator("/proc", ignored)) {
        const std::string name = entry.path().filename().string();
        if (std::all_of(name.begin(), name.end(), [](char c) { return c >= '0' && c <= '9'; }) &&
            content(entry.path() / "environ").find(mark_) != std::string::npos && !is_zombie(entry.path())) {
            found.push_back(static_cast<pid_t>(std::stol(name)));
        }
    }
    return found;
}

pid_t WatchedRun::wait_for_simulator() {
    while (result_.wait_for(std::chrono::milliseconds(5)) != std::future_status::ready) {
        for (const pid_t pid : processes()) {
            const fs::path process = fs::path("/proc") / std::to_string(pid);
            if (content(process / "comm").rfind("setun-xrt-emula", 0) == 0) {
                folder_ = variable(content(process / "environ"), "SETUN_XRT_DIR");
                return pid;
            }
        }
    }
    return 0;
}

pid_t WatchedRun::launcher() const {
    for (const pid_t pid : processes()) {
        const fs::path process = fs::path("/proc") / std::to_string(pid);
        if (variable(content(process / "environ"), "SETUN_XRT_DIR").empty()) {
            return pid;
        }
    }
    return 0;
}

}  // namespace setun::test
