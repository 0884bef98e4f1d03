// Cutting text into the words that byte-level BPE merges separately.
#pragma once

#include <cstdint>
#include <string_view>
#include <vector>

namespace setun {

/// How text is cut into words before merging.
enum class PreTokenizer : std::uint32_t {
    kGpt2 = 0,    ///< the regular expression of GPT-2
    kLlama3 = 1,  ///< the regular expression of Llama 3 (numbers in groups of up to three)
};

/// Cuts text into the words that are merged separately. `text` must be valid UTF-8. The pieces cover the text
/// in order.
std::vector<std::string_view> pre_tokenize(std::string_view text, PreTokenizer rules);

}  // namespace setun
