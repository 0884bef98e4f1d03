// Command lists made from the shapes of a model alone, for the performance model.
#include "host/schedule/shape_list.h"

#include <algorithm>
#include <array>

namespace setun {
namespace {

constexpr std::uint64_t kPage = 4096;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
    return (value + unit - 1) / unit * unit;
}

ShapeGroup layer_group(const Architecture& architecture, std::initializer_list<LayerMatrix> matrices) {
    ShapeGroup group;
    for (const LayerMatrix which : matrices) {
        const MatrixShape shape = layer_matrix_shape(architecture, which);
        group.push_back({shape.m, shape.k, 1});
    }
    return group;
}

}  // namespace

std::vector<ShapeGroup> shape_groups(const Architecture& a, ListForm form) {
    std::vector<ShapeGroup> groups;
    for (std::uint32_t layer = 0; layer < a.layers; ++layer) {
        groups.push_back(layer_group(a, {LayerMatrix::kQ, LayerMatrix::kK, LayerMatrix::kV}));
        groups.push_back(layer_group(a, {LayerMatrix::kO}));
        groups.push_back(layer_group(a, {LayerMatrix::kGate, LayerMatrix::kUp}));
        groups.push_back(layer_group(a, {LayerMatrix::kDown}));
    }
    groups.push_back({{a.vocab, a.hidden, SETUN_MAX_PLANES}});
    if (form == ListForm::kGroups) {
        return groups;
    }
    ShapeGroup whole;
    for (const ShapeGroup& group : groups) {
        whole.insert(whole.end(), group.begin(), group.end());
    }
    return {whole};
}

std::vector<ShapeList> shape_lists(const std::vector<ShapeGroup>& groups, const StreamLayout& layout,
                                   unsigned columns, unsigned tokens) {
    std::uint64_t largest_k = 0;
    std::uint64_t largest_rows = 0;
    for (const ShapeGroup& group : groups) {
        std::uint64_t rows = group.size() * SETUN_ALIGN / 4;
        for (const ProductShape& product : group) {
            largest_k = std::max<std::uint64_t>(largest_k, product.k);
            rows += product.m;
        }
        largest_rows = std::max(largest_rows, rows);
    }
    const std::uint64_t x_stride = round_up(largest_k, SETUN_ALIGN);
    const std::uint64_t y_offset = round_up(x_stride * columns, kPage) + kPage;
    const std::uint64_t base = y_offset + round_up(largest_rows * columns * 4, kPage) + kPage;
    std::vector<ShapeList> lists;
    std::uint64_t weights = 0;
    std::uint64_t position = 0;
    for (const ShapeGroup& group : groups) {
        ShapeList list{base + (position + (tokens - 1) * group.size()) * sizeof(Command), {}};
        position += group.size() * columns;
        std::uint64_t y = y_offset;
        for (const ProductShape& product : group) {
            Command command;
            command.opcode = SETUN_OP_MATMUL;
            command.weight_offset = weights;
            command.y_offset = y;
            command.m = product.m;
            command.k = product.k;
            command.tokens = static_cast<std::uint16_t>(tokens);
            command.planes = static_cast<std::uint8_t>(product.planes);
            command.encoding = SETUN_TRIT_CODE_T5;
            command.x_stride = static_cast<std::uint32_t>(x_stride);
            list.commands.push_back(command);
            weights += round_up(stream_bytes(layout, product.m, product.k, product.planes), kPage) + kPage;
            y += round_up(std::uint64_t{product.m} * columns * 4, SETUN_ALIGN);
        }
        lists.push_back(std::move(list));
    }
    return lists;
}

std::uint64_t shape_bytes(const Architecture& architecture, const StreamLayout& layout) {
    std::uint64_t bytes = 0;
    for (const ShapeGroup& group : shape_groups(architecture, ListForm::kGroups)) {
        for (const ProductShape& product : group) {
            bytes += stream_bytes(layout, product.m, product.k, product.planes) * layout.ports;
        }
    }
    return bytes;
}

}  // namespace setun
