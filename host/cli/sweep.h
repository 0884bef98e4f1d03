// setun sweep: many kernel configurations on one model.
#pragma once

#include <memory>

#include "host/cli/command.h"

namespace setun::cli {

std::unique_ptr<Command> make_sweep_command();

}  // namespace setun::cli
