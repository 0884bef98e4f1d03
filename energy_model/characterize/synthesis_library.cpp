// Writes the merged library for synthesis.
#include "energy_model/characterize/synthesis_library.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <iterator>

namespace setun::characterize {
namespace {

using Out = std::back_insert_iterator<std::string>;

bool is_wanted(const LibertyCell& cell) {
    return cell.kind == CellKind::kCombinational && cell.outputs.size() == 1 && !cell.inputs.empty() &&
           !cell.name.starts_with("HB") && !cell.name.starts_with("CKINV");
}

void write_list(Out out, const std::vector<double>& list) {
    fmt::format_to(out, "\"{:.6g}\"", fmt::join(list, ","));
}

void write_table(Out out, const char* name, const LookupTable& table) {
    if (table.index1.empty()) {
        fmt::format_to(out, "        {} (scalar) {{ values(\"{:.6g}\"); }}\n", name, table.values.front());
        return;
    }
    fmt::format_to(out, "        {} (by_slew_and_load) {{ index_1(", name);
    write_list(out, table.index1);
    fmt::format_to(out, "); index_2(");
    write_list(out, table.index2);
    fmt::format_to(out, "); values(");
    const std::size_t width = std::max<std::size_t>(1, table.index2.size());
    for (std::size_t row = 0; row * width < table.values.size(); ++row) {
        const auto first = table.values.begin() + static_cast<std::ptrdiff_t>(row * width);
        fmt::format_to(out, "{}", row == 0 ? "" : ",");
        write_list(out, std::vector<double>(first, first + static_cast<std::ptrdiff_t>(width)));
    }
    fmt::format_to(out, "); }}\n");
}

void raise_to(std::optional<LookupTable>& worst, const std::optional<LookupTable>& other) {
    if (!other) {
        return;
    }
    if (!worst) {
        worst = other;
        return;
    }
    for (std::size_t i = 0; i < worst->values.size(); ++i) {
        const std::size_t width = std::max<std::size_t>(1, worst->index2.size());
        const double x1 = worst->index1.empty() ? 0 : worst->index1[i / width];
        const double x2 = worst->index2.empty() ? 0 : worst->index2[i % width];
        worst->values[i] = std::max(worst->values[i], other->at(x1, x2));
    }
}

void write_arcs(Out out, const LibertyCell& cell, const LibertyPin& pin) {
    for (unsigned i = 0; i < cell.inputs.size(); ++i) {
        TimingArc worst;
        bool found = false;
        for (const TimingArc& arc : pin.arcs) {
            if (arc.related != i || !arc.delay_rise || !arc.delay_fall) {
                continue;
            }
            raise_to(worst.delay_rise, arc.delay_rise);
            raise_to(worst.delay_fall, arc.delay_fall);
            raise_to(worst.slew_rise, arc.slew_rise);
            raise_to(worst.slew_fall, arc.slew_fall);
            worst.sense = !found || worst.sense == arc.sense ? arc.sense : Sense::kEither;
            found = true;
        }
        if (!found) {
            continue;
        }
        const char* sense = worst.sense == Sense::kPositive   ? "positive_unate"
                            : worst.sense == Sense::kNegative ? "negative_unate"
                                                              : "non_unate";
        fmt::format_to(out, "      timing () {{ related_pin : \"{}\"; timing_sense : {};\n",
                       cell.inputs[i].name, sense);
        write_table(out, "cell_rise", *worst.delay_rise);
        write_table(out, "cell_fall", *worst.delay_fall);
        if (worst.slew_rise && worst.slew_fall) {
            write_table(out, "rise_transition", *worst.slew_rise);
            write_table(out, "fall_transition", *worst.slew_fall);
        }
        fmt::format_to(out, "      }}\n");
    }
}

}  // namespace

std::string synthesis_liberty(const LibertyLibrary& library) {
    std::string text;
    const Out out(text);
    fmt::format_to(
        out,
        "library (synthesis) {{\n  delay_model : table_lookup; time_unit : \"1ps\"; capacitive_load_unit "
        "(1,ff);\n"
        "  voltage_unit : \"1V\"; current_unit : \"1mA\"; leakage_power_unit : \"1pW\"; nom_voltage : {};\n"
        "  lu_table_template (by_slew_and_load) {{ variable_1 : input_net_transition; variable_2 : "
        "total_output_net_capacitance;\n    index_1 (\"1,2,3,4,5,6,7\"); index_2 (\"1,2,3,4,5,6,7\"); }}\n",
        library.voltage);
    for (const LibertyCell& cell : library.cells) {
        const bool flip_flop = cell.name == kFlipFlopCell;
        if (!flip_flop && !is_wanted(cell)) {
            continue;
        }
        fmt::format_to(out, "  cell ({}) {{ area : {};\n", cell.name, cell.area);
        if (flip_flop) {
            fmt::format_to(out, "    ff ({},{}) {{ clocked_on : \"{}\"; next_state : \"{}\"; }}\n",
                           cell.state_name, cell.state_inverse, cell.clocked_on, cell.next_state);
        }
        for (const LibertyPin& pin : cell.inputs) {
            fmt::format_to(out, "    pin ({}) {{ direction : input; capacitance : {};{} }}\n", pin.name,
                           pin.capacitance, flip_flop && pin.name == cell.clocked_on ? " clock : true;" : "");
        }
        for (const LibertyPin& pin : cell.outputs) {
            fmt::format_to(out, "    pin ({}) {{ direction : output; function : \"{}\";", pin.name,
                           pin.function);
            if (pin.max_capacitance > 0) {
                fmt::format_to(out, " max_capacitance : {};", pin.max_capacitance);
            }
            fmt::format_to(out, "\n");
            if (!flip_flop) {
                write_arcs(out, cell, pin);
            }
            fmt::format_to(out, "    }}\n");
        }
        fmt::format_to(out, "  }}\n");
    }
    fmt::format_to(out, "}}\n");
    return text;
}

}  // namespace setun::characterize
