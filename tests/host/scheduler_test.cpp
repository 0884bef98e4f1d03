// The scheduler: order on one device, overlap of two, errors, stops and deadlines.
#include "host/schedule/scheduler.h"

#include <gtest/gtest.h>

#include <condition_variable>
#include <csignal>
#include <mutex>

#include "host/base/error.h"

namespace setun {
namespace {

/// A device whose lists take as long as the test wants.
class FakeDevice final : public Device {
  public:
    std::function<RunResult(std::uint32_t)> on_wait = [](std::uint32_t) { return RunResult{}; };

    [[nodiscard]] const DeviceInfo& info() const noexcept override { return info_; }
    std::uint64_t allocate(Space, std::size_t) override { return 0; }
    std::uint64_t map(Space, std::span<const std::byte>) override { return 0; }
    void write(Space, std::uint64_t, std::span<const std::byte>) override {}
    void read(Space, std::uint64_t, std::span<std::byte>) override {}
    void submit(std::uint64_t, std::uint32_t count) override {
        if (busy_.exchange(true)) {
            throw DeviceError("overlapping submit");
        }
        count_ = count;
    }
    RunResult wait(std::chrono::milliseconds) override {
        const RunResult result = on_wait(count_);
        busy_ = false;
        return result;
    }

  private:
    DeviceInfo info_;
    std::atomic<bool> busy_{false};
    std::uint32_t count_ = 0;
};

/// Two parties that must be inside at the same time.
class Meeting {
  public:
    bool arrive() {
        std::unique_lock lock(mutex_);
        ++present_;
        changed_.notify_all();
        return changed_.wait_for(lock, std::chrono::seconds(30), [this] { return present_ >= 2; });
    }

  private:
    std::mutex mutex_;
    std::condition_variable changed_;
    int present_ = 0;
};

DeviceJob job_of(std::uint32_t count) {
    DeviceJob job;
    job.count = count;
    return job;
}

TEST(Scheduler, RunsJobsOfOneDeviceInOrder) {
    FakeDevice device;
    std::vector<std::uint32_t> order;
    device.on_wait = [&](std::uint32_t count) {
        order.push_back(count);
        return RunResult{};
    };
    Scheduler scheduler(4);
    const auto queue = scheduler.attach(device);
    std::size_t done = 0;
    for (std::uint32_t i = 0; i < 50; ++i) {
        scheduler.submit(queue, job_of(i), [&, i](std::exception_ptr error, const RunResult&) {
            EXPECT_FALSE(error);
            EXPECT_EQ(done, i);
            ++done;
        });
    }
    scheduler.run();
    EXPECT_EQ(done, 50U);
    for (std::uint32_t i = 0; i < 50; ++i) {
        EXPECT_EQ(order[i], i);
    }
}

TEST(Scheduler, DevicesAndHostWorkOverlap) {
    FakeDevice first;
    FakeDevice second;
    Meeting devices;
    const auto meet = [&](std::uint32_t) {
        EXPECT_TRUE(devices.arrive());
        return RunResult{};
    };
    first.on_wait = meet;
    second.on_wait = meet;
    Scheduler scheduler(2);
    int done = 0;
    for (FakeDevice* device : {&first, &second}) {
        scheduler.submit(scheduler.attach(*device), job_of(1),
                         [&](std::exception_ptr error, const RunResult&) {
                             EXPECT_FALSE(error);
                             ++done;
                         });
    }
    scheduler.run();
    EXPECT_EQ(done, 2);

    Meeting with_work;
    first.on_wait = [&](std::uint32_t) {
        EXPECT_TRUE(with_work.arrive());
        return RunResult{};
    };
    scheduler.submit(scheduler.attach(first), job_of(1),
                     [&](std::exception_ptr, const RunResult&) { ++done; });
    scheduler.post(
        scheduler.make_strand(), [&] { EXPECT_TRUE(with_work.arrive()); },
        [&](std::exception_ptr) { ++done; });
    scheduler.run();
    EXPECT_EQ(done, 4);
}

TEST(Scheduler, HandsOverErrorsAndSkipsTheEnd) {
    FakeDevice device;
    device.on_wait = [](std::uint32_t count) {
        if (count == 1) {
            throw DeviceError("no answer");
        }
        RunResult result;
        result.error = SETUN_ERR_TRIT;
        return result;
    };
    Scheduler scheduler(2);
    const auto queue = scheduler.attach(device);
    std::string message;
    DeviceJob failing = job_of(2);
    bool after_called = false;
    failing.after = [&](Device&) { after_called = true; };
    std::uint32_t code = 0;
    scheduler.submit(queue, std::move(failing),
                     [&](std::exception_ptr, const RunResult& result) { code = result.error; });
    scheduler.submit(queue, job_of(1), [&](std::exception_ptr error, const RunResult&) {
        try {
            std::rethrow_exception(error);
        } catch (const DeviceError& failure) {
            message = failure.what();
        }
    });
    scheduler.run();
    EXPECT_EQ(message, "no answer");
    EXPECT_EQ(code, SETUN_ERR_TRIT);
    EXPECT_FALSE(after_called) << "results of a failed list must not be read";
}

TEST(Scheduler, StopLetsRunningJobsEndAndCancelsTheOthers) {
    FakeDevice device;
    Scheduler scheduler(2);
    device.on_wait = [&](std::uint32_t) {
        scheduler.stop("enough");
        return RunResult{};
    };
    const auto queue = scheduler.attach(device);
    int finished = 0;
    int cancelled = 0;
    for (int i = 0; i < 5; ++i) {
        scheduler.submit(queue, job_of(1), [&](std::exception_ptr error, const RunResult&) {
            if (!error) {
                ++finished;
                return;
            }
            EXPECT_THROW(std::rethrow_exception(error), CancelledError);
            ++cancelled;
        });
    }
    scheduler.run();
    EXPECT_EQ(finished, 1);
    EXPECT_EQ(cancelled, 4);
    EXPECT_STREQ(scheduler.stop_reason(), "enough");
}

TEST(Scheduler, SignalsAndDeadlinesStop) {
    for (const bool by_signal : {true, false}) {
        FakeDevice device;
        Scheduler scheduler(2);
        if (by_signal) {
            scheduler.stop_on_signals();
        } else {
            scheduler.stop_after(std::chrono::milliseconds(1));
        }
        const auto queue = scheduler.attach(device);
        // Each job queues the next one, for as long as nothing stops it.
        std::function<void(std::exception_ptr, const RunResult&)> again = [&](std::exception_ptr error,
                                                                              const RunResult&) {
            if (!error) {
                scheduler.submit(queue, job_of(1), again);
            }
        };
        scheduler.submit(queue, job_of(1), again);
        if (by_signal) {
            std::raise(SIGINT);
        }
        scheduler.run();
        EXPECT_TRUE(scheduler.stopping());
        EXPECT_STREQ(scheduler.stop_reason(), by_signal ? "interrupted" : "out of time");
    }
}

TEST(Scheduler, RunReturnsAtOnceWithoutWorkAndWithOpenTimers) {
    Scheduler scheduler(2);
    scheduler.stop_on_signals();
    scheduler.stop_after(std::chrono::hours(1));
    scheduler.run();
    EXPECT_FALSE(scheduler.stopping());
}

}  // namespace
}  // namespace setun
