// One simulated kernel with memory behind its ports. Coarse virtual calls; the clock loop is inside.
#pragma once

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include "sim/axi_memory.h"
#include "sim/axi_slave.h"
#include "sim/memory_presets.h"

namespace setun::sim {

/// Elaboration parameters of a kernel.
struct KernelConfig {
    unsigned ports = 1;
    unsigned port_bits = 512;
    unsigned tokens = 1;
    unsigned leaf = 0;  ///< SETUN_LEAF_*
    unsigned tile_rows = 1024;
    bool counts_nonzero = true;  ///< false: the NONZERO counter is left out, SETUN_OMITTED_NONZERO is set

    bool operator==(const KernelConfig&) const = default;

    /// PORTSxPORT_BITSxTOKENS[-tree|-table|-bram][-rTILE_ROWS][-uncounted], e.g. "2x256x4-tree"; the planes
    /// leaf and the default TILE_ROWS are not written.
    [[nodiscard]] std::string name() const;
    /// The inverse of name(). Throws std::invalid_argument that shows the form.
    static KernelConfig parse(std::string_view name);

    [[nodiscard]] unsigned beat_bytes() const { return port_bits / 8; }
    [[nodiscard]] unsigned lanes() const { return 5 * beat_bytes(); }
    /// Clocks that the leaf fills its tables after the last word of each chunk, before the chunk can be used:
    /// FillCycles of setun_leaf_table_lut and setun_leaf_table_bram; 0 for leaves without tables.
    [[nodiscard]] unsigned fill_cycles() const;
};

/// Waveform of a window of clock cycles.
struct TraceOptions {
    std::string file;               ///< FST; empty = no trace
    std::uint64_t first_cycle = 0;  ///< counted from the construction of the simulation
    std::uint64_t cycles = ~std::uint64_t{0};
};

/// How a simulation is set up.
struct SimOptions {
    MemoryPreset memory = memory_preset("ideal");
    std::uint64_t seed = 0;       ///< of jitter, back-pressure and power-up values
    bool check_protocol = false;  ///< watch every pin against the AXI rules; several times slower
    std::optional<Throttle>
        throttle;  ///< random back-pressure on all memory channels; implies the checked loop
    WriteOrder write_order = WriteOrder::kFree;  ///< of the data port; others imply the checked loop
    std::uint64_t stuck_after =
        1U << 21U;  ///< clocks of a run without any handshake before it is called stuck
    TraceOptions trace;
    /// What stands behind the weight ports and, last, the data port; they must outlive the simulation. Empty:
    /// an AxiMemory each, timed as `memory` says.
    std::vector<BurstTarget*> targets;
};

/// The simulation cannot go on: the kernel is stuck, broke an assertion, or did not answer a register access.
class SimError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Why run() came back.
enum class StopReason { kInterrupt, kCycleLimit };

/// A register write with the moments, in clocks from the call, at which the master raises each channel.
struct LiteWrite {
    std::uint32_t offset = 0;
    std::uint32_t value = 0;
    unsigned strobe = 0xF;
    unsigned aw_delay = 0;
    unsigned w_delay = 0;
    unsigned b_delay = 0;
    Response response = Response::kOkay;  ///< out
};

/// A register read; see LiteWrite.
struct LiteRead {
    std::uint32_t offset = 0;
    unsigned ar_delay = 0;
    unsigned r_delay = 0;
    std::uint32_t value = 0;              ///< out
    Response response = Response::kOkay;  ///< out
};

/// A Verilated kernel, its memories and its control port. Not thread safe; instances are independent of each
/// other.
class KernelSim {
  public:
    /// Index of the data port for stats() and stick(); weight ports count from 0.
    static constexpr unsigned kDataPort = ~0U;

    virtual ~KernelSim() = default;
    KernelSim() = default;
    KernelSim(const KernelSim&) = delete;
    KernelSim& operator=(const KernelSim&) = delete;

    [[nodiscard]] virtual const KernelConfig& config() const = 0;
    /// What is behind weight port `port`, or behind the data port for kDataPort. Throws std::out_of_range
    /// when SimOptions::targets took its place.
    virtual AxiMemory& memory(unsigned port) = 0;
    [[nodiscard]] virtual const PortStats& stats(unsigned port) const = 0;
    /// Makes channels of a port (bits of StuckChannel) stop answering, until called with kStuckNone. From
    /// then on the checked loop runs.
    virtual void stick(unsigned port, unsigned channels) = 0;

    /// Holds ap_rst_n low for `cycles` clocks; everything in flight is forgotten, memory keeps its bytes.
    virtual void reset(unsigned cycles = 16) = 0;
    /// Runs `cycles` clocks.
    virtual void step(std::uint64_t cycles) = 0;
    /// Runs until the interrupt pin is high, at most `max_cycles` clocks. Throws SimError that names the
    /// waiting channel when no handshake happens for SimOptions::stuck_after clocks, or when an RTL assertion
    /// fails.
    virtual StopReason run(std::uint64_t max_cycles) = 0;
    /// Runs a write, a read, or both at once, on the control port. Throws SimError when it is not answered in
    /// 1000 clocks.
    virtual void access(LiteWrite* write, LiteRead* read) = 0;
    /// Runs writes on the control port like a master that does not wait for responses: each channel goes on
    /// to its next write when it is done with the one before, and delays count from there. Throws like
    /// access().
    virtual void write_pipelined(std::span<LiteWrite> writes) = 0;

    [[nodiscard]] virtual std::uint64_t cycle() const = 0;
    [[nodiscard]] virtual bool interrupt() const = 0;
    /// Violations of the AXI rules so far; empty unless SimOptions::check_protocol.
    [[nodiscard]] virtual const std::vector<std::string>& violations() const = 0;

    /// Plain register accesses. Throw SimError when the kernel answers anything but OKAY.
    void write_register(std::uint32_t offset, std::uint32_t value);
    std::uint32_t read_register(std::uint32_t offset);
    /// A 64-bit counter: the low word first, which captures the high word.
    std::uint64_t read_counter(std::uint32_t offset);
    void write_address(std::uint32_t offset, std::uint64_t address);
};

/// The configurations compiled into this program.
[[nodiscard]] std::span<const KernelConfig> kernel_configs();

/// Builds the simulation of `config`, in reset. Throws std::invalid_argument that lists the compiled
/// configurations.
[[nodiscard]] std::unique_ptr<KernelSim> make_kernel_sim(const KernelConfig& config,
                                                         const SimOptions& options = {});

}  // namespace setun::sim
