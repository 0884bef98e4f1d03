// Typed access to the fields of a JSON object from outside, with errors that name file, field and
// expectation.
#include "host/base/json_fields.h"

#include <fmt/format.h>

#include <cmath>

#include "host/base/error.h"

namespace setun {
namespace {

constexpr int kMaxDepth = 64;  ///< of nested arrays and objects; printing a value takes stack for each

/// Throws when brackets outside of strings nest too deeply. Whether the text is JSON is for the parser to
/// say.
void check_depth(std::string_view text, const std::string& where) {
    int depth = 0;
    bool quoted = false;
    for (std::size_t i = 0; i < text.size(); ++i) {
        const char c = text[i];
        if (c == '"') {
            quoted = !quoted;
        } else if (quoted) {
            i += c == '\\' ? 1 : 0;
        } else if (c == '[' || c == '{') {
            if (++depth > kMaxDepth) {
                throw InputError(
                    fmt::format("{}: nested more than {} levels deep at byte {}", where, kMaxDepth, i));
            }
        } else if (c == ']' || c == '}') {
            --depth;
        }
    }
}

std::string shown(const nlohmann::json& value) {
    std::string text = value.dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
    return text.size() > 40 ? text.substr(0, 37) + "..." : text;
}

}  // namespace

JsonFields::JsonFields(const nlohmann::json& object, std::string where)
    : object_(&object), where_(std::move(where)) {
    if (!object.is_object()) {
        throw InputError(fmt::format("{}: expected a JSON object, found {}", where_, object.type_name()));
    }
}

void JsonFields::fail(const char* field, const std::string& problem) const {
    throw InputError(fmt::format("{}: field '{}' {}", where_, field, problem));
}

bool JsonFields::has(const char* field) const {
    const auto found = object_->find(field);
    return found != object_->end() && !found->is_null();
}

const nlohmann::json& JsonFields::at(const char* field) const {
    const auto found = object_->find(field);
    if (found == object_->end() || found->is_null()) {
        fail(field, "is missing");
    }
    return *found;
}

std::uint64_t JsonFields::integer(const char* field, std::uint64_t low, std::uint64_t high) const {
    const nlohmann::json& value = at(field);
    const bool usable =
        value.is_number_unsigned() || (value.is_number_integer() && value.get<std::int64_t>() >= 0);
    if (!usable || value.get<std::uint64_t>() < low || value.get<std::uint64_t>() > high) {
        fail(field, fmt::format("is {}; expected an integer from {} to {}", shown(value), low, high));
    }
    return value.get<std::uint64_t>();
}

std::uint64_t JsonFields::integer_or(const char* field, std::uint64_t low, std::uint64_t high,
                                     std::uint64_t otherwise) const {
    return has(field) ? integer(field, low, high) : otherwise;
}

double JsonFields::number(const char* field, double low, double high) const {
    const nlohmann::json& value = at(field);
    const double found = value.is_number() ? value.get<double>() : std::nan("");
    if (!(found >= low && found <= high)) {
        fail(field, fmt::format("is {}; expected a number from {} to {}", shown(value), low, high));
    }
    return found;
}

bool JsonFields::boolean_or(const char* field, bool otherwise) const {
    if (!has(field)) {
        return otherwise;
    }
    if (!at(field).is_boolean()) {
        fail(field, fmt::format("is {}; expected true or false", shown(at(field))));
    }
    return at(field).get<bool>();
}

std::string JsonFields::text(const char* field) const {
    const nlohmann::json& value = at(field);
    if (!value.is_string()) {
        fail(field, fmt::format("is {}; expected a string", shown(value)));
    }
    return value.get<std::string>();
}

std::string JsonFields::text_or(const char* field, const std::string& otherwise) const {
    return has(field) ? text(field) : otherwise;
}

const nlohmann::json& JsonFields::array(const char* field) const {
    const nlohmann::json& value = at(field);
    if (!value.is_array()) {
        fail(field, fmt::format("is {}; expected an array", shown(value)));
    }
    return value;
}

JsonFields JsonFields::object(const char* field) const { return {at(field), where_ + " " + field}; }

nlohmann::json parse_json(std::string_view text, const std::string& where) {
    check_depth(text, where);
    // Without exceptions the parser does not say where it stopped; with them the message has several parts.
    try {
        return nlohmann::json::parse(text);
    } catch (const nlohmann::json::parse_error& error) {
        throw InputError(
            fmt::format("{}: not valid JSON (error at byte {}); is the file complete?", where, error.byte));
    } catch (const nlohmann::json::exception&) {
        throw InputError(fmt::format("{}: not valid JSON (a number is out of range)", where));
    }
}

}  // namespace setun
