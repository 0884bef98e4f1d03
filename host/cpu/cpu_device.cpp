// The processor as a device: command lists run on host memory with the exact ternary kernel.
#include "host/cpu/cpu_device.h"

#include <algorithm>
#include <array>
#include <cstring>
#include <limits>
#include <map>
#include <new>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "host/base/error.h"
#include "host/cpu/kernel_timing.h"

namespace setun {
namespace {

constexpr std::uint64_t kPage = 4096;
constexpr std::uint64_t kSpace = std::uint64_t{1} << 47U;  // more than a process can hold
constexpr std::uint64_t kLargest = std::numeric_limits<std::uint64_t>::max();

/// What a descriptor check found; SETUN_ERR_NONE when it is good.
using ErrorCode = std::uint32_t;

/// a + b; the largest value when that is past 2^64, so that a comparison still tells.
std::uint64_t add_saturated(std::uint64_t a, std::uint64_t b) { return a > kLargest - b ? kLargest : a + b; }

/// True when [offset, offset + size) goes past 2^64; it may end there exactly.
bool wraps(std::uint64_t offset, std::uint64_t size) { return size != 0 && offset > kLargest - (size - 1); }

std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) { return (value + unit - 1) / unit * unit; }

/// The memory behind one port: regions that do not touch, each allocated or mapped.
class Memory {
  public:
    std::uint64_t allocate(std::size_t bytes) {
        const std::uint64_t offset = reserve(bytes);
        try {
            std::vector<std::byte> storage(bytes);
            Region region{storage.data(), storage.data(), bytes, {}};
            region.storage = std::move(storage);
            regions_.emplace(offset, std::move(region));
            return offset;
        } catch (const std::bad_alloc&) {
            throw DeviceError(full(bytes));
        }
    }

    std::uint64_t map(std::span<const std::byte> bytes) {
        const std::uint64_t offset = reserve(bytes.size());
        regions_.emplace(offset, Region{bytes.data(), nullptr, bytes.size(), {}});
        return offset;
    }

    /// The bytes of a range, null when it is not inside one region.
    [[nodiscard]] const std::byte* readable(std::uint64_t offset, std::uint64_t size) const {
        const Region* const region = find(offset, size);
        return region == nullptr ? nullptr : region->data + (offset - begin_of(offset));
    }
    [[nodiscard]] std::byte* writable(std::uint64_t offset, std::uint64_t size) const {
        const Region* const region = find(offset, size);
        return region == nullptr || region->writable == nullptr
                   ? nullptr
                   : region->writable + (offset - begin_of(offset));
    }

  private:
    struct Region {
        const std::byte* data;
        std::byte* writable;  // null when mapped
        std::uint64_t size;
        std::vector<std::byte> storage;
    };

    static std::string full(std::size_t bytes) {
        return "cpu device: no memory for " + std::to_string(bytes) +
               " bytes; use a smaller model or context";
    }

    /// Offsets begin at one page and a page stays free between regions, so that a wrong offset is found.
    std::uint64_t reserve(std::uint64_t bytes) {
        if (bytes > kSpace || next_ > kSpace - bytes) {
            throw DeviceError(full(bytes));
        }
        return std::exchange(next_, next_ + round_up(bytes, kPage) + kPage);
    }

    [[nodiscard]] std::uint64_t begin_of(std::uint64_t offset) const {
        return std::prev(regions_.upper_bound(offset))->first;
    }

    [[nodiscard]] const Region* find(std::uint64_t offset, std::uint64_t size) const {
        const auto after = regions_.upper_bound(offset);
        if (after == regions_.begin()) {
            return nullptr;
        }
        const auto& [begin, region] = *std::prev(after);
        const std::uint64_t skipped = offset - begin;
        return skipped <= region.size && size <= region.size - skipped ? &region : nullptr;
    }

    std::map<std::uint64_t, Region> regions_;
    std::uint64_t next_ = kPage;
};

/// A MATMUL descriptor after all checks: the operands' places and sizes.
struct Operands {
    std::uint64_t x_bytes = 0;
    std::uint64_t y_bytes = 0;
    std::uint64_t w_bytes = 0;
};

class CpuDevice final : public Device {
  public:
    explicit CpuDevice(const CpuOptions& options)
        : layout_{options.ports, options.port_bits, options.tile_rows},
          kernel_(options.threads, options.path),
          weights_(options.ports) {
        static_cast<void>(StreamIndex(layout_, 1, 1, 1));  // refuses a layout that no kernel has
        if (options.tokens == 0 || options.tokens > 8 || (options.tokens & (options.tokens - 1)) != 0) {
            throw InputError("cpu device: tokens is " + std::to_string(options.tokens) +
                             ", use 1, 2, 4 or 8");
        }
        info_.name = "cpu";
        info_.engine = std::string("C++ ternary kernel, ") + kernel_path_name(kernel_.path()) + ", " +
                       std::to_string(kernel_.threads()) + (kernel_.threads() == 1 ? " thread" : " threads");
        info_.ports = options.ports;
        info_.port_bits = options.port_bits;
        info_.tokens = options.tokens;
        info_.tile_rows = options.tile_rows;
        if (!options.memory.empty()) {
            timing_.emplace(TimingOptions{options.ports, options.port_bits, options.tokens, options.tile_rows,
                                          options.memory, options.seed, options.fill_cycles});
            info_.engine += std::string("; ") + KernelTiming::kSays;
            info_.memory = options.memory;
            info_.clock_hz = timing_->clock_hz();
        }
    }

    [[nodiscard]] const DeviceInfo& info() const noexcept override { return info_; }

    std::uint64_t allocate(Space space, std::size_t bytes) override { return memory(space).allocate(bytes); }

    std::uint64_t map(Space space, std::span<const std::byte> bytes) override {
        return memory(space).map(bytes);
    }

    void write(Space space, std::uint64_t offset, std::span<const std::byte> bytes) override {
        std::byte* const target = memory(space).writable(offset, bytes.size());
        if (target == nullptr) {
            throw DeviceError(outside("write", offset, bytes.size()));
        }
        std::copy(bytes.begin(), bytes.end(), target);
    }

    void read(Space space, std::uint64_t offset, std::span<std::byte> bytes) override {
        const std::byte* const source = memory(space).readable(offset, bytes.size());
        if (source == nullptr) {
            throw DeviceError(outside("read", offset, bytes.size()));
        }
        std::copy_n(source, bytes.size(), bytes.begin());
    }

    void submit(std::uint64_t list_offset, std::uint32_t count) override {
        if (submitted_) {
            throw DeviceError("cpu device: a list was submitted before the last one was waited for");
        }
        submitted_ = true;
        list_ = list_offset;
        count_ = count;
    }

    RunResult wait(std::chrono::milliseconds deadline) override {
        if (!submitted_) {
            throw DeviceError("cpu device: nothing was submitted to wait for");
        }
        submitted_ = false;
        const auto start = std::chrono::steady_clock::now();
        RunResult result;
        commands_.clear();
        for (std::uint32_t i = 0; i < count_ && result.ok(); ++i) {
            if (std::chrono::steady_clock::now() - start > deadline) {
                throw DeviceError("cpu device: no answer within " + std::to_string(deadline.count()) +
                                  " ms; allow more time or use more threads");
            }
            result.error_index = i;
            run_command(add_saturated(list_, std::uint64_t{SETUN_COMMAND_BYTES} * i), result);
            result.completed += result.ok() ? 1U : 0U;
        }
        if (result.ok()) {
            result.error_index = 0;
            if (timing_) {
                const auto nonzero = result.counters.nonzero;
                result.counters = timing_->run(commands_, list_);
                result.counters.nonzero = nonzero;
            }
        }
        return result;
    }

  private:
    [[nodiscard]] Memory& memory(Space space) {
        if (!space.is_data() && space.port >= weights_.size()) {
            throw DeviceError("cpu device: no weight port " + std::to_string(space.port) +
                              ", the layout has " + std::to_string(weights_.size()));
        }
        return space.is_data() ? data_ : weights_[space.port];
    }

    static std::string outside(const char* what, std::uint64_t offset, std::size_t bytes) {
        return std::string("cpu device: ") + what + " of " + std::to_string(bytes) + " bytes at offset " +
               std::to_string(offset) + " is outside allocated memory";
    }

    static void fail(RunResult& result, ErrorCode code, std::uint64_t address, std::uint32_t info = 0) {
        result.error = code;
        result.error_address = address;
        result.error_info = info;
    }

    /// Reads, checks and runs one command.
    void run_command(std::uint64_t address, RunResult& result) {
        if (address % SETUN_ALIGN != 0) {
            return fail(result, SETUN_ERR_ALIGN, address);
        }
        const std::byte* const bytes = data_.readable(address, SETUN_COMMAND_BYTES);
        if (bytes == nullptr) {
            return fail(result, SETUN_ERR_LIST_READ, address);
        }
        Command command;
        std::memcpy(&command, bytes, sizeof command);
        result.counters.data_read_bytes += SETUN_COMMAND_BYTES;
        Operands operands;
        const ErrorCode code = check(command, operands);
        if (code != SETUN_ERR_NONE) {
            return fail(result, code, address);
        }
        if (command.opcode == SETUN_OP_MATMUL) {
            multiply(command, operands, result);
        }
        commands_.push_back(command);
    }

    /// The checks of docs/command-interface.md section 4 in the order of their codes.
    [[nodiscard]] ErrorCode check(const Command& command, Operands& operands) const {
        if (command.version != SETUN_COMMAND_VERSION) {
            return SETUN_ERR_VERSION;
        }
        if (command.opcode != SETUN_OP_NOP && command.opcode != SETUN_OP_MATMUL) {
            return SETUN_ERR_OPCODE;
        }
        const auto* const end = std::end(command.reserved);
        if ((command.flags & ~SETUN_FLAG_FENCE) != 0 ||
            std::any_of(std::begin(command.reserved), end, [](std::uint8_t byte) { return byte != 0; })) {
            return SETUN_ERR_FLAGS;
        }
        if (command.opcode == SETUN_OP_NOP) {
            return SETUN_ERR_NONE;
        }
        if (command.m == 0 || command.m > SETUN_MAX_M || command.k == 0 || command.k > SETUN_MAX_K ||
            command.tokens == 0 || command.tokens > info_.tokens || command.planes == 0 ||
            command.planes > SETUN_MAX_PLANES) {
            return SETUN_ERR_SHAPE;
        }
        if ((command.weight_offset | command.x_offset | command.y_offset | command.x_stride) % SETUN_ALIGN !=
            0) {
            return SETUN_ERR_ALIGN;
        }
        operands = sizes(command);
        if (wraps(command.x_offset, operands.x_bytes) || wraps(command.y_offset, operands.y_bytes) ||
            wraps(command.weight_offset, operands.w_bytes)) {
            return SETUN_ERR_ADDRESS;
        }
        return command.encoding == SETUN_TRIT_CODE_T5 ? SETUN_ERR_NONE : SETUN_ERR_ENCODING;
    }

    [[nodiscard]] Operands sizes(const Command& command) const {
        Operands out;
        out.x_bytes =
            (command.tokens - std::uint64_t{1}) * command.x_stride + round_up(command.k, SETUN_ALIGN);
        out.y_bytes = std::uint64_t{4} * command.m * info_.tokens;
        out.w_bytes = stream_bytes(layout_, command.m, command.k, command.planes);
        return out;
    }

    void multiply(const Command& command, const Operands& operands, RunResult& result) {
        std::array<std::span<const std::byte>, 16> streams;
        for (unsigned port = 0; port < layout_.ports; ++port) {
            const std::byte* const stream = weights_[port].readable(command.weight_offset, operands.w_bytes);
            if (stream == nullptr) {
                return fail(result, SETUN_ERR_WEIGHT_READ, command.weight_offset, port);
            }
            streams[port] = {stream, static_cast<std::size_t>(operands.w_bytes)};
        }
        const std::byte* const x = data_.readable(command.x_offset, operands.x_bytes);
        if (x == nullptr) {
            return fail(result, SETUN_ERR_DATA_READ, command.x_offset);
        }
        std::byte* const y = data_.writable(command.y_offset, operands.y_bytes);
        if (y == nullptr) {
            return fail(result, SETUN_ERR_DATA_WRITE, command.y_offset);
        }
        // Objects of implicit-lifetime types in a byte array; offsets are multiples of 64 in storage from
        // new[].
        const ActivationView view{reinterpret_cast<const std::int8_t*>(x), command.x_stride, command.tokens};
        const StreamIndex index(layout_, command.m, command.k, command.planes);
        const KernelStatus status = kernel_.multiply(index, StreamViews(streams).first(layout_.ports), view,
                                                     info_.tokens, reinterpret_cast<std::int32_t*>(y));
        if (!status.legal) {
            return fail(result, SETUN_ERR_TRIT, command.weight_offset + status.offset, status.port);
        }
        Counters& counters = result.counters;
        counters.beats += index.beats_per_port() * layout_.ports;
        counters.nonzero = counters.nonzero.value_or(0) + status.nonzero;
        counters.weight_bytes += operands.w_bytes * layout_.ports;
        counters.data_read_bytes += command.tokens * round_up(command.k, SETUN_ALIGN);
        counters.data_write_bytes += operands.y_bytes;
    }

    StreamLayout layout_;
    TernaryKernel kernel_;
    DeviceInfo info_;
    Memory data_;
    std::vector<Memory> weights_;
    std::optional<KernelTiming> timing_;
    std::vector<Command> commands_;  ///< of the list being run
    std::uint64_t list_ = 0;
    std::uint32_t count_ = 0;
    bool submitted_ = false;
};

}  // namespace

std::unique_ptr<Device> make_cpu_device(const CpuOptions& options) {
    return std::make_unique<CpuDevice>(options);
}

}  // namespace setun
