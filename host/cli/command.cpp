// What every command of `setun` has in common.
#include "host/cli/command.h"

#include <cstdio>

namespace setun::cli {

CLI::App& Command::make_app(CLI::App& parent, const std::string& name, const std::string& description,
                            const std::string& example) {
    app_ = parent.add_subcommand(name, description);
    app_->footer("Example:\n  " + example);
    app_->add_flag("--json", json_, "Print one JSON object instead of text");
    return *app_;
}

void print_json(const Json& value) {
    const std::string text = value.dump(2, ' ', false, Json::error_handler_t::replace);
    std::fwrite(text.data(), 1, text.size(), stdout);
    std::fputc('\n', stdout);
}

}  // namespace setun::cli
