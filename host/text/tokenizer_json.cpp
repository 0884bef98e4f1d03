// tokenizer.json of the `tokenizers` library: byte-level BPE, and BPE with byte fallback.
#include <fmt/format.h>

#include <optional>
#include <unordered_map>
#include <utility>

#include "host/base/error.h"
#include "host/base/file.h"
#include "host/base/json_fields.h"
#include "host/text/token_spelling.h"
#include "host/text/tokenizer_files.h"

namespace setun {
namespace {

constexpr std::size_t kMaxJsonBytes = std::size_t{256} << 20;
constexpr const char* kSpaceMark = "\xE2\x96\x81";  // U+2581

const char* const kLlama3Pattern =
    "(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\\r\\n\\p{L}\\p{N}]?\\p{L}+|\\p{N}{1,3}| "
    "?[^\\s\\p{L}\\p{N}]+[\\r\\n]*|\\s*[\\r\\n]+|"
    "\\s+(?!\\S)|\\s+";

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
        if (data.kinds[id] != TokenKind::kUnknown) {
            data.tokens[id] = content;
            data.kinds[id] = token.boolean_or("special", false) ? TokenKind::kSpecial : TokenKind::kAdded;
        }
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
        if (data.kind == TokenizerKind::kSentencePiece) {
            const auto byte = parse_byte_token(text);
            data.tokens[id] = byte ? std::string(1, *byte) : spaces_for_marks(text);
            data.kinds[id] = byte ? TokenKind::kByte : TokenKind::kNormal;
        } else {
            data.tokens[id] = alphabet.decode(text).value_or(text);
        }
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

/// The normalizer of Llama 1 and 2: a space in front, spaces become U+2581. Returns whether there is a space
/// in front.
bool read_normalizer(const JsonFields& normalizer) {
    if (normalizer.text("type") == "Sequence") {
        bool prefix = false;
        for (const auto& item : normalizer.array("normalizers")) {
            prefix = read_normalizer(JsonFields(item, normalizer.where() + " normalizers")) || prefix;
        }
        return prefix;
    }
    const std::string type = normalizer.text("type");
    if (type == "Prepend" && normalizer.text("prepend") == kSpaceMark) {
        return true;
    }
    if (type == "Replace" && normalizer.object("pattern").text_or("String", "") == " " &&
        normalizer.text("content") == kSpaceMark) {
        return false;
    }
    normalizer.fail("type", fmt::format("is '{}' with options that are not those of Llama 1 and 2", type));
}

/// Metaspace without splitting does the same in newer files.
SpacePrefix read_metaspace(const JsonFields& pre) {
    if (pre.text("type") != "Metaspace" || pre.text("replacement") != kSpaceMark ||
        pre.boolean_or("split", true)) {
        pre.fail("type",
                 "is not Metaspace with U+2581 and split false, the only one supported with byte_fallback");
    }
    const std::string scheme =
        pre.text_or("prepend_scheme", pre.boolean_or("add_prefix_space", true) ? "always" : "never");
    if (scheme == "always") {
        return SpacePrefix::kAlwaysUnlessSpace;
    }
    if (scheme == "first") {
        return SpacePrefix::kFirstUnlessSpace;
    }
    if (scheme != "never") {
        pre.fail("prepend_scheme", fmt::format("is '{}'; expected always, first or never", scheme));
    }
    return SpacePrefix::kNever;
}

SpacePrefix read_space_prefix(const JsonFields& root) {
    if (root.has("normalizer")) {
        if (root.has("pre_tokenizer")) {
            root.fail("pre_tokenizer",
                      "is set beside a normalizer; with byte_fallback one of them is supported");
        }
        return read_normalizer(root.object("normalizer")) ? SpacePrefix::kAlways : SpacePrefix::kNever;
    }
    return root.has("pre_tokenizer") ? read_metaspace(root.object("pre_tokenizer")) : SpacePrefix::kNever;
}

/// Whether the post-processor puts a special token in front; nothing when it does not say.
std::optional<bool> read_template(const JsonFields& processor) {
    const std::string type = processor.text("type");
    if (type == "TemplateProcessing") {
        const auto& single = processor.array("single");
        return !single.empty() && single[0].is_object() && single[0].contains("SpecialToken");
    }
    if (type == "Sequence") {
        for (const auto& item : processor.array("processors")) {
            if (const auto found = read_template(JsonFields(item, processor.where() + " processors"))) {
                return found;
            }
        }
    }
    return std::nullopt;
}

}  // namespace

TokenizerData read_tokenizer_json(const MappedFile& file) {
    const std::string where = file.path().string();
    const nlohmann::json json = parse_json(text_of(file, kMaxJsonBytes), where);
    const JsonFields root(json, where);
    const JsonFields model = root.object("model");
    if (model.text("type") != "BPE") {
        model.fail("type",
                   fmt::format("is '{}'; only byte-level BPE, and BPE with byte_fallback, are supported",
                               model.text("type")));
    }
    TokenizerData data;
    if (model.boolean_or("byte_fallback", false)) {
        data.kind = TokenizerKind::kSentencePiece;
        data.prefix = read_space_prefix(root);
    } else {
        if (root.has("normalizer")) {
            root.fail("normalizer", "is set; only tokenizers without a normalizer are supported");
        }
        data.pre = read_pre_tokenizer(root);
        data.ignore_merges = model.boolean_or("ignore_merges", false);
    }
    Ids ids = read_vocabulary(model, data);
    if (data.kind == TokenizerKind::kSentencePiece && model.has("unk_token")) {
        const auto unknown = ids.find(model.text("unk_token"));
        if (unknown != ids.end()) {
            data.kinds[unknown->second] = TokenKind::kUnknown;
        }
    }
    read_merges(model, ids, data);
    if (data.kind == TokenizerKind::kSentencePiece && data.merges.empty()) {
        model.fail("merges", "is empty; a BPE tokenizer has merges");
    }
    read_added_tokens(root, data, ids);
    if (root.has("post_processor")) {
        data.add_bos = read_template(root.object("post_processor")).value_or(true);
    }
    return data;
}

}  // namespace setun
