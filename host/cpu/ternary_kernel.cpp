// The exact ternary matrix product on the processor, straight from packed weight streams.
#include "host/cpu/ternary_kernel.h"

#include <algorithm>
#include <atomic>
#include <memory>
#include <numeric>
#include <thread>

#include "host/base/error.h"
#include "host/cpu/slice.h"
#include "host/cpu/thread_pool.h"

namespace setun {
namespace {

/// Weights times tokens below which waking other threads costs more than it saves. Only speed depends on it.
constexpr std::uint64_t kWorthSharing = 1U << 20U;

const cpu::SlicePath& code_of(KernelPath path) {
    switch (path) {
        case KernelPath::kAvx2:
            return cpu::avx2_path();
        case KernelPath::kAvxVnni:
            return cpu::avx_vnni_path();
        case KernelPath::kAvx512Vnni:
            return cpu::avx512_vnni_path();
        case KernelPath::kAvx512:
            return cpu::avx512_path();
        default:
            return cpu::portable_path();
    }
}

KernelPath resolve(KernelPath wanted) {
    if (wanted == KernelPath::kBest) {
        return available_kernel_paths().back();
    }
    if (!kernel_path_available(wanted)) {
        throw InputError(std::string("kernel: this processor has no ") + kernel_path_name(wanted) +
                         "; use the portable path");
    }
    return wanted;
}

unsigned resolve_threads(unsigned threads) {
    return threads != 0 ? threads : std::max(1U, std::thread::hardware_concurrency());
}

/// Activations of all tokens in the order of a path.
struct Prepared {
    std::vector<std::int8_t> storage;
    std::span<std::int8_t> x;  // in storage, at a multiple of kAlign
    std::vector<std::int32_t> sum;
    std::size_t stride = 0;
};

Prepared prepare(const StreamIndex& index, const ActivationView& x, const cpu::SlicePath& path) {
    constexpr std::size_t kAlign = 64;
    const std::size_t beat_bytes = index.layout().beat_bytes();
    Prepared out;
    out.stride = path.x_bytes(beat_bytes, index.chunks());
    out.storage.resize(out.stride * x.tokens + kAlign);
    void* aligned = out.storage.data();
    std::size_t space = out.storage.size();
    std::align(kAlign, out.stride * x.tokens, aligned, space);
    out.x = {static_cast<std::int8_t*>(aligned), out.stride * x.tokens};
    for (unsigned token = 0; token < x.tokens; ++token) {
        const std::span row(x.data + token * x.stride, index.k());
        path.prepare(row, beat_bytes, out.x.subspan(token * out.stride, out.stride));
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

/// The pieces of a product: consecutive groups of a tile on one port each.
class Pieces {
  public:
    /// Several for each thread, so that one that is held up does not hold up the others.
    Pieces(const StreamIndex& index, unsigned threads)
        : layout_(index.layout()),
          groups_(index.padded_rows() / layout_.ports),
          step_(piece_groups(threads)),
          per_tile_(pieces_of(layout_.tile_rows)),
          per_port_(groups_ / layout_.tile_rows * per_tile_ + pieces_of(groups_ % layout_.tile_rows)) {}

    [[nodiscard]] std::uint32_t count() const { return layout_.ports * per_port_; }

    struct Piece {
        unsigned port;
        std::uint32_t tile;  // its first group
        std::uint32_t tile_groups;
        std::uint32_t first, last;  // groups of the tile
    };
    /// Neighbours in a stream are neighbours in time.
    [[nodiscard]] Piece at(std::uint32_t i) const {
        const std::uint32_t in_port = i % per_port_;
        Piece piece{i / per_port_, in_port / per_tile_ * layout_.tile_rows, 0, in_port % per_tile_ * step_,
                    0};
        piece.tile_groups = std::min(layout_.tile_rows, groups_ - piece.tile);
        piece.last = std::min(piece.first + step_, piece.tile_groups);
        return piece;
    }

  private:
    [[nodiscard]] std::uint32_t piece_groups(unsigned threads) const {
        constexpr std::size_t kPiecesPerThread = 4;
        const std::size_t bytes =
            groups_ * layout_.beat_bytes() / (threads == 1 ? 1 : kPiecesPerThread * threads);
        const std::size_t piece = std::clamp(bytes / cpu::kSmallestPiece * cpu::kSmallestPiece,
                                             cpu::kSmallestPiece, cpu::kLargestPiece);
        return static_cast<std::uint32_t>(piece / layout_.beat_bytes());
    }
    [[nodiscard]] std::uint32_t pieces_of(std::uint32_t groups) const { return (groups + step_ - 1) / step_; }

    StreamLayout layout_;
    std::uint32_t groups_;  // in the whole matrix
    std::uint32_t step_;    // groups of a piece
    std::uint32_t per_tile_;
    std::uint32_t per_port_;
};

}  // namespace

const char* kernel_path_name(KernelPath path) {
    return code_of(path == KernelPath::kBest ? resolve(path) : path).name;
}

bool kernel_path_available(KernelPath path) { return code_of(path).available(); }

std::vector<KernelPath> available_kernel_paths() {
    std::vector<KernelPath> paths;
    for (const KernelPath path : {KernelPath::kPortable, KernelPath::kAvx2, KernelPath::kAvxVnni,
                                  KernelPath::kAvx512Vnni, KernelPath::kAvx512}) {
        if (kernel_path_available(path)) {
            paths.push_back(path);
        }
    }
    return paths;
}

TernaryKernel::TernaryKernel(unsigned threads, KernelPath path)
    : path_(resolve(path)),
      code_(&code_of(path_)),
      pool_(std::make_unique<ThreadPool>(resolve_threads(threads))) {}

TernaryKernel::~TernaryKernel() = default;

unsigned TernaryKernel::threads() const { return pool_->threads(); }

KernelStatus TernaryKernel::multiply(const StreamIndex& index, StreamViews streams, const ActivationView& x,
                                     unsigned columns, std::int32_t* y) {
    const Prepared prepared = prepare(index, x, *code_);
    const StreamLayout& layout = index.layout();
    const std::uint64_t work = index.beats_per_port() * layout.ports * layout.lanes() * x.tokens;
    const unsigned threads = work < kWorthSharing ? 1 : pool_->threads();
    const Pieces pieces(index, threads);
    std::atomic<std::uint32_t> next = 0;
    std::atomic<bool> legal = true;
    std::atomic<std::uint64_t> nonzero = 0;

    const auto job = [&] {
        std::vector<std::int32_t> sums;
        cpu::SliceStatus seen;
        for (std::uint32_t i = next++; i < pieces.count(); i = next++) {
            const Pieces::Piece piece = pieces.at(i);
            cpu::Slice slice;
            slice.beat_bytes = layout.beat_bytes();
            slice.chunks = index.chunks();
            slice.planes = index.planes();
            slice.tile_groups = piece.tile_groups;
            slice.first = piece.first;
            slice.last = piece.last;
            slice.tokens = x.tokens;
            slice.x = prepared.x.data();
            slice.x_stride = prepared.stride;
            slice.x_sum = prepared.sum.data();
            slice.row_stride = (slice.rows() + cpu::kRowBlock - 1) / cpu::kRowBlock * cpu::kRowBlock;
            slice.tile = streams[piece.port].data() + index.place(piece.tile * layout.ports, 0, 0).byte;
            sums.resize(std::max(sums.size(), slice.row_stride * x.tokens));
            const cpu::SliceStatus status = code_->run(slice, sums.data());
            seen.legal = seen.legal && status.legal;
            seen.nonzero += status.nonzero;
            store(index, slice, piece.tile * layout.ports, piece.port, columns, sums.data(), y);
        }
        if (!seen.legal) {
            legal = false;
        }
        nonzero += seen.nonzero;
    };
    if (threads == 1) {
        job();
    } else {
        pool_->run(job);
    }
    if (!legal) {
        return find_illegal(index, streams);
    }
    KernelStatus status;
    status.nonzero = nonzero;
    return status;
}

}  // namespace setun
