// Dialling, framing and the loop that lets the clock run between requests.
#include "sim/xrt/server.h"

#include <poll.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <span>
#include <stdexcept>
#include <system_error>
#include <thread>
#include <utility>

namespace setun::emulation {
namespace {

// Clocks between two looks at the socket: a fraction of a millisecond.
constexpr std::uint64_t kSlice = 256;
// A request's bytes come in one go; a host that stops in the middle of one is broken.
constexpr timeval kTransferDeadline{60, 0};
// The longest message a sane driver sends: its largest packet and some fields.
constexpr std::uint64_t kLargestPayload = (16U << 20U) + 4096;

std::string environment(const char* name) {
    const char* value = std::getenv(name);
    return value == nullptr ? "" : value;
}

[[noreturn]] void fail(const std::string& what) {
    throw std::runtime_error(what + ": " + std::generic_category().message(errno));
}

Descriptor dial(const std::string& path) {
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path, path.data(), path.size());
    Descriptor socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!socket.valid() ||
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {
        return Descriptor();
    }
    ::setsockopt(socket.get(), SOL_SOCKET, SO_RCVTIMEO, &kTransferDeadline, sizeof kTransferDeadline);
    ::setsockopt(socket.get(), SOL_SOCKET, SO_SNDTIMEO, &kTransferDeadline, sizeof kTransferDeadline);
    return socket;
}

void read_all(int socket, std::span<std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::recv(socket, bytes.data(), bytes.size(), 0);
        if (count == 0) {
            throw HostGone("the host program went away without closing the device");
        }
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno == ECONNRESET) {
                throw HostGone("the host program went away in the middle of a message");
            }
            fail("reading from the host program failed");
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
}

void write_all(int socket, std::span<const std::byte> bytes) {
    while (!bytes.empty()) {
        const ssize_t count = ::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL);
        if (count < 0) {
            if (errno == EINTR) {
                continue;
            }
            if (errno == EPIPE || errno == ECONNRESET) {
                throw HostGone("the host program went away before it had its answer");
            }
            fail("writing to the host program failed");
        }
        bytes = bytes.subspan(static_cast<std::size_t>(count));
    }
}

}  // namespace

Addresses Addresses::from_environment() {
    const std::string user = environment("USER");
    std::string name = environment("EMULATION_SOCKETID");
    Addresses addresses;
    if (user.empty()) {
        addresses.calls = "/tmp/xcl_sock";  // the driver ignores the name then
    } else {
        addresses.calls = "/tmp/" + user + "/" + (name.empty() ? "xcl_sock" : name);
    }
    addresses.call_back = (user.empty() ? "/tmp/" : "/tmp/" + user + "/") + "D2X_unix_sock_" + name;
    for (const std::string& path : {addresses.calls, addresses.call_back}) {
        if (path.size() >= sizeof sockaddr_un::sun_path) {
            throw std::runtime_error("the socket path '" + path + "' is too long; choose a shorter USER");
        }
    }
    return addresses;
}

Descriptor& Descriptor::operator=(Descriptor&& other) noexcept {
    std::swap(value_, other.value_);
    return *this;
}

Descriptor::~Descriptor() {
    if (value_ >= 0) {
        ::close(value_);
    }
}

Server::Server(Addresses addresses, std::chrono::milliseconds deadline) : addresses_(std::move(addresses)) {
    const auto end = std::chrono::steady_clock::now() + deadline;
    const pid_t host = ::getppid();
    while (!(calls_ = dial(addresses_.calls)).valid()) {
        if (std::chrono::steady_clock::now() >= end) {
            fail("the host program does not listen on " + addresses_.calls);
        }
        if (::getppid() != host) {
            throw HostGone("the host program went away before it listened");
        }
        std::this_thread::sleep_for(std::chrono::milliseconds(5));
    }
}

Server::~Server() {
    // The driver leaves them behind.
    ::unlink(addresses_.calls.c_str());
    ::unlink(addresses_.call_back.c_str());
}

bool Server::wait_for_request(bool busy) const {
    pollfd wait{calls_.get(), POLLIN, 0};
    const int ready = ::poll(&wait, 1, busy ? 0 : -1);
    if (ready < 0 && errno != EINTR) {
        fail("waiting for the host program failed");
    }
    return ready > 0;
}

void Server::dial_call_back() {
    if (!call_back_.valid()) {
        call_back_ = dial(addresses_.call_back);
    }
}

void Server::serve_one(EmulatedDevice& device) {
    std::array<std::byte, RequestHeader::kBytes> head{};
    read_all(calls_.get(), head);
    const RequestHeader header = parse_request_header(head);
    if (header.payload > kLargestPayload) {
        throw ProtocolError("a request of " + std::to_string(header.payload) + " bytes is too large");
    }
    std::vector<std::byte> payload(header.payload);
    read_all(calls_.get(), payload);
    const std::vector<std::byte> reply = device.handle(static_cast<Call>(header.call), payload);
    std::vector<std::byte> answer = make_reply_header(reply.size());
    answer.insert(answer.end(), reply.begin(), reply.end());
    write_all(calls_.get(), answer);
}

void Server::serve(EmulatedDevice& device) {
    while (!device.closed()) {
        if (wait_for_request(device.busy())) {
            dial_call_back();
            serve_one(device);
        } else if (device.busy()) {
            device.advance(kSlice);
        }
    }
    if (call_back_.valid()) {
        // Ends the driver's thread on the other socket; without it closing takes seconds.
        write_all(call_back_.get(), make_request_header({0, static_cast<std::uint32_t>(Call::kClose)}));
    }
}

}  // namespace setun::emulation
