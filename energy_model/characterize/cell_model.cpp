// Which arc and which energy of a library cell is in force in each state.
#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "energy_model/characterize/design.h"
#include "energy_model/characterize/error.h"

namespace setun::characterize {
namespace {

class Builder {
  public:
    explicit Builder(const LibertyCell& cell) : cell_(cell) {
        model_.cell = &cell;
        model_.inputs = static_cast<unsigned>(cell.inputs.size());
        model_.outputs = static_cast<unsigned>(cell.outputs.size());
    }

    CellModel build() {
        switch (cell_.kind) {
            case CellKind::kCombinational:
                combinational();
                break;
            case CellKind::kFlipFlop:
                flip_flop();
                break;
            case CellKind::kClockGate:
                clock_gate();
                break;
            case CellKind::kOther:
                fail(
                    "is a latch or a flip-flop with set or reset; the simulator has none of these, leave it "
                    "out of synthesis");
        }
        number_arcs();
        number_output_powers();
        number_hidden_powers();
        return std::move(model_);
    }

  private:
    [[noreturn]] void fail(const std::string& problem) const {
        throw CharacterizeError(fmt::format("{}: cell '{}' {}", cell_.origin, cell_.name, problem));
    }

    [[nodiscard]] std::uint32_t states() const { return std::uint32_t{1} << model_.inputs; }

    [[nodiscard]] unsigned input(std::string_view name) const {
        for (unsigned i = 0; i < model_.inputs; ++i) {
            if (cell_.inputs[i].name == name) {
                return i;
            }
        }
        fail(fmt::format("has no input '{}'", name));
    }

    void combinational() {
        const std::vector<std::string> names = cell_.input_names();
        model_.value.assign(states(), 0);
        for (unsigned o = 0; o < model_.outputs; ++o) {
            const Expression function(cell_.outputs[o].function, names, cell_.origin);
            for (std::uint32_t s = 0; s < states(); ++s) {
                model_.value[s] = static_cast<std::uint8_t>(model_.value[s] | (unsigned{function(s)} << o));
            }
        }
    }

    void flip_flop() {
        model_.clock_pin = input(cell_.clocked_on);
        const Expression next(cell_.next_state, cell_.input_names(), cell_.origin);
        model_.value.assign(states(), 0);
        for (unsigned o = 0; o < model_.outputs; ++o) {
            const std::string& function = cell_.outputs[o].function;
            if (function != cell_.state_name && function != cell_.state_inverse) {
                fail(fmt::format("has an output '{}' that is not its state", function));
            }
            for (std::uint32_t s = 0; s < states(); ++s) {
                const bool value = next(s) == (function == cell_.state_name);
                model_.value[s] = static_cast<std::uint8_t>(model_.value[s] | (unsigned{value} << o));
            }
        }
    }

    // GCLK = CLK and the enable (or test enable) as it was when CLK was low.
    void clock_gate() {
        std::uint32_t enables = 0;
        bool clocked = false;
        for (unsigned i = 0; i < model_.inputs; ++i) {
            if (cell_.inputs[i].clock_gate_clock) {
                model_.clock_pin = i;
                clocked = true;
            } else if (cell_.inputs[i].clock_gate_enable || cell_.inputs[i].clock_gate_test) {
                enables |= 1U << i;
            }
        }
        if (!clocked || enables == 0 || model_.outputs != 1) {
            fail("has no clock pin, no enable, or not one output");
        }
        model_.value.assign(states(), 0);
        for (std::uint32_t s = 0; s < states(); ++s) {
            model_.value[s] = (s >> model_.clock_pin & 1U) != 0 && (s & enables) != 0 ? 1 : 0;
        }
    }

    // Inputs with outputs above them, as the variables of `when` stand.
    [[nodiscard]] std::uint32_t with_outputs(std::uint32_t state) const {
        return state | (std::uint32_t{model_.value[state]} << model_.inputs);
    }

    void number_arcs() {
        const std::size_t each = states();
        model_.arc.assign(std::size_t{model_.outputs} * model_.inputs * each, CellModel::kNone);
        for (unsigned o = 0; o < model_.outputs; ++o) {
            const auto first = static_cast<unsigned>(model_.arc_list.size());
            for (const TimingArc& arc : cell_.outputs[o].arcs) {
                if (arc.delay_rise || arc.delay_fall) {
                    model_.arc_list.push_back(&arc);
                    model_.arc_output.push_back(o);
                }
            }
            for (unsigned i = 0; i < model_.inputs; ++i) {
                for (std::uint32_t s = 0; s < each; ++s) {
                    model_.arc[(std::size_t{o} * model_.inputs + i) * each + s] = arc_of(first, i, s);
                }
            }
        }
        model_.arcs = static_cast<unsigned>(model_.arc_list.size());
    }

    // The arc that names the state, or else the one that names none, or else any of that pin.
    [[nodiscard]] std::uint16_t arc_of(unsigned first, unsigned pin, std::uint32_t state) const {
        std::uint16_t unconditional = CellModel::kNone;
        std::uint16_t any = CellModel::kNone;
        for (std::size_t a = first; a < model_.arc_list.size(); ++a) {
            const TimingArc& arc = *model_.arc_list[a];
            if (arc.related != pin) {
                continue;
            }
            if (!arc.when) {
                unconditional = static_cast<std::uint16_t>(a);
            } else if ((*arc.when)(with_outputs(state))) {
                return static_cast<std::uint16_t>(a);
            }
            any = static_cast<std::uint16_t>(a);
        }
        return unconditional != CellModel::kNone ? unconditional : any;
    }

    // The group of one rail in force: the one whose `when` holds, or else the one without. Never both:
    // Liberty's default is for the states that no other group names.
    [[nodiscard]] static const PowerGroup* group_of(const std::vector<PowerGroup>& groups, bool output,
                                                    unsigned related, std::string_view rail,
                                                    std::uint32_t state) {
        const PowerGroup* otherwise = nullptr;
        for (const PowerGroup& group : groups) {
            if (group.rail != rail || (output && group.related != related)) {
                continue;
            }
            if (!group.when) {
                otherwise = &group;
            } else if ((*group.when)(state)) {
                return &group;
            }
        }
        return otherwise;
    }

    std::uint16_t pair_number(unsigned pin, unsigned related, bool output, std::uint32_t state) {
        const std::vector<PowerGroup>& groups = output ? cell_.outputs[pin].powers : cell_.inputs[pin].powers;
        const CellModel::PowerPair pair = {pin, related, group_of(groups, output, related, "VDD", state),
                                           group_of(groups, output, related, "VSS", state)};
        if (pair.vdd == nullptr && pair.vss == nullptr) {
            return CellModel::kNone;
        }
        for (std::size_t i = first_pair_; i < model_.power_list.size(); ++i) {
            if (model_.power_list[i].vdd == pair.vdd && model_.power_list[i].vss == pair.vss) {
                return static_cast<std::uint16_t>(i);
            }
        }
        model_.power_list.push_back(pair);
        return static_cast<std::uint16_t>(model_.power_list.size() - 1);
    }

    void number_output_powers() {
        model_.power.assign(model_.arc.size(), CellModel::kNone);
        for (unsigned o = 0; o < model_.outputs; ++o) {
            for (unsigned i = 0; i < model_.inputs; ++i) {
                first_pair_ = model_.power_list.size();
                for (std::uint32_t s = 0; s < states(); ++s) {
                    model_.power[(std::size_t{o} * model_.inputs + i) * states() + s] =
                        pair_number(o, i, true, with_outputs(s));
                }
            }
        }
        output_pairs_ = model_.power_list.size();
    }

    void number_hidden_powers() {
        const bool stateful = cell_.kind != CellKind::kCombinational;
        model_.hidden_bits = model_.inputs + (stateful ? model_.outputs : 0);
        const std::uint32_t each = std::uint32_t{1} << model_.hidden_bits;
        model_.hidden.assign(std::size_t{model_.inputs} * each, CellModel::kNone);
        for (unsigned i = 0; i < model_.inputs; ++i) {
            first_pair_ = model_.power_list.size();
            for (std::uint32_t s = 0; s < each; ++s) {
                model_.hidden[std::size_t{i} * each + s] =
                    pair_number(i, i, false, stateful ? s : with_outputs(s));
            }
        }
        model_.powers = static_cast<unsigned>(model_.power_list.size());
        for (std::size_t p = output_pairs_; p < model_.power_list.size(); ++p) {
            model_.power_list[p].related = CellModel::kNone;  // marks a hidden pair
        }
    }

    const LibertyCell& cell_;
    CellModel model_;
    std::size_t first_pair_ = 0;
    std::size_t output_pairs_ = 0;
};

}  // namespace

std::vector<bool> CellModel::arcs_in_force(std::uint32_t known, std::uint32_t values) const {
    std::vector<bool> used(arcs, cell->kind != CellKind::kCombinational);
    const std::size_t states = std::size_t{1} << inputs;
    for (std::size_t index = 0; cell->kind == CellKind::kCombinational && index < arc.size(); ++index) {
        const auto state = static_cast<std::uint32_t>(index % states);
        const std::size_t pin = index / states % inputs;
        const std::size_t output = index / states / inputs;
        const std::uint32_t moved = state ^ (std::uint32_t{1} << pin);
        const bool possible = (state & known) == values && (known >> pin & 1U) == 0;
        const bool moves = ((value[state] ^ value[moved]) >> output & 1U) != 0;
        if (possible && moves && arc[index] != kNone) {
            used[arc[index]] = true;
        }
    }
    return used;
}

CellModel make_cell_model(const LibertyCell& cell) { return Builder(cell).build(); }

}  // namespace setun::characterize
