// The exact ternary matrix product on the processor, straight from packed weight streams.
#include "host/cpu/ternary_kernel.h"

#include <algorithm>
#include <numeric>
#include <thread>

#include "host/cpu/slice.h"
#include "host/cpu/thread_pool.h"
#include "host/error.h"

namespace setun {
namespace {

/// Weights below which waking other threads costs more than it saves. Only speed depends on it.
constexpr std::uint64_t kWorthSharing = 1U << 18U;

KernelPath resolve(KernelPath wanted) {
    if (wanted == KernelPath::kAvx2 && !TernaryKernel::has_avx2()) {
        throw InputError("kernel: this processor has no AVX2; use the portable path");
    }
    if (wanted == KernelPath::kBest) {
        return TernaryKernel::has_avx2() ? KernelPath::kAvx2 : KernelPath::kPortable;
    }
    return wanted;
}

unsigned resolve_threads(unsigned threads) {
    return threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency());
}

/// Activations of all tokens in the order of a path.
struct Prepared {
    std::vector<std::int8_t> x;
    std::vector<std::int32_t> sum;
    std::size_t stride = 0;
};

Prepared prepare(const StreamIndex& index, const ActivationView& x, KernelPath path) {
    Prepared out;
    out.stride = index.chunks() * index.layout().lanes();
    out.x.resize(out.stride * x.tokens);
    for (unsigned token = 0; token < x.tokens; ++token) {
        const std::span row(x.data + token * x.stride, index.k());
        const std::span target = std::span(out.x).subspan(token * out.stride, out.stride);
        if (path == KernelPath::kAvx2) {
            cpu::prepare_avx2(row, index.layout().beat_bytes(), target);
        } else {
            cpu::prepare_portable(row, index.layout().beat_bytes(), target);
        }
        out.sum.push_back(std::accumulate(row.begin(), row.end(), std::int32_t{0}));
    }
    return out;
}

/// Copies the sums of a slice to their places in y.
void store(const StreamIndex& index, const cpu::Slice& slice, std::uint32_t first_row, unsigned port,
           unsigned columns, const std::int32_t* sums, std::int32_t* y) {
    for (std::uint32_t i = 0; i < slice.rows(); ++i) {
        const std::uint32_t row = first_row + (slice.first + i) * index.layout().ports + port;
        if (row >= index.m()) {
            break;
        }
        std::int32_t* const out = y + static_cast<std::size_t>(row) * columns;
        for (unsigned token = 0; token < columns; ++token) {
            out[token] = token < slice.tokens ? sums[token * slice.row_stride + i] : 0;
        }
    }
}

/// The first illegal beat in consumption order.
KernelStatus find_illegal(const StreamIndex& index, StreamViews streams) {
    const std::size_t bytes = index.layout().beat_bytes();
    std::vector<std::int8_t> lanes(index.layout().lanes());
    KernelStatus status;
    for (std::uint64_t at = 0; at < index.stream_bytes(); at += bytes) {
        for (unsigned port = 0; port < streams.size(); ++port) {
            if (!decode_beat(streams[port].subspan(at, bytes), lanes)) {
                status.legal = false;
                status.port = port;
                status.offset = at;
                return status;
            }
        }
    }
    return status;
}

/// Rows of a tile that part `part` of `parts` runs: an even cut at multiples of the row block.
std::uint32_t cut(std::uint32_t groups, unsigned part, unsigned parts) {
    const std::uint64_t blocks = (groups + cpu::kRowBlock - 1) / cpu::kRowBlock;
    return static_cast<std::uint32_t>(
        std::min<std::uint64_t>(groups, blocks * part / parts * cpu::kRowBlock));
}

}  // namespace

TernaryKernel::TernaryKernel(unsigned threads, KernelPath path)
    : path_(resolve(path)), pool_(std::make_unique<ThreadPool>(resolve_threads(threads))) {}

TernaryKernel::~TernaryKernel() = default;

unsigned TernaryKernel::threads() const { return pool_->threads(); }

bool TernaryKernel::has_avx2() {
#if defined(__x86_64__)
    return __builtin_cpu_supports("avx2") != 0;
#else
    return false;
#endif
}

KernelStatus TernaryKernel::multiply(const StreamIndex& index, StreamViews streams, const ActivationView& x,
                                     unsigned columns, std::int32_t* y) {
    const Prepared prepared = prepare(index, x, path_);
    const StreamLayout& layout = index.layout();
    const std::uint32_t groups = index.padded_rows() / layout.ports;
    const std::uint64_t weights = index.beats_per_port() * layout.ports * layout.lanes();
    const unsigned parts = weights < kWorthSharing ? 1 : pool_->threads();
    std::vector<cpu::SliceStatus> seen(parts);

    const auto run_part = [&](unsigned part) {
        std::vector<std::int32_t> sums;
        for (std::uint32_t tile = 0; tile < groups; tile += layout.tile_rows) {
            cpu::Slice slice;
            slice.beat_bytes = layout.beat_bytes();
            slice.chunks = index.chunks();
            slice.planes = index.planes();
            slice.tile_groups = std::min(layout.tile_rows, groups - tile);
            slice.first = cut(slice.tile_groups, part, parts);
            slice.last = cut(slice.tile_groups, part + 1, parts);
            slice.tokens = x.tokens;
            slice.x = prepared.x.data();
            slice.x_stride = prepared.stride;
            slice.x_sum = prepared.sum.data();
            slice.row_stride = (slice.rows() + cpu::kRowBlock - 1) / cpu::kRowBlock * cpu::kRowBlock;
            sums.resize(slice.row_stride * x.tokens);
            for (unsigned port = 0; port < layout.ports && slice.rows() != 0; ++port) {
                slice.tile = streams[port].data() + index.place(tile * layout.ports, 0, 0).byte;
                const cpu::SliceStatus status = path_ == KernelPath::kAvx2
                                                    ? cpu::run_avx2(slice, sums.data())
                                                    : cpu::run_portable(slice, sums.data());
                seen[part].legal = seen[part].legal && status.legal;
                seen[part].nonzero += status.nonzero;
                store(index, slice, tile * layout.ports, port, columns, sums.data(), y);
            }
        }
    };
    if (parts == 1) {
        run_part(0);
    } else {
        pool_->run(run_part);
    }

    KernelStatus status;
    for (const cpu::SliceStatus& part : seen) {
        status.legal = status.legal && part.legal;
        status.nonzero += part.nonzero;
    }
    return status.legal ? status : find_illegal(index, streams);
}

}  // namespace setun
