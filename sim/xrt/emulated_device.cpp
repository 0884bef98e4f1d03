// The driver's calls on memory and registers.
#include "sim/xrt/emulated_device.h"

#include <algorithm>
#include <cstring>
#include <new>
#include <sstream>
#include <stdexcept>
#include <utility>

#include "rtl/setun_abi.h"
#include "sim/xrt/kernel_image.h"

namespace setun::emulation {
namespace {

// Field numbers, by call.
namespace field {
constexpr unsigned kAck = 1;  // first field of most replies
constexpr unsigned kAllocateAddress = 1;
constexpr unsigned kAllocateSize = 2;
constexpr unsigned kAllocateFile = 2;
constexpr unsigned kFreeAddress = 1;
constexpr unsigned kToDeviceAddress = 3;
constexpr unsigned kToDeviceBytes = 4;
constexpr unsigned kToDeviceSize = 5;
constexpr unsigned kToDeviceSeek = 6;
constexpr unsigned kToHostAddress = 4;
constexpr unsigned kToHostSize = 5;
constexpr unsigned kToHostSkip = 6;
constexpr unsigned kToHostBytes = 2;
constexpr unsigned kRegisterAddress = 2;
constexpr unsigned kRegisterSize = 3;
constexpr unsigned kRegisterBytes = 4;
constexpr unsigned kRegisterReply = 2;
}  // namespace field

// The driver cuts transfers into packets of at most 8 MiB; more is nonsense.
constexpr std::uint64_t kLargestTransfer = 16U << 20U;

std::string range_text(std::uint64_t address, std::uint64_t bytes) {
    std::ostringstream out;
    out << bytes << " bytes at 0x" << std::hex << address;
    return out.str();
}

std::uint64_t sum(std::uint64_t a, std::uint64_t b) {
    if (a > ~b) {
        throw ProtocolError("an address goes past the end of the address space");
    }
    return a + b;
}

}  // namespace

EmulatedDevice::EmulatedDevice(std::unique_ptr<sim::KernelSim> sim)
    : sim_(std::move(sim)), banks_(xclbin::emulation_banks(sim_->config().ports)) {}

std::vector<std::byte> EmulatedDevice::handle(Call call, std::span<const std::byte> payload) {
    const MessageReader request(payload);
    Reply reply;
    switch (call) {
        case Call::kAllocate:
            allocate(request, reply);
            break;
        case Call::kFree:
            free(request, reply);
            break;
        case Call::kHostToDevice:
            host_to_device(request, reply);
            break;
        case Call::kDeviceToHost:
            device_to_host(request, reply);
            break;
        case Call::kWriteRegisters:
            write_registers(request, reply);
            break;
        case Call::kReadRegisters:
            read_registers(request, reply);
            break;
        case Call::kTimestamp:
            reply.number(field::kAck, sim_->cycle());
            break;
        case Call::kDebugMessages:
            for (unsigned kind = 1; kind <= 3; ++kind) {
                reply.bytes(kind, {});
            }
            break;
        case Call::kSetEnvironment:
            reply.number(field::kAck, 1);
            break;
        case Call::kClose:
            closed_ = true;
            reply.number(field::kAck, 1);
            break;
        default:
            throw ProtocolError("call " + std::to_string(static_cast<std::uint32_t>(call)) +
                                " is not one that this simulator knows; it was written for XRT 2.13");
    }
    return reply.data();
}

sim::AxiMemory& EmulatedDevice::memory_at(std::uint64_t address) {
    for (std::size_t i = 0; i < banks_.size(); ++i) {
        if (address >= banks_[i].base && address - banks_[i].base < banks_[i].bytes) {
            return sim_->memory(i + 1 == banks_.size() ? sim::KernelSim::kDataPort
                                                       : static_cast<unsigned>(i));
        }
    }
    throw ProtocolError("there is no memory for " + range_text(address, 0));
}

std::span<std::byte> EmulatedDevice::allocated(std::uint64_t address, std::uint64_t bytes) {
    if (bytes > kLargestTransfer) {
        throw ProtocolError("a transfer of " + range_text(address, bytes) + " is larger than 16 MiB");
    }
    try {
        return memory_at(address).allocated(address, bytes);
    } catch (const std::out_of_range&) {
        throw ProtocolError("a transfer of " + range_text(address, bytes) + " leaves the allocated buffers");
    }
}

void EmulatedDevice::release_freed() {
    if (busy_) {
        return;  // bursts of the kernel may still read it
    }
    for (const std::uint64_t address : freed_) {
        memory_at(address).release(address);
        buffers_.erase(address);
    }
    freed_.clear();
}

void EmulatedDevice::allocate(const MessageReader& request, Reply& reply) {
    const std::uint64_t address = request.need(field::kAllocateAddress, "buffer address");
    const std::uint64_t bytes = request.need(field::kAllocateSize, "buffer size");
    release_freed();
    sim::AxiMemory& memory = memory_at(address);
    const auto bank = std::find_if(banks_.begin(), banks_.end(), [&](const xclbin::Bank& b) {
        return address >= b.base && address - b.base < b.bytes;
    });
    if (bytes == 0 || bytes > bank->bytes - (address - bank->base)) {
        throw ProtocolError("a buffer of " + range_text(address, bytes) + " does not fit its memory bank");
    }
    try {
        static_cast<void>(memory.allocate(address, bytes));
    } catch (const std::bad_alloc&) {
        throw ProtocolError("no host memory for a buffer of " + range_text(address, bytes));
    } catch (const std::length_error&) {
        throw ProtocolError("no host memory for a buffer of " + range_text(address, bytes));
    } catch (const std::invalid_argument& error) {
        throw ProtocolError(error.what());
    }
    buffers_[address] = bytes;
    reply.number(field::kAck, 1);
    reply.bytes(field::kAllocateFile, {});
}

void EmulatedDevice::free(const MessageReader& request, Reply& reply) {
    const std::uint64_t address = request.need(field::kFreeAddress, "buffer address");
    if (!buffers_.contains(address) || std::find(freed_.begin(), freed_.end(), address) != freed_.end()) {
        throw ProtocolError("a buffer was freed that was not allocated");
    }
    freed_.push_back(address);
    release_freed();
    reply.number(field::kAck, 1);
}

void EmulatedDevice::host_to_device(const MessageReader& request, Reply& reply) {
    const std::uint64_t address = sum(request.need(field::kToDeviceAddress, "destination"),
                                      request.number(field::kToDeviceSeek).value_or(0));
    const std::uint64_t bytes = request.need(field::kToDeviceSize, "size");
    const auto source = request.bytes(field::kToDeviceBytes);
    if (bytes > source.size()) {
        throw ProtocolError("a write announces more bytes than it brings");
    }
    std::ranges::copy(source.first(bytes), allocated(address, bytes).begin());
    reply.number(field::kAck, bytes);
}

void EmulatedDevice::device_to_host(const MessageReader& request, Reply& reply) {
    const std::uint64_t address =
        sum(request.need(field::kToHostAddress, "source"), request.number(field::kToHostSkip).value_or(0));
    const std::uint64_t bytes = request.need(field::kToHostSize, "size");
    const std::span<const std::byte> source = allocated(address, bytes);
    reply.number(field::kAck, bytes);
    reply.bytes(field::kToHostBytes, source);
}

std::uint32_t EmulatedDevice::control_offset(std::uint64_t address, std::uint64_t bytes) {
    if (address < xclbin::kControlBase || address % 4 != 0 || bytes % 4 != 0 ||
        bytes > xclbin::kControlBytes || address - xclbin::kControlBase > xclbin::kControlBytes - bytes) {
        throw ProtocolError("a register access of " + range_text(address, bytes) +
                            " is not one of whole registers of the kernel");
    }
    return static_cast<std::uint32_t>(address - xclbin::kControlBase);
}

void EmulatedDevice::write_registers(const MessageReader& request, Reply& reply) {
    const std::uint64_t bytes = request.need(field::kRegisterSize, "size");
    const std::uint32_t offset = control_offset(request.need(field::kRegisterAddress, "register"), bytes);
    const auto data = request.bytes(field::kRegisterBytes);
    if (bytes > data.size()) {
        throw ProtocolError("a register write announces more bytes than it brings");
    }
    bool okay = true;
    for (std::uint32_t i = 0; i < bytes; i += 4) {
        sim::LiteWrite write;
        write.offset = offset + i;
        std::memcpy(&write.value, data.data() + i, sizeof write.value);
        sim_->access(&write, nullptr);
        okay = okay && write.response == sim::Response::kOkay;
        busy_ = busy_ || (write.offset == SETUN_REG_CTRL && (write.value & SETUN_CTRL_START) != 0);
    }
    reply.number(field::kAck, okay ? 1 : 0);
}

void EmulatedDevice::read_registers(const MessageReader& request, Reply& reply) {
    const std::uint64_t bytes = request.need(field::kRegisterSize, "size");
    const std::uint32_t offset = control_offset(request.need(field::kRegisterAddress, "register"), bytes);
    std::vector<std::byte> data(bytes);
    bool okay = true;
    for (std::uint32_t i = 0; i < bytes; i += 4) {
        sim::LiteRead read;
        read.offset = offset + i;
        sim_->access(nullptr, &read);
        okay = okay && read.response == sim::Response::kOkay;
        std::memcpy(data.data() + i, &read.value, sizeof read.value);
        if (read.offset == SETUN_REG_CTRL && (read.value & SETUN_CTRL_DONE) != 0) {
            busy_ = (read.value & SETUN_CTRL_AUTO_RESTART) != 0;
            release_freed();
        }
    }
    reply.number(field::kAck, okay ? 1 : 0);
    reply.bytes(field::kRegisterReply, data);
}

}  // namespace setun::emulation
