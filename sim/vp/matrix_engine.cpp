// The Verilated kernel as a module of the platform.
#include "sim/vp/matrix_engine.h"

#include <string>
#include <utility>

#include "firmware/platform.h"
#include "rtl/setun_abi.h"

namespace setun::vp {
namespace {

constexpr unsigned kResetClocks = 16;

sim::SimOptions sim_options(const std::vector<std::unique_ptr<TlmPort>>& ports, std::uint64_t seed) {
    sim::SimOptions options;
    options.seed = seed;
    for (const auto& port : ports) {
        options.targets.push_back(port.get());
    }
    return options;
}

}  // namespace

MatrixEngine::MatrixEngine(const sc_core::sc_module_name& name, const sim::KernelConfig& config,
                           const sim::ChannelTiming& timing, std::uint64_t seed, Timeline& timeline,
                           Occupancy& occupancy, std::function<void(std::exception_ptr)> fail)
    : RegisterBlock(name),
      timeline_(&timeline),
      occupancy_(&occupancy),
      track_(timeline.track("matrix engine")),
      fail_(std::move(fail)) {
    for (unsigned p = 0; p <= config.ports; ++p) {
        const std::string label =
            p == config.ports ? "m_axi_data" : std::string("m_axi_w").append(std::to_string(p));
        ports_.push_back(std::make_unique<TlmPort>(label, timing, skew_));
    }
    sim_ = sim::make_kernel_sim(config, sim_options(ports_, seed));
    SC_HAS_PROCESS(MatrixEngine);
    SC_THREAD(run);
}

void MatrixEngine::catch_up(Time time) {
    if (local_time() < time) {
        skew_ += (next_edge(time) << kTimeShift) - local_time();
    }
}

/// One access on the kernel's AXI4-Lite port, which clocks the kernel.
template <class Body>
bool MatrixEngine::on_port(sc_core::sc_time& delay, Body&& body) {
    const Time asked = now_time() + to_time(delay);
    if (!active_) {
        catch_up(asked);  // its clock stood still
    }
    bool good = false;
    try {
        good = body();
    } catch (const sim::SimError&) {
        fail_(std::current_exception());
        return false;
    }
    if (local_time() > asked) {
        delay += to_sc(local_time() - asked);
    }
    if (!sim_->interrupt()) {
        irq.write(false);
    }
    return good;
}

bool MatrixEngine::read_register(std::uint32_t offset, std::uint32_t& value, sc_core::sc_time& delay) {
    return on_port(delay, [&] {
        sim::LiteRead access{.offset = offset};
        sim_->access(nullptr, &access);
        value = access.value;
        return access.response == sim::Response::kOkay;
    });
}

bool MatrixEngine::write_register(std::uint32_t offset, std::uint32_t value, sc_core::sc_time& delay) {
    if (offset == SETUN_ENGINE_RESET) {
        return on_port(delay, [&] {
            if (value != 0) {
                reset();
            }
            return true;
        });
    }
    const bool good = on_port(delay, [&] {
        sim::LiteWrite access{.offset = offset, .value = value};
        sim_->access(&access, nullptr);
        return access.response == sim::Response::kOkay;
    });
    if (offset == SETUN_REG_LIST_LO) {
        list_ = value;
    } else if (offset == SETUN_REG_LIST_COUNT) {
        count_ = value;
    } else if (offset == SETUN_REG_CTRL && (value & SETUN_CTRL_START) != 0 && !active_) {
        active_ = true;
        occupancy_->begin();
        started_at_ = now_time();
        started_.notify(sc_core::SC_ZERO_TIME);
    }
    return good;
}

void MatrixEngine::reset() {
    sim_->reset(kResetClocks);
    for (const auto& port : ports_) {
        port->forget();
    }
    if (active_) {
        timeline_->span(track_, "reset", started_at_, local_time());
        active_ = false;
        occupancy_->end();
    }
    irq.write(false);
}

void MatrixEngine::run() {
    for (;;) {
        while (!active_) {
            wait(started_);
        }
        try {
            clock_until_interrupt();
        } catch (const sim::SimError&) {
            fail_(std::current_exception());
            return;
        }
    }
}

void MatrixEngine::clock_until_interrupt() {
    while (active_) {
        // A register access may have clocked the kernel meanwhile.
        while (local_time() > now_time()) {
            wait(to_sc(local_time() - now_time()));
        }
        if (!active_) {
            return;
        }
        if (sim_->interrupt() || sim_->run(kQuantum) == sim::StopReason::kInterrupt) {
            if (local_time() > now_time()) {
                wait(to_sc(local_time() - now_time()));
            }
            if (active_) {
                finish_run();
            }
        }
    }
}

void MatrixEngine::finish_run() {
    active_ = false;
    occupancy_->end();
    ++totals_.commands;
    totals_.cycles += (now_time() - started_at_) >> kTimeShift;
    totals_.compute = totals_.cycles;
    // Counters are read through the port as software does, in clocks that nobody waits for: the kernel is
    // idle.
    const Time skew = skew_;
    const std::uint64_t cycle = sim_->cycle();
    counters_.busy += sim_->read_counter(SETUN_REG_BUSY_LO);
    counters_.beats += sim_->read_counter(SETUN_REG_BEATS_LO);
    counters_.stall_w += sim_->read_counter(SETUN_REG_STALL_W_LO);
    counters_.stall_x += sim_->read_counter(SETUN_REG_STALL_X_LO);
    counters_.stall_y += sim_->read_counter(SETUN_REG_STALL_Y_LO);
    counters_.nonzero += sim_->read_counter(SETUN_REG_NONZERO_LO);
    skew_ = skew - ((sim_->cycle() - cycle) << kTimeShift);
    timeline_->span(track_, label_ ? label_(list_, count_) : "list", started_at_, now_time());
    irq.write(true);
}

}  // namespace setun::vp
