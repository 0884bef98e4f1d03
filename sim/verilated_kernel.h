// The clock loop around one Verilated configuration: KernelSim for a Verilated model class.
#pragma once

#include <verilated.h>
#if VM_TRACE
#include <verilated_fst_c.h>
#endif

#if VM_COVERAGE
#include <unistd.h>

#include <mutex>
#endif
#include <algorithm>
#include <array>
#include <cstring>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "sim/axi_checker.h"
#include "sim/axi_pins.h"
#include "sim/axi_slave.h"
#include "sim/kernel_sim.h"
#include "sim/memory_channel.h"

namespace setun::sim {

/// KernelSim of the Verilated class `Model` with `Ports` weight ports of `Bytes` bytes.
///
/// Two loops share the slaves. The fast loop evaluates the model once a clock and relies on registered
/// outputs; the checked loop (tracing, protocol checks, back-pressure, stuck channels) evaluates both clock
/// phases and settles combinational outputs before it samples them. Both give the same cycles; a test
/// compares them.
template <class Model, unsigned Ports, unsigned Bytes>
class VerilatedKernel final : public KernelSim {
  public:
    VerilatedKernel(const KernelConfig& config, const SimOptions& options)
        : config_(config),
          options_(options),
          context_(make_context(options)),
          model_(std::make_unique<Model>(context_.get(), "kernel")),
          channels_(make_channels(options)),
          data_(target(kDataPort)),
          writes_(*data_.target, data_.stats),
          data_checker_("m_axi_data", Bytes, true, log_),
          lite_checker_(log_),
          always_checked_(options.check_protocol || options.throttle.has_value() ||
                          options.write_order != WriteOrder::kFree) {
        writes_.order(options.write_order);
        weights_.reserve(Ports);
        for (unsigned p = 0; p < Ports; ++p) {
            weights_.push_back(std::make_unique<Port>(target(p)));
            weight_checkers_.emplace_back("m_axi_w" + std::to_string(p), Bytes, true, log_);
        }
        apply_throttle();
        open_trace();
        idle_pins();
        reset(16);
    }

    ~VerilatedKernel() override {
#if VM_TRACE
        if (trace_) {
            trace_->close();
        }
#endif
        model_->final();
        write_coverage();
    }

    [[nodiscard]] const KernelConfig& config() const override { return config_; }
    AxiMemory& memory(unsigned port) override {
        return direct_.at(port == kDataPort ? Ports : port)->memory();
    }
    [[nodiscard]] const PortStats& stats(unsigned port) const override {
        return port == kDataPort ? data_.stats : weights_.at(port)->stats;
    }
    [[nodiscard]] std::uint64_t cycle() const override { return cycle_; }
    [[nodiscard]] bool interrupt() const override { return interrupt_pin() != 0; }
    [[nodiscard]] const std::vector<std::string>& violations() const override { return log_.lines(); }

    void stick(unsigned port, unsigned channels) override {
        port_of(port).read.stick(channels);
        if (port == kDataPort) {
            writes_.stick(channels);
        }
        always_checked_ = true;
    }

    void reset(unsigned cycles) override {
        root().ap_rst_n = 0;
        for (auto& port : weights_) {
            port->read.reset();
        }
        data_.read.reset();
        writes_.reset();
        data_awake_ = true;
        idle_pins();
        step(cycles);
        root().ap_rst_n = 1;
        step(1);
    }

    void step(std::uint64_t cycles) override { advance(cycle_ + cycles, false); }

    StopReason run(std::uint64_t max_cycles) override {
        advance(cycle_ + std::min(max_cycles, ~cycle_), true);
        return interrupt() ? StopReason::kInterrupt : StopReason::kCycleLimit;
    }

    void access(LiteWrite* write, LiteRead* read) override {
        Verilated::threadContextp(context_.get());
        bool aw_done = write == nullptr;
        bool w_done = aw_done;
        bool b_done = aw_done;
        bool ar_done = read == nullptr;
        bool r_done = ar_done;
        auto& r = root();
        for (unsigned t = 0; !b_done || !r_done; ++t) {
            if (t == kLiteTimeout) {
                throw SimError(lite_timeout(aw_done, w_done, ar_done, b_done));
            }
            r.s_axi_control_awvalid = !aw_done && t >= write->aw_delay;
            r.s_axi_control_wvalid = !w_done && t >= write->w_delay;
            r.s_axi_control_bready = !b_done && t >= write->b_delay;
            r.s_axi_control_arvalid = !ar_done && t >= read->ar_delay;
            r.s_axi_control_rready = !r_done && t >= read->r_delay;
            if (write != nullptr) {
                r.s_axi_control_awaddr = static_cast<std::uint16_t>(write->offset & 0xFFFU);
                r.s_axi_control_wdata = write->value;
                r.s_axi_control_wstrb = static_cast<std::uint8_t>(write->strobe & 0xFU);
            }
            if (read != nullptr) {
                r.s_axi_control_araddr = static_cast<std::uint16_t>(read->offset & 0xFFFU);
            }
            r.ap_clk = 0;
            model_->eval();  // READYs may depend on VALIDs
            aw_done = aw_done || (r.s_axi_control_awvalid && r.s_axi_control_awready);
            w_done = w_done || (r.s_axi_control_wvalid && r.s_axi_control_wready);
            ar_done = ar_done || (r.s_axi_control_arvalid && r.s_axi_control_arready);
            if (r.s_axi_control_bvalid && r.s_axi_control_bready) {
                write->response = static_cast<Response>(r.s_axi_control_bresp);
                b_done = true;
            }
            if (r.s_axi_control_rvalid && r.s_axi_control_rready) {
                read->value = r.s_axi_control_rdata;
                read->response = static_cast<Response>(r.s_axi_control_rresp);
                r_done = true;
            }
            step(1);
        }
        idle_control();
    }

    void write_pipelined(std::span<LiteWrite> writes) override {
        Verilated::threadContextp(context_.get());
        struct Channel {
            std::size_t next = 0;  ///< write that the channel is busy with
            unsigned waited = 0;   ///< clocks since it is

            [[nodiscard]] bool active(std::span<LiteWrite> all, unsigned LiteWrite::*delay) const {
                return next < all.size() && waited >= all[next].*delay;
            }
            void tick(bool handshake) {
                next += handshake;
                waited = handshake ? 0 : waited + 1;
            }
        };
        Channel aw, w, b;
        auto& r = root();
        while (b.next < writes.size()) {
            if (std::min({aw.waited, w.waited, b.waited}) > kLiteTimeout) {
                throw SimError(lite_timeout(aw.next == writes.size(), w.next == writes.size(), true, false));
            }
            r.s_axi_control_awvalid = aw.active(writes, &LiteWrite::aw_delay);
            r.s_axi_control_wvalid = w.active(writes, &LiteWrite::w_delay);
            r.s_axi_control_bready = b.active(writes, &LiteWrite::b_delay);
            if (aw.next < writes.size()) {
                r.s_axi_control_awaddr = static_cast<std::uint16_t>(writes[aw.next].offset & 0xFFFU);
            }
            if (w.next < writes.size()) {
                r.s_axi_control_wdata = writes[w.next].value;
                r.s_axi_control_wstrb = static_cast<std::uint8_t>(writes[w.next].strobe & 0xFU);
            }
            r.ap_clk = 0;
            model_->eval();
            aw.tick(r.s_axi_control_awvalid && r.s_axi_control_awready);
            w.tick(r.s_axi_control_wvalid && r.s_axi_control_wready);
            const bool response = r.s_axi_control_bvalid && r.s_axi_control_bready;
            if (response) {
                writes[b.next].response = static_cast<Response>(r.s_axi_control_bresp);
            }
            b.tick(response);
            step(1);
        }
        idle_control();
    }

  private:
    using Root = std::remove_pointer_t<decltype(std::declval<Model>().rootp)>;
    static constexpr unsigned kLiteTimeout = 1000;
    static constexpr std::uint64_t kChunk = 8192;

    struct Port {
        explicit Port(BurstTarget& behind) : target(&behind), read(behind, stats) {}
        Port(const Port&) = delete;
        Port& operator=(const Port&) = delete;
        BurstTarget* target;
        PortStats stats;
        ReadSlave<Bytes> read;
    };

    // ---- construction
    // -----------------------------------------------------------------------------------------------

    static std::unique_ptr<VerilatedContext> make_context(const SimOptions& options) {
        auto context = std::make_unique<VerilatedContext>();
        // Registers power up with seeded random values: a missing reset shows. Not for coverage, where every
        // bit that reset then clears would count as toggled.
        context->randReset(VM_COVERAGE != 0 ? 0 : 2);
        context->randSeed(static_cast<int>(options.seed % 0x7FFFFFFFU) + 1);
        context->fatalOnError(false);
        context->traceEverOn(!options.trace.file.empty());
        Verilated::threadContextp(context.get());
        return context;
    }

    static std::vector<MemoryChannel> make_channels(const SimOptions& options) {
        const ChannelTiming timing = make_channel_timing(options.memory);
        std::vector<MemoryChannel> channels;
        for (unsigned i = 0; i <= Ports; ++i) {
            channels.emplace_back(timing, options.seed + i);
        }
        return channels;
    }

    MemoryChannel& channel(unsigned port) {
        switch (options_.memory.sharing) {
            case ChannelSharing::kAll:
                return channels_[0];
            case ChannelSharing::kDataWithW0:
                return channels_[port == kDataPort ? 0 : port];
            case ChannelSharing::kPerPort:
                break;
        }
        return channels_[port == kDataPort ? Ports : port];
    }

    /// What stands behind a port: the owner's target, or a memory of this simulation.
    BurstTarget& target(unsigned port) {
        const unsigned index = port == kDataPort ? Ports : port;
        if (!options_.targets.empty()) {
            return *options_.targets.at(index);
        }
        direct_.resize(Ports + 1);
        direct_[index] = std::make_unique<DirectTarget>(channel(port));
        return *direct_[index];
    }

    void apply_throttle() {
        if (!options_.throttle) {
            return;
        }
        std::uint64_t seed = options_.seed * 100;
        for (auto& port : weights_) {
            port->read.throttle(*options_.throttle, seed += 10);
        }
        data_.read.throttle(*options_.throttle, seed += 10);
        writes_.throttle(*options_.throttle, seed += 10);
    }

    void open_trace() {
#if VM_TRACE
        if (!options_.trace.file.empty()) {
            trace_ = std::make_unique<VerilatedFstC>();
            model_->trace(trace_.get(), 99);
            trace_->open(options_.trace.file.c_str());
            if (!trace_->isOpen()) {
                throw SimError("cannot write waveform file '" + options_.trace.file + "'");
            }
        }
#else
        if (!options_.trace.file.empty()) {
            throw SimError("kernel " + config_.name() +
                           " was built without waveforms: configure with SETUN_RTL_TRACE=ON");
        }
#endif
    }

    /// Leaves RTL coverage in a file when this kernel reached a point that none before it in this process
    /// did.
    void write_coverage() {
#if VM_COVERAGE
        static std::mutex mutex;
        static std::vector<bool> reached;  // by Verilator's number of the point
        static unsigned files = 0;
        const std::lock_guard lock(mutex);
        const auto& counts = root().vlSymsp->__Vcoverage;
        reached.resize(std::size(counts));
        bool news = false;
        for (std::size_t i = 0; i < reached.size(); ++i) {
            if (counts[i] > 0 && !reached[i]) {
                reached[i] = true;
                news = true;
            }
        }
        if (news) {
            const std::string file = std::string(SETUN_RTL_COVERAGE_DIR) + "/" + config_.name() + "-" +
                                     std::to_string(::getpid()) + "-" + std::to_string(files++) + ".dat";
            context_->coveragep()->write(file.c_str());
        }
#endif
    }

    // ---- pins
    // -------------------------------------------------------------------------------------------------------

    Root& root() { return *model_->rootp; }
    [[nodiscard]] const Root& root() const { return *model_->rootp; }

    Port& port_of(unsigned port) { return port == kDataPort ? data_ : *weights_.at(port); }

    // "interrupt" is a reserved word of some C++ compilers, so Verilator renames the pin.
    [[nodiscard]] unsigned interrupt_pin() const {
        const auto& r = root();
        if constexpr (requires { r.__SYM__interrupt; }) {
            return r.__SYM__interrupt;
        } else {
            return r.interrupt;
        }
    }

    template <class Body>
    static void for_each_weight_port(Body&& body) {
        [&]<unsigned... P>(std::integer_sequence<unsigned, P...>) {
            (body(std::integral_constant<unsigned, P>{}), ...);
        }
        (std::make_integer_sequence<unsigned, Ports>{});
    }

    void idle_control() {
        auto& r = root();
        r.s_axi_control_awvalid = r.s_axi_control_wvalid = r.s_axi_control_bready = 0;
        r.s_axi_control_arvalid = r.s_axi_control_rready = 0;
    }

    void idle_pins() {
        auto& r = root();
        idle_control();
        for_each_weight_port([&](auto p) {
            using Pins = WeightPins<p()>;
            Pins::rvalid(r) = Pins::arready(r) = 0;
            // Weight ports never write: their write channels are ready and silent, and the checker watches
            // them.
            Pins::awready(r) = Pins::wready(r) = 1;
            Pins::bvalid(r) = Pins::bresp(r) = Pins::bid(r) = 0;
        });
        PinsData::rvalid(r) = PinsData::arready(r) = PinsData::awready(r) = PinsData::wready(r) = 0;
        PinsData::bvalid(r) = 0;
    }

    // ---- the clock
    // --------------------------------------------------------------------------------------------------

    template <bool Full>
    void sample_weights() {
        const Time now = cycle_ << kTimeShift;
        for_each_weight_port(
            [&](auto p) { weights_[p()]->read.template sample<WeightPins<p()>, Full>(root(), now); });
    }
    template <bool Full>
    void drive_weights() {
        const Time now = cycle_ << kTimeShift;
        for_each_weight_port(
            [&](auto p) { weights_[p()]->read.template drive<WeightPins<p()>, Full>(root(), now); });
    }
    template <bool Full>
    void sample_data() {
        const Time now = cycle_ << kTimeShift;
        data_.read.template sample<PinsData, Full>(root(), now);
        writes_.template sample<PinsData, Full>(root(), now);
    }
    template <bool Full>
    void drive_data() {
        const Time now = cycle_ << kTimeShift;
        data_.read.template drive<PinsData, Full>(root(), now);
        writes_.template drive<PinsData, Full>(root(), now);
        data_awake_ = data_.read.waiting() || writes_.waiting();
    }

    void tick_fast() {
        auto& r = root();
        sample_weights<false>();
        // Most clocks see nothing on the data port: with nothing owed and nothing asked, its pins stay as
        // they are.
        const bool data = data_awake_ || PinsData::arvalid(r) || PinsData::awvalid(r) || PinsData::wvalid(r);
        if (data) {
            sample_data<false>();
        }
        if constexpr (requires { r.__Vtrigrprev__TOP__ap_clk; }) {
            // Verilator's memory of the last clock level: clearing it makes a second evaluation for the
            // falling edge unnecessary. Other versions name it differently and take the ordinary way.
            r.__Vtrigrprev__TOP__ap_clk = 0;
        } else {
            r.ap_clk = 0;
            model_->eval();
        }
        r.ap_clk = 1;
        model_->eval();
        ++cycle_;
        if (r.ap_rst_n) {
            drive_weights<false>();
            if (data) {
                drive_data<false>();
            }
        }
    }

    void tick_checked(bool traced) {
        auto& r = root();
        r.ap_clk = 0;
        model_->eval();
        dump(traced, 10 * cycle_);
        if (options_.check_protocol) {
            check_pins();
        }
        sample_weights<true>();
        sample_data<true>();
        r.ap_clk = 1;
        model_->eval();
        dump(traced, 10 * cycle_ + 5);
        ++cycle_;
        if (r.ap_rst_n) {
            drive_weights<true>();
            drive_data<true>();
        }
    }

    void dump([[maybe_unused]] bool traced, [[maybe_unused]] std::uint64_t time) {
#if VM_TRACE
        if (traced) {
            trace_->dump(time);
        }
#endif
    }

    /// Runs to `end`, or to the interrupt. In pieces, so that the rare questions are not asked every clock.
    void advance(std::uint64_t end, bool stop_on_interrupt) {
        Verilated::threadContextp(context_.get());
        std::uint64_t quiet = 0;
        while (cycle_ < end && !(stop_on_interrupt && interrupt())) {
            const std::uint64_t before = handshakes();
            const std::uint64_t start = cycle_;
            const bool traced = in_trace_window();
            piece(next_stop(end), stop_on_interrupt, traced);
            if (context_->gotError()) {
                throw SimError("kernel " + config_.name() + ": an RTL assertion failed between cycles " +
                               std::to_string(start) + " and " + std::to_string(cycle_) +
                               "; its message is on standard output");
            }
            quiet = handshakes() == before ? quiet + (cycle_ - start) : 0;
            if (stop_on_interrupt && quiet >= options_.stuck_after) {
                throw SimError("kernel " + config_.name() + " is stuck: " + waiting_channels() + " for " +
                               std::to_string(quiet) + " cycles");
            }
        }
    }

    void piece(std::uint64_t end, bool stop_on_interrupt, bool traced) {
        if (always_checked_ || traced) {
            do {
                tick_checked(traced);
            } while (cycle_ != end && !(stop_on_interrupt && interrupt()));
        } else {
            do {
                tick_fast();
            } while (cycle_ != end && !(stop_on_interrupt && interrupt()));
        }
    }

    [[nodiscard]] bool in_trace_window() const {
        return !options_.trace.file.empty() && cycle_ >= options_.trace.first_cycle &&
               cycle_ - options_.trace.first_cycle < options_.trace.cycles;
    }

    /// End of the next piece: the end of the run, of a chunk, or an edge of the trace window.
    [[nodiscard]] std::uint64_t next_stop(std::uint64_t end) const {
        std::uint64_t stop = std::min(end, cycle_ + std::min(kChunk, options_.stuck_after));
        const TraceOptions& trace = options_.trace;
        if (!trace.file.empty()) {
            if (cycle_ < trace.first_cycle) {
                stop = std::min(stop, trace.first_cycle);
            } else if (in_trace_window()) {
                stop = std::min(stop, cycle_ + (trace.cycles - (cycle_ - trace.first_cycle)));
            }
        }
        return stop;
    }

    [[nodiscard]] std::uint64_t handshakes() const {
        std::uint64_t sum = data_.stats.handshakes();
        for (const auto& port : weights_) {
            sum += port->stats.handshakes();
        }
        return sum;
    }

    // ---- messages
    // ---------------------------------------------------------------------------------------------------

    static std::string pair(const char* channel, bool valid, bool ready) {
        if (valid && !ready) {
            return std::string(channel) + "VALID high, " + channel + "READY low; ";
        }
        return {};
    }

    template <class Pins>
    std::string waiting_read(const ReadSlave<Bytes>& slave) {
        auto& r = root();
        std::string text =
            pair("AR", Pins::arvalid(r), Pins::arready(r)) + pair("R", Pins::rvalid(r), Pins::rready(r));
        if (slave.waiting() && !Pins::rvalid(r)) {
            text += "read data owed by the memory; ";
        }
        return text;
    }

    std::string waiting_channels() {
        auto& r = root();
        std::string all;
        const auto add = [&all](const std::string& port, const std::string& text) {
            if (!text.empty()) {
                all += (all.empty() ? "" : ", ") + port + ": " + text.substr(0, text.size() - 2);
            }
        };
        for_each_weight_port([&](auto p) {
            add("weight port w" + std::to_string(p()), waiting_read<WeightPins<p()>>(weights_[p()]->read));
        });
        std::string data = waiting_read<PinsData>(data_.read);
        data += pair("AW", PinsData::awvalid(r), PinsData::awready(r));
        data += pair("W", PinsData::wvalid(r), PinsData::wready(r));
        data += pair("B", PinsData::bvalid(r), PinsData::bready(r));
        if (writes_.waiting() && !PinsData::bvalid(r)) {
            data += "write response owed by the memory; ";
        }
        if (writes_.wants_data() && !PinsData::wvalid(r)) {
            data += "write address accepted, WVALID low; ";
        }
        add("data port", data);
        return all.empty() ? "no channel is active and the interrupt is low" : all;
    }

    std::string lite_timeout(bool aw_done, bool w_done, bool ar_done, bool b_done) {
        std::string text = "kernel " + config_.name() + ": control port did not answer in " +
                           std::to_string(kLiteTimeout) + " cycles:";
        text += !aw_done ? " AWREADY low" : "";
        text += !w_done ? " WREADY low" : "";
        text += aw_done && w_done && !b_done ? " BVALID low" : "";
        text += !ar_done ? " ARREADY low" : "";
        return text + (b_done && ar_done ? " RVALID low" : "");
    }

    // ---- protocol checks
    // --------------------------------------------------------------------------------------------

    template <class Pins>
    AxiSample sample_pins() {
        auto& r = root();
        AxiSample s;
        s.in_reset = !r.ap_rst_n;
        s.ar = {Pins::arvalid(r) != 0, Pins::arready(r) != 0, Pins::araddr(r), Pins::arlen(r),
                Pins::arsize(r),       Pins::arburst(r),      Pins::arlock(r), Pins::arid(r)};
        s.aw = {Pins::awvalid(r) != 0, Pins::awready(r) != 0, Pins::awaddr(r), Pins::awlen(r),
                Pins::awsize(r),       Pins::awburst(r),      Pins::awlock(r), Pins::awid(r)};
        s.r.valid = Pins::rvalid(r);
        s.r.ready = Pins::rready(r);
        s.r.last = Pins::rlast(r);
        s.r.id = Pins::rid(r);
        s.r.response = Pins::rresp(r);
        std::memcpy(s.r.bytes.data(), &Pins::rdata(r), Bytes);
        s.w.valid = Pins::wvalid(r);
        s.w.ready = Pins::wready(r);
        s.w.last = Pins::wlast(r);
        s.w.strobe = Pins::wstrb(r);
        std::memcpy(s.w.bytes.data(), &Pins::wdata(r), Bytes);
        s.b.valid = Pins::bvalid(r);
        s.b.ready = Pins::bready(r);
        s.b.id = Pins::bid(r);
        s.b.response = Pins::bresp(r);
        return s;
    }

    void check_pins() {
        for_each_weight_port([&](auto p) {
            const AxiSample s = sample_pins<WeightPins<p()>>();
            weight_checkers_[p()].check(cycle_, s);
            if (!s.in_reset && (s.aw.valid || s.w.valid)) {
                log_.add("m_axi_w" + std::to_string(p()), cycle_, "a weight port started a write");
            }
        });
        data_checker_.check(cycle_, sample_pins<PinsData>());
        auto& r = root();
        LiteSample s;
        s.in_reset = !r.ap_rst_n;
        s.aw_valid = r.s_axi_control_awvalid;
        s.aw_ready = r.s_axi_control_awready;
        s.w_valid = r.s_axi_control_wvalid;
        s.w_ready = r.s_axi_control_wready;
        s.b_valid = r.s_axi_control_bvalid;
        s.b_ready = r.s_axi_control_bready;
        s.b_response = r.s_axi_control_bresp;
        s.ar_valid = r.s_axi_control_arvalid;
        s.ar_ready = r.s_axi_control_arready;
        s.r_valid = r.s_axi_control_rvalid;
        s.r_ready = r.s_axi_control_rready;
        s.r_response = r.s_axi_control_rresp;
        s.r_data = r.s_axi_control_rdata;
        lite_checker_.check(cycle_, s);
    }

    KernelConfig config_;
    SimOptions options_;
    std::unique_ptr<VerilatedContext> context_;
    std::unique_ptr<Model> model_;
#if VM_TRACE
    std::unique_ptr<VerilatedFstC> trace_;
#endif
    std::vector<MemoryChannel> channels_;
    std::vector<std::unique_ptr<DirectTarget>> direct_;  ///< weight ports, then the data port; or empty
    std::vector<std::unique_ptr<Port>> weights_;
    Port data_;
    WriteSlave<Bytes> writes_;
    ViolationLog log_;
    std::vector<AxiChecker> weight_checkers_;
    AxiChecker data_checker_;
    LiteChecker lite_checker_;
    bool always_checked_;
    bool data_awake_ = true;  ///< the data port has something in flight, or its pins are not up to date
    std::uint64_t cycle_ = 0;
};

}  // namespace setun::sim
