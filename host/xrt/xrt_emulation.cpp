// The launcher: a folder, a child process, signals, and the end of both.
#include "host/xrt/xrt_emulation.h"

#include <fcntl.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <chrono>
#include <csignal>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iterator>
#include <optional>
#include <stdexcept>
#include <string_view>
#include <system_error>
#include <thread>

#include "host/base/error.h"
#include "sim/memory_presets.h"
#include "sim/xrt/kernel_image.h"
#include "sim/xrt/run_status.h"

namespace setun {
namespace {

namespace fs = std::filesystem;
using Clock = std::chrono::steady_clock;

constexpr const char* kModeVariable = "XCL_EMULATION_MODE";
constexpr const char* kKeepVariable = "SETUN_XRT_KEEP";
constexpr const char* kPrefix = "setun-xrt-";
constexpr const char* kLauncherLock = "launcher";
constexpr const char* kXclbin = "kernel.xclbin";
constexpr const char* kHostEnded = "host-ended";
constexpr const char* kShim = "libsetun_xrt_shim.so";
constexpr const char* kEmulator = "setun-xrt-emulator";
constexpr std::chrono::milliseconds kLook{100};   // between two looks at the simulator
constexpr std::chrono::seconds kHostGrace{2};     // for a host whose simulator is gone
constexpr std::chrono::seconds kStopGrace{30};    // for a host that was asked to stop
constexpr std::chrono::seconds kProcessGrace{5};  // for killed processes to disappear

std::string variable(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

/// An exclusive lock that ends with its holder.
class FileLock {
  public:
    explicit FileLock(const fs::path& file)
        : file_(::open(file.c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600)),
          held_(file_ >= 0 && ::flock(file_, LOCK_EX | LOCK_NB) == 0) {}
    FileLock(const FileLock&) = delete;
    FileLock& operator=(const FileLock&) = delete;
    ~FileLock() {
        if (file_ >= 0) {
            ::close(file_);
        }
    }
    [[nodiscard]] bool held() const { return held_; }

  private:
    int file_;
    bool held_;
};

/// The folder of one emulation. XRT puts its sockets into /tmp/$USER, so this is what USER will be; and the
/// driver pastes paths into shell commands, so there is no space in it.
class RunFolder {
  public:
    RunFolder() {
        sweep();
        do {  // again when another launcher's sweep took the lock before we did
            std::string name = std::string("/tmp/") + kPrefix + "XXXXXX";
            if (::mkdtemp(name.data()) == nullptr) {
                throw DeviceError("device xrt: cannot create a folder in /tmp: " +
                                  std::generic_category().message(errno));
            }
            path_ = name;
            lock_.emplace(path_ / kLauncherLock);
        } while (!lock_->held());
    }
    RunFolder(const RunFolder&) = delete;
    RunFolder& operator=(const RunFolder&) = delete;
    ~RunFolder() {
        if (!variable(kKeepVariable).empty()) {
            return;
        }
        std::error_code ignored;
        fs::remove_all(path_, ignored);
    }
    [[nodiscard]] const fs::path& path() const { return path_; }

  private:
    /// Removes this user's folders whose launchers are gone.
    static void sweep() {
        std::error_code ignored;
        for (const auto& entry : fs::directory_iterator("/tmp", ignored)) {
            struct stat status {};
            const fs::path lock = entry.path() / kLauncherLock;
            if (entry.path().filename().string().rfind(kPrefix, 0) != 0 ||
                ::lstat(entry.path().c_str(), &status) != 0 || !S_ISDIR(status.st_mode) ||
                status.st_uid != ::geteuid() || !fs::exists(lock, ignored)) {
                continue;
            }
            const FileLock taken(lock);  // until the folder is gone, so that nobody moves in
            if (taken.held()) {
                fs::remove_all(entry.path(), ignored);
            }
        }
    }

    fs::path path_;
    std::optional<FileLock> lock_;
};

/// What XRT complained of last, for the end of a message; empty when it did not.
std::string last_complaint(const fs::path& folder) {
    constexpr std::size_t kLongest = 300;
    std::ifstream log(folder / emulation::kXrtLog);
    std::string complaint;
    for (std::string line; std::getline(log, line);) {
        if (line.rfind("ERROR", 0) == 0 || line.find("Assertion `") != std::string::npos) {
            complaint = ": " + line.substr(0, kLongest);
        }
    }
    return complaint;
}

/// This process's arguments, as it was started.
std::vector<std::string> own_arguments() {
    std::ifstream stream("/proc/self/cmdline", std::ios::binary);
    std::vector<std::string> arguments;
    for (std::string argument; std::getline(stream, argument, '\0');) {
        arguments.push_back(argument);
    }
    return arguments;
}

std::vector<char*> pointers(std::vector<std::string>& texts) {
    std::vector<char*> list;
    list.reserve(texts.size() + 1);
    for (std::string& text : texts) {
        list.push_back(text.data());
    }
    list.push_back(nullptr);
    return list;
}

/// This process's environment with some variables replaced.
std::vector<std::string> environment_with(const std::vector<std::pair<std::string, std::string>>& changes) {
    std::vector<std::string> result;
    for (char** entry = environ; *entry != nullptr; ++entry) {
        const std::string_view text(*entry);
        const std::string_view name = text.substr(0, text.find('='));
        if (std::none_of(changes.begin(), changes.end(),
                         [&](const auto& change) { return change.first == name; })) {
            result.emplace_back(text);
        }
    }
    for (const auto& [name, value] : changes) {
        result.emplace_back(name).append("=").append(value);
    }
    return result;
}

/// Blocks the signals that the launcher waits for; the destructor restores the old mask.
class BlockedSignals {
  public:
    BlockedSignals() {
        sigemptyset(&set_);
        for (const int number : {SIGCHLD, SIGINT, SIGTERM, SIGHUP, SIGQUIT}) {
            sigaddset(&set_, number);
        }
        std::signal(SIGCHLD, SIG_DFL);  // if inherited as ignored, nobody could wait for a child
        ::pthread_sigmask(SIG_BLOCK, &set_, &old_);
    }
    BlockedSignals(const BlockedSignals&) = delete;
    BlockedSignals& operator=(const BlockedSignals&) = delete;
    ~BlockedSignals() { restore(); }
    void restore() const { ::pthread_sigmask(SIG_SETMASK, &old_, nullptr); }

    /// The next of them, 0 after `limit`.
    [[nodiscard]] int wait(std::chrono::milliseconds limit) const {
        const timespec time{limit.count() / 1000, static_cast<long>(limit.count() % 1000) * 1'000'000};
        const int number = ::sigtimedwait(&set_, nullptr, &time);
        return number > 0 ? number : 0;
    }

  private:
    sigset_t set_{};
    sigset_t old_{};
};

void write_bytes(const fs::path& file, std::span<const std::byte> bytes) {
    std::ofstream stream(file, std::ios::binary);
    stream.write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
    stream.close();
    if (!stream) {
        throw DeviceError("device xrt: cannot write '" + file.string() + "'; is /tmp full?");
    }
}

/// The host process.
class Host {
  public:
    Host(const XrtEmulation& emulation, const fs::path& folder, const std::string& xrt_root,
         const BlockedSignals& signals)
        : folder_(folder), pid_(start(emulation, folder, xrt_root, signals)) {}
    Host(const Host&) = delete;
    Host& operator=(const Host&) = delete;
    ~Host() { kill_all(); }

    /// Waits for the host's end and returns its wait status. Ends it when the simulator is gone; the reason
    /// is then in reason().
    int wait(const BlockedSignals& signals) {
        int status = 0;
        bool stopping = false;
        Clock::time_point stop_by;
        while (::waitpid(pid_, &status, WNOHANG) == 0) {
            const int number = signals.wait(kLook);
            if (number == SIGQUIT) {
                give_up("stopped by SIGQUIT");
            } else if (number == SIGINT || number == SIGTERM || number == SIGHUP) {
                if (stopping) {
                    give_up("stopped by a second signal");
                } else {
                    ::kill(pid_, number == SIGHUP ? SIGTERM : number);
                    stopping = true;
                    stop_by = Clock::now() + kStopGrace;
                }
            }
            if (stopping && Clock::now() >= stop_by) {
                give_up("the host did not stop within " + std::to_string(kStopGrace.count()) + " s");
            }
            if (const std::string failure = emulation::failure_of_run(folder_, true); !failure.empty()) {
                if (ends_within(kHostGrace, status)) {
                    // It was ending anyway and took the simulator along, or could not go on without it.
                    if (WIFSIGNALED(status) && WTERMSIG(status) != SIGKILL) {
                        reason_ = failure;
                    }
                    break;
                }
                give_up(failure);
            }
        }
        ended_ = true;
        if (reason_.empty() && WIFSIGNALED(status)) {
            // Aborted: an assertion of XRT, which does not take the simulator along (host_shim.cpp).
            reason_ = emulation::failure_of_run(folder_, WTERMSIG(status) == SIGABRT);
        }
        return status;
    }

    [[nodiscard]] const std::string& reason() const { return reason_; }

  private:
    static pid_t start(const XrtEmulation& emulation, const fs::path& folder, const std::string& xrt_root,
                       const BlockedSignals& signals) {
        const std::string shim = (folder / kShim).string();
        const std::string preloaded = variable("LD_PRELOAD");
        std::vector<std::string> arguments = own_arguments();
        std::vector<std::string> variables = environment_with({
            {kModeVariable, "hw_emu"},
            {"XILINX_XRT", xrt_root},
            {"USER", folder.filename().string()},
            {"SDACCEL_EM_RUN_DIR", (folder / "run").string()},
            {"LD_PRELOAD", preloaded.empty() ? shim : shim + ":" + preloaded},
            {emulation::kRunFolderVariable, folder.string()},
            {emulation::kEmulatorVariable, (emulation.folder / kEmulator).string()},
        });
        const std::vector<char*> argv = pointers(arguments);
        const std::vector<char*> envp = pointers(variables);
        ::prctl(PR_SET_CHILD_SUBREAPER, 1);  // the simulator, when the host goes before it
        const pid_t parent = ::getpid();
        const pid_t pid = ::fork();
        if (pid < 0) {
            throw DeviceError("device xrt: cannot start a process: " +
                              std::generic_category().message(errno));
        }
        if (pid == 0) {  // only calls that are safe after fork()
            ::setsid();
            ::prctl(PR_SET_PDEATHSIG, SIGKILL);
            if (::getppid() != parent) {
                ::_exit(1);
            }
            signals.restore();
            ::execve("/proc/self/exe", argv.data(), envp.data());
            ::_exit(127);
        }
        return pid;
    }

    bool ends_within(std::chrono::milliseconds grace, int& status) const {
        const auto end = Clock::now() + grace;
        while (::waitpid(pid_, &status, WNOHANG) == 0) {
            if (Clock::now() >= end) {
                return false;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(10));
        }
        return true;
    }

    void give_up(const std::string& reason) {
        if (reason_.empty()) {
            reason_ = reason;
        }
        ::kill(-pid_, SIGKILL);
        ::kill(pid_, SIGKILL);
    }

    /// Kills what is left of the host's process group and waits for its end.
    void kill_all() const {
        ::kill(-pid_, SIGKILL);
        if (!ended_) {
            ::kill(pid_, SIGKILL);
            ::waitpid(pid_, nullptr, 0);
        }
        const auto end = Clock::now() + kProcessGrace;
        while (::waitpid(-pid_, nullptr, WNOHANG) >= 0 && Clock::now() < end) {
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        ::prctl(PR_SET_CHILD_SUBREAPER, 0);
    }

    fs::path folder_;
    pid_t pid_;
    bool ended_ = false;
    std::string reason_;
};

}  // namespace

bool xrt_emulation_asked() {
    const std::string mode = variable(kModeVariable);
    if (!mode.empty() && mode != "hw_emu") {
        throw InputError("device xrt: XCL_EMULATION_MODE is '" + mode + "'; only hw_emu is supported");
    }
    return !mode.empty();
}

void end_emulated_host() {
    if (inside_xrt_emulation()) {
        std::ofstream(fs::path(variable(emulation::kRunFolderVariable)) / kHostEnded) << "\n";
    }
}

bool inside_xrt_emulation() {
    return !variable(emulation::kRunFolderVariable).empty() && !variable(kModeVariable).empty();
}

std::string xrt_emulation_xclbin() {
    return (fs::path(variable(emulation::kRunFolderVariable)) / kXclbin).string();
}

std::vector<std::byte> make_emulation_xclbin(const XrtEmulation& emulation) {
    try {
        static_cast<void>(sim::memory_preset(emulation.memory));
    } catch (const std::invalid_argument& error) {
        throw InputError(error.what());
    }
    const auto configs = sim::kernel_configs();
    if (std::find(configs.begin(), configs.end(), emulation.config) == configs.end()) {
        std::string names;
        for (const auto& config : configs) {
            names += (names.empty() ? "" : ", ") + config.name();
        }
        throw InputError("no simulation of kernel " + emulation.config.name() +
                         " in this build: use one of " + names +
                         ", or add it to the CMake list SETUN_RTL_CONFIGS");
    }
    xclbin::EmulationImage image;
    image.config = emulation.config;
    image.memory = emulation.memory;
    image.seed = emulation.seed;
    image.emulator = (emulation.folder / kEmulator).string();
    return xclbin::write_image(xclbin::make_emulation_image(image));
}

int run_in_xrt_emulation(const XrtEmulation& emulation) {
    const XrtState state = xrt_state(emulation.folder);
    if (const std::string problem = state.emulation_problem(); !problem.empty()) {
        throw InputError("device xrt: " + problem);
    }
    std::vector<std::byte> image;
    if (emulation.xclbin.empty()) {
        image = make_emulation_xclbin(emulation);
    } else {
        check_xclbin(emulation.xclbin, true);
    }
    const RunFolder folder;
    const fs::path& path = folder.path();
    fs::create_directories(path / "run");
    fs::create_directories(path / "xrt");
    fs::create_directory_symlink(state.library_folder, path / "xrt" / "lib");
    fs::create_symlink(emulation.folder / kShim, path / kShim);  // LD_PRELOAD takes no path with a space
    if (emulation.xclbin.empty()) {
        write_bytes(path / kXclbin, image);
    } else {
        fs::copy_file(emulation.xclbin, path / kXclbin);
    }
    std::string reason;
    std::string complaint;
    int status = 0;
    {
        const BlockedSignals signals;
        Host host(emulation, path, (path / "xrt").string(), signals);
        status = host.wait(signals);
        reason = host.reason();
        complaint = last_complaint(path);
    }
    if (!reason.empty()) {
        throw DeviceError("device xrt: " + reason);
    }
    if (WIFSIGNALED(status)) {
        throw DeviceError("device xrt: the host process was ended by signal " +
                          std::to_string(WTERMSIG(status)) + " (" + ::strsignal(WTERMSIG(status)) + ")" +
                          complaint);
    }
    if (WEXITSTATUS(status) != 0 && !fs::exists(path / kHostEnded)) {  // XRT calls exit(1) without a word
        throw DeviceError("device xrt: XRT ended the host process" + complaint);
    }
    return WEXITSTATUS(status);
}

}  // namespace setun
