// Asynchronous execution: one strand per device, a pool for host work, deadlines and cancellation, all on
// Boost.Asio.
#pragma once

#include <atomic>
#include <boost/asio/io_context.hpp>
#include <boost/asio/signal_set.hpp>
#include <boost/asio/steady_timer.hpp>
#include <boost/asio/strand.hpp>
#include <boost/asio/thread_pool.hpp>
#include <chrono>
#include <cstdint>
#include <exception>
#include <functional>
#include <memory>

#include "host/device/device.h"

namespace setun {

/// Work that must not overlap: pieces posted to one strand run one after the other, on any thread of the
/// pool.
using Strand = boost::asio::strand<boost::asio::thread_pool::executor_type>;

/// The jobs of one device, one after the other. Made by Scheduler::attach.
class DeviceQueue {
  public:
    [[nodiscard]] Device& device() const { return *device_; }

  private:
    friend class Scheduler;
    DeviceQueue(Device& device, boost::asio::thread_pool& pool)
        : device_(&device), strand_(boost::asio::make_strand(pool)) {}

    Device* device_;
    Strand strand_;
};

/// One command list and what surrounds it on the device's strand.
struct DeviceJob {
    std::uint64_t list_offset = 0;
    std::uint32_t count = 0;
    std::function<void(Device&)> before;  ///< e.g. writes activations; may be empty
    std::function<void(Device&)>
        after;  ///< e.g. reads results; called only when the list succeeded; may be empty
    std::chrono::milliseconds deadline{std::chrono::minutes(10)};
};

/// Runs device jobs and host work; completion handlers run on the thread that called run(), one at a time.
/// Jobs of one device never overlap; jobs of different devices, host work and handlers do.
class Scheduler {
  public:
    using JobHandler = std::function<void(std::exception_ptr, const RunResult&)>;
    using WorkHandler = std::function<void(std::exception_ptr)>;

    /// `workers` threads, at least 2 so that a device and its verification overlap.
    explicit Scheduler(unsigned workers = 0);
    Scheduler(const Scheduler&) = delete;
    Scheduler& operator=(const Scheduler&) = delete;
    /// Waits for jobs that have begun.
    ~Scheduler();

    /// `device` must outlive the scheduler.
    [[nodiscard]] std::shared_ptr<DeviceQueue> attach(Device& device);

    /// Queues a job. The handler gets the device's exception, CancelledError when the job had not begun
    /// before a stop, or the result, whose error code it must look at.
    void submit(const std::shared_ptr<DeviceQueue>& queue, DeviceJob job, JobHandler handler);

    [[nodiscard]] Strand make_strand() { return boost::asio::make_strand(pool_); }

    /// Runs `work` on the strand, then the handler; the handler gets what `work` threw, or CancelledError
    /// after a stop.
    void post(const Strand& strand, std::function<void()> work, WorkHandler handler);

    /// Runs a function on the handlers' thread.
    void dispatch(std::function<void()> function);

    /// Stops on SIGINT and SIGTERM until run() returns: jobs that have not begun complete with
    /// CancelledError.
    void stop_on_signals();
    /// Stops when `limit` has passed.
    void stop_after(std::chrono::milliseconds limit);
    void stop(const char* why);
    [[nodiscard]] bool stopping() const { return reason_.load() != nullptr; }
    /// Why it stops, e.g. "interrupted"; only meaningful when stopping().
    [[nodiscard]] const char* stop_reason() const { return reason_.load(); }
    /// Throws CancelledError when stopping().
    void check() const;

    /// Runs handlers until all jobs and work are done.
    void run();

  private:
    void watch_work();

    boost::asio::io_context context_;
    boost::asio::thread_pool pool_;
    boost::asio::signal_set signals_{context_};
    boost::asio::steady_timer timer_{context_};
    std::atomic<const char*> reason_{nullptr};
    std::size_t open_jobs_ = 0;  ///< touched only by run()'s thread and before run()
};

}  // namespace setun
