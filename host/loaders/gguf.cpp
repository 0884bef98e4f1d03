// Reader of the GGUF container, versions 2 and 3: metadata and a table of tensors, all checked on opening.
#include "host/loaders/gguf.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <limits>
#include <utility>

#include "host/base/error.h"

namespace setun {
namespace {

static_assert(std::endian::native == std::endian::little, "GGUF files are read as little endian");

constexpr std::array<char, 4> kMagic{'G', 'G', 'U', 'F'};
constexpr std::uint64_t kMaxElements = std::uint64_t{1} << 40;
constexpr std::uint64_t kMaxAlignment = std::uint64_t{1} << 20;
constexpr std::uint64_t kSmallestPair = 8 + 4 + 1;            ///< empty key, type, one byte
constexpr std::uint64_t kSmallestTensor = 8 + 4 + 8 + 4 + 8;  ///< empty name, one extent
constexpr std::size_t kMaxName = 256;
constexpr std::uint32_t kMaxExtents = 4;

/// Types of metadata values.
enum class ValueType : std::uint32_t {
    kU8,
    kI8,
    kU16,
    kI16,
    kU32,
    kI32,
    kF32,
    kBool,
    kString,
    kArray,
    kU64,
    kI64,
    kF64
};

struct TypeInfo {
    std::uint32_t number = 0;
    const char* name = "";
    std::optional<BlockFormat> format;
};

/// Numbers of ggml.h. 36 to 39 are those of Microsoft's fork, whose I2_S files are in circulation; elsewhere
/// 36 to 38 are unused and 39 is MXFP4, which is not read either way.
constexpr std::array<TypeInfo, 24> kTypes{{
    {0, "F32", BlockFormat::kF32},      {1, "F16", BlockFormat::kF16},
    {2, "Q4_0", BlockFormat::kQ4_0},    {3, "Q4_1", std::nullopt},
    {6, "Q5_0", std::nullopt},          {7, "Q5_1", std::nullopt},
    {8, "Q8_0", BlockFormat::kQ8_0},    {9, "Q8_1", std::nullopt},
    {10, "Q2_K", std::nullopt},         {11, "Q3_K", std::nullopt},
    {12, "Q4_K", BlockFormat::kQ4_K},   {13, "Q5_K", std::nullopt},
    {14, "Q6_K", BlockFormat::kQ6_K},   {15, "Q8_K", std::nullopt},
    {20, "IQ4_NL", std::nullopt},       {23, "IQ4_XS", std::nullopt},
    {24, "I8", std::nullopt},           {30, "BF16", BlockFormat::kBF16},
    {34, "TQ1_0", BlockFormat::kTq1_0}, {35, "TQ2_0", BlockFormat::kTq2_0},
    {36, "I2_S", BlockFormat::kI2S},    {37, "I8_S", std::nullopt},
    {38, "TL1", std::nullopt},          {39, "TL2 or MXFP4", std::nullopt},
}};

const TypeInfo* find_type(std::uint32_t number) {
    const auto* const found = std::find_if(kTypes.begin(), kTypes.end(),
                                           [number](const TypeInfo& type) { return type.number == number; });
    return found == kTypes.end() ? nullptr : found;
}

/// Text of unknown origin for a message: printable, short.
std::string shown(std::string_view text) {
    std::string result;
    for (const char c : text.substr(0, 60)) {
        result.push_back(c >= ' ' && c <= '~' ? c : '?');
    }
    return text.size() > 60 ? result + "..." : result;
}

}  // namespace

/// Walks through the file from its begin; every length is compared with what is left before it is used.
class GgufParser {
  public:
    explicit GgufParser(MappedFile file)
        : result_(std::make_shared<const MappedFile>(std::move(file))), bytes_(result_.file_->bytes()) {}

    GgufFile parse();

  private:
    [[noreturn]] void fail(const std::string& problem) const {
        throw InputError(fmt::format("{}: {}", result_.file_name(), problem));
    }
    [[nodiscard]] std::uint64_t left() const { return bytes_.size() - position_; }
    std::span<const std::byte> take(std::uint64_t size, const char* what);
    template <class T>
    T number(const char* what);
    std::string_view string(const char* what);
    void read_version();
    void read_metadata(std::uint64_t count);
    GgufValue read_value(ValueType type, const std::string& key);
    GgufArray read_array(const std::string& key);
    template <class Stored, class Wanted>
    std::vector<Wanted> read_numbers(std::uint64_t count);
    void read_tensors(std::uint64_t count);
    void read_tensor();
    void place_tensors();
    void check_overlap() const;

    GgufFile result_;
    std::span<const std::byte> bytes_;
    std::uint64_t position_ = 0;
    std::map<std::string, std::uint64_t> offsets_;
};

std::span<const std::byte> GgufParser::take(std::uint64_t size, const char* what) {
    if (size > left()) {
        fail(fmt::format("{} at byte {} needs {} bytes, {} are left: truncated or damaged; download it again",
                         what, position_, size, left()));
    }
    const auto part = bytes_.subspan(position_, size);
    position_ += size;
    return part;
}

template <class T>
T GgufParser::number(const char* what) {
    T value;
    std::memcpy(&value, take(sizeof(T), what).data(), sizeof(T));
    return value;
}

std::string_view GgufParser::string(const char* what) {
    const auto size = number<std::uint64_t>(what);
    const auto part = take(size, what);
    return {reinterpret_cast<const char*>(part.data()), part.size()};
}

void GgufParser::read_version() {
    result_.version_ = number<std::uint32_t>("version");
    const std::uint32_t version = result_.version_;
    if (version != 0 && (version & 0xFFFFU) == 0) {
        fail("is a big-endian GGUF file; only little-endian ones are supported");
    }
    if (version != 2 && version != 3) {
        fail(fmt::format("is GGUF version {}; this program reads versions 2 and 3", version));
    }
}

template <class Stored, class Wanted>
std::vector<Wanted> GgufParser::read_numbers(std::uint64_t count) {
    if (count > left() / sizeof(Stored)) {
        fail(fmt::format("array at byte {} has {} entries, which the file is too short for", position_,
                         count));
    }
    std::vector<Wanted> values(count);
    for (auto& value : values) {
        value = static_cast<Wanted>(number<Stored>("array"));
    }
    return values;
}

GgufArray GgufParser::read_array(const std::string& key) {
    const auto type = static_cast<ValueType>(number<std::uint32_t>("array type"));
    const auto count = number<std::uint64_t>("array length");
    switch (type) {
        case ValueType::kU8:
            return read_numbers<std::uint8_t, std::int64_t>(count);
        case ValueType::kI8:
            return read_numbers<std::int8_t, std::int64_t>(count);
        case ValueType::kBool:
            return read_numbers<std::uint8_t, std::int64_t>(count);
        case ValueType::kU16:
            return read_numbers<std::uint16_t, std::int64_t>(count);
        case ValueType::kI16:
            return read_numbers<std::int16_t, std::int64_t>(count);
        case ValueType::kU32:
            return read_numbers<std::uint32_t, std::int64_t>(count);
        case ValueType::kI32:
            return read_numbers<std::int32_t, std::int64_t>(count);
        case ValueType::kF32:
            return read_numbers<float, double>(count);
        case ValueType::kF64:
            return read_numbers<double, double>(count);
        case ValueType::kU64:
        case ValueType::kI64:
            return read_numbers<std::int64_t, std::int64_t>(count);
        case ValueType::kString: {
            if (count > left() / sizeof(std::uint64_t)) {
                fail(fmt::format("array '{}' has {} entries, which the file is too short for", shown(key),
                                 count));
            }
            std::vector<std::string_view> strings;
            strings.reserve(count);
            for (std::uint64_t i = 0; i < count; ++i) {
                strings.push_back(string("string of an array"));
            }
            return strings;
        }
        default:
            fail(fmt::format("array '{}' has entries of type {}; expected numbers, booleans or strings",
                             shown(key), static_cast<std::uint32_t>(type)));
    }
}

GgufValue GgufParser::read_value(ValueType type, const std::string& key) {
    const auto whole = [](auto value) { return static_cast<std::int64_t>(value); };
    switch (type) {
        case ValueType::kU8:
            return whole(number<std::uint8_t>("value"));
        case ValueType::kI8:
            return whole(number<std::int8_t>("value"));
        case ValueType::kU16:
            return whole(number<std::uint16_t>("value"));
        case ValueType::kI16:
            return whole(number<std::int16_t>("value"));
        case ValueType::kU32:
            return whole(number<std::uint32_t>("value"));
        case ValueType::kI32:
            return whole(number<std::int32_t>("value"));
        case ValueType::kI64:
            return number<std::int64_t>("value");
        case ValueType::kU64: {
            const auto value = number<std::uint64_t>("value");
            if (value > static_cast<std::uint64_t>(std::numeric_limits<std::int64_t>::max())) {
                fail(fmt::format("key '{}' is {}, which is out of range", shown(key), value));
            }
            return whole(value);
        }
        case ValueType::kF32:
            return static_cast<double>(number<float>("value"));
        case ValueType::kF64:
            return number<double>("value");
        case ValueType::kBool: {
            const auto value = number<std::uint8_t>("value");
            if (value > 1) {
                fail(fmt::format("key '{}' is a boolean of value {}; expected 0 or 1", shown(key), value));
            }
            return value == 1;
        }
        case ValueType::kString:
            return string("value");
        case ValueType::kArray:
            return read_array(key);
    }
    fail(fmt::format("key '{}' has value type {}; types 0 to 12 are known", shown(key),
                     static_cast<std::uint32_t>(type)));
}

void GgufParser::read_metadata(std::uint64_t count) {
    if (count > left() / kSmallestPair) {
        fail(fmt::format("metadata count is {}, which {} bytes cannot hold: damaged; download it again",
                         count, left()));
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        std::string key(string("key"));
        const auto type = static_cast<ValueType>(number<std::uint32_t>("value type"));
        GgufValue value = read_value(type, key);
        if (!result_.metadata_.emplace(key, std::move(value)).second) {
            fail(fmt::format("key '{}' appears twice", shown(key)));
        }
    }
}

void GgufParser::read_tensor() {
    const std::string name(string("tensor name"));
    const std::string label = fmt::format("tensor '{}'", shown(name));
    if (name.empty() || name.size() > kMaxName) {
        fail(fmt::format("{} has a name of {} bytes; expected 1 to {}", label, name.size(), kMaxName));
    }
    GgufTensor tensor;
    const auto extents = number<std::uint32_t>("tensor");
    if (extents < 1 || extents > kMaxExtents) {
        fail(fmt::format("{} has {} dimensions; expected 1 to {}", label, extents, kMaxExtents));
    }
    std::uint64_t elements = 1;
    for (std::uint32_t i = 0; i < extents; ++i) {
        const auto extent = number<std::uint64_t>("tensor");
        if (extent < 1 || extent > kMaxElements || elements > kMaxElements / extent) {
            fail(fmt::format("{} has an extent of {}; expected 1 to {} elements in all", label, extent,
                             kMaxElements));
        }
        elements *= extent;
        tensor.extents.push_back(extent);
    }
    tensor.type = number<std::uint32_t>("tensor");
    if (const TypeInfo* type = find_type(tensor.type)) {
        tensor.format = type->format;
    }
    const auto offset = number<std::uint64_t>("tensor");
    if (!result_.tensors_.emplace(name, std::move(tensor)).second) {
        fail(fmt::format("{} appears twice", label));
    }
    offsets_.emplace(name, offset);
}

void GgufParser::read_tensors(std::uint64_t count) {
    if (count > left() / kSmallestTensor) {
        fail(fmt::format("tensor count is {}, which {} bytes cannot hold: damaged; download it again", count,
                         left()));
    }
    for (std::uint64_t i = 0; i < count; ++i) {
        read_tensor();
    }
}

void GgufParser::place_tensors() {
    const std::uint64_t alignment = result_.integer_or("general.alignment", 8, kMaxAlignment, 32);
    if (!std::has_single_bit(alignment)) {
        result_.fail("general.alignment", fmt::format("is {}; expected a power of two from 8", alignment));
    }
    const std::uint64_t begin =
        std::min<std::uint64_t>((position_ + alignment - 1) / alignment * alignment, bytes_.size());
    const auto data = bytes_.subspan(begin);
    for (auto& [name, tensor] : result_.tensors_) {
        const std::uint64_t offset = offsets_.at(name);
        const std::string label = fmt::format("tensor '{}'", shown(name));
        if (offset % alignment != 0) {
            fail(fmt::format("{} begins at offset {}, which is not a multiple of {}", label, offset,
                             alignment));
        }
        if (offset > data.size()) {
            fail(fmt::format("{} begins at offset {}; the file has {} data bytes: truncated?", label, offset,
                             data.size()));
        }
        if (!tensor.format) {
            continue;  // refused, with its type, only when somebody asks for it
        }
        const BlockSize block = block_size(*tensor.format);
        const auto size = tensor_bytes(*tensor.format, tensor.elements());
        if (!size || tensor.extents[0] % block.elements != 0) {
            fail(fmt::format("{} has rows of {} numbers; {} needs a multiple of {}", label, tensor.extents[0],
                             block_format_name(*tensor.format), block.elements));
        }
        if (*size > data.size() - offset) {
            fail(fmt::format("{} needs {} bytes at offset {}; the file has {} data bytes: truncated?", label,
                             *size, offset, data.size()));
        }
        tensor.bytes = data.subspan(offset, *size);
    }
}

void GgufParser::check_overlap() const {
    std::vector<std::pair<std::uint64_t, const std::string*>> order;
    order.reserve(offsets_.size());
    for (const auto& [name, offset] : offsets_) {
        order.emplace_back(offset, &name);
    }
    std::sort(order.begin(), order.end(), [](const auto& a, const auto& b) { return a.first < b.first; });
    for (std::size_t i = 1; i < order.size(); ++i) {
        const auto& before = result_.tensors_.at(*order[i - 1].second);
        if (order[i].first - order[i - 1].first < std::max<std::uint64_t>(before.bytes.size(), 1)) {
            fail(fmt::format("tensors '{}' and '{}' overlap", shown(*order[i - 1].second),
                             shown(*order[i].second)));
        }
    }
}

GgufFile GgufParser::parse() {
    if (!is_gguf_file(bytes_)) {
        fail("not a GGUF file (wrong magic number)");
    }
    position_ = kMagic.size();
    read_version();
    const auto tensors = number<std::uint64_t>("tensor count");
    const auto pairs = number<std::uint64_t>("metadata count");
    read_metadata(pairs);
    read_tensors(tensors);
    place_tensors();
    check_overlap();
    return std::move(result_);
}

bool is_gguf_file(std::span<const std::byte> bytes) {
    return bytes.size() >= kMagic.size() && std::memcmp(bytes.data(), kMagic.data(), kMagic.size()) == 0;
}

std::string gguf_type_name(std::uint32_t type) {
    const TypeInfo* found = find_type(type);
    return found == nullptr ? fmt::format("type {}", type) : found->name;
}

std::uint64_t GgufTensor::elements() const {
    std::uint64_t product = 1;
    for (const std::uint64_t extent : extents) {
        product *= extent;
    }
    return product;
}

GgufFile GgufFile::open(MappedFile file) { return GgufParser(std::move(file)).parse(); }

void GgufFile::fail(std::string_view key, const std::string& problem) const {
    throw InputError(fmt::format("{}: key '{}' {}", file_name(), shown(key), problem));
}

const GgufValue& GgufFile::at(std::string_view key) const {
    const auto found = metadata_.find(key);
    if (found == metadata_.end()) {
        fail(key, "is missing");
    }
    return found->second;
}

std::uint64_t GgufFile::integer(std::string_view key, std::uint64_t low, std::uint64_t high) const {
    const auto* value = std::get_if<std::int64_t>(&at(key));
    if (value == nullptr) {
        fail(key, fmt::format("is not a single integer; expected one from {} to {}", low, high));
    }
    if (*value < 0 || static_cast<std::uint64_t>(*value) < low || static_cast<std::uint64_t>(*value) > high) {
        fail(key, fmt::format("is {}; expected an integer from {} to {}", *value, low, high));
    }
    return static_cast<std::uint64_t>(*value);
}

std::uint64_t GgufFile::integer_or(std::string_view key, std::uint64_t low, std::uint64_t high,
                                   std::uint64_t otherwise) const {
    return has(key) ? integer(key, low, high) : otherwise;
}

double GgufFile::number(std::string_view key, double low, double high) const {
    const auto* value = std::get_if<double>(&at(key));
    if (value == nullptr || !(*value >= low && *value <= high)) {
        fail(key, fmt::format("is {}; expected a number from {} to {}",
                              value == nullptr ? "not a float" : fmt::format("{}", *value), low, high));
    }
    return *value;
}

bool GgufFile::boolean_or(std::string_view key, bool otherwise) const {
    if (!has(key)) {
        return otherwise;
    }
    const auto* value = std::get_if<bool>(&at(key));
    if (value == nullptr) {
        fail(key, "is not a boolean");
    }
    return *value;
}

std::string_view GgufFile::text(std::string_view key) const {
    const auto* value = std::get_if<std::string_view>(&at(key));
    if (value == nullptr) {
        fail(key, "is not a string");
    }
    return *value;
}

std::string_view GgufFile::text_or(std::string_view key, std::string_view otherwise) const {
    return has(key) ? text(key) : otherwise;
}

namespace {

template <class T>
std::vector<T> array_of(const GgufFile& file, std::string_view key, const char* wanted) {
    const auto found = file.metadata().find(key);
    if (found == file.metadata().end()) {
        return {};
    }
    const auto* array = std::get_if<GgufArray>(&found->second);
    const auto* values = array == nullptr ? nullptr : std::get_if<std::vector<T>>(array);
    if (values == nullptr) {
        file.fail(key, fmt::format("is not an array of {}", wanted));
    }
    return *values;
}

}  // namespace

std::vector<std::string_view> GgufFile::texts(std::string_view key) const {
    return array_of<std::string_view>(*this, key, "strings");
}

std::vector<std::int64_t> GgufFile::integers(std::string_view key) const {
    return array_of<std::int64_t>(*this, key, "integers");
}

std::vector<double> GgufFile::numbers(std::string_view key) const {
    return array_of<double>(*this, key, "floats");
}

}  // namespace setun
