// setun pack: a GGUF file or a Hugging Face directory to a packed model file.
#include <fmt/format.h>

#include <filesystem>

#include "host/base/error.h"
#include "host/base/file.h"
#include "host/cli/command.h"
#include "host/cli/format.h"
#include "host/cli/model_options.h"
#include "host/loaders/model_loader.h"
#include "host/model/model_file.h"

namespace setun::cli {
namespace {

class PackCommand final : public Command {
  public:
    void declare(CLI::App& parent) override {
        CLI::App& app =
            make_app(parent, "pack", "Pack a GGUF file or Hugging Face BitNet directory into one model file",
                     "setun pack bitnet-b1.58-2B-4T -o bitnet-2b.setun");
        app.add_option("IN", input_,
                       "GGUF file, or directory with config.json, safetensors and tokenizer.json")
            ->required();
        app.add_option("-o,--output", output_, "Model file to write")->required();
        app.add_flag("--force", force_, "Replace the output when it exists");
        app.add_option("--ports", layout_.ports, "Weight ports to lay the streams out for")
            ->capture_default_str();
        app.add_option("--port-bits", layout_.port_bits, "Bits of a port")->capture_default_str();
        app.add_option("--tile-rows", layout_.tile_rows, "Rows that a tile gives to each port")
            ->capture_default_str();
        app.add_option("--name", metadata_["name"], "Name to record");
        app.add_option("--licence", metadata_["licence"], "Licence to record");
        app.add_option("--source", metadata_["source"], "Where the weights come from, to record");
        app.add_option("--card", card_, "Text file to record as the model's card");
    }

    int run() override {
        if (!std::filesystem::exists(input_)) {
            throw InputError(
                fmt::format("'{}' does not exist; give a GGUF file or a Hugging Face directory", input_));
        }
        if (!force_ && std::filesystem::exists(output_)) {
            throw InputError(fmt::format("'{}' exists already; add --force to replace it", output_));
        }
        Progress progress("packing");
        Model model = load_model_path(input_, layout_, [&](double share) { progress.update(share * 0.9); });
        for (const auto& [key, value] : metadata_) {
            if (!value.empty()) {
                model.metadata[key] = value;
            }
        }
        if (!card_.empty()) {
            model.metadata["card"] = read_text_file(card_, std::size_t{1} << 20);
        }
        save_model(model, output_, force_, [&](double share) { progress.update(0.9 + share * 0.1); });
        progress.clear();
        note_missing_tokenizer(model);
        const auto bytes = std::filesystem::file_size(output_);
        if (json()) {
            print_json({{"model", output_},
                        {"bytes", bytes},
                        {"weight_bytes", model.weight_bytes()},
                        {"matrices", model.matrices().size()}});
        } else {
            fmt::print("{}: {} bytes, {} matrices, {} of weights\n", output_, grouped(bytes),
                       model.matrices().size(), si(static_cast<double>(model.weight_bytes()), "B"));
        }
        return kExitOk;
    }

  private:
    std::string input_;
    std::string output_;
    bool force_ = false;
    StreamLayout layout_;
    std::map<std::string, std::string> metadata_;
    std::string card_;
};

}  // namespace

std::unique_ptr<Command> make_pack_command() { return std::make_unique<PackCommand>(); }

}  // namespace setun::cli
