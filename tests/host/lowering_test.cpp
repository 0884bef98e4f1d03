// Command lists: what they say, and that a device gives the integers of the plain product.
#include "host/schedule/lowering.h"

#include <gtest/gtest.h>

#include <random>

#include "hls/ternary_matmul.h"
#include "host/base/error.h"
#include "host/cpu/cpu_device.h"
#include "host/loaders/hf_loader.h"
#include "host/schedule/reference.h"
#include "tests/host/synthetic_model.h"

namespace setun {
namespace {

CpuOptions kernel(unsigned ports, unsigned port_bits, unsigned tokens, unsigned tile_rows) {
    CpuOptions options;
    options.ports = ports;
    options.port_bits = port_bits;
    options.tokens = tokens;
    options.tile_rows = tile_rows;
    return options;
}

class Lowering : public testing::Test {
  protected:
    Lowering() {
        test::write_synthetic(folder_.path(), {});
        model_ = load_hugging_face(folder_.path(), {});
    }
    test::TemporaryFolder folder_;
    Model model_;
};

TEST_F(Lowering, GroupsShareTheirInput) {
    const auto groups = product_groups(model_);
    ASSERT_EQ(groups.size(), 4 * model_.layers.size() + 1);
    EXPECT_EQ(groups[0].products.size(), 3U);
    EXPECT_EQ(groups[1].products.size(), 1U);
    EXPECT_EQ(groups[2].products.size(), 2U);
    EXPECT_EQ(groups[3].products.size(), 1U);
    EXPECT_EQ(groups[0].rows, 64U + 32 + 32);
    EXPECT_EQ(groups.back().products[0]->planes, 5U);
}

TEST_F(Lowering, EveryGroupGivesThePlainProductOnEveryKernel) {
    std::mt19937_64 random(0);
    for (const auto& options : {kernel(1, 512, 1, 1024), kernel(2, 256, 4, 16), kernel(4, 128, 8, 16)}) {
        Model model = model_;
        repack(model, {options.ports, options.port_bits, options.tile_rows});
        const auto groups = product_groups(model);
        const auto device = make_cpu_device(options);
        const LoweredModel lowered(groups, *device);
        const auto golden = make_golden_reference(groups, options.tokens);
        for (std::size_t g = 0; g < groups.size(); ++g) {
            for (unsigned tokens = 1; tokens <= options.tokens; tokens += options.tokens == 8 ? 7 : 1) {
                std::vector<std::int8_t> q(std::size_t{groups[g].k} * tokens);
                for (auto& value : q) {
                    value = static_cast<std::int8_t>(random());
                }
                std::vector<std::int32_t> y(std::size_t{groups[g].rows} * options.tokens, -1);
                std::vector<std::int32_t> expected(y.size(), -1);
                lowered.write_activations(*device, g, q, tokens);
                device->submit(lowered.list_offset(g, tokens), lowered.list_count(g));
                const RunResult result = device->wait(std::chrono::minutes(1));
                ASSERT_TRUE(result.ok()) << result.describe();
                lowered.read_results(*device, g, y);
                golden->run(g, q, tokens, expected);
                EXPECT_EQ(compare_products(groups[g], options.tokens, y, expected).wrong, 0U);
                std::size_t row = 0;
                for (const PackedMatrix* matrix : groups[g].products) {
                    const auto w =
                        unpack_matrix(matrix->layout, matrix->m, matrix->k, matrix->planes, matrix->streams);
                    std::vector<std::int32_t> plain(std::size_t{matrix->m} * tokens);
                    hls::matmul_reference(w.data(), matrix->m, matrix->k, q.data(), tokens, plain.data());
                    for (std::uint32_t r = 0; r < matrix->m; ++r, ++row) {
                        for (unsigned t = 0; t < tokens; ++t) {
                            ASSERT_EQ(y[row * options.tokens + t], plain[std::size_t{r} * tokens + t])
                                << matrix->name;
                        }
                    }
                }
            }
        }
    }
}

TEST_F(Lowering, RefusesAnotherLayout) {
    const auto device = make_cpu_device(kernel(2, 256, 1, 1024));
    EXPECT_THROW(LoweredModel(product_groups(model_), *device), InputError);
}

TEST_F(Lowering, ComparisonNamesTheFirstDifference) {
    const auto groups = product_groups(model_);
    std::vector<std::int32_t> y(std::size_t{groups[0].rows} * 2, 5);
    std::vector<std::int32_t> expected = y;
    EXPECT_EQ(compare_products(groups[0], 2, y, expected).wrong, 0U);
    y[(64 + 7) * 2 + 1] = 6;  // the second matrix, row 7, token 1
    const Comparison result = compare_products(groups[0], 2, y, expected);
    EXPECT_EQ(result.products, 3U);
    EXPECT_EQ(result.wrong, 1U);
    EXPECT_EQ(result.first, "matrix 'layers.0.k' row 7 token 1: device 6, reference 5");
}

}  // namespace
}  // namespace setun
