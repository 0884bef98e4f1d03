// The text of a reply while its tokens come, which may end at a stop text in the middle of a token.
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "host/text/tokenizer.h"

namespace setun {

/// Collects a reply and shows it in pieces of valid UTF-8. What may be the beginning of a stop text is held
/// back until it is clear that it is none; a stop text and what follows is neither shown nor part of the
/// text.
class ReplyText {
  public:
    /// The arguments must outlive the object; `stops` are not empty, `show` may be.
    ReplyText(const Tokenizer& tokenizer, const std::vector<std::string>& stops,
              const std::function<void(std::string_view)>& show)
        : tokenizer_(tokenizer), stops_(stops), show_(show) {}

    /// Returns whether a stop text is complete: then no more tokens may be added.
    bool add(std::uint32_t token);
    /// Shows what was held back. Call once, when no more tokens come.
    void finish();

    [[nodiscard]] std::string text() const { return text_.substr(0, cut_); }
    /// How many tokens lie wholly before the stop text; all, when there is none.
    [[nodiscard]] std::size_t kept_tokens() const;
    /// The text between these tokens and the stop text.
    [[nodiscard]] std::string text_behind_kept() const;

  private:
    void show_up_to(std::size_t end);

    const Tokenizer& tokenizer_;
    const std::vector<std::string>& stops_;
    const std::function<void(std::string_view)>& show_;
    Utf8Stream stream_;
    std::string text_;
    std::vector<std::size_t> ends_;  ///< bytes of text_ behind each token
    std::size_t shown_ = 0;
    std::size_t cut_ = std::string::npos;  ///< where a stop text begins
};

}  // namespace setun
