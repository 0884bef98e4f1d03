// The text of a reply while its tokens come, which may end at a stop text in the middle of a token.
#include "host/text/reply_text.h"

#include <algorithm>

namespace setun {

bool ReplyText::add(std::uint32_t token) {
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

void ReplyText::finish() {
    if (cut_ == std::string::npos) {
        text_ += stream_.finish();
        show_up_to(text_.size());
    }
}

std::size_t ReplyText::kept_tokens() const {
    if (cut_ == std::string::npos) {
        return ends_.size();
    }
    return static_cast<std::size_t>(std::upper_bound(ends_.begin(), ends_.end(), cut_) - ends_.begin());
}

std::string ReplyText::text_behind_kept() const {
    if (cut_ == std::string::npos) {
        return "";
    }
    const std::size_t kept = kept_tokens();
    const std::size_t begin = kept == 0 ? 0 : ends_[kept - 1];
    return text_.substr(begin, cut_ - begin);
}

void ReplyText::show_up_to(std::size_t end) {
    if (end > shown_ && show_) {
        show_(std::string_view(text_).substr(shown_, end - shown_));
    }
    shown_ = std::max(shown_, end);
}

}  // namespace setun
