// The RISC-V processor as a module of the platform.
#include "sim/vp/processor.h"

#include <stdexcept>
#include <string>
#include <utility>

#include "firmware/platform.h"

namespace setun::vp {
namespace {

// Unicorn translates code on the stack of whoever runs it.
constexpr int kStackBytes = 4 << 20;

}  // namespace

Processor::Processor(const sc_core::sc_module_name& name, std::function<void(std::exception_ptr)> fail)
    : sc_module(name), sram_(SETUN_SRAM_BYTES), cpu_(*this, sram_), fail_(std::move(fail)) {
    SC_HAS_PROCESS(Processor);
    SC_THREAD(run);
    set_stack_size(kStackBytes);
}

void Processor::reset() {
    cpu_.reset();
    running_ = true;
    started_.notify(sc_core::SC_ZERO_TIME);
}

void Processor::synchronise() {
    const std::uint64_t done = cpu_.instructions();
    if (done != synchronised_) {
        const std::uint64_t cycles = done - synchronised_;
        synchronised_ = done;
        wait(cycles_to_sc(cycles));
    }
}

void Processor::finish_access(const sc_core::sc_time& delay) {
    wait(cycles_to_sc(next_edge(to_time(delay))));
    cpu_.set_external_interrupt(irq.read());
}

bool Processor::read(std::uint32_t address, unsigned bytes, std::uint32_t& value) {
    synchronise();
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    value = 0;
    const auto status = bus.read(address, std::as_writable_bytes(std::span(&value, 1)).first(bytes), delay);
    finish_access(delay);
    return status == tlm::TLM_OK_RESPONSE;
}

bool Processor::write(std::uint32_t address, unsigned bytes, std::uint32_t value) {
    synchronise();
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    const auto status = bus.write(address, std::as_bytes(std::span(&value, 1)).first(bytes), delay);
    finish_access(delay);
    return status == tlm::TLM_OK_RESPONSE;
}

void Processor::run() {
    for (;;) {
        while (!running_) {
            wait(started_);
        }
        cpu_.set_external_interrupt(irq.read());
        const RiscvCpu::Run result = cpu_.run(kQuantum);
        synchronise();
        if (result.state == RiscvCpu::State::kStopped) {
            running_ = false;
            fail_(std::make_exception_ptr(std::runtime_error("the processor stopped: " + cpu_.error())));
        } else if (result.waiting && !irq.read()) {
            wait(irq.posedge_event());
        }
    }
}

}  // namespace setun::vp
