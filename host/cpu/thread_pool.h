// A fixed set of threads that help with one job at a time.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace setun {

/// Runs a job on the caller's thread and on those of its own threads that wake up in time. The job shares its
/// work out itself, e.g. by an atomic counter of pieces: nobody waits for a thread that the machine has no
/// processor for, and nobody spins.
class ThreadPool {
  public:
    /// `threads` counts the caller's, 1 or more.
    explicit ThreadPool(unsigned threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    [[nodiscard]] unsigned threads() const { return static_cast<unsigned>(workers_.size()) + 1; }

    /// Calls job() once on this thread and at most once on each other. Returns when no thread is in it any
    /// more; a call must return only when no piece is left to take. One run() at a time; job must not throw.
    void run(const std::function<void()>& job);

  private:
    void work();

    std::mutex mutex_;
    std::condition_variable start_;
    std::condition_variable finished_;
    const std::function<void()>* job_ = nullptr;  // null when there is nothing to join
    std::uint64_t generation_ = 0;
    unsigned inside_ = 0;  // own threads in the job
    bool stop_ = false;
    std::vector<std::thread> workers_;
};

}  // namespace setun
