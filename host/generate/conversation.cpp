// A chat with a model: messages in, replies out, the key/value cache kept from turn to turn.
#include "host/generate/conversation.h"

#include <fmt/format.h>

#include <algorithm>

#include "host/base/error.h"
#include "host/text/reply_text.h"

namespace setun {
Conversation::Conversation(const Model& model, const Tokenizer& tokenizer, const ChatTemplate& format,
                           ConversationDevice device, ConversationOptions options)
    : model_(&model),
      tokenizer_(&tokenizer),
      format_(&format),
      device_(device),
      options_(std::move(options)),
      stop_(model.architecture.eos),
      stop_texts_(format.stop_texts()) {
    format.check(tokenizer);
    const auto stops = format.stop_tokens(tokenizer);
    stop_.insert(stop_.end(), stops.begin(), stops.end());
    for (const std::string& stop : options_.stop_texts) {
        if (stop.empty()) {
            throw InputError("--stop is empty; give the text that ends a reply");
        }
        stop_texts_.push_back(stop);
    }
    if (options_.context > model.architecture.context) {
        throw InputError(fmt::format("--context {} is more than the model's {}", options_.context,
                                     model.architecture.context));
    }
    if (options_.max_tokens == 0) {
        throw InputError("--max-tokens is 0; ask for at least one token");
    }
    reset();
}

void Conversation::reset() {
    decoder_ = std::make_unique<Decoder>(
        *model_, options_.context != 0 ? options_.context : model_->architecture.context, options_.kv);
    begun_ = false;
    pending_.clear();
    pending_text_.clear();
}

std::vector<std::uint32_t> Conversation::prompt_for(const std::string& message) const {
    std::vector<std::uint32_t> ids = pending_;
    std::vector<TextSegment> segments;
    if (begun_) {
        segments = format_->next_turn(message);
        segments.insert(segments.begin(), {pending_text_, SpecialTokens::kAsText});
    } else {
        segments = format_->first_turn(options_.system, message);
        if (options_.bos && model_->architecture.bos) {
            ids.push_back(*model_->architecture.bos);
        }
    }
    const auto text = tokenizer_->encode(segments, !begun_);
    ids.insert(ids.end(), text.begin(), text.end());
    return ids;
}

Reply Conversation::say(const std::string& message, const std::function<void(std::string_view)>& on_text,
                        const std::function<void(Scheduler&)>& prepare) {
    if (message.find_first_not_of(" \t\r\n") == std::string::npos) {
        throw InputError("the message is empty; write some text");
    }
    GenerateRequest request;
    request.prompt = prompt_for(message);
    request.max_tokens = options_.max_tokens;
    request.sampling = options_.sampling;
    request.sampling.seed += turns_;
    request.decoder = decoder_.get();
    request.stop = stop_;
    const std::uint32_t begin = decoder_->position();
    if (request.prompt.size() > context() - begin) {
        throw InputError(fmt::format(
            "the message makes {} more tokens, and {} of {} positions are taken; shorten it or begin a new "
            "conversation",
            request.prompt.size(), begin, context()));
    }
    ReplyText text(*tokenizer_, stop_texts_, on_text);
    request.until = [&](std::uint32_t token) { return text.add(token); };

    Scheduler scheduler;
    if (prepare) {
        prepare(scheduler);
    }
    Reply reply;
    reply.prompt_tokens = static_cast<std::uint32_t>(request.prompt.size());
    reply.result = generate(scheduler, *model_, device_.lowered, scheduler.attach(device_.device),
                            device_.reference, request);
    text.finish();
    ++turns_;
    reply.text = text.text();
    const auto& tokens = reply.result.tokens;
    std::size_t kept = text.kept_tokens();
    const bool stop_token =
        !tokens.empty() && std::find(stop_.begin(), stop_.end(), tokens.back()) != stop_.end();
    if (!reply.result.stopped.empty()) {
        reply.end = ReplyEnd::kStopped;
    } else if (!stop_token && kept == tokens.size()) {
        reply.end = tokens.size() == options_.max_tokens ? ReplyEnd::kLengthReached : ReplyEnd::kContextFull;
    }
    if (stop_token && kept == tokens.size()) {
        --kept;  // the format writes the end of a reply itself
    }
    remember(reply, kept, text.text_behind_kept(), begin);
    return reply;
}

/// The tokens of the reply that count are in the cache, except the last one drawn, or are to be fed with the
/// next message; what was drawn beyond them leaves the cache.
void Conversation::remember(const Reply& reply, std::size_t kept, std::string rest, std::uint32_t begin) {
    const std::uint64_t wanted = std::uint64_t{begin} + reply.prompt_tokens + kept;
    if (decoder_->position() < std::uint64_t{begin} + reply.prompt_tokens) {
        // Stopped inside the prompt: as if the message had not been sent.
        decoder_->rewind(begin);
        return;
    }
    begun_ = true;
    pending_.clear();
    pending_text_ = std::move(rest);
    if (wanted <= decoder_->position()) {
        decoder_->rewind(static_cast<std::uint32_t>(wanted));
        return;
    }
    const auto fed = static_cast<std::ptrdiff_t>(decoder_->position() - begin - reply.prompt_tokens);
    pending_.assign(reply.result.tokens.begin() + fed,
                    reply.result.tokens.begin() + static_cast<std::ptrdiff_t>(kept));
}

}  // namespace setun
