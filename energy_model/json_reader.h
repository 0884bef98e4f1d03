// Typed access to JSON objects from outside, for tables and shapes, with one-line errors that name file and
// field.
#pragma once

#include <fmt/format.h>

#include <cstdint>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <string_view>

namespace setun::energy {

/// One object of a file. `Error` is what bad input throws.
template <typename Error>
class JsonReader {
  public:
    /// `where` names file and object in errors.
    JsonReader(const nlohmann::json& object, std::string where) : object_(object), where_(std::move(where)) {
        if (!object.is_object()) {
            fail("must be an object");
        }
    }

    [[nodiscard]] bool has(const char* field) const { return object_.contains(field); }
    [[nodiscard]] const nlohmann::json& value() const { return object_; }

    /// A text that is not blank.
    [[nodiscard]] std::string text(const char* field) const {
        const auto it = object_.find(field);
        if (it == object_.end() || !it->is_string() ||
            it->template get_ref<const std::string&>().find_first_not_of(" \t\r\n") == std::string::npos) {
            fail(fmt::format("'{}' is missing or empty; give it as text", field));
        }
        return it->template get<std::string>();
    }

    [[nodiscard]] std::uint64_t integer(const char* field, std::uint64_t low, std::uint64_t high) const {
        const auto it = object_.find(field);
        if (it != object_.end() && it->is_number_unsigned()) {
            const auto number = it->template get<std::uint64_t>();
            if (number >= low && number <= high) {
                return number;
            }
        }
        fail(fmt::format("'{}' is {}; expected a whole number from {} to {}", field,
                         it == object_.end() ? "missing" : it->dump(), low, high));
    }

    [[nodiscard]] bool boolean_or(const char* field, bool otherwise) const {
        const auto it = object_.find(field);
        if (it == object_.end()) {
            return otherwise;
        }
        if (!it->is_boolean()) {
            fail(fmt::format("'{}' must be true or false", field));
        }
        return it->template get<bool>();
    }

    /// Anything but these fields is a mistake of the writer.
    void refuse_unknown(std::span<const std::string_view> known) const {
        for (const auto& item : object_.items()) {
            bool found = false;
            for (const std::string_view name : known) {
                found = found || name == item.key();
            }
            if (!found) {
                fail(fmt::format("unknown field '{}'; known are {}", item.key(), fmt::join(known, ", ")));
            }
        }
    }

    [[noreturn]] void fail(const std::string& problem) const {
        throw Error(fmt::format("{}: {}", where_, problem));
    }

    /// Parses `text`. Throws Error when it is not JSON.
    static nlohmann::json parse(std::string_view text, std::string_view where) {
        try {
            return nlohmann::json::parse(text);
        } catch (const nlohmann::json::parse_error& error) {
            throw Error(fmt::format("{}: not valid JSON near byte {}", where, error.byte));
        }
    }

  private:
    const nlohmann::json& object_;
    std::string where_;
};

}  // namespace setun::energy
