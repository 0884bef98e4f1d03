// Status file and lock.
#include "sim/xrt/run_status.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <utility>

namespace setun::emulation {
namespace {

const std::string kError = "error: ";
const std::string kRunning = "running ";

std::string first_line(const std::filesystem::path& file) {
    std::ifstream stream(file);
    std::string line;
    std::getline(stream, line);
    return line;
}

}  // namespace

RunStatus::RunStatus(std::filesystem::path folder) : folder_(std::move(folder)) {
    if (!folder_.empty()) {
        lock_ = ::open((folder_ / "lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0600);
        if (lock_ >= 0) {
            // Waits for a launcher that looks at it right now.
            ::flock(lock_, LOCK_EX);
        }
    }
}

RunStatus::~RunStatus() {
    if (lock_ >= 0) {
        ::close(lock_);
    }
}

void RunStatus::running() const { write(kRunning + std::to_string(::getpid())); }

void RunStatus::failed(const std::string& reason) const { write(kError + reason); }

void RunStatus::write(const std::string& text) const {
    if (folder_.empty()) {
        return;
    }
    // Readers see the old text or the new one.
    const std::filesystem::path fresh = folder_ / "status.new";
    std::ofstream(fresh) << text << '\n';
    std::error_code ignored;
    std::filesystem::rename(fresh, folder_ / "status", ignored);
}

std::string failure_of_run(const std::filesystem::path& folder, bool host_alive) {
    const std::string status = first_line(folder / "status");
    if (status.rfind(kError, 0) == 0) {
        return status.substr(kError.size());
    }
    if (!host_alive || status.rfind(kRunning, 0) != 0) {
        return {};
    }
    const int lock = ::open((folder / "lock").c_str(), O_RDWR | O_CLOEXEC);
    if (lock < 0) {
        return {};
    }
    const bool free = ::flock(lock, LOCK_EX | LOCK_NB) == 0;
    ::close(lock);
    // The lock is held from before "running" is written until after another word is. So the same word before
    // and after a look at the lock means that it was free while that process should have held it.
    const std::string now = first_line(folder / "status");
    if (now.rfind(kError, 0) == 0) {
        return now.substr(kError.size());
    }
    return free && now == status ? "the simulator process is gone: it was killed, or crashed" : "";
}

}  // namespace setun::emulation
