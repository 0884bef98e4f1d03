// A chat with a model: messages in, replies out, the key/value cache kept from turn to turn.
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "host/generate/generate.h"
#include "host/model/decoder.h"
#include "host/text/chat_template.h"
#include "host/text/tokenizer.h"

namespace setun {

struct ConversationOptions {
    std::string system;                   ///< system message; empty: none
    bool bos = true;                      ///< begin with the model's begin-of-text token, if it has one
    std::uint32_t max_tokens = 512;       ///< of a reply
    std::uint32_t context = 0;            ///< positions to keep at most; 0: the model's context
    std::vector<std::string> stop_texts;  ///< that end a reply, beside those of the format
    SamplingOptions sampling;             ///< turn n draws with seed + n
    KvFormat kv = KvFormat::kFloat32;     ///< of the cache
};

/// Why a reply ended.
enum class ReplyEnd { kFinished, kLengthReached, kContextFull, kStopped };

struct Reply {
    std::string text;
    std::uint32_t prompt_tokens = 0;  ///< tokens that this turn added before the reply
    ReplyEnd end = ReplyEnd::kFinished;
    GenerateResult result;
};

/// What the turns have in common with a device: where the products run and what checks them.
struct ConversationDevice {
    Device& device;
    const LoweredModel& lowered;
    ReferenceEngine* reference = nullptr;  ///< null: nothing is verified
};

/// Each turn processes only its own tokens: everything before is in the cache.
class Conversation {
  public:
    /// `model`, `tokenizer`, `format` and what `device` names must outlive the conversation. Throws
    /// InputError when the tokenizer lacks a token of the format or an option is out of range.
    Conversation(const Model& model, const Tokenizer& tokenizer, const ChatTemplate& format,
                 ConversationDevice device, ConversationOptions options);

    /// Adds a message and draws the reply. `on_text` is called with pieces of it, valid UTF-8, as they come.
    /// `prepare` may set stops and deadlines on the turn's scheduler. Throws InputError, with the
    /// conversation as it was, when the message is empty or not UTF-8 or does not fit the context.
    Reply say(const std::string& message, const std::function<void(std::string_view)>& on_text,
              const std::function<void(Scheduler&)>& prepare = {});

    /// Forgets everything but the options.
    void reset();

    /// Positions that are in the cache, and how many it can hold.
    [[nodiscard]] std::uint32_t position() const { return decoder_->position(); }
    [[nodiscard]] std::uint32_t context() const { return decoder_->capacity(); }

  private:
    [[nodiscard]] std::vector<std::uint32_t> prompt_for(const std::string& message) const;
    void remember(const Reply& reply, std::size_t kept, std::string rest, std::uint32_t begin);

    const Model* model_;
    const Tokenizer* tokenizer_;
    const ChatTemplate* format_;
    ConversationDevice device_;
    ConversationOptions options_;
    std::vector<std::uint32_t> stop_;
    std::vector<std::string> stop_texts_;
    std::unique_ptr<Decoder> decoder_;
    std::uint64_t turns_ = 0;
    bool begun_ = false;                  ///< a turn is in the cache
    std::vector<std::uint32_t> pending_;  ///< tokens of the last reply that are not in the cache yet
    std::string pending_text_;            ///< text of the last reply behind them
};

}  // namespace setun
