// A recursive-descent parser of Liberty's syntax.
#include "energy_model/characterize/liberty_text.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstddef>
#include <utility>

#include "energy_model/characterize/error.h"

namespace setun::characterize {
namespace {

constexpr unsigned kDeepest = 16;  // the library, cell, pin, timing, table: five are in use

bool is_space(char c) { return c == ' ' || c == '\t' || c == '\r' || c == '\n'; }
bool is_word(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '_' ||
           c == '.' || c == '-' || c == '+' || c == '[' || c == ']';
}

class Parser {
  public:
    Parser(std::string_view text, const std::string& origin) : text_(text), origin_(origin) {}

    LibertyGroup library() {
        skip();
        LibertyGroup holder;
        statement(holder, 0);
        skip();
        if (holder.groups.size() != 1 || holder.groups.front().type != "library") {
            fail("must hold one 'library (...) { ... }'");
        }
        if (at_ != text_.size()) {
            fail("text after the end of the library");
        }
        return std::move(holder.groups.front());
    }

  private:
    [[noreturn]] void fail(const std::string& problem) const {
        throw CharacterizeError(fmt::format("{}:{}: {}", origin_, line_, problem));
    }

    [[nodiscard]] bool done() const { return at_ >= text_.size(); }
    [[nodiscard]] char peek() const { return done() ? '\0' : text_[at_]; }

    void advance() {
        if (text_[at_] == '\n') {
            ++line_;
        }
        ++at_;
    }

    // White space, comments and the backslash that continues a line.
    void skip() {
        while (!done()) {
            if (is_space(text_[at_]) || text_[at_] == '\\') {
                advance();
            } else if (text_.substr(at_, 2) == "/*") {
                const unsigned begun = line_;
                while (text_.substr(at_, 2) != "*/") {
                    if (done()) {
                        line_ = begun;
                        fail("comment without end");
                    }
                    advance();
                }
                at_ += 2;
            } else {
                return;
            }
        }
    }

    std::string_view word(const char* what) {
        const std::size_t from = at_;
        while (!done() && is_word(text_[at_])) {
            ++at_;
        }
        if (at_ == from) {
            fail(done() ? fmt::format("ends where {} should stand", what)
                        : fmt::format("'{}' where {} should stand", printable(text_[at_]), what));
        }
        return text_.substr(from, at_ - from);
    }

    static std::string printable(char c) {
        return c >= ' ' && c <= '~' ? std::string(1, c)
                                    : fmt::format("\\x{:02x}", static_cast<unsigned char>(c));
    }

    std::string_view quoted() {
        const unsigned begun = line_;
        const std::size_t from = ++at_;
        while (!done() && text_[at_] != '"') {
            advance();
        }
        if (done()) {
            line_ = begun;
            fail("text without closing quote");
        }
        return text_.substr(from, at_++ - from);
    }

    // The value after a colon: a quoted text, or what stands up to ';' or the end of the line (INVBUF leaves
    // ';' out).
    std::string_view value() {
        while (peek() == ' ' || peek() == '\t') {
            ++at_;
        }
        std::string_view result;
        if (peek() == '"') {
            result = quoted();
        } else {
            const std::size_t from = at_;
            while (!done() && peek() != ';' && peek() != '\n' && peek() != '}') {
                ++at_;
            }
            result = text_.substr(from, at_ - from);
            while (!result.empty() && is_space(result.back())) {
                result.remove_suffix(1);
            }
        }
        if (result.empty() && (done() || text_[at_ - 1] != '"')) {
            fail("an attribute without value");
        }
        return result;
    }

    std::vector<std::string_view> arguments() {
        std::vector<std::string_view> list;
        ++at_;  // the bracket
        while (true) {
            skip();
            if (done()) {
                fail("'(' without ')'");
            }
            if (peek() == ')') {
                ++at_;
                return list;
            }
            if (peek() == ',') {
                ++at_;
            } else if (peek() == '"') {
                list.push_back(quoted());
            } else {
                list.push_back(word("an argument"));
            }
        }
    }

    // One attribute or group into `parent`.
    void statement(LibertyGroup& parent, unsigned depth) {
        const unsigned line = line_;
        const std::string_view name = word("a name");
        skip();
        if (peek() == ':') {
            ++at_;
            parent.attributes.push_back({name, {value()}, line});
        } else if (peek() == '(') {
            std::vector<std::string_view> list = arguments();
            skip();
            if (peek() == '{') {
                if (depth >= kDeepest) {
                    fail(fmt::format("groups nested deeper than {}", kDeepest));
                }
                ++at_;
                LibertyGroup& group = parent.groups.emplace_back();
                group.type = name;
                group.arguments = std::move(list);
                group.line = line;
                body(group, depth + 1);
            } else {
                parent.attributes.push_back({name, std::move(list), line});
            }
        } else {
            fail(fmt::format("'{}' is followed by neither ':' nor '('", name));
        }
        skip();
        while (peek() == ';') {
            ++at_;
            skip();
        }
    }

    void body(LibertyGroup& group, unsigned depth) {
        skip();
        while (peek() != '}') {
            if (done()) {
                fail(fmt::format("group '{}' of line {} has no closing '}}'", group.type, group.line));
            }
            statement(group, depth);
        }
        ++at_;
    }

    std::string_view text_;
    const std::string& origin_;
    std::size_t at_ = 0;
    unsigned line_ = 1;
};

}  // namespace

const LibertyAttribute* LibertyGroup::find(std::string_view name) const {
    const auto it =
        std::find_if(attributes.begin(), attributes.end(),
                     [name](const LibertyAttribute& attribute) { return attribute.name == name; });
    return it == attributes.end() ? nullptr : &*it;
}

std::string_view LibertyGroup::text(std::string_view name) const {
    const LibertyAttribute* attribute = find(name);
    return attribute == nullptr || attribute->values.empty() ? std::string_view{} : attribute->values.front();
}

LibertyGroup parse_liberty(std::string_view text, const std::string& origin) {
    return Parser(text, origin).library();
}

}  // namespace setun::characterize
