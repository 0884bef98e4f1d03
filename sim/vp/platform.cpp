// The virtual chip: everything of sim/vp/ wired together.
#include "sim/vp/platform.h"

#include <algorithm>
#include <exception>
#include <systemc>
#include <tlm>
#include <utility>

#include "sim/memory_presets.h"
#include "sim/vp/bus_master.h"
#include "sim/vp/clock.h"
#include "sim/vp/firmware_image.h"
#include "sim/vp/interconnect.h"
#include "sim/vp/interrupt_controller.h"
#include "sim/vp/mailbox.h"
#include "sim/vp/matrix_engine.h"
#include "sim/vp/memory_system.h"
#include "sim/vp/occupancy.h"
#include "sim/vp/processor.h"
#include "sim/vp/timeline.h"
#include "sim/vp/timer.h"
#include "sim/vp/uart.h"
#include "sim/vp/vector_unit.h"

// SystemC's library brings a main() that calls this; the program's own main() takes its place.
// NOLINTNEXTLINE(readability-identifier-naming)
int sc_main(int /*argc*/, char* /*argv*/[]) { return 1; }

namespace setun::vp {
namespace {

constexpr std::uint64_t kPage = sim::AxiMemory::kPage;
constexpr std::uint64_t kBlockBytes = 0x1000;  // of every peripheral's window
constexpr std::uint64_t kBootCycles = 1U << 20U;
constexpr std::uint64_t kWeightWindow = std::uint64_t{1} << SETUN_WEIGHT_BASE_SHIFT;

std::uint64_t weight_base(unsigned port) {
    return static_cast<std::uint64_t>(port + 1) << SETUN_WEIGHT_BASE_SHIFT;
}

const sim::MemoryPreset& find_preset(const std::string& name) {
    try {
        return sim::memory_preset(name);
    } catch (const std::invalid_argument& error) {
        throw PlatformError(error.what());
    }
}

/// Built before the first module: what SystemC prints and how it reports errors are settings of the process.
struct SystemcSettings {
    SystemcSettings() {
        static bool used = false;
        if (std::exchange(used, true)) {
            throw PlatformError("device vp: a process can simulate one chip, once; start another process");
        }
        sc_core::sc_report_handler::set_actions(sc_core::SC_INFO, sc_core::SC_DO_NOTHING);
        sc_core::sc_report_handler::set_actions(sc_core::SC_WARNING, sc_core::SC_DO_NOTHING);
    }
};

/// The host's side of the bus. Ends sc_start() when the mailbox raises the host's interrupt.
class HostBridge final : public sc_core::sc_module {
  public:
    BusMaster bus{"bus"};
    sc_core::sc_in<bool> irq;

    explicit HostBridge(const sc_core::sc_module_name& name) : sc_module(name) {
        SC_HAS_PROCESS(HostBridge);
        SC_METHOD(pause);
        sensitive << irq.pos();
        dont_initialize();
    }

  private:
    // NOLINTNEXTLINE(readability-convert-member-functions-to-static): a process is a member function
    void pause() { sc_core::sc_pause(); }
};

/// Masters of the bus: weight ports, the engine's data port, vector units, processor, host.
std::vector<std::string> masters(const sim::KernelConfig& kernel) {
    std::vector<std::string> names;
    for (unsigned p = 0; p < kernel.ports; ++p) {
        names.push_back(std::string("engine_w").append(std::to_string(p)));
    }
    names.emplace_back("engine_data");
    for (unsigned u = 1; u < SETUN_UNITS; ++u) {
        names.emplace_back(unit_name(u));
    }
    names.emplace_back("processor");
    names.emplace_back("host");
    return names;
}

/// Slaves of the bus: weight memories, data memory, register blocks, vector units (firmware/platform.h).
std::vector<Interconnect::Window> slaves(const sim::KernelConfig& kernel) {
    std::vector<Interconnect::Window> windows;
    for (unsigned p = 0; p < kernel.ports; ++p) {
        windows.push_back({std::string("w").append(std::to_string(p)), weight_base(p), kWeightWindow, false});
    }
    windows.push_back({"data", SETUN_DATA_BASE, SETUN_DATA_MAX_BYTES, false});
    windows.push_back({"interrupts", SETUN_INTC_BASE, kBlockBytes, true});
    windows.push_back({"timer", SETUN_TIMER_BASE, kBlockBytes, true});
    windows.push_back({"uart", SETUN_UART_BASE, kBlockBytes, true});
    windows.push_back({"mailbox", SETUN_MAILBOX_BASE, kBlockBytes, true});
    windows.push_back({"engine", SETUN_UNIT_BASE, kBlockBytes, true});
    for (unsigned u = 1; u < SETUN_UNITS; ++u) {
        windows.push_back({unit_name(u), SETUN_UNIT_BASE + u * SETUN_UNIT_STRIDE, kBlockBytes, true});
    }
    return windows;
}

}  // namespace

class VirtualPlatform::Chip {
  public:
    explicit Chip(const PlatformOptions& options)
        : preset_(find_preset(options.memory)),
          memory_("memory", preset_, options.kernel.ports, options.data_bytes, options.seed),
          interconnect_("interconnect", timeline_, masters(options.kernel), slaves(options.kernel)),
          interrupts_("interrupts"),
          timer_("timer"),
          uart_("uart"),
          mailbox_("mailbox", timeline_),
          engine_("engine", options.kernel, memory_.timing(), options.seed, timeline_, occupancy_,
                  [this](std::exception_ptr why) { fail(std::move(why)); }),
          processor_("processor", [this](std::exception_ptr why) { fail(std::move(why)); }),
          host_("host") {
        if (options.timeline) {
            timeline_.enable();
        }
        uart_.on_line(options.uart);
        make_units(options);
        connect_masters();
        connect_slaves();
        connect_interrupts();
        load_firmware(options.firmware, processor_.sram());
        sc_core::sc_start(sc_core::SC_ZERO_TIME);  // elaborates
        map_data();
        boot(options.firmware);
    }

    [[nodiscard]] const sim::KernelConfig& kernel() const { return engine_.config(); }
    [[nodiscard]] double clock_hz() const { return preset_.clock_hz; }
    [[nodiscard]] std::span<std::byte> data() const { return data_; }
    [[nodiscard]] sim::AxiMemory& memory(unsigned port) { return memory_.memory(port); }
    [[nodiscard]] std::string timeline_json() const { return timeline_.json(preset_.clock_hz); }

    std::uint64_t map_weights(unsigned port, std::span<const std::byte> bytes) {
        if (port >= kernel().ports) {
            throw PlatformError("device vp: weight port " + std::to_string(port) +
                                " does not exist, the kernel has " + std::to_string(kernel().ports));
        }
        std::uint64_t& next = next_weight_.at(port);
        const std::uint64_t offset = next;
        if (bytes.size() > kWeightWindow - kPage - offset) {
            throw PlatformError("device vp: no room for " + std::to_string(bytes.size()) +
                                " bytes on weight port " + std::to_string(port));
        }
        if (!bytes.empty()) {
            memory_.memory(port).map(weight_base(port) + offset, bytes);
        }
        next += (bytes.size() + kPage - 1) / kPage * kPage + kPage;  // a page between two: an error, not data
        return offset;
    }

    std::uint32_t read_mailbox(std::uint32_t offset) {
        std::uint32_t value = 0;
        sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
        if (host_.bus.read(SETUN_MAILBOX_BASE + offset, std::as_writable_bytes(std::span(&value, 1)),
                           delay) != tlm::TLM_OK_RESPONSE) {
            throw PlatformError("device vp: the mailbox has no register " + std::to_string(offset));
        }
        return value;
    }

    void write_mailbox(std::uint32_t offset, std::uint32_t value) {
        sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
        if (host_.bus.write(SETUN_MAILBOX_BASE + offset, std::as_bytes(std::span(&value, 1)), delay) !=
            tlm::TLM_OK_RESPONSE) {
            throw PlatformError("device vp: the mailbox has no register " + std::to_string(offset));
        }
    }

    bool run(std::uint64_t max_cycles) {
        const std::uint64_t end = now_cycle() + max_cycles;
        sc_core::sc_start(sc_core::SC_ZERO_TIME);  // what the host has just written takes effect
        while (!failure_ && !host_line_.read() && now_cycle() < end) {
            sc_core::sc_start(cycles_to_sc(end - now_cycle()));
        }
        if (failure_) {
            try {
                std::rethrow_exception(failure_);
            } catch (const std::exception& error) {
                throw PlatformError(std::string("device vp: ") + error.what());
            }
        }
        return host_line_.read();
    }

    [[nodiscard]] PlatformUse use() const;

  private:
    void make_units(const PlatformOptions& options) {
        const EngineGeometry geometry{options.kernel.ports, options.kernel.port_bits,
                                      options.kernel.tile_rows};
        for (unsigned u = 1; u < SETUN_UNITS; ++u) {
            units_.push_back(std::make_unique<VectorUnit>(unit_name(u), u, geometry, timeline_, occupancy_));
            units_.back()->on_label(options.label);
        }
        engine_.on_label(options.label);
        next_weight_.resize(options.kernel.ports);
    }

    void connect_masters() {
        std::size_t index = 0;
        for (unsigned p = 0; p <= kernel().ports; ++p) {
            engine_.port(p).bus.socket.bind(interconnect_.master(index++));
        }
        for (const auto& unit : units_) {
            unit->bus.socket.bind(interconnect_.master(index++));
        }
        processor_.bus.socket.bind(interconnect_.master(index++));
        host_.bus.socket.bind(interconnect_.master(index++));
    }

    void connect_slaves() {
        std::size_t index = 0;
        for (unsigned p = 0; p <= kernel().ports; ++p) {
            interconnect_.slave(index++).bind(memory_.socket(p));
        }
        const std::array<RegisterBlock*, 5> blocks{&interrupts_, &timer_, &uart_, &mailbox_, &engine_};
        for (RegisterBlock* block : blocks) {
            interconnect_.slave(index++).bind(block->socket);
        }
        for (const auto& unit : units_) {
            interconnect_.slave(index++).bind(unit->socket);
        }
    }

    void connect_interrupts() {
        for (unsigned i = 0; i < InterruptController::kSources; ++i) {
            interrupts_.sources.at(i).bind(lines_.at(i));
        }
        engine_.irq.bind(lines_.at(SETUN_IRQ_UNIT(SETUN_UNIT_ENGINE)));
        for (unsigned u = 1; u < SETUN_UNITS; ++u) {
            units_[u - 1]->irq.bind(lines_.at(SETUN_IRQ_UNIT(u)));
        }
        timer_.irq.bind(lines_.at(SETUN_IRQ_TIMER));
        mailbox_.doorbell.bind(lines_.at(SETUN_IRQ_DOORBELL));
        interrupts_.irq.bind(processor_line_);
        processor_.irq.bind(processor_line_);
        mailbox_.host_irq.bind(host_line_);
        host_.irq.bind(host_line_);
    }

    /// Bulk access of the host: TLM's direct memory interface, asked for over the bus.
    void map_data() {
        tlm::tlm_generic_payload payload;
        payload.set_address(SETUN_DATA_BASE);
        tlm::tlm_dmi dmi;
        if (!host_.bus.socket->get_direct_mem_ptr(payload, dmi)) {
            throw PlatformError("device vp: data memory refuses direct access");
        }
        data_ = {reinterpret_cast<std::byte*>(dmi.get_dmi_ptr()),
                 dmi.get_end_address() - dmi.get_start_address() + 1};
    }

    void boot(const std::string& firmware) {
        processor_.reset();
        const std::uint64_t end = now_cycle() + kBootCycles;
        while (read_mailbox(SETUN_MBOX_STATUS) != SETUN_STATUS_IDLE) {
            if (now_cycle() >= end) {
                throw PlatformError(firmware + ": the firmware did not become ready within " +
                                    std::to_string(kBootCycles) + " cycles; build it again");
            }
            run(kBootCycles / 64);
        }
        const std::uint32_t version = read_mailbox(SETUN_MBOX_BOOT);
        if (version >> 16U != SETUN_PLATFORM_VERSION >> 16U) {
            throw PlatformError(firmware + ": the firmware is for platform version " +
                                std::to_string(version >> 16U) + ", this one is " +
                                std::to_string(SETUN_PLATFORM_VERSION >> 16U) + "; build it again");
        }
    }

    void fail(std::exception_ptr why) {
        if (!failure_) {
            failure_ = std::move(why);
        }
        sc_core::sc_pause();
    }

    SystemcSettings settings_;
    const sim::MemoryPreset& preset_;
    Timeline timeline_;
    Occupancy occupancy_;
    MemorySystem memory_;
    Interconnect interconnect_;
    InterruptController interrupts_;
    Timer timer_;
    Uart uart_;
    Mailbox mailbox_;
    MatrixEngine engine_;
    std::vector<std::unique_ptr<VectorUnit>> units_;  ///< SETUN_UNIT_NORM is the first
    Processor processor_;
    HostBridge host_;
    std::array<IrqSignal, InterruptController::kSources> lines_;
    IrqSignal processor_line_;
    IrqSignal host_line_;
    std::span<std::byte> data_;
    std::vector<std::uint64_t> next_weight_;
    std::exception_ptr failure_;
};

PlatformUse VirtualPlatform::Chip::use() const {
    PlatformUse use;
    use.cycles = now_cycle();
    use.units[SETUN_UNIT_ENGINE] = engine_.totals();
    for (unsigned u = 1; u < SETUN_UNITS; ++u) {
        use.units.at(u) = units_[u - 1]->totals();
    }
    use.engine = engine_.counters();
    for (const MasterStats& master : interconnect_.stats()) {
        use.weight_bytes += master.weight_bytes;
        use.data_read_bytes += master.read_bytes - master.weight_bytes;
        use.data_write_bytes += master.write_bytes;
        use.arbitration_cycles += master.arbitration_cycles;
    }
    use.instructions = processor_.instructions();
    use.phases = mailbox_.phase_cycles();
    use.any_busy = occupancy_.any();
    use.overlapped = occupancy_.overlapped();
    return use;
}

VirtualPlatform::VirtualPlatform(const PlatformOptions& options) {
    if (options.data_bytes == 0 || options.data_bytes > SETUN_DATA_MAX_BYTES) {
        throw PlatformError("device vp: data memory of " + std::to_string(options.data_bytes) +
                            " bytes; the processor reaches 1 to " + std::to_string(SETUN_DATA_MAX_BYTES));
    }
    try {
        chip_ = std::make_unique<Chip>(options);
    } catch (const PlatformError&) {
        throw;
    } catch (const FirmwareError& error) {
        throw PlatformError(error.what());
    } catch (const sc_core::sc_report& report) {
        throw PlatformError(std::string("device vp: SystemC: ") + report.get_msg_type() + ": " +
                            report.get_msg());
    } catch (const std::invalid_argument& error) {
        throw PlatformError(error.what());
    } catch (const sim::SimError& error) {
        throw PlatformError(std::string("device vp: ") + error.what());
    } catch (const std::bad_alloc&) {
        throw PlatformError("device vp: out of host memory for " + std::to_string(options.data_bytes) +
                            " bytes of data memory");
    }
}

VirtualPlatform::~VirtualPlatform() = default;

const sim::KernelConfig& VirtualPlatform::kernel() const { return chip_->kernel(); }
double VirtualPlatform::clock_hz() const { return chip_->clock_hz(); }
std::span<std::byte> VirtualPlatform::data() { return chip_->data(); }
std::uint64_t VirtualPlatform::map_weights(unsigned port, std::span<const std::byte> bytes) {
    return chip_->map_weights(port, bytes);
}
sim::AxiMemory& VirtualPlatform::memory(unsigned port) { return chip_->memory(port); }
std::uint32_t VirtualPlatform::read_mailbox(std::uint32_t offset) { return chip_->read_mailbox(offset); }
void VirtualPlatform::write_mailbox(std::uint32_t offset, std::uint32_t value) {
    chip_->write_mailbox(offset, value);
}
bool VirtualPlatform::run(std::uint64_t max_cycles) { return chip_->run(max_cycles); }
PlatformUse VirtualPlatform::use() const { return chip_->use(); }
std::string VirtualPlatform::timeline_json() const { return chip_->timeline_json(); }

}  // namespace setun::vp
