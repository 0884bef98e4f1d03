// The event loop and its energy accounts.
#include "energy_model/characterize/simulator.h"

#include <algorithm>
#include <cstddef>
#include <utility>

#include "energy_model/characterize/error.h"

namespace setun::characterize {

Simulator::Simulator(const Design& design, std::int64_t period, std::vector<std::uint8_t> group,
                     std::size_t groups, std::uint8_t port_group)
    : design_(design),
      period_(period),
      group_(std::move(group)),
      port_group_(port_group),
      half_square_(design.voltage * design.voltage / 2),
      value_(design.nets, 0),
      state_(design.instances.size(), 0),
      output_(design.outputs),
      at_begin_(design.nets, 0),
      is_touched_(design.nets, 0),
      gate_open_(design.instances.size(), 0) {
    if (group_.size() != design.instances.size() || port_group >= groups ||
        std::any_of(group_.begin(), group_.end(), [&](std::uint8_t g) { return g >= groups; })) {
        throw CharacterizeError("a group of the simulator is out of range");
    }
    for (std::uint32_t i = 0; i < design.instances.size(); ++i) {
        const Instance& instance = design.instances[i];
        for (std::size_t o = 0; o < instance.out.size(); ++o) {
            output_[instance.first_output + o].net = instance.out[o];
            output_[instance.first_output + o].instance = i;
        }
    }
    for (const NetlistPort& port : design.ports) {
        if (port.input) {
            input_nets_.insert(input_nets_.end(), port.bits.begin(), port.bits.end());
        }
    }
    activity_.energy.assign(groups, 0.0);
}

void Simulator::override_delays(std::span<const std::int64_t> delay) {
    if (delay.size() != design_.instances.size()) {
        throw CharacterizeError("one delay for every instance is needed");
    }
    override_.assign(delay.begin(), delay.end());
}

void Simulator::reset_counters() {
    activity_ = Activity{std::vector<double>(activity_.energy.size(), 0.0), 0, 0, 0};
}

void Simulator::settle(std::span<const std::uint8_t> inputs) {
    events_ = {};
    now_ = 0;
    std::fill(value_.begin(), value_.end(), std::uint8_t{0});
    std::fill(gate_open_.begin(), gate_open_.end(), std::uint8_t{0});
    value_[kNetOne] = 1;
    for (std::size_t i = 0; i < input_nets_.size(); ++i) {
        value_[input_nets_[i]] = inputs[i];
    }
    for (Output& output : output_) {
        output.pending = false;
    }
    for (const std::uint32_t i : design_.flip_flops) {
        const Instance& instance = design_.instances[i];
        for (unsigned o = 0; o < instance.out.size(); ++o) {
            value_[instance.out[o]] = instance.model->value[0] >> o & 1U;
        }
    }
    const auto gather = [&](std::uint32_t i) {
        const Instance& instance = design_.instances[i];
        unsigned state = 0;
        const bool clocked = instance.model->cell->kind != CellKind::kCombinational;
        for (unsigned pin = 0; pin < instance.in.size(); ++pin) {
            if (!clocked || pin != instance.model->clock_pin) {  // the clock is low
                state |= unsigned{value_[instance.in[pin]]} << pin;
            }
        }
        state_[i] = static_cast<std::uint16_t>(state);
    };
    for (const std::uint32_t i : design_.topological) {
        gather(i);
        const Instance& instance = design_.instances[i];
        for (unsigned o = 0; o < instance.out.size(); ++o) {
            value_[instance.out[o]] = instance.model->value[state_[i]] >> o & 1U;
        }
    }
    for (const std::uint32_t i : design_.flip_flops) {
        gather(i);
    }
    for (const std::uint32_t i : design_.clock_gates) {
        gather(i);
    }
    reset_counters();
}

void Simulator::cycle(std::span<const std::uint8_t> inputs) {
    if (inputs.size() != input_nets_.size()) {
        throw CharacterizeError("the stimulus does not fit the input ports");
    }
    const std::int64_t begin = now_;
    clock_edge(true, begin);
    run_until(begin + kInputDelay);
    for (std::size_t i = 0; i < input_nets_.size(); ++i) {
        if (value_[input_nets_[i]] != inputs[i]) {
            toggle(input_nets_[i], begin + kInputDelay);
        }
    }
    run_until(begin + period_ / 2);
    clock_edge(false, begin + period_ / 2);
    run_until(begin + period_);
    now_ = begin + period_;
    for (const Net net : touched_) {
        activity_.useful += value_[net] != at_begin_[net] ? 1U : 0U;
        is_touched_[net] = 0;
    }
    touched_.clear();
    ++activity_.cycles;
}

std::vector<std::uint8_t> Simulator::outputs() const {
    std::vector<std::uint8_t> bits;
    for (const NetlistPort& port : design_.ports) {
        if (!port.input) {
            for (const Net net : port.bits) {
                bits.push_back(value_[net]);
            }
        }
    }
    return bits;
}

// Everything before `time`; what happens exactly then comes after the edge or input of that time.
void Simulator::run_until(std::int64_t time) {
    while (!events_.empty() && events_.top().time < time) {
        const Event event = events_.top();
        events_.pop();
        Output& output = output_[event.output];
        if (!output.pending || output.generation != event.generation) {
            continue;  // a pulse that was too short
        }
        output.pending = false;
        activity_.energy[group_[output.instance]] += output.energy;
        ++activity_.toggles;
        if (is_touched_[output.net] == 0) {
            is_touched_[output.net] = 1;
            at_begin_[output.net] = value_[output.net];
            touched_.push_back(output.net);
        }
        toggle(output.net, event.time);
    }
}

void Simulator::toggle(Net net, std::int64_t time) {
    value_[net] ^= 1U;
    const std::uint32_t source = design_.driver[net];
    activity_.energy[source == Design::kPortDriver ? port_group_ : group_[source]] +=
        half_square_ * design_.load[net];
    for (const Sink& sink : design_.sinks[net]) {
        input_toggle(sink, time);
    }
}

std::uint32_t Simulator::hidden_state(std::uint32_t instance) const {
    const Instance& cell = design_.instances[instance];
    std::uint32_t state = state_[instance];
    if (cell.model->hidden_bits > cell.model->inputs) {
        for (std::size_t o = 0; o < cell.out.size(); ++o) {
            state |= std::uint32_t{value_[cell.out[o]]} << (cell.model->inputs + o);
        }
    }
    return state;
}

void Simulator::book_hidden(std::uint32_t instance, unsigned pin, std::uint32_t state, bool rising) {
    const Instance& cell = design_.instances[instance];
    const std::uint16_t pair = cell.model->hidden[(std::size_t{pin} << cell.model->hidden_bits) | state];
    if (pair != CellModel::kNone) {
        activity_.energy[group_[instance]] += design_.energies[cell.first_power + pair].of(rising);
    }
}

void Simulator::input_toggle(const Sink& sink, std::int64_t time) {
    const Instance& cell = design_.instances[sink.instance];
    const CellModel& model = *cell.model;
    const std::uint16_t before = state_[sink.instance];
    const auto after = static_cast<std::uint16_t>(before ^ (1U << sink.pin));
    state_[sink.instance] = after;
    const bool rising = (after >> sink.pin & 1U) != 0;
    // Data of a register moves nothing before the clock does.
    const unsigned changed = model.cell->kind == CellKind::kCombinational
                                 ? unsigned{model.value[before]} ^ model.value[after]
                                 : 0U;
    if (changed == 0) {
        book_hidden(sink.instance, sink.pin, hidden_state(sink.instance), rising);
        return;
    }
    for (unsigned o = 0; o < model.outputs; ++o) {
        if ((changed >> o & 1U) != 0) {
            const std::size_t index = ((std::size_t{o} * model.inputs + sink.pin) << model.inputs) | after;
            schedule(cell.first_output + o, model.arc[index], model.power[index],
                     (model.value[after] >> o & 1U) != 0, time);
        }
    }
}

// The output is to have the other value than it was heading for: a new event, or the end of a pulse under
// way.
void Simulator::schedule(std::uint32_t output, std::uint16_t arc, std::uint16_t power, bool rising,
                         std::int64_t time) {
    Output& target = output_[output];
    ++target.generation;
    if (target.pending) {
        target.pending = false;
        return;
    }
    const Instance& cell = design_.instances[target.instance];
    std::int64_t delay = 1;
    if (!override_.empty()) {
        delay = override_[target.instance];
    } else if (arc != CellModel::kNone) {
        delay = design_.delays[cell.first_arc + arc].of(rising);
    }
    target.pending = true;
    target.energy = power == CellModel::kNone ? 0.0 : design_.energies[cell.first_power + power].of(rising);
    events_.push({time + delay, output, target.generation});
}

void Simulator::clock_edge(bool rising, std::int64_t time) {
    // Gates first: the registers behind them see the edge at the same instant, as after a balanced clock
    // tree.
    std::vector<std::uint8_t> moved(design_.clock_gates.empty() ? 0 : design_.instances.size(), 0);
    for (const std::uint32_t i : design_.clock_gates) {
        const Instance& cell = design_.instances[i];
        const CellModel& model = *cell.model;
        state_[i] = static_cast<std::uint16_t>(state_[i] ^ (1U << model.clock_pin));
        activity_.energy[group_[i]] += half_square_ * design_.clock_load[i];
        const bool open = rising && model.value[state_[i]] != 0;
        if (open == (gate_open_[i] != 0)) {
            book_hidden(i, model.clock_pin, hidden_state(i), rising);
            continue;
        }
        const std::uint16_t power = model.power[(std::size_t{model.clock_pin} << model.inputs) | state_[i]];
        if (power != CellModel::kNone) {
            activity_.energy[group_[i]] += design_.energies[cell.first_power + power].of(rising);
        }
        gate_open_[i] = open ? 1 : 0;
        value_[cell.out[0]] = gate_open_[i];
        moved[i] = 1;
    }
    for (const std::uint32_t i : design_.flip_flops) {
        const std::uint32_t gate = design_.instances[i].gate;
        if (gate == Instance::kNoGate || moved[gate] != 0) {
            clock_cell(i, rising, time);
        }
    }
}

void Simulator::clock_cell(std::uint32_t instance, bool rising, std::int64_t time) {
    const Instance& cell = design_.instances[instance];
    const CellModel& model = *cell.model;
    state_[instance] = static_cast<std::uint16_t>(state_[instance] ^ (1U << model.clock_pin));
    activity_.energy[group_[instance]] += half_square_ * design_.clock_load[instance];
    bool stored = false;
    for (unsigned o = 0; rising && o < model.outputs; ++o) {
        const bool next = (model.value[state_[instance]] >> o & 1U) != 0;
        const Output& output = output_[cell.first_output + o];
        if (next != ((value_[output.net] != 0) != output.pending)) {
            const std::size_t index =
                ((std::size_t{o} * model.inputs + model.clock_pin) << model.inputs) | state_[instance];
            schedule(cell.first_output + o, model.arc[index], model.power[index], next, time);
            stored = true;
        }
    }
    if (!stored) {
        book_hidden(instance, model.clock_pin, hidden_state(instance), rising);
    }
}

}  // namespace setun::characterize
