// setun bench --device vp: how much of a token the matrix engine is at work on the virtual chip.
#pragma once

#include <cstdint>
#include <string>

#include "host/cli/device_options.h"

namespace setun::cli {

struct ChipBenchOptions {
    DeviceOptions device;
    std::string shape = "2b4t";
    std::uint32_t context = 512;  ///< positions that attention sees
    std::string kv = "int8";      ///< format of the cache
    std::uint64_t seed = 1;       ///< of the random weights
};

/// Runs one token of the shape with one, two and three layers, projects all its layers from the first two
/// runs, checks that way of projecting against the third, and prints each unit's share. Returns the exit
/// code; throws InputError.
int bench_chip(const ChipBenchOptions& options, bool json);

}  // namespace setun::cli
