// Boolean expressions of Liberty, compiled to postfix.
#include "energy_model/characterize/expression.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cctype>
#include <cstddef>

#include "energy_model/characterize/error.h"

namespace setun::characterize {

namespace {
constexpr unsigned kDeepest =
    16;  // nested brackets and nots; each holds at most three values on the stack of 64
}  // namespace

class ExpressionParser {
  public:
    ExpressionParser(std::string_view text, std::span<const std::string> names, const std::string& where,
                     std::vector<std::int8_t>& code)
        : text_(text), names_(names), where_(where), code_(code) {}

    void parse() {
        any(0);
        if (peek() != '\0') {
            fail("unexpected text");
        }
    }

  private:
    [[noreturn]] void fail(const char* problem) const {
        throw CharacterizeError(fmt::format("{}: expression '{}': {}", where_, text_, problem));
    }

    char peek() {
        while (at_ < text_.size() && std::isspace(static_cast<unsigned char>(text_[at_])) != 0) {
            ++at_;
        }
        return at_ < text_.size() ? text_[at_] : '\0';
    }

    void any(unsigned depth) {
        all(depth);
        while (peek() == '+' || peek() == '|') {
            ++at_;
            all(depth);
            code_.push_back(Expression::kOr);
        }
    }

    static bool begins_factor(char c) {
        return std::isalnum(static_cast<unsigned char>(c)) != 0 || c == '_' || c == '!' || c == '(';
    }

    void all(unsigned depth) {
        odd(depth);
        while (true) {
            const char c = peek();
            if (c == '*' || c == '&') {
                ++at_;
            } else if (!begins_factor(c)) {
                return;
            }
            odd(depth);
            code_.push_back(Expression::kAnd);
        }
    }

    void odd(unsigned depth) {
        factor(depth);
        while (peek() == '^') {
            ++at_;
            factor(depth);
            code_.push_back(Expression::kXor);
        }
    }

    void factor(unsigned depth) {
        if (depth > kDeepest) {
            fail("nested too deeply");
        }
        const char c = peek();
        if (c == '!') {
            ++at_;
            factor(depth + 1);
            code_.push_back(Expression::kNot);
        } else if (c == '(') {
            ++at_;
            any(depth + 1);
            if (peek() != ')') {
                fail("a bracket is not closed");
            }
            ++at_;
        } else if (begins_factor(c)) {
            name();
        } else {
            fail("a name is missing");
        }
        while (peek() == '\'') {
            ++at_;
            code_.push_back(Expression::kNot);
        }
    }

    void name() {
        const std::size_t from = at_;
        while (at_ < text_.size() &&
               (std::isalnum(static_cast<unsigned char>(text_[at_])) != 0 || text_[at_] == '_')) {
            ++at_;
        }
        const std::string_view found = text_.substr(from, at_ - from);
        if (found == "0" || found == "1") {
            code_.push_back(found == "0" ? Expression::kZero : Expression::kOne);
            return;
        }
        const auto it = std::find(names_.begin(), names_.end(), found);
        if (it == names_.end()) {
            fail("a name that is no pin");
        }
        code_.push_back(static_cast<std::int8_t>(it - names_.begin()));
    }

    std::string_view text_;
    std::span<const std::string> names_;
    const std::string& where_;
    std::vector<std::int8_t>& code_;
    std::size_t at_ = 0;
};

Expression::Expression(std::string_view text, std::span<const std::string> names, const std::string& where) {
    ExpressionParser(text, names, where, code_).parse();
}

bool Expression::operator()(std::uint32_t state) const {
    // Bit i is level i of the stack; nested deeper than 32 brackets is refused, and each needs at most one
    // level more.
    std::uint64_t stack = 0;
    unsigned depth = 0;
    const auto push = [&](bool value) {
        stack = (stack & ~(std::uint64_t{1} << depth)) | (std::uint64_t{value} << depth);
        ++depth;
    };
    const auto pop = [&] {
        depth -= depth > 0 ? 1U : 0U;  // postfix made by the parser never pops too much
        return (stack >> depth & 1U) != 0;
    };
    for (const std::int8_t operation : code_) {
        if (operation >= 0) {
            push((state >> static_cast<unsigned>(operation) & 1U) != 0);
        } else if (operation == kZero || operation == kOne) {
            push(operation == kOne);
        } else if (operation == kNot) {
            push(!pop());
        } else {
            const bool b = pop();
            const bool a = pop();
            push(operation == kAnd ? (a && b) : operation == kOr ? (a || b) : (a != b));
        }
    }
    return pop();
}

std::string Expression::verilog(std::span<const std::string> names) const {
    std::vector<std::string> stack;
    const auto pop = [&] {
        std::string top = std::move(stack.back());
        stack.pop_back();
        return top;
    };
    for (const std::int8_t operation : code_) {
        if (operation >= 0) {
            stack.push_back(names[static_cast<std::size_t>(operation)]);
        } else if (operation == kZero || operation == kOne) {
            stack.emplace_back(operation == kOne ? "1'b1" : "1'b0");
        } else if (operation == kNot) {
            stack.push_back(fmt::format("~{}", pop()));
        } else {
            const std::string b = pop();
            const std::string a = pop();
            stack.push_back(fmt::format("({} {} {})", a,
                                        operation == kAnd  ? '&'
                                        : operation == kOr ? '|'
                                                           : '^',
                                        b));
        }
    }
    return stack.back();
}

}  // namespace setun::characterize
