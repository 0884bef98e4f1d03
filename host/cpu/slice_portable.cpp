// The ternary product in plain C++.
#include <algorithm>
#include <array>

#include "host/cpu/slice.h"
#include "host/device/packing.h"

namespace setun::cpu {
namespace {

constexpr std::size_t kMaxLanes = 320;

std::int32_t dot(const std::int8_t* w, const std::int8_t* x, std::size_t n) {
    std::int32_t sum = 0;
    for (std::size_t i = 0; i < n; ++i) {
        sum += w[i] * x[i];
    }
    return sum;
}

std::size_t x_bytes(std::size_t beat_bytes, std::uint32_t chunks) {
    return (chunks * 5 * beat_bytes + 63) / 64 * 64;
}

void prepare(std::span<const std::int8_t> x, std::size_t, std::span<std::int8_t> out) {
    std::fill(std::copy(x.begin(), x.end(), out.begin()), out.end(), std::int8_t{0});
}

SliceStatus run(const Slice& slice, std::int32_t* sums) {
    SliceStatus status;
    std::array<std::int8_t, kMaxLanes> lanes{};
    const std::size_t used = 5 * slice.beat_bytes;
    std::fill_n(sums, slice.tokens * slice.row_stride, 0);
    for (std::uint32_t plane = 0; plane < slice.planes; ++plane) {
        std::for_each(sums, sums + slice.tokens * slice.row_stride, [](std::int32_t& sum) { sum *= 3; });
        for (std::uint32_t chunk = 0; chunk < slice.chunks; ++chunk) {
            const std::byte* beat = slice.beats(plane, chunk);
            for (std::uint32_t row = 0; row < slice.rows(); ++row, beat += slice.beat_bytes) {
                status.legal = decode_beat({beat, slice.beat_bytes}, lanes) && status.legal;
                status.nonzero += static_cast<std::uint64_t>(
                    std::count_if(lanes.begin(), lanes.begin() + static_cast<std::ptrdiff_t>(used),
                                  [](std::int8_t w) { return w != 0; }));
                for (unsigned token = 0; token < slice.tokens; ++token) {
                    const std::int8_t* const x = slice.x + token * slice.x_stride + chunk * used;
                    sums[token * slice.row_stride + row] += dot(lanes.data(), x, used);
                }
            }
        }
    }
    return status;
}

bool available() { return true; }

}  // namespace

const SlicePath& portable_path() {
    static constexpr SlicePath kPath{"portable", available, x_bytes, prepare, run};
    return kPath;
}

const SlicePath& absent_path() {
    static constexpr SlicePath kPath{"instructions of this path", [] { return false; }, x_bytes, prepare,
                                     run};
    return kPath;
}

}  // namespace setun::cpu
