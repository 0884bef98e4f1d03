// The whole-model part of `setun bench`: one token of a named shape, on the chip or from the performance
// model.
#pragma once

#include <cstdint>
#include <string>

#include "host/cli/command.h"
#include "host/cli/device_options.h"

namespace setun::cli {

struct ModelBenchOptions {
    DeviceOptions device;          ///< memory "all" stands for a table of boards
    bool ports_given = false;      ///< the user chose the number of ports: not the board's own
    bool port_bits_given = false;  ///< the same of their width
    std::string shape;
    unsigned batch = 1;          ///< tokens, of as many sequences, in one pass over the weights
    std::string lists = "both";  ///< whole, groups, both
    std::uint64_t seed = 1;      ///< of weights and activations
    bool energy = false;         ///< price what was counted
    std::string tech = "7nm";    ///< with which table
};

/// Runs it and prints the result. Returns an exit code; throws InputError for options out of range,
/// CheckError when integers are wrong.
int bench_model(const ModelBenchOptions& options, bool json);

}  // namespace setun::cli
