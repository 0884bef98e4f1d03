// Turns a model into command lists in a device's memory, once; a step of the decoder only writes activations.
#pragma once

#include <cstdint>
#include <map>
#include <span>
#include <vector>

#include "host/device/device.h"
#include "host/model/model.h"

namespace setun {

/// Matrices that share one input and therefore one command list.
struct ProductGroup {
    std::vector<const PackedMatrix*> products;
    std::uint32_t k = 0;     ///< elements of an activation row: the largest k of the products
    std::uint32_t rows = 0;  ///< sum of m: results per token
};

/// The groups of a step in the order in which they run: for each layer {q,k,v}, {o}, {gate,up}, {down}; then
/// the head.
std::vector<ProductGroup> product_groups(const Model& model);

/// A model placed in a device. The model's streams are mapped, not copied; they must outlive the device.
class LoweredModel {
  public:
    /// Maps the weights of every group, reserves one slot for activations and one for results, and writes the
    /// command lists: one list for each group and number of tokens from 1 to the kernel's TOKENS. Throws
    /// DeviceError when the device runs out of memory, InputError when the layout is not the device's.
    LoweredModel(std::vector<ProductGroup> groups, Device& device);

    [[nodiscard]] std::size_t size() const { return groups_.size(); }
    [[nodiscard]] const ProductGroup& group(std::size_t index) const { return groups_[index]; }
    /// TOKENS of the device: columns of every result.
    [[nodiscard]] unsigned columns() const { return columns_; }

    /// Where the streams of a matrix of the groups begin, on every port.
    [[nodiscard]] std::uint64_t weight_offset(const PackedMatrix& matrix) const {
        return weights_.at(&matrix);
    }

    /// The list of a group for a number of tokens, and its length.
    [[nodiscard]] std::uint64_t list_offset(std::size_t group, unsigned tokens) const;
    [[nodiscard]] std::uint32_t list_count(std::size_t group) const;

    /// Writes INT8 rows q[tokens][k] of a group into the activation slot.
    void write_activations(Device& device, std::size_t group, std::span<const std::int8_t> q,
                           unsigned tokens) const;
    /// Reads INT32 results y[rows][columns] of a group: its matrices one after the other.
    void read_results(Device& device, std::size_t group, std::span<std::int32_t> y) const;

  private:
    std::vector<ProductGroup> groups_;
    unsigned columns_;
    std::uint64_t x_stride_ = 0;
    std::uint64_t x_offset_ = 0;
    std::uint64_t y_offset_ = 0;
    std::map<const PackedMatrix*, std::uint64_t> weights_;
    std::vector<std::uint64_t> lists_;  ///< [group][tokens - 1]
};

}  // namespace setun
