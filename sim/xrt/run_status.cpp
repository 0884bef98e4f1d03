// The status file, and whether the process that wrote it lives.
#include "sim/xrt/run_status.h"

#include <unistd.h>

#include <fstream>
#include <sstream>

namespace setun::emulation {
namespace {

const std::string kError = "error: ";
const std::string kStarting = "starting ";
const std::string kRunning = "running ";

std::string first_line(const std::filesystem::path& file) {
    std::ifstream stream(file);
    std::string line;
    std::getline(stream, line);
    return line;
}

/// Whether a process runs, after /proc/PID/stat: "id (name) state ...". One that has ended but was not waited
/// for does not.
bool runs(const std::string& id) {
    std::ifstream stream("/proc/" + id + "/stat");
    std::ostringstream text;
    text << stream.rdbuf();
    const std::string stat = text.str();
    const auto name_end = stat.rfind(") ");
    return name_end != std::string::npos && stat.compare(name_end + 2, 1, "Z") != 0 &&
           stat.compare(name_end + 2, 1, "X") != 0;
}

}  // namespace

void RunStatus::running() const { write(kRunning + std::to_string(::getpid())); }

void RunStatus::closed() const { write("closed"); }

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
    const std::string before = first_line(folder / "status");
    std::string id;
    for (const std::string& word : {kStarting, kRunning}) {
        if (before.rfind(word, 0) == 0) {
            id = before.substr(word.size());
        }
    }
    const bool gone = !id.empty() && !runs(id);
    // A simulator writes another word before it ends. So the same word before and after a look at the process
    // means that it did not come to that.
    const std::string now = first_line(folder / "status");
    if (now.rfind(kError, 0) == 0) {
        return now.substr(kError.size());
    }
    return host_alive && gone && now == before ? "the simulator process is gone: it was killed, or crashed"
                                               : "";
}

}  // namespace setun::emulation
