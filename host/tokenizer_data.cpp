// What a byte-level BPE tokenizer consists of, and its two file forms: Setun's binary section and
// tokenizer.json.
#include "host/tokenizer_data.h"

#include <fmt/format.h>

#include <array>
#include <cstring>
#include <optional>
#include <unordered_map>
#include <utility>

#include "host/error.h"
#include "host/file.h"
#include "host/json_fields.h"
#include "host/utf8.h"

namespace setun {
namespace {

constexpr std::uint32_t kMaxTokens = 1U << 22;
constexpr std::uint32_t kMaxMerges = 1U << 24;
constexpr std::size_t kMaxJsonBytes = std::size_t{256} << 20;
constexpr std::uint32_t kFlagIgnoreMerges = 1;

const char* const kLlama3Pattern =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
    "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"
    "\\s+(?!\\S)|\\s+";

void put(std::vector<std::byte>& out, std::uint32_t value) {
    for (unsigned i = 0; i < 4; ++i) {
        out.push_back(static_cast<std::byte>(value >> (8 * i)));
    }
}

/// Bounds-checked little-endian reader of the section.
class Reader {
  public:
    Reader(std::span<const std::byte> bytes, std::string where) : bytes_(bytes), where_(std::move(where)) {}

    std::span<const std::byte> take(std::size_t count, const char* field) {
        if (count > bytes_.size() - position_) {
            throw InputError(fmt::format(
                "{}: tokenizer {} needs {} bytes, {} are left; make the file again with 'setun pack'", where_,
                field, count, bytes_.size() - position_));
        }
        const auto part = bytes_.subspan(position_, count);
        position_ += count;
        return part;
    }
    std::uint32_t u32(const char* field) {
        std::uint32_t value = 0;
        std::memcpy(&value, take(4, field).data(), 4);
        return value;
    }
    std::uint32_t u32_below(const char* field, std::uint32_t limit) {
        const std::uint32_t value = u32(field);
        if (value >= limit) {
            throw InputError(fmt::format(
                "{}: tokenizer {} is {}; expected below {}; make the file again with 'setun pack'", where_,
                field, value, limit));
        }
        return value;
    }
    [[nodiscard]] std::size_t left() const { return bytes_.size() - position_; }

  private:
    std::span<const std::byte> bytes_;
    std::string where_;
    std::size_t position_ = 0;
};

/// The printable alphabet of byte-level BPE: code point of each byte.
std::array<char32_t, 256> byte_alphabet() {
    std::array<char32_t, 256> alphabet{};
    char32_t next = 256;
    for (unsigned byte = 0; byte < 256; ++byte) {
        const bool printable = (byte >= 33 && byte <= 126) || (byte >= 161 && byte <= 172) || byte >= 174;
        alphabet[byte] = printable ? byte : next++;
    }
    return alphabet;
}

/// Undoes the byte alphabet, or nothing when a character does not belong to it.
class ByteAlphabet {
  public:
    ByteAlphabet() {
        const auto alphabet = byte_alphabet();
        for (unsigned byte = 0; byte < 256; ++byte) {
            bytes_.emplace(alphabet[byte], static_cast<char>(byte));
        }
    }
    [[nodiscard]] std::optional<std::string> decode(const std::string& text) const {
        std::string raw;
        for (std::size_t at = 0; at < text.size();) {
            const Utf8Char c = decode_utf8(text, at);
            const auto found = bytes_.find(c.code_point);
            if (!c.valid || found == bytes_.end()) {
                return std::nullopt;
            }
            raw.push_back(found->second);
            at += c.length;
        }
        return raw;
    }

  private:
    std::unordered_map<char32_t, char> bytes_;
};

using Ids = std::unordered_map<std::string, std::uint32_t>;

void read_added_tokens(const JsonFields& root, TokenizerData& data, Ids& ids) {
    if (!root.has("added_tokens")) {
        return;
    }
    for (const auto& item : root.array("added_tokens")) {
        const JsonFields token(item, root.where() + " added_tokens");
        const auto id = static_cast<std::uint32_t>(token.integer("id", 0, kMaxTokens - 1));
        const std::string content = token.text("content");
        for (const char* option : {"single_word", "lstrip", "rstrip"}) {
            if (token.boolean_or(option, false)) {
                token.fail(option, "is true; only added tokens that match literally are supported");
            }
        }
        if (content.empty() || id > data.tokens.size()) {
            token.fail(
                "id", fmt::format("is {}; added tokens must be non-empty and extend {} entries without a gap",
                                  id, data.tokens.size()));
        }
        if (id == data.tokens.size()) {
            data.tokens.emplace_back();
            data.kinds.push_back(TokenKind::kNormal);
        }
        data.tokens[id] = content;
        data.kinds[id] = token.boolean_or("special", false) ? TokenKind::kSpecial : TokenKind::kAdded;
        ids[content] = id;
    }
}

Ids read_vocabulary(const JsonFields& model, TokenizerData& data) {
    const JsonFields vocabulary = model.object("vocab");
    const std::size_t size = vocabulary.value().size();
    if (size == 0 || size > kMaxTokens) {
        model.fail("vocab", fmt::format("has {} entries; expected 1 to {}", size, kMaxTokens));
    }
    Ids ids;
    data.tokens.assign(size, {});
    data.kinds.assign(size, TokenKind::kNormal);
    std::vector<bool> seen(size, false);
    const ByteAlphabet alphabet;
    for (const auto& [text, value] : vocabulary.value().items()) {
        if (!value.is_number_unsigned() || value.get<std::uint64_t>() >= size ||
            seen[value.get<std::size_t>()]) {
            model.fail("vocab", fmt::format("gives '{}' an id that is repeated or not below {}", text, size));
        }
        const auto id = value.get<std::uint32_t>();
        seen[id] = true;
        data.tokens[id] = alphabet.decode(text).value_or(text);
        ids.emplace(text, id);
    }
    return ids;
}

std::pair<std::string, std::string> merge_pair(const nlohmann::json& item, const JsonFields& model) {
    if (item.is_array() && item.size() == 2 && item[0].is_string() && item[1].is_string()) {
        return {item[0].get<std::string>(), item[1].get<std::string>()};
    }
    if (item.is_string()) {
        const auto text = item.get<std::string>();
        const auto space = text.find(' ');
        if (space != std::string::npos) {
            return {text.substr(0, space), text.substr(space + 1)};
        }
    }
    model.fail("merges", R"(holds an entry that is neither "a b" nor ["a", "b"])");
}

void read_merges(const JsonFields& model, const Ids& ids, TokenizerData& data) {
    const auto& merges = model.array("merges");
    if (merges.size() > kMaxMerges) {
        model.fail("merges", fmt::format("has {} entries; at most {}", merges.size(), kMaxMerges));
    }
    for (const auto& item : merges) {
        const auto [left, right] = merge_pair(item, model);
        const auto l = ids.find(left);
        const auto r = ids.find(right);
        const auto result = ids.find(left + right);
        if (l == ids.end() || r == ids.end() || result == ids.end()) {
            model.fail("merges",
                       fmt::format("joins '{}' and '{}', which are not all in the vocabulary", left, right));
        }
        data.merges.push_back({l->second, r->second, result->second});
    }
}

/// ByteLevel alone (GPT-2), or Sequence[Split(known pattern), ByteLevel without regex] (Llama 3).
PreTokenizer read_pre_tokenizer(const JsonFields& root) {
    const JsonFields pre = root.object("pre_tokenizer");
    const std::string type = pre.text("type");
    if (type == "ByteLevel" && pre.boolean_or("use_regex", true)) {
        if (pre.boolean_or("add_prefix_space", true)) {
            pre.fail("add_prefix_space", "is true; only false is supported");
        }
        return PreTokenizer::kGpt2;
    }
    if (type == "Sequence" && pre.array("pretokenizers").size() == 2) {
        const JsonFields split(pre.array("pretokenizers")[0], pre.where());
        const JsonFields bytes(pre.array("pretokenizers")[1], pre.where());
        if (split.text("type") == "Split" && bytes.text("type") == "ByteLevel" &&
            !bytes.boolean_or("use_regex", true) &&
            split.object("pattern").text_or("Regex", "") == kLlama3Pattern) {
            return PreTokenizer::kLlama3;
        }
    }
    pre.fail("type", "is not one of the supported pre-tokenizers: ByteLevel (GPT-2) or the Llama 3 sequence");
}

}  // namespace

std::vector<std::byte> serialise_tokenizer(const TokenizerData& data) {
    std::vector<std::byte> out;
    put(out, static_cast<std::uint32_t>(data.tokens.size()));
    put(out, static_cast<std::uint32_t>(data.merges.size()));
    put(out, static_cast<std::uint32_t>(data.pre));
    put(out, data.ignore_merges ? kFlagIgnoreMerges : 0);
    std::uint32_t end = 0;
    for (const auto& token : data.tokens) {
        end += static_cast<std::uint32_t>(token.size());
        put(out, end);
    }
    for (const auto& merge : data.merges) {
        put(out, merge.left);
        put(out, merge.right);
        put(out, merge.result);
    }
    for (const TokenKind kind : data.kinds) {
        out.push_back(static_cast<std::byte>(kind));
    }
    for (const auto& token : data.tokens) {
        const auto bytes = std::as_bytes(std::span(token));
        out.insert(out.end(), bytes.begin(), bytes.end());
    }
    return out;
}

TokenizerData parse_tokenizer(std::span<const std::byte> bytes, const std::string& where) {
    Reader reader(bytes, where);
    TokenizerData data;
    const std::uint32_t tokens = reader.u32_below("vocabulary size", kMaxTokens + 1);
    const std::uint32_t merges = reader.u32_below("merge count", kMaxMerges + 1);
    data.pre = static_cast<PreTokenizer>(reader.u32_below("pre-tokenizer", 2));
    data.ignore_merges = reader.u32_below("flags", 2) == kFlagIgnoreMerges;
    Reader ends(reader.take(std::size_t{tokens} * 4, "token ends"), where);
    Reader pairs(reader.take(std::size_t{merges} * 12, "merges"), where);
    for (std::uint32_t i = 0; i < merges; ++i) {
        const std::uint32_t left = pairs.u32_below("merge", tokens);
        const std::uint32_t right = pairs.u32_below("merge", tokens);
        data.merges.push_back({left, right, pairs.u32_below("merge", tokens)});
    }
    for (const std::byte kind : reader.take(tokens, "token kinds")) {
        if (kind > std::byte{2}) {
            throw InputError(fmt::format("{}: tokenizer token kind is {}; expected 0, 1 or 2", where,
                                         static_cast<int>(kind)));
        }
        data.kinds.push_back(static_cast<TokenKind>(kind));
    }
    std::uint32_t begin = 0;
    for (std::uint32_t i = 0; i < tokens; ++i) {
        const std::uint32_t end = ends.u32("token end");
        if (end < begin) {
            throw InputError(
                fmt::format("{}: tokenizer token {} ends before it begins; make the file again", where, i));
        }
        const auto text = reader.take(end - begin, "token text");
        data.tokens.emplace_back(reinterpret_cast<const char*>(text.data()), text.size());
        begin = end;
    }
    if (reader.left() != 0) {
        throw InputError(fmt::format("{}: {} bytes are left after the tokenizer; make the file again", where,
                                     reader.left()));
    }
    return data;
}

TokenizerData read_tokenizer_json(const std::filesystem::path& path) {
    const nlohmann::json json = parse_json(read_text_file(path, kMaxJsonBytes), path.string());
    const JsonFields root(json, path.string());
    const JsonFields model = root.object("model");
    if (model.text("type") != "BPE" || model.boolean_or("byte_fallback", false)) {
        model.fail("type", fmt::format("is '{}'; only byte-level BPE is supported", model.text("type")));
    }
    if (root.has("normalizer")) {
        root.fail("normalizer", "is set; only tokenizers without a normalizer are supported");
    }
    TokenizerData data;
    data.pre = read_pre_tokenizer(root);
    data.ignore_merges = model.boolean_or("ignore_merges", false);
    Ids ids = read_vocabulary(model, data);
    read_merges(model, ids, data);
    read_added_tokens(root, data, ids);
    return data;
}

}  // namespace setun
