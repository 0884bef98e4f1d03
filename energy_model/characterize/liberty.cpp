// From the syntax of a Liberty file to cells, with every unit and corner checked.
#include "energy_model/characterize/liberty.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <cstddef>
#include <system_error>
#include <unordered_map>
#include <utility>

#include "energy_model/characterize/error.h"
#include "energy_model/characterize/text_file.h"

namespace setun::characterize {
namespace {

constexpr std::size_t kMostInputs = 10;
constexpr std::size_t kMostOutputs = 4;
constexpr std::size_t kMostValues = 4096;  // of one table

class Reader {
  public:
    Reader(LibertyLibrary& library, const std::string& origin) : library_(library), origin_(origin) {}

    void read(const LibertyGroup& root) {
        check_units(root);
        const double voltage = number(root, "nom_voltage");
        if (library_.voltage != 0 && std::abs(library_.voltage - voltage) > 1e-9) {
            fail(root.line, fmt::format("is for {} V, the files before for {} V", voltage, library_.voltage));
        }
        library_.voltage = voltage;
        for (const LibertyGroup& group : root.groups) {
            if (group.type == "lu_table_template" || group.type == "power_lut_template") {
                templates_.emplace(argument(group), &group);
            }
        }
        for (const LibertyGroup& group : root.groups) {
            if (group.type == "cell") {
                library_.cells.push_back(cell(group));
            }
        }
    }

  private:
    [[noreturn]] void fail(unsigned line, const std::string& problem) const {
        throw CharacterizeError(fmt::format("{}:{}: {}", origin_, line, problem));
    }

    [[nodiscard]] std::string where(unsigned line) const { return fmt::format("{}:{}", origin_, line); }

    [[nodiscard]] std::string argument(const LibertyGroup& group) const {
        if (group.arguments.empty()) {
            fail(group.line, fmt::format("group '{}' has no name", group.type));
        }
        return std::string(group.arguments.front());
    }

    [[nodiscard]] double parse_number(std::string_view text, unsigned line) const {
        double value = 0;
        const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
        if (error != std::errc() || end != text.data() + text.size() || !std::isfinite(value)) {
            fail(line, fmt::format("'{}' is no number", text.substr(0, 40)));
        }
        return value;
    }

    [[nodiscard]] double number(const LibertyGroup& group, std::string_view name) const {
        const LibertyAttribute* attribute = group.find(name);
        if (attribute == nullptr || attribute->values.empty()) {
            fail(group.line, fmt::format("group '{}' has no '{}'", group.type, name));
        }
        return parse_number(attribute->values.front(), attribute->line);
    }

    [[nodiscard]] double number_or(const LibertyGroup& group, std::string_view name, double otherwise) const {
        return group.find(name) == nullptr ? otherwise : number(group, name);
    }

    // Numbers in one or several quoted lists.
    void numbers(const LibertyAttribute& attribute, std::vector<double>& list) const {
        for (const std::string_view text : attribute.values) {
            std::size_t at = 0;
            while (at < text.size()) {
                const std::size_t begin = text.find_first_not_of(" ,\t\r\n\\", at);
                if (begin == std::string_view::npos) {
                    break;
                }
                const std::size_t end = std::min(text.find_first_of(" ,\t\r\n\\", begin), text.size());
                list.push_back(parse_number(text.substr(begin, end - begin), attribute.line));
                if (list.size() > kMostValues) {
                    fail(attribute.line, fmt::format("a list of more than {} numbers", kMostValues));
                }
                at = end;
            }
        }
    }

    void check_units(const LibertyGroup& root) const {
        static constexpr std::array<std::pair<std::string_view, std::string_view>, 4> kUnits = {
            {{"time_unit", "1ps"},
             {"voltage_unit", "1V"},
             {"current_unit", "1mA"},
             {"leakage_power_unit", "1pW"}}};
        for (const auto& [name, unit] : kUnits) {
            if (root.text(name) != unit) {
                fail(root.line,
                     fmt::format("{} is '{}', only '{}' is understood", name, root.text(name), unit));
            }
        }
        const LibertyAttribute* load = root.find("capacitive_load_unit");
        if (load == nullptr || load->values.size() != 2 || parse_number(load->values[0], load->line) != 1 ||
            (load->values[1] != "ff" && load->values[1] != "fF")) {
            fail(root.line, "capacitive_load_unit is not (1,ff), the only one understood");
        }
    }

    [[nodiscard]] std::vector<double> index(const LibertyGroup& table, const LibertyGroup* shape,
                                            std::string_view name) const {
        const LibertyAttribute* attribute = table.find(name);
        if (attribute == nullptr && shape != nullptr) {
            attribute = shape->find(name);
        }
        std::vector<double> list;
        if (attribute != nullptr) {
            numbers(*attribute, list);
            for (std::size_t i = 1; i < list.size(); ++i) {
                if (list[i] <= list[i - 1]) {
                    fail(attribute->line, fmt::format("{} does not rise", name));
                }
            }
        }
        return list;
    }

    [[nodiscard]] LookupTable table(const LibertyGroup& group) const {
        LookupTable result;
        const std::string shape_name = argument(group);
        if (shape_name != "scalar") {
            const auto it = templates_.find(shape_name);
            const LibertyGroup* shape = it == templates_.end() ? nullptr : it->second;
            if (shape != nullptr && shape->text("variable_1") == "total_output_net_capacitance") {
                fail(shape->line, "a table whose first variable is the load; the slew must come first");
            }
            result.index1 = index(group, shape, "index_1");
            result.index2 = index(group, shape, "index_2");
            if (result.index1.empty()) {
                fail(group.line, fmt::format("table '{}' has no index_1, nor has its template '{}'",
                                             group.type, shape_name));
            }
        }
        const LibertyAttribute* values = group.find("values");
        if (values == nullptr) {
            fail(group.line, fmt::format("table '{}' has no values", group.type));
        }
        numbers(*values, result.values);
        const std::size_t wanted =
            std::max<std::size_t>(1, result.index1.size()) * std::max<std::size_t>(1, result.index2.size());
        if (result.values.size() != wanted) {
            fail(values->line, fmt::format("{} values where {} x {} should stand", result.values.size(),
                                           result.index1.size(), result.index2.size()));
        }
        return result;
    }

    [[nodiscard]] std::optional<LookupTable> table_in(const LibertyGroup& group,
                                                      std::string_view type) const {
        for (const LibertyGroup& child : group.groups) {
            if (child.type == type) {
                return table(child);
            }
        }
        return std::nullopt;
    }

    [[nodiscard]] std::optional<Expression> condition(const LibertyGroup& group,
                                                      const LibertyCell& cell) const {
        const LibertyAttribute* when = group.find("when");
        if (when == nullptr) {
            return std::nullopt;
        }
        return Expression(group.text("when"), cell.pin_names(), where(when->line));
    }

    [[nodiscard]] unsigned input_number(const LibertyGroup& group, const LibertyCell& cell) const {
        const std::string_view name = group.text("related_pin");
        for (std::size_t i = 0; i < cell.inputs.size(); ++i) {
            if (cell.inputs[i].name == name) {
                return static_cast<unsigned>(i);
            }
        }
        fail(group.line, fmt::format("related_pin '{}' is no input of cell '{}'", name, cell.name));
    }

    [[nodiscard]] static bool is_output(std::string_view name, const LibertyCell& cell) {
        return std::any_of(cell.outputs.begin(), cell.outputs.end(),
                           [name](const LibertyPin& pin) { return pin.name == name; });
    }

    [[nodiscard]] TimingArc timing(const LibertyGroup& group, const LibertyCell& cell) const {
        TimingArc arc;
        arc.related = input_number(group, cell);
        arc.when = condition(group, cell);
        const std::string_view sense = group.text("timing_sense");
        arc.sense = sense == "positive_unate"   ? Sense::kPositive
                    : sense == "negative_unate" ? Sense::kNegative
                                                : Sense::kEither;
        arc.type = group.text("timing_type");
        arc.delay_rise = table_in(group, "cell_rise");
        arc.delay_fall = table_in(group, "cell_fall");
        arc.slew_rise = table_in(group, "rise_transition");
        arc.slew_fall = table_in(group, "fall_transition");
        arc.constraint_rise = table_in(group, "rise_constraint");
        arc.constraint_fall = table_in(group, "fall_constraint");
        return arc;
    }

    [[nodiscard]] PowerGroup power(const LibertyGroup& group, const LibertyCell& cell, bool output) const {
        PowerGroup result;
        if (output) {
            result.related = input_number(group, cell);
        }
        result.when = condition(group, cell);
        result.rail = group.text("related_pg_pin");
        result.rise = table_in(group, "rise_power");
        result.fall = table_in(group, "fall_power");
        return result;
    }

    [[nodiscard]] LibertyPin pin(const LibertyGroup& group) const {
        LibertyPin result;
        result.name = argument(group);
        const std::string_view direction = group.text("direction");
        if (direction != "input" && direction != "output") {
            fail(group.line, fmt::format("pin '{}' is neither input nor output", result.name));
        }
        result.output = direction == "output";
        result.capacitance = number_or(group, "capacitance", 0);
        result.max_capacitance = number_or(group, "max_capacitance", 0);
        if (result.capacitance < 0) {
            fail(group.line, fmt::format("pin '{}' has a negative capacitance", result.name));
        }
        result.capacitance_low = low_capacitance(group, result.capacitance);
        result.clock_gate_clock = group.text("clock_gate_clock_pin") == "true";
        result.clock_gate_enable = group.text("clock_gate_enable_pin") == "true";
        result.clock_gate_test = group.text("clock_gate_test_pin") == "true";
        result.function = group.text("function");
        return result;
    }

    [[nodiscard]] double low_capacitance(const LibertyGroup& group, double nominal) const {
        double sum = 0;
        unsigned count = 0;
        for (const std::string_view name : {"rise_capacitance_range", "fall_capacitance_range"}) {
            const LibertyAttribute* range = group.find(name);
            if (range != nullptr && !range->values.empty()) {
                sum += parse_number(range->values.front(), range->line);
                ++count;
            }
        }
        return count == 0 ? nominal : sum / count;
    }

    [[nodiscard]] LibertyCell cell(const LibertyGroup& group) const {
        LibertyCell result;
        result.name = argument(group);
        result.origin = where(group.line);
        result.area = number_or(group, "area", 0);
        std::vector<const LibertyGroup*> pins;
        for (const LibertyGroup& child : group.groups) {
            if (child.type == "pin" && child.text("direction") != "internal") {
                LibertyPin read_pin = pin(child);
                (read_pin.output ? result.outputs : result.inputs).push_back(std::move(read_pin));
                pins.push_back(&child);
            }
        }
        if (result.inputs.size() > kMostInputs || result.outputs.size() > kMostOutputs) {
            fail(group.line, fmt::format("cell '{}' has more than {} inputs or {} outputs", result.name,
                                         kMostInputs, kMostOutputs));
        }
        classify(group, result);
        read_leakage(group, result);
        std::size_t in = 0;
        std::size_t out = 0;
        for (const LibertyGroup* child : pins) {
            LibertyPin& target =
                child->text("direction") == "output" ? result.outputs[out++] : result.inputs[in++];
            for (const LibertyGroup& part : child->groups) {
                // Pulse widths relate a pin to itself and are not used.
                // Full adders also relate their sum to their carry output: the inputs' own arcs say the same.
                if (is_output(part.text("related_pin"), result)) {
                    continue;
                }
                if (part.type == "timing" && part.text("timing_type") != "min_pulse_width") {
                    target.arcs.push_back(timing(part, result));
                } else if (part.type == "internal_power") {
                    target.powers.push_back(power(part, result, target.output));
                }
            }
        }
        return result;
    }

    void classify(const LibertyGroup& group, LibertyCell& cell) const {
        const bool gate = group.text("clock_gating_integrated_cell") == "latch_posedge_precontrol";
        bool sequential = group.find("clock_gating_integrated_cell") != nullptr;
        for (const LibertyGroup& child : group.groups) {
            if (child.type == "ff") {
                sequential = true;
                if (child.arguments.size() == 2 && child.find("clear") == nullptr &&
                    child.find("preset") == nullptr) {
                    cell.kind = CellKind::kFlipFlop;
                    cell.state_name = child.arguments[0];
                    cell.state_inverse = child.arguments[1];
                    cell.clocked_on = child.text("clocked_on");
                    cell.next_state = child.text("next_state");
                }
            } else if (child.type == "latch" || child.type == "statetable") {
                sequential = true;
            }
        }
        if (gate) {
            cell.kind = CellKind::kClockGate;
        } else if (!sequential && !cell.outputs.empty() &&
                   std::all_of(cell.outputs.begin(), cell.outputs.end(),
                               [](const LibertyPin& pin) { return !pin.function.empty(); })) {
            cell.kind = CellKind::kCombinational;
        }
    }

    void read_leakage(const LibertyGroup& group, LibertyCell& cell) const {
        double sum = 0;
        unsigned count = 0;
        for (const LibertyGroup& child : group.groups) {
            if (child.type == "leakage_power" && child.text("related_pg_pin") != "VSS") {
                sum += number(child, "value");
                ++count;
            }
        }
        cell.leakage = count == 0 ? 0 : sum / count;
    }

    LibertyLibrary& library_;
    const std::string& origin_;
    std::unordered_map<std::string, const LibertyGroup*> templates_;
};

// Position of x in an index: the segment and how far along it, beyond [0, 1] outside.
std::pair<std::size_t, double> locate(const std::vector<double>& index, double x) {
    if (index.size() < 2) {
        return {0, 0.0};
    }
    std::size_t i = 0;
    while (i + 2 < index.size() && x > index[i + 1]) {
        ++i;
    }
    return {i, (x - index[i]) / (index[i + 1] - index[i])};
}

}  // namespace

double LookupTable::at(double x1, double x2) const {
    const auto [i, u] = locate(index1, x1);
    const auto [j, v] = locate(index2, x2);
    const std::size_t width = std::max<std::size_t>(1, index2.size());
    const std::size_t down = index1.size() < 2 ? 0 : width;
    const std::size_t right = index2.size() < 2 ? 0 : 1;
    const std::size_t base = i * width + j;
    const double top = values[base] + v * (values[base + right] - values[base]);
    const double bottom = values[base + down] + v * (values[base + down + right] - values[base + down]);
    return top + u * (bottom - top);
}

std::vector<std::string> LibertyCell::input_names() const {
    std::vector<std::string> names;
    for (const LibertyPin& pin : inputs) {
        names.push_back(pin.name);
    }
    return names;
}

std::vector<std::string> LibertyCell::pin_names() const {
    std::vector<std::string> names = input_names();
    for (const LibertyPin& pin : outputs) {
        names.push_back(pin.name);
    }
    return names;
}

const LibertyCell* LibertyLibrary::find(std::string_view name) const {
    const auto it =
        std::lower_bound(cells.begin(), cells.end(), name,
                         [](const LibertyCell& cell, std::string_view key) { return cell.name < key; });
    return it == cells.end() || it->name != name ? nullptr : &*it;
}

const LibertyCell& LibertyLibrary::at(std::string_view name) const {
    const LibertyCell* cell = find(name);
    if (cell == nullptr) {
        throw CharacterizeError(fmt::format("the library has no cell '{}'", name));
    }
    return *cell;
}

namespace {

void add_group(LibertyLibrary& library, const LibertyGroup& root, const std::string& origin) {
    Reader(library, origin).read(root);
    std::stable_sort(library.cells.begin(), library.cells.end(),
                     [](const LibertyCell& a, const LibertyCell& b) { return a.name < b.name; });
    const auto twice =
        std::adjacent_find(library.cells.begin(), library.cells.end(),
                           [](const LibertyCell& a, const LibertyCell& b) { return a.name == b.name; });
    if (twice != library.cells.end()) {
        throw CharacterizeError(fmt::format("{}: cell '{}' was given before, at {}", (twice + 1)->origin,
                                            twice->name, twice->origin));
    }
}

}  // namespace

void add_liberty(LibertyLibrary& library, std::string_view text, const std::string& origin) {
    add_group(library, parse_liberty(text, origin), origin);
}

std::vector<std::filesystem::path> asap7_files(const std::filesystem::path& folder) {
    static constexpr std::array<std::string_view, 5> kFamilies = {"SIMPLE", "INVBUF", "AO", "OA", "SEQ"};
    std::error_code error;
    std::vector<std::string> names;
    for (auto it = std::filesystem::directory_iterator(folder, error);
         !error && it != std::filesystem::directory_iterator(); it.increment(error)) {
        names.push_back(it->path().filename().string());
    }
    if (error) {
        throw CharacterizeError(fmt::format("--liberty {}: cannot be read as a folder", folder.string()));
    }
    std::sort(names.begin(), names.end());
    std::vector<std::filesystem::path> files;
    for (const std::string_view family : kFamilies) {
        const std::string prefix = fmt::format("asap7sc7p5t_{}_RVT_TT_nldm_", family);
        const auto it = std::find_if(names.begin(), names.end(), [&](const std::string& name) {
            return name.starts_with(prefix) &&
                   (name.ends_with(".lib") || name.ends_with(".lib.gz") || name.ends_with(".lib.xz"));
        });
        if (it == names.end()) {
            throw CharacterizeError(fmt::format(
                "--liberty {}: holds no {}*.lib, .lib.gz or .lib.xz; fetch it from LIB/NLDM of GitHub "
                "The-OpenROAD-Project/asap7sc7p5t_28 (.lib.7z, to be unpacked) or from "
                "flow/platforms/asap7/lib/NLDM of OpenROAD-flow-scripts (.lib.gz)",
                folder.string(), prefix));
        }
        files.push_back(folder / *it);
    }
    return files;
}

LibertyLibrary read_asap7(const std::filesystem::path& folder) {
    LibertyLibrary library;
    for (const std::filesystem::path& file : asap7_files(folder)) {
        const std::string text = read_text_file(file);
        const std::string origin = file.filename().string();
        const LibertyGroup root = parse_liberty(text, origin);
        // Names of files can be changed: the corner is read from the text.
        const std::string_view name = root.arguments.empty() ? std::string_view{} : root.arguments.front();
        if (name.find("_RVT_TT_") == std::string_view::npos || root.text("nom_voltage") != "0.7" ||
            root.text("nom_temperature") != "25") {
            throw CharacterizeError(
                fmt::format("{}:{}: library '{}' at {} V, {} C is another corner than RVT, TT, 0.7 V, 25 C",
                            origin, root.line, name, root.text("nom_voltage"), root.text("nom_temperature")));
        }
        add_group(library, root, origin);
    }
    return library;
}

}  // namespace setun::characterize
