// `setun energy --claims`: published claims beside what this model computes.
#pragma once

#include <string>

#include "energy_model/energy.h"
#include "host/cli/command.h"

namespace setun::cli {

Json claims_json();
std::string claims_text();

}  // namespace setun::cli
