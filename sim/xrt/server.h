// The Unix sockets between XRT's emulation driver and the simulated device.
#pragma once

#include <chrono>
#include <stdexcept>
#include <string>

#include "sim/xrt/emulated_device.h"

namespace setun::emulation {

/// The host program is gone without having closed the device.
class HostGone : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// Where the driver listens.
struct Addresses {
    std::string calls;      ///< the driver's requests
    std::string call_back;  ///< the simulator's requests to the host; needed only to close quickly

    /// After USER and EMULATION_SOCKETID, as XRT 2.13 forms them. Throws std::runtime_error when a path is
    /// too long for a socket.
    static Addresses from_environment();
};

/// Owns a file descriptor.
class Descriptor {
  public:
    explicit Descriptor(int value = -1) : value_(value) {}
    Descriptor(Descriptor&& other) noexcept : value_(other.value_) { other.value_ = -1; }
    Descriptor& operator=(Descriptor&& other) noexcept;
    Descriptor(const Descriptor&) = delete;
    Descriptor& operator=(const Descriptor&) = delete;
    ~Descriptor();
    [[nodiscard]] int get() const { return value_; }
    [[nodiscard]] bool valid() const { return value_ >= 0; }

  private:
    int value_;
};

/// One session: dials the driver, serves it until it closes the device, and removes both sockets.
class Server {
  public:
    /// Throws std::runtime_error when the driver does not listen within `deadline`.
    explicit Server(Addresses addresses, std::chrono::milliseconds deadline = std::chrono::seconds(30));
    Server(const Server&) = delete;
    Server& operator=(const Server&) = delete;
    ~Server();

    /// Serves until the device is closed. Throws HostGone when the host goes away, ProtocolError
    /// for nonsense on the wire, sim::SimError when the simulation fails.
    void serve(EmulatedDevice& device);

  private:
    bool wait_for_request(bool busy) const;
    void serve_one(EmulatedDevice& device);
    void dial_call_back();

    Addresses addresses_;
    Descriptor calls_;
    Descriptor call_back_;
};

}  // namespace setun::emulation
