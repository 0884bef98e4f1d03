// Reader of safetensors files: u64 header length, JSON header, tensor data.
#include "host/loaders/safetensors.h"

#include <fmt/format.h>

#include <algorithm>
#include <cstring>
#include <utility>

#include "host/base/error.h"
#include "host/base/json_fields.h"

namespace setun {
namespace {

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  ///< limit of the format's own reader
constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 40;

/// Bytes of a number, for the types that are read here.
std::optional<std::uint64_t> element_bytes(const std::string& dtype) {
    if (dtype == "F32") {
        return 4;
    }
    if (dtype == "F16" || dtype == "BF16") {
        return 2;
    }
    return dtype == "U8" ? std::optional<std::uint64_t>(1) : std::nullopt;
}

std::optional<BlockFormat> float_format(const std::string& dtype) {
    if (dtype == "F32") {
        return BlockFormat::kF32;
    }
    if (dtype == "F16") {
        return BlockFormat::kF16;
    }
    return dtype == "BF16" ? std::optional(BlockFormat::kBF16) : std::nullopt;
}

/// Where a tensor's data stand, relative to the end of the header.
struct Extent {
    std::uint64_t begin = 0;
    std::uint64_t end = 0;
    std::string name;
};

/// One entry of the header. `data` is the region after the header.
TensorView parse_tensor(const JsonFields& entry, std::span<const std::byte> data, Extent& extent) {
    TensorView tensor;
    tensor.dtype = entry.text("dtype");
    tensor.format = float_format(tensor.dtype);
    std::uint64_t elements = 1;
    for (const auto& size : entry.array("shape")) {
        if (!size.is_number_unsigned() || size.get<std::uint64_t>() > kMaxElements) {
            entry.fail("shape", "holds something that is not a usable size");
        }
        tensor.shape.push_back(size.get<std::uint64_t>());
        if (elements != 0 && tensor.shape.back() > kMaxElements / elements) {
            entry.fail("shape", fmt::format("asks for more than {} elements", kMaxElements));
        }
        elements *= tensor.shape.back();
    }
    const auto& offsets = entry.array("data_offsets");
    if (offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) {
        entry.fail("data_offsets", "is not a pair of unsigned integers");
    }
    extent.begin = offsets[0].get<std::uint64_t>();
    extent.end = offsets[1].get<std::uint64_t>();
    if (extent.begin > extent.end || extent.end > data.size()) {
        entry.fail("data_offsets", fmt::format("is [{}, {}]; the file has {} data bytes: truncated?",
                                               extent.begin, extent.end, data.size()));
    }
    const std::uint64_t size = extent.end - extent.begin;
    const auto each = element_bytes(tensor.dtype);
    if (each && size != elements * *each) {
        entry.fail("data_offsets",
                   fmt::format("covers {} bytes; shape and dtype need {}", size, elements * *each));
    }
    tensor.bytes = data.subspan(extent.begin, size);
    return tensor;
}

/// The format has no gaps and nothing twice: data of all tensors follow each other up to the end of the file.
void check_extents(std::vector<Extent> extents, std::uint64_t data_bytes, const std::string& file) {
    std::sort(extents.begin(), extents.end(), [](const Extent& a, const Extent& b) {
        return std::pair(a.begin, a.end) < std::pair(b.begin, b.end);
    });
    std::uint64_t end = 0;
    for (const Extent& extent : extents) {
        if (extent.begin != end) {
            throw InputError(fmt::format(
                "{} tensor '{}': field 'data_offsets' begins at {}, expected {}: tensors overlap or "
                "leave a gap; download it again",
                file, extent.name, extent.begin, end));
        }
        end = extent.end;
    }
    if (end != data_bytes) {
        throw InputError(
            fmt::format("{}: tensors end at data byte {}, the file has {}: truncated or extended", file, end,
                        data_bytes));
    }
}

}  // namespace

std::uint64_t TensorView::elements() const {
    std::uint64_t product = 1;
    for (const std::uint64_t size : shape) {
        product *= size;
    }
    return product;
}

SafeTensors SafeTensors::open(MappedFile file) {
    SafeTensors result(std::move(file));
    const auto bytes = result.file_.bytes();
    const std::string name = result.file_name();
    if (bytes.size() < 8) {
        throw InputError(fmt::format("{}: {} bytes is too short for a safetensors file; download it again",
                                     name, bytes.size()));
    }
    std::uint64_t header_bytes = 0;
    std::memcpy(&header_bytes, bytes.data(), sizeof(header_bytes));
    if (header_bytes > kMaxHeaderBytes || header_bytes > bytes.size() - 8) {
        throw InputError(
            fmt::format("{}: header length is {}, the file has {} bytes: truncated or not a safetensors file",
                        name, header_bytes, bytes.size()));
    }
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 8, header_bytes);
    const nlohmann::json header = parse_json(text, name + " header");
    const JsonFields table(header, name + " header");
    const auto data = bytes.subspan(8 + header_bytes);
    std::vector<Extent> extents;
    for (const auto& [key, value] : header.items()) {
        if (key == "__metadata__") {
            continue;
        }
        const JsonFields entry(value, fmt::format("{} tensor '{}'", name, key));
        Extent extent;
        extent.name = key;
        result.tensors_.emplace(key, parse_tensor(entry, data, extent));
        extents.push_back(std::move(extent));
    }
    check_extents(std::move(extents), data.size(), name);
    return result;
}

}  // namespace setun
