// The one exception of the characterisation: bad input, a missing tool or file. One-line message that says
// what to do.
#pragma once

#include <stdexcept>

namespace setun::characterize {

/// Thrown for everything that a user can mend: files, options, tools. The message is one line.
class CharacterizeError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace setun::characterize
