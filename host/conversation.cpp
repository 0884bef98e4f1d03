// A chat with a model: messages in, replies out, the key/value cache kept from turn to turn.
#include "host/conversation.h"

#include <fmt/format.h>

#include <algorithm>

#include "host/error.h"

namespace setun {
namespace {

/// Text of a reply as tokens come: shows what cannot belong to a stop text, and finds where one begins.
class ReplyText {
  public:
    ReplyText(const Tokenizer& tokenizer, const std::vector<std::string>& stops,
              const std::function<void(std::string_view)>& show)
        : tokenizer_(tokenizer), stops_(stops), show_(show) {}

    /// Returns whether a stop text is complete.
    bool add(std::uint32_t token) {
        text_ += stream_.push(tokenizer_.bytes(token));
        ends_.push_back(text_.size());
        for (const std::string& stop : stops_) {
            cut_ = std::min(cut_, text_.find(stop, shown_));
        }
        if (cut_ != std::string::npos) {
            show_up_to(cut_);
            return true;
        }
        std::size_t held = 0;  // the longest end of the text that begins a stop text
        for (const std::string& stop : stops_) {
            for (std::size_t n = std::min(stop.size() - 1, text_.size() - shown_); n > held; --n) {
                if (std::string_view(text_).ends_with(std::string_view(stop).substr(0, n))) {
                    held = n;
                }
            }
        }
        show_up_to(text_.size() - held);
        return false;
    }
    /// Shows what was held back. Call once, when no more tokens come.
    void finish() {
        if (cut_ == std::string::npos) {
            text_ += stream_.finish();
            show_up_to(text_.size());
        }
    }
    [[nodiscard]] std::string text() const { return text_.substr(0, cut_); }
    /// Tokens that lie before a stop text, of `count`, and the text between them and it.
    [[nodiscard]] std::size_t kept_tokens(std::size_t count) const {
        if (cut_ == std::string::npos) {
            return count;
        }
        return static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), cut_) - ends_.begin());
    }
    [[nodiscard]] std::string text_behind(std::size_t tokens) const {
        if (cut_ == std::string::npos) {
            return "";
        }
        const std::size_t begin = tokens == 0 ? 0 : ends_[tokens - 1];
        return text_.substr(begin, cut_ - begin);
    }

  private:
    void show_up_to(std::size_t end) {
        if (end > shown_ && show_) {
            show_(std::string_view(text_).substr(shown_, end - shown_));
        }
        shown_ = std::max(shown_, end);
    }

    const Tokenizer& tokenizer_;
    const std::vector<std::string>& stops_;
    const std::function<void(std::string_view)>& show_;
    Utf8Stream stream_;
    std::string text_;
    std::vector<std::size_t> ends_;  ///< bytes of text_ behind each token
    std::size_t shown_ = 0;
    std::size_t cut_ = std::string::npos;  ///< where a stop text begins
};

}  // namespace

Conversation::Conversation(const Model& model, const Tokenizer& tokenizer, const ChatTemplate& format,
                           ConversationDevice device, ConversationOptions options)
    : model_(&model),
      tokenizer_(&tokenizer),
      format_(&format),
      device_(device),
      options_(std::move(options)),
      stop_(model.architecture.eos) {
    format.check(tokenizer);
    const auto stops = format.stop_tokens(tokenizer);
    stop_.insert(stop_.end(), stops.begin(), stops.end());
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
        *model_, options_.context != 0 ? options_.context : model_->architecture.context);
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
    ReplyText text(*tokenizer_, format_->stop_texts(), on_text);
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
    std::size_t kept = text.kept_tokens(tokens.size());
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
    remember(reply, kept, text.text_behind(kept), begin);
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
