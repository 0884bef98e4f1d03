// The socket side: a session, hosts that misbehave or vanish, sockets that are left behind, and the status
// that a launcher sees.
#include "sim/xrt/server.h"

#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "sim/xrt/run_status.h"

namespace setun::emulation {
namespace {

namespace fs = std::filesystem;

class ServerTest : public testing::Test {
  protected:
    ServerTest() {
        std::string name = "/tmp/setun-server-test-XXXXXX";
        folder_ = ::mkdtemp(name.data());
        addresses_ = {folder_ / "calls", folder_ / "back"};
        calls_ = listen_on(addresses_.calls);
        back_ = listen_on(addresses_.call_back);
    }
    ~ServerTest() override {
        ::close(calls_);
        ::close(back_);
        fs::remove_all(folder_);
    }

    static int listen_on(const std::string& path) {
        sockaddr_un address{};
        address.sun_family = AF_UNIX;
        std::memcpy(address.sun_path, path.data(), path.size());
        const int socket = ::socket(AF_UNIX, SOCK_STREAM, 0);
        EXPECT_EQ(::bind(socket, reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
        EXPECT_EQ(::listen(socket, 1), 0);
        return socket;
    }

    /// Runs the simulator's side on a thread while `host` talks to it; returns what serve() threw.
    template <class Body>
    std::string session(Body&& host) {
        std::string error;
        std::thread simulator([&] {
            try {
                EmulatedDevice device(sim::make_kernel_sim(sim::kernel_configs()[0]));
                Server server(addresses_);
                server.serve(device);
            } catch (const std::exception& e) {
                error = e.what();
            }
        });
        const int socket = ::accept(calls_, nullptr, nullptr);
        host(socket);
        ::close(socket);
        simulator.join();
        return error;
    }

    static void send_all(int socket, const std::vector<std::byte>& bytes) {
        ASSERT_EQ(::send(socket, bytes.data(), bytes.size(), MSG_NOSIGNAL),
                  static_cast<ssize_t>(bytes.size()));
    }
    static void request(int socket, Call call, const std::vector<std::byte>& payload = {}) {
        send_all(socket, make_request_header({payload.size(), static_cast<std::uint32_t>(call)}));
        if (!payload.empty()) {  // after Close the other side may be gone already
            send_all(socket, payload);
        }
    }
    static std::vector<std::byte> reply(int socket) {
        std::array<std::byte, 9> head{};
        EXPECT_EQ(::recv(socket, head.data(), head.size(), MSG_WAITALL), 9);
        EXPECT_EQ(head[0], std::byte{0x09});
        std::uint64_t size = 0;
        std::memcpy(&size, head.data() + 1, sizeof size);
        std::vector<std::byte> payload(size);
        EXPECT_EQ(::recv(socket, payload.data(), size, MSG_WAITALL), static_cast<ssize_t>(size));
        return payload;
    }

    fs::path folder_;
    Addresses addresses_;
    int calls_ = -1;
    int back_ = -1;
};

TEST_F(ServerTest, ServesUntilCloseAndRemovesBothSockets) {
    const std::string error = session([&](int socket) {
        request(socket, Call::kSetEnvironment);
        EXPECT_EQ(MessageReader(reply(socket)).number(1), 1U);
        request(socket, Call::kClose);
        EXPECT_EQ(MessageReader(reply(socket)).number(1), 1U);
        const int back = ::accept(back_, nullptr, nullptr);
        std::array<std::byte, RequestHeader::kBytes> head{};
        EXPECT_EQ(::recv(back, head.data(), head.size(), MSG_WAITALL), 14);
        EXPECT_EQ(parse_request_header(head).call, 1U);
        EXPECT_EQ(parse_request_header(head).payload, 0U);
        ::close(back);
    });
    EXPECT_EQ(error, "");
    EXPECT_FALSE(fs::exists(addresses_.calls));
    EXPECT_FALSE(fs::exists(addresses_.call_back));
}

TEST_F(ServerTest, AHostThatVanishesEndsTheSession) {
    EXPECT_NE(session([](int) {}).find("went away"), std::string::npos);
    EXPECT_FALSE(fs::exists(addresses_.calls));
}

TEST_F(ServerTest, AHostThatVanishesInsideARequestEndsTheSession) {
    const std::string error = session([&](int socket) {
        send_all(socket, make_request_header({100, static_cast<std::uint32_t>(Call::kAllocate)}));
        send_all(socket, std::vector<std::byte>(50));
    });
    EXPECT_NE(error.find("went away"), std::string::npos) << error;
}

TEST_F(ServerTest, GarbageEndsTheSession) {
    EXPECT_NE(session([&](int socket) {
                  send_all(socket, std::vector<std::byte>(64, std::byte{0x55}));
              }).find("header"),
              std::string::npos);
}

TEST_F(ServerTest, AnAbsurdSizeIsNotAllocated) {
    const std::string error = session([&](int socket) {
        send_all(socket, make_request_header({~std::uint64_t{0}, static_cast<std::uint32_t>(Call::kFree)}));
    });
    EXPECT_NE(error.find("too large"), std::string::npos) << error;
}

TEST(Server, NobodyListening) {
    try {
        const Server server({"/tmp/setun-no-such-socket", "/tmp/setun-no-such-socket-2"},
                            std::chrono::milliseconds(20));
        ADD_FAILURE();
    } catch (const std::runtime_error& error) {
        EXPECT_NE(std::string(error.what()).find("does not listen"), std::string::npos) << error.what();
    }
}

TEST(Server, AddressesFollowTheDriver) {
    ::setenv("USER", "somebody", 1);
    ::setenv("EMULATION_SOCKETID", "device0_0_42", 1);
    EXPECT_EQ(Addresses::from_environment().calls, "/tmp/somebody/device0_0_42");
    EXPECT_EQ(Addresses::from_environment().call_back, "/tmp/somebody/D2X_unix_sock_device0_0_42");
    ::setenv("USER", std::string(200, 'x').c_str(), 1);
    EXPECT_THROW(static_cast<void>(Addresses::from_environment()), std::runtime_error);
    ::unsetenv("USER");
    EXPECT_EQ(Addresses::from_environment().calls, "/tmp/xcl_sock");
    EXPECT_EQ(Addresses::from_environment().call_back, "/tmp/D2X_unix_sock_device0_0_42");
}

TEST(RunStatus, TellsHowASimulatorEnded) {
    std::string name = "/tmp/setun-status-test-XXXXXX";
    const fs::path folder = ::mkdtemp(name.data());
    const RunStatus status(folder);
    EXPECT_EQ(failure_of_run(folder, true), "") << "not started yet";
    status.running();
    EXPECT_EQ(failure_of_run(folder, true), "");
    status.closed();
    EXPECT_EQ(failure_of_run(folder, true), "");
    status.failed("the reason");
    EXPECT_EQ(failure_of_run(folder, true), "the reason");
    EXPECT_EQ(failure_of_run(folder, false), "the reason");

    const pid_t child = ::fork();
    if (child == 0) {
        status.running();
        ::_exit(0);
    }
    siginfo_t info{};
    ASSERT_EQ(::waitid(P_PID, static_cast<id_t>(child), &info, WEXITED | WNOWAIT), 0);
    EXPECT_NE(failure_of_run(folder, true).find("gone"), std::string::npos) << "not waited for";
    EXPECT_EQ(::waitpid(child, nullptr, 0), child);
    EXPECT_NE(failure_of_run(folder, true).find("gone"), std::string::npos) << "died without a word";
    EXPECT_EQ(failure_of_run(folder, false), "") << "it goes when the host goes";
    std::ofstream(folder / "status") << "starting " << child << '\n';
    EXPECT_NE(failure_of_run(folder, true).find("gone"), std::string::npos) << "died before it began";
    RunStatus("").failed("nobody listens");  // must not write anywhere
    EXPECT_FALSE(fs::exists("status"));
    fs::remove_all(folder);
}

}  // namespace
}  // namespace setun::emulation
