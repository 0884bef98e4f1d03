// A second engine that computes the same integers, to compare a device's results with.
#include "host/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <utility>

#include "hls/ternary_matmul.h"
#include "host/error.h"

namespace setun {
namespace {

class GoldenReference final : public ReferenceEngine {
  public:
    GoldenReference(std::vector<ProductGroup> groups, unsigned columns)
        : groups_(std::move(groups)), columns_(columns) {}

    [[nodiscard]] std::string name() const override { return "golden model, beat by beat"; }

    void run(std::size_t group, std::span<const std::int8_t> q, unsigned tokens,
             std::span<std::int32_t> y) override {
        std::size_t first = 0;
        for (const PackedMatrix* matrix : groups_[group].products) {
            const hls::MatmulShape shape{matrix->layout.ports,
                                         matrix->layout.port_bits,
                                         matrix->layout.tile_rows,
                                         columns_,
                                         matrix->m,
                                         matrix->k,
                                         matrix->planes,
                                         tokens};
            hls::WeightStreams weights{};
            for (std::size_t port = 0; port < matrix->streams.size(); ++port) {
                weights.port[port] = reinterpret_cast<const std::uint8_t*>(matrix->streams[port].data());
            }
            const hls::MatmulStatus status =
                hls::ternary_matmul(shape, weights, q.data(), groups_[group].k, &y[first]);
            if (status.error != SETUN_ERR_NONE) {
                throw CheckError(fmt::format("golden model: illegal trit code in matrix '{}'", matrix->name));
            }
            first += std::size_t{matrix->m} * columns_;
        }
    }

  private:
    std::vector<ProductGroup> groups_;
    unsigned columns_;
};

class DeviceReference final : public ReferenceEngine {
  public:
    DeviceReference(const std::vector<ProductGroup>& groups, std::unique_ptr<Device> device)
        : device_(std::move(device)), lowered_(groups, *device_) {}

    [[nodiscard]] std::string name() const override { return device_->info().engine; }

    void run(std::size_t group, std::span<const std::int8_t> q, unsigned tokens,
             std::span<std::int32_t> y) override {
        lowered_.write_activations(*device_, group, q, tokens);
        device_->submit(lowered_.list_offset(group, tokens), lowered_.list_count(group));
        const RunResult result = device_->wait(std::chrono::minutes(10));
        if (!result.ok()) {
            throw CheckError("reference: " + result.describe());
        }
        lowered_.read_results(*device_, group, y);
    }

  private:
    std::unique_ptr<Device> device_;
    LoweredModel lowered_;
};

}  // namespace

Comparison& Comparison::operator+=(const Comparison& other) {
    if (wrong == 0) {
        first = other.first;
    }
    products += other.products;
    wrong += other.wrong;
    return *this;
}

Comparison compare_products(const ProductGroup& group, unsigned columns, std::span<const std::int32_t> y,
                            std::span<const std::int32_t> expected) {
    Comparison result;
    for (const PackedMatrix* matrix : group.products) {
        const std::size_t count = std::size_t{matrix->m} * columns;
        const auto [found, wanted] =
            std::mismatch(y.begin(), y.begin() + static_cast<std::ptrdiff_t>(count), expected.begin());
        const auto at = static_cast<std::size_t>(found - y.begin());
        if (at != count) {
            result += {0, 1,
                       fmt::format("matrix '{}' row {} token {}: device {}, reference {}", matrix->name,
                                   at / columns, at % columns, *found, *wanted)};
        }
        ++result.products;
        y = y.subspan(count);
        expected = expected.subspan(count);
    }
    return result;
}

std::unique_ptr<ReferenceEngine> make_golden_reference(const std::vector<ProductGroup>& groups,
                                                       unsigned columns) {
    return std::make_unique<GoldenReference>(groups, columns);
}

std::unique_ptr<ReferenceEngine> make_device_reference(const std::vector<ProductGroup>& groups,
                                                       std::unique_ptr<Device> device) {
    return std::make_unique<DeviceReference>(groups, std::move(device));
}

}  // namespace setun
