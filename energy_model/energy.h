// What a token costs in joules: counted operations and bytes times published energies, each with its source.
//
// Three machines run the same model: `setun` (ternary adder tree), `fp16` and `int8` (a multiplier per
// weight). Method, sources and limits: docs/energy.md. Units are in the names: _pj is picojoule, _j is joule,
// bytes are bytes.
//
//     Technology tech = find_technology("7nm", "hbm2");
//     Engine engine{.port_bits = 512, .ports = 4, .tokens = 8};
//     WorkCounts work = model_work(find_shape("2b4t"), {Phase::kDecode, 512, 1}, engine);
//     work.cycles = cycles_of_the_performance_model;   // optional
//     TokenEnergy e = evaluate(tech, work, engine);
//     e.setun.total_j(), e.setun.on_chip_j, e.fp16.memory_j(), e.ratios() ...
//
// This header is the whole library: table (energies), sram, shape (models), counts (commands), workload
// (models to counts), machines (counts to joules), paper (published counting rules), ladder (what 71.4x
// leaves out), claims.
#pragma once

#include "energy_model/claims.h"    // IWYU pragma: export
#include "energy_model/counts.h"    // IWYU pragma: export
#include "energy_model/ladder.h"    // IWYU pragma: export
#include "energy_model/machines.h"  // IWYU pragma: export
#include "energy_model/paper.h"     // IWYU pragma: export
#include "energy_model/shape.h"     // IWYU pragma: export
#include "energy_model/sram.h"      // IWYU pragma: export
#include "energy_model/table.h"     // IWYU pragma: export
#include "energy_model/workload.h"  // IWYU pragma: export
