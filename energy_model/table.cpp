// Technology tables: reading, checking, looking up.
#include "energy_model/table.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <nlohmann/json.hpp>
#include <utility>

#include "energy_model/builtin_tables.h"
#include "energy_model/json_reader.h"

namespace setun::energy {
namespace {

using nlohmann::json;
using Reader = JsonReader<TableError>;

// Published numbers are between a femtojoule and a microjoule; anything else is a unit error.
constexpr double kSmallestPj = 1e-3;
constexpr double kLargestPj = 1e6;
constexpr std::uint64_t kLargestSram = 1ULL << 40U;
constexpr std::uint64_t kWidestSram = 1U << 16U;
constexpr double kLargestWatt = 1e4;
constexpr double kSlowestHz = 1e3;  // anything less was meant as MHz or GHz
constexpr double kFastestHz = 1e11;

constexpr std::array<std::string_view, 7> kAccuracies = {"published", "second-hand", "remembered", "derived",
                                                         "measured",  "assumption",  "user"};

std::string accuracy_of(const Reader& object) {
    std::string accuracy = object.text("accuracy");
    if (std::find(kAccuracies.begin(), kAccuracies.end(), accuracy) == kAccuracies.end()) {
        object.fail(fmt::format("accuracy '{}' is not one of {}", accuracy, fmt::join(kAccuracies, ", ")));
    }
    return accuracy;
}

double energy_of(const Reader& object, const char* field) {
    const json& value = object.value().at(field);
    const double energy = value.is_number() ? value.get<double>() : 0.0;
    if (!std::isfinite(energy) || energy < kSmallestPj || energy > kLargestPj) {
        object.fail(
            fmt::format("energy must be a number between {} and {} picojoule", kSmallestPj, kLargestPj));
    }
    return energy;
}

/// A number in [low, high] with its unit in the message.
double number_of(const Reader& object, const char* field, double low, double high, const char* unit) {
    const auto it = object.value().find(field);
    const double value = it != object.value().end() && it->is_number() ? it->get<double>() : -1.0;
    if (!std::isfinite(value) || value < low || value > high) {
        object.fail(fmt::format("'{}' must be a number between {:g} and {:g} {}", field, low, high, unit));
    }
    return value;
}

Entry parse_entry(const json& value, std::string_view origin, std::size_t index) {
    static constexpr std::array<std::string_view, 7> kFields = {
        "op", "energy_pj", "energy_pj_per_bit", "node", "source", "accuracy", "condition"};
    Entry entry;
    entry.op = Reader(value, fmt::format("{}: entry '#{}'", origin, index)).text("op");
    const Reader object(value, fmt::format("{}: entry '{}'", origin, entry.op));
    object.refuse_unknown(kFields);
    entry.source = object.text("source");
    entry.node = object.text("node");
    entry.condition = object.text("condition");
    entry.accuracy = accuracy_of(object);
    const bool per_operation = object.has("energy_pj");
    if (per_operation == object.has("energy_pj_per_bit")) {
        object.fail("give exactly one of 'energy_pj' and 'energy_pj_per_bit'");
    }
    entry.unit = per_operation ? Unit::kOperation : Unit::kBit;
    entry.energy_pj = energy_of(object, per_operation ? "energy_pj" : "energy_pj_per_bit");
    return entry;
}

SramPoint parse_sram(const json& value, std::string_view origin, std::size_t index) {
    static constexpr std::array<std::string_view, 7> kFields = {"bytes",  "width_bits", "read_pj",  "node",
                                                                "source", "accuracy",   "condition"};
    const Reader object(value, fmt::format("{}: sram '#{}'", origin, index));
    object.refuse_unknown(kFields);
    SramPoint point;
    point.bytes = object.integer("bytes", 1, kLargestSram);
    point.width_bits = static_cast<unsigned>(object.integer("width_bits", 1, kWidestSram));
    if (!object.has("read_pj")) {
        object.fail("'read_pj' is missing; give picojoules of one read");
    }
    point.read_pj = energy_of(object, "read_pj");
    point.node = object.text("node");
    point.source = object.text("source");
    point.accuracy = accuracy_of(object);
    point.condition = object.text("condition");
    return point;
}

std::vector<SramPoint> parse_sram_list(const json& list, std::string_view origin) {
    if (!list.is_array() || list.empty()) {
        throw TableError(fmt::format("{}: 'sram' must be a list with at least one point", origin));
    }
    std::vector<SramPoint> points;
    for (const json& value : list) {
        points.push_back(parse_sram(value, origin, points.size()));
    }
    std::sort(points.begin(), points.end(),
              [](const SramPoint& a, const SramPoint& b) { return a.bytes < b.bytes; });
    for (std::size_t i = 1; i < points.size(); ++i) {
        if (points[i].bytes == points[i - 1].bytes) {
            throw TableError(
                fmt::format("{}: sram of {} bytes is given twice; keep one", origin, points[i].bytes));
        }
    }
    return points;
}

StaticPower parse_static(const json& value, std::string_view origin) {
    static constexpr std::array<std::string_view, 5> kFields = {"power_w", "clock_hz", "source", "accuracy",
                                                                "condition"};
    const Reader object(value, fmt::format("{}: static", origin));
    object.refuse_unknown(kFields);
    StaticPower power;
    power.power_w = number_of(object, "power_w", 0, kLargestWatt, "watt");
    power.clock_hz = number_of(object, "clock_hz", kSlowestHz, kFastestHz, "hertz");
    power.source = object.text("source");
    power.accuracy = accuracy_of(object);
    power.condition = object.text("condition");
    return power;
}

}  // namespace

Table::Table(std::string name, std::string title, std::vector<Entry> entries, std::vector<SramPoint> sram,
             std::optional<StaticPower> static_power)
    : name_(std::move(name)),
      title_(std::move(title)),
      entries_(std::move(entries)),
      sram_(std::move(sram)),
      static_power_(std::move(static_power)) {}

const Entry& Table::at(std::string_view op) const {
    const auto it =
        std::find_if(entries_.begin(), entries_.end(), [op](const Entry& e) { return e.op == op; });
    if (it != entries_.end()) {
        return *it;
    }
    std::vector<std::string_view> names;
    for (const Entry& entry : entries_) {
        names.push_back(entry.op);
    }
    throw TableError(
        fmt::format("table '{}' has no entry '{}'; it has {}", name_, op, fmt::join(names, ", ")));
}

const Entry& Table::at(std::string_view op, Unit unit) const {
    const Entry& entry = at(op);
    if (entry.unit != unit) {
        throw TableError(fmt::format("table '{}': entry '{}' must be given per {}: use '{}'", name_, op,
                                     unit == Unit::kBit ? "bit" : "operation",
                                     unit == Unit::kBit ? "energy_pj_per_bit" : "energy_pj"));
    }
    return entry;
}

bool Table::contains(std::string_view op) const noexcept {
    return std::any_of(entries_.begin(), entries_.end(), [op](const Entry& e) { return e.op == op; });
}

Table parse_table(std::string_view text, std::string_view origin) {
    static constexpr std::array<std::string_view, 5> kFields = {"name", "title", "entries", "sram", "static"};
    const json document = Reader::parse(text, origin);
    if (!document.is_object()) {
        throw TableError(fmt::format("{}: must be an object with name, title and entries", origin));
    }
    const Reader object(document, std::string(origin));
    object.refuse_unknown(kFields);
    std::string name = object.text("name");
    std::string title = object.text("title");
    const auto list = document.find("entries");
    if (list == document.end() || !list->is_array() || list->empty()) {
        object.fail("'entries' must be a list with at least one entry");
    }
    std::vector<Entry> entries;
    for (const json& value : *list) {
        Entry entry = parse_entry(value, origin, entries.size());
        const bool twice =
            std::any_of(entries.begin(), entries.end(), [&](const Entry& e) { return e.op == entry.op; });
        if (twice) {
            object.fail(fmt::format("entry '{}': given twice; keep one", entry.op));
        }
        entries.push_back(std::move(entry));
    }
    std::vector<SramPoint> sram;
    if (object.has("sram")) {
        sram = parse_sram_list(document.at("sram"), origin);
    }
    std::optional<StaticPower> power;
    if (object.has("static")) {
        power = parse_static(document.at("static"), origin);
    }
    return {std::move(name), std::move(title), std::move(entries), std::move(sram), std::move(power)};
}

Table load_table(const std::filesystem::path& file) {
    std::ifstream stream(file, std::ios::binary);
    if (!stream) {
        throw TableError(fmt::format("{}: cannot be read", file.string()));
    }
    const std::string text{std::istreambuf_iterator<char>(stream), std::istreambuf_iterator<char>()};
    return parse_table(text, file.string());
}

Table builtin_table(std::string_view name) {
    for (const BuiltinTable& table : builtin_tables()) {
        if (table.name == name) {
            return parse_table(table.json, fmt::format("builtin table {}", name));
        }
    }
    throw TableError(fmt::format("no builtin technology table '{}'; builtin are {}", name,
                                 fmt::join(builtin_table_names(), ", ")));
}

std::vector<std::string> builtin_table_names() {
    std::vector<std::string> names;
    for (const BuiltinTable& table : builtin_tables()) {
        names.emplace_back(table.name);
    }
    return names;
}

Table find_table(const std::string& name_or_path) {
    const std::vector<std::string> names = builtin_table_names();
    if (std::find(names.begin(), names.end(), name_or_path) != names.end()) {
        return builtin_table(name_or_path);
    }
    if (std::filesystem::is_regular_file(name_or_path)) {
        return load_table(name_or_path);
    }
    throw TableError(fmt::format("technology table '{}' is neither builtin ({}) nor a file", name_or_path,
                                 fmt::join(names, ", ")));
}

}  // namespace setun::energy
