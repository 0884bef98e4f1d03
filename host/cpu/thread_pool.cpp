// A fixed set of threads that help with one job at a time.
#include "host/cpu/thread_pool.h"

namespace setun {

ThreadPool::ThreadPool(unsigned threads) {
    for (unsigned i = 1; i < threads; ++i) {
        workers_.emplace_back([this] { work(); });
    }
}

ThreadPool::~ThreadPool() {
    {
        const std::lock_guard lock(mutex_);
        stop_ = true;
    }
    start_.notify_all();
    for (auto& worker : workers_) {
        worker.join();
    }
}

void ThreadPool::run(const std::function<void()>& job) {
    {
        const std::lock_guard lock(mutex_);
        job_ = &job;
        ++generation_;
    }
    start_.notify_all();
    job();
    std::unique_lock lock(mutex_);
    job_ = nullptr;  // who has not joined yet is not needed
    finished_.wait(lock, [this] { return inside_ == 0; });
}

void ThreadPool::work() {
    std::uint64_t seen = 0;
    std::unique_lock lock(mutex_);
    while (true) {
        start_.wait(lock, [&] { return stop_ || (job_ != nullptr && generation_ != seen); });
        if (stop_) {
            return;
        }
        seen = generation_;
        const std::function<void()>& job = *job_;
        ++inside_;
        lock.unlock();
        job();
        lock.lock();
        if (--inside_ == 0) {
            finished_.notify_one();
        }
    }
}

}  // namespace setun
