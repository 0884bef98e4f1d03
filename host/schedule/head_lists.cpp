// Command lists for parts of the output head, written anew for each list.
#include "host/schedule/head_lists.h"

#include <algorithm>

#include "host/base/file.h"

namespace setun {
namespace {

constexpr std::uint64_t align_up(std::uint64_t bytes) {
    return (bytes + SETUN_ALIGN - 1) / SETUN_ALIGN * SETUN_ALIGN;
}

}  // namespace

LoweredHead::LoweredHead(const LoweredModel& lowered, const PackedMatrix& head, std::size_t max_parts,
                         std::size_t max_rows, Device& device)
    : head_(&head),
      index_(head.index()),
      columns_(lowered.columns()),
      weight_offset_(lowered.weight_offset(head)),
      row_stride_(align_up(head.k)),
      chunk_stride_(align_up(head.layout.lanes())),
      rows_offset_(device.allocate(Space::data(), row_stride_ * columns_)),
      chunks_offset_(device.allocate(Space::data(), chunk_stride_ * columns_ * index_.chunks())),
      list_offset_(device.allocate(Space::data(), max_parts * sizeof(Command))),
      // The results of each part begin at an aligned place.
      y_offset_(device.allocate(Space::data(),
                                max_rows * columns_ * sizeof(std::int32_t) + max_parts * SETUN_ALIGN)) {}

void LoweredHead::write_activations(Device& device, std::span<const std::int8_t> q, unsigned tokens) const {
    const std::size_t lanes = head_->layout.lanes();
    for (unsigned t = 0; t < tokens; ++t) {
        const auto row = q.subspan(std::size_t{t} * head_->k, head_->k);
        device.write(Space::data(), rows_offset_ + t * row_stride_, std::as_bytes(row));
        for (std::uint32_t chunk = 0; chunk < index_.chunks(); ++chunk) {
            const std::size_t first = chunk * lanes;
            device.write(Space::data(),
                         chunks_offset_ + (std::uint64_t{chunk} * columns_ + t) * chunk_stride_,
                         std::as_bytes(row.subspan(first, std::min(lanes, row.size() - first))));
        }
    }
}

void LoweredHead::write_list(Device& device, std::span<const HeadPart> parts, unsigned tokens) const {
    std::vector<Command> commands;
    commands.reserve(parts.size());
    std::uint64_t y = y_offset_;
    for (const HeadPart& part : parts) {
        const bool whole = part.chunks == index_.chunks();
        Command command;
        command.opcode = SETUN_OP_MATMUL;
        command.tag = static_cast<std::uint32_t>(commands.size());
        command.weight_offset = weight_offset_ + index_.place(part.first_row, part.plane, part.chunk).byte;
        command.x_offset =
            whole ? rows_offset_ : chunks_offset_ + std::uint64_t{part.chunk} * columns_ * chunk_stride_;
        command.y_offset = y;
        command.m = part.rows;
        command.k = part_inputs(*head_, part);
        command.tokens = static_cast<std::uint16_t>(tokens);
        command.planes = static_cast<std::uint8_t>(part.planes);
        command.encoding = SETUN_TRIT_CODE_T5;
        command.x_stride = static_cast<std::uint32_t>(whole ? row_stride_ : chunk_stride_);
        commands.push_back(command);
        y += align_up(std::uint64_t{part.rows} * columns_ * sizeof(std::int32_t));
    }
    device.write(Space::data(), list_offset_, bytes_of(commands));
}

void LoweredHead::read_results(Device& device, std::span<const HeadPart> parts,
                               std::span<std::int32_t> y) const {
    std::uint64_t offset = y_offset_;
    for (const HeadPart& part : parts) {
        const std::size_t count = std::size_t{part.rows} * columns_;
        device.read(Space::data(), offset, std::as_writable_bytes(y.first(count)));
        offset += align_up(count * sizeof(std::int32_t));
        y = y.subspan(count);
    }
}

}  // namespace setun
