// A second engine that computes the same integers, to compare a device's results with.
#include "host/schedule/reference.h"

#include <fmt/format.h>

#include <algorithm>
#include <chrono>
#include <optional>
#include <utility>

#include "hls/ternary_matmul.h"
#include "host/base/error.h"
#include "host/schedule/head_lists.h"

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
            multiply(*matrix, {matrix->m, matrix->k, matrix->planes, 0}, q, groups_[group].k, tokens,
                     &y[first]);
            first += std::size_t{matrix->m} * columns_;
        }
    }

    void run_head(const PackedMatrix& head, std::span<const HeadPart> parts, std::span<const std::int8_t> q,
                  unsigned tokens, std::span<std::int32_t> y) override {
        const StreamIndex index = head.index();
        std::size_t first = 0;
        for (const HeadPart& part : parts) {
            const std::uint64_t begin = index.place(part.first_row, part.plane, part.chunk).byte;
            multiply(head, {part.rows, part_inputs(head, part), part.planes, begin},
                     q.subspan(part.chunk * head.layout.lanes()), head.k, tokens, &y[first]);
            first += std::size_t{part.rows} * columns_;
        }
    }

  private:
    /// What is read of a matrix: rows, inputs and planes from a byte of its streams on.
    struct Extent {
        std::uint32_t m;
        std::uint32_t k;
        std::uint32_t planes;
        std::uint64_t begin;
    };

    void multiply(const PackedMatrix& matrix, const Extent& extent, std::span<const std::int8_t> q,
                  std::uint64_t q_stride, unsigned tokens, std::int32_t* y) const {
        const hls::MatmulShape shape{matrix.layout.ports,
                                     matrix.layout.port_bits,
                                     matrix.layout.tile_rows,
                                     columns_,
                                     extent.m,
                                     extent.k,
                                     extent.planes,
                                     tokens};
        hls::WeightStreams weights{};
        for (std::size_t port = 0; port < matrix.streams.size(); ++port) {
            weights.port[port] =
                reinterpret_cast<const std::uint8_t*>(matrix.streams[port].data() + extent.begin);
        }
        if (hls::ternary_matmul(shape, weights, q.data(), q_stride, y).error != SETUN_ERR_NONE) {
            throw CheckError(fmt::format("golden model: illegal trit code in matrix '{}'", matrix.name));
        }
    }

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
        run_list(lowered_.list_offset(group, tokens), lowered_.list_count(group));
        lowered_.read_results(*device_, group, y);
    }

    void run_head(const PackedMatrix& head, std::span<const HeadPart> parts, std::span<const std::int8_t> q,
                  unsigned tokens, std::span<std::int32_t> y) override {
        if (!head_) {
            head_.emplace(lowered_, head, 1, head.m, *device_);
        }
        head_->write_activations(*device_, q, tokens);
        for (; !parts.empty(); parts = parts.subspan(1)) {
            const auto part = parts.first(1);
            head_->write_list(*device_, part, tokens);
            run_list(head_->list_offset(), 1);
            head_->read_results(*device_, part, y);
            y = y.subspan(std::size_t{part[0].rows} * lowered_.columns());
        }
    }

  private:
    void run_list(std::uint64_t offset, std::uint32_t count) {
        device_->submit(offset, count);
        const RunResult result = device_->wait(std::chrono::minutes(10));
        if (!result.ok()) {
            throw CheckError("reference: " + result.describe());
        }
    }

    std::unique_ptr<Device> device_;
    LoweredModel lowered_;
    std::optional<LoweredHead> head_;  ///< made when it is first asked for
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

Comparison compare_head(const PackedMatrix& head, std::span<const HeadPart> parts, unsigned columns,
                        std::span<const std::int32_t> y, std::span<const std::int32_t> expected) {
    for (const HeadPart& part : parts) {
        const std::size_t count = std::size_t{part.rows} * columns;
        const auto [found, wanted] =
            std::mismatch(y.begin(), y.begin() + static_cast<std::ptrdiff_t>(count), expected.begin());
        const auto at = static_cast<std::size_t>(found - y.begin());
        if (at != count) {
            return {
                1, 1,
                fmt::format("matrix '{}' row {} token {}, planes {} to {}, chunk {}: device {}, reference {}",
                            head.name, part.first_row + at / columns, at % columns, part.plane,
                            part.plane + part.planes - 1, part.chunk, *found, *wanted)};
        }
        y = y.subspan(count);
        expected = expected.subspan(count);
    }
    return {1, 0, ""};
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
