// A fixed set of threads that run the parts of one job.
#include "host/cpu/thread_pool.h"

namespace setun {

ThreadPool::ThreadPool(unsigned threads) {
    for (unsigned i = 1; i < threads; ++i) {
        workers_.emplace_back([this, i] { work(i); });
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

void ThreadPool::run(const std::function<void(unsigned)>& part) {
    {
        const std::lock_guard lock(mutex_);
        part_ = &part;
        running_ = static_cast<unsigned>(workers_.size());
        ++generation_;
    }
    start_.notify_all();
    part(0);
    std::unique_lock lock(mutex_);
    finished_.wait(lock, [this] { return running_ == 0; });
}

void ThreadPool::work(unsigned index) {
    std::uint64_t seen = 0;
    while (true) {
        const std::function<void(unsigned)>* part = nullptr;
        {
            std::unique_lock lock(mutex_);
            start_.wait(lock, [&] { return stop_ || generation_ != seen; });
            if (stop_) {
                return;
            }
            seen = generation_;
            part = part_;
        }
        (*part)(index);
        const std::lock_guard lock(mutex_);
        if (--running_ == 0) {
            finished_.notify_one();
        }
    }
}

}  // namespace setun
