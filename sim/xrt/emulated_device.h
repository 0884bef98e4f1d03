// The card that XRT's emulation driver talks to: memory banks and control port of a simulated kernel.
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <map>
#include <memory>
#include <span>
#include <vector>

#include "sim/kernel_sim.h"
#include "sim/xrt/message.h"
#include "sim/xrt/xclbin.h"

namespace setun::emulation {

/// Answers the driver's calls on one kernel simulation. Addresses are those of emulation_banks() and of the
/// control port at kControlBase. Nothing from the wire is trusted: a size or address that does not fit throws
/// ProtocolError.
class EmulatedDevice {
  public:
    explicit EmulatedDevice(std::unique_ptr<sim::KernelSim> sim);

    /// Handles one call and returns the reply's payload. Throws ProtocolError for calls, addresses and sizes
    /// that make no sense, sim::SimError when the simulation fails.
    std::vector<std::byte> handle(Call call, std::span<const std::byte> payload);

    /// A run was started and its end has not been read from the control register: the clock must go on.
    [[nodiscard]] bool busy() const { return busy_; }
    /// Runs the clock.
    void advance(std::uint64_t cycles) { sim_->step(cycles); }
    /// The driver has closed the device.
    [[nodiscard]] bool closed() const { return closed_; }
    [[nodiscard]] sim::KernelSim& sim() { return *sim_; }

  private:
    using Reply = MessageWriter;

    void allocate(const MessageReader& request, Reply& reply);
    void free(const MessageReader& request, Reply& reply);
    void host_to_device(const MessageReader& request, Reply& reply);
    void device_to_host(const MessageReader& request, Reply& reply);
    void write_registers(const MessageReader& request, Reply& reply);
    void read_registers(const MessageReader& request, Reply& reply);

    void release_freed();
    sim::AxiMemory& memory_at(std::uint64_t address);
    std::span<std::byte> allocated(std::uint64_t address, std::uint64_t bytes);
    static std::uint32_t control_offset(std::uint64_t address, std::uint64_t bytes);

    std::unique_ptr<sim::KernelSim> sim_;
    std::vector<xclbin::Bank> banks_;
    std::map<std::uint64_t, std::uint64_t> buffers_;  ///< address, bytes
    std::vector<std::uint64_t> freed_;  ///< while a run was active; still readable by the kernel
    bool busy_ = false;
    bool closed_ = false;
};

}  // namespace setun::emulation
