// A bus for whole kernels: starts command lists over AXI4-Lite and answers the AXI masters from a memory that
// exists only as a function of the address. Nothing checks results here: source and netlist are compared with
// each other.
#include <array>
#include <cstring>
#include <deque>
#include <string>

#include "rtl/setun_abi.h"
#include "tests/guards/stimulus.h"

namespace setun::guards {
namespace {

constexpr std::uint64_t kListAddress = 0x10000;
constexpr std::uint64_t kDataBase = 0x20000;
constexpr std::uint64_t kWeightBase = 0x100000;
constexpr unsigned kMaxCommands = 6;

std::uint32_t mix(std::uint64_t x) {
    x = (x ^ (x >> 31)) * 0x9E3779B97F4A7C15ULL;
    x = (x ^ (x >> 29)) * 0xBF58476D1CE4E5B9ULL;
    return static_cast<std::uint32_t>(x >> 32);
}

// One AXI master's slave side. Waits are random; a burst in a few hundred ends with SLVERR.
class MemoryPort {
  public:
    MemoryPort(std::string name, bool weights)
        : prefix_("m_axi_" + std::move(name) + "_"), weights_(weights) {}

    void drive(const Pins& pins, Random& random, std::span<const std::uint8_t> list) {
        pins.set(prefix_ + "arready", random() % 4 != 0);
        pins.set(prefix_ + "awready", random() % 4 != 0);
        pins.set(prefix_ + "wready", random() % 4 != 0);
        if (!read_held_) {
            read_held_ = !bursts_.empty() && random() % 8 != 0;
            drive_read(pins, list);
        }
        if (!response_held_) {
            response_held_ = responses_ > 0 && random() % 4 != 0;
            pins.set(prefix_ + "bvalid", response_held_);
            pins.set(prefix_ + "bresp", response_held_ && random() % 256 == 0 ? 2 : 0);
        }
    }

    // Handshakes of this cycle: a master's valid (output) with our ready (input), or the other way round.
    void observe(const Pins& pins, Random& random) {
        if (read_held_ && pins.get(prefix_ + "rready") != 0) {
            read_held_ = false;
            Burst& burst = bursts_.front();
            burst.address += beat_bytes(pins);
            if (burst.left-- == 0) {
                bursts_.pop_front();
            }
        }
        if (pins.get(prefix_ + "arvalid") != 0 && input_is_high(pins, "arready")) {
            bursts_.push_back(
                {pins.get(prefix_ + "araddr"), pins.get(prefix_ + "arlen"), random() % 512 == 0});
        }
        if (response_held_ && pins.get(prefix_ + "bready") != 0) {
            response_held_ = false;
            --responses_;
        }
        if (pins.get(prefix_ + "wvalid") != 0 && input_is_high(pins, "wready") &&
            pins.get(prefix_ + "wlast") != 0) {
            ++responses_;
        }
    }

    void reset() {
        bursts_.clear();
        responses_ = 0;
        read_held_ = response_held_ = false;
    }

  private:
    struct Burst {
        std::uint64_t address;
        std::uint64_t left;  // beats after this one
        bool error;
    };

    [[nodiscard]] bool input_is_high(const Pins& pins, const char* name) const {
        return pins.words(pins.input(prefix_ + name))[0] != 0;
    }

    [[nodiscard]] std::uint64_t beat_bytes(const Pins& pins) const {
        return pins.input(prefix_ + "rdata").width / 8;
    }

    void drive_read(const Pins& pins, std::span<const std::uint8_t> list) const {
        pins.set(prefix_ + "rvalid", read_held_);
        if (!read_held_) {
            return;
        }
        const Burst& burst = bursts_.front();
        pins.set(prefix_ + "rlast", burst.left == 0);
        pins.set(prefix_ + "rresp", burst.error && burst.left == 0 ? 2 : 0);
        const std::span<std::uint32_t> words = pins.words(pins.input(prefix_ + "rdata"));
        for (std::size_t i = 0; i < words.size(); ++i) {
            words[i] = word_at(burst.address + 4 * i, list);
        }
        if (weights_) {
            make_legal(words, mix(burst.address) % 1024 == 0);
        }
    }

    [[nodiscard]] std::uint32_t word_at(std::uint64_t address, std::span<const std::uint8_t> list) const {
        if (!weights_ && address >= kListAddress && address + 4 <= kListAddress + list.size()) {
            std::uint32_t word = 0;
            std::memcpy(&word, list.data() + (address - kListAddress), sizeof word);
            return word;
        }
        return mix(address);
    }

    // Clears bit 3 of every code (plane 3 of the beat) unless a rare beat is to keep its illegal codes: with
    // b3 = 0 there is neither an escape nor c3 (docs/memory-format.md section 1).
    static void make_legal(std::span<std::uint32_t> words, bool keep) {
        const std::size_t plane = words.size() / 8 == 0 ? 1 : words.size() / 8;
        for (std::size_t i = 0; i < plane && !keep; ++i) {
            words[3 * words.size() / 8 + i] = 0;
        }
    }

    std::string prefix_;
    bool weights_;
    std::deque<Burst> bursts_;
    unsigned responses_ = 0;
    bool read_held_ = false;
    bool response_held_ = false;
};

// The host: writes registers, starts a list, polls until it is done, reads every register, and begins again.
class ControlPort {
  public:
    explicit ControlPort(unsigned ports) : ports_(ports) {}

    void begin_run(Random& random, unsigned commands) {
        script_.clear();
        write(SETUN_REG_IER, 3);
        write(SETUN_REG_GIE, 1);
        write(SETUN_REG_WATCHDOG, 3000);
        write(SETUN_REG_LIST_LO, kListAddress);
        write(SETUN_REG_LIST_HI, 0);
        write(SETUN_REG_LIST_COUNT, commands);
        write(SETUN_REG_DATA_BASE_LO, kDataBase);
        write(SETUN_REG_DATA_BASE_HI, 0);
        for (unsigned p = 0; p < ports_; ++p) {
            write(SETUN_REG_W_BASE_LO + p * SETUN_REG_W_STRIDE,
                  kWeightBase + 0x40000 * p + 64 * (random() % 64));
            write(SETUN_REG_W_BASE_HI + p * SETUN_REG_W_STRIDE, random() % 2);
        }
        write(SETUN_REG_CTRL, SETUN_CTRL_START);
        polling_ = true;
    }

    [[nodiscard]] bool idle() const { return script_.empty() && !polling_ && !busy_; }

    void drive(const Pins& pins, Random& random) {
        if (!busy_ && random() % 3 != 0) {
            next_access();
        }
        pins.set("s_axi_control_awaddr", current_.address);
        pins.set("s_axi_control_wdata", current_.value);
        pins.set("s_axi_control_wstrb", 0xF);
        pins.set("s_axi_control_araddr", current_.address);
        pins.set("s_axi_control_awvalid", busy_ && current_.write && !address_done_);
        pins.set("s_axi_control_wvalid", busy_ && current_.write && !data_done_);
        pins.set("s_axi_control_arvalid", busy_ && !current_.write && !address_done_);
        pins.set("s_axi_control_bready", random() % 2);
        pins.set("s_axi_control_rready", random() % 2);
    }

    void observe(const Pins& pins) {
        const auto high = [&](const char* name) { return pins.words(pins.input(name))[0] != 0; };
        if ((high("s_axi_control_awvalid") && pins.get("s_axi_control_awready") != 0) ||
            (high("s_axi_control_arvalid") && pins.get("s_axi_control_arready") != 0)) {
            address_done_ = true;
        }
        if (high("s_axi_control_wvalid") && pins.get("s_axi_control_wready") != 0) {
            data_done_ = true;
        }
        if (pins.get("s_axi_control_bvalid") != 0 && high("s_axi_control_bready")) {
            busy_ = false;
        }
        if (pins.get("s_axi_control_rvalid") != 0 && high("s_axi_control_rready")) {
            busy_ = false;
            if (current_.address == SETUN_REG_CTRL &&
                (pins.get("s_axi_control_rdata") & SETUN_CTRL_DONE) != 0) {
                finish();
            }
        }
    }

    void reset() {
        script_.clear();
        busy_ = polling_ = false;
    }

  private:
    struct Access {
        bool write = false;
        std::uint64_t address = 0;
        std::uint64_t value = 0;
    };

    void write(std::uint64_t address, std::uint64_t value) { script_.push_back({true, address, value}); }

    void finish() {
        polling_ = false;
        for (std::uint64_t address = 0; address <= SETUN_REG_END; address += 4) {
            script_.push_back({false, address, 0});
        }
        write(SETUN_REG_ISR, 3);
    }

    void next_access() {
        if (!script_.empty()) {
            current_ = script_.front();
            script_.pop_front();
        } else if (polling_) {
            current_ = {false, SETUN_REG_CTRL, 0};
        } else {
            return;
        }
        busy_ = true;
        address_done_ = data_done_ = false;
    }

    unsigned ports_;
    std::deque<Access> script_;
    Access current_;
    bool busy_ = false;
    bool address_done_ = false;
    bool data_done_ = false;
    bool polling_ = false;
};

class KernelStimulus : public Stimulus {
  public:
    explicit KernelStimulus(std::uint64_t seed) : random_(seed) {}

    void drive(const Pins& pins, std::uint64_t cycle) override {
        if (ports_.empty()) {
            find_ports(pins);
        }
        // A reset now and then: after a stopped run a memory may still owe data.
        if (cycle % 20000 == 0) {
            reset_left_ = 6;
        }
        pins.set("ap_rst_n", reset_left_ == 0);
        if (reset_left_ > 0) {
            --reset_left_;
            control_->reset();
            for (MemoryPort& port : ports_) {
                port.reset();
            }
        } else if (control_->idle()) {
            make_list();
            control_->begin_run(random_, static_cast<unsigned>(list_.size() / SETUN_COMMAND_BYTES));
        }
        control_->drive(pins, random_);
        for (MemoryPort& port : ports_) {
            port.drive(pins, random_, list_);
        }
    }

    void observe(const Pins& pins) override {
        if (reset_left_ > 0) {
            return;
        }
        control_->observe(pins);
        for (MemoryPort& port : ports_) {
            port.observe(pins, random_);
        }
    }

  private:
    void find_ports(const Pins& pins) {
        unsigned weights = 0;
        while (true) {
            const std::string name = std::string("w").append(std::to_string(weights));
            if (!pins.has(std::string("m_axi_").append(name).append("_arvalid"))) {
                break;
            }
            ports_.emplace_back(name, true);
            ++weights;
        }
        ports_.emplace_back("data", false);
        control_ = std::make_unique<ControlPort>(weights);
    }

    void make_list() {
        list_.assign(SETUN_COMMAND_BYTES * (random_() % (kMaxCommands + 1)), 0);
        for (std::size_t at = 0; at < list_.size(); at += SETUN_COMMAND_BYTES) {
            Command command;
            command.opcode = random_() % 8 == 0 ? SETUN_OP_NOP : SETUN_OP_MATMUL;
            command.flags = static_cast<std::uint16_t>(random_() % 2);
            command.weight_offset = 64 * (random_() % 1000);
            command.x_offset = 64 * (random_() % 1000);
            command.y_offset = 64 * (random_() % 1000);
            command.m = static_cast<std::uint32_t>(1 + random_() % 70);
            command.k = static_cast<std::uint32_t>(1 + random_() % 300);
            command.tokens = static_cast<std::uint16_t>(1 + random_() % 2);
            command.planes = static_cast<std::uint8_t>(1 + random_() % 3);
            command.encoding = SETUN_TRIT_CODE_T5;
            command.x_stride = static_cast<std::uint32_t>(64 * (5 + random_() % 3));
            std::memcpy(list_.data() + at, &command, sizeof command);
            if (random_() % 16 == 0) {  // a broken descriptor
                list_[at + random_() % SETUN_COMMAND_BYTES] ^=
                    static_cast<std::uint8_t>(1U << (random_() % 8));
            }
        }
    }

    Random random_;
    std::vector<MemoryPort> ports_;
    std::unique_ptr<ControlPort> control_;
    std::vector<std::uint8_t> list_;
    unsigned reset_left_ = 0;
};

}  // namespace

std::unique_ptr<Stimulus> make_kernel_stimulus(std::uint64_t seed) {
    return std::make_unique<KernelStimulus>(seed);
}

}  // namespace setun::guards
