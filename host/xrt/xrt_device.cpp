// Buffer objects as spaces, arguments and runs of the kernel, registers: all that talks to XRT.
#include "host/xrt/xrt_device.h"

#include <dlfcn.h>
#include <experimental/xrt_ini.h>
#include <experimental/xrt_xclbin.h>
#include <unistd.h>
#include <xrt/xrt_bo.h>
#include <xrt/xrt_device.h>
#include <xrt/xrt_kernel.h>

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <fstream>
#include <iostream>
#include <map>
#include <memory>
#include <new>
#include <optional>
#include <sstream>
#include <vector>

#include "host/device/packing.h"
#include "sim/kernel_sim.h"
#include "sim/leaf_names.h"
#include "sim/memory_presets.h"
#include "sim/xrt/host_shim.h"
#include "sim/xrt/kernel_image.h"
#include "sim/xrt/run_status.h"

extern "C" setun::Device* setun_make_xrt_device(const setun::XrtOptions& options);

namespace setun {
namespace {

constexpr std::size_t kPage = 4096;  // buffer objects are whole pages
// Drivers pin the pages of a transfer while it runs.
constexpr std::size_t kSyncPiece = std::size_t{64} << 20U;
constexpr std::chrono::milliseconds kWaitPiece{100};

constexpr std::size_t whole_pages(std::size_t bytes) { return (bytes + kPage - 1) / kPage * kPage; }

/// XRT's messages can have several lines, and repeat what they are.
std::string first_line(const std::string& text) { return text.substr(0, text.find('\n')); }

/// Runs `body`; what XRT throws becomes DeviceError.
template <class Body>
auto guarded(const char* doing, Body&& body) {
    try {
        return body();
    } catch (const DeviceError&) {
        throw;
    } catch (const std::exception& error) {
        throw DeviceError(std::string("device xrt: ") + doing + ": " + first_line(error.what()));
    }
}

struct Range {
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// One space: a buffer object that grows, and what of it the device has not seen yet.
class Arena {
  public:
    Arena(xrt::device& device, xrt::memory_group group) : device_(&device), group_(group) {}

    /// Reserves zero-filled bytes and returns their offset.
    std::size_t place(std::size_t bytes) {
        const std::size_t offset = used_;
        if (bytes > ~std::size_t{0} / 4 - offset) {
            throw DeviceError("device xrt: no room for a buffer of " + std::to_string(bytes) + " bytes");
        }
        const std::size_t end = offset + whole_pages(bytes) + kPage;  // a gap: no buffer runs into the next
        require(end);
        used_ = end;
        buffers_[offset] = bytes;
        return offset;
    }

    void write(std::size_t offset, std::span<const std::byte> bytes) {
        check(offset, bytes.size());
        std::copy(bytes.begin(), bytes.end(), host_ + offset);
        dirty_.push_back({offset, offset + bytes.size()});
    }

    void read(std::size_t offset, std::span<std::byte> bytes) {
        check(offset, bytes.size());
        flush();
        sync(XCL_BO_SYNC_BO_FROM_DEVICE, {offset, offset + bytes.size()});
        std::copy_n(host_ + offset, bytes.size(), bytes.begin());
    }

    /// Brings the device up to date.
    void flush() {
        require(kPage);
        for (const Range& range : dirty_) {
            sync(XCL_BO_SYNC_BO_TO_DEVICE, range);
        }
        dirty_.clear();
    }

    /// What the host last wrote or read at `offset`, when it lies inside a buffer.
    [[nodiscard]] const std::byte* peek(std::size_t offset, std::size_t bytes) const {
        return contains(offset, bytes) ? host_ + offset : nullptr;
    }

    [[nodiscard]] const xrt::bo& object() const { return object_; }
    [[nodiscard]] std::uint64_t address() const { return object_.address(); }

  private:
    [[nodiscard]] bool contains(std::size_t offset, std::size_t bytes) const {
        const auto next = buffers_.upper_bound(offset);
        if (next == buffers_.begin()) {
            return false;
        }
        const auto& [begin, size] = *std::prev(next);
        return offset - begin <= size && bytes <= size - (offset - begin);
    }

    void check(std::size_t offset, std::size_t bytes) const {
        if (!contains(offset, bytes)) {
            throw DeviceError("device xrt: " + std::to_string(bytes) + " bytes at offset " +
                              std::to_string(offset) + " are outside allocated memory");
        }
    }

    void sync(xclBOSyncDirection direction, Range range) {
        while (range.begin < range.end) {
            const std::size_t piece = std::min(kSyncPiece, range.end - range.begin);
            object_.sync(direction, piece, range.begin);
            range.begin += piece;
        }
    }

    bool try_object(std::size_t bytes) {
        try {
            object_ = xrt::bo(*device_, bytes, xrt::bo::flags::normal, group_);
        } catch (const std::exception& error) {
            reason_ = first_line(error.what());
            return false;
        }
        host_ = object_.map<std::byte*>();
        capacity_ = bytes;
        return true;
    }

    /// Makes the buffer object at least `bytes` long. What is in it stays.
    void require(std::size_t bytes) {
        if (bytes <= capacity_) {
            return;
        }
        std::vector<std::byte> content(used_);
        if (used_ != 0) {
            flush();
            sync(XCL_BO_SYNC_BO_FROM_DEVICE, {0, used_});  // results of earlier runs
            std::copy_n(host_, used_, content.begin());
        }
        constexpr std::size_t kFirst = 16 * kPage;
        const std::size_t roomy = whole_pages(std::max({bytes, 2 * capacity_, kFirst}));
        object_ = xrt::bo();  // first, for both may not fit the bank
        capacity_ = 0;
        if (!try_object(roomy) && !try_object(whole_pages(bytes))) {
            throw DeviceError("device xrt: no room in memory bank " +
                              std::to_string(static_cast<unsigned>(group_)) + " for " +
                              std::to_string(bytes) + " bytes (" + reason_ + ")");
        }
        std::copy(content.begin(), content.end(), host_);
        std::fill(host_ + content.size(), host_ + capacity_, std::byte{0});
        dirty_ = {{0, capacity_}};
    }

    xrt::device* device_;
    xrt::memory_group group_;
    xrt::bo object_;
    std::byte* host_ = nullptr;
    std::size_t capacity_ = 0;
    std::size_t used_ = 0;
    std::map<std::size_t, std::size_t> buffers_;  ///< offset, bytes
    std::vector<Range> dirty_;
    std::string reason_;
};

/// Settings that XRT 2.13's emulation driver needs; before the first device is opened.
void configure_emulation() {
    constexpr std::size_t kPacket = 0x10000;
    // Debian's driver loses its message buffer when the buffer grows. The first message carries all settings,
    // so a long one, which nobody reads, makes the buffer as large as it will ever be.
    xrt::ini::set("Debug.setun_message_room", std::string(kPacket + 4096, 'x'));
    xrt::ini::set("Emulation.packet_size", "0x10000");
    xrt::ini::set("Emulation.system_dpa", "false");  // no thread that sleeps ten seconds at the end
    xrt::ini::set("Emulation.keep_run_dir", "false");
    xrt::ini::set("Runtime.verbosity", "0");
}

/// Keeps what XRT prints away from the program's own output. Of no effect when the program was not started by
/// our launcher.
void divert_messages() {
    const char* folder = std::getenv(emulation::kRunFolderVariable);
    auto log_to = reinterpret_cast<SetunXrtLogTo>(::dlsym(RTLD_DEFAULT, "setun_xrt_log_to"));
    if (folder == nullptr || log_to == nullptr) {
        return;
    }
    static const std::string kFile = std::string(folder) + "/" + emulation::kXrtLog;
    auto& stream = *new std::ofstream(kFile, std::ios::app);  // XRT prints until the very end of the program
    std::cout.rdbuf(stream.rdbuf());
    std::cerr.rdbuf(stream.rdbuf());
    std::clog.rdbuf(stream.rdbuf());
    // NOLINTNEXTLINE(cppcoreguidelines-owning-memory): stays open for the same reason
    std::FILE* const file = std::fopen(kFile.c_str(), "ae");
    if (file != nullptr) {
        std::setvbuf(file, nullptr, _IOLBF, 0);
    }
    log_to(file);
}

xrt::device open_card(const XrtOptions& options) {
    if (options.emulated) {
        divert_messages();
        configure_emulation();
    }
    try {
        return xrt::device(options.index);
    } catch (const std::exception& error) {
        if (options.emulated) {
            throw DeviceError(std::string("device xrt: the emulation does not start: ") +
                              first_line(error.what()));
        }
        throw DeviceError(
            "device xrt: no card " + std::to_string(options.index) +
            " on this machine; use --xrt-emulation to run the same kernel in XRT's emulation (" +
            first_line(error.what()) + ")");
    }
}

/// The image's Setun kernel.
std::string kernel_name(const xrt::xclbin& image, const std::string& label) {
    std::string others;
    for (const auto& kernel : image.get_kernels()) {
        std::string name = kernel.get_name();
        if (name.rfind("setun_kernel", 0) == 0) {
            return name;
        }
        others += (others.empty() ? "" : ", ") + name;
    }
    throw DeviceError("device xrt: '" + label + "' holds no Setun kernel" +
                      (others.empty() ? "" : ", only " + others));
}

/// The memory preset that a platform's name contains as a word, e.g. xilinx_u250_gen3x16_xdma; empty when
/// none does.
std::string memory_of(const std::string& platform) {
    std::string word;
    for (const char c : platform + ":") {
        if (std::isalnum(static_cast<unsigned char>(c)) != 0) {
            word += c;
            continue;
        }
        for (const sim::MemoryPreset& preset : sim::memory_presets()) {
            if (preset.name == word) {
                return word;
            }
        }
        word.clear();
    }
    return {};
}

/// Everything that XRT has to close.
struct Session {
    explicit Session(const XrtOptions& options) : device(open_card(options)) {}

    xrt::device device;
    xrt::kernel kernel;
    std::vector<Arena> weights;
    std::optional<Arena> data;
    std::optional<xrt::run> run;
};

class XrtDevice final : public Device {
  public:
    explicit XrtDevice(const XrtOptions& options) : session_(std::make_unique<Session>(options)) {
        Session& s = *session_;
        guarded("the xclbin does not load", [&] {
            const xrt::xclbin image(options.xclbin);
            const std::string name = kernel_name(image, options.label);
            platform_ = image.get_xsa_name();
            const xrt::uuid uuid = s.device.load_xclbin(image);
            // Exclusive, so that registers may be read.
            s.kernel = xrt::kernel(s.device, uuid, name, xrt::kernel::cu_access_mode::exclusive);
        });
        if (options.emulated) {
            // The driver's handlers would end a crashed program with an ordinary exit code and no word.
            for (const int number : {SIGSEGV, SIGFPE, SIGABRT}) {
                std::signal(number, SIG_DFL);
            }
        }
        guarded("the kernel does not answer", [&] {
            check_identity(options);
            describe(options);
            const auto bank = [&s](int argument) {
                return static_cast<xrt::memory_group>(s.kernel.group_id(argument));
            };
            for (unsigned p = 0; p < info_.ports; ++p) {
                s.weights.emplace_back(s.device, bank(xclbin::kArgWeights + static_cast<int>(p)));
            }
            s.data.emplace(s.device, bank(xclbin::kArgDataBase));
            s.run.emplace(s.kernel);
        });
    }
    XrtDevice(const XrtDevice&) = delete;
    XrtDevice& operator=(const XrtDevice&) = delete;

    ~XrtDevice() override {
        if (running_) {
            // XRT would wait for ever for a run that never ends, here and when the program exits. The driver
            // takes everything back when the process is gone, so nothing is closed.
            static_cast<void>(session_.release());
            ::on_exit(
                [](int status, void*) {
                    std::fflush(nullptr);
                    ::_exit(status);
                },
                nullptr);
        }
    }

    [[nodiscard]] const DeviceInfo& info() const noexcept override { return info_; }

    std::uint64_t allocate(Space space, std::size_t bytes) override {
        return guarded("allocating memory", [&] { return arena(space).place(bytes); });
    }

    std::uint64_t map(Space space, std::span<const std::byte> bytes) override {
        return guarded("mapping memory", [&] {
            const std::size_t offset = arena(space).place(bytes.size());
            arena(space).write(offset, bytes);
            return offset;
        });
    }

    void write(Space space, std::uint64_t offset, std::span<const std::byte> bytes) override {
        if (!bytes.empty()) {
            guarded("writing memory", [&] { arena(space).write(offset, bytes); });
        }
    }

    void read(Space space, std::uint64_t offset, std::span<std::byte> bytes) override {
        if (!bytes.empty()) {
            guarded("reading memory", [&] { arena(space).read(offset, bytes); });
        }
    }

    void submit(std::uint64_t list_offset, std::uint32_t count) override {
        if (running_) {
            throw DeviceError("device xrt: submit() before the last list was waited for");
        }
        guarded("starting the kernel", [&] {
            session_->data->flush();
            for (unsigned p = 0; p < info_.ports; ++p) {
                session_->weights[p].flush();
                session_->run->set_arg(xclbin::kArgWeights + static_cast<int>(p),
                                       session_->weights[p].object());
            }
            session_->run->set_arg(xclbin::kArgList, session_->data->address() + list_offset);
            session_->run->set_arg(xclbin::kArgListCount, count);
            session_->run->set_arg(xclbin::kArgDataBase, session_->data->object());
            operands_ = operand_bytes(list_offset, count);
            session_->run->start();
        });
        running_ = true;
    }

    RunResult wait(std::chrono::milliseconds deadline) override {
        if (!running_) {
            throw DeviceError("device xrt: wait() without submit()");
        }
        const auto end = std::chrono::steady_clock::now() + deadline;
        guarded("waiting for the kernel", [&] {
            ert_cmd_state state = ERT_CMD_STATE_TIMEOUT;
            do {
                const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
                    end - std::chrono::steady_clock::now());
                if (left.count() <= 0) {
                    throw DeviceError("device xrt: the command list did not finish within " +
                                      std::to_string(deadline.count()) +
                                      " ms; reset the card before it is used again");
                }
                state = session_->run->wait(std::min(left, kWaitPiece));
            } while (!finished(state));
            if (state != ERT_CMD_STATE_COMPLETED) {
                throw DeviceError("device xrt: the driver gave the run up in state " +
                                  std::to_string(static_cast<int>(state)) + " (ert_cmd_state)");
            }
        });
        running_ = false;
        return guarded("reading the kernel's registers", [&] { return collect(); });
    }

  private:
    static bool finished(ert_cmd_state state) {
        return state != ERT_CMD_STATE_TIMEOUT && state != ERT_CMD_STATE_NEW &&
               state != ERT_CMD_STATE_QUEUED && state != ERT_CMD_STATE_RUNNING &&
               state != ERT_CMD_STATE_SUBMITTED;
    }

    Arena& arena(Space space) {
        if (!space.is_data() && space.port >= info_.ports) {
            throw DeviceError("device xrt: weight port " + std::to_string(space.port) +
                              " does not exist, the kernel has " + std::to_string(info_.ports));
        }
        return space.is_data() ? *session_->data : session_->weights[space.port];
    }

    [[nodiscard]] std::uint32_t reg(std::uint32_t offset) const {
        return session_->kernel.read_register(offset);
    }

    [[nodiscard]] std::uint64_t wide(std::uint32_t offset) const {
        const std::uint64_t low = reg(offset);  // captures the high word
        return low | std::uint64_t{reg(offset + 4)} << 32U;
    }

    void check_identity(const XrtOptions& options) {
        const std::uint32_t magic = reg(SETUN_REG_MAGIC);
        const std::uint32_t version = reg(SETUN_REG_VERSION);
        if (magic != SETUN_MAGIC) {
            std::ostringstream value;
            value << std::hex << magic;
            throw DeviceError("device xrt: the kernel is not Setun: its MAGIC register reads 0x" +
                              value.str());
        }
        if (version >> 16U != SETUN_ABI_VERSION >> 16U) {
            throw DeviceError("device xrt: the kernel has interface version " +
                              std::to_string(version >> 16U) + ", this program knows " +
                              std::to_string(SETUN_ABI_VERSION >> 16U) + "; build both from one source");
        }
        const std::uint32_t config0 = reg(SETUN_REG_CONFIG0);
        const std::uint32_t config1 = reg(SETUN_REG_CONFIG1);
        config_ = {config0 >> 16U & 0xFFU, config0 & 0xFFFFU,
                   config0 >> 24U,         config1 >> 24U,
                   config1 & 0xFFFFU,      (reg(SETUN_REG_OMITTED) & SETUN_OMITTED_NONZERO) == 0};
        if (const std::uint32_t code = config1 >> 16U & 0xFFU; code != SETUN_TRIT_CODE_T5) {
            throw DeviceError("device xrt: the kernel has trit code " + std::to_string(code) +
                              ", this program packs code " + std::to_string(SETUN_TRIT_CODE_T5));
        }
        if (config_.ports != options.ports || config_.port_bits != options.port_bits ||
            config_.tokens != options.tokens || config_.tile_rows != options.tile_rows) {
            const sim::KernelConfig asked{options.ports, options.port_bits, options.tokens,
                                          config_.leaf,  options.tile_rows, config_.counts_nonzero};
            throw DeviceError("device xrt: '" + options.label + "' holds kernel " + config_.name() +
                              ", not " + asked.name() + "; add --ports " + std::to_string(config_.ports) +
                              " --port-bits " + std::to_string(config_.port_bits) + " --tokens-per-beat " +
                              std::to_string(config_.tokens) + " --tile-rows " +
                              std::to_string(config_.tile_rows) + ", or load another xclbin");
        }
    }

    void describe(const XrtOptions& options) {
        const std::string leaf = config_.leaf < sim::kLeafNames.size()
                                     ? ", " + std::string(sim::kLeafNames.at(config_.leaf)) + " leaf"
                                     : "";
        info_.name = "xrt";
        info_.ports = config_.ports;
        info_.port_bits = config_.port_bits;
        info_.tokens = config_.tokens;
        info_.tile_rows = config_.tile_rows;
        info_.memory = memory_of(platform_);
        info_.cycle_accurate = true;
        if (options.emulated) {
            info_.engine = "Verilated RTL" + leaf + ", through XRT hardware emulation";
            info_.clock_hz = info_.memory.empty() ? 0 : sim::memory_preset(info_.memory).clock_hz;
        } else {
            info_.engine = "Setun kernel on " + session_->device.get_info<xrt::info::device::name>() + leaf +
                           ", through XRT";
            info_.clock_hz =
                1e6 *
                static_cast<double>(session_->device.get_info<xrt::info::device::max_clock_frequency_mhz>());
        }
    }

    /// Bytes that a list moves on the data port: the list, each activation row in whole 64-byte blocks,
    /// results.
    [[nodiscard]] Counters operand_bytes(std::uint64_t list_offset, std::uint32_t count) const {
        Counters bytes;
        for (std::uint32_t i = 0; i < count; ++i) {
            const std::byte* const place =
                session_->data->peek(list_offset + std::uint64_t{i} * sizeof(Command), sizeof(Command));
            if (place == nullptr) {
                break;
            }
            Command command;
            std::memcpy(&command, place, sizeof command);
            bytes.data_read_bytes += sizeof command;
            if (command.opcode == SETUN_OP_MATMUL) {
                const std::uint64_t row = (std::uint64_t{command.k} + SETUN_ALIGN - 1) / SETUN_ALIGN;
                bytes.data_read_bytes += command.tokens * row * SETUN_ALIGN;
                bytes.data_write_bytes += std::uint64_t{4} * command.m * info_.tokens;
            }
        }
        return bytes;
    }

    RunResult collect() {
        RunResult r;
        r.error = reg(SETUN_REG_ERROR);
        r.completed = reg(SETUN_REG_COMPLETED);
        if (!r.ok()) {
            r.error_index = reg(SETUN_REG_ERROR_INDEX);
            r.error_address = wide(SETUN_REG_ERROR_ADDR_LO);
            r.error_info = reg(SETUN_REG_ERROR_INFO);
        }
        Counters& c = r.counters;
        c = operands_;
        c.cycles = wide(SETUN_REG_CYCLES_LO);
        c.busy = wide(SETUN_REG_BUSY_LO);
        c.beats = wide(SETUN_REG_BEATS_LO);
        c.stall_w = wide(SETUN_REG_STALL_W_LO);
        c.stall_x = wide(SETUN_REG_STALL_X_LO);
        c.stall_y = wide(SETUN_REG_STALL_Y_LO);
        c.nonzero.reset();
        if (config_.counts_nonzero) {
            c.nonzero = wide(SETUN_REG_NONZERO_LO);
        }
        c.weight_bytes = c.beats * info_.beat_bytes();
        return r;
    }

    std::unique_ptr<Session> session_;
    std::string platform_;
    sim::KernelConfig config_;
    DeviceInfo info_;
    Counters operands_;
    bool running_ = false;
};

}  // namespace
}  // namespace setun

setun::Device* setun_make_xrt_device(const setun::XrtOptions& options) {
    return std::make_unique<setun::XrtDevice>(options).release();
}
