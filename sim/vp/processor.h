// The RISC-V processor as a module of the platform.
#pragma once

#include <cstdint>
#include <exception>
#include <functional>
#include <span>
#include <systemc>
#include <vector>

#include "sim/vp/bus_master.h"
#include "sim/vp/riscv_cpu.h"
#include "sim/vp/timeline.h"

namespace setun::vp {

/// One instruction a clock from its own memory at SETUN_SRAM_BASE; every access to the bus takes as long as
/// the bus says on top. Runs at most kQuantum instructions between two looks at the interrupt. Starts when
/// reset() is called.
class Processor final : public sc_core::sc_module, private CpuBus {
  public:
    static constexpr std::uint64_t kQuantum = 128;

    BusMaster bus{"bus"};
    sc_core::sc_in<bool> irq;

    /// `fail` is told when the processor stops for good.
    Processor(const sc_core::sc_module_name& name, std::function<void(std::exception_ptr)> fail);

    [[nodiscard]] std::span<std::byte> sram() { return sram_; }
    /// Starts the program in the memory.
    void reset();
    [[nodiscard]] std::uint64_t instructions() const { return cpu_.instructions(); }

  private:
    bool read(std::uint32_t address, unsigned bytes, std::uint32_t& value) override;
    bool write(std::uint32_t address, unsigned bytes, std::uint32_t value) override;
    void run();
    void synchronise();
    void finish_access(const sc_core::sc_time& delay);

    std::vector<std::byte> sram_;
    RiscvCpu cpu_;
    std::function<void(std::exception_ptr)> fail_;
    sc_core::sc_event started_;
    bool running_ = false;
    std::uint64_t synchronised_ = 0;  ///< instructions that SystemC time has been advanced for
};

}  // namespace setun::vp
