// Runs a workload through a netlist and sorts its energy.
#include "energy_model/characterize/measure.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>

#include "energy_model/characterize/error.h"
#include "energy_model/characterize/simulator.h"

namespace setun::characterize {
namespace {

constexpr std::size_t kLogicGroup = 0;
constexpr std::size_t kRegisterGroup = 1;
constexpr std::size_t kPortGroup = 2;
constexpr std::uint8_t kUnset = 0xFF;

}  // namespace

std::vector<std::uint8_t> instance_groups(const Unit& unit, const Design& design) {
    std::vector<std::uint8_t> groups(design.instances.size(), kUnset);
    std::vector<std::vector<std::uint32_t>> ends(unit.rules.size());
    for (const std::uint32_t i : design.flip_flops) {
        groups[i] = kRegisterGroup;
        for (std::size_t r = 0; r < unit.rules.size(); ++r) {
            if (design.instances[i].name.find(unit.rules[r].text) != std::string::npos) {
                groups[i] = static_cast<std::uint8_t>(unit.rules[r].registers);
                ends[r].push_back(i);
                break;
            }
        }
        const std::uint32_t gate = design.instances[i].gate;
        if (gate != Instance::kNoGate) {
            groups[gate] = groups[i];
        }
    }
    for (std::size_t r = 0; r < unit.rules.size(); ++r) {
        if (ends[r].empty()) {
            throw CharacterizeError(
                fmt::format("unit '{}': no register's name holds '{}'; was it renamed in the RTL?", unit.name,
                            unit.rules[r].text));
        }
        std::vector<std::uint32_t> open = ends[r];
        while (!open.empty()) {
            const Instance& instance = design.instances[open.back()];
            open.pop_back();
            for (const Net net : instance.in) {
                const std::uint32_t source = design.driver[net];
                if (source != Design::kPortDriver && groups[source] == kUnset &&
                    design.instances[source].model->cell->kind == CellKind::kCombinational) {
                    groups[source] = static_cast<std::uint8_t>(unit.rules[r].cone);
                    open.push_back(source);
                }
            }
        }
    }
    std::replace(groups.begin(), groups.end(), kUnset, std::uint8_t{kLogicGroup});
    return groups;
}

Measurement measure(const Unit& unit, const Design& design, const Workload& workload) {
    Simulator simulator(design, kPeriod, instance_groups(unit, design), unit.groups.size(), kPortGroup);
    const std::vector<std::vector<std::uint8_t>> inputs = workload.inputs.ordered(design, true);
    const std::vector<std::vector<std::uint8_t>> expected = workload.expected.ordered(design, false);
    Measurement result;
    simulator.settle(inputs.at(0));
    for (std::size_t cycle = 0; cycle < inputs.size(); ++cycle) {
        if (cycle == workload.first_counted) {
            simulator.reset_counters();
        }
        simulator.cycle(inputs[cycle]);
        if (cycle >= workload.first_checked && simulator.outputs() != expected[cycle]) {
            ++result.wrong_cycles;
        }
    }
    const Activity& activity = simulator.activity();
    const double operations = static_cast<double>(activity.cycles) * unit.operations;
    result.unit = unit.name;
    for (std::size_t g = 0; g < unit.groups.size(); ++g) {
        const double energy = activity.energy[g] / operations;
        result.groups.emplace_back(unit.groups[g].name, energy);
        result.logic += unit.groups[g].category == Category::kLogic ? energy : 0.0;
        result.core += unit.groups[g].category <= Category::kCore ? energy : 0.0;
        result.all += energy;
    }
    result.path = design.critical_path;
    result.area = design.area;
    // pW times a period of 1 ns is 1e-21 J: 1e-6 fJ.
    result.leakage = design.leakage * 1e-6 / unit.operations;
    result.glitch = static_cast<double>(activity.toggles) /
                    static_cast<double>(std::max<std::uint64_t>(1, activity.useful));
    result.toggles = static_cast<double>(activity.toggles) / static_cast<double>(activity.cycles);
    result.cells = design.instances.size();
    result.flip_flops = design.flip_flops.size();
    result.cycles = activity.cycles;
    return result;
}

}  // namespace setun::characterize
