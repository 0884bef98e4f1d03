// Boolean expressions of Liberty: `function`, `when`, `next_state`.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace setun::characterize {

/// A Boolean expression over at most 32 named variables, compiled for evaluation.
class Expression {
  public:
    /// Compiles `text` with the variables `names` (variable i is bit i of a state). Operators: ! and ' (not),
    /// & * and juxtaposition (and), ^, | and + (or), brackets, 0 and 1. Throws CharacterizeError "WHERE: ..."
    /// for syntax errors and unknown names.
    Expression(std::string_view text, std::span<const std::string> names, const std::string& where);

    /// The value in `state`.
    [[nodiscard]] bool operator()(std::uint32_t state) const;

    /// The same in Verilog, with the variables' names.
    [[nodiscard]] std::string verilog(std::span<const std::string> names) const;

  private:
    friend class ExpressionParser;
    // Postfix: a variable's number, or one of the operators.
    static constexpr std::int8_t kNot = -1, kAnd = -2, kOr = -3, kXor = -4, kZero = -5, kOne = -6;
    std::vector<std::int8_t> code_;
};

}  // namespace setun::characterize
