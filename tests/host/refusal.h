// How tests look at refusals: the message of the error, and what it must say.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "host/base/error.h"

namespace setun::test {

/// The message of the InputError that `action` throws; "accepted" when it throws none.
template <class Action>
std::string error_of(const Action& action) {
    try {
        static_cast<void>(action());
    } catch (const InputError& error) {
        return error.what();
    }
    return "accepted";
}

/// One line that holds `text`.
inline void expect_error(const std::string& error, const std::string& text) {
    EXPECT_NE(error.find(text), std::string::npos) << error << "\nexpected: " << text;
    EXPECT_EQ(error.find('\n'), std::string::npos) << error;
}

}  // namespace setun::test
