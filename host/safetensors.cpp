// Reader of safetensors files: u64 header length, JSON header, tensor data.
#include "host/safetensors.h"

#include <fmt/format.h>

#include <bit>
#include <cmath>
#include <cstring>
#include <optional>

#include "host/error.h"
#include "host/json_fields.h"

namespace setun {
namespace {

constexpr std::uint64_t kMaxHeaderBytes = 100'000'000;  ///< limit of the format's own reader
constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 40;

template <class T>
T load(std::span<const std::byte> bytes, std::size_t index) {
    T value;
    std::memcpy(&value, bytes.data() + index * sizeof(T), sizeof(T));
    return value;
}

std::optional<DType> parse_dtype(const std::string& name) {
    if (name == "F32") {
        return DType::kF32;
    }
    if (name == "F16") {
        return DType::kF16;
    }
    if (name == "BF16") {
        return DType::kBF16;
    }
    if (name == "U8") {
        return DType::kU8;
    }
    return std::nullopt;
}

std::size_t element_bytes(DType dtype) {
    switch (dtype) {
        case DType::kF32:
            return 4;
        case DType::kU8:
            return 1;
        default:
            return 2;
    }
}

/// One entry of the header. `data` is the region after the header.
std::optional<TensorView> parse_tensor(const JsonFields& entry, std::span<const std::byte> data) {
    TensorView tensor;
    const auto dtype = parse_dtype(entry.text("dtype"));
    if (!dtype) {
        return std::nullopt;
    }
    tensor.dtype = *dtype;
    std::uint64_t elements = 1;
    for (const auto& extent : entry.array("shape")) {
        if (!extent.is_number_unsigned() || extent.get<std::uint64_t>() > kMaxElements) {
            entry.fail("shape", "holds something that is not a usable size");
        }
        tensor.shape.push_back(extent.get<std::uint64_t>());
        elements *= tensor.shape.back();
        if (elements > kMaxElements) {
            entry.fail("shape", fmt::format("asks for more than {} elements", kMaxElements));
        }
    }
    const auto& offsets = entry.array("data_offsets");
    if (offsets.size() != 2 || !offsets[0].is_number_unsigned() || !offsets[1].is_number_unsigned()) {
        entry.fail("data_offsets", "is not a pair of unsigned integers");
    }
    const auto begin = offsets[0].get<std::uint64_t>();
    const auto end = offsets[1].get<std::uint64_t>();
    if (begin > end || end > data.size()) {
        entry.fail("data_offsets", fmt::format("is [{}, {}]; the file has {} data bytes: truncated?", begin,
                                               end, data.size()));
    }
    if (end - begin != elements * element_bytes(tensor.dtype)) {
        entry.fail("data_offsets", fmt::format("covers {} bytes; shape and dtype need {}", end - begin,
                                               elements * element_bytes(tensor.dtype)));
    }
    tensor.bytes = data.subspan(begin, end - begin);
    return tensor;
}

}  // namespace

float half_to_float(std::uint16_t half) {
    const bool negative = (half & 0x8000U) != 0;
    const int exponent = (half >> 10) & 0x1F;
    const int fraction = half & 0x3FF;
    float value = 0;
    if (exponent == 31) {
        value = fraction != 0 ? std::nanf("") : INFINITY;
    } else if (exponent == 0) {
        value = std::ldexp(static_cast<float>(fraction), -24);
    } else {
        value = std::ldexp(static_cast<float>(fraction + 1024), exponent - 25);
    }
    return negative ? -value : value;
}

std::size_t TensorView::elements() const { return bytes.size() / element_bytes(dtype); }

float TensorView::value(std::size_t i) const {
    switch (dtype) {
        case DType::kF32:
            return load<float>(bytes, i);
        case DType::kF16:
            return half_to_float(load<std::uint16_t>(bytes, i));
        case DType::kBF16:
            return std::bit_cast<float>(std::uint32_t{load<std::uint16_t>(bytes, i)} << 16);
        default:
            return static_cast<float>(load<std::uint8_t>(bytes, i));
    }
}

SafeTensors SafeTensors::open(const std::filesystem::path& path) {
    SafeTensors result(MappedFile::open(path));
    const auto bytes = result.file_.bytes();
    const std::string name = path.string();
    if (bytes.size() < 8) {
        throw InputError(fmt::format("{}: {} bytes is too short for a safetensors file; download it again",
                                     name, bytes.size()));
    }
    const auto header_bytes = load<std::uint64_t>(bytes, 0);
    if (header_bytes > kMaxHeaderBytes || header_bytes > bytes.size() - 8) {
        throw InputError(
            fmt::format("{}: header length is {}, the file has {} bytes: truncated or not a safetensors file",
                        name, header_bytes, bytes.size()));
    }
    const std::string_view text(reinterpret_cast<const char*>(bytes.data()) + 8, header_bytes);
    const nlohmann::json header = parse_json(text, name + " header");
    const JsonFields table(header, name + " header");
    const auto data = bytes.subspan(8 + header_bytes);
    for (const auto& [key, value] : header.items()) {
        if (key == "__metadata__") {
            continue;
        }
        const JsonFields entry(value, fmt::format("{} tensor '{}'", name, key));
        if (auto tensor = parse_tensor(entry, data)) {
            result.tensors_.emplace(key, std::move(*tensor));
        }
    }
    return result;
}

const TensorView& SafeTensors::at(const std::string& name) const {
    const auto found = tensors_.find(name);
    if (found == tensors_.end()) {
        throw InputError(fmt::format("{}: tensor '{}' is missing (or not F32, F16, BF16 or U8)",
                                     file_.path().string(), name));
    }
    return found->second;
}

void SafeTensors::forget(const TensorView& tensor) const {
    file_.forget(static_cast<std::size_t>(tensor.bytes.data() - file_.bytes().data()), tensor.bytes.size());
}

}  // namespace setun
