// How a conversation is written as text: the formats of the model families that exist, by name.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "host/text/tokenizer.h"

namespace setun {

/// A format of conversations. Not a template engine: the formats are built in, and a model's own Jinja
/// template only serves to recognise which of them it is.
class ChatTemplate {
  public:
    /// The format called `name`. Throws InputError listing the names.
    static const ChatTemplate& named(const std::string& name);
    /// The format that the tokenizer's chat template, or else its special tokens, belong to. Throws
    /// InputError listing the names when that cannot be told.
    static const ChatTemplate& of(const Tokenizer& tokenizer);
    /// "bitnet, llama3, ..."
    static std::string names();

    [[nodiscard]] const std::string& name() const { return name_; }

    /// The text of a conversation up to the first reply: the system message, unless empty, the user's
    /// message, and the words behind which the model answers. Without the begin-of-text token.
    [[nodiscard]] std::vector<TextSegment> first_turn(const std::string& system,
                                                      const std::string& message) const;
    /// The same for a later message: the end of the reply before it, and the message.
    [[nodiscard]] std::vector<TextSegment> next_turn(const std::string& message) const;

    /// Tokens of `tokenizer` that end a reply, beside the model's end-of-text tokens.
    [[nodiscard]] std::vector<std::uint32_t> stop_tokens(const Tokenizer& tokenizer) const;
    /// Texts that end a reply where the format has no special token for that; they are not part of it.
    [[nodiscard]] const std::vector<std::string>& stop_texts() const { return stop_texts_; }

    /// Throws InputError naming the first special token of the format that the tokenizer lacks.
    void check(const Tokenizer& tokenizer) const;

  private:
    ChatTemplate() = default;
    static const std::vector<ChatTemplate>& all();
    [[nodiscard]] bool fits(const Tokenizer& tokenizer) const;

    std::string name_;
    std::vector<std::string> markers_;  ///< all of them occur in a chat template of this family
    std::vector<std::string> tokens_;   ///< special tokens that the format needs
    std::vector<std::string> stops_;    ///< of those, the ones that end a reply
    std::vector<std::string> stop_texts_;
    std::string system_before_, system_after_;
    std::string user_before_, user_after_;  ///< the latter leads into the reply
    std::string reply_end_;
    bool system_in_user_ = false;  ///< system_before_ takes the place of user_before_
};

}  // namespace setun
