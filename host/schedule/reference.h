// A second engine that computes the same integers, to compare a device's results with.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "host/device/device.h"
#include "host/schedule/head_exit.h"
#include "host/schedule/lowering.h"

namespace setun {

/// Computes product groups. Calls must not overlap.
class ReferenceEngine {
  public:
    virtual ~ReferenceEngine() = default;
    ReferenceEngine() = default;
    ReferenceEngine(const ReferenceEngine&) = delete;
    ReferenceEngine& operator=(const ReferenceEngine&) = delete;

    /// What produces the integers, for reports.
    [[nodiscard]] virtual std::string name() const = 0;
    /// y[rows][columns] of a group for q[tokens][k]; columns of absent tokens are zero.
    virtual void run(std::size_t group, std::span<const std::int8_t> q, unsigned tokens,
                     std::span<std::int32_t> y) = 0;
    /// y[rows][columns] of parts of the output head, one after the other, for q[tokens][k]. `head` is a
    /// matrix of the groups.
    virtual void run_head(const PackedMatrix& head, std::span<const HeadPart> parts,
                          std::span<const std::int8_t> q, unsigned tokens, std::span<std::int32_t> y) = 0;
};

/// How many matrices of a group differ, and the first difference in words.
struct Comparison {
    std::uint64_t products = 0;
    std::uint64_t wrong = 0;
    std::string first;  ///< empty when none differs
    Comparison& operator+=(const Comparison& other);
};

/// Compares y[rows][columns] of a group with the expected integers.
Comparison compare_products(const ProductGroup& group, unsigned columns, std::span<const std::int32_t> y,
                            std::span<const std::int32_t> expected);

/// Compares y[rows][columns] of parts of the head with the expected integers: one product, however many
/// parts.
Comparison compare_head(const PackedMatrix& head, std::span<const HeadPart> parts, unsigned columns,
                        std::span<const std::int32_t> y, std::span<const std::int32_t> expected);

/// The golden beat-by-beat product of hls/ternary_matmul.h.
std::unique_ptr<ReferenceEngine> make_golden_reference(const std::vector<ProductGroup>& groups,
                                                       unsigned columns);

/// Another device, which must have the same TOKENS and layout as the one under test.
std::unique_ptr<ReferenceEngine> make_device_reference(const std::vector<ProductGroup>& groups,
                                                       std::unique_ptr<Device> device);

}  // namespace setun
