// Syntax of a Liberty file: groups, attributes and their values, as views into the text.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace setun::characterize {

/// `name : value ;` or `name (value, value) ;`. Quotes are taken off; what stands between them is not
/// changed.
struct LibertyAttribute {
    std::string_view name;
    std::vector<std::string_view> values;
    unsigned line = 0;
};

/// `type (argument, ...) { ... }`.
struct LibertyGroup {
    std::string_view type;
    std::vector<std::string_view> arguments;
    std::vector<LibertyAttribute> attributes;
    std::vector<LibertyGroup> groups;
    unsigned line = 0;

    /// The first attribute of that name, or nullptr.
    [[nodiscard]] const LibertyAttribute* find(std::string_view name) const;
    /// Its first value, or "" when there is none.
    [[nodiscard]] std::string_view text(std::string_view name) const;
};

/// Parses the one `library` group of `text`, which must outlive the result. `origin` names the file in
/// errors. Throws CharacterizeError "FILE:LINE: ..." for anything that is not Liberty, or is nested deeper
/// than 16 groups.
[[nodiscard]] LibertyGroup parse_liberty(std::string_view text, const std::string& origin);

}  // namespace setun::characterize
