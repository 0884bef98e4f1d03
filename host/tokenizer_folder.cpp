// The tokenizer of a Hugging Face directory, whichever files it has.
#include <fmt/format.h>

#include <algorithm>
#include <utility>
#include <vector>

#include "host/error.h"
#include "host/file.h"
#include "host/json_fields.h"
#include "host/tokenizer_files.h"

namespace setun {
namespace {

namespace fs = std::filesystem;
constexpr std::size_t kMaxConfigBytes = std::size_t{16} << 20;

/// added_tokens.json: {"text": id, ...}, ids behind those of the vocabulary.
void read_added_tokens(const fs::path& path, TokenizerData& data) {
    const nlohmann::json json = parse_json(read_text_file(path, kMaxConfigBytes), path.string());
    const JsonFields root(json, path.string());
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

void read_config(const fs::path& path, TokenizerData& data) {
    const nlohmann::json json = parse_json(read_text_file(path, kMaxConfigBytes), path.string());
    const JsonFields config(json, path.string());
    data.add_bos = config.boolean_or("add_bos_token", data.add_bos);
    if (config.has("chat_template")) {
        data.chat_template = read_chat_template(config);
    }
}

}  // namespace

TokenizerData read_tokenizer_file(const fs::path& path) {
    // JSON begins with a brace, SentencePiece with field 1 of a protobuf message, which is a line feed, and a
    // line of tiktoken with base64.
    char first = 0;
    {
        const MappedFile file = MappedFile::open(path);
        first = file.bytes().empty() ? '\0' : static_cast<char>(file.bytes()[0]);
    }
    return first == '{'    ? read_tokenizer_json(path)
           : first == '\n' ? read_sentencepiece(path)
                           : read_tiktoken(path);
}

std::optional<TokenizerData> read_folder_tokenizer(const fs::path& directory) {
    const fs::path json = directory / "tokenizer.json";
    const fs::path model = directory / "tokenizer.model";
    TokenizerData data;
    if (fs::exists(json)) {
        data = read_tokenizer_json(json);
    } else if (fs::exists(model)) {
        data = read_tokenizer_file(model);
        if (fs::exists(directory / "added_tokens.json")) {
            read_added_tokens(directory / "added_tokens.json", data);
        }
    } else {
        return std::nullopt;
    }
    if (fs::exists(directory / "tokenizer_config.json")) {
        read_config(directory / "tokenizer_config.json", data);
    }
    if (fs::exists(directory / "chat_template.jinja")) {
        data.chat_template = read_text_file(directory / "chat_template.jinja", kMaxChatTemplateBytes);
    }
    if (data.chat_template.size() > kMaxChatTemplateBytes) {
        throw InputError(fmt::format("{}: field 'chat_template' has {} bytes; at most {}",
                                     (directory / "tokenizer_config.json").string(),
                                     data.chat_template.size(), kMaxChatTemplateBytes));
    }
    return data;
}

}  // namespace setun
