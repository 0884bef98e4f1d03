// Loads, slews, delays, energies and the critical path of a netlist.
#include "energy_model/characterize/design.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <cstddef>
#include <map>
#include <utility>

#include "energy_model/characterize/error.h"

namespace setun::characterize {
namespace {

constexpr double kFemtosecondsPerPicosecond = 1000.0;
// A delay may come out negative where a slow edge meets a fast gate; an event is never before its cause.
constexpr std::int64_t kShortestDelay = 1;
constexpr double kNever = -1.0;

double at(const std::optional<LookupTable>& table, double x1, double x2) {
    return table ? table->at(x1, x2) : 0.0;
}

// Input edges that can cause the output edge: bit 0 a rise, bit 1 a fall.
unsigned causes(Sense sense, bool output_rises) {
    if (sense == Sense::kEither) {
        return 3U;
    }
    return (sense == Sense::kPositive) == output_rises ? 1U : 2U;
}

double mean(const ByEdge<double>& both) { return (both.rise + both.fall) / 2; }

}  // namespace

Design::Design(const LibertyLibrary& library, const Netlist& netlist, std::string_view clock,
               const Wires& wires)
    : nets(netlist.nets), voltage(library.voltage) {
    connect(library, netlist, clock);
    sort_instances();
    add_loads(wires);
    add_slews();
    add_tables();
    add_critical_path();
}

const NetlistPort& Design::port(std::string_view name) const {
    for (const NetlistPort& candidate : ports) {
        if (candidate.name == name) {
            return candidate;
        }
    }
    throw CharacterizeError(fmt::format("the netlist has no port '{}'", name));
}

void Design::connect(const LibertyLibrary& library, const Netlist& netlist, std::string_view clock) {
    constexpr std::uint32_t kNobody = 0xFFFFFFFE;
    driver.assign(nets, kNobody);
    sinks.resize(nets);
    driver[kNetZero] = driver[kNetOne] = kPortDriver;
    Net clock_net = kNoNet;
    for (const NetlistPort& given : netlist.ports) {
        if (given.input && given.name == clock && given.bits.size() == 1) {
            clock_net = given.bits.front();
        } else {
            ports.push_back(given);
        }
        for (const Net net : given.input ? given.bits : std::vector<Net>{}) {
            driver[net] = kPortDriver;
        }
    }
    if (!clock.empty() && clock_net == kNoNet) {
        throw CharacterizeError(fmt::format("the netlist has no clock port '{}' of one bit", clock));
    }

    std::map<std::string, const CellModel*> by_type;
    for (const NetlistCell& cell : netlist.cells) {
        const CellModel*& model = by_type[cell.type];
        if (model == nullptr) {
            const LibertyCell* found = library.find(cell.type);
            if (found == nullptr) {
                throw CharacterizeError(
                    fmt::format("cell '{}' of the netlist is a '{}', which the library does not have",
                                cell.name, cell.type));
            }
            models_.push_back(std::make_unique<CellModel>(make_cell_model(*found)));
            model = models_.back().get();
        }
        Instance instance;
        instance.model = model;
        instance.name = cell.name;
        instance.in.assign(model->inputs, kNoNet);
        instance.out.assign(model->outputs, kNoNet);
        for (const auto& [pin, net] : cell.pins) {
            const auto place = [name = std::string_view(pin), wire = net](const std::vector<LibertyPin>& pins,
                                                                          std::vector<Net>& list) {
                for (std::size_t i = 0; i < pins.size(); ++i) {
                    if (pins[i].name == name) {
                        list[i] = wire;
                        return true;
                    }
                }
                return false;
            };
            if (!place(model->cell->inputs, instance.in) && !place(model->cell->outputs, instance.out)) {
                throw CharacterizeError(
                    fmt::format("cell '{}': '{}' has no pin '{}'", cell.name, cell.type, pin));
            }
        }
        if (std::find(instance.in.begin(), instance.in.end(), kNoNet) != instance.in.end()) {
            throw CharacterizeError(
                fmt::format("cell '{}' ({}) has an input that is not connected", cell.name, cell.type));
        }
        const auto number = static_cast<std::uint32_t>(instances.size());
        for (Net& net : instance.out) {
            if (net == kNoNet) {
                net = nets++;
                driver.push_back(number);
                sinks.emplace_back();
            } else if (std::exchange(driver[net], number) != kNobody) {
                throw CharacterizeError(
                    fmt::format("a net of cell '{}' ({}) has two drivers", cell.name, cell.type));
            }
        }
        instance.first_output = outputs;
        outputs += model->outputs;
        area += model->cell->area;
        leakage += model->cell->leakage;
        if (model->cell->kind == CellKind::kFlipFlop) {
            flip_flops.push_back(number);
        } else if (model->cell->kind == CellKind::kClockGate) {
            clock_gates.push_back(number);
        }
        instances.push_back(std::move(instance));
    }

    for (std::uint32_t i = 0; i < instances.size(); ++i) {
        Instance& instance = instances[i];
        const bool clocked = instance.model->cell->kind != CellKind::kCombinational;
        for (unsigned pin = 0; pin < instance.model->inputs; ++pin) {
            const Net net = instance.in[pin];
            if (driver[net] == kNobody) {
                throw CharacterizeError(fmt::format("input '{}' of cell '{}' ({}) is driven by nothing",
                                                    instance.model->cell->inputs[pin].name, instance.name,
                                                    instance.model->cell->name));
            }
            if (clocked && pin == instance.model->clock_pin) {
                if (net == clock_net) {
                    continue;
                }
                const std::uint32_t source = driver[net];
                const bool gated =
                    source != kPortDriver && instances[source].model->cell->kind == CellKind::kClockGate;
                if (!gated || instance.model->cell->kind == CellKind::kClockGate) {
                    throw CharacterizeError(fmt::format(
                        "the clock of cell '{}' is neither the port '{}' nor comes from one clock gate",
                        instance.name, clock));
                }
                instance.gate = source;
            } else if (net == clock_net) {
                throw CharacterizeError(fmt::format("the clock is used as data by cell '{}'", instance.name));
            } else if (net > kNetOne) {
                sinks[net].push_back({i, static_cast<std::uint8_t>(pin)});
            }
        }
    }
}

void Design::sort_instances() {
    std::vector<unsigned> waiting(instances.size(), 0);
    std::size_t combinational = 0;
    for (std::uint32_t i = 0; i < instances.size(); ++i) {
        if (instances[i].model->cell->kind != CellKind::kCombinational) {
            continue;
        }
        ++combinational;
        for (const Net net : instances[i].in) {
            const std::uint32_t source = driver[net];
            if (net > kNetOne && source != kPortDriver &&
                instances[source].model->cell->kind == CellKind::kCombinational) {
                ++waiting[i];
            }
        }
        if (waiting[i] == 0) {
            topological.push_back(i);
        }
    }
    for (std::size_t next = 0; next < topological.size(); ++next) {
        for (const Net net : instances[topological[next]].out) {
            for (const Sink& sink : sinks[net]) {
                if (instances[sink.instance].model->cell->kind == CellKind::kCombinational &&
                    --waiting[sink.instance] == 0) {
                    topological.push_back(sink.instance);
                }
            }
        }
    }
    if (topological.size() != combinational) {
        for (std::uint32_t i = 0; i < instances.size(); ++i) {
            if (waiting[i] != 0) {
                throw CharacterizeError(
                    fmt::format("cell '{}' is part of a combinational loop", instances[i].name));
            }
        }
    }
}

void Design::add_loads(const Wires& wires) {
    load.assign(nets, 0.0);
    clock_load.assign(instances.size(), 0.0);
    for (Net net = 0; net < nets; ++net) {
        for (const Sink& sink : sinks[net]) {
            load[net] += instances[sink.instance].model->cell->inputs[sink.pin].capacitance + wires.per_sink;
        }
    }
    for (std::uint32_t i = 0; i < instances.size(); ++i) {
        const Instance& instance = instances[i];
        if (instance.model->cell->kind != CellKind::kCombinational) {
            clock_load[i] =
                instance.model->cell->inputs[instance.model->clock_pin].capacitance + wires.per_clock_pin;
            if (instance.gate != Instance::kNoGate) {
                load[instance.in[instance.model->clock_pin]] += clock_load[i];
            }
        }
    }
}

double Design::input_slew(const Instance& instance, unsigned pin, bool rising) const {
    if (instance.model->cell->kind != CellKind::kCombinational && pin == instance.model->clock_pin) {
        return kClockSlew;
    }
    return slew_[instance.in[pin]].of(rising);
}

void Design::add_slews() {
    slew_.assign(nets, {kInputSlew, kInputSlew});
    const auto settle = [&](const Instance& instance) {
        const CellModel& model = *instance.model;
        for (unsigned o = 0; o < model.outputs; ++o) {
            std::array<double, 2> sum{};
            std::array<unsigned, 2> count{};
            for (unsigned a = 0; a < model.arcs; ++a) {
                if (model.arc_output[a] != o) {
                    continue;
                }
                const TimingArc& arc = *model.arc_list[a];
                for (const bool rising : {true, false}) {
                    const std::optional<LookupTable>& table = rising ? arc.slew_rise : arc.slew_fall;
                    const unsigned edges = causes(arc.sense, rising);
                    for (const bool cause : {true, false}) {
                        if (table && (edges & (cause ? 1U : 2U)) != 0) {
                            sum.at(rising ? 0 : 1) += std::max(
                                0.0,
                                table->at(input_slew(instance, arc.related, cause), load[instance.out[o]]));
                            ++count.at(rising ? 0 : 1);
                        }
                    }
                }
            }
            if (count[0] != 0 && count[1] != 0) {
                slew_[instance.out[o]] = {sum[0] / count[0], sum[1] / count[1]};
            }
        }
    };
    for (const std::uint32_t i : flip_flops) {
        settle(instances[i]);
    }
    for (const std::uint32_t i : topological) {
        settle(instances[i]);
    }
}

void Design::add_tables() {
    std::size_t arcs = 0;
    std::size_t powers = 0;
    for (Instance& instance : instances) {
        instance.first_arc = static_cast<std::uint32_t>(arcs);
        instance.first_power = static_cast<std::uint32_t>(powers);
        arcs += instance.model->arcs;
        powers += instance.model->powers;
    }
    delays.resize(arcs);
    energies.resize(powers);
    for (const Instance& instance : instances) {
        const CellModel& model = *instance.model;
        for (unsigned a = 0; a < model.arcs; ++a) {
            const TimingArc& arc = *model.arc_list[a];
            const double out_load = load[instance.out[model.arc_output[a]]];
            const auto delay = [&](const std::optional<LookupTable>& table, bool rising) {
                const unsigned edges = causes(arc.sense, rising);
                const double up = input_slew(instance, arc.related, true);
                const double down = input_slew(instance, arc.related, false);
                const double slew = edges == 1U ? up : edges == 2U ? down : (up + down) / 2;
                return std::max(kShortestDelay, static_cast<std::int64_t>(std::llround(
                                                    at(table, slew, out_load) * kFemtosecondsPerPicosecond)));
            };
            delays[instance.first_arc + a] = {delay(arc.delay_rise, true), delay(arc.delay_fall, false)};
        }
        for (unsigned p = 0; p < model.powers; ++p) {
            const CellModel::PowerPair& pair = model.power_list[p];
            const bool hidden = pair.related == CellModel::kNone;
            const unsigned cause = hidden ? pair.pin : pair.related;
            const ByEdge<double> slew = {input_slew(instance, cause, true),
                                         input_slew(instance, cause, false)};
            const double out_load = hidden ? 0.0 : load[instance.out[pair.pin]];
            ByEdge<double>& energy = energies[instance.first_power + p];
            for (const PowerGroup* group : {pair.vdd, pair.vss}) {
                if (group != nullptr) {
                    energy.rise += at(group->rise, hidden ? slew.rise : mean(slew), out_load);
                    energy.fall += at(group->fall, hidden ? slew.fall : mean(slew), out_load);
                }
            }
        }
    }
}

void Design::add_critical_path() {
    struct Corner {
        double arrival = kNever;  // ps after the clock edge; kNever: no register leads here
        double slew = kInputSlew;
    };
    std::vector<std::array<Corner, 2>> corners(nets);  // [net][rise, fall]: latest arrival and worst slew
    // Nets that never move: paths through them, and through gates that they hold, are none.
    std::vector<std::optional<bool>> constant(nets);
    constant[kNetZero] = false;
    constant[kNetOne] = true;
    std::map<const CellModel*, std::vector<bool>> unconstrained;
    const auto arcs_of = [&](const Instance& instance) {
        const CellModel& model = *instance.model;
        std::uint32_t known = 0;
        std::uint32_t values = 0;
        for (unsigned i = 0; model.cell->kind == CellKind::kCombinational && i < model.inputs; ++i) {
            if (constant[instance.in[i]]) {
                known |= 1U << i;
                values |= *constant[instance.in[i]] ? 1U << i : 0U;
            }
        }
        if (known != 0) {
            for (unsigned o = 0; o < model.outputs; ++o) {
                std::array<bool, 2> seen{};
                for (std::uint32_t state = 0; state < 1U << model.inputs; ++state) {
                    seen.at(model.value[state] >> o & 1U) |= (state & known) == values;
                }
                if (seen[0] != seen[1] && instance.out[o] != kNoNet) {
                    constant[instance.out[o]] = seen[1];
                }
            }
            return model.arcs_in_force(known, values);
        }
        std::vector<bool>& all = unconstrained[&model];
        if (all.empty()) {
            all = model.arcs_in_force(0, 0);
        }
        return all;
    };
    const auto settle = [&](const Instance& instance, bool launch) {
        const CellModel& model = *instance.model;
        const std::vector<bool> in_force = arcs_of(instance);
        for (unsigned a = 0; a < model.arcs; ++a) {
            if (!in_force[a]) {
                continue;
            }
            const TimingArc& arc = *model.arc_list[a];
            const Net out = instance.out[model.arc_output[a]];
            for (const bool rising : {true, false}) {
                const std::optional<LookupTable>& delay = rising ? arc.delay_rise : arc.delay_fall;
                const std::optional<LookupTable>& slew = rising ? arc.slew_rise : arc.slew_fall;
                Corner& corner = corners[out].at(rising ? 0 : 1);
                for (const bool cause : {true, false}) {
                    if ((causes(arc.sense, rising) & (cause ? 1U : 2U)) == 0 || !delay) {
                        continue;
                    }
                    const Corner from =
                        launch ? Corner{0, kClockSlew} : corners[instance.in[arc.related]].at(cause ? 0 : 1);
                    if (from.arrival != kNever) {
                        const double arrival = from.arrival + delay->at(from.slew, load[out]);
                        const double out_slew = at(slew, from.slew, load[out]);
                        corner.slew = corner.arrival == kNever ? out_slew : std::max(corner.slew, out_slew);
                        corner.arrival = std::max(corner.arrival, arrival);
                    }
                }
            }
        }
    };
    for (const std::uint32_t i : flip_flops) {
        settle(instances[i], true);
    }
    for (const std::uint32_t i : topological) {
        settle(instances[i], false);
    }
    for (const Instance& instance : instances) {
        if (instance.model->cell->kind == CellKind::kCombinational) {
            continue;
        }
        for (unsigned pin = 0; pin < instance.model->inputs; ++pin) {
            for (const TimingArc& arc : instance.model->cell->inputs[pin].arcs) {
                if (arc.type != "setup_rising") {
                    continue;
                }
                for (const bool rising : {true, false}) {
                    const Corner& corner = corners[instance.in[pin]].at(rising ? 0 : 1);
                    const std::optional<LookupTable>& setup =
                        rising ? arc.constraint_rise : arc.constraint_fall;
                    if (corner.arrival != kNever) {
                        const double path = corner.arrival + at(setup, corner.slew, kClockSlew);
                        if (path > critical_path) {
                            critical_path = path;
                            critical_end = instance.name;
                        }
                    }
                }
            }
        }
    }
}

}  // namespace setun::characterize
