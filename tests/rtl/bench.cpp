// Contents, model and comparison of the test bench.
#include "tests/rtl/bench.h"

#include <algorithm>
#include <cstring>

#include "hls/ternary_matmul.h"
#include "hls/trit.h"
#include "host/device/packing.h"

namespace setun::sim {

void PrintTo(const KernelConfig& config, std::ostream* out) { *out << config.name(); }

std::string config_test_name(const testing::TestParamInfo<KernelConfig>& info) {
    std::string name = info.param.name();
    std::ranges::replace(name, '-', '_');
    return name;
}

namespace test {
namespace {

constexpr std::byte kCanary{0xA5};
constexpr std::byte kIllegalCode{0xFF};

std::uint64_t round_up(std::uint64_t value, std::uint64_t multiple) {
    return (value + multiple - 1) / multiple * multiple;
}

}  // namespace

Bench::Bench(const KernelConfig& config, const SimOptions& options, std::size_t weight_bytes,
             std::size_t data_bytes, const Place& place)
    : sim_(make_kernel_sim(config, options)), place_(place), random_(options.seed) {
    for (unsigned p = 0; p < config.ports; ++p) {
        weights_.push_back(sim_->memory(p).allocate(place.weights + p * place.weight_stride, weight_bytes));
        std::ranges::fill(weights_.back(), kIllegalCode);
    }
    data_ = sim_->memory(KernelSim::kDataPort).allocate(place.data, data_bytes);
    std::ranges::fill(data_, kCanary);
    model_.assign(data_.begin(), data_.end());
    sim_->write_register(SETUN_REG_GIE, 1);
    sim_->write_register(SETUN_REG_IER, 1);
}

std::uint64_t Bench::between(std::uint64_t low, std::uint64_t high) {
    return std::uniform_int_distribution<std::uint64_t>(low, high)(random_);
}

std::uint64_t Bench::reserve_data(std::uint64_t bytes) {
    const std::uint64_t offset = next_data_ + 64 * between(0, 70);  // any position relative to a 4 KiB page
    next_data_ = offset + round_up(bytes, 64) + 64;
    if (next_data_ > data_.size()) {
        throw std::length_error("data arena of the test bench is too small");
    }
    return offset;
}

std::uint64_t Bench::reserve_weights(std::uint64_t bytes) {
    const std::uint64_t offset = next_weight_ + 64 * between(0, 70);
    next_weight_ = offset + round_up(bytes, 64) + 64;
    if (next_weight_ > weights_.front().size()) {
        throw std::length_error("weight arena of the test bench is too small");
    }
    return offset;
}

std::vector<std::int8_t> Bench::make_weights(const Shape& shape, Data data) {
    const int limit = hls::max_of_planes(shape.planes);
    std::vector<std::int8_t> w(std::size_t{shape.m} * shape.k);
    std::uniform_int_distribution<int> any(-limit, limit);
    for (std::size_t i = 0; i < w.size(); ++i) {
        int value = 0;
        switch (data) {
            case Data::kRandom:
            case Data::kZeroInputs:
                value = any(random_);
                break;
            case Data::kSparse:
                value = random_() % 10 == 0 ? any(random_) : 0;
                break;
            case Data::kAllPlus:
                value = limit;
                break;
            case Data::kAllMinus:
                value = -limit;
                break;
            case Data::kAlternating:
                value = i % 2 == 0 ? limit : -limit;
                break;
            case Data::kZeroWeights:
                break;
        }
        w[i] = static_cast<std::int8_t>(value);
    }
    return w;
}

void Bench::fill_x(std::uint64_t offset, const Shape& shape, std::uint32_t stride, Data data) {
    for (unsigned t = 0; t < shape.tokens; ++t) {
        // Bytes after K may hold anything: they are random in every case.
        for (std::uint32_t j = 0; j < round_up(shape.k, 64); ++j) {
            int value = static_cast<int>(random_() & 0xFFU) - 128;
            if (j < shape.k) {
                if (data == Data::kAllPlus || data == Data::kAllMinus) {
                    value = -128;
                } else if (data == Data::kAlternating) {
                    value = j % 2 == 0 ? -128 : 127;
                } else if (data == Data::kZeroInputs) {
                    value = 0;
                }
            }
            data_[offset + std::size_t{t} * stride + j] = model_[offset + std::size_t{t} * stride + j] =
                static_cast<std::byte>(value);
        }
    }
}

void Bench::forbid_reads_past_rows(const Command& c) {
    const std::uint64_t row_bytes = round_up(c.k, 64);
    for (unsigned t = 0; t < c.tokens; ++t) {
        if (c.x_stride > row_bytes || t + 1U == c.tokens) {
            const std::uint64_t end = place_.data + c.x_offset + std::uint64_t{t} * c.x_stride + row_bytes;
            sim_->memory(KernelSim::kDataPort).add_fault({.begin = end, .end = end + 64, .on_write = false});
        }
    }
}

std::size_t Bench::add_matmul(const Shape& shape, Data data) {
    const StreamLayout layout{config().ports, config().port_bits, config().tile_rows};
    Weights weights;
    weights.values = make_weights(shape, data);
    const PackedStreams streams = pack_matrix(layout, shape.m, shape.k, shape.planes, weights.values);
    weights.offset = reserve_weights(streams.front().size());
    for (unsigned p = 0; p < config().ports; ++p) {
        std::ranges::copy(streams[p], weights_[p].begin() + static_cast<std::ptrdiff_t>(weights.offset));
    }
    for (const std::int8_t w : weights.values) {
        std::int8_t digits[hls::kMaxPlanes] = {};
        hls::to_balanced_ternary(w, shape.planes, digits);
        weights.nonzero += static_cast<std::uint64_t>(
            std::count_if(std::begin(digits), std::end(digits), [](std::int8_t d) { return d != 0; }));
    }

    Command c;
    c.opcode = SETUN_OP_MATMUL;
    c.tag = static_cast<std::uint32_t>(random_());
    c.weight_offset = weights.offset;
    c.m = shape.m;
    c.k = shape.k;
    c.tokens = static_cast<std::uint16_t>(shape.tokens);
    c.planes = static_cast<std::uint8_t>(shape.planes);
    c.encoding = SETUN_TRIT_CODE_T5;
    c.x_stride = static_cast<std::uint32_t>(round_up(shape.k, 64) + 64 * between(0, 2));
    c.x_offset = reserve_data(std::uint64_t{c.x_stride} * shape.tokens);
    fill_x(c.x_offset, shape, c.x_stride, data);
    forbid_reads_past_rows(c);
    c.y_offset = reserve_data(std::uint64_t{4} * shape.m * config().tokens);
    matrices_.push_back(std::move(weights));
    list_.push_back(c);
    return list_.size() - 1;
}

std::size_t Bench::add_dependent(std::size_t earlier, std::uint32_t m, std::uint32_t k) {
    const std::uint64_t y_bytes = std::uint64_t{4} * command(earlier).m * config().tokens;
    if (round_up(k, 64) > y_bytes) {
        throw std::length_error("the earlier result is too short to serve as activations");
    }
    const std::size_t index = add_matmul({.m = m, .k = k, .planes = 1, .tokens = 1});
    command(index).x_offset = command(earlier).y_offset;
    command(index).flags = SETUN_FLAG_FENCE;
    return index;
}

std::size_t Bench::add_nop(std::uint16_t flags) {
    Command c;
    c.flags = flags;
    list_.push_back(c);
    return list_.size() - 1;
}

std::uint64_t Bench::weight_address(std::size_t index, unsigned port, std::uint64_t offset) const {
    return place_.weights + port * place_.weight_stride + list_.at(index).weight_offset + offset;
}

std::uint64_t Bench::beats_per_port(std::size_t index) const {
    const Command& c = list_.at(index);
    if (c.opcode != SETUN_OP_MATMUL) {
        return 0;
    }
    return setun::beats_per_port({config().ports, config().port_bits, config().tile_rows}, c.m, c.k,
                                 c.planes);
}

std::uint64_t Bench::activation_bytes(std::size_t index) const {
    const Command& c = list_.at(index);
    if (c.opcode != SETUN_OP_MATMUL) {
        return 0;
    }
    const std::uint64_t rows = (c.m + config().ports - 1) / config().ports;
    const std::uint64_t tiles = (rows + config().tile_rows - 1) / config().tile_rows;
    const std::uint64_t loads = c.k <= config().lanes() ? 1 : tiles * c.planes;
    return loads * c.tokens * round_up(c.k, config().beat_bytes());
}

void Bench::program() {
    const std::uint64_t offset = reserve_data(64 * std::max<std::size_t>(list_.size(), 1));
    std::vector<Command> placed = list_;
    for (Command& c : placed) {
        if (c.opcode == SETUN_OP_MATMUL) {
            c.weight_offset += place_.weight_bias;
            c.x_offset += place_.data_bias;
            c.y_offset += place_.data_bias;
        }
    }
    std::memcpy(data_.data() + offset, placed.data(), 64 * placed.size());
    std::memcpy(model_.data() + offset, placed.data(), 64 * placed.size());
    list_address_ = place_.data + offset;
    sim_->write_address(SETUN_REG_LIST_LO, list_address_);
    sim_->write_register(SETUN_REG_LIST_COUNT, static_cast<std::uint32_t>(list_.size()));
    sim_->write_address(SETUN_REG_DATA_BASE_LO, place_.data - place_.data_bias);
    bytes_before_.clear();
    for (unsigned p = 0; p < config().ports; ++p) {
        sim_->write_address(SETUN_REG_W_BASE_LO + p * SETUN_REG_W_STRIDE,
                            place_.weights + p * place_.weight_stride - place_.weight_bias);
        bytes_before_.push_back(sim_->stats(p).read_bytes);
    }
    data_before_ = sim_->stats(KernelSim::kDataPort);
}

Status read_status(KernelSim& sim) {
    Status s;
    s.error = sim.read_register(SETUN_REG_ERROR);
    s.error_index = sim.read_register(SETUN_REG_ERROR_INDEX);
    s.error_address = sim.read_counter(SETUN_REG_ERROR_ADDR_LO);
    s.error_info = sim.read_register(SETUN_REG_ERROR_INFO);
    s.completed = sim.read_register(SETUN_REG_COMPLETED);
    s.cycles = sim.read_counter(SETUN_REG_CYCLES_LO);
    s.busy = sim.read_counter(SETUN_REG_BUSY_LO);
    s.beats = sim.read_counter(SETUN_REG_BEATS_LO);
    s.stall_w = sim.read_counter(SETUN_REG_STALL_W_LO);
    s.stall_x = sim.read_counter(SETUN_REG_STALL_X_LO);
    s.stall_y = sim.read_counter(SETUN_REG_STALL_Y_LO);
    s.nonzero = sim.read_counter(SETUN_REG_NONZERO_LO);
    return s;
}

Status Bench::finish(std::uint64_t max_cycles) {
    EXPECT_EQ(sim_->run(max_cycles), StopReason::kInterrupt)
        << "no interrupt after " << max_cycles << " cycles";
    sim_->write_register(SETUN_REG_ISR, 1);
    EXPECT_FALSE(sim_->interrupt());
    const std::uint32_t control = sim_->read_register(SETUN_REG_CTRL);
    EXPECT_TRUE(control & SETUN_CTRL_DONE);
    EXPECT_TRUE(control & SETUN_CTRL_IDLE);
    EXPECT_FALSE(control & SETUN_CTRL_START);
    return read_status(*sim_);
}

Status Bench::run(std::uint64_t max_cycles) {
    program();
    start();
    return finish(max_cycles);
}

void Bench::execute(std::size_t index) {
    const Command& c = list_.at(index);
    if (c.opcode != SETUN_OP_MATMUL) {
        return;
    }
    const auto matrix = std::ranges::find(matrices_, c.weight_offset, &Weights::offset);
    ASSERT_NE(matrix, matrices_.end());
    std::vector<std::int8_t> x(std::size_t{c.tokens} * c.k);
    for (unsigned t = 0; t < c.tokens; ++t) {
        std::memcpy(x.data() + std::size_t{t} * c.k, model_.data() + c.x_offset + std::size_t{t} * c.x_stride,
                    c.k);
    }
    std::vector<std::int32_t> y(std::size_t{c.m} * c.tokens);
    hls::matmul_reference(matrix->values.data(), c.m, c.k, x.data(), c.tokens, y.data());
    for (std::uint32_t r = 0; r < c.m; ++r) {
        for (unsigned t = 0; t < config().tokens; ++t) {
            const std::int32_t value = t < c.tokens ? y[std::size_t{r} * c.tokens + t] : 0;
            std::memcpy(model_.data() + c.y_offset + 4 * (std::size_t{r} * config().tokens + t), &value, 4);
        }
    }
}

void Bench::check_memory(std::size_t commands) {
    for (std::size_t i = 0; i < commands; ++i) {
        execute(i);
    }
    std::vector<bool> undefined(data_.size(), false);
    for (std::size_t i = commands; i < list_.size(); ++i) {
        const Command& c = list_[i];
        const std::uint64_t bytes =
            c.opcode == SETUN_OP_MATMUL ? std::uint64_t{4} * c.m * config().tokens : 0;
        for (std::uint64_t b = c.y_offset; b < std::min<std::uint64_t>(c.y_offset + bytes, data_.size());
             ++b) {
            undefined[b] = true;
            model_[b] = data_[b];  // later comparisons take over whatever a stopped run left here
        }
    }
    int shown = 0;
    for (std::size_t b = 0; b < data_.size() && shown < 5; ++b) {
        if (data_[b] != model_[b] && !undefined[b]) {
            ++shown;
            std::string where = "outside of all results";
            for (std::size_t i = 0; i < list_.size(); ++i) {
                const std::uint64_t bytes = std::uint64_t{4} * list_[i].m * config().tokens;
                if (list_[i].opcode == SETUN_OP_MATMUL && b >= list_[i].y_offset &&
                    b < list_[i].y_offset + bytes) {
                    const std::uint64_t word = (b - list_[i].y_offset) / 4;
                    where = "command " + std::to_string(i) + " row " +
                            std::to_string(word / config().tokens) + " token " +
                            std::to_string(word % config().tokens);
                }
            }
            ADD_FAILURE() << "data byte " << b << " (" << where << ") is " << std::to_integer<int>(data_[b])
                          << ", expected " << std::to_integer<int>(model_[b]);
        }
    }
}

void Bench::check_counters(const Status& status) {
    std::uint64_t beats = 0;
    std::uint64_t nonzero = 0;
    std::uint64_t reads = sizeof(Command) * list_.size();
    std::uint64_t writes = 0;
    for (std::size_t i = 0; i < list_.size(); ++i) {
        beats += beats_per_port(i);
        reads += activation_bytes(i);
        if (list_[i].opcode == SETUN_OP_MATMUL) {
            writes += std::uint64_t{4} * list_[i].m * config().tokens;
            nonzero += std::ranges::find(matrices_, list_[i].weight_offset, &Weights::offset)->nonzero;
        }
    }
    EXPECT_EQ(status.beats, beats * config().ports);
    EXPECT_EQ(status.busy, beats);
    EXPECT_EQ(status.nonzero, config().counts_nonzero ? nonzero : 0);
    EXPECT_EQ(status.completed, list_.size());
    EXPECT_LE(status.busy + status.stall_w + status.stall_x + status.stall_y, status.cycles);
    for (unsigned p = 0; p < config().ports; ++p) {
        EXPECT_EQ(sim_->stats(p).read_bytes - bytes_before_[p], beats * config().beat_bytes())
            << "weight port " << p;
    }
    const PortStats& data = sim_->stats(KernelSim::kDataPort);
    EXPECT_EQ(data.read_bytes - data_before_.read_bytes, reads) << "data port";
    EXPECT_EQ(data.write_bytes - data_before_.write_bytes, writes) << "data port";
}

void Bench::expect_no_violations() {
    for (const std::string& line : sim_->violations()) {
        ADD_FAILURE() << line;
    }
}

Status Bench::run_and_check() {
    const Status status = run();
    EXPECT_EQ(status.error, SETUN_ERR_NONE) << "command " << status.error_index;
    // Nothing is left of an error of an earlier run.
    EXPECT_EQ(status.error_index, 0U);
    EXPECT_EQ(status.error_address, 0U);
    EXPECT_EQ(status.error_info, 0U);
    check_memory(list_.size());
    check_counters(status);
    expect_no_violations();
    return status;
}

}  // namespace test
}  // namespace setun::sim
