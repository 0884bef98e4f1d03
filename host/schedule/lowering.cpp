// Turns a model into command lists in a device's memory, once; a step of the decoder only writes activations.
#include "host/schedule/lowering.h"

#include <fmt/format.h>

#include <algorithm>
#include <utility>

#include "host/base/error.h"
#include "host/base/file.h"

namespace setun {
namespace {

constexpr std::uint64_t align_up(std::uint64_t bytes) {
    return (bytes + SETUN_ALIGN - 1) / SETUN_ALIGN * SETUN_ALIGN;
}

ProductGroup make_group(std::vector<const PackedMatrix*> products) {
    ProductGroup group;
    group.k = products.front()->k;
    for (const PackedMatrix* product : products) {
        group.rows += product->m;
    }
    group.products = std::move(products);
    return group;
}

void require_layout(const PackedMatrix& matrix, const DeviceInfo& info) {
    const StreamLayout wanted{info.ports, info.port_bits, info.tile_rows};
    if (matrix.layout != wanted) {
        throw InputError(fmt::format(
            "matrix '{}' is packed for {} x {} bits, tile {}; device '{}' has {} x {} bits, tile {}",
            matrix.name, matrix.layout.ports, matrix.layout.port_bits, matrix.layout.tile_rows, info.name,
            info.ports, info.port_bits, info.tile_rows));
    }
}

/// Maps every port's stream of a matrix. One offset serves all ports, because a command has only one.
std::uint64_t map_streams(const PackedMatrix& matrix, Device& device) {
    const std::uint64_t offset = device.map(Space::weights(0), matrix.streams[0]);
    for (unsigned port = 1; port < matrix.streams.size(); ++port) {
        if (device.map(Space::weights(port), matrix.streams[port]) != offset) {
            throw DeviceError(
                fmt::format("device '{}' placed the streams of matrix '{}' at different offsets of its ports",
                            device.info().name, matrix.name));
        }
    }
    return offset;
}

}  // namespace

std::vector<ProductGroup> product_groups(const Model& model) {
    std::vector<ProductGroup> groups;
    for (const Layer& layer : model.layers) {
        const auto at = [&](LayerMatrix which) { return &layer.matrix(which); };
        groups.push_back(make_group({at(LayerMatrix::kQ), at(LayerMatrix::kK), at(LayerMatrix::kV)}));
        groups.push_back(make_group({at(LayerMatrix::kO)}));
        groups.push_back(make_group({at(LayerMatrix::kGate), at(LayerMatrix::kUp)}));
        groups.push_back(make_group({at(LayerMatrix::kDown)}));
    }
    groups.push_back(make_group({&model.output_head()}));
    return groups;
}

LoweredModel::LoweredModel(std::vector<ProductGroup> groups, Device& device)
    : groups_(std::move(groups)), columns_(device.info().tokens) {
    std::uint64_t largest_k = 0;
    std::uint64_t largest_rows = 0;
    std::uint64_t commands = 0;
    for (const ProductGroup& group : groups_) {
        largest_k = std::max<std::uint64_t>(largest_k, group.k);
        // Each matrix of a group begins at its own aligned offset.
        largest_rows =
            std::max<std::uint64_t>(largest_rows, group.rows + group.products.size() * SETUN_ALIGN / 4);
        commands += group.products.size();
    }
    x_stride_ = align_up(largest_k);
    x_offset_ = device.allocate(Space::data(), x_stride_ * columns_);
    y_offset_ = device.allocate(Space::data(), largest_rows * columns_ * sizeof(std::int32_t));
    const std::uint64_t base = device.allocate(Space::data(), commands * columns_ * sizeof(Command));

    std::vector<Command> all;
    for (const ProductGroup& group : groups_) {
        for (const PackedMatrix* matrix : group.products) {
            require_layout(*matrix, device.info());
            if (!weights_.contains(matrix)) {
                weights_.emplace(matrix, map_streams(*matrix, device));
            }
        }
        for (unsigned tokens = 1; tokens <= columns_; ++tokens) {
            lists_.push_back(base + all.size() * sizeof(Command));
            std::uint64_t y = y_offset_;
            for (const PackedMatrix* matrix : group.products) {
                Command command;
                command.opcode = SETUN_OP_MATMUL;
                command.tag = static_cast<std::uint32_t>(all.size());
                command.weight_offset = weights_.at(matrix);
                command.x_offset = x_offset_;
                command.y_offset = y;
                command.m = matrix->m;
                command.k = matrix->k;
                command.tokens = static_cast<std::uint16_t>(tokens);
                command.planes = static_cast<std::uint8_t>(matrix->planes);
                command.encoding = SETUN_TRIT_CODE_T5;
                command.x_stride = static_cast<std::uint32_t>(x_stride_);
                all.push_back(command);
                y += align_up(std::uint64_t{matrix->m} * columns_ * sizeof(std::int32_t));
            }
        }
    }
    device.write(Space::data(), base, bytes_of(all));
}

std::uint64_t LoweredModel::list_offset(std::size_t group, unsigned tokens) const {
    return lists_[group * columns_ + tokens - 1];
}

std::uint32_t LoweredModel::list_count(std::size_t group) const {
    return static_cast<std::uint32_t>(groups_[group].products.size());
}

void LoweredModel::write_activations(Device& device, std::size_t group, std::span<const std::int8_t> q,
                                     unsigned tokens) const {
    const std::uint32_t k = groups_[group].k;
    for (unsigned t = 0; t < tokens; ++t) {
        device.write(Space::data(), x_offset_ + t * x_stride_,
                     std::as_bytes(q.subspan(std::size_t{t} * k, k)));
    }
}

void LoweredModel::read_results(Device& device, std::size_t group, std::span<std::int32_t> y) const {
    std::uint64_t offset = y_offset_;
    std::size_t first = 0;
    for (const PackedMatrix* matrix : groups_[group].products) {
        const std::size_t count = std::size_t{matrix->m} * columns_;
        device.read(Space::data(), offset, std::as_writable_bytes(y.subspan(first, count)));
        offset += align_up(count * sizeof(std::int32_t));
        first += count;
    }
}

}  // namespace setun
