// The energy of what a device has really done: counts of a run and its counters.
#pragma once

#include <cstdint>
#include <string>

#include "energy_model/energy.h"
#include "host/cli/command.h"
#include "host/device/device.h"
#include "host/generate/generate.h"
#include "host/model/model.h"

namespace setun::cli {

/// Sizes for the energy model. `head_planes` are those of the stored head.
energy::ModelShape energy_shape(const Architecture& architecture, const std::string& name,
                                unsigned head_planes);

/// The kernel of a device, for the energy model.
energy::Engine energy_engine(const DeviceInfo& info);

/// Work of a run, its steps as make_report() chooses them: commands, beats, bytes and non-zero weights from
/// the counters, attention, KV cache and elementwise steps from the positions that went through. `tokens` are
/// those drawn.
energy::WorkCounts run_work(const Model& model, const StepTally& tally, std::uint64_t tokens);

/// Prices `work` for the memory behind the device and its clock; `counters` give the cycles of static power.
energy::TokenEnergy price_work(const DeviceInfo& info, const std::string& tech, energy::WorkCounts work,
                               const Counters& counters);

/// The same for lists of products alone: `work` is counted from their shapes and then replaced by what the
/// device says, as far as it says it. `tokens` shared every pass.
energy::TokenEnergy price_counted(const DeviceInfo& info, const std::string& tech, energy::WorkCounts work,
                                  const Counters& counters, std::uint64_t tokens);

/// The counters that a report of measured work is made from, per run.
Json measured_json(const energy::WorkCounts& work, const Counters& counters);

}  // namespace setun::cli
