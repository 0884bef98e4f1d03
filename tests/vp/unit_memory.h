// A data memory and weight memories with a vector unit at them, for tests: plan, gather, execute, scatter.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstring>
#include <span>
#include <vector>

#include "sim/vp/vector_command.h"

namespace setun::test {

/// Commands run against plain memories. Every region of a plan must lie inside them: `outside` counts those
/// that do not (they are left out, and the command is not executed).
class UnitMemory {
  public:
    UnitMemory(std::size_t data_bytes, vp::EngineGeometry geometry)
        : geometry_(geometry), data_(data_bytes), weights_(geometry.ports) {}

    [[nodiscard]] const vp::EngineGeometry& geometry() const { return geometry_; }
    std::vector<std::byte>& weights(std::size_t port) { return weights_.at(port); }
    std::vector<std::byte>& data() { return data_; }

    template <class T>
    void put(std::uint64_t offset, std::span<const T> values) {
        std::memcpy(data_.data() + offset, values.data(), values.size_bytes());
    }
    template <class T>
    void put(std::uint64_t offset, const std::vector<T>& values) {
        put(offset, std::span<const T>(values));
    }
    template <class T>
    [[nodiscard]] std::vector<T> get(std::uint64_t offset, std::size_t n) const {
        std::vector<T> values(n);
        std::memcpy(values.data(), data_.data() + offset, n * sizeof(T));
        return values;
    }

    vp::ExecuteResult run(const VectorCommand& command, std::uint32_t position, std::uint32_t token) {
        const auto plan = vp::plan(command, position, token, geometry_);
        std::vector<std::vector<std::byte>> buffers;
        std::vector<std::span<const std::byte>> inputs;
        std::vector<std::span<std::byte>> outputs;
        buffers.reserve(plan.reads.size() + plan.writes.size());
        for (const vp::Region& region : plan.reads) {
            const auto& memory =
                region.port == vp::Region::kData ? data_ : weights_.at(static_cast<std::size_t>(region.port));
            if (region.offset + region.bytes > memory.size()) {
                ++outside;
                return {SETUN_ERR_DATA_READ, 0};
            }
            const auto* const first = memory.data() + region.offset;
            buffers.emplace_back(first, first + region.bytes);
            inputs.emplace_back(buffers.back());
        }
        for (const vp::Region& region : plan.writes) {
            if (region.port != vp::Region::kData || region.offset + region.bytes > data_.size()) {
                ++outside;
                return {SETUN_ERR_DATA_WRITE, 0};
            }
            buffers.emplace_back(region.bytes, std::byte{0xA5});
            outputs.emplace_back(buffers.back());
        }
        const auto result = vp::execute(command, position, token, geometry_, inputs, outputs);
        for (std::size_t i = 0; i < outputs.size() && result.error == SETUN_ERR_NONE; ++i) {
            std::memcpy(data_.data() + plan.writes[i].offset, outputs[i].data(), outputs[i].size());
        }
        return result;
    }

    int outside = 0;

  private:
    vp::EngineGeometry geometry_;
    std::vector<std::byte> data_;
    std::vector<std::vector<std::byte>> weights_;
};

}  // namespace setun::test
