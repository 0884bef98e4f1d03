// What the simulator leaves behind for whoever started the host program: alive, closed, or failed and why.
#pragma once

#include <filesystem>
#include <string>
#include <utility>

namespace setun::emulation {

/// Names shared by launcher, start script and simulator.
inline constexpr const char* kRunFolderVariable = "SETUN_XRT_DIR";
inline constexpr const char* kEmulatorVariable = "SETUN_XRT_EMULATOR";
/// In the run folder: what XRT's libraries print.
inline constexpr const char* kXrtLog = "xrt.log";

/// The simulator's side: writes `<folder>/status`, at first together with its process id. The start script
/// has written "starting" with the same id. Without a folder nothing is written.
class RunStatus {
  public:
    explicit RunStatus(std::filesystem::path folder) : folder_(std::move(folder)) {}

    void running() const;
    void closed() const;
    void failed(const std::string& reason) const;

  private:
    void write(const std::string& text) const;
    std::filesystem::path folder_;
};

/// The launcher's side: why the host must be ended, empty while all is well. While the host is alive, a
/// simulator that is gone without having been closed is a reason.
[[nodiscard]] std::string failure_of_run(const std::filesystem::path& folder, bool host_alive);

}  // namespace setun::emulation
