// setun tokenize: a text as token ids, for other commands and for comparison with other programs.
#include <fmt/format.h>

#include <cstdio>
#include <optional>

#include "host/base/error.h"
#include "host/cli/command.h"
#include "host/cli/model_options.h"
#include "host/cli/token_options.h"
#include "host/text/tokenizer.h"
#include "host/text/tokenizer_files.h"

namespace setun::cli {
namespace {

constexpr std::size_t kMaxTextBytes = std::size_t{256} << 20;

std::string read_standard_input() {
    std::string text;
    char buffer[65536];
    for (std::size_t count = 0; (count = std::fread(buffer, 1, sizeof(buffer), stdin)) != 0;) {
        text.append(buffer, count);
        if (text.size() > kMaxTextBytes) {
            throw InputError(
                fmt::format("standard input has more than {} bytes; split the text", kMaxTextBytes));
        }
    }
    return text;
}

class TokenizeCommand final : public Command {
  public:
    void declare(CLI::App& parent) override {
        CLI::App& app = make_app(parent, "tokenize", "A text as token ids",
                                 "setun tokenize --tokenizer DIR/tokenizer.json < text.txt");
        add_model_options(app, model_, false);
        app.add_option("--tokenizer", file_,
                       "A tokenizer alone: tokenizer.json, a SentencePiece model or tiktoken ranks");
        app.add_option("--prompt", prompt_, "The text [standard input]");
        app.add_flag("--plain", plain_, "Take the names of special tokens as ordinary text");
        add_bos_option(app, bos_);
    }

    int run() override {
        std::vector<std::uint32_t> ids;
        std::optional<Tokenizer> tokenizer;
        if (!file_.empty()) {
            if (bos_ || !model_.model.empty()) {
                throw InputError("--tokenizer stands alone: leave --model, --bos and --no-bos out");
            }
            tokenizer.emplace(read_tokenizer_file(file_));
        } else {
            const Model model = load_model(model_, {});
            if (!model.tokenizer) {
                throw InputError("the model has no tokenizer; give one with --tokenizer FILE");
            }
            if (bos_.value_or(false) && wants_bos(bos_, model)) {
                ids.push_back(*model.architecture.bos);
            }
            tokenizer.emplace(*model.tokenizer);
        }
        const auto text = tokenizer->encode(prompt_ ? *prompt_ : read_standard_input(),
                                            plain_ ? SpecialTokens::kAsText : SpecialTokens::kRecognise);
        ids.insert(ids.end(), text.begin(), text.end());
        if (json()) {
            print_json({{"tokens", ids}, {"vocabulary", tokenizer->size()}});
        } else {
            fmt::print("{}\n", fmt::join(ids, ","));
        }
        return kExitOk;
    }

  private:
    ModelOptions model_;
    std::string file_;
    std::optional<std::string> prompt_;
    std::optional<bool> bos_;
    bool plain_ = false;
};

}  // namespace

std::unique_ptr<Command> make_tokenize_command() { return std::make_unique<TokenizeCommand>(); }

}  // namespace setun::cli
