// The errors that reach a user. Each message is one line that names the file or option, the field and the
// remedy.
#pragma once

#include <stdexcept>
#include <string>

namespace setun {

/// Something from outside is wrong: an option, a prompt, a file. The command line exits with 2.
class InputError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A check that was asked for has failed: integers differ, a device reported an error. The command line exits
/// with 1.
class CheckError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// The user stopped the work (Ctrl-C) or its deadline passed.
class CancelledError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

}  // namespace setun
