// Typed access to the fields of a JSON object from outside, with errors that name file, field and
// expectation.
#pragma once

#include <cstdint>
#include <nlohmann/json.hpp>
#include <string>

namespace setun {

/// A JSON object of a named file. Every getter throws InputError with file and field when the value is
/// missing, has the wrong type or is out of range.
class JsonFields {
  public:
    /// `object` must outlive this view. `where` names it in errors, e.g. "model/config.json".
    JsonFields(const nlohmann::json& object, std::string where);

    [[nodiscard]] bool has(const char* field) const;
    [[nodiscard]] std::uint64_t integer(const char* field, std::uint64_t low, std::uint64_t high) const;
    [[nodiscard]] std::uint64_t integer_or(const char* field, std::uint64_t low, std::uint64_t high,
                                           std::uint64_t otherwise) const;
    /// A finite number in [low, high].
    [[nodiscard]] double number(const char* field, double low, double high) const;
    [[nodiscard]] bool boolean_or(const char* field, bool otherwise) const;
    [[nodiscard]] std::string text(const char* field) const;
    [[nodiscard]] std::string text_or(const char* field, const std::string& otherwise) const;
    [[nodiscard]] const nlohmann::json& array(const char* field) const;
    [[nodiscard]] JsonFields object(const char* field) const;
    [[nodiscard]] const nlohmann::json& value() const { return *object_; }
    [[nodiscard]] const std::string& where() const { return where_; }

    /// Throws InputError "where: field 'field' <problem>".
    [[noreturn]] void fail(const char* field, const std::string& problem) const;

  private:
    [[nodiscard]] const nlohmann::json& at(const char* field) const;

    const nlohmann::json* object_;
    std::string where_;
};

/// Parses JSON text from outside. Throws InputError "where: not valid JSON ..." or when it nests
/// more than 64 levels deep.
nlohmann::json parse_json(std::string_view text, const std::string& where);

}  // namespace setun
