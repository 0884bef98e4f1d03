// An energy report as JSON and as a table.
#include "host/cli/energy_report.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <utility>

#include "host/cli/format.h"

namespace setun::cli {
namespace {

using energy::Contribution;
using energy::MachineEnergy;
using energy::Part;

constexpr std::array kParts{Part::kArithmetic, Part::kOnChip, Part::kOffChip, Part::kStatic};

const char* part_key(Part part) {
    switch (part) {
        case Part::kArithmetic:
            return "arithmetic";
        case Part::kOnChip:
            return "on_chip";
        case Part::kOffChip:
            return "off_chip";
        case Part::kStatic:
            break;
    }
    return "static";
}

const char* part_title(Part part) {
    switch (part) {
        case Part::kArithmetic:
            return "arithmetic";
        case Part::kOnChip:
            return "on-chip memory";
        case Part::kOffChip:
            return "off-chip memory";
        case Part::kStatic:
            break;
    }
    return "static";
}

const char* unit_of(const Contribution& line) {
    switch (line.part) {
        case Part::kArithmetic:
            return "operations";
        case Part::kOnChip:
        case Part::kOffChip:
            return "bits";
        case Part::kStatic:
            break;
    }
    return "s";
}

Json machine_json(const MachineEnergy& machine, double tokens) {
    return {{"joules_per_token", machine.total_j()},
            {"joules_total", machine.total_j() * tokens},
            {"seconds_per_token", machine.seconds},
            {"basis", machine.basis},
            {"breakdown", breakdown_json(machine.contributions)},
            {"lines", lines_json(machine.contributions)}};
}

}  // namespace

std::vector<const MachineEnergy*> chosen_machines(const energy::TokenEnergy& energy,
                                                  const std::string& name) {
    if (name == "all") {
        return {&energy.setun, &energy.fp16, &energy.int8};
    }
    return {&energy.machine(name)};
}

Json breakdown_json(const std::vector<Contribution>& lines, double scale) {
    Json result;
    double all = 0;
    for (const Part part : kParts) {
        Json of_part{{"total_j", 0.0}};
        double total = 0;
        for (const Contribution& line : lines) {
            if (line.part == part) {
                of_part[line.key] = line.joules * scale;
                total += line.joules * scale;
            }
        }
        of_part["total_j"] = total;
        all += total;
        result[part_key(part)] = std::move(of_part);
    }
    result["total_j"] = all;
    return result;
}

Json lines_json(const std::vector<Contribution>& lines) {
    Json list = Json::array();
    for (const Contribution& line : lines) {
        list.push_back({{"part", part_key(line.part)},
                        {"key", line.key},
                        {"what", line.what},
                        {"count", line.count},
                        {"unit", unit_of(line)},
                        {"entry", line.entry.op},
                        {"energy_pj", line.entry.energy_pj},
                        {"joules", line.joules},
                        {"node", line.entry.node},
                        {"source", line.entry.source},
                        {"accuracy", line.entry.accuracy},
                        {"condition", line.entry.condition}});
    }
    return list;
}

Json ratios_json(const std::vector<energy::Ratio>& ratios) {
    Json result = Json::object();
    for (const energy::Ratio& ratio : ratios) {
        result[ratio.name] = {{"value", ratio.value}, {"basis", ratio.basis}};
    }
    return result;
}

Json energy_json(const energy::TokenEnergy& energy, const std::string& machine) {
    const auto machines = chosen_machines(energy, machine);
    Json list = Json::object();
    for (const MachineEnergy* m : machines) {
        list[m->machine] = machine_json(*m, energy.tokens);
    }
    const MachineEnergy& first = *machines.front();
    return {{"joules_per_token", first.total_j()},
            {"joules_total", first.total_j() * energy.tokens},
            {"tokens", energy.tokens},
            {"machine", first.machine},
            {"breakdown", breakdown_json(first.contributions)},
            {"setun_arithmetic_j_if_zeros_cost_nothing", energy.setun_nonzero_arithmetic_j},
            {"machines", std::move(list)},
            {"ratios", ratios_json(energy.ratios())},
            {"operations", energy.operations},
            {"memory", energy.memory},
            {"assumptions", energy.assumptions}};
}

std::string energy_text(const energy::TokenEnergy& energy, const std::string& machine) {
    const auto machines = chosen_machines(energy, machine);
    std::vector<std::string> header{"J per token"};
    std::vector<std::string> totals{"all"};
    for (const MachineEnergy* m : machines) {
        header.push_back(m->machine);
        totals.push_back(si(m->total_j(), "J"));
    }
    Table table(header);
    for (const Part part : kParts) {
        std::vector<std::string> sums{part_title(part)};
        std::vector<std::pair<std::string, std::string>> keys;  // key and text, in the order of the machines
        for (const MachineEnergy* m : machines) {
            sums.push_back(si(m->part_j(part), "J"));
            for (const Contribution& line : m->contributions) {
                const bool known = std::any_of(keys.begin(), keys.end(), [&](const auto& known_key) {
                    return known_key.first == line.key;
                });
                if (line.part == part && !known) {
                    keys.emplace_back(line.key, line.what);
                }
            }
        }
        table.add(sums);
        if (part == Part::kStatic) {
            continue;  // one line, and it says the same
        }
        for (const auto& [key, what] : keys) {
            std::vector<std::string> row{"  " + what};
            for (const MachineEnergy* m : machines) {
                const double joules = m->key_j(key);
                row.push_back(joules == 0 ? "-" : si(joules, "J"));
            }
            table.add(row);
        }
    }
    table.add(totals);
    std::string text = table.text();
    Table ratios({"ratio", "fp16 / setun", "int8 / setun"});
    const auto list = energy.ratios();
    for (const energy::Ratio& ratio : list) {
        if (ratio.name.rfind("fp16_", 0) != 0) {
            continue;
        }
        const std::string name = ratio.name.substr(ratio.name.find('_') + 1);
        const auto other = std::find_if(list.begin(), list.end(),
                                        [&](const energy::Ratio& r) { return r.name == "int8_" + name; });
        ratios.add({ratio.basis, fmt::format("{:.1f}x", ratio.value),
                    other == list.end() ? "-" : fmt::format("{:.1f}x", other->value)});
    }
    text += "\n" + ratios.text() + "\n";
    for (const MachineEnergy* m : machines) {
        text += fmt::format("  {}: {}\n", m->machine, m->basis);
    }
    return text + notes_text(energy.assumptions);
}

std::string notes_text(const std::vector<std::string>& notes) {
    std::string text;
    for (const std::string& note : notes) {
        text += "  - " + note + "\n";
    }
    return text;
}

}  // namespace setun::cli
