// How a conversation is written as text: the formats of the model families that exist, by name.
#include "host/text/chat_template.h"

#include <fmt/format.h>

#include <algorithm>

#include "host/base/error.h"

namespace setun {
namespace {

std::string trimmed(const std::string& text) {
    constexpr const char* kBlank = " \t\r\n";
    const std::size_t begin = text.find_first_not_of(kBlank);
    return begin == std::string::npos ? "" : text.substr(begin, text.find_last_not_of(kBlank) - begin + 1);
}

TextSegment markup(std::string text) { return {std::move(text), SpecialTokens::kRecognise}; }
TextSegment content(std::string text) { return {std::move(text), SpecialTokens::kAsText}; }

}  // namespace

/// Most specific first: the first whose markers all occur in a chat template is taken.
const std::vector<ChatTemplate>& ChatTemplate::all() {
    static const std::vector<ChatTemplate> formats = [] {
        std::vector<ChatTemplate> list;
        ChatTemplate t;
        // microsoft/bitnet-b1.58-2B-4T: capitalised roles, every message ends with <|eot_id|>.
        t.name_ = "bitnet";
        t.markers_ = {"capitalize", "<|eot_id|>", "Assistant: "};
        t.tokens_ = t.stops_ = {"<|eot_id|>"};
        t.system_before_ = "System: ";
        t.system_after_ = "<|eot_id|>";
        t.user_before_ = "User: ";
        t.user_after_ = "<|eot_id|>Assistant: ";
        t.reply_end_ = "<|eot_id|>";
        list.push_back(t);
        t = {};  // Llama 3 Instruct and its ternary descendants
        t.name_ = "llama3";
        t.markers_ = {"<|start_header_id|>", "<|eot_id|>"};
        t.tokens_ = {"<|start_header_id|>", "<|end_header_id|>", "<|eot_id|>"};
        t.stops_ = {"<|eot_id|>"};
        t.system_before_ = "<|start_header_id|>system<|end_header_id|>\n\n";
        t.system_after_ = "<|eot_id|>";
        t.user_before_ = "<|start_header_id|>user<|end_header_id|>\n\n";
        t.user_after_ = "<|eot_id|><|start_header_id|>assistant<|end_header_id|>\n\n";
        t.reply_end_ = "<|eot_id|>";
        list.push_back(t);
        t = {};  // Falcon3 Instruct
        t.name_ = "falcon3";
        t.markers_ = {"<|assistant|>", "<|user|>"};
        t.system_before_ = "<|system|>\n";
        t.system_after_ = "\n";
        t.user_before_ = "<|user|>\n";
        t.user_after_ = "\n<|assistant|>\n";
        t.reply_end_ = "<|endoftext|>\n";
        t.tokens_ = t.stops_ = {"<|endoftext|>"};
        list.push_back(t);
        t = {};  // ChatML, as Falcon-E Instruct
        t.name_ = "chatml";
        t.markers_ = {"<|im_start|>", "<|im_end|>"};
        t.tokens_ = {"<|im_start|>", "<|im_end|>"};
        t.stops_ = {"<|im_end|>"};
        t.system_before_ = "<|im_start|>system\n";
        t.system_after_ = "<|im_end|>\n";
        t.user_before_ = "<|im_start|>user\n";
        t.user_after_ = "<|im_end|>\n<|im_start|>assistant\n";
        t.reply_end_ = "<|im_end|>\n";
        list.push_back(t);
        t = {};  // Llama 2 and the 1bitLLM checkpoints, which have its tokenizer
        t.name_ = "llama2";
        t.markers_ = {"[INST]"};
        t.tokens_ = {"<s>", "</s>"};
        t.stops_ = {"</s>"};
        t.system_before_ = "[INST] <<SYS>>\n";
        t.system_after_ = "\n<</SYS>>\n\n";
        t.user_before_ = "[INST] ";
        t.user_after_ = " [/INST]";
        t.reply_end_ = "</s><s>";
        t.system_in_user_ = true;
        list.push_back(t);
        t = {};  // any base model: no special tokens
        t.name_ = "plain";
        t.stop_texts_ = {"\nUser:", "\nSystem:"};
        t.system_before_ = "System: ";
        t.system_after_ = "\n";
        t.user_before_ = "User: ";
        t.user_after_ = "\nAssistant:";
        t.reply_end_ = "\n";
        list.push_back(t);
        return list;
    }();
    return formats;
}

std::string ChatTemplate::names() {
    std::vector<std::string> names;
    for (const ChatTemplate& format : all()) {
        names.push_back(format.name_);
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

const ChatTemplate& ChatTemplate::named(const std::string& name) {
    for (const ChatTemplate& format : all()) {
        if (format.name_ == name) {
            return format;
        }
    }
    throw InputError(fmt::format("--template '{}' is unknown; use one of {}", name, names()));
}

bool ChatTemplate::fits(const Tokenizer& tokenizer) const {
    return std::all_of(tokens_.begin(), tokens_.end(),
                       [&](const std::string& token) { return tokenizer.find_added(token).has_value(); });
}

const ChatTemplate& ChatTemplate::of(const Tokenizer& tokenizer) {
    const std::string& source = tokenizer.data().chat_template;
    if (!source.empty()) {
        // The GGUF files of 2B4T carry this text in place of the format that the model was trained with.
        if (source.find("BITNETAssistant") != std::string::npos && named("bitnet").fits(tokenizer)) {
            return named("bitnet");
        }
        for (const ChatTemplate& format : all()) {
            const bool marked =
                !format.markers_.empty() &&
                std::all_of(format.markers_.begin(), format.markers_.end(),
                            [&](const auto& m) { return source.find(m) != std::string::npos; });
            if (marked && format.fits(tokenizer)) {
                return format;
            }
        }
        throw InputError(fmt::format(
            "the model's chat template is none that is known; choose with --template: {}", names()));
    }
    // Without a template only tokens that belong to one family alone can tell. Llama 3's tokens cannot: 2B4T
    // has them all and another format.
    if (tokenizer.data().kind == TokenizerKind::kSentencePiece && named("llama2").fits(tokenizer)) {
        return named("llama2");
    }
    if (named("chatml").fits(tokenizer)) {
        return named("chatml");
    }
    throw InputError(fmt::format(
        "the model has no chat template, so its format cannot be told; choose with --template: {}", names()));
}

void ChatTemplate::check(const Tokenizer& tokenizer) const {
    for (const std::string& token : tokens_) {
        if (!tokenizer.find_added(token)) {
            throw InputError(
                fmt::format("template '{}' needs the special token '{}', which the model's tokenizer lacks; "
                            "use another of {}",
                            name_, token, names()));
        }
    }
}

std::vector<TextSegment> ChatTemplate::first_turn(const std::string& system,
                                                  const std::string& message) const {
    std::vector<TextSegment> segments;
    if (!system.empty()) {
        segments = {markup(system_before_), content(trimmed(system)), markup(system_after_)};
    }
    if (system.empty() || !system_in_user_) {
        segments.push_back(markup(user_before_));
    }
    segments.push_back(content(trimmed(message)));
    segments.push_back(markup(user_after_));
    return segments;
}

std::vector<TextSegment> ChatTemplate::next_turn(const std::string& message) const {
    return {markup(reply_end_), markup(user_before_), content(trimmed(message)), markup(user_after_)};
}

std::vector<std::uint32_t> ChatTemplate::stop_tokens(const Tokenizer& tokenizer) const {
    std::vector<std::uint32_t> ids;
    for (const std::string& token : stops_) {
        if (const auto id = tokenizer.find_added(token)) {
            ids.push_back(*id);
        }
    }
    return ids;
}

}  // namespace setun
