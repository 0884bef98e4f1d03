// Inputs for the differential test: random for single modules, a bus with a memory behind it for whole
// kernels.
#pragma once

#include <cstdint>
#include <memory>
#include <random>
#include <span>
#include <string_view>
#include <vector>

#include "tests/guards/diff_port.h"

namespace setun::guards {

using Random = std::mt19937_64;

/// Access to one configuration's ports by name, on top of the model's stimulus and output vectors (32-bit
/// words).
class Pins {
  public:
    Pins(std::string_view config, std::span<const DiffPort> ports, std::uint32_t* stimulus,
         const std::uint32_t* outputs);

    [[nodiscard]] const std::vector<DiffPort>& inputs() const { return inputs_; }
    [[nodiscard]] const std::vector<DiffPort>& outputs() const { return outputs_; }

    /// The words of an input, to be written.
    [[nodiscard]] std::span<std::uint32_t> words(const DiffPort& input) const;
    [[nodiscard]] bool has(std::string_view name) const;
    /// Lowest 64 bits; a name that does not exist ends the program with a message.
    void set(std::string_view name, std::uint64_t value) const;
    [[nodiscard]] std::uint64_t get(std::string_view name) const;
    [[nodiscard]] const DiffPort& input(std::string_view name) const;

  private:
    std::vector<DiffPort> inputs_;
    std::vector<DiffPort> outputs_;
    std::uint32_t* stimulus_;
    const std::uint32_t* output_words_;
};

/// Bits of word `index` that belong to the port.
[[nodiscard]] std::uint32_t used_bits(const DiffPort& port, std::size_t index);

class Stimulus {
  public:
    virtual ~Stimulus() = default;
    Stimulus() = default;
    Stimulus(const Stimulus&) = delete;
    Stimulus& operator=(const Stimulus&) = delete;

    /// Sets the inputs of a cycle, before its rising edge.
    virtual void drive(const Pins& pins, std::uint64_t cycle) = 0;
    /// Outputs have settled with these inputs: what happens at the rising edge (handshakes) can be seen.
    virtual void observe(const Pins& pins) = 0;
};

/// Random inputs with moods (mostly 0, mostly 1, steady, uniform), and small values where large ones would
/// never end.
[[nodiscard]] std::unique_ptr<Stimulus> make_random_stimulus(std::uint64_t seed);

/// Keeps the contract of the leaves: loads a chunk, waits until it can be made current, swaps; meanwhile
/// beats of random, extreme and illegal weights.
[[nodiscard]] std::unique_ptr<Stimulus> make_leaf_stimulus(std::uint64_t seed);

/// Runs command lists on a kernel: AXI4-Lite writes and reads, AXI memory with random waits, errors and
/// illegal weights.
[[nodiscard]] std::unique_ptr<Stimulus> make_kernel_stimulus(std::uint64_t seed);

}  // namespace setun::guards
