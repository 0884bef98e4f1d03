// A fixed set of threads that run the parts of one job.
#pragma once

#include <condition_variable>
#include <cstdint>
#include <functional>
#include <mutex>
#include <thread>
#include <vector>

namespace setun {

/// Runs a job in `threads` parts, one on the caller's thread and each other one on a thread of its own. One
/// job at a time; parts must not throw.
class ThreadPool {
  public:
    explicit ThreadPool(unsigned threads);
    ~ThreadPool();
    ThreadPool(const ThreadPool&) = delete;
    ThreadPool& operator=(const ThreadPool&) = delete;

    [[nodiscard]] unsigned threads() const { return static_cast<unsigned>(workers_.size()) + 1; }

    /// Calls part(i) once for each i < threads(); returns when all have.
    void run(const std::function<void(unsigned)>& part);

  private:
    void work(unsigned index);

    std::mutex mutex_;
    std::condition_variable start_;
    std::condition_variable finished_;
    const std::function<void(unsigned)>* part_ = nullptr;
    std::uint64_t generation_ = 0;
    unsigned running_ = 0;
    bool stop_ = false;
    std::vector<std::thread> workers_;
};

}  // namespace setun
