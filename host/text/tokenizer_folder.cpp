// The tokenizer of a Hugging Face directory, whichever files it has.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "host/base/error.h"
#include "host/base/file.h"
#include "host/base/json_fields.h"
#include "host/text/tokenizer_files.h"

namespace setun {
namespace {

constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20;

/// added_tokens.json: {"text": id, ...}, ids behind those of the vocabulary.
void read_added_tokens(const MappedFile& file, TokenizerData& data) {
    const std::string where = file.path().string();
    const nlohmann::json json = parse_json(text_of(file, kMaxConfigBytes), where);
    const JsonFields root(json, where);
    std::vector<std::pair<std::uint64_t, std::string>> added;
    for (const auto& item : json.items()) {
        added.emplace_back(root.integer(item.key().c_str(), 0, kMaxTokens - 1), item.key());
    }
    std::sort(added.begin(), added.end());
    for (const auto& [id, text] : added) {
        if (id < data.tokens.size() && data.tokens[id] == text) {
            continue;
        }
        if (id != data.tokens.size() || text.empty()) {
            root.fail(text.c_str(), fmt::format("is {}; added tokens extend {} entries without a gap", id,
                                                data.tokens.size()));
        }
        data.tokens.push_back(text);
        data.kinds.push_back(TokenKind::kSpecial);
        if (!data.scores.empty()) {
            data.scores.push_back(0);
        }
    }
}

/// "chat_template" is a text, or a list of {name, template}, of which "default" is the chat's.
std::string read_chat_template(const JsonFields& config) {
    const nlohmann::json& value = config.value().at("chat_template");
    if (!value.is_array()) {
        return config.text("chat_template");
    }
    for (const auto& item : value) {
        const JsonFields entry(item, config.where() + " chat_template");
        if (entry.text_or("name", "") == "default") {
            return entry.text("template");
        }
    }
    return "";
}

void read_config(const MappedFile& file, TokenizerData& data) {
    const std::string where = file.path().string();
    const nlohmann::json json = parse_json(text_of(file, kMaxConfigBytes), where);
    const JsonFields config(json, where);
    data.add_bos = config.boolean_or("add_bos_token", data.add_bos);
    if (config.has("chat_template")) {
        data.chat_template = read_chat_template(config);
    }
}

}  // namespace

TokenizerData read_tokenizer_file(const MappedFile& file) {
    // JSON begins with a brace, SentencePiece with field 1 of a protobuf message, which is a line feed, and a
    // line of tiktoken with base64.
    const char first = file.bytes().empty() ? '\0' : static_cast<char>(file.bytes()[0]);
    return first == '{'    ? read_tokenizer_json(file)
           : first == '\n' ? read_sentencepiece(file)
                           : read_tiktoken(file);
}

std::optional<TokenizerData> read_folder_tokenizer(const FileFolder& folder) {
    TokenizerData data;
    if (folder.contains("tokenizer.json")) {
        data = read_tokenizer_json(folder.open("tokenizer.json"));
    } else if (folder.contains("tokenizer.model")) {
        data = read_tokenizer_file(folder.open("tokenizer.model"));
        if (folder.contains("added_tokens.json")) {
            read_added_tokens(folder.open("added_tokens.json"), data);
        }
    } else {
        return std::nullopt;
    }
    if (folder.contains("tokenizer_config.json")) {
        read_config(folder.open("tokenizer_config.json"), data);
    }
    if (folder.contains("chat_template.jinja")) {
        data.chat_template = text_of(folder.open("chat_template.jinja"), kMaxChatTemplateBytes);
    }
    if (data.chat_template.size() > kMaxChatTemplateBytes) {
        throw InputError(fmt::format("{}: field 'chat_template' has {} bytes; at most {}",
                                     folder.where("tokenizer_config.json"), data.chat_template.size(),
                                     kMaxChatTemplateBytes));
    }
    return data;
}

}  // namespace setun
