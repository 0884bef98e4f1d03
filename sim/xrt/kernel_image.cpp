// Arguments and banks of the kernel, metadata for XRT, the script that starts the simulation.
#include "sim/xrt/kernel_image.h"

#include <sstream>
#include <utility>

#include "rtl/setun_abi.h"
#include "sim/xrt/zip.h"

namespace setun::xclbin {
namespace {

const std::string kWeightPort = "m_axi_w";
constexpr std::uint64_t kBankBytes = 16ULL << 30U;
constexpr std::uint64_t kDataBankBase = 0x8'0000'0000;
constexpr std::uint64_t kWeightBankBase = 0x10'0000'0000;
constexpr std::uint64_t kWeightBankStride = 0x10'0000'0000;

std::string hex(std::uint64_t value) {
    std::ostringstream out;
    out << "0x" << std::hex << value;
    return out.str();
}

std::vector<std::byte> bytes_of_text(const std::string& text) {
    std::vector<std::byte> bytes;
    bytes.reserve(text.size());
    for (const char c : text) {
        bytes.push_back(static_cast<std::byte>(c));
    }
    return bytes;
}

using Attributes = std::vector<std::pair<std::string, std::string>>;

/// One XML tag. No value holds a character that XML reserves.
void tag(std::ostream& xml, const char* name, const Attributes& attributes, bool empty) {
    xml << '<' << name;
    for (const auto& [key, value] : attributes) {
        xml << ' ' << key << "=\"" << value << '"';
    }
    xml << (empty ? "/>\n" : ">\n");
}

std::string bank_tag(unsigned number) {
    std::ostringstream out;
    out << "DDR[" << number << ']';
    return out.str();
}

/// A shell word that stands for exactly `text`.
std::string quoted(const std::string& text) {
    std::string word = "'";
    for (const char c : text) {
        if (c == '\'') {
            word += "'\\'";  // ends the quotes, stands for itself, begins them again
        }
        word += c;
    }
    word += '\'';
    return word;
}

std::string start_script(const EmulationImage& options) {
    std::ostringstream out;
    out << "#!/bin/sh\n"
           "# Starts the simulation of Setun kernel "
        << options.config.name()
        << " for XRT's hardware emulation.\n"
           "emulator=${SETUN_XRT_EMULATOR:-"
        << quoted(options.emulator)
        << "}\n"
           "if ! [ -x \"$emulator\" ]; then\n"
           "    reason=\"no program '$emulator'; set SETUN_XRT_EMULATOR to setun-xrt-emulator\"\n"
           "    if [ -n \"$SETUN_XRT_DIR\" ]; then\n"
           "        echo \"error: $reason\" >\"$SETUN_XRT_DIR/status\"\n"
           "    else\n"
           "        echo \"setun-xrt-emulator: $reason\" >&2\n"
           "        kill \"$PPID\"  # XRT would wait five minutes for the simulator\n"
           "    fi\n"
           "    exit 1\n"
           "fi\n"
           "[ -n \"$SETUN_XRT_DIR\" ] && echo \"starting $$\" >\"$SETUN_XRT_DIR/status\"\n"
           "exec \"$emulator\" --kernel "
        << options.config.name() << " --memory " << quoted(options.memory) << " --seed " << options.seed
        << "\n";
    return out.str();
}

/// 128 bits that depend on every byte of the options: FNV-1a with two offsets.
std::array<std::uint8_t, 16> make_uuid(const std::string& text) {
    std::array<std::uint8_t, 16> uuid{};
    for (unsigned half = 0; half < 2; ++half) {
        std::uint64_t hash = 0xcbf29ce484222325U + half * 0x9E3779B97F4A7C15U;
        for (const char c : text) {
            hash = (hash ^ static_cast<unsigned char>(c)) * 0x100000001b3U;
        }
        for (unsigned i = 0; i < 8; ++i) {
            uuid[half * 8 + i] = static_cast<std::uint8_t>(hash >> (8 * i));
        }
    }
    uuid[6] = static_cast<std::uint8_t>((uuid[6] & 0x0FU) | 0x80U);  // RFC 9562: version 8, own scheme
    uuid[8] = static_cast<std::uint8_t>((uuid[8] & 0x3FU) | 0x80U);
    return uuid;
}

}  // namespace

std::vector<KernelArgument> kernel_arguments(unsigned ports) {
    std::vector<KernelArgument> arguments{
        {"list", "m_axi_data", SETUN_REG_LIST_LO, 8, true},
        {"list_count", "s_axi_control", SETUN_REG_LIST_COUNT, 4, false},
        {"data_base", "m_axi_data", SETUN_REG_DATA_BASE_LO, 8, true},
    };
    for (unsigned p = 0; p < ports; ++p) {
        const std::string number = std::to_string(p);
        arguments.push_back({"w_base_" + number, kWeightPort + number,
                             SETUN_REG_W_BASE_LO + p * SETUN_REG_W_STRIDE, 8, true});
    }
    return arguments;
}

std::string kernel_top(unsigned ports) {
    std::string name = "setun_kernel";
    if (ports > 1) {
        name.append("_").append(std::to_string(ports)).append("p");
    }
    return name;
}

std::vector<Bank> emulation_banks(unsigned ports) {
    std::vector<Bank> banks;
    for (unsigned p = 0; p < ports; ++p) {
        banks.push_back({bank_tag(p), kWeightBankBase + p * kWeightBankStride, kBankBytes});
    }
    banks.push_back({bank_tag(ports), kDataBankBase, kBankBytes});
    return banks;
}

std::string emulation_platform(const std::string& memory) {
    return std::string("setun:emulation:").append(memory).append(":1.0");
}

std::string kernel_metadata(const sim::KernelConfig& config, const std::string& platform) {
    const std::string top = kernel_top(config.ports);
    std::ostringstream xml;
    xml << R"(<?xml version="1.0" encoding="UTF-8"?>)" << '\n';
    tag(xml, "project", {{"name", top}}, false);
    tag(xml, "platform",
        {{"vendor", "setun"}, {"boardid", "emulation"}, {"name", platform}, {"featureRomTime", "0"}}, false);
    tag(xml, "version", {{"major", "1"}, {"minor", "0"}}, true);
    tag(xml, "device", {{"name", "fpga0"}, {"fpgaDevice", "verilator:" + config.name()}}, false);
    tag(xml, "core",
        {{"name", "OCL_REGION_0"},
         {"target", "hw_em"},
         {"type", "clc_region"},
         {"clockFreq", "0MHz"},
         {"numComputeUnits", "1"}},
        false);
    tag(xml, "kernel",
        {{"name", top},
         {"language", "ip_c"},
         {"attributes", ""},
         {"preferredWorkGroupSizeMultiple", "0"},
         {"workGroupSize", "1"},
         {"interrupt", "true"},
         {"hwControlProtocol", "ap_ctrl_hs"}},
        false);
    const auto port = [&xml](const std::string& name, const char* mode, const std::string& range,
                             unsigned bits) {
        tag(xml, "port",
            {{"name", name},
             {"mode", mode},
             {"range", range},
             {"dataWidth", std::to_string(bits)},
             {"portType", "addressable"},
             {"base", "0x0"}},
            true);
    };
    port("s_axi_control", "slave", hex(kControlBytes), 32);
    for (unsigned p = 0; p <= config.ports; ++p) {
        port(p == config.ports ? "m_axi_data" : kWeightPort + std::to_string(p), "master",
             hex(~std::uint64_t{0}), config.port_bits);
    }
    const auto arguments = kernel_arguments(config.ports);
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        const KernelArgument& a = arguments[i];
        tag(xml, "arg",
            {{"name", a.name},
             {"addressQualifier", a.pointer ? "1" : "0"},
             {"id", std::to_string(i)},
             {"port", a.port},
             {"size", hex(a.bytes)},
             {"offset", hex(a.offset)},
             {"hostOffset", "0x0"},
             {"hostSize", hex(a.bytes)},
             {"type", a.pointer ? "void*" : "uint"}},
            true);
    }
    tag(xml, "instance", {{"name", top + "_1"}}, false);
    tag(xml, "addrRemap", {{"base", hex(kControlBase)}, {"port", "S_AXI_CONTROL"}}, true);
    xml << "</instance>\n</kernel>\n</core>\n</device>\n</platform>\n</project>\n";
    return xml.str();
}

Image make_emulation_image(const EmulationImage& options) {
    const unsigned ports = options.config.ports;
    const std::string top = kernel_top(ports);
    const std::string script = start_script(options);
    // XRT looks for the folder and runs the script in it.
    const std::vector<ZipEntry> files{{"behav_waveform/xsim/simulate.sh", script, true}};
    const std::vector<Unit> units{{top + ":" + top + "_1", kControlBase, 0, 1}};
    std::vector<Connection> connections;
    const auto arguments = kernel_arguments(ports);
    for (std::size_t i = 0; i < arguments.size(); ++i) {
        if (arguments[i].pointer) {
            const int number = static_cast<int>(i);
            const int bank = number >= kArgWeights ? number - kArgWeights : static_cast<int>(ports);
            connections.push_back({number, 0, bank});
        }
    }
    Image image;
    image.timestamp = 1;  // the same options give the same bytes
    image.mode = kHwEmulation;
    image.platform = emulation_platform(options.memory);
    image.uuid = make_uuid(script + image.platform);
    const auto banks = emulation_banks(ports);
    image.sections = {
        {kBitstream, "", write_zip(files)},
        {kEmbeddedMetadata, "", bytes_of_text(kernel_metadata(options.config, image.platform))},
        {kMemTopology, "", write_banks(banks)},
        {kIpLayout, "", write_units(units)},
        {kConnectivity, "", write_connections(connections)},
        {kGroupTopology, "", write_banks(banks)},
        {kGroupConnectivity, "", write_connections(connections)},
    };
    return image;
}

}  // namespace setun::xclbin
