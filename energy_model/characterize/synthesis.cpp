// Fills in the recipe and runs Yosys.
#include "energy_model/characterize/synthesis.h"

#include <fmt/format.h>

#include <cstddef>
#include <fstream>
#include <map>

#include "energy_model/characterize/error.h"
#include "energy_model/characterize/process.h"
#include "energy_model/characterize/text_file.h"

namespace setun::characterize {
namespace {

std::string filled(std::string text, const std::map<std::string, std::string>& values) {
    for (const auto& [name, value] : values) {
        const std::string mark = fmt::format("@{}@", name);
        for (std::size_t at = text.find(mark); at != std::string::npos;
             at = text.find(mark, at + value.size())) {
            text.replace(at, mark.size(), value);
        }
    }
    return text;
}

}  // namespace

std::string Recipe::name() const {
    return fmt::format("{}-{}-{}", full_adders ? "fa" : "free", ripple ? "ripple" : "prefix",
                       nf ? "nf" : "map");
}

std::vector<Recipe> Recipe::all() {
    std::vector<Recipe> list;
    for (unsigned i = 0; i < 8; ++i) {
        list.push_back({(i & 1U) != 0, (i & 2U) != 0, (i & 4U) != 0});
    }
    return list;
}

Recipe Recipe::parse(const std::string& name) {
    for (const Recipe& recipe : all()) {
        if (recipe.name() == name) {
            return recipe;
        }
    }
    throw CharacterizeError(fmt::format("recipe '{}' is not (fa|free)-(ripple|prefix)-(nf|map)", name));
}

Netlist synthesise(const SynthesisJob& job, const SynthesisPlace& place) {
    const std::filesystem::path recipes = place.source / "energy_model" / "characterize" / "recipes";
    std::string files;
    for (const std::string& file : job.files) {
        files += fmt::format(" {}", (place.source / file).string());
    }
    std::string parameters;
    std::string id = job.top;
    for (const auto& [name, value] : job.parameters) {
        parameters += fmt::format("chparam -set {} {} $abstract\\{}\n", name, value, job.top);
        id += fmt::format("_{}{}", name, value);
    }
    id += fmt::format("_{}{}", job.recipe.name(), job.clock_gates ? "_gated" : "");
    const std::filesystem::path netlist = place.work / (id + ".json");
    const std::filesystem::path script = place.work / (id + ".ys");
    const std::map<std::string, std::string> values = {
        {"RECIPES", recipes.string()},
        {"RTL", (place.source / "rtl").string()},
        {"FILES", files},
        {"PARAMETERS", parameters},
        {"TOP", job.top},
        {"GATES", job.clock_gates ? fmt::format("techmap -map {}/clock_gates.v", recipes.string()) : ""},
        {"FULL_ADDERS",
         job.recipe.full_adders ? fmt::format("techmap -map {}/full_adders.v", recipes.string()) : ""},
        {"ADDERS", job.recipe.ripple ? fmt::format("techmap -map {}/ripple.v -map +/techmap.v t:$alu t:$lcu",
                                                   recipes.string())
                                     : ""},
        {"LIBRARY", place.library.string()},
        {"ABC", (recipes / (job.recipe.nf ? "nf.abc" : "map.abc")).string()},
        {"NETLIST", netlist.string()},
    };
    std::ofstream stream(script);
    stream << filled(read_text_file(recipes / "synthesis.ys"), values);
    stream.close();
    if (!stream) {
        throw CharacterizeError(fmt::format("{}: cannot be written", script.string()));
    }
    run_tool({"yosys", "-q", "-s", script.string()}, "yosys", place.work / (id + ".log"));
    return parse_netlist(read_text_file(netlist), netlist.string());
}

}  // namespace setun::characterize
