// Vector commands: docs/command-interface.md section 5 against rtl/setun_vector_abi.h, the units' refusals
// and hls/contract.h.
#include <gtest/gtest.h>

#include <array>
#include <cmath>
#include <cstddef>
#include <cstdint>
#include <fstream>
#include <iterator>
#include <map>
#include <regex>
#include <set>
#include <sstream>
#include <string>
#include <vector>

#include "hls/contract.h"
#include "rtl/setun_vector_abi.h"
#include "sim/vp/vector_command.h"

namespace setun {
namespace {

using Rows = std::vector<std::vector<std::string>>;

std::string read(const std::string& path) {
    std::ifstream stream(std::string(SETUN_SOURCE_DIR) + "/" + path);
    EXPECT_TRUE(stream) << path;
    return {std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
}

std::string trimmed(const std::string& cell) {
    const auto first = cell.find_first_not_of(' ');
    return first == std::string::npos ? "" : cell.substr(first, cell.find_last_not_of(' ') - first + 1);
}

/// Cells of every table row of a subsection ("### 5.2 ..."), without headers and rulers.
Rows table(const std::string& heading) {
    std::istringstream stream(read("docs/command-interface.md"));
    Rows rows;
    bool inside = false;
    for (std::string line; std::getline(stream, line);) {
        if (line.rfind("##", 0) == 0) {
            inside = line.rfind("### " + heading, 0) == 0;
        } else if (inside && line.rfind("| ", 0) == 0 &&
                   std::isdigit(static_cast<unsigned char>(line[2])) != 0) {
            std::istringstream cells(line.substr(1));
            rows.emplace_back();
            for (std::string cell; std::getline(cells, cell, '|');) {
                rows.back().push_back(trimmed(cell));
            }
        }
    }
    EXPECT_FALSE(rows.empty()) << heading;
    return rows;
}

/// Constants SETUN_<prefix>NAME of the header, without those defined as something else than a number.
std::map<std::string, unsigned long> constants(const std::string& prefix) {
    const std::string text = read("rtl/setun_vector_abi.h");
    const std::regex line("#define\\s+SETUN_" + prefix + R"((\w+)\s+(0[xX][0-9a-fA-F]+|\d+)u)");
    std::map<std::string, unsigned long> found;
    for (auto it = std::sregex_iterator(text.begin(), text.end(), line); it != std::sregex_iterator(); ++it) {
        found[(*it)[1]] = std::stoul((*it)[2], nullptr, 0);
    }
    EXPECT_FALSE(found.empty()) << prefix;
    return found;
}

TEST(VectorDoc, OpcodesEqualTheHeader) {
    const auto opcodes = constants("OP_");
    const Rows rows = table("5.2");
    EXPECT_EQ(rows.size(), opcodes.size());
    for (const auto& row : rows) {
        ASSERT_TRUE(opcodes.contains(row.at(1))) << row.at(1);
        EXPECT_EQ(opcodes.at(row.at(1)), std::stoul(row.at(0), nullptr, 16)) << row.at(1);
    }
}

TEST(VectorDoc, EmptyCellsAreTheFieldsThatMustBeZero) {
    using Set = void (*)(VectorCommand&);
    // In the order of the table's columns.
    const std::array<Set, 12> set = {
        [](VectorCommand& c) { c.x_offset = 64; }, [](VectorCommand& c) { c.a_offset = 64; },
        [](VectorCommand& c) { c.y_offset = 64; }, [](VectorCommand& c) { c.b_offset = 64; },
        [](VectorCommand& c) { c.m = 1; },         [](VectorCommand& c) { c.k = 1; },
        [](VectorCommand& c) { c.columns = 1; },   [](VectorCommand& c) { c.planes = 1; },
        [](VectorCommand& c) { c.kind = 1; },      [](VectorCommand& c) { c.capacity = 1; },
        [](VectorCommand& c) { c.f0 = -0.0F; },    [](VectorCommand& c) { c.f1 = -0.0F; }};
    for (const auto& row : table("5.2")) {
        for (std::size_t i = 0; i < set.size(); ++i) {
            VectorCommand c;
            c.opcode = static_cast<std::uint8_t>(std::stoul(row.at(0), nullptr, 16));
            set.at(i)(c);
            const bool refused = vp::plan(c, 0, 0, {}).error == SETUN_ERR_FLAGS;
            const std::string cell = i + 2 < row.size() ? row[i + 2] : "";
            EXPECT_EQ(refused, cell.empty()) << row.at(1) << ", column " << i + 3;
        }
    }
}

TEST(VectorDoc, ErrorsEqualTheHeader) {
    std::map<std::string, unsigned long> documented;
    for (const auto& row : table("5.3")) {
        documented[row.at(1)] = std::stoul(row.at(0));
    }
    EXPECT_EQ(documented, constants("ERR_"));
}

TEST(VectorDoc, DescriptorEqualsTheStruct) {
#define SETUN_FIELD(name)                                                     \
    {                                                                         \
#name, { offsetof(VectorCommand, name), sizeof(VectorCommand::name) } \
    }
    const std::map<std::string, std::pair<std::size_t, std::size_t>> fields = {
        SETUN_FIELD(version),  SETUN_FIELD(opcode),   SETUN_FIELD(flags),    SETUN_FIELD(tag),
        SETUN_FIELD(a_offset), SETUN_FIELD(x_offset), SETUN_FIELD(y_offset), SETUN_FIELD(m),
        SETUN_FIELD(k),        SETUN_FIELD(columns),  SETUN_FIELD(planes),   SETUN_FIELD(kind),
        SETUN_FIELD(capacity), SETUN_FIELD(b_offset), SETUN_FIELD(f0),       SETUN_FIELD(f1)};
#undef SETUN_FIELD
    const Rows rows = table("5.1");
    EXPECT_EQ(rows.size(), fields.size());
    std::size_t end = 0;
    for (const auto& row : rows) {
        ASSERT_TRUE(fields.contains(row.at(2))) << row.at(2);
        const auto [offset, size] = fields.at(row.at(2));
        EXPECT_EQ(std::stoul(row.at(0), nullptr, 16), offset) << row.at(2);
        EXPECT_EQ(std::stoul(row.at(1)), size) << row.at(2);
        EXPECT_EQ(offset, end) << row.at(2) << ": a gap before it";
        end = offset + size;
    }
    EXPECT_EQ(end, SETUN_COMMAND_BYTES);
}

TEST(VectorDoc, KindsEqualTheHeader) {
    const std::string page = read("docs/command-interface.md");
    for (const auto& prefix : {"KV_", "GATE_"}) {
        for (const auto& [name, value] : constants(prefix)) {
            EXPECT_NE(page.find(std::to_string(value) + " " + name), std::string::npos) << name;
        }
    }
    EXPECT_EQ(SETUN_TRIT_CODE_T5, 1U);
    EXPECT_NE(page.find("trit code (1 T5)"), std::string::npos);
    EXPECT_EQ(SETUN_VFLAG_NO_GAIN, 1U);
    EXPECT_NE(page.find("bit 0 NO_GAIN"), std::string::npos);
}

/// The figures of section 5.4, and that a layer of 2B4T is small beside its matrices.
TEST(VectorDoc, CyclesOf2B4TAreThoseOfTheContract) {
    namespace contract = hls::contract;
    constexpr std::uint32_t kHidden = 2560;
    constexpr std::uint32_t kFfn = 6912;
    constexpr std::uint32_t kHeads = 20;
    constexpr std::uint32_t kKvHeads = 5;
    constexpr std::uint32_t kDim = 128;
    const auto layer = [](bool int8) {
        return 3 * contract::norm_quantize(kHidden, true) + contract::norm_quantize(kFfn, true) +
               contract::rope(kHeads, kDim) + contract::rope(kKvHeads, kDim) +
               contract::kv_append(kKvHeads, kDim, int8) +
               contract::attention(kHeads, kKvHeads, kDim, 512, int8) + contract::gate(kFfn, false) +
               2 * contract::residual(kHidden);
    };
    const std::string page = read("docs/command-interface.md");
    std::smatch match;
    ASSERT_TRUE(std::regex_search(
        page, match,
        std::regex(
            R"(takes ([\d,]+) clocks with an INT8 cache and ([\d,]+) with FLOAT32, where its matrices take ([\d,]+) on one 512-bit port:\n([\d.]+) and ([\d.]+) %)")));
    const auto number = [&match](std::size_t i) {
        std::string text = match[i];
        std::erase(text, ',');
        return std::stod(text);
    };
    const double matrices = number(3);
    EXPECT_NE(read("README.md").find("218,112"), std::string::npos) << "beats a port of a layer";
    EXPECT_EQ(matrices, 218112);
    for (const bool int8 : {true, false}) {
        const auto cycles = static_cast<double>(layer(int8));
        EXPECT_EQ(number(int8 ? 1 : 2), cycles);
        EXPECT_NEAR(number(int8 ? 4 : 5), 100 * cycles / matrices, 0.05);
    }
    EXPECT_LT(static_cast<double>(layer(true)), 0.12 * matrices);
}

}  // namespace
}  // namespace setun
