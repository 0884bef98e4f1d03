// Asynchronous execution: one strand per device, a pool for host work, deadlines and cancellation, all on
// Boost.Asio.
#include "host/schedule/scheduler.h"

#include <algorithm>
#include <boost/asio/executor_work_guard.hpp>
#include <boost/asio/post.hpp>
#include <csignal>
#include <thread>
#include <utility>

#include "host/base/error.h"

namespace setun {
namespace {

namespace asio = boost::asio;

unsigned worker_count(unsigned asked) {
    return std::max(2U, asked == 0 ? std::thread::hardware_concurrency() : asked);
}

}  // namespace

Scheduler::Scheduler(unsigned workers) : pool_(worker_count(workers)) {}

Scheduler::~Scheduler() {
    stop("shutting down");
    pool_.join();
}

std::shared_ptr<DeviceQueue> Scheduler::attach(Device& device) {
    return std::shared_ptr<DeviceQueue>(new DeviceQueue(device, pool_));
}

void Scheduler::submit(const std::shared_ptr<DeviceQueue>& queue, DeviceJob job, JobHandler handler) {
    ++open_jobs_;
    auto body = [this, queue, job = std::move(job), handler = std::move(handler),
                 guard = asio::make_work_guard(context_)]() mutable {
        RunResult result;
        std::exception_ptr error;
        try {
            check();
            Device& device = queue->device();
            if (job.before) {
                job.before(device);
            }
            device.submit(job.list_offset, job.count);
            result = device.wait(job.deadline);
            if (result.ok() && job.after) {
                job.after(device);
            }
        } catch (...) {
            error = std::current_exception();
        }
        asio::post(context_, [this, handler = std::move(handler), error, result] {
            --open_jobs_;
            handler(error, result);
            watch_work();
        });
    };
    asio::post(queue->strand_, std::move(body));
}

void Scheduler::post(const Strand& strand, std::function<void()> work, WorkHandler handler) {
    ++open_jobs_;
    asio::post(strand, [this, work = std::move(work), handler = std::move(handler),
                        guard = asio::make_work_guard(context_)]() mutable {
        std::exception_ptr error;
        try {
            check();
            work();
        } catch (...) {
            error = std::current_exception();
        }
        asio::post(context_, [this, handler = std::move(handler), error] {
            --open_jobs_;
            handler(error);
            watch_work();
        });
    });
}

void Scheduler::dispatch(std::function<void()> function) {
    ++open_jobs_;
    asio::post(context_, [this, function = std::move(function)] {
        --open_jobs_;
        function();
        watch_work();
    });
}

void Scheduler::stop_on_signals() {
    signals_.add(SIGINT);
    signals_.add(SIGTERM);
    signals_.async_wait([this](const boost::system::error_code& error, int) {
        if (!error) {
            stop("interrupted");
        }
    });
}

void Scheduler::stop_after(std::chrono::milliseconds limit) {
    timer_.expires_after(limit);
    timer_.async_wait([this](const boost::system::error_code& error) {
        if (!error) {
            stop("out of time");
        }
    });
}

void Scheduler::stop(const char* why) {
    const char* none = nullptr;
    reason_.compare_exchange_strong(none, why);
}

void Scheduler::check() const {
    if (const char* why = reason_.load()) {
        throw CancelledError(why);
    }
}

void Scheduler::watch_work() {
    // Signal and timer waits would keep run() alive for ever.
    if (open_jobs_ == 0) {
        signals_.cancel();
        signals_.clear();
        timer_.cancel();
    }
}

void Scheduler::run() {
    watch_work();
    context_.restart();
    context_.run();
}

}  // namespace setun
