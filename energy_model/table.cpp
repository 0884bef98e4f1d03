// Technology tables: reading, checking, looking up.
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
#include "energy_model/energy.h"

namespace setun::energy {
namespace {

using nlohmann::json;

// Published numbers are between a femtojoule and a microjoule; anything else is a unit error.
constexpr double kSmallestPj = 1e-3;
constexpr double kLargestPj = 1e6;

constexpr std::array<std::string_view, 5> kAccuracies = {"published", "second-hand", "derived", "measured",
                                                         "user"};

[[noreturn]] void fail(std::string_view origin, std::string_view entry, const std::string& problem) {
    if (entry.empty()) {
        throw TableError(fmt::format("{}: {}", origin, problem));
    }
    throw TableError(fmt::format("{}: entry '{}': {}", origin, entry, problem));
}

bool is_blank(const std::string& text) { return text.find_first_not_of(" \t\r\n") == std::string::npos; }

std::string required_text(const json& object, const char* field, std::string_view origin,
                          std::string_view entry) {
    const auto it = object.find(field);
    if (it == object.end() || !it->is_string() || is_blank(it->get_ref<const std::string&>())) {
        fail(origin, entry, fmt::format("'{}' is missing or empty; give it as text", field));
    }
    return it->get<std::string>();
}

void refuse_unknown_fields(const json& object, std::span<const std::string_view> known,
                           std::string_view origin, std::string_view entry) {
    for (const auto& item : object.items()) {
        if (std::find(known.begin(), known.end(), item.key()) == known.end()) {
            fail(origin, entry,
                 fmt::format("unknown field '{}'; known are {}", item.key(), fmt::join(known, ", ")));
        }
    }
}

Entry parse_entry(const json& object, std::string_view origin, std::size_t index) {
    static constexpr std::array<std::string_view, 7> kFields = {
        "op", "energy_pj", "energy_pj_per_bit", "node", "source", "accuracy", "condition"};
    const std::string position = fmt::format("#{}", index);
    if (!object.is_object()) {
        fail(origin, position, "must be an object");
    }
    Entry entry;
    entry.op = required_text(object, "op", origin, position);
    refuse_unknown_fields(object, kFields, origin, entry.op);
    entry.source = required_text(object, "source", origin, entry.op);
    entry.node = required_text(object, "node", origin, entry.op);
    entry.condition = required_text(object, "condition", origin, entry.op);
    entry.accuracy = required_text(object, "accuracy", origin, entry.op);
    if (std::find(kAccuracies.begin(), kAccuracies.end(), entry.accuracy) == kAccuracies.end()) {
        fail(origin, entry.op,
             fmt::format("accuracy '{}' is not one of {}", entry.accuracy, fmt::join(kAccuracies, ", ")));
    }
    const bool per_operation = object.contains("energy_pj");
    if (per_operation == object.contains("energy_pj_per_bit")) {
        fail(origin, entry.op, "give exactly one of 'energy_pj' and 'energy_pj_per_bit'");
    }
    entry.unit = per_operation ? Unit::kOperation : Unit::kBit;
    const json& value = object.at(per_operation ? "energy_pj" : "energy_pj_per_bit");
    entry.energy_pj = value.is_number() ? value.get<double>() : 0.0;
    if (!std::isfinite(entry.energy_pj) || entry.energy_pj < kSmallestPj || entry.energy_pj > kLargestPj) {
        fail(origin, entry.op,
             fmt::format("energy must be a number between {} and {} picojoule", kSmallestPj, kLargestPj));
    }
    return entry;
}

}  // namespace

Table::Table(std::string name, std::string title, std::vector<Entry> entries)
    : name_(std::move(name)), title_(std::move(title)), entries_(std::move(entries)) {}

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

bool Table::contains(std::string_view op) const noexcept {
    return std::any_of(entries_.begin(), entries_.end(), [op](const Entry& e) { return e.op == op; });
}

Table parse_table(std::string_view text, std::string_view origin) {
    static constexpr std::array<std::string_view, 3> kFields = {"name", "title", "entries"};
    json document;
    try {
        document = json::parse(text);
    } catch (const json::parse_error& error) {
        throw TableError(fmt::format("{}: not valid JSON near byte {}", origin, error.byte));
    }
    if (!document.is_object()) {
        fail(origin, "", "must be an object with name, title and entries");
    }
    refuse_unknown_fields(document, kFields, origin, "");
    const std::string name = required_text(document, "name", origin, "");
    const std::string title = required_text(document, "title", origin, "");
    const auto list = document.find("entries");
    if (list == document.end() || !list->is_array() || list->empty()) {
        fail(origin, "", "'entries' must be a list with at least one entry");
    }
    std::vector<Entry> entries;
    for (const json& object : *list) {
        Entry entry = parse_entry(object, origin, entries.size());
        const bool twice =
            std::any_of(entries.begin(), entries.end(), [&](const Entry& e) { return e.op == entry.op; });
        if (twice) {
            fail(origin, entry.op, "given twice; keep one");
        }
        entries.push_back(std::move(entry));
    }
    return {name, title, std::move(entries)};
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
