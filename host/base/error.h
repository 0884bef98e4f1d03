// The errors that reach a user. Each message is one line that names the file or option, the field and the
// remedy.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>
#include <utility>

namespace setun {

/// Text that may hold anything from a file, as one printable line: control characters become '?', what is too
/// long is cut.
inline std::string one_line(std::string text) {
    constexpr std::size_t kLongest = 2000;
    if (text.size() > kLongest) {
        text.resize(kLongest);
        text += "...";
    }
    std::replace_if(
        text.begin(), text.end(), [](char c) { return (c >= 0 && c < ' ') || c == 0x7F; }, '?');
    return text;
}

/// Something from outside is wrong: an option, a prompt, a file. The command line exits with 2. The message
/// is made one line.
class InputError : public std::runtime_error {
  public:
    explicit InputError(std::string message) : std::runtime_error(one_line(std::move(message))) {}
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
