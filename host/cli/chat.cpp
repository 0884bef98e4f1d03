// setun chat: a conversation with a model, from a terminal or from standard input.
#include <fmt/format.h>
#include <poll.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <csignal>
#include <cstdio>
#include <optional>

#include "host/base/error.h"
#include "host/cli/command.h"
#include "host/cli/device_options.h"
#include "host/cli/format.h"
#include "host/cli/model_options.h"
#include "host/cli/sampling_options.h"
#include "host/cli/token_options.h"
#include "host/generate/conversation.h"

namespace setun::cli {
namespace {

constexpr std::size_t kMaxMessageBytes = std::size_t{16} << 20;

/// Standard input by lines or whole. Ctrl-C ends it like the end of the file.
class Input {
  public:
    /// Shows `prompt` and returns the next line without its end, or nothing at the end of the input or after
    /// Ctrl-C, which counts from the moment when the prompt can be seen.
    std::optional<std::string> line(std::string_view prompt) {
        const InterruptGuard guard;
        write_out(prompt);
        for (;;) {
            const std::size_t end = held_.find('\n');
            if (end != std::string::npos) {
                std::string text = held_.substr(0, end);
                held_.erase(0, end + 1);
                return text;
            }
            if (!fill(guard)) {
                std::optional<std::string> last;
                if (!held_.empty() && !InterruptGuard::seen()) {
                    last = std::move(held_);
                }
                held_.clear();
                return last;
            }
        }
    }
    /// Everything up to the end of the input. Throws InputError when it is longer than a message may be.
    std::string all() {
        const InterruptGuard guard;
        while (fill(guard)) {
        }
        return std::move(held_);
    }
    [[nodiscard]] static bool interrupted() { return InterruptGuard::seen(); }

  private:
    /// Lets Ctrl-C end a wait for input, as long as it lives; outside, the signal has its usual meaning. Any
    /// thread may get the signal, so the handler writes into a pipe on which wait() waits too.
    class InterruptGuard {
      public:
        InterruptGuard() {
            if (pipe(pipe_.data()) != 0) {
                throw CheckError("no more files can be opened; close some");
            }
            seen_ = 0;
            writer_ = pipe_[1];
            struct sigaction action {};
            action.sa_handler = [](int) {
                seen_ = 1;
                const char byte = 0;
                static_cast<void>(::write(writer_, &byte, 1) + 1);
            };
            sigemptyset(&action.sa_mask);
            sigaction(SIGINT, &action, &before_);
        }
        InterruptGuard(const InterruptGuard&) = delete;
        InterruptGuard& operator=(const InterruptGuard&) = delete;
        ~InterruptGuard() {
            sigaction(SIGINT, &before_, nullptr);
            ::close(pipe_[0]);
            ::close(pipe_[1]);
        }
        /// Waits until standard input can be read. False after Ctrl-C.
        [[nodiscard]] bool wait() const {
            std::array<pollfd, 2> descriptors{{{STDIN_FILENO, POLLIN, 0}, {pipe_[0], POLLIN, 0}}};
            while (poll(descriptors.data(), descriptors.size(), -1) < 0 && errno == EINTR) {
            }
            return seen_ == 0;
        }
        [[nodiscard]] static bool seen() { return seen_ != 0; }

      private:
        // A signal handler can reach nothing but variables of static storage.
        // NOLINTBEGIN(cppcoreguidelines-avoid-non-const-global-variables)
        static inline volatile std::sig_atomic_t seen_ = 0;
        static inline volatile int writer_ = -1;
        // NOLINTEND(cppcoreguidelines-avoid-non-const-global-variables)
        std::array<int, 2> pipe_{};
        struct sigaction before_ {};
    };

    bool fill(const InterruptGuard& guard) {
        if (held_.size() > kMaxMessageBytes) {
            throw InputError(fmt::format("a message of more than {} bytes; shorten it", kMaxMessageBytes));
        }
        char buffer[4096];
        if (!guard.wait()) {
            return false;
        }
        const ssize_t count = ::read(STDIN_FILENO, buffer, sizeof(buffer));
        if (count <= 0) {
            return false;
        }
        held_.append(buffer, static_cast<std::size_t>(count));
        return true;
    }

    std::string held_;
};

class ChatCommand final : public Command {
  public:
    void declare(CLI::App& parent) override;
    int run() override;

  private:
    [[nodiscard]] const ChatTemplate& format_for(const Tokenizer& tokenizer) const;
    /// One turn; false when it was stopped.
    bool turn(Conversation& conversation, const std::string& message);
    void interact(Conversation& conversation);
    void note(const std::string& text) const;
    void note_end(const Conversation& conversation, ReplyEnd end) const;
    void print_summary(const Conversation& conversation, const DeviceInfo& info) const;
    [[nodiscard]] Json summary(const Conversation& conversation, const DeviceInfo& info) const;

    ModelOptions model_;
    DeviceOptions device_;
    ConversationOptions options_;
    std::string kv_ = "float32";
    std::optional<bool> bos_;
    std::string template_;
    std::vector<std::string> messages_;
    bool no_verify_ = false;
    double timeout_ = 0;

    std::string format_name_;
    std::string reference_name_;
    Json turns_ = Json::array();
    StepTally decode_;
    std::uint64_t generated_ = 0;
    std::uint64_t products_ = 0;
    std::uint64_t verified_ = 0;
    std::uint64_t mismatches_ = 0;
    std::string first_mismatch_;
    std::string stopped_;
};

void ChatCommand::declare(CLI::App& parent) {
    CLI::App& app = make_app(parent, "chat", "A conversation with a model",
                             "echo 'Why is the sky blue?' | setun chat --template plain");
    add_model_options(app, model_, false);
    app.add_option("--system", options_.system, "System message");
    app.add_option("--message", messages_,
                   "A message in place of standard input; may be repeated, each is one turn")
        ->expected(1)
        ->take_all();
    app.add_option("--template", template_,
                   "Format of the conversation: " + ChatTemplate::names() + " [as the model says]");
    app.add_option("--stop", options_.stop_texts, "A text that ends a reply; may be repeated")
        ->expected(1)
        ->take_all();
    app.add_option("-n,--max-tokens", options_.max_tokens, "Tokens of a reply at most")
        ->capture_default_str();
    app.add_option("--context", options_.context, "Positions to keep, 0 = the model's context")
        ->capture_default_str();
    add_bos_option(app, bos_);
    add_sampling_options(app, options_.sampling);
    add_kv_option(app, kv_);
    add_device_options(app, device_);
    app.add_flag("--no-verify", no_verify_, "Do not compare every product with the reference engine");
    app.add_option("--timeout", timeout_, "Stop a reply after this many seconds, 0 = never")
        ->capture_default_str();
}

const ChatTemplate& ChatCommand::format_for(const Tokenizer& tokenizer) const {
    return template_.empty() ? ChatTemplate::of(tokenizer) : ChatTemplate::named(template_);
}

void ChatCommand::note(const std::string& text) const { fmt::print(stderr, "setun: {}\n", text); }

void ChatCommand::note_end(const Conversation& conversation, ReplyEnd end) const {
    if (end == ReplyEnd::kLengthReached) {
        note(fmt::format("the reply was cut at {} tokens (--max-tokens)", options_.max_tokens));
    } else if (end == ReplyEnd::kContextFull) {
        note(fmt::format("the context is full ({} positions), the reply was cut; begin a new conversation",
                         conversation.context()));
    }
}

bool ChatCommand::turn(Conversation& conversation, const std::string& message) {
    std::function<void(std::string_view)> show;
    if (!json()) {
        show = write_out;
    }
    const Reply reply = conversation.say(message, show, [&](Scheduler& scheduler) {
        scheduler.stop_on_signals();
        if (timeout_ > 0) {
            scheduler.stop_after(std::chrono::milliseconds(static_cast<std::int64_t>(timeout_ * 1000)));
        }
    });
    if (!json()) {
        write_out("\n");
    }
    note_end(conversation, reply.end);
    const GenerateResult& result = reply.result;
    decode_ += result.prompt;
    decode_ += result.decode;
    generated_ += result.tokens.size();
    products_ += result.products;
    verified_ += result.verified;
    mismatches_ += result.mismatches;
    first_mismatch_ = first_mismatch_.empty() ? result.first_mismatch : first_mismatch_;
    stopped_ = result.stopped;
    constexpr std::array<const char*, 4> kEnds{"finished", "max_tokens", "context_full", "stopped"};
    const std::uint64_t cycles = result.prompt.counters.cycles + result.decode.counters.cycles;
    turns_.push_back({{"user", message},
                      {"reply", reply.text},
                      {"tokens", result.tokens},
                      {"prompt_tokens", reply.prompt_tokens},
                      {"generated", result.tokens.size()},
                      {"end", kEnds.at(static_cast<std::size_t>(reply.end))},
                      {"cycles", cycles != 0 ? Json(cycles) : Json(nullptr)}});
    return stopped_.empty();
}

void ChatCommand::interact(Conversation& conversation) {
    note(fmt::format("template {}, {} positions. /reset begins a new conversation, /exit or Ctrl-D leaves",
                     format_name_, conversation.context()));
    Input input;
    for (;;) {
        const auto line = input.line("> ");
        if (!line) {
            write_out("\n");
            return;
        }
        if (*line == "/exit") {
            return;
        }
        if (*line == "/reset") {
            conversation.reset();
            continue;
        }
        if (line->find_first_not_of(" \t\r") == std::string::npos) {
            continue;
        }
        try {
            if (!turn(conversation, *line)) {
                return;
            }
        } catch (const InputError& error) {
            note(error.what());  // the conversation is as it was
        }
    }
}

int ChatCommand::run() {
    if (timeout_ < 0 || timeout_ > 1e6) {
        throw InputError(fmt::format("--timeout is {}; expected 0 to 1000000 seconds", timeout_));
    }
    options_.kv = kv_format(kv_);
    const bool terminal = messages_.empty() && isatty(STDIN_FILENO) == 1;
    if (terminal && json()) {
        throw InputError("--json needs the message from --message or from a pipe, not from a terminal");
    }
    Model model;  // before the device, which reads the weights where they are
    const std::unique_ptr<Device> device = open_device(device_);
    model = load_model(model_, device_.layout());
    if (!model.tokenizer) {
        throw InputError("the model has no tokenizer, so it cannot chat; use 'setun run --tokens'");
    }
    const Tokenizer tokenizer(*model.tokenizer);
    const ChatTemplate& format = format_for(tokenizer);
    format_name_ = format.name();
    options_.bos = wants_bos(bos_, model);
    const auto groups = product_groups(model);
    const LoweredModel lowered(groups, *device);
    std::unique_ptr<ReferenceEngine> reference;
    if (!no_verify_) {
        reference = open_reference(device_, groups);
        reference_name_ = reference->name();
    }
    Conversation conversation(model, tokenizer, format, {*device, lowered, reference.get()}, options_);
    if (terminal) {
        interact(conversation);
    } else {
        if (messages_.empty()) {
            Input input;
            messages_.push_back(input.all());
            if (Input::interrupted()) {
                return kExitOk;
            }
        }
        for (const std::string& message : messages_) {
            if (!turn(conversation, message)) {
                break;
            }
        }
    }
    if (json()) {
        print_json(summary(conversation, device->info()));
    } else if (!turns_.empty()) {
        print_summary(conversation, device->info());
    }
    if (!stopped_.empty()) {
        note("stopped: " + stopped_);
        return kExitCheckFailed;
    }
    if (mismatches_ != 0) {
        throw CheckError(fmt::format("{} of {} products differ from the reference; first: {}", mismatches_,
                                     products_, first_mismatch_));
    }
    return kExitOk;
}

void ChatCommand::print_summary(const Conversation& conversation, const DeviceInfo& info) const {
    Block block;
    block.add("turns", fmt::format("{}, {} tokens generated, {} of {} positions taken", turns_.size(),
                                   grouped(generated_), grouped(conversation.position()),
                                   grouped(conversation.context())));
    if (decode_.counters.cycles != 0 && decode_.positions != 0) {
        block.add("cycles", fmt::format("{}, {} per position", grouped(decode_.counters.cycles),
                                        grouped(decode_.counters.cycles / decode_.positions)));
    }
    block.add("integers", no_verify_
                              ? fmt::format("not verified ({} matrix products)", grouped(products_))
                              : fmt::format("bit-exact with the golden model: {} of {} matrix products",
                                            grouped(verified_ - mismatches_), grouped(products_)));
    block.add("", "from " + info.engine + (no_verify_ ? "" : "; checked by " + reference_name_));
    fmt::print(stderr, "\n{}", block.text());
}

Json ChatCommand::summary(const Conversation& conversation, const DeviceInfo& info) const {
    const bool timed = decode_.counters.cycles != 0;
    Json json{{"template", format_name_},
              {"turns", turns_},
              {"positions", conversation.position()},
              {"context", conversation.context()},
              {"kv", kv_},
              {"generated", generated_},
              {"cycles", timed ? Json(decode_.counters.cycles) : Json(nullptr)},
              {"products", products_},
              {"verified_products", verified_},
              {"mismatches", mismatches_},
              {"verified", !no_verify_ && verified_ == products_},
              {"device", info.name},
              {"engine", info.engine},
              {"reference", no_verify_ ? Json(nullptr) : Json(reference_name_)}};
    if (!stopped_.empty()) {
        json["stopped"] = stopped_;
    }
    return json;
}

}  // namespace

std::unique_ptr<Command> make_chat_command() { return std::make_unique<ChatCommand>(); }

}  // namespace setun::cli
