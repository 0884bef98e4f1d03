// setun inspect: what a model file holds.
#include <fmt/format.h>

#include <filesystem>

#include "host/base/error.h"
#include "host/cli/command.h"
#include "host/cli/format.h"
#include "host/cli/model_options.h"
#include "host/model/model_file.h"

namespace setun::cli {
namespace {

/// One matrix with its counts.
struct Counted {
    const PackedMatrix* matrix;
    TritCounts trits;
};

Json describe(const Architecture& a) {
    return {{"hidden", a.hidden},
            {"ffn", a.ffn},
            {"layers", a.layers},
            {"heads", a.heads},
            {"kv_heads", a.kv_heads},
            {"head_dim", a.head_dim},
            {"vocab", a.vocab},
            {"context", a.context},
            {"rope_theta", a.rope_theta},
            {"eps", a.eps},
            {"activation", a.activation == Activation::kRelu2 ? "relu2" : "silu"},
            {"sub_norms", a.sub_norms},
            {"tied_head", a.tied_head}};
}

class InspectCommand final : public Command {
  public:
    void declare(CLI::App& parent) override {
        CLI::App& app = make_app(parent, "inspect", "Show shapes, counts, sparsity and size of a model",
                                 "setun inspect models/setun-3.8m.setun");
        app.add_option("MODEL", model_.model,
                       "Packed model file, GGUF file or Hugging Face directory [the model in models/, or "
                       "SETUN_MODEL]");
        app.add_option("--shape", model_.shape,
                       "A known shape with random weights instead: " + known_shape_names());
    }

    int run() override {
        if (!model_.model.empty() && !model_.shape.empty()) {
            throw InputError("MODEL and --shape exclude each other; give one of them");
        }
        const Model model = load_model(model_, {});
        std::vector<Counted> matrices;
        TritCounts linear;  // of the ternary layers; the digit planes of the embedding are counted apart
        std::uint64_t parameters = 0;
        for (const PackedMatrix* matrix : model.matrices()) {
            matrices.push_back({matrix, count_trits(matrix->index(), matrix->streams)});
            parameters += matrix->weights();
            if (matrix->planes == 1) {
                linear.zero += matrices.back().trits.zero;
                linear.nonzero += matrices.back().trits.nonzero;
            }
        }
        for (const Layer& layer : model.layers) {
            for (const auto& norm : layer.norms) {
                parameters += norm.size();
            }
        }
        parameters += model.final_norm.size();
        if (json()) {
            print(as_json(model, matrices, linear, parameters));
        } else {
            print_text(model, matrices, linear, parameters);
        }
        return kExitOk;
    }

  private:
    static void print(const Json& json) { print_json(json); }

    Json as_json(const Model& model, const std::vector<Counted>& matrices, const TritCounts& linear,
                 std::uint64_t parameters) const {
        Json shapes = Json::array();
        for (const auto& [matrix, trits] : matrices) {
            shapes.push_back({{"name", matrix->name},
                              {"m", matrix->m},
                              {"k", matrix->k},
                              {"planes", matrix->planes},
                              {"scale", matrix->scale},
                              {"bytes", matrix->bytes()},
                              {"zero_share", trits.zero_share()}});
        }
        const StreamLayout& layout = model.embedding.layout;
        const std::uint64_t ternary = linear.zero + linear.nonzero;
        return {{"architecture", describe(model.architecture)},
                {"shapes", std::move(shapes)},
                {"counts",
                 {{"parameters", parameters},
                  {"ternary_weights", ternary},
                  {"zero_weights", linear.zero},
                  {"embedding_weights", model.embedding.weights()},
                  {"matrices", matrices.size()},
                  {"tokenizer_tokens", model.tokenizer ? model.tokenizer->tokens.size() : 0},
                  {"merges", model.tokenizer ? model.tokenizer->merges.size() : 0}}},
                {"zero_share", linear.zero_share()},
                {"weight_bytes", model.weight_bytes()},
                {"layout",
                 {{"ports", layout.ports}, {"port_bits", layout.port_bits}, {"tile_rows", layout.tile_rows}}},
                {"metadata", model.metadata}};
    }

    void print_text(const Model& model, const std::vector<Counted>& matrices, const TritCounts& linear,
                    std::uint64_t parameters) const {
        const Architecture& a = model.architecture;
        const auto about = [&](const char* key) {
            const auto found = model.metadata.find(key);
            return found == model.metadata.end() ? std::string() : found->second;
        };
        Block block;
        for (const char* key : {"name", "format", "licence", "source"}) {
            if (!about(key).empty()) {
                block.add(key, about(key));
            }
        }
        block.add("shape",
                  fmt::format("hidden {}, ffn {}, {} layers, {} heads of {}, {} kv heads, context {}",
                              a.hidden, a.ffn, a.layers, a.heads, a.head_dim, a.kv_heads, a.context));
        block.add("forms",
                  fmt::format("{}, {}sub-norms, {} head, rope theta {}",
                              a.activation == Activation::kRelu2 ? "relu2" : "silu", a.sub_norms ? "" : "no ",
                              a.tied_head ? "tied" : "separate", a.rope_theta));
        block.add("parameters", grouped(parameters));
        block.add("ternary", fmt::format("{} weights, {} of them zero", grouped(linear.zero + linear.nonzero),
                                         percent(linear.zero_share())));
        block.add("embedding",
                  fmt::format("{} x {} in {} digit planes", a.vocab, a.hidden, model.embedding.planes));
        block.add("weights", fmt::format("{} packed for {} x {} bit, tile {}",
                                         si(static_cast<double>(model.weight_bytes()), "B"),
                                         model.embedding.layout.ports, model.embedding.layout.port_bits,
                                         model.embedding.layout.tile_rows));
        block.add("tokenizer",
                  model.tokenizer
                      ? fmt::format("{} tokens, {} merges", model.tokenizer->tokens.size(),
                                    model.tokenizer->merges.size())
                      : "none" + (about("no_tokenizer").empty() ? "" : ": " + about("no_tokenizer")));
        fmt::print("{}\n", block.text());
        Table table({"matrix", "m", "k", "planes", "bytes", "zeros", "scale"});
        for (const auto& [matrix, trits] : matrices) {
            table.add({matrix->name, grouped(matrix->m), grouped(matrix->k), std::to_string(matrix->planes),
                       grouped(matrix->bytes()), percent(trits.zero_share()),
                       fmt::format("{:.6g}", matrix->scale)});
        }
        fmt::print("{}", table.text());
    }

    ModelOptions model_;
};

}  // namespace

std::unique_ptr<Command> make_inspect_command() { return std::make_unique<InspectCommand>(); }

}  // namespace setun::cli
