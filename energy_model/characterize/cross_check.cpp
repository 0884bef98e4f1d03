// Icarus Verilog and OpenSTA on our netlists, and the charge balance of the power tables.
#include "energy_model/characterize/cross_check.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <cstddef>
#include <fstream>
#include <iterator>
#include <set>
#include <sstream>
#include <string_view>

#include "energy_model/characterize/error.h"
#include "energy_model/characterize/measure.h"
#include "energy_model/characterize/process.h"
#include "energy_model/characterize/random.h"
#include "energy_model/characterize/simulator.h"
#include "energy_model/characterize/text_file.h"

namespace setun::characterize {
namespace {

using Out = std::back_insert_iterator<std::string>;

std::string net_name(Net net) {
    return net == kNetZero ? "1'b0" : net == kNetOne ? "1'b1" : fmt::format("n{}", net);
}

void write_file(const std::filesystem::path& file, const std::string& text) {
    std::ofstream stream(file, std::ios::binary);
    stream << text;
    stream.close();
    if (!stream) {
        throw CharacterizeError(fmt::format("{}: cannot be written", file.string()));
    }
}

void write_model(Out out, const LibertyCell& cell) {
    std::string pins;
    for (const LibertyPin& pin : cell.inputs) {
        pins += fmt::format("input {}, ", pin.name);
    }
    for (const LibertyPin& pin : cell.outputs) {
        pins += fmt::format("output {}, ", pin.name);
    }
    pins.resize(pins.size() - 2);
    fmt::format_to(out, "module {} ({});\n  parameter DELAY = 1;\n", cell.name, pins);
    if (cell.kind == CellKind::kClockGate) {
        std::string clock;
        std::string enable;
        for (const LibertyPin& pin : cell.inputs) {
            if (pin.clock_gate_clock) {
                clock = pin.name;
            } else {
                enable += (enable.empty() ? "" : " | ") + pin.name;
            }
        }
        fmt::format_to(out,
                       "  reg open;\n  initial open = 0;\n  always @* if (!{0}) open = {1};\n  assign {2} = "
                       "{0} & open;\n",
                       clock, enable, cell.outputs[0].name);
    } else if (cell.kind == CellKind::kFlipFlop) {
        const std::vector<std::string> names = cell.input_names();
        const Expression next(cell.next_state, names, cell.origin);
        for (const LibertyPin& pin : cell.outputs) {
            const std::string value =
                fmt::format("{}({})", pin.function == cell.state_name ? "" : "~", next.verilog(names));
            const bool at_zero = next(0) == (pin.function == cell.state_name);
            fmt::format_to(out,
                           "  reg {0}_q;\n  assign {0} = {0}_q;\n  initial {0}_q = {1};\n"
                           "  always @(posedge {2}) {0}_q <= #(DELAY) {3};\n",
                           pin.name, at_zero ? 1 : 0, cell.clocked_on, value);
        }
    } else {
        const std::vector<std::string> names = cell.input_names();
        for (const LibertyPin& pin : cell.outputs) {
            fmt::format_to(out, "  assign #(DELAY) {} = {};\n", pin.name,
                           Expression(pin.function, names, cell.origin).verilog(names));
        }
    }
    if (cell.kind != CellKind::kClockGate) {
        for (const LibertyPin& pin : cell.outputs) {
            fmt::format_to(out, "  always @({}) bench.toggles = bench.toggles + 1;\n", pin.name);
        }
    }
    fmt::format_to(out, "endmodule\n\n");
}

// Different delays from 10 to 60 ps, so that hardly two events meet and their order is not left to the tool.
std::vector<std::int64_t> made_up_delays(std::size_t count) {
    Random random(0);
    std::vector<std::int64_t> delays(count);
    for (std::int64_t& delay : delays) {
        delay = 10'000 + static_cast<std::int64_t>(random.uniform() * 50'000);
    }
    return delays;
}

// All ports as one vector each way, lowest bit first, so that a row of bits can be read and written at once.
std::string bench(const Design& design, const std::string& top, std::string_view clock, std::size_t cycles,
                  std::size_t first_counted) {
    std::string text;
    const Out out(text);
    std::string connections = fmt::format(".{}(clk)", clock);
    std::size_t in = 0;
    std::size_t outs = 0;
    for (const NetlistPort& port : design.ports) {
        std::size_t& at = port.input ? in : outs;
        connections += fmt::format(", .{}({}[{}:{}])", port.name, port.input ? "in" : "out",
                                   at + port.bits.size() - 1, at);
        at += port.bits.size();
    }
    fmt::format_to(
        out,
        "`timescale 1fs/1fs\nmodule bench;\n  integer toggles, n, file;\n  reg clk;\n  reg [{0}:0] in;\n"
        "  wire [{1}:0] out;\n  reg [{0}:0] rows [0:{2}];\n  {3} dut ({4});\n  initial begin\n"
        "    $readmemb(\"stimulus.txt\", rows);\n    file = $fopen(\"outputs.txt\");\n    clk = 0;\n"
        "    in = rows[0];\n    toggles = 0;\n    #{5};\n    for (n = 0; n < {6}; n = n + 1) begin\n"
        "      if (n == {7}) toggles = 0;\n      clk = 1;\n      #{8} in = rows[n];\n      #{9} clk = 0;\n"
        "      #{10};\n      $fdisplay(file, \"%b\", out);\n    end\n    $display(\"toggles %0d\", "
        "toggles);\n"
        "    $finish;\n  end\nendmodule\n",
        in - 1, outs - 1, cycles - 1, top, connections, 10 * kPeriod, cycles, first_counted, kInputDelay,
        kPeriod / 2 - kInputDelay, kPeriod - kPeriod / 2);
    return text;
}

std::string highest_first(const std::vector<std::uint8_t>& bits) {
    std::string text;
    for (std::size_t i = bits.size(); i > 0; --i) {
        text += bits[i - 1] != 0 ? '1' : '0';
    }
    return text;
}

}  // namespace

std::string netlist_verilog(const Netlist& netlist, const std::vector<std::int64_t>* delays) {
    std::string text;
    const Out out(text);
    std::string ports;
    std::string wiring;
    for (const NetlistPort& port : netlist.ports) {
        ports += fmt::format("{}{} [{}:0] {}", ports.empty() ? "" : ", ", port.input ? "input" : "output",
                             port.bits.size() - 1, port.name);
        for (std::size_t i = 0; i < port.bits.size(); ++i) {
            const std::string bit = fmt::format("{}[{}]", port.name, i);
            const std::string net = net_name(port.bits[i]);
            wiring += fmt::format("  assign {} = {};\n", port.input ? net : bit, port.input ? bit : net);
        }
    }
    fmt::format_to(out, "module {} ({});\n", netlist.name, ports);
    for (Net net = kNetOne + 1; net < netlist.nets; ++net) {
        fmt::format_to(out, "  wire n{};\n", net);
    }
    text += wiring;
    for (std::size_t i = 0; i < netlist.cells.size(); ++i) {
        const NetlistCell& cell = netlist.cells[i];
        const std::string delay = delays == nullptr ? "" : fmt::format(" #(.DELAY({}))", (*delays)[i]);
        fmt::format_to(out, "  {}{} i{} (", cell.type, delay, i);
        const char* comma = "";
        for (const auto& [pin, net] : cell.pins) {
            if (net != kNoNet) {
                fmt::format_to(out, "{}.{}({})", comma, pin, net_name(net));
                comma = ", ";
            }
        }
        fmt::format_to(out, ");\n");
    }
    fmt::format_to(out, "endmodule\n");
    return text;
}

std::string gate_models(const LibertyLibrary& library, const Netlist& netlist) {
    std::string text = "`timescale 1fs/1fs\n";
    std::set<std::string> written;
    for (const NetlistCell& cell : netlist.cells) {
        if (written.insert(cell.type).second) {
            write_model(Out(text), library.at(cell.type));
        }
    }
    return text;
}

ToggleComparison compare_toggles(const LibertyLibrary& library, const Unit& unit, const Netlist& netlist,
                                 const Workload& workload, std::size_t cycles,
                                 const std::filesystem::path& work) {
    constexpr std::string_view kClock = "clk_i";
    cycles = std::min(cycles, workload.inputs.cycles());
    if (cycles <= workload.first_counted) {
        throw CharacterizeError("too few cycles: none would be counted");
    }
    const Design design(library, netlist, kClock, Wires{});
    const std::vector<std::int64_t> delays = made_up_delays(netlist.cells.size());
    const std::vector<std::vector<std::uint8_t>> rows = workload.inputs.ordered(design, true);
    std::string stimulus;
    for (std::size_t n = 0; n < cycles; ++n) {
        stimulus += highest_first(rows[n]) + "\n";
    }
    const std::filesystem::path folder = work / ("icarus_" + unit.name);
    std::filesystem::create_directories(folder);
    write_file(folder / "stimulus.txt", stimulus);
    write_file(folder / "models.v", gate_models(library, netlist));
    write_file(folder / "netlist.v", "`timescale 1fs/1fs\n" + netlist_verilog(netlist, &delays));
    write_file(folder / "bench.v", bench(design, netlist.name, kClock, cycles, workload.first_counted));
    const auto path = [&](const char* name) { return (folder / name).string(); };
    run_tool({"iverilog", "-g2005", "-s", "bench", "-o", path("bench.vvp"), path("models.v"),
              path("netlist.v"), path("bench.v")},
             "iverilog", folder / "iverilog.log");
    const std::string printed =
        run_tool({"env", "-C", folder.string(), "vvp", "-n", "bench.vvp"}, "iverilog", folder / "vvp.log");

    ToggleComparison result;
    const std::size_t at = printed.find("toggles ");
    if (at == std::string::npos) {
        throw CharacterizeError(fmt::format("{}: Icarus Verilog printed no count", path("vvp.log")));
    }
    const std::string_view number = std::string_view(printed).substr(at + 8);
    std::from_chars(number.data(), number.data() + number.size(), result.icarus);

    std::istringstream outputs(read_text_file(folder / "outputs.txt"));
    Simulator simulator(design, kPeriod, std::vector<std::uint8_t>(design.instances.size(), 0), 1, 0);
    simulator.override_delays(delays);
    simulator.settle(rows[0]);
    for (std::size_t n = 0; n < cycles; ++n) {
        if (n == workload.first_counted) {
            simulator.reset_counters();
        }
        simulator.cycle(rows[n]);
        std::string line;
        std::getline(outputs, line);
        result.wrong_outputs += line != highest_first(simulator.outputs()) ? 1U : 0U;
    }
    result.ours = simulator.activity().toggles;
    result.cycles = cycles - workload.first_counted;
    return result;
}

double opensta_path(const std::filesystem::path& liberty, const Netlist& netlist,
                    const std::filesystem::path& work) {
    const std::filesystem::path folder = work / ("opensta_" + netlist.name);
    std::filesystem::create_directories(folder);
    std::string script;
    const Out out(script);
    for (const std::filesystem::path& file : asap7_files(liberty)) {
        std::filesystem::path plain = work / file.filename();
        while (plain.extension() != ".lib") {
            plain.replace_extension();
        }
        if (!std::filesystem::exists(plain)) {
            write_file(plain, read_text_file(file));
        }
        fmt::format_to(out, "read_liberty {}\n", plain.string());
    }
    write_file(folder / "netlist.v", netlist_verilog(netlist, nullptr));
    fmt::format_to(
        out,
        "read_verilog {}\nlink_design {}\ncreate_clock -name clk -period 1000 [get_ports clk_i]\n"
        "set_clock_transition {} clk\n"
        "report_checks -from [all_registers -clock_pins] -to [all_registers -data_pins] -digits 3\nexit\n",
        (folder / "netlist.v").string(), netlist.name, kClockSlew);
    write_file(folder / "path.tcl", script);
    const std::string printed = run_tool({"sta", "-no_splash", "-exit", (folder / "path.tcl").string()},
                                         "opensta", folder / "sta.log");
    // "    1234.5   slack (MET)": what is left of the period.
    std::istringstream lines(printed);
    for (std::string line; std::getline(lines, line);) {
        if (line.find("slack") == std::string::npos) {
            continue;
        }
        std::istringstream words(line);
        double slack = 0;
        if (words >> slack) {
            return 1000.0 - slack;
        }
    }
    throw CharacterizeError(
        fmt::format("OpenSTA reports no path; all it says is in {}", (folder / "sta.log").string()));
}

RailFractions rail_fractions(const LibertyLibrary& library) {
    RailFractions result;
    for (const LibertyCell& cell : library.cells) {
        const bool simple = cell.name.starts_with("NAND2") || cell.name.starts_with("NOR2");
        if (!simple || cell.inputs.size() != 2) {
            continue;
        }
        for (const LibertyPin& pin : cell.inputs) {
            for (const PowerGroup& vdd : pin.powers) {
                if (vdd.rail != "VDD" || !vdd.rise) {
                    continue;
                }
                // Groups come in pairs: the same state once for each rail.
                const auto vss =
                    std::find_if(pin.powers.begin(), pin.powers.end(), [&](const PowerGroup& group) {
                        return &group > &vdd && group.rail == "VSS" && group.rise;
                    });
                if (vss == pin.powers.end()) {
                    continue;
                }
                const double fraction = (vss->rise->at(kInputSlew, 0) - vdd.rise->at(kInputSlew, 0)) /
                                        (pin.capacitance_low * library.voltage * library.voltage);
                result.lowest = result.count == 0 ? fraction : std::min(result.lowest, fraction);
                result.highest = result.count == 0 ? fraction : std::max(result.highest, fraction);
                ++result.count;
            }
        }
    }
    return result;
}

}  // namespace setun::characterize
