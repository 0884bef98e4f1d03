// The accumulating units of rtl/baseline: serial MACs and dot-product trees, in the order of additions that
// their headers define.
#include <array>
#include <cmath>
#include <cstdint>
#include <deque>
#include <random>
#include <vector>

#include "Vaccumulate_top.h"
#include "gtest/gtest.h"
#include "tests/baseline/fp16_reference.h"
#include "tests/baseline/operands.h"

namespace setun::baseline {
namespace {

constexpr std::size_t kIntLanes = 64;
constexpr std::size_t kFp16Lanes = 8;

struct Inputs {
    bool restart = false;
    std::array<std::int8_t, kIntLanes> a{};
    std::array<std::int8_t, kIntLanes> b{};
    std::array<Fp16, kFp16Lanes> x{};
    std::array<Fp16, kFp16Lanes> y{};
};

/// Sum of int8 products, modulo 2^32.
class IntDot {
  public:
    explicit IntDot(std::size_t lanes) : lanes_(lanes) {}

    std::uint32_t add(const Inputs& in) {
        sum_ = in.restart ? 0 : sum_;
        for (std::size_t i = 0; i < lanes_; ++i) {
            sum_ += static_cast<std::uint32_t>(in.a[i] * in.b[i]);
        }
        return sum_;
    }

  private:
    std::size_t lanes_;
    std::uint32_t sum_ = 0;
};

/// Sum of activations times a weight: bit 0 of b says that it is not zero, bit 1 that it is negative.
class TernaryDot {
  public:
    std::uint32_t add(const Inputs& in) {
        const auto weight = static_cast<std::uint8_t>(in.b[0]);
        const int product = (weight & 1U) == 0 ? 0 : (weight & 2U) != 0 ? -in.a[0] : in.a[0];
        sum_ = (in.restart ? 0 : sum_) + static_cast<std::uint32_t>(product);
        return sum_;
    }

  private:
    std::uint32_t sum_ = 0;
};

/// FP16 products added pairwise (element i of n with i + n / 2), then to one of `accumulators` in turn.
class Fp16Dot {
  public:
    Fp16Dot(std::size_t lanes, std::size_t accumulators) : lanes_(lanes), sums_(accumulators) {}

    std::uint32_t add(const Inputs& in) {
        std::vector<Fp16> level;
        for (std::size_t i = 0; i < lanes_; ++i) {
            level.push_back(fp16_mul(in.x[i], in.y[i]));
        }
        for (std::size_t n = lanes_ / 2; n > 0; n /= 2) {
            for (std::size_t i = 0; i < n; ++i) {
                level[i] = fp16_add(level[i], level[i + n]);
            }
        }
        Fp16& sum = sums_[turn_];
        turn_ = (turn_ + 1) % sums_.size();
        sum = fp16_add(level[0], in.restart ? Fp16{0} : sum);
        return sum;
    }

  private:
    std::size_t lanes_;
    std::vector<Fp16> sums_;
    std::size_t turn_ = 0;
};

/// A unit's reference, and its results on their way through `latency` cycles.
template <typename Reference>
class Expected {
  public:
    Expected(Reference reference, std::size_t latency) : reference_(reference), latency_(latency) {}

    void add(const Inputs& in) { results_.push_back(reference_.add(in)); }

    /// Compares the unit's output once a result is due.
    void check(std::uint32_t output, std::uint32_t mask, const char* unit) {
        if (results_.size() < latency_) {
            return;
        }
        ASSERT_EQ(output, results_.front() & mask)
            << unit << ", set " << compared_ << std::hex << ": 0x" << output;
        results_.pop_front();
        ++compared_;
    }

  private:
    Reference reference_;
    std::size_t latency_;
    std::deque<std::uint32_t> results_;
    std::uint64_t compared_ = 0;
};

class AccumulateTest : public testing::TestWithParam<unsigned> {
  protected:
    void step(const Inputs& in) {
        model_.restart_i = in.restart ? 1 : 0;
        for (std::size_t i = 0; i < kIntLanes; i += 4) {
            model_.a_i[i / 4] = pack<8>(in.a, i);
            model_.b_i[i / 4] = pack<8>(in.b, i);
        }
        for (std::size_t i = 0; i < kFp16Lanes; i += 2) {
            model_.x_i[i / 2] = pack<16>(in.x, i);
            model_.y_i[i / 2] = pack<16>(in.y, i);
        }
        model_.clk_i = 0;
        model_.eval();
        model_.clk_i = 1;
        model_.eval();
        ternary_24_.add(in);
        ternary_9_.add(in);
        int8_mac_.add(in);
        int8_tree_64_.add(in);
        int8_tree_6_.add(in);
        fp16_mac_12_.add(in);
        fp16_mac_22_.add(in);
        fp16_mac_23_.add(in);
        fp16_tree_2_.add(in);
        fp16_tree_8_.add(in);
        ternary_24_.check(model_.ternary_mac_24_o, 0xFFFFFF, "ternary_mac AccW 24");
        ternary_9_.check(model_.ternary_mac_9_o, 0x1FF, "ternary_mac AccW 9");
        int8_mac_.check(model_.int8_mac_o, ~0U, "int8_mac");
        int8_tree_64_.check(model_.int8_tree_64_o, ~0U, "int8_tree Lanes 64");
        int8_tree_6_.check(model_.int8_tree_6_o, ~0U, "int8_tree Lanes 6");
        fp16_mac_12_.check(model_.fp16_mac_12_o, ~0U, "fp16_mac 1+2");
        fp16_mac_22_.check(model_.fp16_mac_22_o, ~0U, "fp16_mac 2+2");
        fp16_mac_23_.check(model_.fp16_mac_23_o, ~0U, "fp16_mac 2+3");
        fp16_tree_2_.check(model_.fp16_tree_2_o, ~0U, "fp16_tree Lanes 2");
        fp16_tree_8_.check(model_.fp16_tree_8_o, ~0U, "fp16_tree Lanes 8");
    }

    /// Starts every accumulator: as many sets with restart as the deepest adder has stages.
    void restart(Inputs in) {
        in.restart = true;
        for (unsigned i = 0; i < 3; ++i) {
            step(in);
        }
    }

    std::mt19937_64 random_{GetParam()};

  private:
    template <unsigned Bits, typename Lanes>
    static std::uint32_t pack(const Lanes& lanes, std::size_t first) {
        std::uint32_t word = 0;
        for (unsigned i = 0; i < 32 / Bits; ++i) {
            word |= (static_cast<std::uint32_t>(lanes[first + i]) & ((1U << Bits) - 1U)) << (Bits * i);
        }
        return word;
    }

    Vaccumulate_top model_;
    // Latencies as in the modules' headers.
    Expected<TernaryDot> ternary_24_{TernaryDot{}, 2};
    Expected<TernaryDot> ternary_9_{TernaryDot{}, 2};
    Expected<IntDot> int8_mac_{IntDot{1}, 2};
    Expected<IntDot> int8_tree_64_{IntDot{64}, 4};
    Expected<IntDot> int8_tree_6_{IntDot{6}, 4};
    Expected<Fp16Dot> fp16_mac_12_{Fp16Dot{1, 2}, 1 + 1 + 2};
    Expected<Fp16Dot> fp16_mac_22_{Fp16Dot{1, 2}, 1 + 2 + 2};
    Expected<Fp16Dot> fp16_mac_23_{Fp16Dot{1, 3}, 1 + 2 + 3};
    Expected<Fp16Dot> fp16_tree_2_{Fp16Dot{2, 2}, 1 + 1 + 2 * 2};
    Expected<Fp16Dot> fp16_tree_8_{Fp16Dot{8, 3}, 1 + 2 + 3 * 4};
};

// Values of a network: activations around 1, weights around 0.02, restarts at any moment.
TEST_P(AccumulateTest, Network) {
    std::normal_distribution<double> activation(0.0, 1.0);
    std::normal_distribution<double> weight(0.0, 0.02);
    Inputs in;
    restart(in);
    for (unsigned n = 0; n < 20'000; ++n) {
        in.restart = random_() % 64 == 0;
        for (std::size_t i = 0; i < kIntLanes; ++i) {
            in.a[i] = static_cast<std::int8_t>(random_());
            in.b[i] = static_cast<std::int8_t>(random_());
        }
        for (std::size_t i = 0; i < kFp16Lanes; ++i) {
            in.x[i] = round_to_fp16(activation(random_));
            in.y[i] = round_to_fp16(weight(random_));
        }
        step(in);
        ASSERT_FALSE(HasFatalFailure());
    }
}

// The extreme operands: all lanes -128 or 127, so that sums are as large as they get and wrap; FP16 with
// infinities, NaN and cancellation.
TEST_P(AccumulateTest, Extremes) {
    Fp16Pairs pairs(GetParam());
    Inputs in;
    restart(in);
    for (unsigned n = 0; n < 20'000; ++n) {
        in.restart = random_() % 8 == 0;
        const bool same = n > 10'000 || random_() % 2 == 0;
        for (std::size_t i = 0; i < kIntLanes; ++i) {
            if (n > 10'000) {
                in.restart = false;  // 64 * 2^14 a set: passes 2^31 after 2,048 sets
                in.a[i] = in.b[i] = -128;
            } else if (!same || i == 0) {
                in.a[i] = random_() % 2 == 0 ? std::int8_t{-128} : std::int8_t{127};
                in.b[i] = random_() % 2 == 0 ? std::int8_t{-128} : std::int8_t{127};
            } else {
                in.a[i] = in.a[0];
                in.b[i] = in.b[0];
            }
        }
        in.b[0] = n > 10'000 ? in.b[0] : static_cast<std::int8_t>(random_());
        for (std::size_t i = 0; i < kFp16Lanes; ++i) {
            const auto [x, y] = pairs.next();
            in.x[i] = x;
            in.y[i] = y;
        }
        step(in);
        ASSERT_FALSE(HasFatalFailure());
    }
}

INSTANTIATE_TEST_SUITE_P(Seeds, AccumulateTest, testing::Values(0U, 1U));

}  // namespace
}  // namespace setun::baseline
