// Command lists made from the shapes of a model alone, for the performance model: no weights are needed to
// count cycles.
#pragma once

#include <cstdint>
#include <vector>

#include "host/device/packing.h"
#include "host/model/model.h"
#include "rtl/setun_abi.h"

namespace setun {

/// Rows, inputs and digit planes of one product.
struct ProductShape {
    std::uint32_t m = 0;
    std::uint32_t k = 0;
    std::uint32_t planes = 1;
};

/// Products that share one command list.
using ShapeGroup = std::vector<ProductShape>;

/// How the products of a token are handed to the kernel.
enum class ListForm : std::uint8_t {
    kWhole,   ///< one list of everything
    kGroups,  ///< one list for each group of matrices that read the same vector, as `setun run` submits them
};

/// The products of one decode step: every layer's matrices and the output head, in the order of
/// product_groups().
std::vector<ShapeGroup> shape_groups(const Architecture& architecture, ListForm form);

/// A list and its place in data space.
struct ShapeList {
    std::uint64_t offset = 0;
    std::vector<Command> commands;
};

/// The lists of `groups` for `tokens` of a kernel's `columns` activation rows, laid out as LoweredModel would
/// do. Throws InputError for a shape that the kernel does not take.
std::vector<ShapeList> shape_lists(const std::vector<ShapeGroup>& groups, const StreamLayout& layout,
                                   unsigned columns, unsigned tokens);

/// Bytes of the weight streams of a whole model on all ports.
std::uint64_t shape_bytes(const Architecture& architecture, const StreamLayout& layout);

}  // namespace setun
