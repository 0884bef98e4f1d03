// Status file and lock.
#include "sim/xrt/run_status.h"

#include <fcntl.h>
#include <sys/file.h>
#include <unistd.h>

#include <fstream>
#include <utility>

namespace setun::emulation {
namespace {

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
    static const std::string kError = "error: ";
    // The lock first: a simulator that closes between the two looks is then seen as closed.
    bool free = false;
    const int lock = ::open((folder / "lock").c_str(), O_RDWR | O_CLOEXEC);
    if (lock >= 0) {
        free = ::flock(lock, LOCK_EX | LOCK_NB) == 0;
        ::close(lock);
    }
    const std::string status = first_line(folder / "status");
    if (status.rfind(kError, 0) == 0) {
        return status.substr(kError.size());
    }
    if (host_alive && status == "running" && free) {
        return "the simulator process is gone: it was killed, or crashed";
    }
    return {};
}

}  // namespace setun::emulation
