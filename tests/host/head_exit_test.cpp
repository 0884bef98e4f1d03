// The head's early exit gives the tokens of the full head: random and adversarial heads, several kernels.
#include "host/schedule/head_exit.h"

#include <gtest/gtest.h>

#include <algorithm>
#include <cmath>
#include <functional>
#include <limits>
#include <numeric>
#include <random>

#include "hls/argmax.h"
#include "hls/quantize.h"
#include "hls/trit.h"
#include "host/base/error.h"
#include "host/cpu/cpu_device.h"
#include "host/generate/generate.h"
#include "host/generate/sampler.h"
#include "host/loaders/hf_loader.h"
#include "host/schedule/head_lists.h"
#include "host/schedule/reference.h"
#include "tests/host/synthetic_model.h"

namespace setun {
namespace {

using Random = std::mt19937_64;
using Row = std::vector<std::int8_t>;

int between(Random& random, int low, int high) {
    return low + static_cast<int>(random() % static_cast<std::uint64_t>(high - low + 1));
}

/// A head of its own, and the plain sums of its rows.
class Head {
  public:
    Head(const StreamLayout& layout, std::uint32_t m, std::uint32_t k, std::uint32_t planes, float scale,
         Row w)
        : weights(std::move(w)) {
        matrix = pack_into(model_, "head", m, k, planes, scale, weights, layout);
    }
    [[nodiscard]] std::vector<std::int32_t> sums(const Row& q) const {
        std::vector<std::int32_t> out(matrix.m);
        for (std::uint32_t row = 0; row < matrix.m; ++row) {
            for (std::uint32_t j = 0; j < matrix.k; ++j) {
                out[row] += weights[std::size_t{row} * matrix.k + j] * q[j];
            }
        }
        return out;
    }
    [[nodiscard]] std::vector<float> logits(const Row& q, float scale) const {
        std::vector<float> out(matrix.m);
        hls::dequantize_row(sums(q).data(), matrix.m, 1, matrix.scale, scale, out.data());
        return out;
    }

    Row weights;
    PackedMatrix matrix;

  private:
    Model model_;
};

std::vector<float> logits_of(const Head& head, const HeadCandidates& found, float scale) {
    std::vector<float> out;
    for (const std::int32_t sum : found.sums) {
        out.push_back(hls::dequantize(sum, head.matrix.scale, scale));
    }
    return out;
}

/// Runs searches on the golden model and compares what they find with the full head.
class Checker {
  public:
    Checker(const Head& head, unsigned columns, const HeadExitOptions& options)
        : head_(head), columns_(columns), bounds_(head.matrix), search_(head.matrix, bounds_, options) {
        ProductGroup group;
        group.products = {&head.matrix};
        group.k = head.matrix.k;
        group.rows = head.matrix.m;
        golden_ = make_golden_reference({group}, columns);
    }

    struct Query {
        Row q;
        float scale = 1;
        std::uint32_t keep = 1;
    };

    void check(const std::vector<Query>& queries) {
        Row q;
        for (const Query& query : queries) {
            q.insert(q.end(), query.q.begin(), query.q.end());
        }
        std::vector<HeadQuery> wanted;
        for (const Query& query : queries) {
            wanted.push_back({query.q, query.scale, query.keep});
        }
        search_.begin(wanted);
        unsigned rounds = 0;
        while (!search_.next().empty()) {
            ASSERT_LT(rounds++, 3 * head_.matrix.planes) << "the search must come to an end";
            ASSERT_LE(search_.parts().size(), search_.max_parts());
            std::size_t rows = 0;
            for (const HeadPart& part : search_.parts()) {
                rows += part.rows;
                const auto begin = head_.matrix.index().place(part.first_row, part.plane, part.chunk).byte;
                ASSERT_EQ(begin % SETUN_ALIGN, 0U) << "row " << part.first_row << " plane " << part.plane;
            }
            ASSERT_LE(rows, search_.max_rows());
            std::vector<std::int32_t> y(rows * columns_, -1);
            golden_->run_head(head_.matrix, search_.parts(), q, static_cast<unsigned>(queries.size()), y);
            search_.absorb(y, columns_);
        }
        for (std::size_t t = 0; t < queries.size(); ++t) {
            compare(queries[t], search_.candidates(t));
        }
    }

    [[nodiscard]] double planes_read() const { return search_.planes_read(); }

  private:
    void compare(const Query& query, const HeadCandidates& found) const {
        const auto full = head_.logits(query.q, query.scale);
        ASSERT_TRUE(std::is_sorted(found.rows.begin(), found.rows.end()));
        const auto some = logits_of(head_, found, query.scale);
        if (query.keep == 1) {
            ASSERT_EQ(found.rows[hls::argmax(some.data(), static_cast<std::uint32_t>(some.size()))],
                      hls::argmax(full.data(), static_cast<std::uint32_t>(full.size())));
            return;
        }
        const auto sums = head_.sums(query.q);
        for (std::size_t i = 0; i < found.rows.size(); ++i) {
            ASSERT_EQ(found.sums[i], sums[found.rows[i]]);
        }
        for (const std::uint64_t seed : {0U, 1U, 2U, 3U}) {
            SamplingOptions options;
            options.temperature = 3;
            options.top_k = query.keep;
            options.seed = seed;
            ASSERT_EQ(found.rows[Sampler(options).sample(some)], Sampler(options).sample(full));
        }
    }

    const Head& head_;
    unsigned columns_;
    HeadBounds bounds_;
    HeadSearch search_;
    std::unique_ptr<ReferenceEngine> golden_;
};

Row random_row(Random& random, std::size_t n, int reach) {
    Row row(n);
    for (auto& value : row) {
        value = static_cast<std::int8_t>(between(random, -reach, reach));
    }
    return row;
}

/// Heads that ask for trouble, by name.
struct Shape {
    const char* name;
    std::function<Row(Random&, std::uint32_t m, std::uint32_t k, int reach)> weights;
};

const std::vector<Shape>& shapes() {
    static const std::vector<Shape> kShapes{
        {"random", [](Random& random, std::uint32_t m, std::uint32_t k,
                      int reach) { return random_row(random, std::size_t{m} * k, reach); }},
        {"small", [](Random& random, std::uint32_t m, std::uint32_t k,
                     int reach) { return random_row(random, std::size_t{m} * k, std::max(1, reach / 6)); }},
        {"all rows equal",
         [](Random& random, std::uint32_t m, std::uint32_t k, int reach) {
             const Row row = random_row(random, k, reach);
             Row w;
             for (std::uint32_t i = 0; i < m; ++i) {
                 w.insert(w.end(), row.begin(), row.end());
             }
             return w;
         }},
        {"rows in equal pairs",
         [](Random& random, std::uint32_t m, std::uint32_t k, int reach) {
             Row w = random_row(random, std::size_t{m} * k, reach);
             for (std::size_t i = m / 2; i < m; ++i) {
                 std::copy_n(w.begin() + static_cast<std::ptrdiff_t>((m - 1 - i) * k), k,
                             w.begin() + static_cast<std::ptrdiff_t>(i * k));
             }
             return w;
         }},
        {"one weight apart",
         [](Random& random, std::uint32_t m, std::uint32_t k, int reach) {
             Row w(std::size_t{m} * k, static_cast<std::int8_t>(reach));
             for (std::uint32_t i = 0; i < m; ++i) {
                 w[std::size_t{i} * k + random() % k] = static_cast<std::int8_t>(reach - 1);
             }
             return w;
         }},
        {"largest and smallest weights",
         [](Random& random, std::uint32_t m, std::uint32_t k, int reach) {
             Row w(std::size_t{m} * k);
             for (auto& value : w) {
                 value = static_cast<std::int8_t>(random() % 2 == 0 ? reach : -reach);
             }
             return w;
         }},
        {"zeros", [](Random&, std::uint32_t m, std::uint32_t k, int) { return Row(std::size_t{m} * k); }},
        {"only lower digits", [](Random& random, std::uint32_t m, std::uint32_t k,
                                 int) { return random_row(random, std::size_t{m} * k, 1); }},
    };
    return kShapes;
}

TEST(HeadBounds, RestNeverPassesTheBoundAndReachesIt) {
    Random random(0);
    const std::uint32_t k = 37;
    const Head head({}, 40, k, 5, 1, random_row(random, std::size_t{40} * k, 121));
    const HeadBounds bounds(head.matrix);
    ASSERT_EQ(bounds.max_missing(), 3U);
    for (int round = 0; round < 50; ++round) {
        const Row q = random_row(random, k, 127);
        const auto sums = HeadBounds::largest_sums(q);
        for (std::uint32_t row = 0; row < 40; ++row) {
            for (unsigned missing = 1; missing <= 3; ++missing) {
                std::int64_t rest = 0;
                std::vector<int> digits;
                for (std::uint32_t j = 0; j < k; ++j) {
                    std::array<std::int8_t, 5> trits{};
                    hls::to_balanced_ternary(head.weights[row * k + j], 5, trits.data());
                    int value = 0;
                    for (unsigned d = 5 - missing; d < 5; ++d) {
                        value = 3 * value + trits[d];
                    }
                    rest += value * q[j];
                    digits.push_back(std::abs(value));
                }
                const std::int64_t bound = bounds.bound(row, missing, sums);
                EXPECT_LE(std::abs(rest), bound);
                // The largest sum over all orders and signs: largest digits on largest activations.
                Row sorted = q;
                std::sort(sorted.begin(), sorted.end(),
                          [](int a, int b) { return std::abs(a) > std::abs(b); });
                std::sort(digits.rbegin(), digits.rend());
                std::int64_t largest = 0;
                for (std::uint32_t j = 0; j < k; ++j) {
                    largest += digits[j] * std::abs(sorted[j]);
                }
                EXPECT_EQ(bound, largest);
            }
        }
    }
}

struct Kernel {
    StreamLayout layout;
    unsigned columns;
};

class EveryKernel : public testing::TestWithParam<Kernel> {};

TEST_P(EveryKernel, FindsTheTokensOfTheFullHead) {
    const auto& [layout, columns] = GetParam();
    for (const std::uint64_t seed : {0U, 1U, 2U}) {
        Random random(seed);
        for (const Shape& shape : shapes()) {
            const auto m = static_cast<std::uint32_t>(between(random, 1, 300));
            const auto k = static_cast<std::uint32_t>(between(random, 1, 400));
            const auto planes = static_cast<std::uint32_t>(between(random, 1, 5));
            SCOPED_TRACE(testing::Message() << shape.name << " seed " << seed << " m " << m << " k " << k
                                            << " planes " << planes);
            const Head head(layout, m, k, planes, 0.01F,
                            shape.weights(random, m, k, hls::max_of_planes(planes)));
            // With no cost for rounds the exit is always tried, and learns from step to step.
            Checker checker(head, columns, {random() % 2 == 0 ? 4U : 8U, random() % 3 == 0 ? 100U : 0U});
            for (int step = 0; step < 6; ++step) {
                std::vector<Checker::Query> queries;
                for (unsigned t = 0; t < 1 + random() % columns; ++t) {
                    Row q = random_row(random, k, step == 1 ? 0 : 127);
                    if (step == 2) {
                        std::fill(q.begin(), q.end(), std::int8_t{-128});
                    } else if (step == 3) {  // along a row, which then leads by far
                        const std::size_t row = random() % m;
                        std::copy_n(head.weights.begin() + static_cast<std::ptrdiff_t>(row * k), k,
                                    q.begin());
                    }
                    queries.push_back(
                        {std::move(q), 7.5F,
                         random() % 3 == 0 ? 1 + static_cast<std::uint32_t>(random() % 40) : 1});
                }
                checker.check(queries);
                if (HasFatalFailure()) {
                    return;
                }
                EXPECT_LE(checker.planes_read(), planes * 3);
            }
        }
    }
}

INSTANTIATE_TEST_SUITE_P(Kernels, EveryKernel,
                         testing::Values(Kernel{{1, 512, 1024}, 1}, Kernel{{1, 512, 16}, 8},
                                         Kernel{{2, 256, 64}, 4}, Kernel{{4, 128, 16}, 2},
                                         Kernel{{1, 128, 32}, 1}));

TEST(HeadSearch, DifferentSumsThatEndAsOneFloatGoToTheLowerToken) {
    // Sums above 2^24: floats are 2 or more apart, so that rows that differ by one are often equal.
    Random random(0);
    const std::uint32_t m = 64;
    const std::uint32_t k = 4000;
    unsigned ties = 0;
    for (int round = 0; round < 20; ++round) {
        Row w;
        const Row base = random_row(random, k, 121);
        for (std::uint32_t row = 0; row < m; ++row) {
            Row near = base;
            for (std::uint64_t changes = 1 + random() % 3; changes != 0; --changes) {
                std::int8_t& weight = near[random() % (k / 4) * 4];
                weight = static_cast<std::int8_t>(weight > 0 ? weight - 1 : weight + 1);
            }
            w.insert(w.end(), near.begin(), near.end());
        }
        const Head head({}, m, k, 5, 0.37F, std::move(w));
        Row q(k);
        for (std::uint32_t j = 0; j < k; ++j) {  // of the row's signs; ones where the rows differ
            q[j] = static_cast<std::int8_t>(j % 4 == 0 ? (base[j] > 0 ? 1 : -1) : (base[j] > 0 ? 127 : -128));
        }
        const auto sums = head.sums(q);
        ASSERT_GT(sums[0], 1 << 24);
        const auto logits = head.logits(q, 3);
        const auto argmax = hls::argmax(logits.data(), m);
        ties += argmax != hls::argmax_int(sums.data(), m, 1) ? 1U : 0U;
        Checker(head, 1, {4, 0}).check({{q, 3, 1}});
        Checker(head, 1, {4, 0}).check({{q, 3, 5}});
    }
    EXPECT_GT(ties, 0U) << "the test must hold cases in which integers and floats disagree";
}

TEST(HeadSearch, NotANumberGivesTheTokenOfTheFullHead) {
    Random random(0);
    const Head head({}, 50, 64, 5, 0.5F, random_row(random, 50 * 64, 121));
    Checker checker(head, 1, {4, 0});
    checker.check({{Row(64), std::numeric_limits<float>::quiet_NaN(), 1}});
    checker.check({{random_row(random, 64, 127), std::numeric_limits<float>::quiet_NaN(), 1}});
    checker.check({{random_row(random, 64, 127), std::numeric_limits<float>::min(), 1}});  // infinite logits
}

TEST(HeadSearch, ReadsLittleWhenOneRowLeads) {
    Random random(0);
    const std::uint32_t m = 4096;
    const std::uint32_t k = 320;
    const Head head({}, m, k, 5, 1, random_row(random, std::size_t{m} * k, 121));
    Checker checker(head, 1, {});
    Row q(head.weights.begin() + 777 * k, head.weights.begin() + 778 * k);
    checker.check({{q, 1, 1}});
    EXPECT_LT(checker.planes_read(), 3.1);
    checker.check({{q, 1, 1}});  // has learnt
    EXPECT_LT(checker.planes_read(), 2.1);
    checker.check({{Row(k), 1, 1}});
    EXPECT_LT(checker.planes_read(), 2.1) << "zero activations: every sum is known";
}

TEST(HeadSearch, RefusesAScaleThatIsNotPositive) {
    const Head head({}, 4, 4, 5, -1.0F, Row(16));
    const HeadBounds bounds(head.matrix);
    EXPECT_THROW(HeadSearch(head.matrix, bounds, {}), InputError);
}

/// A synthetic model on a processor kernel.
class Machine {
  public:
    explicit Machine(const CpuOptions& options) {
        test::write_synthetic(folder_.path(), {});
        model_ = load_hugging_face(folder_.path(), {options.ports, options.port_bits, options.tile_rows});
        device_ = make_cpu_device(options);
        groups_ = product_groups(model_);
        lowered_ = std::make_unique<LoweredModel>(groups_, *device_);
        reference_ = make_golden_reference(groups_, options.tokens);
        head_exit_ =
            std::make_unique<HeadExit>(*lowered_, model_.output_head(), *device_, HeadExitOptions{4, 0});
    }
    GenerateResult run(const GenerateRequest& request, bool head_exit, ReferenceEngine* reference = nullptr) {
        Scheduler scheduler(2);
        return generate(scheduler, model_, *lowered_, scheduler.attach(*device_),
                        reference != nullptr ? reference : reference_.get(), request,
                        head_exit ? head_exit_.get() : nullptr);
    }
    ReferenceEngine& reference() { return *reference_; }

  private:
    test::TemporaryFolder folder_;
    Model model_;
    std::unique_ptr<Device> device_;
    std::vector<ProductGroup> groups_;
    std::unique_ptr<LoweredModel> lowered_;
    std::unique_ptr<ReferenceEngine> reference_;
    std::unique_ptr<HeadExit> head_exit_;
};

TEST(HeadExit, TextIsTheSameAndWhatWasDoneIsCounted) {
    for (const unsigned ports : {1U, 4U}) {
        CpuOptions options;
        options.ports = ports;
        options.port_bits = ports == 1 ? 512 : 128;
        options.tokens = ports;
        options.tile_rows = 32;
        options.threads = 1;
        Machine machine(options);
        double read = 0;
        for (const std::uint32_t top_k : {0U, 3U, 40U}) {
            GenerateRequest request;
            request.prompt = {256, 3, 65, 200};
            request.max_tokens = 30;
            request.sampling.temperature = top_k == 0 ? 0 : 0.8;
            request.sampling.top_k = top_k;
            const GenerateResult off = machine.run(request, false);
            const GenerateResult on = machine.run(request, true);
            EXPECT_EQ(on.tokens, off.tokens);
            EXPECT_EQ(on.products, off.products);
            EXPECT_EQ(on.verified, on.products);
            EXPECT_EQ(on.mismatches, 0U) << on.first_mismatch;
            EXPECT_DOUBLE_EQ(off.decode.head_planes, 5.0 * 29);
            EXPECT_EQ(on.decode.head_steps, 29U);
            // 263 rows of 64 inputs: the planes that were read are the bytes that were read.
            const double plane =
                static_cast<double>(options.port_bits / 8 * ((263 + ports - 1) / ports * ports));
            EXPECT_NEAR(static_cast<double>(off.decode.counters.weight_bytes) -
                            static_cast<double>(on.decode.counters.weight_bytes),
                        (off.decode.head_planes - on.decode.head_planes) * plane, 1);
            // The other machines of the energy report do the whole head in either case.
            EXPECT_EQ(on.decode.work.macs, off.decode.work.macs);
            EXPECT_EQ(on.decode.work.weights, off.decode.work.weights);
            read += on.decode.head_planes;
        }
        EXPECT_LT(read, 3 * 5.0 * 29);
    }
}

TEST(HeadExit, SamplingFromAllTokensReadsAllPlanes) {
    Machine machine({});
    GenerateRequest request;
    request.prompt = {1, 2};
    request.max_tokens = 4;
    request.sampling.temperature = 1;
    EXPECT_DOUBLE_EQ(machine.run(request, true).decode.head_planes, 5.0 * 3);
    request.sampling.temperature = 0;
    request.keep_logits = true;
    const GenerateResult logits = machine.run(request, true);
    EXPECT_DOUBLE_EQ(logits.decode.head_planes, 5.0 * 3);
    EXPECT_EQ(logits.logits.size(), 5U);
}

TEST(HeadExit, WrongIntegersOfAPartAreFound) {
    class Wrong final : public ReferenceEngine {
      public:
        explicit Wrong(ReferenceEngine& good) : good_(good) {}
        [[nodiscard]] std::string name() const override { return "wrong"; }
        void run(std::size_t group, std::span<const std::int8_t> q, unsigned tokens,
                 std::span<std::int32_t> y) override {
            good_.run(group, q, tokens, y);
        }
        void run_head(const PackedMatrix& head, std::span<const HeadPart> parts,
                      std::span<const std::int8_t> q, unsigned tokens, std::span<std::int32_t> y) override {
            good_.run_head(head, parts, q, tokens, y);
            y.back() += 1;
        }

      private:
        ReferenceEngine& good_;
    };
    Machine machine({});
    Wrong wrong(machine.reference());
    GenerateRequest request;
    request.prompt = {1};
    request.max_tokens = 3;
    const GenerateResult result = machine.run(request, true, &wrong);
    EXPECT_EQ(result.mismatches, 3U);
    EXPECT_NE(result.first_mismatch.find("'embedding'"), std::string::npos) << result.first_mismatch;
}

}  // namespace
}  // namespace setun
