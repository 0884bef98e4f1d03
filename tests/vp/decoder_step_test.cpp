// A decoder step as a list of commands, lowered by hand, against the host's decoder: the same bits.
#include <gtest/gtest.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <span>
#include <string>
#include <utility>
#include <vector>

#include "hls/argmax.h"
#include "hls/kv_cache.h"
#include "hls/ternary_matmul.h"
#include "host/model/decoder.h"
#include "host/model/model.h"
#include "host/schedule/lowering.h"
#include "tests/hls/random_data.h"
#include "tests/vp/unit_memory.h"

namespace setun {
namespace {

using vp::EngineGeometry;

struct StepCase {
    const char* name;
    Architecture architecture;
    EngineGeometry geometry;
    std::uint16_t columns;  // TOKENS of the engine
    KvFormat kv;
};

Architecture architecture(std::uint32_t heads, std::uint32_t kv_heads, std::uint32_t head_dim,
                          Activation activation, bool sub_norms, bool tied) {
    Architecture a;
    a.hidden = 72;
    a.ffn = 200;
    a.layers = 2;
    a.heads = heads;
    a.kv_heads = kv_heads;
    a.head_dim = head_dim;
    a.vocab = 90;
    a.context = 24;
    a.rope_theta = 10000.0F;
    a.eps = 1e-5F;
    a.activation = activation;
    a.sub_norms = sub_norms;
    a.tied_head = tied;
    return a;
}

/// Random weights, and norms and scales that are not all alike.
Model step_model(const StepCase& c) {
    const StreamLayout layout{c.geometry.ports, c.geometry.port_bits, c.geometry.tile_rows};
    Model model = random_model(c.architecture, "step", 0, layout);
    test::Random random(0);
    for (Layer& layer : model.layers) {
        for (auto& norm : layer.norms) {
            for (float& gain : norm) {
                gain = 1.0F + 0.5F * random.unit();
            }
        }
        for (PackedMatrix& matrix : layer.matrices) {
            matrix.scale *= 1.0F + 0.5F * random.unit();
        }
    }
    for (float& gain : model.final_norm) {
        gain = 1.0F + 0.5F * random.unit();
    }
    return model;
}

/// The step's commands, MATMULs among them, and where their operands stand.
class Lowered {
  public:
    struct Entry {
        VectorCommand vector;
        const PackedMatrix* matrix = nullptr;  // MATMUL: y_offset = matrix * x_offset
    };

    Lowered(const Model& model, const StepCase& c, std::uint32_t capacity)
        : model_(model), c_(c), capacity_(capacity), memory(1U << 20U, c.geometry) {
        place_weights();
        lower();
    }

    void run(std::uint32_t position, std::uint32_t token) {
        for (const Entry& entry : list_) {
            if (entry.matrix != nullptr) {
                matmul(entry);
            } else {
                const auto result = memory.run(entry.vector, position, token);
                ASSERT_EQ(result.error, SETUN_ERR_NONE) << "opcode " << int{entry.vector.opcode};
            }
        }
    }

    [[nodiscard]] ArgmaxResult answer() const { return memory.get<ArgmaxResult>(answer_, 1)[0]; }
    /// Logits out of the head's integers and the scale of their activations.
    [[nodiscard]] std::vector<float> logits() const {
        const PackedMatrix& head = model_.output_head();
        const auto y = memory.get<std::int32_t>(y_[0], std::size_t{head.m} * c_.columns);
        const float scale = memory.get<float>(scale_, 1)[0];
        std::vector<float> out(head.m);
        for (std::size_t i = 0; i < out.size(); ++i) {
            out[i] = (static_cast<float>(y[i * c_.columns]) * head.scale) / scale;
        }
        return out;
    }

  private:
    std::uint64_t reserve(std::uint64_t bytes) {
        const std::uint64_t offset = end_;
        end_ = (end_ + bytes + 63) / 64 * 64;
        EXPECT_LE(end_, memory.data().size());
        return offset;
    }
    std::uint64_t put(const std::vector<float>& values) {
        const std::uint64_t offset = reserve(values.size() * 4);
        memory.put(offset, values);
        return offset;
    }

    void place_weights() {
        for (const PackedMatrix* matrix : model_.matrices()) {
            const std::uint64_t offset = (memory.weights(0).size() + 63) / 64 * 64;
            weights_.push_back({matrix, offset});
            for (std::size_t p = 0; p < c_.geometry.ports; ++p) {
                memory.weights(p).resize(offset);
                memory.weights(p).insert(memory.weights(p).end(), matrix->streams[p].begin(),
                                         matrix->streams[p].end());
            }
        }
    }
    [[nodiscard]] std::uint64_t weight_offset(const PackedMatrix& matrix) const {
        for (const auto& [placed, offset] : weights_) {
            if (placed == &matrix) {
                return offset;
            }
        }
        ADD_FAILURE() << matrix.name;
        return 0;
    }

    void matmul(const Entry& entry) {
        const PackedMatrix& matrix = *entry.matrix;
        hls::MatmulShape shape{c_.geometry.ports,
                               c_.geometry.port_bits,
                               c_.geometry.tile_rows,
                               c_.columns,
                               matrix.m,
                               matrix.k,
                               matrix.planes,
                               1};
        hls::WeightStreams streams{};
        for (std::size_t p = 0; p < c_.geometry.ports; ++p) {
            streams.port[p] =
                reinterpret_cast<const std::uint8_t*>(memory.weights(p).data() + weight_offset(matrix));
        }
        const auto x = memory.get<std::int8_t>(entry.vector.x_offset, matrix.k);
        std::vector<std::int32_t> y(std::size_t{matrix.m} * c_.columns);
        const auto status = hls::ternary_matmul(shape, streams, x.data(), matrix.k, y.data());
        ASSERT_EQ(status.error, SETUN_ERR_NONE);
        memory.put(entry.vector.y_offset, y);
    }

    VectorCommand& add(std::uint8_t opcode) {
        list_.emplace_back();
        list_.back().vector.opcode = opcode;
        return list_.back().vector;
    }
    void norm(std::uint64_t x, std::uint32_t n, const std::vector<float>& gain) {
        VectorCommand& c = add(SETUN_OP_NORM_QUANTIZE);
        c.x_offset = x;
        c.k = n;
        c.y_offset = q_;
        c.b_offset = scale_;
        if (gain.empty()) {
            c.flags = SETUN_VFLAG_NO_GAIN;
        } else {
            c.a_offset = put(gain);
            c.f0 = model_.architecture.eps;
        }
    }
    void product(const PackedMatrix& matrix, std::uint64_t y) {
        VectorCommand& c = add(SETUN_OP_MATMUL);
        list_.back().matrix = &matrix;
        c.x_offset = q_;
        c.y_offset = y;
    }
    void rope(const PackedMatrix& matrix, std::uint32_t heads, std::uint64_t x, std::uint64_t y) {
        VectorCommand& c = add(SETUN_OP_ROPE);
        c.x_offset = x;
        c.y_offset = y;
        c.m = heads;
        c.k = model_.architecture.head_dim;
        c.columns = c_.columns;
        c.b_offset = scale_;
        c.f0 = matrix.scale;
        c.f1 = model_.architecture.rope_theta;
    }
    void residual(const PackedMatrix& matrix) {
        product(matrix, y_[0]);
        VectorCommand& c = add(SETUN_OP_RESIDUAL);
        c.x_offset = y_[0];
        c.y_offset = hidden_;
        c.m = matrix.m;
        c.columns = c_.columns;
        c.b_offset = scale_;
        c.f0 = matrix.scale;
    }
    void lower();
    void lower_layer(const Layer& layer);

    const Model& model_;
    StepCase c_;
    std::uint32_t capacity_;
    std::uint64_t end_ = 64;
    std::vector<std::pair<const PackedMatrix*, std::uint64_t>> weights_;
    std::vector<Entry> list_;
    std::uint64_t hidden_ = 0, inner_ = 0, key_ = 0, q_ = 0, scale_ = 0, answer_ = 0;
    std::uint64_t y_[3] = {};

  public:
    test::UnitMemory memory;
};

void Lowered::lower_layer(const Layer& layer) {
    const Architecture& a = model_.architecture;
    const auto matrix = [&layer](LayerMatrix which) -> const PackedMatrix& { return layer.matrix(which); };
    const bool int8 = c_.kv == KvFormat::kInt8;
    const std::uint64_t cache = reserve(hls::kv_cache_layout(int8, capacity_, a.kv_heads, a.head_dim).bytes);
    const std::uint8_t kind = int8 ? SETUN_KV_INT8 : SETUN_KV_FLOAT32;

    norm(hidden_, a.hidden, layer.norm(LayerNorm::kInput));
    product(matrix(LayerMatrix::kQ), y_[0]);
    product(matrix(LayerMatrix::kK), y_[1]);
    product(matrix(LayerMatrix::kV), y_[2]);
    rope(matrix(LayerMatrix::kQ), a.heads, y_[0], inner_);
    rope(matrix(LayerMatrix::kK), a.kv_heads, y_[1], key_);
    VectorCommand& append = add(SETUN_OP_KV_APPEND);
    append.x_offset = key_;
    append.a_offset = y_[2];
    append.y_offset = cache;
    append.m = a.kv_heads;
    append.k = a.head_dim;
    append.columns = c_.columns;
    append.kind = kind;
    append.capacity = capacity_;
    append.b_offset = scale_;
    append.f0 = matrix(LayerMatrix::kV).scale;
    VectorCommand& attention = add(SETUN_OP_ATTENTION);
    attention.x_offset = inner_;
    attention.a_offset = cache;
    attention.y_offset = inner_;
    attention.m = a.heads;
    attention.k = a.head_dim;
    attention.columns = static_cast<std::uint16_t>(a.kv_heads);
    attention.kind = kind;
    attention.capacity = capacity_;
    norm(inner_, a.q_rows(), layer.norm(LayerNorm::kAttentionSub));
    residual(matrix(LayerMatrix::kO));

    norm(hidden_, a.hidden, layer.norm(LayerNorm::kPostAttention));
    product(matrix(LayerMatrix::kGate), y_[0]);
    product(matrix(LayerMatrix::kUp), y_[1]);
    VectorCommand& gate = add(SETUN_OP_GATE);
    gate.x_offset = y_[0];
    gate.a_offset = y_[1];
    gate.y_offset = inner_;
    gate.m = a.ffn;
    gate.columns = c_.columns;
    gate.kind = a.activation == Activation::kSilu ? SETUN_GATE_SILU : SETUN_GATE_RELU2;
    gate.b_offset = scale_;
    gate.f0 = matrix(LayerMatrix::kGate).scale;
    gate.f1 = matrix(LayerMatrix::kUp).scale;
    norm(inner_, a.ffn, layer.norm(LayerNorm::kFfnSub));
    residual(matrix(LayerMatrix::kDown));
}

void Lowered::lower() {
    const Architecture& a = model_.architecture;
    const std::uint64_t widest = std::max({a.hidden, a.ffn, a.q_rows(), a.vocab});
    hidden_ = reserve(a.hidden * 4ULL);
    inner_ = reserve(widest * 4);
    key_ = reserve(a.kv_rows() * 4ULL);
    q_ = reserve(widest);
    scale_ = reserve(8) + 4;  // a scale needs no more than the alignment of a float
    answer_ = reserve(sizeof(ArgmaxResult));
    for (std::uint64_t& y : y_) {
        y = reserve(widest * c_.columns * 4);
    }
    VectorCommand& embed = add(SETUN_OP_EMBED);
    embed.a_offset = weight_offset(model_.embedding);
    embed.y_offset = hidden_;
    embed.m = a.vocab;
    embed.k = a.hidden;
    embed.planes = static_cast<std::uint8_t>(model_.embedding.planes);
    embed.kind = SETUN_TRIT_CODE_T5;
    embed.f0 = model_.embedding.scale;
    for (const Layer& layer : model_.layers) {
        lower_layer(layer);
    }
    norm(hidden_, a.hidden, model_.final_norm);
    product(model_.output_head(), y_[0]);
    VectorCommand& argmax = add(SETUN_OP_ARGMAX);
    argmax.x_offset = y_[0];
    argmax.y_offset = answer_;
    argmax.m = a.vocab;
    argmax.columns = c_.columns;
    argmax.b_offset = scale_;
    argmax.f0 = model_.output_head().scale;
}

/// One position through the host's decoder, with golden products.
std::vector<float> host_step(Decoder& decoder, const Model& model, std::uint32_t token) {
    const auto groups = product_groups(model);
    decoder.begin(std::span(&token, 1), true);
    for (std::size_t g = 0; g < decoder.groups(); ++g) {
        const auto q = decoder.prepare(g);
        std::vector<std::int32_t> y;
        for (const PackedMatrix* matrix : groups[g].products) {
            const auto w =
                unpack_matrix(matrix->layout, matrix->m, matrix->k, matrix->planes, matrix->streams);
            std::vector<std::int32_t> part(matrix->m);
            hls::matmul_reference(w.data(), matrix->m, matrix->k, q.data(), 1, part.data());
            y.insert(y.end(), part.begin(), part.end());
        }
        decoder.absorb(g, y, 1);
    }
    return {decoder.logits().begin(), decoder.logits().end()};
}

class DecoderStep : public testing::TestWithParam<StepCase> {};

TEST_P(DecoderStep, CommandsHaveTheBitsOfTheHost) {
    const StepCase& c = GetParam();
    const Model model = step_model(c);
    constexpr std::uint32_t kPositions = 12;
    Decoder decoder(model, kPositions, c.kv);
    Lowered lowered(model, c, kPositions);
    std::uint32_t token = 7;
    for (std::uint32_t position = 0; position < kPositions; ++position) {
        const std::vector<float> expected = host_step(decoder, model, token);
        lowered.run(position, token);
        ASSERT_EQ(lowered.memory.outside, 0);
        const std::vector<float> logits = lowered.logits();
        for (std::size_t i = 0; i < expected.size(); ++i) {
            ASSERT_EQ(std::bit_cast<std::uint32_t>(expected[i]), std::bit_cast<std::uint32_t>(logits[i]))
                << "position " << position << ", logit " << i;
        }
        const ArgmaxResult answer = lowered.answer();
        ASSERT_EQ(answer.index, hls::argmax(expected.data(), c.architecture.vocab));
        ASSERT_EQ(std::bit_cast<std::uint32_t>(answer.value),
                  std::bit_cast<std::uint32_t>(expected[answer.index]));
        token = (answer.index + position) % c.architecture.vocab;
    }
}

INSTANTIATE_TEST_SUITE_P(Exact, DecoderStep,
                         testing::Values(StepCase{"relu2_float32",
                                                  architecture(4, 2, 18, Activation::kRelu2, true, true),
                                                  {1, 512, 1024},
                                                  1,
                                                  KvFormat::kFloat32},
                                         StepCase{"relu2_int8",
                                                  architecture(4, 2, 18, Activation::kRelu2, true, true),
                                                  {1, 512, 1024},
                                                  1,
                                                  KvFormat::kInt8},
                                         StepCase{"silu_float32",
                                                  architecture(6, 1, 12, Activation::kSilu, false, false),
                                                  {2, 128, 16},
                                                  3,
                                                  KvFormat::kFloat32},
                                         StepCase{"silu_int8",
                                                  architecture(6, 1, 12, Activation::kSilu, false, false),
                                                  {4, 256, 16},
                                                  2,
                                                  KvFormat::kInt8},
                                         StepCase{"equal_heads_int8",
                                                  architecture(3, 3, 24, Activation::kRelu2, true, false),
                                                  {8, 128, 16},
                                                  8,
                                                  KvFormat::kInt8}),
                         [](const auto& instance) { return std::string(instance.param.name); });

}  // namespace
}  // namespace setun
