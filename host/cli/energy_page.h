// The report of `setun energy` as one HTML page.
#pragma once

#include <string>

#include "energy_model/energy.h"

namespace setun::cli {

/// What the page is about: a model, its workload, a kernel, and whose energies.
struct EnergyPage {
    energy::ModelShape shape;
    energy::Workload workload;
    energy::Engine engine;
    energy::Technology technology;
    energy::Scope scope;
    std::uint64_t longest_context = 0;  ///< of the model; 0: not known
};

/// The page as HTML: joules of a token by machine and by context length, ratios by model size beside the
/// published ones, energies of operations with their sources, a roofline, claims, assumptions. Throws
/// energy::BadInput, InputError.
std::string energy_page(const EnergyPage& about);

}  // namespace setun::cli
