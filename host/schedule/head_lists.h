// Command lists for parts of the output head, written anew for each list.
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "host/device/device.h"
#include "host/schedule/head_exit.h"
#include "host/schedule/lowering.h"

namespace setun {

/// The output head of a lowered model, read in parts: nothing is packed again, because planes of a tile, and
/// rows of a plane and chunk, stand one after the other in its streams.
class LoweredHead {
  public:
    /// Reserves slots for activations, commands and results of one list. `head` is a matrix of `lowered`.
    /// `max_parts` and `max_rows`: see HeadSearch. Throws DeviceError when the device runs out of memory.
    LoweredHead(const LoweredModel& lowered, const PackedMatrix& head, std::size_t max_parts,
                std::size_t max_rows, Device& device);

    [[nodiscard]] std::uint64_t list_offset() const { return list_offset_; }

    /// Writes INT8 rows q[tokens][k]; they serve every list until the next call.
    void write_activations(Device& device, std::span<const std::int8_t> q, unsigned tokens) const;
    /// Writes one command for each part.
    void write_list(Device& device, std::span<const HeadPart> parts, unsigned tokens) const;
    /// Reads INT32 results y[rows][columns] of one part after the other.
    void read_results(Device& device, std::span<const HeadPart> parts, std::span<std::int32_t> y) const;

  private:
    const PackedMatrix* head_;
    StreamIndex index_;
    unsigned columns_;
    std::uint64_t weight_offset_;
    std::uint64_t row_stride_;    ///< bytes between whole activation rows
    std::uint64_t chunk_stride_;  ///< bytes between activation chunks, which need aligned places of their own
    std::uint64_t rows_offset_;   ///< [token][k]
    std::uint64_t chunks_offset_;  ///< [chunk][token][lanes]
    std::uint64_t list_offset_;
    std::uint64_t y_offset_;
};

/// The early exit of a model's head on one device: bounds, search and lists.
struct HeadExit {
    /// Reads the head once. `lowered` must outlive it, and so must the head, which is a matrix of `lowered`.
    /// Throws like HeadSearch and LoweredHead.
    HeadExit(const LoweredModel& lowered, const PackedMatrix& head, Device& device,
             const HeadExitOptions& options = {})
        : matrix(&head),
          bounds(head),
          search(head, bounds, options),
          lists(lowered, head, search.max_parts(), search.max_rows(), device) {}
    ~HeadExit() = default;
    HeadExit(const HeadExit&) = delete;
    HeadExit& operator=(const HeadExit&) = delete;

    const PackedMatrix* matrix;
    HeadBounds bounds;
    HeadSearch search;
    LoweredHead lists;
};

}  // namespace setun
