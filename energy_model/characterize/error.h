// The one exception of the characterisation: bad input, a missing tool or file. One-line message that says
// what to do.
#pragma once

#include <algorithm>
#include <stdexcept>
#include <string>

namespace setun::characterize {

/// Thrown for everything that a user can mend: files, options, tools. Messages quote files, so control
/// characters in them become '?': the message stays one line.
class CharacterizeError : public std::runtime_error {
  public:
    explicit CharacterizeError(std::string message) : std::runtime_error(one_line(std::move(message))) {}

  private:
    static std::string one_line(std::string message) {
        std::replace_if(
            message.begin(), message.end(), [](char c) { return static_cast<unsigned char>(c) < ' '; }, '?');
        return message;
    }
};

}  // namespace setun::characterize
