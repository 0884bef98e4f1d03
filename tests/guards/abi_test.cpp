// One interface, three places: rtl/setun_abi.h (C, C++), rtl/setun_pkg.sv (RTL) and docs/command-interface.md
// must agree.
#include <gtest/gtest.h>

#include <cctype>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <sstream>
#include <string>
#include <vector>

#include "rtl/setun_abi.h"

namespace setun {
namespace {

using Constants = std::map<std::string, std::uint64_t>;

std::string read(const std::string& path) {
    std::ifstream stream(std::string(SETUN_SOURCE_DIR) + "/" + path);
    EXPECT_TRUE(stream) << path;
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

// 12'h000, 32'h0010_0000, 64, 4'd13
std::uint64_t verilog_number(std::string text) {
    std::erase(text, '_');
    const auto quote = text.find('\'');
    if (quote == std::string::npos) {
        return std::stoull(text);
    }
    const char base = text.at(quote + 1);
    const int radix = base == 'h' ? 16 : base == 'b' ? 2 : 10;
    return std::stoull(text.substr(quote + 2), nullptr, radix);
}

Constants package_constants() {
    const std::string text = read("rtl/setun_pkg.sv");
    const std::regex line(R"(localparam\s+[\w\s\[\]:]*?(\w+)\s*=\s*([\w']+);)");
    Constants constants;
    for (auto it = std::sregex_iterator(text.begin(), text.end(), line); it != std::sregex_iterator(); ++it) {
        constants[(*it)[1]] = verilog_number((*it)[2]);
    }
    return constants;
}

Constants header_constants() {
    const std::string text = read("rtl/setun_abi.h");
    const std::regex line(R"(#define\s+SETUN_(\w+)\s+(0[xX][0-9a-fA-F]+|\d+)u)");
    Constants constants;
    for (auto it = std::sregex_iterator(text.begin(), text.end(), line); it != std::sregex_iterator(); ++it) {
        constants[(*it)[1]] = std::stoull((*it)[2], nullptr, 0);
    }
    return constants;
}

bool starts_with(const std::string& text, const std::string& start) { return text.rfind(start, 0) == 0; }

// Cells of every table row below a heading, up to the next heading.
std::vector<std::vector<std::string>> table_rows(const std::string& heading) {
    std::istringstream stream(read("docs/command-interface.md"));
    std::vector<std::vector<std::string>> rows;
    bool inside = false;
    for (std::string line; std::getline(stream, line);) {
        if (starts_with(line, "## ")) {
            inside = line.find(heading) != std::string::npos;
        } else if (inside && starts_with(line, "| ") &&
                   (std::isdigit(static_cast<unsigned char>(line.at(2))) != 0)) {
            std::vector<std::string> cells;
            std::istringstream cell_stream(line.substr(1));
            for (std::string cell; std::getline(cell_stream, cell, '|');) {
                const auto first = cell.find_first_not_of(' ');
                const auto last = cell.find_last_not_of(' ');
                cells.push_back(first == std::string::npos ? "" : cell.substr(first, last - first + 1));
            }
            rows.push_back(cells);
        }
    }
    EXPECT_FALSE(rows.empty()) << heading;
    return rows;
}

TEST(Abi, BothListsWereRead) {
    EXPECT_EQ(header_constants().at("REG_NONZERO_LO"), SETUN_REG_NONZERO_LO);
    EXPECT_EQ(header_constants().at("ERR_WATCHDOG"), SETUN_ERR_WATCHDOG);
    EXPECT_GT(header_constants().size(), 60U);
    EXPECT_GT(package_constants().size(), 55U);
}

TEST(Abi, RtlPackageEqualsHeader) {
    const Constants header = header_constants();
    for (const auto& [name, value] : package_constants()) {
        if (starts_with(name, "AXI_") || name == "WATCHDOG_RESET") {
            continue;  // the RTL's own business
        }
        ASSERT_TRUE(header.contains(name)) << name << " is in setun_pkg.sv but not in setun_abi.h";
        EXPECT_EQ(header.at(name), value) << name;
    }
}

TEST(Abi, RtlPackageLacksNothing) {
    const Constants package = package_constants();
    for (const auto& [name, value] : header_constants()) {
        if (starts_with(name, "CTRL_") || starts_with(name, "WAIT_")) {
            continue;  // bit masks; the RTL writes bits
        }
        EXPECT_TRUE(package.contains(name)) << name << " is in setun_abi.h but not in setun_pkg.sv";
    }
}

TEST(Abi, DocumentedRegistersEqualHeader) {
    const Constants header = header_constants();
    std::map<std::uint64_t, std::string> documented;
    for (const auto& row : table_rows("Register map")) {
        std::string name = row.at(1);
        if (name == "W_BASE p") {
            EXPECT_EQ(row.at(0), "0x030 + 12 p, 0x034 + 12 p");
            documented[SETUN_REG_W_BASE_LO] = documented[SETUN_REG_W_BASE_HI] = name;
            continue;
        }
        std::istringstream offsets(row.at(0));
        const bool two = row.at(0).find(',') != std::string::npos;
        const bool wide = row.size() > 3 && starts_with(row.at(3), "64-bit");
        std::string suffix = two || wide ? "_LO" : "";
        for (std::string offset; std::getline(offsets, offset, ',');) {
            const std::uint64_t value = std::stoull(offset, nullptr, 16);
            ASSERT_TRUE(header.contains("REG_" + name + suffix)) << name << suffix;
            EXPECT_EQ(header.at("REG_" + name + suffix), value) << name << suffix;
            documented[value] = name;
            suffix = "_HI";
        }
    }
    for (const auto& [name, value] : header) {
        if (starts_with(name, "REG_") && name != "REG_W_STRIDE" && name != "REG_END") {
            EXPECT_TRUE(documented.contains(value)) << name << " is not documented";
        }
    }
}

TEST(Abi, DocumentedResetValuesEqualRtl) {
    const std::string page = read("docs/command-interface.md");
    std::smatch match;
    ASSERT_TRUE(std::regex_search(page, match, std::regex(R"(reset value (0x[0-9A-Fa-f]+))")));
    EXPECT_EQ(std::stoull(match[1], nullptr, 16), package_constants().at("WATCHDOG_RESET"));
    ASSERT_TRUE(std::regex_search(page, match, std::regex(R"(\| MAGIC \| R \| (0x[0-9A-Fa-f]+))")));
    EXPECT_EQ(std::stoull(match[1], nullptr, 16), SETUN_MAGIC);
    ASSERT_TRUE(std::regex_search(page, match, std::regex(R"(\| VERSION \| R \| (0x[0-9A-Fa-f]+))")));
    EXPECT_EQ(std::stoull(match[1], nullptr, 16), SETUN_ABI_VERSION);
    EXPECT_NE(page.find("accesses from 0x278 on return SLVERR"), std::string::npos);
    EXPECT_EQ(SETUN_REG_END, 0x278U);
}

TEST(Abi, DocumentedErrorsEqualHeader) {
    const Constants header = header_constants();
    std::size_t documented = 0;
    for (const auto& row : table_rows("Errors")) {
        const std::string name = "ERR_" + row.at(1);
        ASSERT_TRUE(header.contains(name)) << name;
        EXPECT_EQ(header.at(name), std::stoull(row.at(0))) << name;
        ++documented;
    }
    std::size_t errors = 0;
    for (const auto& [name, value] : header) {
        errors += starts_with(name, "ERR_") && name != "ERR_NONE" ? 1U : 0U;
    }
    EXPECT_EQ(documented, errors);
}

TEST(Abi, DocumentedDescriptorEqualsStruct) {
    struct Field {
        std::size_t offset;
        std::size_t size;
    };
    const std::map<std::string, Field> fields = {
        {"version", {offsetof(Command, version), sizeof(Command::version)}},
        {"opcode", {offsetof(Command, opcode), sizeof(Command::opcode)}},
        {"flags", {offsetof(Command, flags), sizeof(Command::flags)}},
        {"tag", {offsetof(Command, tag), sizeof(Command::tag)}},
        {"weight_offset", {offsetof(Command, weight_offset), sizeof(Command::weight_offset)}},
        {"x_offset", {offsetof(Command, x_offset), sizeof(Command::x_offset)}},
        {"y_offset", {offsetof(Command, y_offset), sizeof(Command::y_offset)}},
        {"m", {offsetof(Command, m), sizeof(Command::m)}},
        {"k", {offsetof(Command, k), sizeof(Command::k)}},
        {"tokens", {offsetof(Command, tokens), sizeof(Command::tokens)}},
        {"planes", {offsetof(Command, planes), sizeof(Command::planes)}},
        {"encoding", {offsetof(Command, encoding), sizeof(Command::encoding)}},
        {"x_stride", {offsetof(Command, x_stride), sizeof(Command::x_stride)}},
        {"reserved", {offsetof(Command, reserved), sizeof(Command::reserved)}}};
    std::size_t end = 0;
    const auto rows = table_rows("command descriptor");
    EXPECT_EQ(rows.size(), fields.size());
    for (const auto& row : rows) {
        ASSERT_TRUE(fields.contains(row.at(2))) << row.at(2);
        const Field& field = fields.at(row.at(2));
        EXPECT_EQ(std::stoull(row.at(0), nullptr, 16), field.offset) << row.at(2);
        EXPECT_EQ(std::stoull(row.at(1)), field.size) << row.at(2);
        EXPECT_EQ(field.offset, end) << row.at(2) << ": a gap before it";
        end = field.offset + field.size;
    }
    EXPECT_EQ(end, SETUN_COMMAND_BYTES);
}

}  // namespace
}  // namespace setun
