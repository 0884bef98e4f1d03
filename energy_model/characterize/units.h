// The units that are characterised: what is built, what is fed, and what must come out.
#pragma once

#include <cstddef>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "energy_model/characterize/stimulus_file.h"
#include "energy_model/characterize/synthesis.h"
#include "energy_model/characterize/trace.h"

namespace setun::characterize {

/// What a group of cells counts as.
enum class Category {
    kLogic,     ///< arithmetic: combinational cells and their nets
    kCore,      ///< result, pipeline and accumulator registers with their clock pins
    kOperand,   ///< the unit's operand registers, clock gates and input ports
    kAuxiliary  ///< what the unit has besides: decoder, counters
};

struct Group {
    std::string name;
    Category category = Category::kLogic;
};

/// Sorts registers into groups by a part of their name, and the logic in front of them with them. First match
/// counts.
struct GroupRule {
    std::string text;
    std::size_t registers = 0;  ///< group of the registers
    std::size_t cone = 0;       ///< group of the combinational cells that end there
};

/// Inputs of every cycle and the outputs that must be there at the end of every cycle.
struct Workload {
    Trace inputs;
    Trace expected;
    std::size_t first_checked = 0;  ///< cycle
    std::size_t first_counted = 0;  ///< cycle
};

/// A workload by name.
struct Case {
    std::string name;
    std::string text;
    std::function<Workload()> make;
};

struct Unit {
    std::string name;
    std::string text;
    std::string operation;  ///< what one operation is
    double operations = 1;  ///< a cycle
    SynthesisJob job;
    std::vector<Group> groups;  ///< [0] takes logic, [1] registers, that no rule names; [2] input ports
    std::vector<GroupRule> rules;
    std::vector<Case> cases;  ///< the first is the one quoted
    bool large = false;       ///< takes more than some seconds
};

/// All units. `model` holds what was recorded from the shipped model.
[[nodiscard]] std::vector<Unit> all_units(const ModelStimulus& model);

/// Throws CharacterizeError that lists the units when there is none of that name.
[[nodiscard]] const Unit& find_unit(const std::vector<Unit>& units, std::string_view name);

}  // namespace setun::characterize
