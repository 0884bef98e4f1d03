// Pins by name and random inputs with moods.
#include "tests/guards/stimulus.h"

#include <algorithm>
#include <cstdlib>
#include <iostream>
#include <map>
#include <string>

namespace setun::guards {
namespace {

const DiffPort& find(const std::vector<DiffPort>& ports, std::string_view name) {
    const auto it =
        std::find_if(ports.begin(), ports.end(), [&](const DiffPort& p) { return p.name == name; });
    if (it == ports.end()) {
        std::cout << "FAIL: no port " << name << '\n';
        std::exit(1);
    }
    return *it;
}

class RandomStimulus : public Stimulus {
  public:
    explicit RandomStimulus(std::uint64_t seed) : random_(seed) {}

    void drive(const Pins& pins, std::uint64_t cycle) override {
        for (const DiffPort& port : pins.inputs()) {
            if (port.name == "rst_ni") {
                pins.set(port.name, cycle >= 4 && random_() % 1024 != 0 ? 1 : 0);
            } else if (port.name == "clear_i" || port.name == "halt_i") {
                pins.set(port.name, random_() % 512 == 0 ? 1 : 0);
            } else if (const auto limit = kLimits.find(port.name); limit != kLimits.end()) {
                pins.set(port.name, limit->second.low + random_() % limit->second.count);
            } else {
                drive_by_mood(pins, port, cycle);
            }
        }
    }

    void observe(const Pins& /*pins*/) override {}

  private:
    struct Limit {
        std::uint64_t low;
        std::uint64_t count;
    };
    // Shapes of jobs: with uniform bits a job would last for ever and no result would be compared.
    inline static const std::map<std::string_view, Limit> kLimits = {
        {"job_groups_i", {1, 40}}, {"job_chunks_i", {1, 3}}, {"job_planes_i", {1, 3}},
        {"job_tokens_i", {1, 2}},  {"load_group_i", {0, 5}}, {"load_token_i", {0, 2}},
        {"load_last_i", {0, 2}}};

    void drive_by_mood(const Pins& pins, const DiffPort& port, std::uint64_t cycle) {
        unsigned& mood = moods_[port.offset];
        if (cycle % 48 == 0 && random_() % 2 == 0) {
            mood = static_cast<unsigned>(random_() % 6);
        }
        std::size_t index = 0;
        for (std::uint32_t& word : pins.words(port)) {
            word = next(mood, word) & used_bits(port, index++);
        }
    }

    std::uint32_t next(unsigned mood, std::uint32_t last) {
        const auto a = static_cast<std::uint32_t>(random_());
        const auto b = static_cast<std::uint32_t>(random_());
        const auto c = static_cast<std::uint32_t>(random_());
        switch (mood) {
            case 0:
                return a & b & c;
            case 1:
                return a | b | c;
            case 2:
                return last;
            default:
                return a;
        }
    }

    Random random_;
    std::map<unsigned, unsigned> moods_;
};

}  // namespace

Pins::Pins(std::string_view config, std::span<const DiffPort> ports, std::uint32_t* stimulus,
           const std::uint32_t* outputs)
    : stimulus_(stimulus), output_words_(outputs) {
    for (const DiffPort& port : ports) {
        if (port.config == config) {
            (port.input ? inputs_ : outputs_).push_back(port);
        }
    }
}

std::span<std::uint32_t> Pins::words(const DiffPort& input) const {
    return {stimulus_ + input.offset / 32, (input.width + 31) / 32};
}

bool Pins::has(std::string_view name) const {
    const auto same = [&](const DiffPort& p) { return p.name == name; };
    return std::any_of(inputs_.begin(), inputs_.end(), same) ||
           std::any_of(outputs_.begin(), outputs_.end(), same);
}

const DiffPort& Pins::input(std::string_view name) const { return find(inputs_, name); }

void Pins::set(std::string_view name, std::uint64_t value) const {
    const DiffPort& port = find(inputs_, name);
    const std::span<std::uint32_t> to = words(port);
    for (std::size_t i = 0; i < to.size(); ++i) {
        to[i] = (i < 2 ? static_cast<std::uint32_t>(value >> (32 * i)) : 0U) & used_bits(port, i);
    }
}

std::uint64_t Pins::get(std::string_view name) const {
    const DiffPort& port = find(outputs_, name);
    const std::uint32_t* from = output_words_ + port.offset / 32;
    const std::uint64_t low = from[0] & used_bits(port, 0);
    return port.width <= 32 ? low : low | std::uint64_t{from[1] & used_bits(port, 1)} << 32;
}

std::uint32_t used_bits(const DiffPort& port, std::size_t index) {
    const std::size_t left = port.width - index * 32;
    return left >= 32 ? ~0U : (1U << left) - 1U;
}

std::unique_ptr<Stimulus> make_random_stimulus(std::uint64_t seed) {
    return std::make_unique<RandomStimulus>(seed);
}

}  // namespace setun::guards
