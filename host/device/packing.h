// Integer matrices to packed weight streams and back (docs/memory-format.md sections 1 to 4).
#pragma once

#include <cstddef>
#include <cstdint>
#include <functional>
#include <span>
#include <vector>

namespace setun {

/// The parameters of a kernel that decide where each weight stands.
struct StreamLayout {
    unsigned ports = 1;         ///< weight ports: 1, 2, 4, 8 or 16
    unsigned port_bits = 512;   ///< bits of a beat: 128, 256 or 512
    unsigned tile_rows = 1024;  ///< rows a tile gives to each port: power of two, 16 to 4096

    [[nodiscard]] std::size_t beat_bytes() const { return port_bits / 8; }
    [[nodiscard]] std::size_t lanes() const { return 5 * beat_bytes(); }
    bool operator==(const StreamLayout&) const = default;
};

/// The packed stream of each port; all have the same size.
using PackedStreams = std::vector<std::vector<std::byte>>;
/// Streams that stand elsewhere, e.g. in a mapped file.
using StreamViews = std::span<const std::span<const std::byte>>;

[[nodiscard]] std::vector<std::span<const std::byte>> views(const PackedStreams& streams);

/// Where the beats of an [m][k] matrix of `planes` digit planes stand. The constructor throws InputError when
/// the layout or the shape is outside what the kernel takes (m to 2^20, k to 2^17, planes to 5).
class StreamIndex {
  public:
    StreamIndex(const StreamLayout& layout, std::uint32_t m, std::uint32_t k, unsigned planes);

    struct Place {
        unsigned port;
        std::uint64_t byte;  ///< offset of the beat in the port's stream
    };
    /// The beat of `row` (may be a padding row), digit plane `plane` (0 is most significant), inputs
    /// chunk * lanes .. + lanes - 1.
    [[nodiscard]] Place place(std::uint32_t row, unsigned plane, std::uint32_t chunk) const;

    [[nodiscard]] std::uint32_t chunks() const { return chunks_; }
    [[nodiscard]] std::uint32_t padded_rows() const {
        return groups_ * layout_.ports;
    }  ///< m up to whole groups
    [[nodiscard]] std::uint64_t beats_per_port() const;
    [[nodiscard]] std::uint64_t stream_bytes() const { return beats_per_port() * layout_.beat_bytes(); }
    [[nodiscard]] const StreamLayout& layout() const { return layout_; }
    [[nodiscard]] std::uint32_t m() const { return m_; }
    [[nodiscard]] std::uint32_t k() const { return k_; }
    [[nodiscard]] unsigned planes() const { return planes_; }

  private:
    StreamLayout layout_;
    std::uint32_t m_;
    std::uint32_t k_;
    unsigned planes_;
    std::uint32_t chunks_;
    std::uint32_t groups_;  // in the whole matrix
};

/// Beats, and bytes, of each port's stream: planes * ceil(k / lanes) * ceil(m / ports) beats. Throws like
/// StreamIndex.
std::uint64_t beats_per_port(const StreamLayout& layout, std::uint32_t m, std::uint32_t k, unsigned planes);
std::uint64_t stream_bytes(const StreamLayout& layout, std::uint32_t m, std::uint32_t k, unsigned planes);

/// Gives row `row` as k integers.
using RowSource = std::function<void(std::uint32_t row, std::span<std::int8_t> weights)>;

/// Packs integers within +-(3^planes - 1) / 2. `weights` is row-major [m][k]; a RowSource is asked once for
/// each row, in ascending order. Throws InputError naming row and input of the first weight that does not
/// fit.
PackedStreams pack_matrix(const StreamLayout& layout, std::uint32_t m, std::uint32_t k, unsigned planes,
                          std::span<const std::int8_t> weights);
PackedStreams pack_matrix(const StreamLayout& layout, std::uint32_t m, std::uint32_t k, unsigned planes,
                          const RowSource& source);

/// Packs one row into streams of index.stream_bytes() each. Different rows touch different bytes, so rows can
/// be shared out among threads. Rows from m to padded_rows() must be filled by fill_padding().
void pack_row(const StreamIndex& index, std::uint32_t row, std::span<const std::int8_t> weights,
              std::span<const std::span<std::byte>> streams);
void fill_padding(const StreamIndex& index, std::span<const std::span<std::byte>> streams);

/// The integers, row-major [m][k]. Throws InputError for a wrong number or size of streams, an illegal trit
/// code, or padding that is not zero.
std::vector<std::int8_t> unpack_matrix(const StreamLayout& layout, std::uint32_t m, std::uint32_t k,
                                       unsigned planes, StreamViews streams);
std::vector<std::int8_t> unpack_matrix(const StreamLayout& layout, std::uint32_t m, std::uint32_t k,
                                       unsigned planes, const PackedStreams& streams);

/// One row of the above, out[k]: e.g. the embedding of a token from the streams of the output head.
void unpack_row(const StreamIndex& index, std::uint32_t row, StreamViews streams, std::span<std::int8_t> out);

/// Throws InputError when unpack_matrix would, without making the integers.
void check_streams(const StreamIndex& index, StreamViews streams);

/// The weights of one beat of `beat` bytes in the order of its lanes, out[5 * beat.size()]. Returns false,
/// with zeros in their place, when a code is illegal.
bool decode_beat(std::span<const std::byte> beat, std::span<std::int8_t> lanes);

/// A beat of zero weights.
void fill_zero_beat(std::span<std::byte> beat);

/// The same matrix for a kernel of another configuration. Throws like unpack_matrix.
PackedStreams repack(const StreamLayout& from, const StreamLayout& to, std::uint32_t m, std::uint32_t k,
                     unsigned planes, StreamViews streams);

/// Trits of the matrix by value; padding is not counted.
struct TritCounts {
    std::uint64_t zero = 0;
    std::uint64_t nonzero = 0;

    [[nodiscard]] double zero_share() const;
};
TritCounts count_trits(const StreamIndex& index, StreamViews streams);

/// A valid stream set of random trits, each zero with probability `zero_share` (to 2^-16) and else +1 or -1
/// evenly; padding is zero. Made directly, for benchmarks of shapes whose weights are not at hand. Same seed,
/// same bytes.
PackedStreams random_streams(const StreamLayout& layout, std::uint32_t m, std::uint32_t k, unsigned planes,
                             std::uint64_t seed, double zero_share);

}  // namespace setun
