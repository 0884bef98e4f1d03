// A run of `setun` whose processes and folder can be found while it runs, and must be gone afterwards.
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <future>
#include <string>
#include <vector>

#include "tests/cli/process.h"

namespace setun::test {

/// Starts the program at once; a variable in its environment marks it and all its children.
class WatchedRun {
  public:
    explicit WatchedRun(std::vector<std::string> arguments, ProcessOptions options = {});

    /// Waits until the simulator process runs, and notes its run folder. Returns its id, or 0 when the
    /// program ends before.
    pid_t wait_for_simulator();
    /// Processes that carry the mark, this one's children.
    [[nodiscard]] std::vector<pid_t> processes() const;
    [[nodiscard]] pid_t launcher() const;
    ProcessResult finish() { return result_.get(); }
    /// The folder that wait_for_simulator() noted.
    [[nodiscard]] const std::filesystem::path& folder() const { return folder_; }

  private:
    std::string mark_;
    std::filesystem::path folder_;
    std::future<ProcessResult> result_;
};

}  // namespace setun::test
