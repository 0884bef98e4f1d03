// JSON of the results, and the technology table made from them.
#include "energy_model/characterize/results.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cstddef>
#include <nlohmann/json.hpp>

#include "energy_model/characterize/error.h"
#include "energy_model/characterize/text_file.h"

namespace setun::characterize {
namespace {

using nlohmann::ordered_json;

constexpr double kPeriodPs = 1000.0;

// Four significant digits: more would only be noise in a difference of files.
double rounded(double value) { return std::stod(fmt::format("{:.4g}", value)); }

// What a row of the technology table takes from the results.
enum class Column { kLogic, kCore, kAll, kGroup };

struct Row {
    const char* op;
    const char* unit;
    const char* workload;
    Column column;
    const char* group;  // of kGroup
    const char* covers;
};

constexpr const char* kBare = "bare operator: combinational cells and their nets, no register, no clock";
constexpr const char* kCoreText =
    "logic, and result, pipeline and accumulator registers with their clock pins; no operand registers";

constexpr std::array kRows = {
    Row{"int8_add", "int8_add", "random", Column::kLogic, "", kBare},
    Row{"int8_add_full", "int8_add_full", "random", Column::kLogic, "",
        "as int8_add, with the ninth bit of the sum"},
    Row{"int32_add", "int32_add", "random", Column::kLogic, "", kBare},
    Row{"int8_mul", "int8_mul", "normal", Column::kLogic, "", kBare},
    Row{"fp16_add", "fp16_add", "accumulate", Column::kLogic, "", kBare},
    Row{"fp16_mul", "fp16_mul", "normal", Column::kLogic, "", kBare},
    Row{"ternary_mac", "engine_leaf", "zeros45", Column::kCore, "",
        "one weight of the engine's 80-lane tree: select, adders, tree registers; no decoder, operand "
        "registers, accumulator"},
    Row{"ternary_mac_model", "engine_leaf", "model", Column::kCore, "",
        "as ternary_mac, activations and weights of the shipped model"},
    Row{"ternary_mac_zeros0", "engine_leaf", "zeros0", Column::kCore, "",
        "as ternary_mac, no weight is zero"},
    Row{"ternary_mac_zeros80", "engine_leaf", "zeros80", Column::kCore, "",
        "as ternary_mac, 80 % of the weights are zero"},
    Row{"ternary_mac_all", "engine_leaf", "zeros45", Column::kAll, "",
        "one weight of the whole leaf: ternary_mac, decoder, weight and activation registers, counter"},
    Row{"ternary_mac_carry_save", "ternary_carry_save", "zeros45", Column::kCore, "",
        "one lane of a 64-lane carry-save tree written for an ASIC, with its accumulator; x and w new every "
        "cycle"},
    Row{"ternary_mac_serial", "ternary_mac", "zeros45", Column::kCore, "",
        "one lane with its own 24-bit accumulator"},
    Row{"trit_decode", "trit_decode", "zeros45", Column::kCore, "",
        "one weight: decoder and the registers of its result"},
    Row{"weight_register", "engine_leaf", "zeros45", Column::kGroup, "weight registers",
        "two bits of one weight, new every cycle"},
    Row{"activation_register", "engine_leaf", "zeros45", Column::kGroup, "activation registers",
        "one weight's share of shadow and current chunk, clock-gated, loaded once in 64 beats"},
    Row{"accumulator", "accumulator", "chunks32", Column::kCore, "",
        "one partial sum of one row: base, add, registers; no memory"},
    Row{"int8_mac_tree", "int8_tree", "normal", Column::kCore, "", kCoreText},
    Row{"int8_mac", "int8_mac", "normal", Column::kCore, "", kCoreText},
    Row{"fp16_mac_tree", "fp16_tree", "normal", Column::kCore, "", kCoreText},
    Row{"fp16_mac", "fp16_mac", "normal", Column::kCore, "", kCoreText},
};

double value_of(const Measurement& measurement, const Row& row) {
    switch (row.column) {
        case Column::kLogic:
            return measurement.logic;
        case Column::kCore:
            return measurement.core;
        case Column::kAll:
            return measurement.all;
        case Column::kGroup:
            break;
    }
    for (const auto& [name, energy] : measurement.groups) {
        if (name == row.group) {
            return energy;
        }
    }
    throw CharacterizeError(fmt::format("unit '{}' has no group '{}'", row.unit, row.group));
}

ordered_json measurement_json(const Measurement& m, const std::string& text) {
    ordered_json groups;
    for (const auto& [name, energy] : m.groups) {
        groups[name] = rounded(energy);
    }
    return {{"case", m.workload},
            {"text", text},
            {"wires", m.wires},
            {"logic_fj", rounded(m.logic)},
            {"core_fj", rounded(m.core)},
            {"all_fj", rounded(m.all)},
            {"groups_fj", groups},
            {"path_ps", rounded(m.path)},
            {"glitch", rounded(m.glitch)},
            {"toggles_per_cycle", rounded(m.toggles)},
            {"leakage_fj", rounded(m.leakage)},
            {"cycles", m.cycles},
            {"wrong_cycles", m.wrong_cycles}};
}

Measurement measurement_from(const ordered_json& object, const ordered_json& of_unit) {
    Measurement m;
    m.unit = of_unit.at("unit");
    m.recipe = of_unit.at("recipe");
    m.area = of_unit.at("area_um2");
    m.cells = of_unit.at("cells");
    m.flip_flops = of_unit.at("flip_flops");
    m.workload = object.at("case");
    m.wires = object.at("wires");
    m.logic = object.at("logic_fj");
    m.core = object.at("core_fj");
    m.all = object.at("all_fj");
    for (const auto& [name, energy] : object.at("groups_fj").items()) {
        m.groups.emplace_back(name, energy);
    }
    m.path = object.at("path_ps");
    m.glitch = object.at("glitch");
    m.toggles = object.at("toggles_per_cycle");
    m.leakage = object.at("leakage_fj");
    m.cycles = object.at("cycles");
    m.wrong_cycles = object.at("wrong_cycles");
    return m;
}

}  // namespace

const UnitResult& Results::unit(std::string_view name) const {
    const auto it =
        std::find_if(units.begin(), units.end(), [name](const UnitResult& u) { return u.unit == name; });
    if (it == units.end()) {
        throw CharacterizeError(
            fmt::format("no results of unit '{}'; run setun_characterize --unit all --write", name));
    }
    return *it;
}

const Measurement& Results::measurement(std::string_view unit_name, std::string_view workload,
                                        bool wires) const {
    for (const Measurement& m : unit(unit_name).measurements) {
        if (m.workload == workload && m.wires == wires) {
            return m;
        }
    }
    throw CharacterizeError(
        fmt::format("unit '{}' has no case '{}' {} wires; run setun_characterize --unit all --write",
                    unit_name, workload, wires ? "with" : "without"));
}

const RecipeResult& chosen(const std::vector<RecipeResult>& tried) {
    const auto rank = [](const RecipeResult& r) {
        return r.path <= kPeriodPs ? 0 : r.wrong_cycles == 0 ? 1 : 2;
    };
    constexpr double kEqual = 1e-6;  // sums in another order
    return *std::min_element(tried.begin(), tried.end(), [&](const RecipeResult& a, const RecipeResult& b) {
        return rank(a) != rank(b) ? rank(a) < rank(b) : a.core < b.core * (1 - kEqual);
    });
}

std::string to_json(const Results& results) {
    ordered_json units = ordered_json::array();
    for (const UnitResult& unit : results.units) {
        ordered_json tried = ordered_json::array();
        for (const RecipeResult& recipe : unit.tried) {
            tried.push_back({{"recipe", recipe.recipe},
                             {"logic_fj", rounded(recipe.logic)},
                             {"core_fj", rounded(recipe.core)},
                             {"path_ps", rounded(recipe.path)},
                             {"wrong_cycles", recipe.wrong_cycles}});
        }
        ordered_json measurements = ordered_json::array();
        for (std::size_t i = 0; i < unit.measurements.size(); ++i) {
            measurements.push_back(measurement_json(unit.measurements[i], unit.texts[i]));
        }
        const Measurement& first = unit.measurements.at(0);
        units.push_back({{"unit", unit.unit},
                         {"text", unit.text},
                         {"operation", unit.operation},
                         {"operations_per_cycle", unit.operations},
                         {"recipe", unit.recipe},
                         {"area_um2", rounded(first.area)},
                         {"cells", first.cells},
                         {"flip_flops", first.flip_flops},
                         {"tried", tried},
                         {"results", measurements}});
    }
    const ordered_json document = {
        {"title",
         "Gate-level energy, delay and area of arithmetic units in ASAP7; written by setun_characterize "
         "--write"},
        {"library", "ASAP7 asap7sc7p5t release 28, RVT, TT, 0.70 V, 25 C, NLDM"},
        {"yosys", results.yosys},
        {"period_ps", kPeriodPs},
        {"wires",
         {{"ff_per_sink", kEstimatedWires.per_sink}, {"ff_per_clock_pin", kEstimatedWires.per_clock_pin}}},
        {"units", units}};
    return document.dump(1) + "\n";
}

Results read_results(const std::filesystem::path& file) {
    const ordered_json document = ordered_json::parse(read_text_file(file), nullptr, false);
    Results results;
    try {
        results.yosys = document.at("yosys");
        for (const ordered_json& object : document.at("units")) {
            UnitResult unit;
            unit.unit = object.at("unit");
            unit.text = object.at("text");
            unit.operation = object.at("operation");
            unit.operations = object.at("operations_per_cycle");
            unit.recipe = object.at("recipe");
            for (const ordered_json& tried : object.at("tried")) {
                unit.tried.push_back({tried.at("recipe"), tried.at("logic_fj"), tried.at("core_fj"),
                                      tried.at("path_ps"), tried.at("wrong_cycles")});
            }
            for (const ordered_json& entry : object.at("results")) {
                // NOLINTNEXTLINE(readability-suspicious-call-argument): an entry is an object within the
                // unit's
                unit.measurements.push_back(measurement_from(entry, object));
                unit.texts.push_back(entry.at("text"));
            }
            results.units.push_back(std::move(unit));
        }
    } catch (const nlohmann::json::exception&) {
        throw CharacterizeError(
            fmt::format("{}: is not what setun_characterize --write writes", file.string()));
    }
    return results;
}

std::string technology_table(const Results& results) {
    constexpr double kPicojoulePerFemtojoule = 1e-3;
    ordered_json entries = ordered_json::array();
    for (const bool wires : {false, true}) {
        for (const Row& row : kRows) {
            const UnitResult& unit = results.unit(row.unit);
            const Measurement& m = results.measurement(row.unit, row.workload, wires);
            double lowest = value_of(m, row);
            double highest = lowest;
            std::string spread;
            if (row.column == Column::kLogic || row.column == Column::kCore) {
                for (const RecipeResult& tried : unit.tried) {
                    const double value = row.column == Column::kLogic ? tried.logic : tried.core;
                    lowest = std::min(lowest, value);
                    highest = std::max(highest, value);
                }
                if (!wires && std::string_view(row.workload) == unit.measurements.at(0).workload) {
                    spread =
                        fmt::format("; {} recipes {:.3g} to {:.3g} fJ", unit.tried.size(), lowest, highest);
                }
            }
            const auto at = static_cast<std::size_t>(&m - unit.measurements.data());
            entries.push_back(
                {{"op", fmt::format("{}{}", row.op, wires ? "_wires" : "")},
                 {"energy_pj", rounded(value_of(m, row) * kPicojoulePerFemtojoule)},
                 {"node", "ASAP7"},
                 {"accuracy", "measured"},
                 {"source", fmt::format("setun_characterize (docs/characterisation.md): {} with {}, "
                                        "gate-level simulation in ASAP7 "
                                        "asap7sc7p5t release 28 (L. T. Clark et al., ASAP7: A 7-nm finFET "
                                        "predictive process design "
                                        "kit, Microelectronics Journal 53, 2016)",
                                        unit.unit, results.yosys)},
                 {"condition",
                  fmt::format("{}; {}; 1 GHz, 0.70 V, TT, 25 C; {}; recipe {}, critical path {:.0f} ps{}{}",
                              row.covers, unit.texts.at(at),
                              wires ? "wires estimated" : "no wires, no placement, no clock tree",
                              unit.recipe, m.path,
                              m.wrong_cycles == 0 ? "" : ", too slow for 1 GHz with wires", spread)}});
        }
    }
    const ordered_json document = {
        {"name", "asap7"},
        {"title",
         "Energies at 7 nm by gate-level simulation of our own units in the predictive ASAP7 library"},
        {"entries", entries}};
    return document.dump(1) + "\n";
}

namespace {

// Lowest and highest quotient of two sets of units, over both wire assumptions.
std::string ratio_range(const Results& results, const std::vector<const char*>& above,
                        const std::vector<const char*>& below, double Measurement::*energy) {
    double lowest = 0;
    double highest = 0;
    for (const bool wires : {false, true}) {
        const auto value = [&](const char* name) {
            return results.measurement(name, results.unit(name).measurements.at(0).workload, wires).*energy;
        };
        for (const char* a : above) {
            for (const char* b : below) {
                const double ratio = value(a) / value(b);
                lowest = lowest == 0 ? ratio : std::min(lowest, ratio);
                highest = std::max(highest, ratio);
            }
        }
    }
    return fmt::format("{:.3g} to {:.3g}", lowest, highest);
}

std::string ratio_table(const Results& results) {
    struct Line {
        const char* text;
        std::vector<const char*> above, below;
    };
    const std::vector<const char*> half = {"fp16_mac", "fp16_tree"};
    const std::vector<const char*> ternary = {"engine_leaf", "ternary_carry_save"};
    std::string text = "| ratio, without and with wires | logic | core | all |\n|---|---|---|---|\n";
    const std::vector<Line> lines = {
        {"FP16 MAC, one lane or tree, to ternary tree", half, ternary},
        {"FP16 MAC to ternary MAC, one lane each", {"fp16_mac"}, {"ternary_mac"}},
        {"INT8 tree to ternary tree", {"int8_tree"}, ternary},
        {"FP16 MAC to INT8 tree", half, {"int8_tree"}}};
    for (const Line& line : lines) {
        text += fmt::format("| {} | {} | {} | {} |\n", line.text,
                            ratio_range(results, line.above, line.below, &Measurement::logic),
                            ratio_range(results, line.above, line.below, &Measurement::core),
                            ratio_range(results, line.above, line.below, &Measurement::all));
    }
    return text;
}

}  // namespace

std::string markdown_tables(const Results& results) {
    const auto triple = [](const Measurement& m) {
        return fmt::format("{:.3g} / {:.3g} / {:.3g}", m.logic, m.core, m.all);
    };
    const auto path = [](const Measurement& m) {
        return fmt::format("{:.0f}{}", m.path, m.wrong_cycles == 0 ? "" : " (a)");
    };
    std::string text =
        "| unit | logic / core / all, fJ | path, ps | with wires | path, ps | core of all recipes | area, "
        "um2 | glitch |\n"
        "|---|---|---|---|---|---|---|---|\n";
    for (const UnitResult& unit : results.units) {
        const Measurement& bare = unit.measurements.at(0);
        const Measurement& wired = results.measurement(unit.unit, bare.workload, true);
        const auto [lowest, highest] =
            std::minmax_element(unit.tried.begin(), unit.tried.end(),
                                [](const RecipeResult& a, const RecipeResult& b) { return a.core < b.core; });
        text += fmt::format("| `{}` | {} | {} | {} | {} | {:.3g} to {:.3g} | {:.3g} | {:.2f} |\n", unit.unit,
                            triple(bare), path(bare), triple(wired), path(wired), lowest->core, highest->core,
                            bare.area / unit.operations, bare.glitch);
    }
    text += "\n| unit | workload | logic / core / all, fJ | with wires |\n|---|---|---|---|\n";
    for (const UnitResult& unit : results.units) {
        for (std::size_t i = 0; unit.measurements.size() > 4 && i < unit.measurements.size(); ++i) {
            const Measurement& m = unit.measurements[i];
            if (!m.wires) {
                text += fmt::format("| `{}` | {} | {} | {} |\n", unit.unit, unit.texts.at(i), triple(m),
                                    triple(results.measurement(unit.unit, m.workload, true)));
            }
        }
    }
    return text + "\n" + ratio_table(results);
}

}  // namespace setun::characterize
