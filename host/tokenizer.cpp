// Byte-level BPE: text to token ids and back.
#include "host/tokenizer.h"

#include <fmt/format.h>
#include <unicode/uchar.h>

#include <algorithm>
#include <limits>
#include <queue>

#include "host/error.h"

namespace setun {
namespace {

constexpr std::uint32_t kNone = std::numeric_limits<std::uint32_t>::max();

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

/// A merge that is possible now: left symbol, its right neighbour when it was found, and the rank.
struct Candidate {
    std::uint32_t rank;
    std::size_t left;
    std::uint32_t left_id;
    std::uint32_t right_id;
    std::uint32_t result;
    bool operator<(
        const Candidate& other) const {  // priority_queue pops the largest: lowest rank, then leftmost
        return rank != other.rank ? rank > other.rank : left > other.left;
    }
};

std::uint64_t pair_key(std::uint32_t left, std::uint32_t right) {
    return (std::uint64_t{left} << 32) | right;
}

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

Tokenizer::Tokenizer(TokenizerData data) : data_(std::move(data)), byte_ids_(256, kNone) {
    for (std::uint32_t id = 0; id < data_.tokens.size(); ++id) {
        const std::string& token = data_.tokens[id];
        if (data_.kinds[id] != TokenKind::kNormal) {
            if (token.empty()) {
                throw InputError(
                    fmt::format("tokenizer: added token {} is empty; make the model file again", id));
            }
            added_.push_back(id);
        } else if (token.size() == 1) {
            byte_ids_[static_cast<unsigned char>(token[0])] = id;
        }
        if (data_.ignore_merges && data_.kinds[id] == TokenKind::kNormal) {
            whole_words_.emplace(token, id);
        }
    }
    const auto missing = std::find(byte_ids_.begin(), byte_ids_.end(), kNone);
    if (missing != byte_ids_.end()) {
        throw InputError(fmt::format(
            "tokenizer: byte {} has no token of its own; only byte-level vocabularies are supported",
            missing - byte_ids_.begin()));
    }
    for (std::uint32_t rank = 0; rank < data_.merges.size(); ++rank) {
        const Merge& merge = data_.merges[rank];
        merges_.insert_or_assign(pair_key(merge.left, merge.right), MergeTarget{rank, merge.result});
    }
    std::sort(added_.begin(), added_.end(), [this](std::uint32_t a, std::uint32_t b) {
        return data_.tokens[a].size() > data_.tokens[b].size();
    });
}

const Tokenizer::MergeTarget* Tokenizer::find_merge(std::uint32_t left, std::uint32_t right) const {
    const auto found = merges_.find(pair_key(left, right));
    return found == merges_.end() ? nullptr : &found->second;
}

void Tokenizer::encode_word(std::string_view word, std::vector<std::uint32_t>& ids) const {
    if (data_.ignore_merges) {
        const auto whole = whole_words_.find(word);
        if (whole != whole_words_.end()) {
            ids.push_back(whole->second);
            return;
        }
    }
    // A doubly linked list of symbols and a heap of possible merges: long words stay O(n log n).
    const std::size_t n = word.size();
    std::vector<std::uint32_t> symbol(n);
    std::vector<std::size_t> next(n);
    std::vector<std::size_t> previous(n);
    std::priority_queue<Candidate> heap;
    for (std::size_t i = 0; i < n; ++i) {
        symbol[i] = byte_ids_[static_cast<unsigned char>(word[i])];
        next[i] = i + 1;
        previous[i] = i - 1;  // of the first: larger than any index, never followed
    }
    const auto offer = [&](std::size_t left) {
        if (left < n && next[left] < n) {
            const std::uint32_t a = symbol[left];
            const std::uint32_t b = symbol[next[left]];
            if (const MergeTarget* target = find_merge(a, b)) {
                heap.push({target->rank, left, a, b, target->result});
            }
        }
    };
    for (std::size_t i = 0; i + 1 < n; ++i) {
        offer(i);
    }
    while (!heap.empty()) {
        const Candidate best = heap.top();
        heap.pop();
        const bool current = symbol[best.left] == best.left_id && next[best.left] < n &&
                             symbol[next[best.left]] == best.right_id;
        if (!current) {
            continue;
        }
        const std::size_t gone = next[best.left];
        symbol[best.left] = best.result;
        symbol[gone] = kNone;
        next[best.left] = next[gone];
        if (next[gone] < n) {
            previous[next[gone]] = best.left;
        }
        offer(previous[best.left]);
        offer(best.left);
    }
    for (std::size_t i = 0; i < n; i = next[i]) {
        ids.push_back(symbol[i]);
    }
}

void Tokenizer::encode_plain(std::string_view text, std::vector<std::uint32_t>& ids) const {
    for (const std::string_view word : pre_tokenize(text, data_.pre)) {
        encode_word(word, ids);
    }
}

std::vector<std::uint32_t> Tokenizer::encode(std::string_view text) const {
    const std::size_t invalid = find_invalid_utf8(text);
    if (invalid != std::string_view::npos) {
        throw InputError(fmt::format("text is not valid UTF-8 at byte {}; save it as UTF-8", invalid));
    }
    std::vector<std::uint32_t> ids;
    std::size_t plain_begin = 0;
    for (std::size_t at = 0; at < text.size();) {
        const auto hit = std::find_if(added_.begin(), added_.end(), [&](std::uint32_t id) {
            return text.substr(at, data_.tokens[id].size()) == data_.tokens[id];
        });
        if (hit == added_.end()) {
            ++at;
            continue;
        }
        encode_plain(text.substr(plain_begin, at - plain_begin), ids);
        ids.push_back(*hit);
        at += data_.tokens[*hit].size();
        plain_begin = at;
    }
    encode_plain(text.substr(plain_begin), ids);
    return ids;
}

std::string_view Tokenizer::bytes(std::uint32_t id) const {
    return data_.kinds[id] == TokenKind::kSpecial ? std::string_view() : std::string_view(data_.tokens[id]);
}

std::string Tokenizer::decode(const std::vector<std::uint32_t>& ids) const {
    Utf8Stream stream;
    std::string text;
    for (const std::uint32_t id : ids) {
        text += stream.push(bytes(id));
    }
    return text + stream.finish();
}

}  // namespace setun
