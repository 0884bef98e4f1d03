// What is left of the published 71.4x when more than bare operators is counted.
#include "energy_model/ladder.h"

#include <fmt/format.h>

#include <stdexcept>

namespace setun::energy {
namespace {

constexpr double kSetunBitsPerWeight = 1.6;  // five trits a byte, docs/memory-format.md section 1
constexpr double kFp16Bits = 16;

double tree_adder_pj(double int8_add_pj, unsigned lanes) {
    double bits = 0;  // summed over all adders of the tree; level l adds two numbers into 8 + l bits
    unsigned level = 1;
    for (unsigned nodes = lanes; nodes > 1; nodes = (nodes + 1) / 2, ++level) {
        const unsigned adders = nodes / 2;
        bits += adders * (8.0 + level);
    }
    return int8_add_pj * bits / 8.0 / lanes;
}

}  // namespace

std::vector<RatioStep> ratio_ladder(const Table& operations, const Table& memories, const std::string& memory,
                                    unsigned lanes) {
    if (lanes == 0) {
        throw std::invalid_argument("energy: a tree needs at least one lane");
    }
    const double add8 = operations.at("int8_add", Unit::kOperation).energy_pj;
    const double add32 = operations.at("int32_add", Unit::kOperation).energy_pj;
    const double fp16 = operations.at("fp16_mul", Unit::kOperation).energy_pj +
                        operations.at("fp16_add", Unit::kOperation).energy_pj;
    const double tree = tree_adder_pj(add8, lanes);
    const double tree_and_accumulator = tree + add32 / lanes;

    std::vector<RatioStep> steps;
    steps.push_back({"bare operators",
                     "one INT8 add against one FP16 multiply and add: the published quotient", add8, fp16});
    steps.push_back(
        {"adder tree",
         fmt::format("the tree of {} lanes has adders of 9 and more bits, energy taken as linear in "
                     "width; FP16 unchanged",
                     lanes),
         tree, fp16});
    steps.push_back({"and accumulator", "one INT32 add a row and chunk", tree_and_accumulator, fp16});
    steps.push_back(
        {"no tree", "one INT32 accumulator add for every weight, as in a serial lane", add32, fp16});
    if (memory != "none") {
        const double bit = memories.at(memory, Unit::kBit).energy_pj;
        steps.push_back({fmt::format("and weights from {}", memory),
                         "tree, accumulator, 1.6 bits a weight; FP16 16 bits a weight; one token a pass",
                         tree_and_accumulator + kSetunBitsPerWeight * bit, fp16 + kFp16Bits * bit});
    }
    return steps;
}

}  // namespace setun::energy
