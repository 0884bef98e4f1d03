// The xclbin container: against XRT's own header where it is installed, round trips, damage, and the image
// that starts our simulation.
#include "sim/xrt/xclbin.h"

#include <gtest/gtest.h>
#include <zlib.h>

#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <map>
#include <random>
#include <regex>
#include <stdexcept>

#include "rtl/setun_abi.h"
#include "sim/xrt/kernel_image.h"
#include "sim/xrt/zip.h"

#ifdef SETUN_XRT_XCLBIN_HEADER
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wpedantic"
#pragma GCC diagnostic ignored "-Wconversion"
#pragma GCC diagnostic ignored "-Wsign-conversion"
#pragma GCC diagnostic ignored "-Wold-style-cast"
#include <xrt/xclbin.h>
#pragma GCC diagnostic pop
#endif

namespace setun::xclbin {
namespace {

EmulationImage example(unsigned ports = 2) {
    EmulationImage options;
    options.config = {ports, 256, 4, SETUN_LEAF_PLANES, 1024};
    options.memory = "u280";
    options.seed = 7;
    options.emulator = "/opt/it's here/setun-xrt-emulator";
    return options;
}

template <class Value>
Value get(std::span<const std::byte> bytes, std::size_t offset) {
    Value value;
    EXPECT_LE(offset + sizeof value, bytes.size());
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

std::string text_of(const Section* section) {
    EXPECT_NE(section, nullptr);
    std::string text;
    for (const std::byte b : section->data) {
        text += static_cast<char>(b);
    }
    return text;
}

#ifdef SETUN_XRT_XCLBIN_HEADER
TEST(Xclbin, EqualsTheStructuresOfXrt) {
    const Image image = make_emulation_image(example());
    const auto bytes = write_image(image);
    const auto top = get<axlf>(bytes, 0);
    EXPECT_EQ(std::memcmp(top.m_magic, "xclbin2", 8), 0);
    EXPECT_EQ(top.m_signature_length, -1);
    EXPECT_EQ(top.reserved[0], 0xFF);
    EXPECT_EQ(top.m_header.m_length, bytes.size());
    EXPECT_EQ(top.m_header.m_mode, XCLBIN_HW_EMU);
    EXPECT_EQ(top.m_header.m_versionMajor, 2);
    EXPECT_EQ(std::memcmp(top.m_header.uuid, image.uuid.data(), 16), 0);
    EXPECT_STREQ(reinterpret_cast<const char*>(top.m_header.m_platformVBNV), "setun:emulation:u280:1.0");
    ASSERT_EQ(top.m_header.m_numSections, image.sections.size());
    std::map<std::uint32_t, std::span<const std::byte>> sections;
    for (std::size_t i = 0; i < image.sections.size(); ++i) {
        const auto header =
            get<axlf_section_header>(bytes, offsetof(axlf, m_sections) + i * sizeof(axlf_section_header));
        EXPECT_EQ(header.m_sectionOffset % 8, 0U);
        ASSERT_LE(header.m_sectionOffset + header.m_sectionSize, bytes.size());
        sections[header.m_sectionKind] =
            std::span(bytes).subspan(header.m_sectionOffset, header.m_sectionSize);
    }
    for (const auto kind : {BITSTREAM, EMBEDDED_METADATA, MEM_TOPOLOGY, CONNECTIVITY, IP_LAYOUT,
                            ASK_GROUP_TOPOLOGY, ASK_GROUP_CONNECTIVITY}) {
        ASSERT_TRUE(sections.contains(kind)) << kind;
    }
    const auto banks = emulation_banks(2);
    for (const auto kind : {MEM_TOPOLOGY, ASK_GROUP_TOPOLOGY}) {
        ASSERT_EQ(get<std::int32_t>(sections[kind], 0), 3);
        for (std::size_t i = 0; i < banks.size(); ++i) {
            const auto bank =
                get<mem_data>(sections[kind], offsetof(mem_topology, m_mem_data) + i * sizeof(mem_data));
            EXPECT_EQ(bank.m_type, MEM_DDR4);
            EXPECT_EQ(bank.m_used, 1);
            EXPECT_EQ(bank.m_size * 1024, banks[i].bytes);
            EXPECT_EQ(bank.m_base_address, banks[i].base);
            EXPECT_EQ(reinterpret_cast<const char*>(bank.m_tag), banks[i].tag);
        }
    }
    const auto ip = get<ip_data>(sections[IP_LAYOUT], offsetof(ip_layout, m_ip_data));
    EXPECT_EQ(get<std::int32_t>(sections[IP_LAYOUT], 0), 1);
    EXPECT_EQ(ip.m_type, static_cast<std::uint32_t>(IP_KERNEL));
    EXPECT_EQ(ip.properties >> IP_CONTROL_SHIFT & 0xFFU, static_cast<std::uint32_t>(AP_CTRL_HS));
    EXPECT_EQ(ip.m_base_address, kControlBase);
    EXPECT_STREQ(reinterpret_cast<const char*>(ip.m_name), "setun_kernel_2p:setun_kernel_2p_1");
    // list and data_base in the data bank, each weight base in its own.
    const std::vector<std::array<int, 3>> expected{{0, 0, 2}, {2, 0, 2}, {3, 0, 0}, {4, 0, 1}};
    ASSERT_EQ(get<std::int32_t>(sections[CONNECTIVITY], 0), 4);
    for (std::size_t i = 0; i < expected.size(); ++i) {
        const auto entry = get<connection>(sections[CONNECTIVITY],
                                           offsetof(connectivity, m_connection) + i * sizeof(connection));
        EXPECT_EQ(entry.arg_index, expected[i][0]);
        EXPECT_EQ(entry.m_ip_layout_index, expected[i][1]);
        EXPECT_EQ(entry.mem_data_index, expected[i][2]);
    }
}
#endif

TEST(Xclbin, ReadsWhatItWrites) {
    for (const unsigned ports : {1U, 2U, 4U}) {
        const Image image = make_emulation_image(example(ports));
        const Image back = read_image(write_image(image));
        EXPECT_EQ(back.mode, kHwEmulation);
        EXPECT_TRUE(back.for_emulation());
        EXPECT_EQ(back.platform, image.platform);
        EXPECT_EQ(back.uuid, image.uuid);
        ASSERT_EQ(back.sections.size(), image.sections.size());
        for (std::size_t i = 0; i < image.sections.size(); ++i) {
            EXPECT_EQ(back.sections[i].kind, image.sections[i].kind);
            EXPECT_EQ(back.sections[i].data, image.sections[i].data);
        }
        EXPECT_EQ(back.find(12345), nullptr);
        const auto banks = read_banks(back.find(kMemTopology)->data);
        ASSERT_EQ(banks.size(), ports + 1);
        EXPECT_EQ(banks[ports].base, emulation_banks(ports)[ports].base);
        EXPECT_EQ(banks[0].tag, "DDR[0]");
        const auto units = read_units(back.find(kIpLayout)->data);
        ASSERT_EQ(units.size(), 1U);
        EXPECT_EQ(units[0].name, kernel_top(ports) + ":" + kernel_top(ports) + "_1");
        EXPECT_EQ(read_connections(back.find(kConnectivity)->data).size(), ports + 2);
    }
}

TEST(Xclbin, ManySectionsOfTheSameBytesAreRefused) {
    Image image;
    image.sections.resize(3);
    for (Section& section : image.sections) {
        section.data.resize(4096);
    }
    auto bytes = write_image(image);
    EXPECT_EQ(read_image(bytes).sections.size(), 3U);
    const std::uint64_t all = bytes.size();
    const std::uint64_t begin = 0;
    for (std::size_t i = 0; i < 3; ++i) {
        const std::size_t header = 456 + 40 * i;
        std::memcpy(bytes.data() + header + 24, &begin, sizeof begin);
        std::memcpy(bytes.data() + header + 32, &all, sizeof all);
    }
    EXPECT_THROW(static_cast<void>(read_image(bytes)), std::invalid_argument);
}

TEST(Xclbin, SameOptionsGiveTheSameBytesAndOthersAnotherUuid) {
    EXPECT_EQ(write_image(make_emulation_image(example())), write_image(make_emulation_image(example())));
    EmulationImage other = example();
    other.seed = 8;
    EXPECT_NE(make_emulation_image(example()).uuid, make_emulation_image(other).uuid);
}

TEST(Xclbin, EveryTruncationIsRefused) {
    const auto bytes = write_image(make_emulation_image(example()));
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        EXPECT_THROW(static_cast<void>(read_image(std::span(bytes).first(size))), std::invalid_argument)
            << size;
    }
}

TEST(Xclbin, DamageNeverReadsOutside) {
    const auto good = write_image(make_emulation_image(example()));
    std::size_t refused = 0;
    for (const std::uint64_t seed : {0U, 1U}) {
        std::mt19937_64 random(seed);
        for (int round = 0; round < 3000; ++round) {
            auto bytes = good;
            for (unsigned i = 0; i < 4; ++i) {  // in the headers, where offsets and sizes are
                bytes[random() % 800] = static_cast<std::byte>(random());
            }
            try {
                const Image image = read_image(bytes);
                for (const Section& section : image.sections) {
                    static_cast<void>(read_banks(section.data));
                    static_cast<void>(read_units(section.data));
                    static_cast<void>(read_connections(section.data));
                }
            } catch (const std::invalid_argument&) {
                ++refused;
            }
        }
    }
    EXPECT_GT(refused, 500U);
}

TEST(Xclbin, TablesThatPromiseTooMuchAreRefused) {
    for (const std::int32_t count : {-1, 2, 0x7FFFFFFF}) {
        std::vector<std::byte> section(88);
        std::memcpy(section.data(), &count, sizeof count);
        if (count != 2) {
            EXPECT_THROW(static_cast<void>(read_banks(section)), std::invalid_argument);
            EXPECT_THROW(static_cast<void>(read_connections(section)), std::invalid_argument);
        }
        EXPECT_THROW(static_cast<void>(read_units(section)), std::invalid_argument);
    }
    EXPECT_THROW(static_cast<void>(read_banks({})), std::invalid_argument);
}

TEST(Xclbin, LongNamesAreRefused) {
    Image image;
    image.sections = {{kBitstream, std::string(16, 'x'), {}}};
    EXPECT_THROW(static_cast<void>(write_image(image)), std::invalid_argument);
    image.sections[0].name = "ok";
    image.platform = std::string(64, 'x');
    EXPECT_THROW(static_cast<void>(write_image(image)), std::invalid_argument);
    EXPECT_THROW(static_cast<void>(write_image({})), std::invalid_argument) << "no section";
    const std::vector<Bank> banks{{std::string(16, 'x'), 0, 1024}};
    EXPECT_THROW(static_cast<void>(write_banks(banks)), std::invalid_argument);
}

TEST(Xclbin, MetadataNamesEveryArgumentAtItsRegister) {
    const std::string xml = text_of(make_emulation_image(example(4)).find(kEmbeddedMetadata));
    const std::map<std::string, std::pair<std::string, std::uint32_t>> expected{
        {"list", {"m_axi_data", SETUN_REG_LIST_LO}},
        {"list_count", {"s_axi_control", SETUN_REG_LIST_COUNT}},
        {"data_base", {"m_axi_data", SETUN_REG_DATA_BASE_LO}},
        {"w_base_0", {"m_axi_w0", SETUN_REG_W_BASE_LO}},
        {"w_base_1", {"m_axi_w1", SETUN_REG_W_BASE_LO + SETUN_REG_W_STRIDE}},
        {"w_base_2", {"m_axi_w2", SETUN_REG_W_BASE_LO + 2 * SETUN_REG_W_STRIDE}},
        {"w_base_3", {"m_axi_w3", SETUN_REG_W_BASE_LO + 3 * SETUN_REG_W_STRIDE}}};
    const std::regex argument(
        R"re(<arg name="(\w+)" addressQualifier="(\d)" id="(\d+)" port="(\w+)" size="(\w+)" offset="(\w+)")re");
    std::size_t seen = 0;
    for (auto it = std::sregex_iterator(xml.begin(), xml.end(), argument); it != std::sregex_iterator();
         ++it) {
        const std::smatch& m = *it;
        ASSERT_TRUE(expected.contains(m[1])) << m[1];
        EXPECT_EQ(std::stoul(m[3]), seen) << "numbers are contiguous";
        EXPECT_EQ(m[4], expected.at(m[1]).first);
        EXPECT_EQ(std::stoul(m[6], nullptr, 16), expected.at(m[1]).second);
        EXPECT_EQ(m[2], m[1] == "list_count" ? "0" : "1");
        ++seen;
    }
    EXPECT_EQ(seen, expected.size());
    EXPECT_NE(xml.find("range=\"0x1000\""), std::string::npos) << "all registers are in reach";
    EXPECT_EQ(xml.find("versal:"), std::string::npos);
}

TEST(Zip, IsWellFormed) {
    const std::vector<ZipEntry> entries{{"a/run.sh", "#!/bin/sh\necho hello\n", true}, {"b.txt", "", false}};
    const auto zip = write_zip(entries);
    ASSERT_EQ(get<std::uint32_t>(zip, zip.size() - 22), 0x06054b50U);
    EXPECT_EQ(get<std::uint16_t>(zip, zip.size() - 22 + 10), 2);
    std::size_t at = get<std::uint32_t>(zip, zip.size() - 22 + 16);
    for (const ZipEntry& entry : entries) {
        ASSERT_EQ(get<std::uint32_t>(zip, at), 0x02014b50U);
        const auto crc = ::crc32(0, reinterpret_cast<const Bytef*>(entry.content.data()),
                                 static_cast<uInt>(entry.content.size()));
        EXPECT_EQ(get<std::uint32_t>(zip, at + 16), crc);
        EXPECT_EQ(get<std::uint32_t>(zip, at + 38) >> 16U, entry.executable ? 0100755U : 0100644U);
        const auto local = get<std::uint32_t>(zip, at + 42);
        ASSERT_EQ(get<std::uint32_t>(zip, local), 0x04034b50U);
        const std::size_t content = local + 30 + entry.path.size();
        EXPECT_EQ(std::memcmp(zip.data() + content, entry.content.data(), entry.content.size()), 0);
        at += 46 + entry.path.size();
    }
    const std::vector<ZipEntry> nameless{{"", "x", false}};
    EXPECT_THROW(static_cast<void>(write_zip(nameless)), std::invalid_argument);
}

TEST(Xclbin, TheScriptQuotesPaths) {
    const std::string script = text_of(make_emulation_image(example()).find(kBitstream));
    EXPECT_NE(script.find(R"('/opt/it'\''s here/setun-xrt-emulator')"), std::string::npos) << script;
    EXPECT_NE(script.find("--kernel 2x256x4 --memory 'u280' --seed 7"), std::string::npos);
}

TEST(Xclbin, TheScriptSaysWhenThereIsNoSimulator) {
    std::string name = "/tmp/setun-script-test-XXXXXX";
    const std::filesystem::path folder = ::mkdtemp(name.data());
    const Image image = make_emulation_image(example());
    const std::string archive = text_of(image.find(kBitstream));
    const auto begin = archive.find("#!/bin/sh");
    const auto end = archive.find("exec \"$emulator\"");
    ASSERT_NE(begin, std::string::npos);
    ASSERT_NE(end, std::string::npos);
    std::ofstream(folder / "simulate.sh") << archive.substr(begin, end - begin);
    const std::string command =
        "SETUN_XRT_DIR=" + folder.string() + " sh " + (folder / "simulate.sh").string();
    EXPECT_NE(std::system(command.c_str()), 0);
    std::ifstream status(folder / "status");
    std::string line;
    std::getline(status, line);
    EXPECT_EQ(line.rfind("error: no program '/opt/it's here/setun-xrt-emulator'", 0), 0U) << line;
    std::filesystem::remove_all(folder);
}

}  // namespace
}  // namespace setun::xclbin
