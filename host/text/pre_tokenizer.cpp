// Cutting text into the words that byte-level BPE merges separately.
#include "host/text/pre_tokenizer.h"

#include <unicode/uchar.h>

#include <algorithm>

#include "host/text/utf8.h"

namespace setun {
namespace {

enum class CharClass : std::uint8_t { kLetter, kNumber, kSpace, kOther };

/// One character of the text: where it begins, what it is.
struct Char {
    std::size_t begin;
    char32_t code_point;
    CharClass kind;
};

CharClass classify(char32_t c) {
    const auto code = static_cast<UChar32>(c);
    const std::uint32_t category = U_MASK(u_charType(code));
    if ((category & U_GC_L_MASK) != 0) {
        return CharClass::kLetter;
    }
    if ((category & U_GC_N_MASK) != 0) {
        return CharClass::kNumber;
    }
    if (u_isUWhiteSpace(code) != 0) {
        return CharClass::kSpace;
    }
    return CharClass::kOther;
}

/// The two regular expressions, matched by hand: each function returns the number of characters that the
/// alternative matches at position `i`, or 0. Alternatives are tried in the order in which the expressions
/// list them.
class Matcher {
  public:
    explicit Matcher(std::string_view text) {
        for (std::size_t at = 0; at < text.size();) {
            const Utf8Char c = decode_utf8(text, at);
            chars_.push_back({at, c.code_point, classify(c.code_point)});
            at += c.length;
        }
    }
    [[nodiscard]] std::size_t size() const { return chars_.size(); }
    [[nodiscard]] std::size_t begin(std::size_t i, std::size_t text_size) const {
        return i < chars_.size() ? chars_[i].begin : text_size;
    }

    [[nodiscard]] std::size_t match_gpt2(std::size_t i) const {
        if (const auto n = contraction(i, false)) {
            return n;
        }
        const std::size_t skip = at(i) == U' ' ? 1 : 0;
        for (const CharClass kind : {CharClass::kLetter, CharClass::kNumber, CharClass::kOther}) {
            if (const auto n = run(i + skip, kind)) {
                return n + skip;
            }
        }
        return spaces(i);
    }

    [[nodiscard]] std::size_t match_llama3(std::size_t i) const {
        if (const auto n = contraction(i, true)) {
            return n;
        }
        const CharClass kind = chars_[i].kind;
        const bool prefix = kind != CharClass::kLetter && kind != CharClass::kNumber && !newline(i);
        const std::size_t skip = prefix ? 1 : 0;
        if (const auto n = run(i + skip, CharClass::kLetter)) {
            return n + skip;
        }
        if (const auto n = run(i, CharClass::kNumber)) {
            return std::min<std::size_t>(n, 3);
        }
        const std::size_t blank = at(i) == U' ' ? 1 : 0;
        if (const auto n = run(i + blank, CharClass::kOther)) {
            return blank + n + newlines(i + blank + n);
        }
        const std::size_t space = run(i, CharClass::kSpace);
        for (std::size_t n = space; n > 0; --n) {
            if (newline(i + n - 1)) {
                return n;
            }
        }
        return spaces(i);
    }

  private:
    [[nodiscard]] char32_t at(std::size_t i) const { return i < chars_.size() ? chars_[i].code_point : 0; }
    [[nodiscard]] bool newline(std::size_t i) const { return at(i) == U'\n' || at(i) == U'\r'; }
    [[nodiscard]] std::size_t newlines(std::size_t i) const {
        std::size_t n = 0;
        while (newline(i + n)) {
            ++n;
        }
        return n;
    }
    [[nodiscard]] std::size_t run(std::size_t i, CharClass kind) const {
        std::size_t n = 0;
        while (i + n < chars_.size() && chars_[i + n].kind == kind) {
            ++n;
        }
        return n;
    }
    /// \s+(?!\S)|\s+ : a run of spaces leaves its last one to the word that follows, unless it is the only
    /// one.
    [[nodiscard]] std::size_t spaces(std::size_t i) const {
        const std::size_t n = run(i, CharClass::kSpace);
        return n > 1 && i + n < chars_.size() ? n - 1 : n;
    }
    [[nodiscard]] char32_t folded(std::size_t i, bool ignore_case) const {
        return ignore_case
                   ? static_cast<char32_t>(u_foldCase(static_cast<UChar32>(at(i)), U_FOLD_CASE_DEFAULT))
                   : at(i);
    }
    /// 's 't 're 've 'm 'll 'd
    [[nodiscard]] std::size_t contraction(std::size_t i, bool ignore_case) const {
        if (at(i) != U'\'') {
            return 0;
        }
        const char32_t a = folded(i + 1, ignore_case);
        const char32_t b = folded(i + 2, ignore_case);
        if (a == U's' || a == U't' || a == U'm' || a == U'd') {
            return 2;
        }
        if ((a == U'r' && b == U'e') || (a == U'v' && b == U'e') || (a == U'l' && b == U'l')) {
            return 3;
        }
        return 0;
    }

    std::vector<Char> chars_;
};

}  // namespace

std::vector<std::string_view> pre_tokenize(std::string_view text, PreTokenizer rules) {
    const Matcher matcher(text);
    std::vector<std::string_view> words;
    for (std::size_t i = 0; i < matcher.size();) {
        const std::size_t n = rules == PreTokenizer::kGpt2 ? matcher.match_gpt2(i) : matcher.match_llama3(i);
        const std::size_t begin = matcher.begin(i, text.size());
        words.push_back(text.substr(begin, matcher.begin(i + n, text.size()) - begin));
        i += n;
    }
    return words;
}

}  // namespace setun
