// What every command of `setun` has in common.
#pragma once

#include <CLI/CLI.hpp>
#include <memory>
#include <nlohmann/json.hpp>
#include <string>

namespace setun::cli {

using Json = nlohmann::ordered_json;

constexpr int kExitOk = 0;
constexpr int kExitCheckFailed = 1;
constexpr int kExitBadInput = 2;

/// One subcommand: declares its options, then runs with their values.
class Command {
  public:
    virtual ~Command() = default;
    Command() = default;
    Command(const Command&) = delete;
    Command& operator=(const Command&) = delete;

    /// Adds the subcommand to `app`.
    virtual void declare(CLI::App& app) = 0;
    /// Does the work. Returns an exit code; throws InputError, CheckError or DeviceError, whose texts the
    /// user sees.
    virtual int run() = 0;
    [[nodiscard]] bool chosen() const { return app_ != nullptr && app_->parsed(); }
    [[nodiscard]] bool json() const { return json_; }

  protected:
    /// Makes the subcommand with its --json flag and an example under its help.
    CLI::App& make_app(CLI::App& parent, const std::string& name, const std::string& description,
                       const std::string& example);

  private:
    CLI::App* app_ = nullptr;
    bool json_ = false;
};

/// Prints one JSON object on stdout, strings made valid UTF-8.
void print_json(const Json& value);

std::unique_ptr<Command> make_run_command();
std::unique_ptr<Command> make_inspect_command();
std::unique_ptr<Command> make_verify_command();
std::unique_ptr<Command> make_bench_command();
std::unique_ptr<Command> make_devices_command();
std::unique_ptr<Command> make_energy_command();
std::unique_ptr<Command> make_pack_command();
std::unique_ptr<Command> make_chat_command();
std::unique_ptr<Command> make_logits_command();
std::unique_ptr<Command> make_tokenize_command();

}  // namespace setun::cli
