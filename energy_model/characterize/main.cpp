// setun_characterize: energy, delay and area of arithmetic units in ASAP7, by synthesis and gate-level
// simulation.
#include <fmt/format.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cmath>
#include <cstddef>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>
#include <optional>
#include <string>
#include <vector>

#include "energy_model/characterize/cross_check.h"
#include "energy_model/characterize/error.h"
#include "energy_model/characterize/measure.h"
#include "energy_model/characterize/process.h"
#include "energy_model/characterize/results.h"
#include "energy_model/characterize/synthesis_library.h"
#include "energy_model/characterize/text_file.h"

namespace {

namespace ch = setun::characterize;

// Regenerated values with the same Yosys differ by rounding to four digits and by the last bits of log() and
// cos().
constexpr double kSameToolTolerance = 0.01;
// Another Yosys or abc maps to other gates.
constexpr double kOtherToolTolerance = 0.25;
constexpr double kToggleTolerance = 0.005;
constexpr double kPathTolerance = 0.05;
constexpr double kLowestRail = 0.42;
constexpr double kHighestRail = 0.51;

struct Options {
    std::string liberty;
    std::string source = SETUN_SOURCE_DIR;
    std::string work;
    std::vector<std::string> units = {"all"};
    std::string recipe;
    bool write = false, check = false, explore = false, icarus = false, opensta = false, rails = false,
         list = false, table = false;
    bool all_cases = false;
};

class Driver {
  public:
    explicit Driver(Options options)
        : options_(std::move(options)),
          source_(options_.source),
          tech_(source_ / "energy_model" / "tech"),
          units_(ch::all_units(
              ch::read_stimulus(source_ / "energy_model" / "characterize" / "stimulus" / "model.txt"))) {
        work_ = options_.work.empty() ? std::filesystem::temp_directory_path() / "setun_characterize"
                                      : std::filesystem::path(options_.work);
    }

    int run() {
        if (options_.list) {
            for (const ch::Unit& unit : units_) {
                fmt::print("{:20} {}\n", unit.name, unit.text);
            }
            return 0;
        }
        if (options_.table) {
            // Also what follows from the results, in case they were merged by hand.
            save(tech_ / "asap7.json", ch::technology_table(ch::read_results(tech_ / "asap7-units.json")));
            fmt::print("{}", ch::markdown_tables(ch::read_results(tech_ / "asap7-units.json")));
            return 0;
        }
        if (options_.liberty.empty()) {
            throw ch::CharacterizeError(
                "--liberty DIR is missing; it names the folder with the ASAP7 Liberty files "
                "(docs/characterisation.md)");
        }
        prepare();
        if (options_.rails) {
            return check_rails();
        }
        if (options_.write) {
            return write();
        }
        if (options_.check) {
            return check();
        }
        return report();
    }

  private:
    void prepare() {
        std::error_code error;
        std::filesystem::create_directories(work_, error);
        library_ = ch::read_asap7(options_.liberty);
        const std::filesystem::path file = work_ / "synthesis.lib";
        std::ofstream stream(file, std::ios::binary);
        stream << ch::synthesis_liberty(library_);
        stream.close();
        if (!stream) {
            throw ch::CharacterizeError(fmt::format("--work {}: cannot be written", work_.string()));
        }
        place_ = {source_, file, work_};
        // "Yosys 0.23 (git sha1 ...)": the number is what counts.
        const std::string version = ch::run_tool({"yosys", "-V"}, "yosys", work_ / "version.log");
        yosys_ = version.substr(0, version.find(" ("));
    }

    [[nodiscard]] std::vector<const ch::Unit*> wanted() const {
        std::vector<const ch::Unit*> list;
        for (const std::string& name : options_.units) {
            if (name == "all") {
                for (const ch::Unit& unit : units_) {
                    list.push_back(&unit);
                }
            } else {
                list.push_back(&ch::find_unit(units_, name));
            }
        }
        return list;
    }

    [[nodiscard]] ch::Netlist netlist(const ch::Unit& unit, const std::string& recipe) const {
        ch::SynthesisJob job = unit.job;
        job.recipe = ch::Recipe::parse(recipe);
        return ch::synthesise(job, place_);
    }

    [[nodiscard]] ch::Measurement measured(const ch::Unit& unit, const ch::Netlist& gates,
                                           const std::string& recipe, const ch::Case& workload,
                                           bool wires) const {
        const ch::Design design(library_, gates, "clk_i", wires ? ch::kEstimatedWires : ch::Wires{});
        ch::Measurement result = ch::measure(unit, design, workload.make());
        result.workload = workload.name;
        result.recipe = recipe;
        result.wires = wires;
        // With wires the netlist is not sized again, and late paths may really be hit; without, an output
        // that is wrong is a defect of this program, unless the static path says that the clock is too fast.
        if (result.wrong_cycles != 0 && !wires && result.path <= 1000.0) {
            throw ch::CharacterizeError(
                fmt::format("unit '{}', case '{}': {} cycles differ from the software reference", unit.name,
                            workload.name, result.wrong_cycles));
        }
        return result;
    }

    static void print_head() {
        fmt::print("{:20} {:11} {:16} {:5} {:>8} {:>8} {:>8} {:>7} {:>8} {:>6}\n", "unit", "case", "recipe",
                   "wires", "logic", "core", "all", "path", "area", "glitch");
    }

    static void print(const ch::Measurement& m) {
        fmt::print("{:20} {:11} {:16} {:5} {:8.2f} {:8.2f} {:8.2f} {:7.0f} {:8.1f} {:6.2f}{}\n", m.unit,
                   m.workload, m.recipe, m.wires ? "yes" : "no", m.logic, m.core, m.all, m.path, m.area,
                   m.glitch, m.wrong_cycles == 0 ? "" : fmt::format("  wrong in {} cycles", m.wrong_cycles));
        std::fflush(stdout);
    }

    // Those that won or came near for some unit; --explore tries the others.
    static std::vector<std::string> recipes() {
        return {"free-prefix-map", "free-prefix-nf", "fa-prefix-map", "fa-prefix-nf"};
    }

    ch::UnitResult explored(const ch::Unit& unit) const {
        ch::UnitResult result{unit.name, unit.text, unit.operation, unit.operations, {}, {}, {}, {}};
        for (const std::string& recipe : recipes()) {
            const ch::Measurement m =
                measured(unit, netlist(unit, recipe), recipe, unit.cases.front(), false);
            print(m);
            result.tried.push_back({recipe, m.logic, m.core, m.path, m.wrong_cycles});
        }
        result.recipe = ch::chosen(result.tried).recipe;
        const ch::Netlist gates = netlist(unit, result.recipe);
        for (const ch::Case& workload : unit.cases) {
            for (const bool wires : {false, true}) {
                result.measurements.push_back(measured(unit, gates, result.recipe, workload, wires));
                result.texts.push_back(workload.text);
                print(result.measurements.back());
            }
        }
        return result;
    }

    int write() {
        ch::Results results;
        const std::filesystem::path file = tech_ / "asap7-units.json";
        const bool whole = options_.units == std::vector<std::string>{"all"};
        if (!whole) {
            results = ch::read_results(file);
        }
        results.yosys = yosys_;
        print_head();
        for (const ch::Unit* unit : wanted()) {
            ch::UnitResult fresh = explored(*unit);
            const auto it =
                std::find_if(results.units.begin(), results.units.end(),
                             [&](const ch::UnitResult& known) { return known.unit == unit->name; });
            if (it == results.units.end()) {
                results.units.push_back(std::move(fresh));
            } else {
                *it = std::move(fresh);
            }
            save(file, ch::to_json(results));  // what is done stays, whatever happens to the next
        }
        save(tech_ / "asap7.json", ch::technology_table(ch::read_results(file)));
        return 0;
    }

    static void save(const std::filesystem::path& file, const std::string& text) {
        std::ofstream stream(file, std::ios::binary);
        stream << text;
        stream.close();
        if (!stream) {
            throw ch::CharacterizeError(fmt::format("{}: cannot be written", file.string()));
        }
        fmt::print(stderr, "wrote {}\n", file.string());
    }

    // Each unit's first workload, with the recipe that the committed file names, against the committed
    // numbers.
    int check() {
        const ch::Results known = ch::read_results(tech_ / "asap7-units.json");
        const double tolerance = known.yosys == yosys_ ? kSameToolTolerance : kOtherToolTolerance;
        if (known.yosys != yosys_) {
            fmt::print("{} instead of {}: tolerance {:.0f} %\n", yosys_, known.yosys, 100 * tolerance);
        }
        unsigned bad = 0;
        for (const ch::Unit* unit : wanted()) {
            const ch::UnitResult& old = known.unit(unit->name);
            const ch::Netlist gates = netlist(*unit, old.recipe);
            for (const bool wires : {false, true}) {
                const ch::Case& workload = unit->cases.front();
                const ch::Measurement fresh = measured(*unit, gates, old.recipe, workload, wires);
                const ch::Measurement& committed = known.measurement(unit->name, workload.name, wires);
                const double worst = std::max(
                    {difference(fresh.logic, committed.logic), difference(fresh.core, committed.core),
                     difference(fresh.all, committed.all), difference(fresh.path, committed.path)});
                print(fresh);
                if (worst > tolerance) {
                    ++bad;
                    fmt::print(
                        "differs from the committed {:.2f} / {:.2f} / {:.2f} fJ, {:.0f} ps by {:.1f} %: run "
                        "setun_characterize "
                        "--unit {} --write\n",
                        committed.logic, committed.core, committed.all, committed.path, 100 * worst,
                        unit->name);
                }
            }
            bad += options_.icarus ? check_icarus(*unit, gates) : 0;
            bad += options_.opensta ? check_opensta(gates) : 0;
        }
        fmt::print("{}\n", bad == 0 ? "characterisation agrees" : "characterisation DIFFERS");
        return bad == 0 ? 0 : 1;
    }

    static double difference(double a, double b) { return std::abs(a - b) / std::max(1e-9, std::abs(b)); }

    unsigned check_icarus(const ch::Unit& unit, const ch::Netlist& gates) const {
        constexpr std::size_t kCycles = 300;
        const ch::ToggleComparison c =
            ch::compare_toggles(library_, unit, gates, unit.cases.front().make(), kCycles, work_);
        const double off = difference(static_cast<double>(c.ours), static_cast<double>(c.icarus));
        fmt::print("  toggles in {} cycles: {} here, {} in Icarus Verilog\n", c.cycles, c.ours, c.icarus);
        return off > kToggleTolerance || c.wrong_outputs != 0 || c.icarus == 0 ? 1 : 0;
    }

    unsigned check_opensta(const ch::Netlist& gates) const {
        const ch::Design design(library_, gates, "clk_i", ch::Wires{});
        const double theirs = ch::opensta_path(options_.liberty, gates, work_);
        fmt::print("  critical path: {:.1f} ps here, {:.1f} ps in OpenSTA\n", design.critical_path, theirs);
        return std::abs(design.critical_path - theirs) > kPathTolerance * theirs ? 1 : 0;
    }

    int check_rails() const {
        const ch::RailFractions rails = ch::rail_fractions(library_);
        const bool good = rails.count > 0 && rails.lowest >= kLowestRail && rails.highest <= kHighestRail;
        fmt::print("charge balance of {} inputs of two-input gates: {:.3f} to {:.3f} of C V^2{}\n",
                   rails.count, rails.lowest, rails.highest,
                   good ? "" : ": outside 0.42 to 0.51, the reading of the power tables does not hold");
        return good ? 0 : 1;
    }

    int report() const {
        print_head();
        std::optional<ch::Results> known;
        if (options_.recipe.empty() && !options_.explore) {
            known = ch::read_results(tech_ / "asap7-units.json");
        }
        for (const ch::Unit* unit : wanted()) {
            if (options_.explore) {
                for (const ch::Recipe& recipe : ch::Recipe::all()) {
                    print(measured(*unit, netlist(*unit, recipe.name()), recipe.name(), unit->cases.front(),
                                   false));
                }
                continue;
            }
            const std::string recipe = known ? known->unit(unit->name).recipe : options_.recipe;
            const ch::Netlist gates = netlist(*unit, recipe);
            for (const ch::Case& workload : unit->cases) {
                for (const bool wires : {false, true}) {
                    const ch::Measurement m = measured(*unit, gates, recipe, workload, wires);
                    print(m);
                    for (const auto& [group, energy] : m.groups) {
                        fmt::print("    {:24} {:8.2f}\n", group, energy);
                    }
                }
                if (!options_.all_cases) {
                    break;
                }
            }
            if (options_.icarus) {
                check_icarus(*unit, gates);
            }
            if (options_.opensta) {
                check_opensta(gates);
            }
        }
        return 0;
    }

    Options options_;
    std::filesystem::path source_;
    std::filesystem::path tech_;
    std::filesystem::path work_;
    std::vector<ch::Unit> units_;
    ch::LibertyLibrary library_;
    ch::SynthesisPlace place_;
    std::string yosys_;
};

}  // namespace

int main(int argc, char** argv) {
    Options options;
    CLI::App app{
        "Energy, delay and area of arithmetic units in ASAP7: synthesis by Yosys, then event-driven gate "
        "simulation.\n"
        "Energies in fJ per operation, paths in ps, areas in um^2; docs/characterisation.md says what they "
        "cover.\n\n"
        "Example: setun_characterize --liberty ~/asap7 --unit engine_leaf"};
    app.add_option("--liberty", options.liberty, "Folder with the five ASAP7 files, .lib, .lib.gz or .lib.xz")
        ->envname("SETUN_LIBERTY_DIR");
    app.add_option("--unit", options.units, "Units, or all")->capture_default_str();
    app.add_option("--recipe", options.recipe,
                   "Recipe of the synthesis instead of the committed one, e.g. fa-prefix-nf");
    app.add_option("--source", options.source, "Root of the repository")->capture_default_str();
    app.add_option(
        "--work", options.work,
        "Folder for netlists and logs; default: setun_characterize in the system's temporary folder");
    app.add_flag("--all-cases", options.all_cases, "Every workload of a unit, not only its first");
    app.add_flag("--list", options.list, "List the units");
    app.add_flag("--table", options.table,
                 "Print the committed results as the tables of docs/characterisation.md");
    app.add_flag("--rails", options.rails,
                 "Check the charge balance that the reading of the power tables rests on");
    app.add_flag("--icarus", options.icarus, "Compare toggles with Icarus Verilog");
    app.add_flag("--opensta", options.opensta, "Compare the critical path with OpenSTA");
    auto* explore = app.add_flag("--explore", options.explore, "Try every recipe");
    auto* check =
        app.add_flag("--check", options.check, "Fail when the committed results cannot be had again");
    auto* write =
        app.add_flag("--write", options.write, "Write energy_model/tech/asap7-units.json and asap7.json");
    check->excludes(write)->excludes(explore);
    write->excludes(explore);
    try {
        app.parse(argc, argv);
    } catch (const CLI::ParseError& error) {
        return app.exit(error) == 0 ? 0 : 2;
    }
    try {
        return Driver(std::move(options)).run();
    } catch (const ch::CharacterizeError& error) {
        fmt::print(stderr, "setun_characterize: {}\n", error.what());
        return 2;
    } catch (const std::exception& error) {
        fmt::print(stderr, "setun_characterize: {}\n", error.what());
        return 2;
    }
}
