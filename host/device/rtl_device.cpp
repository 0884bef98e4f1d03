// Placement of buffers, register programming and the run loop of the simulated kernel.
#include "host/device/rtl_device.h"

#include <algorithm>
#include <cstring>
#include <limits>
#include <vector>

#include "host/device/packing.h"
#include "sim/kernel_sim.h"
#include "sim/leaf_names.h"

namespace setun {
namespace {

using sim::KernelConfig;
using sim::KernelSim;

// Different bases for every port, none of them zero, so that a mixed-up or ignored base register cannot go
// unnoticed.
constexpr std::uint64_t kDataBase = 0x8'0000'0000;
constexpr std::uint64_t kWeightBase = 0x10'0000'0000;
constexpr std::uint64_t kWeightStride = 0x10'0000'0000;
// An unmapped page between two buffers: an access past the end of one is a bus error, not a neighbour's
// bytes.
constexpr std::uint64_t kPage = sim::AxiMemory::kPage;
constexpr std::uint64_t kGuard = kPage;
// Clocks between two looks at the deadline: a few milliseconds of a fast simulation.
constexpr std::uint64_t kSlice = 1U << 14U;
constexpr std::uint32_t kDoneInterrupt = 1;

std::uint64_t base_of(Space space) {
    return space.is_data() ? kDataBase : kWeightBase + space.port * kWeightStride;
}

sim::SimOptions sim_options(const RtlOptions& options) {
    sim::SimOptions result;
    result.memory = sim::memory_preset(options.memory);
    result.seed = options.seed;
    result.check_protocol = options.verify_protocol;
    result.trace = {options.trace_file, options.trace_first_cycle, options.trace_cycles};
    return result;
}

std::unique_ptr<KernelSim> open_simulation(const RtlOptions& options) {
    const KernelConfig config{options.ports, options.port_bits, options.tokens,
                              options.leaf,  options.tile_rows, options.counts_nonzero};
    try {
        return sim::make_kernel_sim(config, sim_options(options));
    } catch (const std::invalid_argument& error) {
        throw DeviceError(error.what());
    } catch (const sim::SimError& error) {
        throw DeviceError(error.what());
    }
}

class RtlDevice final : public Device {
  public:
    explicit RtlDevice(const RtlOptions& options)
        : sim_(open_simulation(options)), next_(options.ports + 1, 0) {
        const KernelConfig& config = sim_->config();
        info_.name = "rtl";
        info_.engine = "Verilated RTL, " + std::string(sim::kLeafNames.at(config.leaf)) + " leaf";
        info_.ports = config.ports;
        info_.port_bits = config.port_bits;
        info_.tokens = config.tokens;
        info_.tile_rows = config.tile_rows;
        info_.memory = options.memory;
        info_.clock_hz = sim::memory_preset(options.memory).clock_hz;
        info_.cycle_accurate = true;
        guarded([&] {
            check_identity();
            for (unsigned p = 0; p < config.ports; ++p) {
                sim_->write_address(SETUN_REG_W_BASE_LO + p * SETUN_REG_W_STRIDE, base_of(Space::weights(p)));
            }
            sim_->write_address(SETUN_REG_DATA_BASE_LO, kDataBase);
            sim_->write_register(SETUN_REG_GIE, 1);
            sim_->write_register(SETUN_REG_IER, kDoneInterrupt);
        });
    }

    [[nodiscard]] const DeviceInfo& info() const noexcept override { return info_; }

    std::uint64_t allocate(Space space, std::size_t bytes) override {
        const std::uint64_t offset = place(space, bytes);
        if (bytes != 0) {
            guarded([&] { memory(space).allocate(base_of(space) + offset, bytes); });
        }
        return offset;
    }

    std::uint64_t map(Space space, std::span<const std::byte> bytes) override {
        const std::uint64_t offset = place(space, bytes.size());
        if (!bytes.empty()) {
            guarded([&] { memory(space).map(base_of(space) + offset, bytes); });
        }
        return offset;
    }

    void write(Space space, std::uint64_t offset, std::span<const std::byte> bytes) override {
        if (bytes.empty()) {
            return;
        }
        guarded([&] {
            std::ranges::copy(bytes, memory(space).allocated(base_of(space) + offset, bytes.size()).begin());
        });
    }

    void read(Space space, std::uint64_t offset, std::span<std::byte> bytes) override {
        if (bytes.empty()) {
            return;
        }
        guarded([&] {
            std::ranges::copy(memory(space).allocated(base_of(space) + offset, bytes.size()), bytes.begin());
        });
    }

    void submit(std::uint64_t list_offset, std::uint32_t count) override {
        if (running_) {
            throw DeviceError("device rtl: submit() before the last list was waited for");
        }
        guarded([&] {
            bytes_before_ = byte_counters();
            sim_->write_address(SETUN_REG_LIST_LO, kDataBase + list_offset);
            sim_->write_register(SETUN_REG_LIST_COUNT, count);
            sim_->write_register(SETUN_REG_CTRL, SETUN_CTRL_START);
        });
        running_ = true;
    }

    RunResult wait(std::chrono::milliseconds deadline) override {
        if (!running_) {
            throw DeviceError("device rtl: wait() without submit()");
        }
        const auto start = std::chrono::steady_clock::now();
        RunResult result;
        guarded([&] {
            while (sim_->run(kSlice) != sim::StopReason::kInterrupt) {
                if (std::chrono::steady_clock::now() - start >= deadline) {
                    throw DeviceError("device rtl: the command list did not finish within " +
                                      std::to_string(deadline.count()) + " ms (simulated cycle " +
                                      std::to_string(sim_->cycle()) + ")");
                }
            }
            acknowledge();
            result = collect();
        });
        running_ = false;
        return result;
    }

  private:
    /// Runs `body`; failures of the simulation become DeviceError.
    template <class Body>
    void guarded(Body&& body) {
        try {
            body();
        } catch (const sim::SimError& error) {
            throw DeviceError(std::string("device rtl: ") + error.what());
        } catch (const std::invalid_argument& error) {
            throw DeviceError(std::string("device rtl: ") + error.what());
        } catch (const std::out_of_range& error) {
            throw DeviceError(std::string("device rtl: ") + error.what());
        } catch (const std::bad_alloc&) {
            throw DeviceError("device rtl: out of host memory for simulated memory");
        }
        if (!sim_->violations().empty()) {
            throw DeviceError("device rtl: AXI rule violated: " + sim_->violations().front());
        }
    }

    sim::AxiMemory& memory(Space space) {
        return sim_->memory(space.is_data() ? KernelSim::kDataPort : space.port);
    }

    std::uint64_t place(Space space, std::size_t bytes) {
        if (!space.is_data() && space.port >= info_.ports) {
            throw DeviceError("device rtl: weight port " + std::to_string(space.port) +
                              " does not exist, the kernel has " + std::to_string(info_.ports));
        }
        std::uint64_t& next = next_[space.is_data() ? info_.ports : space.port];
        const std::uint64_t offset = next;
        const std::uint64_t limit = space.is_data() ? kWeightBase - kDataBase : kWeightStride;
        if (bytes > limit - offset - kGuard) {
            throw DeviceError("device rtl: no room for a buffer of " + std::to_string(bytes) + " bytes");
        }
        next += (bytes + kPage - 1) / kPage * kPage + kGuard;
        return offset;
    }

    void expect(std::uint32_t offset, std::uint32_t expected, const char* what) {
        const std::uint32_t value = sim_->read_register(offset);
        if (value != expected) {
            throw DeviceError("device rtl: " + std::string(what) + " register of the chip reads " +
                              std::to_string(value) + ", expected " + std::to_string(expected) +
                              ": this build's software and RTL do not belong together");
        }
    }

    void check_identity() {
        const KernelConfig& c = sim_->config();
        expect(SETUN_REG_MAGIC, SETUN_MAGIC, "MAGIC");
        expect(SETUN_REG_VERSION, SETUN_ABI_VERSION, "VERSION");
        expect(SETUN_REG_CONFIG0, c.port_bits | c.ports << 16U | c.tokens << 24U, "CONFIG0");
        expect(SETUN_REG_CONFIG1, c.tile_rows | SETUN_TRIT_CODE_T5 << 16U | c.leaf << 24U, "CONFIG1");
    }

    void acknowledge() {
        sim_->write_register(SETUN_REG_ISR, kDoneInterrupt);
        if ((sim_->read_register(SETUN_REG_CTRL) & SETUN_CTRL_DONE) == 0) {
            throw DeviceError("device rtl: interrupt without the done bit in CTRL");
        }
    }

    Counters byte_counters() const {
        Counters c;
        for (unsigned p = 0; p < info_.ports; ++p) {
            c.weight_bytes += sim_->stats(p).read_bytes;
        }
        c.data_read_bytes = sim_->stats(KernelSim::kDataPort).read_bytes;
        c.data_write_bytes = sim_->stats(KernelSim::kDataPort).write_bytes;
        return c;
    }

    RunResult collect() {
        RunResult r;
        r.error = sim_->read_register(SETUN_REG_ERROR);
        r.error_index = sim_->read_register(SETUN_REG_ERROR_INDEX);
        r.error_address = sim_->read_counter(SETUN_REG_ERROR_ADDR_LO);
        r.error_info = sim_->read_register(SETUN_REG_ERROR_INFO);
        r.completed = sim_->read_register(SETUN_REG_COMPLETED);
        Counters& c = r.counters;
        c = byte_counters();
        c.weight_bytes -= bytes_before_.weight_bytes;
        c.data_read_bytes -= bytes_before_.data_read_bytes;
        c.data_write_bytes -= bytes_before_.data_write_bytes;
        c.cycles = sim_->read_counter(SETUN_REG_CYCLES_LO);
        c.busy = sim_->read_counter(SETUN_REG_BUSY_LO);
        c.beats = sim_->read_counter(SETUN_REG_BEATS_LO);
        c.stall_w = sim_->read_counter(SETUN_REG_STALL_W_LO);
        c.stall_x = sim_->read_counter(SETUN_REG_STALL_X_LO);
        c.stall_y = sim_->read_counter(SETUN_REG_STALL_Y_LO);
        c.nonzero = sim_->read_counter(SETUN_REG_NONZERO_LO);
        if (!sim_->config().counts_nonzero) {
            c.nonzero.reset();
        }
        return r;
    }

    std::unique_ptr<KernelSim> sim_;
    DeviceInfo info_;
    std::vector<std::uint64_t> next_;  ///< first free offset of each weight port, then of the data port
    Counters bytes_before_;
    bool running_ = false;
};

std::string kernel_names() {
    std::string names;
    for (const KernelConfig& config : sim::kernel_configs()) {
        names += (names.empty() ? "" : ", ") + config.name();
    }
    return names;
}

}  // namespace

std::unique_ptr<Device> make_rtl_device(const RtlOptions& options) {
    return std::make_unique<RtlDevice>(options);
}

std::string rtl_kernel_names() { return kernel_names(); }

std::string rtl_memory_names() { return sim::memory_preset_names(); }

SimulationSpeed measure_rtl_speed(const RtlOptions& options, std::uint32_t m, std::uint32_t k,
                                  unsigned repeat) {
    const StreamLayout layout{options.ports, options.port_bits, options.tile_rows};
    constexpr double kZeroShare = 0.4;  // about what trained BitNet models have
    const PackedStreams streams = random_streams(layout, m, k, 1, options.seed, kZeroShare);
    const std::unique_ptr<Device> device = make_rtl_device(options);
    Command command;
    command.opcode = SETUN_OP_MATMUL;
    command.m = m;
    command.k = k;
    command.tokens = static_cast<std::uint16_t>(options.tokens);
    command.planes = 1;
    command.encoding = SETUN_TRIT_CODE_T5;
    command.x_stride = (k + SETUN_ALIGN - 1) / SETUN_ALIGN * SETUN_ALIGN;
    for (unsigned p = 0; p < options.ports; ++p) {
        command.weight_offset = device->map(Space::weights(p), streams[p]);
    }
    command.x_offset = device->allocate(Space::data(), std::size_t{command.x_stride} * options.tokens);
    command.y_offset = device->allocate(Space::data(), std::size_t{4} * m * options.tokens);
    const std::vector<Command> list(repeat, command);
    const std::uint64_t list_offset = device->allocate(Space::data(), list.size() * sizeof(Command));
    device->write(Space::data(), list_offset, std::as_bytes(std::span(list)));
    const auto start = std::chrono::steady_clock::now();
    device->submit(list_offset, repeat);
    const RunResult result = device->wait(std::chrono::hours(1));
    const std::chrono::duration<double> seconds = std::chrono::steady_clock::now() - start;
    if (!result.ok()) {
        throw DeviceError("speed measurement failed: " + result.describe());
    }
    return {result.counters.cycles, result.counters.beats * layout.lanes(), seconds.count()};
}

}  // namespace setun
