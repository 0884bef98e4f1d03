// The files for AMD's tools, which cannot run here: they must agree with the register map, the RTL and each
// other.
#include <gtest/gtest.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <string>
#include <vector>

#include "sim/xrt/kernel_image.h"

namespace setun {
namespace {

namespace fs = std::filesystem;

const fs::path kRoot = SETUN_SOURCE_DIR;
const fs::path kVitis = kRoot / "boards" / "vitis";
const std::vector<std::string> kBoards{"u250", "u50", "u280", "kv260"};

std::string read(const fs::path& file) {
    std::ifstream stream(file);
    EXPECT_TRUE(stream) << file;
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::vector<std::smatch> matches(const std::string& text, const std::regex& pattern) {
    return {std::sregex_iterator(text.begin(), text.end(), pattern), std::sregex_iterator()};
}

/// AXI masters in the port list of a kernel top: its uses of SETUN_AXI_PORTS.
std::set<std::string> rtl_masters(const std::string& top) {
    const std::string text = read(kRoot / "rtl" / (top + ".sv"));
    std::set<std::string> masters;
    for (const auto& m : matches(text, std::regex(R"(`SETUN_AXI_PORTS\((\w+)\))"))) {
        masters.insert("m_axi_" + m[1].str());
    }
    EXPECT_NE(text.find("`SETUN_CONTROL_PORTS"), std::string::npos);
    return masters;
}

class KernelXml : public testing::TestWithParam<unsigned> {};

TEST_P(KernelXml, EqualsRegisterMapAndPortList) {
    const std::string top = xclbin::kernel_top(GetParam());
    const std::string xml = read(kVitis / (top + ".xml.in"));
    EXPECT_NE(xml.find("<kernel name=\"" + top + "\" language=\"ip_c\""), std::string::npos);
    EXPECT_NE(xml.find("hwControlProtocol=\"ap_ctrl_hs\""), std::string::npos);

    const auto expected = xclbin::kernel_arguments(GetParam());
    const auto arguments = matches(
        xml,
        std::regex(
            R"re(<arg name="(\w+)" addressQualifier="(\d)" id="(\d+)" port="(\w+)" size="(\w+)" offset="(\w+)" hostOffset="0x0" hostSize="(\w+)")re"));
    ASSERT_EQ(arguments.size(), expected.size());
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const auto& m = arguments[i];
        EXPECT_EQ(m[1], expected[i].name);
        EXPECT_EQ(m[2], expected[i].pointer ? "1" : "0") << m[1];
        EXPECT_EQ(std::stoul(m[3]), i) << m[1];
        EXPECT_EQ(m[4], expected[i].port) << m[1];
        EXPECT_EQ(std::stoul(m[5], nullptr, 16), expected[i].bytes) << m[1];
        EXPECT_EQ(std::stoul(m[6], nullptr, 16), expected[i].offset) << m[1];
        EXPECT_EQ(m[7], m[5]) << m[1];
    }

    std::set<std::string> masters;
    bool slave = false;
    for (const auto& m : matches(
             xml, std::regex(R"re(<port name="(\w+)" mode="(\w+)" range="(\w+)" dataWidth="([@\w]+)")re"))) {
        if (m[2] == "master") {
            EXPECT_TRUE(masters.insert(m[1]).second) << m[1];
            EXPECT_EQ(m[4], "@PORT_BITS@");
        } else {
            slave = true;
            EXPECT_EQ(m[1], "s_axi_control");
            EXPECT_EQ(std::stoul(m[3], nullptr, 16), xclbin::kControlBytes);
        }
    }
    EXPECT_TRUE(slave);
    EXPECT_EQ(masters, rtl_masters(top));
}
INSTANTIATE_TEST_SUITE_P(Tops, KernelXml, testing::Values(1U, 2U, 4U));

TEST(Vitis, EveryMasterIsConnectedOnceOnEveryBoard) {
    for (const std::string& board : kBoards) {
        SCOPED_TRACE(board);
        const std::string cfg = read(kVitis / (board + ".cfg"));
        const auto kernels = matches(cfg, std::regex(R"((?:^|\n)nk=(\w+):1:(\w+)(?:\n|$))"));
        ASSERT_EQ(kernels.size(), 1U);
        const std::string top = kernels[0][1];
        const std::string instance = kernels[0][2];
        std::set<std::string> connected;
        std::set<std::string> weight_banks;
        std::size_t weights = 0;
        for (const auto& m : matches(cfg, std::regex(R"(\nsp=(\w+)\.(\w+):([\w\[\]:]+))"))) {
            EXPECT_EQ(m[1], instance);
            EXPECT_TRUE(connected.insert(m[2]).second) << m[2] << " twice";
            if (m[2].str().rfind("m_axi_w", 0) == 0) {
                weight_banks.insert(m[3]);
                ++weights;
            }
        }
        EXPECT_EQ(connected, rtl_masters(top));
        EXPECT_EQ(weight_banks.size(), weights) << "each weight port has memory of its own";
        EXPECT_EQ(matches(cfg, std::regex(R"(\nfreqHz=\d+:)" + instance + R"((?:\n|$))")).size(), 1U);
    }
}

TEST(Vitis, TheMakefileKnowsTheBoards) {
    const std::string makefile = read(kVitis / "Makefile");
    std::smatch ports;
    ASSERT_TRUE(std::regex_search(makefile, ports, std::regex(R"(\nPORTS := (\d)\n)")));
    for (const std::string& board : kBoards) {
        SCOPED_TRACE(board);
        std::smatch width;
        ASSERT_TRUE(
            std::regex_search(makefile, width, std::regex("\nPORT_BITS_" + board + R"( := (\d+)\n)")));
        EXPECT_TRUE(width[1] == "128" || width[1] == "256" || width[1] == "512");
        EXPECT_TRUE(std::regex_search(makefile, std::regex("\nTOKENS_" + board + R"( := [1248]\n)")));
        EXPECT_TRUE(std::regex_search(makefile, std::regex("\nPART_" + board + R"( := xc\w+)")));
        const std::string top = xclbin::kernel_top(static_cast<unsigned>(std::stoul(ports[1])));
        EXPECT_NE(read(kVitis / (board + ".cfg")).find("nk=" + top + ":"), std::string::npos);
        EXPECT_TRUE(fs::exists(kVitis / (top + ".xml.in")));
        EXPECT_NE(read(kVitis / "README.md").find("`" + board + "`"), std::string::npos);
    }
}

TEST(Vitis, PackagingTakesTheCommonFileListAndParametersThatExist) {
    const std::string tcl = read(kVitis / "package_kernel.tcl");
    EXPECT_NE(tcl.find("[file join $rtl setun.f]"), std::string::npos);
    for (const auto& m : matches(
             tcl,
             std::regex(
                 R"((?:list|\$\w+) (\w+) \$(?=port_bits|tokens|tile_rows|leaf|count_nonzero|ultrascale))"))) {
        EXPECT_NE(read(kRoot / "rtl" / "setun_kernel.sv").find("parameter int unsigned " + m[1].str() + " "),
                  std::string::npos)
            << m[1];
    }
    std::ifstream list(kRoot / "rtl" / "setun.f");
    std::size_t files = 0;
    for (std::string line; std::getline(list, line);) {
        EXPECT_TRUE(fs::exists(kRoot / "rtl" / line)) << line;
        ++files;
    }
    EXPECT_GT(files, 20U);
    for (const unsigned top_ports : {1U, 2U, 4U}) {
        EXPECT_NE(read(kRoot / "rtl" / "setun.f").find(xclbin::kernel_top(top_ports) + ".sv"),
                  std::string::npos);
    }
    // Braces and brackets close: what can be said about Tcl without its interpreter.
    for (const auto& [open, close] : {std::pair('{', '}'), std::pair('[', ']')}) {
        EXPECT_EQ(std::count(tcl.begin(), tcl.end(), open), std::count(tcl.begin(), tcl.end(), close));
    }
}

}  // namespace
}  // namespace setun
