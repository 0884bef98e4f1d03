// Fuzz target: text from outside, through tokenizers of every kind and the formats of conversations. The
// first byte chooses tokenizer and format, the second where the text is cut in two; what must hold for every
// text is checked.
#include <algorithm>
#include <array>
#include <string>
#include <vector>

#include "host/text/chat_template.h"
#include "host/text/reply_text.h"
#include "host/text/tokenizer_files.h"
#include "host/text/utf8.h"
#include "tests/fuzz/byte_ranks.h"
#include "tests/fuzz/target.h"
#include "tests/host/synthetic_model.h"

namespace setun::fuzz {
namespace {

constexpr std::array<const char*, 6> kFormats{"bitnet", "llama3", "falcon3", "chatml", "llama2", "plain"};
constexpr std::array<const char*, 9> kSpecials{"<|eot_id|>",
                                               "<|start_header_id|>",
                                               "<|end_header_id|>",
                                               "<|endoftext|>",
                                               "<|im_start|>",
                                               "<|im_end|>",
                                               "<s>",
                                               "</s>",
                                               "<|user|>"};

Tokenizer with_specials(TokenizerData data) {
    for (const char* name : kSpecials) {
        data.tokens.emplace_back(name);
        data.kinds.push_back(TokenKind::kSpecial);
        if (!data.scores.empty()) {
            data.scores.push_back(0);
        }
    }
    return Tokenizer(std::move(data));
}

std::array<Tokenizer, 4> make_tokenizers() {
    const std::string data = std::string(SETUN_SOURCE_DIR) + "/tests/host/data/";
    const std::string json = test::synthetic_tokenizer().dump();
    const std::string ranks = byte_ranks();
    return {with_specials(read_tokenizer_json(MappedFile::in_memory("json", bytes_of(json)))),
            with_specials(read_tiktoken(MappedFile::in_memory("ranks", bytes_of(ranks)))),
            with_specials(read_sentencepiece(data + "sentencepiece.model")),
            with_specials(read_tokenizer_json(data + "llama_bpe.json"))};
}

std::size_t count_specials(const Tokenizer& tokens, const std::vector<std::uint32_t>& ids) {
    return static_cast<std::size_t>(std::ranges::count_if(
        ids, [&](std::uint32_t id) { return tokens.data().kinds.at(id) == TokenKind::kSpecial; }));
}

/// U+2581 is how SentencePiece writes a space.
std::string with_spaces(std::string_view text) {
    constexpr std::string_view kMark = "\xE2\x96\x81";
    std::string plain;
    while (!text.empty()) {
        const bool mark = text.starts_with(kMark);
        plain += mark ? ' ' : text.front();
        text.remove_prefix(mark ? kMark.size() : 1);
    }
    return plain;
}

/// Bytes that come in pieces are the same text as when they come at once.
void check_stream(std::string_view text, std::size_t cut) {
    Utf8Stream whole;
    const std::string once = whole.push(text) + whole.finish();
    Utf8Stream pieces;
    std::string joined = pieces.push(text.substr(0, cut));
    joined += pieces.push(text.substr(cut));
    joined += pieces.finish();
    require(joined == once, "text does not depend on the pieces it comes in");
    require(find_invalid_utf8(once) == std::string::npos, "what a stream gives is valid");
    require((once == text) == (find_invalid_utf8(text) == std::string::npos), "valid text stays as it is");
}

void check_tokens(const Tokenizer& tokens, const std::string& text, std::size_t cut) {
    const auto plain = tokens.encode(text, SpecialTokens::kAsText);
    require(count_specials(tokens, plain) == 0, "names of special tokens are ordinary text");
    const std::string back = tokens.decode(plain);
    if (tokens.data().kind == TokenizerKind::kSentencePiece) {
        const std::string spaced = with_spaces(text);
        require(back == spaced || back == " " + spaced, "decoding gives the text back");
    } else {
        require(back == text, "decoding gives the text back");
    }
    while (cut < text.size() && (static_cast<unsigned char>(text[cut]) & 0xC0U) == 0x80) {
        ++cut;  // segments are whole characters
    }
    const std::array<TextSegment, 2> segments{
        {{text.substr(0, cut), SpecialTokens::kAsText},
         {text.substr(std::min(cut, text.size())), SpecialTokens::kAsText}}};
    require(tokens.encode(segments, true) == plain, "segments are one text");
    static_cast<void>(tokens.encode(text));
}

/// Special tokens of a turn are those of the format, whatever a user types.
void check_turns(const Tokenizer& tokens, const ChatTemplate& format, const std::string& text) {
    require(count_specials(tokens, tokens.encode(format.first_turn(text, text), true)) ==
                    count_specials(tokens, tokens.encode(format.first_turn("x", "x"), true)) ||
                text.find_first_not_of(" \t\r\n") == std::string::npos,
            "a first message adds no special token");
    require(count_specials(tokens, tokens.encode(format.next_turn(text), false)) ==
                count_specials(tokens, tokens.encode(format.next_turn("x"), false)),
            "a later message adds no special token");
}

/// A reply never shows a stop text, and shows all that comes before it.
void check_reply(const Tokenizer& tokens, const ChatTemplate& format, const std::string& text) {
    std::string shown;
    const std::function<void(std::string_view)> show = [&](std::string_view piece) { shown += piece; };
    std::vector<std::string> stops = format.stop_texts();
    stops.emplace_back("the end");
    ReplyText reply(tokens, stops, show);
    const auto ids = tokens.encode(text, SpecialTokens::kAsText);
    bool stopped = false;
    for (std::size_t i = 0; i < ids.size() && !stopped; ++i) {
        stopped = reply.add(ids[i]);
    }
    reply.finish();
    require(shown == reply.text(), "all of a reply is shown");
    std::size_t first = std::string::npos;
    const std::string all = tokens.decode(ids);
    for (const std::string& stop : stops) {
        first = std::min(first, all.find(stop));
    }
    require(stopped == (first != std::string::npos), "a reply ends at a stop text");
    require(all.starts_with(shown) && shown.find("the end") == std::string::npos,
            "a reply ends before a stop text");
    require(reply.kept_tokens() <= ids.size(), "tokens that are kept are tokens of the reply");
}

}  // namespace
}  // namespace setun::fuzz

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    using namespace setun;
    if (size < 2) {
        return 0;
    }
    static const auto kTokenizers = fuzz::make_tokenizers();
    const Tokenizer& tokens = kTokenizers.at(data[0] % kTokenizers.size());
    const ChatTemplate& format = ChatTemplate::named(fuzz::kFormats.at(data[0] / 4 % fuzz::kFormats.size()));
    const std::string text(reinterpret_cast<const char*>(data) + 2, size - 2);
    const std::size_t cut = std::min<std::size_t>(data[1], text.size());
    fuzz::check_stream(text, cut);
    fuzz::read_or_refuse([&] {
        fuzz::check_tokens(tokens, text, cut);
        fuzz::require(find_invalid_utf8(text) == std::string::npos, "text that is no UTF-8 is refused");
        fuzz::check_turns(tokens, format, text);
        fuzz::check_reply(tokens, format, text);
    });
    return 0;
}
