// A model as the virtual chip runs it: command lists of a whole decoder step, and where everything stands.
#include "host/chip/chip_program.h"

#include <fmt/format.h>

#include <algorithm>
#include <bit>
#include <cstring>
#include <map>
#include <utility>

#include "host/base/error.h"

namespace setun {
namespace {

constexpr std::size_t kNothing = ~std::size_t{0};
enum Scale : std::size_t { kInput, kSub, kPost, kFfn, kHead };

std::uint64_t aligned(std::uint64_t bytes) { return (bytes + SETUN_ALIGN - 1) / SETUN_ALIGN * SETUN_ALIGN; }

std::uint32_t narrow(std::uint64_t offset) { return static_cast<std::uint32_t>(offset); }

}  // namespace

ChipProgram::ChipProgram(const Model& model, unsigned columns, KvFormat kv, std::uint32_t capacity)
    : model_(&model), columns_(columns), kv_(kv), capacity_(capacity) {
    const Architecture& a = model.architecture;
    if (capacity == 0 || capacity > a.context) {
        throw InputError(
            fmt::format("device vp: {} positions asked for, the model's context is {}", capacity, a.context));
    }
    if (a.head_dim > SETUN_MAX_HEAD_DIM || a.heads > SETUN_MAX_HEADS) {
        throw InputError(fmt::format("device vp: {} heads of {} elements; its units take up to {} of {}",
                                     a.heads, a.head_dim, SETUN_MAX_HEADS, SETUN_MAX_HEAD_DIM));
    }
    request_ = reserve(sizeof(SetunRequest));
    prompt_ = reserve(std::uint64_t{4} * capacity);
    output_ = reserve(std::uint64_t{4} * capacity);
    argmax_ = reserve(sizeof(ArgmaxResult));
    reserve_buffers();
    for (std::size_t i = 0; i < model.layers.size(); ++i) {
        caches_.push_back(reserve_cache());
    }
    make_body();
    make_head();
    if (body_.size() + head_.size() > SETUN_MAX_COMMANDS) {
        throw InputError(fmt::format("device vp: {} layers make {} commands; the firmware holds {}",
                                     model.layers.size(), body_.size() + head_.size(), SETUN_MAX_COMMANDS));
    }
    body_list_ = reserve(body_.size() * sizeof(Command));
    head_list_ = reserve(head_.size() * sizeof(Command));
    gains_ = next_;
    for (const List* list : {&body_, &head_}) {
        for (const Entry& entry : *list) {
            if (entry.gain != nullptr) {
                reserve(entry.gain->size() * sizeof(float));
            }
        }
    }
    if (next_ > SETUN_DATA_MAX_BYTES) {
        throw InputError(
            fmt::format("device vp: the model needs {} MiB of data memory for {} positions, its "
                        "processor reaches {}; ask for fewer (run: -n, bench: --context)",
                        next_ >> 20U, capacity, SETUN_DATA_MAX_BYTES >> 20U));
    }
}

std::uint64_t ChipProgram::reserve(std::uint64_t bytes) {
    const std::uint64_t offset = next_;
    next_ += aligned(bytes);
    return offset;
}

std::uint64_t ChipProgram::reserve_cache() {
    const Architecture& a = model_->architecture;
    const std::uint64_t rows = std::uint64_t{capacity_} * a.kv_rows();
    const std::uint64_t offset = next_;
    if (kv_ == KvFormat::kFloat32) {
        reserve(rows * sizeof(float));
        reserve(rows * sizeof(float));
    } else {
        const std::uint64_t scales = std::uint64_t{capacity_} * a.kv_heads * sizeof(float);
        reserve(rows);
        reserve(rows);
        reserve(scales);
        reserve(scales);
    }
    return offset;
}

void ChipProgram::reserve_buffers() {
    const Architecture& a = model_->architecture;
    const auto floats = [this](std::uint64_t n) { return reserve(n * sizeof(float)); };
    const auto results = [this](std::uint64_t rows) {
        return reserve(rows * columns_ * sizeof(std::int32_t));
    };
    at_.hidden = floats(a.hidden);
    at_.queries = floats(a.q_rows());
    at_.keys = floats(a.kv_rows());
    at_.inner = floats(a.ffn);
    at_.quantised = reserve(std::max({a.hidden, a.ffn, a.q_rows()}));
    at_.y_q = results(a.q_rows());
    at_.y_k = results(a.kv_rows());
    at_.y_v = results(a.kv_rows());
    at_.y_gate = results(a.ffn);
    at_.y_up = results(a.ffn);
    at_.y_residual = results(a.hidden);
    for (std::uint64_t& scale : at_.scales) {
        scale = floats(1);
    }
    head_y_ = results(a.vocab);
}

/// Appends an entry that waits for entries `first` and `second` of the same list; returns its index.
std::size_t ChipProgram::add(List& list, Entry entry, std::size_t first, std::size_t second) {
    const std::size_t index = list.size();
    const auto distance = [index](std::size_t earlier) {
        return earlier == kNothing ? 0U : static_cast<unsigned>(index - earlier);
    };
    entry.command.tag = SETUN_TAG(distance(first), distance(second));
    list.push_back(std::move(entry));
    return index;
}

ChipProgram::Entry ChipProgram::vector(std::uint8_t opcode, std::string label) const {
    Entry entry;
    entry.command.opcode = opcode;
    entry.label = std::move(label);
    return entry;
}

ChipProgram::Entry ChipProgram::norm(const std::vector<float>& gain, std::uint32_t n, std::uint64_t x,
                                     std::uint64_t scale, std::string label) const {
    Entry entry = vector(SETUN_OP_NORM_QUANTIZE, std::move(label));
    VectorCommand& c = entry.command;
    c.x_offset = x;
    c.y_offset = at_.quantised;
    c.b_offset = scale;
    c.k = n;
    if (gain.empty()) {
        c.flags = SETUN_VFLAG_NO_GAIN;
    } else {
        c.f0 = model_->architecture.eps;
        entry.gain = &gain;
    }
    return entry;
}

ChipProgram::Entry ChipProgram::product(const PackedMatrix& matrix, std::uint64_t y,
                                        std::string label) const {
    Command c;
    c.opcode = SETUN_OP_MATMUL;
    c.x_offset = at_.quantised;
    c.y_offset = y;
    c.m = matrix.m;
    c.k = matrix.k;
    c.tokens = 1;
    c.planes = static_cast<std::uint8_t>(matrix.planes);
    c.encoding = SETUN_TRIT_CODE_T5;
    c.x_stride = narrow(aligned(matrix.k));
    Entry entry;
    entry.command = std::bit_cast<VectorCommand>(c);
    entry.matrix = &matrix;
    entry.label = std::move(label);
    return entry;
}

void ChipProgram::make_body() {
    const PackedMatrix& embedding = model_->embedding;
    Entry embed = vector(SETUN_OP_EMBED, "embedding row");
    embed.command.y_offset = at_.hidden;
    embed.command.m = embedding.m;
    embed.command.k = embedding.k;
    embed.command.planes = static_cast<std::uint8_t>(embedding.planes);
    embed.command.kind = SETUN_TRIT_CODE_T5;
    embed.command.f0 = embedding.scale;
    embed.matrix = &embedding;
    add(body_, std::move(embed), kNothing, kNothing);
    for (std::size_t i = 0; i < model_->layers.size(); ++i) {
        make_layer(i);
    }
}

void ChipProgram::make_layer(std::size_t index) {
    const Architecture& a = model_->architecture;
    const Layer& layer = model_->layers[index];
    const auto matrix = [&layer](LayerMatrix which) -> const PackedMatrix& { return layer.matrix(which); };
    const auto name = [index](const char* what) { return fmt::format("layers.{}.{}", index, what); };
    const auto columns = static_cast<std::uint16_t>(columns_);
    const std::uint8_t kind = kv_ == KvFormat::kInt8 ? SETUN_KV_INT8 : SETUN_KV_FLOAT32;
    const std::size_t before = body_.size() - 1;  // what made the hidden state

    const auto rope = [&](const PackedMatrix& of, std::uint32_t heads, std::uint64_t x, std::uint64_t y,
                          const char* label) {
        Entry entry = vector(SETUN_OP_ROPE, name(label));
        VectorCommand& c = entry.command;
        c.x_offset = x;
        c.y_offset = y;
        c.b_offset = at_.scales[kInput];
        c.m = heads;
        c.k = a.head_dim;
        c.columns = columns;
        c.f0 = of.scale;
        c.f1 = a.rope_theta;
        return entry;
    };
    const auto residual = [&](const PackedMatrix& of, Scale scale, const char* label) {
        Entry entry = vector(SETUN_OP_RESIDUAL, name(label));
        VectorCommand& c = entry.command;
        c.x_offset = at_.y_residual;
        c.y_offset = at_.hidden;
        c.b_offset = at_.scales[scale];
        c.m = of.m;
        c.columns = columns;
        c.f0 = of.scale;
        return entry;
    };

    const std::size_t input =
        add(body_,
            norm(layer.norm(LayerNorm::kInput), a.hidden, at_.hidden, at_.scales[kInput], name("input_norm")),
            before, kNothing);
    // Keys and values first: what they need beside products runs while the queries' product streams.
    const std::size_t k = add(body_, product(matrix(LayerMatrix::kK), at_.y_k, name("k")), input, kNothing);
    const std::size_t v = add(body_, product(matrix(LayerMatrix::kV), at_.y_v, name("v")), input, kNothing);
    const std::size_t rope_k =
        add(body_, rope(matrix(LayerMatrix::kK), a.kv_heads, at_.y_k, at_.keys, "rope k"), k, kNothing);
    const std::size_t q = add(body_, product(matrix(LayerMatrix::kQ), at_.y_q, name("q")), input, kNothing);
    Entry append = vector(SETUN_OP_KV_APPEND, name("kv append"));
    append.command.x_offset = at_.keys;
    append.command.a_offset = at_.y_v;
    append.command.y_offset = caches_[index];
    append.command.b_offset = at_.scales[kInput];
    append.command.m = a.kv_heads;
    append.command.k = a.head_dim;
    append.command.columns = columns;
    append.command.kind = kind;
    append.command.capacity = capacity_;
    append.command.f0 = matrix(LayerMatrix::kV).scale;
    const std::size_t appended = add(body_, std::move(append), rope_k, v);
    const std::size_t rope_q =
        add(body_, rope(matrix(LayerMatrix::kQ), a.heads, at_.y_q, at_.queries, "rope q"), q, kNothing);
    Entry attention = vector(SETUN_OP_ATTENTION, name("attention"));
    attention.command.x_offset = at_.queries;
    attention.command.a_offset = caches_[index];
    attention.command.y_offset = at_.queries;
    attention.command.m = a.heads;
    attention.command.k = a.head_dim;
    attention.command.columns = static_cast<std::uint16_t>(a.kv_heads);
    attention.command.kind = kind;
    attention.command.capacity = capacity_;
    const std::size_t attended = add(body_, std::move(attention), rope_q, appended);
    const std::size_t sub = add(body_,
                                norm(layer.norm(LayerNorm::kAttentionSub), a.q_rows(), at_.queries,
                                     at_.scales[kSub], name("attn_sub_norm")),
                                attended, kNothing);
    const std::size_t o =
        add(body_, product(matrix(LayerMatrix::kO), at_.y_residual, name("o")), sub, kNothing);
    const std::size_t middle = add(body_, residual(matrix(LayerMatrix::kO), kSub, "residual"), o, kNothing);
    const std::size_t post = add(body_,
                                 norm(layer.norm(LayerNorm::kPostAttention), a.hidden, at_.hidden,
                                      at_.scales[kPost], name("post_attention_norm")),
                                 middle, kNothing);
    const std::size_t gate_y =
        add(body_, product(matrix(LayerMatrix::kGate), at_.y_gate, name("gate")), post, kNothing);
    const std::size_t up_y =
        add(body_, product(matrix(LayerMatrix::kUp), at_.y_up, name("up")), post, kNothing);
    Entry gate = vector(SETUN_OP_GATE, name("gating"));
    gate.command.x_offset = at_.y_gate;
    gate.command.a_offset = at_.y_up;
    gate.command.y_offset = at_.inner;
    gate.command.b_offset = at_.scales[kPost];
    gate.command.m = a.ffn;
    gate.command.columns = columns;
    gate.command.kind = a.activation == Activation::kRelu2 ? SETUN_GATE_RELU2 : SETUN_GATE_SILU;
    gate.command.f0 = matrix(LayerMatrix::kGate).scale;
    gate.command.f1 = matrix(LayerMatrix::kUp).scale;
    const std::size_t gated = add(body_, std::move(gate), gate_y, up_y);
    const std::size_t ffn = add(
        body_, norm(layer.norm(LayerNorm::kFfnSub), a.ffn, at_.inner, at_.scales[kFfn], name("ffn_sub_norm")),
        gated, kNothing);
    const std::size_t down =
        add(body_, product(matrix(LayerMatrix::kDown), at_.y_residual, name("down")), ffn, kNothing);
    add(body_, residual(matrix(LayerMatrix::kDown), kFfn, "residual"), down, kNothing);
}

void ChipProgram::make_head() {
    const Architecture& a = model_->architecture;
    const PackedMatrix& matrix = model_->output_head();
    const std::size_t normed =
        add(head_, norm(model_->final_norm, a.hidden, at_.hidden, at_.scales[kHead], "final_norm"), kNothing,
            kNothing);
    const std::size_t scored = add(head_, product(matrix, head_y_, "head"), normed, kNothing);
    Entry argmax = vector(SETUN_OP_ARGMAX, "argmax");
    argmax.command.x_offset = head_y_;
    argmax.command.y_offset = argmax_;
    argmax.command.b_offset = at_.scales[kHead];
    argmax.command.m = matrix.m;
    argmax.command.columns = static_cast<std::uint16_t>(columns_);
    argmax.command.f0 = matrix.scale;
    add(head_, std::move(argmax), scored, kNothing);
    // The head reads what the body's last command writes.
    head_[normed].command.tag = SETUN_TAG(1, 0);
}

std::vector<std::byte> ChipProgram::bytes(const List& list) const {
    std::vector<std::byte> image(list.size() * sizeof(VectorCommand));
    for (std::size_t i = 0; i < list.size(); ++i) {
        std::memcpy(&image[i * sizeof(VectorCommand)], &list[i].command, sizeof(VectorCommand));
    }
    return image;
}

void ChipProgram::place(vp::VirtualPlatform& chip) {
    const auto data = chip.data();
    const auto write = [&data](std::uint64_t offset, std::span<const std::byte> from) {
        std::ranges::copy(from, data.subspan(offset, from.size()).begin());
    };
    std::map<const PackedMatrix*, std::uint64_t> placed;
    const auto weights = [&](const PackedMatrix& matrix) {
        const auto [at, fresh] = placed.try_emplace(&matrix, 0);
        for (unsigned p = 0; fresh && p < matrix.streams.size(); ++p) {
            at->second = chip.map_weights(p, matrix.streams[p]);  // the same on every port: streams are alike
        }
        return at->second;
    };
    std::uint64_t gain = gains_;
    for (List* list : {&body_, &head_}) {
        for (Entry& entry : *list) {
            if (entry.matrix != nullptr) {
                entry.command.a_offset = weights(*entry.matrix);  // weight_offset of a MATMUL
            } else if (entry.gain != nullptr) {
                entry.command.a_offset = gain;
                write(gain, std::as_bytes(std::span(*entry.gain)));
                gain += aligned(entry.gain->size() * sizeof(float));
            }
        }
    }
    write(body_list_, bytes(body_));
    write(head_list_, bytes(head_));
}

SetunRequest ChipProgram::request() const {
    SetunRequest r{};
    r.magic = SETUN_REQUEST_MAGIC;
    r.version = SETUN_PLATFORM_VERSION;
    r.body_list = narrow(body_list_);
    r.body_count = static_cast<std::uint32_t>(body_.size());
    r.head_list = narrow(head_list_);
    r.head_count = static_cast<std::uint32_t>(head_.size());
    r.argmax = narrow(argmax_);
    r.prompt = narrow(prompt_);
    r.output = narrow(output_);
    r.capacity = capacity_;
    r.vocabulary = model_->architecture.vocab;
    return r;
}

std::string ChipProgram::label(std::uint64_t address, std::uint32_t count) const {
    const auto find = [&](const List& list, std::uint64_t at) -> std::string {
        const std::uint64_t offset = address - SETUN_DATA_BASE;
        if (offset < at || (offset - at) / sizeof(Command) >= list.size()) {
            return {};
        }
        const std::size_t first = (offset - at) / sizeof(Command);
        std::string text;
        for (std::size_t i = first; i < std::min<std::size_t>(list.size(), first + count); ++i) {
            text += (text.empty() ? "" : " + ") + list[i].label;
        }
        return text;
    };
    const std::string text = find(body_, body_list_);
    return text.empty() ? find(head_, head_list_) : text;
}

}  // namespace setun
