// From the rows of a tensor in a mapped file to packed weight streams, in parallel and without a copy of the
// tensor.
#include "host/loaders/matrix_packing.h"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>
#include <exception>
#include <limits>
#include <thread>
#include <utility>
#include <vector>

#include "host/base/error.h"
#include "rtl/setun_abi.h"

namespace setun {
namespace {

constexpr float kHeadLevels = 121;  ///< what five balanced ternary digits hold
constexpr double kSmallestScale = 1e-5;
constexpr std::uint64_t kWindowBytes = std::uint64_t{16} << 20;  ///< of the file, resident at a time
constexpr unsigned kMaxThreads = 16;

// Adding and taking away 1.5 * 2^23 (2^52 for doubles) rounds a small number to an integer, half to even, in
// the default rounding mode; compilers turn it into vector code, which they do not for nearbyint().

using Range = std::function<void(std::uint32_t first, std::uint32_t last)>;

/// Runs work(first, last) on contiguous parts of [first, last), one thread each. Rethrows the exception of
/// the lowest part.
void in_parallel(std::uint32_t first, std::uint32_t last, const Range& work) {
    const std::uint32_t rows = last - first;
    const unsigned available = std::clamp(std::thread::hardware_concurrency(), 1U, kMaxThreads);
    const unsigned parts = std::clamp(rows / 16, 1U, available);
    std::vector<std::exception_ptr> errors(parts);
    const auto part = [&](unsigned i) {
        try {
            const auto edge = [&](unsigned n) {
                return first + static_cast<std::uint32_t>(std::uint64_t{rows} * n / parts);
            };
            work(edge(i), edge(i + 1));
        } catch (...) {
            errors[i] = std::current_exception();
        }
    };
    {
        std::vector<std::jthread> threads;
        for (unsigned i = 1; i < parts; ++i) {
            threads.emplace_back(part, i);
        }
        part(0);
    }
    for (const auto& error : errors) {
        if (error) {
            std::rethrow_exception(error);
        }
    }
}

std::uint64_t row_bytes(const TensorRows& tensor) {
    const BlockSize block = block_size(tensor.format);
    return std::uint64_t{tensor.shape.k} / block.elements * block.bytes;
}

/// Rows that are read before their pages are let go; whole heads when rows are paired.
std::uint32_t window_rows(std::uint64_t bytes_per_row) {
    return static_cast<std::uint32_t>(std::max<std::uint64_t>(1, kWindowBytes / bytes_per_row));
}

/// A pass over all rows: visit(row, floats) from several threads, pages let go behind it.
void for_each_row(const TensorRows& tensor,
                  const std::function<void(std::uint32_t row, std::span<const float> values)>& visit) {
    const std::uint32_t window = window_rows(row_bytes(tensor));
    for (std::uint32_t at = 0; at < tensor.shape.m; at += window) {
        const std::uint32_t end = std::min(tensor.shape.m, at + window);
        in_parallel(at, end, [&](std::uint32_t first, std::uint32_t last) {
            std::vector<float> values(tensor.shape.k);
            for (std::uint32_t row = first; row < last; ++row) {
                read_row(tensor, row, values);
                visit(row, values);
            }
        });
        tensor.forget(at, end);
    }
}

[[noreturn]] void fail(const TensorRows& tensor, const std::string& problem) {
    throw InputError(fmt::format("{}: {}", tensor.label, problem));
}

float checked_scale(const TensorRows& tensor, float scale, const std::string& where) {
    if (!(scale > 0) || !std::isfinite(scale)) {
        fail(tensor, fmt::format("the scale {} is {}; expected a positive finite number", where, scale));
    }
    return scale;
}

/// The scale that all blocks of a TQ tensor must have, or 0 when all blocks are zero.
float first_block_scale(const TensorRows& tensor) {
    const std::size_t size = block_size(tensor.format).bytes;
    for (std::size_t at = 0; at < tensor.bytes.size(); at += size) {
        const float scale = ternary_block_scale(tensor.format, tensor.bytes.subspan(at, size));
        if (scale != 0) {
            return checked_scale(tensor, scale, fmt::format("of block {}", at / size));
        }
    }
    return 0;
}

/// Checks the scales of a row of TQ blocks against the tensor's and clears blocks of scale zero.
void apply_block_scales(const TensorRows& tensor, std::uint32_t row, float scale, std::span<std::int8_t> w) {
    const BlockSize size = block_size(tensor.format);
    const auto bytes = tensor.row(row);
    for (std::size_t block = 0; block * size.elements < w.size(); ++block) {
        const float found = ternary_block_scale(tensor.format, bytes.subspan(block * size.bytes, size.bytes));
        if (found == 0) {
            const auto part = w.subspan(block * size.elements, size.elements);
            std::fill(part.begin(), part.end(), std::int8_t{0});
        } else if (found != scale) {
            fail(tensor, fmt::format("scale {} at row {}, block {}, where other blocks have {}; only tensors "
                                     "with one scale are supported",
                                     found, row, block, scale));
        }
    }
}

}  // namespace

std::span<const std::byte> TensorRows::row(std::uint32_t row) const {
    std::uint32_t stored = row;
    if (paired_head != 0) {
        const std::uint32_t in_head = row % paired_head;
        const std::uint32_t half = paired_head / 2;
        stored = row - in_head + 2 * (in_head % half) + in_head / half;
    }
    const std::uint64_t size = row_bytes(*this);
    return bytes.subspan(stored * size, size);
}

void TensorRows::forget(std::uint32_t first, std::uint32_t last) const {
    if (file != nullptr) {
        const auto begin = static_cast<std::size_t>(bytes.data() - file->bytes().data());
        file->forget(begin + first * row_bytes(*this), (last - first) * row_bytes(*this));
    }
}

void read_row(const TensorRows& tensor, std::uint32_t row, std::span<float> out) {
    decode_floats(tensor.format, tensor.row(row), out);
    const auto bad = std::find_if(out.begin(), out.end(), [](float v) { return !std::isfinite(v); });
    if (bad != out.end()) {
        fail(tensor,
             fmt::format("row {}, column {} holds a value that is not finite", row, bad - out.begin()));
    }
}

PackedMatrix pack_rows(Model& model, const std::string& name, MatrixShape shape, std::uint32_t planes,
                       float scale, const StreamLayout& layout, const RowSource& source, const Range& done) {
    const StreamIndex index(layout, shape.m, shape.k, planes);
    PackedStreams streams(layout.ports);
    for (auto& stream : streams) {
        stream.resize(index.stream_bytes());
    }
    const std::vector<std::span<std::byte>> targets(streams.begin(), streams.end());
    const std::uint32_t window = window_rows(std::max<std::uint64_t>(1, shape.k / 4));
    for (std::uint32_t at = 0; at < shape.m; at += window) {
        const std::uint32_t end = std::min(shape.m, at + window);
        in_parallel(at, end, [&](std::uint32_t first, std::uint32_t last) {
            std::vector<std::int8_t> weights(shape.k);
            for (std::uint32_t row = first; row < last; ++row) {
                source(row, weights);
                pack_row(index, row, weights, targets);
            }
        });
        if (done) {
            done(at, end);
        }
    }
    fill_padding(index, targets);
    return own_streams(model, name, shape.m, shape.k, planes, scale, layout, std::move(streams));
}

namespace {

/// pack_rows() of what `quantise` makes of each float.
template <class Quantise>
PackedMatrix pack_floats(Model& model, const std::string& name, const TensorRows& tensor,
                         std::uint32_t planes, float scale, const StreamLayout& layout,
                         const Quantise& quantise) {
    const auto source = [&](std::uint32_t row, std::span<std::int8_t> w) {
        std::vector<float> values(w.size());
        read_row(tensor, row, values);
        std::transform(values.begin(), values.end(), w.begin(), quantise);
    };
    return pack_rows(model, name, tensor.shape, planes, scale, layout, source,
                     [&](std::uint32_t first, std::uint32_t last) { tensor.forget(first, last); });
}

}  // namespace

PackedMatrix pack_ternarised(Model& model, const std::string& name, const TensorRows& tensor,
                             const StreamLayout& layout) {
    std::vector<double> sums(tensor.shape.m);
    for_each_row(tensor, [&](std::uint32_t row, std::span<const float> values) {
        for (const float v : values) {
            sums[row] += std::abs(static_cast<double>(v));
        }
    });
    double sum = 0;
    for (const double part : sums) {
        sum += part;
    }
    const double mean =
        std::max(sum / (static_cast<double>(tensor.shape.m) * tensor.shape.k), kSmallestScale);
    const float scale = checked_scale(tensor, static_cast<float>(mean), "mean|W|");
    return pack_floats(model, name, tensor, 1, scale, layout, [mean](float v) {
        const double clamped = std::clamp(static_cast<double>(v) / mean, -1.0, 1.0);
        return static_cast<std::int8_t>((clamped + 0x1.8p52) - 0x1.8p52);
    });
}

PackedMatrix pack_exact_ternary(Model& model, const std::string& name, const TensorRows& tensor, float factor,
                                const StreamLayout& layout) {
    std::vector<float> largest(tensor.shape.m);
    for_each_row(tensor, [&](std::uint32_t row, std::span<const float> values) {
        for (const float v : values) {
            largest[row] = std::max(largest[row], std::abs(v));
        }
    });
    float scale = *std::max_element(largest.begin(), largest.end());
    scale = scale == 0 ? 1 : checked_scale(tensor, scale, "max|W|");
    const float result = checked_scale(tensor, scale * factor, "with its factor");
    return pack_floats(model, name, tensor, 1, result, layout, [&tensor, scale](float v) -> std::int8_t {
        if (v != 0 && std::abs(v) != scale) {
            fail(tensor, fmt::format("holds {} and {}: these are not ternary weights; expected -s, 0 and +s "
                                     "with one s",
                                     v, scale));
        }
        return static_cast<std::int8_t>(v > 0 ? 1 : v < 0 ? -1 : 0);
    });
}

PackedMatrix pack_ternary_blocks(Model& model, const std::string& name, const TensorRows& tensor,
                                 float factor, const StreamLayout& layout) {
    const bool one_scale = tensor.format == BlockFormat::kI2S;
    float scale = 0;
    if (one_scale) {
        const std::size_t codes = std::size_t{tensor.shape.m} * tensor.shape.k / 4;
        std::array<float, 1> stored{};
        decode_floats(BlockFormat::kF32, tensor.bytes.subspan(codes, sizeof(float)), stored);
        scale = checked_scale(tensor, stored[0], "behind the codes");
    } else {
        scale = first_block_scale(tensor);
    }
    const auto source = [&](std::uint32_t row, std::span<std::int8_t> w) {
        const auto bad = decode_trits(tensor.format, tensor.row(row), w);
        if (bad) {
            fail(tensor,
                 fmt::format("code byte 0x{:02x} at row {}, byte {} is illegal in {}: the file is damaged",
                             std::to_integer<unsigned>(tensor.row(row)[*bad]), row, *bad,
                             block_format_name(tensor.format)));
        }
        if (!one_scale) {
            apply_block_scales(tensor, row, scale, w);
        }
    };
    const float result = checked_scale(tensor, (scale == 0 ? 1 : scale) * factor, "with its factor");
    return pack_rows(model, name, tensor.shape, 1, result, layout, source,
                     [&](std::uint32_t first, std::uint32_t last) { tensor.forget(first, last); });
}

PackedMatrix pack_digit_planes(Model& model, const std::string& name, const TensorRows& tensor,
                               const StreamLayout& layout) {
    std::vector<float> largest(tensor.shape.m);
    for_each_row(tensor, [&](std::uint32_t row, std::span<const float> values) {
        for (const float v : values) {
            largest[row] = std::max(largest[row], std::abs(v));
        }
    });
    const float scale = std::max(*std::max_element(largest.begin(), largest.end()) / kHeadLevels,
                                 std::numeric_limits<float>::min());
    return pack_floats(model, name, tensor, SETUN_MAX_PLANES, scale, layout, [scale](float v) {
        const float clamped = std::clamp(v / scale, -kHeadLevels, kHeadLevels);
        return static_cast<std::int8_t>((clamped + 0x1.8p23F) - 0x1.8p23F);
    });
}

}  // namespace setun
