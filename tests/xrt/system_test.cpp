// `setun run --device xrt` from outside: the same tokens as other devices, clean ends however it ends, and
// one line for everything that is missing or wrong.
#include <gtest/gtest.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <csignal>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "host/base/file.h"
#include "sim/xrt/kernel_image.h"
#include "tests/xrt/watched_run.h"

namespace setun::test {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

const std::string kModel = std::string(SETUN_SOURCE_DIR) + "/models/setun-3.8m.setun";

/// Folders of runs that nobody holds any more would be left-overs; those of other jobs on the machine are
/// held.
class Xrt : public testing::Test {
  protected:
    Xrt() {
        std::string name = "/tmp/setun-xrt test-XXXXXX";  // with a space, on purpose
        folder_ = ::mkdtemp(name.data());
    }
    ~Xrt() override { fs::remove_all(folder_); }

    static std::vector<std::string> run(std::vector<std::string> more) {
        more.insert(more.begin(), {SETUN_BINARY, "run", "--model", kModel, "--ignore-end"});
        return more;
    }
    static std::vector<std::string> emulated(std::vector<std::string> more) {
        more.insert(more.end(), {"--device", "xrt", "--xrt-emulation", "--memory", "ideal"});
        return run(more);
    }
    static json output(const ProcessResult& result) {
        EXPECT_EQ(result.exit_code, 0) << result.err;
        EXPECT_EQ(result.err, "");
        return json::parse(result.out);  // exactly one object: nothing of XRT's chatter
    }
    static void expect_one_line(const ProcessResult& result, int code, const std::string& text) {
        EXPECT_EQ(result.exit_code, code) << result.err;
        EXPECT_EQ(result.err.rfind("setun: error: ", 0), 0U) << result.err;
        EXPECT_EQ(result.err.find('\n'), result.err.size() - 1) << "one line: " << result.err;
        EXPECT_NE(result.err.find(text), std::string::npos) << result.err;
    }
    static void expect_nothing_left(const WatchedRun& run) {
        EXPECT_FALSE(run.folder().empty());
        EXPECT_FALSE(fs::exists(run.folder())) << run.folder();
        EXPECT_TRUE(run.processes().empty()) << run.processes().front();
    }

    std::string write(const std::string& name, const xclbin::Image& image) {
        const std::string path = (folder_ / name).string();
        const auto bytes = xclbin::write_image(image);
        std::ofstream(path, std::ios::binary)
            .write(reinterpret_cast<const char*>(bytes.data()), static_cast<std::streamsize>(bytes.size()));
        return path;
    }

    fs::path folder_;
};

TEST_F(Xrt, ThirtyTwoTokensAreThoseOfTheSimulationInProcess) {
    WatchedRun run_xrt(emulated({"--prompt", "KING", "-n", "32", "--json"}));
    EXPECT_NE(run_xrt.wait_for_simulator(), 0);
    const json xrt = output(run_xrt.finish());
    expect_nothing_left(run_xrt);
    const json rtl = output(
        run_process(run({"--prompt", "KING", "-n", "32", "--json", "--device", "rtl", "--memory", "ideal"})));
    EXPECT_EQ(xrt["generated"], 32);
    EXPECT_EQ(xrt["tokens"], rtl["tokens"]);
    EXPECT_EQ(xrt["cycles"], rtl["cycles"]) << "the same RTL behind the same memory";
    EXPECT_EQ(xrt["weight_bytes_per_token"], rtl["weight_bytes_per_token"]);
    EXPECT_EQ(xrt["mismatches"], 0);
    EXPECT_EQ(xrt["verified"], true);
    EXPECT_EQ(xrt["device"], "xrt");
}

TEST_F(Xrt, TwoAtOnceWithoutUser) {
    // The mode in the environment stands for the option.
    std::vector<std::string> arguments{"/usr/bin/env", "-u", "USER", "XCL_EMULATION_MODE=hw_emu"};
    const auto rest = run({"-n", "6", "--json", "--device", "xrt", "--memory", "ideal"});
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    WatchedRun a(arguments);
    WatchedRun b(arguments);
    EXPECT_NE(a.wait_for_simulator(), 0);
    EXPECT_NE(b.wait_for_simulator(), 0);
    EXPECT_NE(a.folder(), b.folder());
    const json first = output(a.finish());
    const json second = output(b.finish());
    EXPECT_EQ(first["generated"], 6);
    EXPECT_EQ(first["tokens"], second["tokens"]);
    expect_nothing_left(a);
    expect_nothing_left(b);
}

TEST_F(Xrt, SpacesInEveryPath) {
    // Program, working directory and image in folders with spaces; the working directory may not be written
    // to.
    const fs::path programs = folder_ / "the programs";
    fs::create_directory(programs);
    for (const char* name : {"setun", "setun-xrt-emulator", "libsetun_xrt.so", "libsetun_xrt_shim.so"}) {
        fs::copy_file(fs::path(SETUN_BINARY).parent_path() / name, programs / name);
    }
    const fs::path image = folder_ / "my image.xclbin";
    const ProcessResult written =
        run_process({SETUN_BINARY, "devices", "--write-xclbin", image.string(), "--memory", "ideal"});
    ASSERT_EQ(written.exit_code, 0) << written.err;
    const std::string script =
        "cd \"$1\" && exec \"$2/setun\" run --model \"$3\" -n 2 --json --device xrt "
        "--xrt-emulation --xclbin \"my image.xclbin\"";
    const json result =
        output(run_process({"/bin/sh", "-c", script, "sh", folder_.string(), programs.string(), kModel}));
    EXPECT_EQ(result["generated"], 2);
    std::vector<std::string> names;
    for (const auto& entry : fs::directory_iterator(folder_)) {
        names.push_back(entry.path().filename().string());
    }
    EXPECT_EQ(names.size(), 2U) << "nothing is left in the working directory";
}

TEST_F(Xrt, AKilledSimulatorEndsTheHostWithAReason) {
    WatchedRun run_xrt(emulated({"-n", "400"}));
    const pid_t simulator = run_xrt.wait_for_simulator();
    ASSERT_NE(simulator, 0);
    ::kill(simulator, SIGKILL);
    expect_one_line(run_xrt.finish(), 1, "the simulator process is gone");
    expect_nothing_left(run_xrt);
}

TEST_F(Xrt, ACrashedHostIsReported) {
    for (const int number : {SIGSEGV, SIGKILL}) {
        WatchedRun run_xrt(emulated({"-n", "400"}));
        const pid_t simulator = run_xrt.wait_for_simulator();
        ASSERT_NE(simulator, 0);
        ::usleep(500'000);  // at work, in most cases
        for (const pid_t process : run_xrt.processes()) {
            if (process != simulator && process != run_xrt.launcher()) {
                ::kill(process, number);
            }
        }
        expect_one_line(run_xrt.finish(), 1, "device xrt: ");
        expect_nothing_left(run_xrt);
    }
}

TEST_F(Xrt, QuitLeavesNothing) {
    WatchedRun run_xrt(emulated({"-n", "400"}));
    ASSERT_NE(run_xrt.wait_for_simulator(), 0);
    ::kill(run_xrt.launcher(), SIGQUIT);
    expect_one_line(run_xrt.finish(), 1, "SIGQUIT");
    expect_nothing_left(run_xrt);
}

TEST_F(Xrt, RunsWhenChildrenAreIgnored) {
    // A parent may have had signals of its children ignored, which is inherited.
    std::vector<std::string> arguments{"/bin/sh", "-c", "trap '' CHLD; exec \"$0\" \"$@\""};
    const auto rest = emulated({"-n", "1", "--json"});
    arguments.insert(arguments.end(), rest.begin(), rest.end());
    EXPECT_EQ(output(run_process(arguments))["generated"], 1);
}

TEST_F(Xrt, InterruptStopsCleanly) {
    ProcessOptions options;
    options.interrupt_after = "KINGDOM";  // the prompt is shown with the first token
    WatchedRun run_xrt(emulated({"--prompt", "KINGDOM", "-n", "400"}), options);
    EXPECT_NE(run_xrt.wait_for_simulator(), 0);
    const ProcessResult result = run_xrt.finish();
    EXPECT_EQ(result.exit_code, 1) << result.err;
    EXPECT_NE(result.err.find("interrupted"), std::string::npos) << result.err;
    EXPECT_NE(result.out.find("bit-exact"), std::string::npos)
        << "the report of what was done: " << result.out;
    expect_nothing_left(run_xrt);
}

TEST_F(Xrt, AKilledLauncherTakesItsProcessesAlongAndTheNextStartItsFolder) {
    WatchedRun run_xrt(emulated({"-n", "400"}));
    ASSERT_NE(run_xrt.wait_for_simulator(), 0);
    ::kill(run_xrt.launcher(), SIGKILL);
    EXPECT_EQ(run_xrt.finish().exit_code, -SIGKILL);
    for (int i = 0; i < 1000 && !run_xrt.processes().empty(); ++i) {
        ::usleep(10'000);
    }
    EXPECT_TRUE(run_xrt.processes().empty());
    EXPECT_TRUE(fs::exists(run_xrt.folder()));
    EXPECT_EQ(run_process(emulated({"-n", "1", "--json"})).exit_code, 0);
    EXPECT_FALSE(fs::exists(run_xrt.folder()));
}

TEST_F(Xrt, VerifyRunsThroughXrtToo) {
    const json result = output(run_process({SETUN_BINARY, "verify", "--shape", "tiny", "--device", "xrt",
                                            "--xrt-emulation", "--memory", "ideal", "--json"}));
    EXPECT_EQ(result["mismatches"], 0);
    EXPECT_EQ(result["device"], "xrt");
}

TEST_F(Xrt, BadImagesAreRefused) {
    const std::string good = (folder_ / "good.xclbin").string();
    ASSERT_EQ(run_process({SETUN_BINARY, "devices", "--write-xclbin", good}).exit_code, 0);
    const auto with = [](const std::string& xclbin, std::vector<std::string> more = {}) {
        more.insert(more.begin(), {"-n", "1", "--xclbin", xclbin});
        return run_process(emulated(more));
    };
    expect_one_line(run_process({SETUN_BINARY, "devices", "--write-xclbin", good}), 2, "exists already");
    EXPECT_EQ(run_process({SETUN_BINARY, "devices", "--write-xclbin", good, "--force"}).exit_code, 0);
    expect_one_line(with("/nonexistent.xclbin"), 2, "/nonexistent.xclbin");
    expect_one_line(with(kModel), 2, "not an xclbin");

    const std::string cut = (folder_ / "cut.xclbin").string();
    fs::copy_file(good, cut);
    fs::resize_file(cut, fs::file_size(cut) - 100);
    expect_one_line(with(cut), 2, "truncated");

    // What only XRT notices: a damaged bitstream, a bank where XRT cannot have one.
    const auto damaged = [this, &good](xclbin::SectionKind kind, std::size_t place) {
        const MappedFile file = MappedFile::open(good);
        xclbin::Image image = xclbin::read_image(file.bytes());
        auto& data =
            std::find_if(image.sections.begin(), image.sections.end(), [&](const xclbin::Section& s) {
                return s.kind == kind;
            })->data;
        data.at(place) ^= std::byte{0x5C};
        return write("damaged.xclbin", image);
    };
    expect_one_line(with(damaged(xclbin::kBitstream, 165)), 1, "XRT ended the host process: ERROR");
    expect_one_line(with(damaged(xclbin::kGroupTopology, 8 + 40 + 16)), 1, "Assertion");

    expect_one_line(with(good, {"--tile-rows", "64"}), 2, "holds kernel 1x512x1, not 1x512x1-r64");

    xclbin::EmulationImage options;
    options.config = {4, 128, 8, 1, 32};
    options.emulator = "/nonexistent/emulator";
    xclbin::Image image = xclbin::make_emulation_image(options);
    expect_one_line(with(write("unknown.xclbin", image)), 1, "no simulation of kernel 4x128x8-tree-r32");
    image.mode = xclbin::kFlat;
    expect_one_line(with(write("card.xclbin", image)), 2, "is for a card");
    image.sections.resize(2);
    expect_one_line(with(write("empty.xclbin", image)), 2, "lacks section");
}

TEST_F(Xrt, WhatIsMissingIsNamed) {
    const auto plain = [](std::vector<std::string> more) {
        more.insert(more.begin(), {"-n", "1", "--device", "xrt"});
        return run(more);
    };
    if (!fs::exists("/sys/bus/pci/drivers/xocl") && !fs::exists("/sys/bus/platform/drivers/zocl-drm")) {
        expect_one_line(run_process(plain({})), 2, "add --xrt-emulation");
        xclbin::EmulationImage options;
        options.config = {1, 512, 1, 0, 1024};
        xclbin::Image image = xclbin::make_emulation_image(options);
        const std::string emulated_image = write("emulated.xclbin", image);
        expect_one_line(run_process(plain({"--xclbin", emulated_image})), 2, "add --xrt-emulation");
        image.mode = xclbin::kFlat;
        const std::string card_image = write("card.xclbin", image);
        expect_one_line(run_process(plain({"--xclbin", card_image})), 2, "no card 0 on this machine");
    }
    ProcessOptions options;
    options.environment = {"XCL_EMULATION_MODE=sw_emu"};
    expect_one_line(run_process(plain({}), options), 2, "hw_emu");
    options.environment = {"PATH=/nonexistent"};
    expect_one_line(run_process(plain({"--xrt-emulation"}), options), 2, "unzip");
    expect_one_line(run_process(run({"-n", "1", "--device", "cpu", "--xrt-emulation"})), 2, "--device xrt");
    expect_one_line(run_process(plain({"--xrt-emulation", "--trace", "a.fst"})), 2, "--device rtl");
    expect_one_line(run_process(plain({"--xrt-emulation", "--memory", "floppy"})), 2, "floppy");

    // A machine without XRT: its library cannot be loaded.
    std::ofstream(folder_ / "libxrt_coreutil.so.2") << "not a library";
    options.environment = {"LD_LIBRARY_PATH=" + folder_.string()};
    expect_one_line(run_process(plain({"--xrt-emulation"}), options), 2, "install libxrt1");
    EXPECT_EQ(run_process(run({"-n", "1", "--device", "cpu"}), options).exit_code, 0) << "others still run";

    // A build without XRT has no plugin.
    const fs::path alone = folder_ / "setun";
    fs::copy_file(SETUN_BINARY, alone);
    expect_one_line(run_process({alone.string(), "run", "--model", kModel, "--device", "xrt"}), 2,
                    "install libxrt-dev");
    const json devices = output(run_process({alone.string(), "devices", "--json"}));
    EXPECT_EQ(devices["devices"][2]["name"], "xrt");
    EXPECT_TRUE(devices["devices"][2]["problem"].is_string());
    const json here = output(run_process({SETUN_BINARY, "devices", "--json"}));
    EXPECT_TRUE(here["devices"][2]["problem"].is_null());
    EXPECT_TRUE(here["devices"][2]["emulation_problem"].is_null());
}

}  // namespace
}  // namespace setun::test
