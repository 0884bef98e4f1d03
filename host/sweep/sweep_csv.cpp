// A sweep as CSV, and back: so that the parts of a sweep that ran as separate jobs can be joined.
#include "host/sweep/sweep_csv.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <functional>

#include "host/base/error.h"

namespace setun {
namespace {

/// Where a line of a file is, for errors.
struct Place {
    const std::string& origin;
    std::size_t line;
    const char* column;

    [[noreturn]] void fail(const std::string& problem) const {
        throw InputError(fmt::format("{}: line {}, column '{}': {}", origin, line, column, problem));
    }
};

template <class T>
void read(std::string_view text, T& value, const Place& place) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc() || end != text.data() + text.size()) {
        place.fail(fmt::format("'{}' is not a number in range", text));
    }
}

void read(std::string_view text, std::string& value, const Place& /*place*/) { value = text; }

void read(std::string_view text, bool& value, const Place& place) {
    if (text != "yes" && text != "no") {
        place.fail(fmt::format("'{}' is neither yes nor no", text));
    }
    value = text == "yes";
}

std::string quoted(const std::string& text) {
    if (text.find_first_of(",\"\r\n") == std::string::npos) {
        return text;
    }
    std::string result(1, '"');
    for (const char c : text) {
        result.append(c == '"' ? 2 : 1, c);
    }
    result += '"';
    return result;
}

template <class T>
std::string shown(const T& value) {
    return fmt::format("{}", value);
}
std::string shown(const std::string& value) { return quoted(one_line(value)); }
std::string shown(bool value) { return value ? "yes" : "no"; }

/// A line of the file under work.
struct Line {
    SweepCsvHead head;
    SweepRow row;
    bool marked = true;
};

struct Column {
    const char* name;
    std::function<std::string(const Line&)> write;
    std::function<void(std::string_view, Line&, const Place&)> read;
};

template <class Member>
Column column(const char* name, Member member) {
    return {
        name, [member](const Line& line) { return shown(member(line)); },
        [member](std::string_view text, Line& line, const Place& place) { read(text, member(line), place); }};
}

const std::vector<Column>& columns() {
    static const std::vector<Column> kColumns{
        column(
            "index", [](auto& l) -> auto& { return l.row.point.index; }),
        column(
            "shape", [](auto& l) -> auto& { return l.head.shape; }),
        column(
            "phase", [](auto& l) -> auto& { return l.head.phase; }),
        column(
            "tech", [](auto& l) -> auto& { return l.head.tech; }),
        column(
            "ports", [](auto& l) -> auto& { return l.row.point.ports; }),
        column(
            "port_bits", [](auto& l) -> auto& { return l.row.point.port_bits; }),
        column(
            "tokens", [](auto& l) -> auto& { return l.row.point.tokens; }),
        column(
            "leaf", [](auto& l) -> auto& { return l.row.point.leaf; }),
        column(
            "clock_hz", [](auto& l) -> auto& { return l.row.point.clock_hz; }),
        column(
            "memory", [](auto& l) -> auto& { return l.row.point.memory; }),
        column(
            "context", [](auto& l) -> auto& { return l.row.point.context; }),
        column(
            "batch", [](auto& l) -> auto& { return l.row.point.batch; }),
        column(
            "passes", [](auto& l) -> auto& { return l.row.passes; }),
        column(
            "cycles", [](auto& l) -> auto& { return l.row.cycles; }),
        column(
            "projected", [](auto& l) -> auto& { return l.row.projected; }),
        column(
            "tokens_per_s", [](auto& l) -> auto& { return l.row.tokens_per_s; }),
        column(
            "roofline", [](auto& l) -> auto& { return l.row.roofline; }),
        column(
            "memory_bound", [](auto& l) -> auto& { return l.row.memory_bound; }),
        column(
            "fits", [](auto& l) -> auto& { return l.row.fits; }),
        column(
            "joules_per_token", [](auto& l) -> auto& { return l.row.joules_per_token; }),
        column(
            "arithmetic_j", [](auto& l) -> auto& { return l.row.arithmetic_j; }),
        column(
            "on_chip_j", [](auto& l) -> auto& { return l.row.on_chip_j; }),
        column(
            "off_chip_j", [](auto& l) -> auto& { return l.row.off_chip_j; }),
        column(
            "static_j", [](auto& l) -> auto& { return l.row.static_j; }),
        column(
            "fp16_joules_per_token", [](auto& l) -> auto& { return l.row.fp16_joules_per_token; }),
        column(
            "luts_estimate", [](auto& l) -> auto& { return l.row.luts; }),
        column(
            "ramb18_estimate", [](auto& l) -> auto& { return l.row.block_ram; }),
        column(
            "area_extrapolated", [](auto& l) -> auto& { return l.row.area_extrapolated; }),
        {"pareto", [](const Line& l) { return l.marked ? shown(l.row.pareto) : std::string(); },
         [](std::string_view text, Line& l, const Place& place) {
             if (!text.empty()) {
                 read(text, l.row.pareto, place);
             }
         }},
    };
    return kColumns;
}

/// Fields of a line, which may hold quoted ones.
std::vector<std::string> fields_of(std::string_view line, const std::string& origin, std::size_t number) {
    std::vector<std::string> fields(1);
    bool inside = false;
    for (std::size_t i = 0; i < line.size(); ++i) {
        if (line[i] == '"') {
            if (inside && i + 1 < line.size() && line[i + 1] == '"') {
                fields.back() += line[++i];
            } else {
                inside = !inside;
            }
        } else if (line[i] == ',' && !inside) {
            fields.emplace_back();
        } else {
            fields.back() += line[i];
        }
    }
    if (inside) {
        throw InputError(fmt::format("{}: line {}: a quote is not closed", origin, number));
    }
    return fields;
}

}  // namespace

std::string sweep_csv(const SweepCsvHead& head, const std::vector<SweepRow>& rows, bool marked) {
    std::vector<std::string> cells;
    for (const Column& c : columns()) {
        cells.emplace_back(c.name);
    }
    std::string csv = fmt::format("{}\n", fmt::join(cells, ","));
    for (const SweepRow& row : rows) {
        const Line line{head, row, marked};
        std::transform(columns().begin(), columns().end(), cells.begin(),
                       [&line](const Column& c) { return c.write(line); });
        csv += fmt::format("{}\n", fmt::join(cells, ","));
    }
    return csv;
}

SweepCsv parse_sweep_csv(std::string_view text, const std::string& origin) {
    SweepCsv result;
    std::size_t number = 0;
    while (!text.empty()) {
        ++number;
        const std::size_t end = std::min(text.find('\n'), text.size());
        std::string_view line_text = text.substr(0, end);
        text.remove_prefix(std::min(end + 1, text.size()));
        if (!line_text.empty() && line_text.back() == '\r') {
            line_text.remove_suffix(1);
        }
        const std::vector<std::string> fields = fields_of(line_text, origin, number);
        if (fields.size() != columns().size()) {
            throw InputError(fmt::format("{}: line {} has {} columns; a sweep has {}", origin, number,
                                         fields.size(), columns().size()));
        }
        Line line;
        for (std::size_t i = 0; i < fields.size(); ++i) {
            const Column& c = columns()[i];
            const Place place{origin, number, c.name};
            if (number != 1) {
                c.read(fields[i], line, place);
            } else if (fields[i] != c.name) {
                place.fail(
                    fmt::format("is called '{}'; not written by this version of setun sweep", fields[i]));
            }
        }
        if (number == 1) {
            continue;
        }
        if (number == 2) {
            result.head = line.head;
        } else if (line.head != result.head) {
            throw InputError(fmt::format("{}: line {} is of another model, phase or table", origin, number));
        }
        result.rows.push_back(std::move(line.row));
    }
    if (number == 0) {
        throw InputError(fmt::format("{}: is empty; expected the CSV of a sweep", origin));
    }
    return result;
}

SweepCsv merge_sweeps(const std::vector<SweepCsv>& parts) {
    SweepCsv merged;
    for (const SweepCsv& part : parts) {
        if (part.rows.empty()) {
            continue;  // a shard may have nothing to do
        }
        if (merged.rows.empty()) {
            merged.head = part.head;
        } else if (part.head != merged.head) {
            throw InputError(fmt::format("--merge: parts of different sweeps: {}, {}, {} and {}, {}, {}",
                                         merged.head.shape, merged.head.phase, merged.head.tech,
                                         part.head.shape, part.head.phase, part.head.tech));
        }
        merged.rows.insert(merged.rows.end(), part.rows.begin(), part.rows.end());
    }
    if (merged.rows.empty()) {
        throw InputError("--merge: no part has a row");
    }
    std::sort(merged.rows.begin(), merged.rows.end(),
              [](const SweepRow& a, const SweepRow& b) { return a.point.index < b.point.index; });
    for (std::size_t i = 0; i < merged.rows.size(); ++i) {
        const std::uint64_t index = merged.rows[i].point.index;
        if (index != i) {
            throw InputError(fmt::format("--merge: configuration {} is {}", std::min<std::uint64_t>(index, i),
                                         index < i ? "there twice" : "missing; give the CSV of every shard"));
        }
    }
    mark_pareto(merged.rows);
    return merged;
}

}  // namespace setun
