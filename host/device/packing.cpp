// Integer matrices to packed weight streams and back (docs/memory-format.md sections 1 to 4).
#include "host/device/packing.h"

#include <algorithm>
#include <array>
#include <bit>
#include <cmath>
#include <cstring>
#include <string>

#include "hls/trit.h"
#include "host/base/error.h"
#include "rtl/setun_abi.h"

namespace setun {
namespace {

static_assert(std::endian::native == std::endian::little, "beats and streams are little endian");

constexpr unsigned kTrits = hls::kTritsPerCode;
constexpr unsigned kCodes = 243;  // 3^5
constexpr std::size_t kMaxBeat = 64;
constexpr std::size_t kMaxLanes = kTrits * kMaxBeat;
using Lanes = std::array<std::int8_t, kMaxLanes>;

constexpr std::uint32_t ceil_div(std::uint64_t a, std::uint64_t b) {
    return static_cast<std::uint32_t>((a + b - 1) / b);
}

/// Tables of the T5 code and of digit planes, made from the golden functions.
struct Tables {
    /// Code of the trits whose base-3 index is sum_j (w_j + 1) * 3^j.
    std::array<std::uint8_t, kCodes> code_of{};
    /// The five trits of a code, one a byte from the least significant; illegal codes have `legal` zero.
    std::array<std::array<std::int8_t, kTrits>, 256> trits_of{};
    std::array<std::uint8_t, 256> legal{};
    /// digit[planes - 1][plane][w as a byte] in {-1, 0, +1}.
    std::array<std::array<std::array<std::int8_t, 256>, hls::kMaxPlanes>, hls::kMaxPlanes> digit{};

    Tables() {
        for (unsigned code = 0; code < 256; ++code) {
            std::int8_t* const trits = trits_of[code].data();
            legal[code] = hls::decode_trits(static_cast<std::uint8_t>(code), trits) ? 1 : 0;
            if (legal[code] != 0) {
                unsigned index = 0;
                for (unsigned j = kTrits; j-- > 0;) {
                    index = index * 3 + static_cast<unsigned>(trits[j] + 1);
                }
                code_of[index] = static_cast<std::uint8_t>(code);
            }
        }
        for (unsigned planes = 1; planes <= hls::kMaxPlanes; ++planes) {
            for (int w = -hls::max_of_planes(planes); w <= hls::max_of_planes(planes); ++w) {
                std::array<std::int8_t, hls::kMaxPlanes> digits{};
                hls::to_balanced_ternary(w, planes, digits.data());
                for (unsigned d = 0; d < planes; ++d) {
                    digit[planes - 1][d][static_cast<std::uint8_t>(w)] = digits[d];
                }
            }
        }
    }
};

const Tables& tables() {
    static const Tables instance;
    return instance;
}

/// Transposes an 8 x 8 bit matrix: bit r of byte j becomes bit j of byte r. Swaps 1-, 2- and 4-bit blocks.
std::uint64_t transpose(std::uint64_t x) {
    std::uint64_t t = (x ^ (x >> 7)) & 0x00AA00AA00AA00AAULL;
    x ^= t ^ (t << 7);
    t = (x ^ (x >> 14)) & 0x0000CCCC0000CCCCULL;
    x ^= t ^ (t << 14);
    t = (x ^ (x >> 28)) & 0x00000000F0F0F0F0ULL;
    return x ^ t ^ (t << 28);
}

/// The codes of a beat to its bit planes, and back. `bytes` is the beat's size and the number of codes.
void codes_to_beat(const std::uint8_t* codes, std::size_t bytes, std::byte* beat) {
    const std::size_t plane = bytes / 8;
    for (std::size_t g = 0; g < plane; ++g) {
        std::uint64_t block = 0;
        std::memcpy(&block, codes + 8 * g, 8);
        block = transpose(block);
        for (std::size_t j = 0; j < 8; ++j) {
            beat[j * plane + g] = static_cast<std::byte>(block >> (8 * j));
        }
    }
}

void beat_to_codes(const std::byte* beat, std::size_t bytes, std::uint8_t* codes) {
    const std::size_t plane = bytes / 8;
    for (std::size_t g = 0; g < plane; ++g) {
        std::uint64_t block = 0;
        for (std::size_t j = 0; j < 8; ++j) {
            block |= static_cast<std::uint64_t>(beat[j * plane + g]) << (8 * j);
        }
        block = transpose(block);
        std::memcpy(codes + 8 * g, &block, 8);
    }
}

/// Lane t * B + i to weight t of code i.
void lanes_to_beat(const std::int8_t* lanes, std::size_t bytes, std::byte* beat) {
    std::array<std::uint8_t, kMaxBeat> codes{};
    for (std::size_t i = 0; i < bytes; ++i) {  // base-3 index, computed in bytes: 0 to 242
        const int index = 121 + lanes[i] + 3 * lanes[bytes + i] + 9 * lanes[2 * bytes + i] +
                          27 * lanes[3 * bytes + i] + 81 * lanes[4 * bytes + i];
        codes[i] = static_cast<std::uint8_t>(index);
    }
    const auto& code_of = tables().code_of;
    std::transform(codes.begin(), codes.begin() + static_cast<std::ptrdiff_t>(bytes), codes.begin(),
                   [&code_of](std::uint8_t index) { return code_of[index]; });
    codes_to_beat(codes.data(), bytes, beat);
}

/// Returns false when a code is illegal.
bool beat_to_lanes(const std::byte* beat, std::size_t bytes, std::int8_t* lanes) {
    std::array<std::uint8_t, kMaxBeat> codes{};
    beat_to_codes(beat, bytes, codes.data());
    unsigned legal = 1;
    for (std::size_t i = 0; i < bytes; ++i) {
        legal &= tables().legal[codes[i]];
        const auto& trits = tables().trits_of[codes[i]];
        for (unsigned t = 0; t < kTrits; ++t) {
            lanes[t * bytes + i] = trits[t];
        }
    }
    return legal != 0;
}

/// Which codes of a beat are illegal and which weights are zero, for all codes at once: a Word is one bit
/// plane.
template <class Word>
struct BeatMasks {
    Word illegal;
    std::array<Word, kTrits> zero;
};

/// docs/memory-format.md section 1 on bit planes.
template <class Word>
BeatMasks<Word> masks_of(const std::byte* beat) {
    std::array<Word, 8> b{};
    std::memcpy(b.data(), beat, sizeof b);
    const auto word = [](auto bits) { return static_cast<Word>(bits); };  // undoes promotion to int
    const auto select = [&word](Word mask, Word yes, Word no) { return word((mask & yes) | (~mask & no)); };
    const Word esc = word(b[4] & b[3] & b[2]);
    const Word c4 = select(esc, b[7], b[4]);
    const Word c3 = select(esc, b[6], b[3]);
    const Word c2 = select(esc, b[5], b[2]);
    const Word a = word(b[1] & b[0]);
    BeatMasks<Word> out{};
    out.illegal = word(c3 & c2 & (a | (esc & c4)));
    out.zero[4] = word(esc | (b[6] & b[5]));
    out.zero[3] = word(esc | (b[6] & ~b[5]));
    out.zero[2] = word(a | (c3 & c2));
    out.zero[1] = word(~a & c3);
    out.zero[0] = select(a, c3, b[1]);
    return out;
}

/// Calls visit(masks) for every beat of a stream.
template <class Visit>
void for_each_mask(std::span<const std::byte> stream, std::size_t bytes, Visit visit) {
    for (std::size_t at = 0; at < stream.size(); at += bytes) {
        if (bytes == 64) {
            visit(masks_of<std::uint64_t>(stream.data() + at));
        } else if (bytes == 32) {
            visit(masks_of<std::uint32_t>(stream.data() + at));
        } else {
            visit(masks_of<std::uint16_t>(stream.data() + at));
        }
    }
}

bool all_legal(const StreamIndex& index, StreamViews streams) {
    std::uint64_t illegal = 0;
    for (const auto stream : streams) {
        for_each_mask(stream, index.layout().beat_bytes(),
                      [&illegal](const auto& masks) { illegal |= masks.illegal; });
    }
    return illegal == 0;
}

/// A beat of zero weights: bit planes 1 to 6 of code 0x7E are ones.
void zero_beat(std::size_t bytes, std::byte* beat) {
    std::array<std::uint8_t, kMaxBeat> codes{};
    codes.fill(hls::kZeroCode);
    codes_to_beat(codes.data(), bytes, beat);
}

std::string place_name(const StreamIndex::Place& place) {
    return "port " + std::to_string(place.port) + ", byte " + std::to_string(place.byte);
}

void check_sizes(const StreamIndex& index, StreamViews streams) {
    if (streams.size() != index.layout().ports) {
        throw InputError("packed matrix: " + std::to_string(streams.size()) +
                         " streams where the layout has " + std::to_string(index.layout().ports) + " ports");
    }
    for (std::size_t p = 0; p < streams.size(); ++p) {
        if (streams[p].size() != index.stream_bytes()) {
            throw InputError("packed matrix: stream of port " + std::to_string(p) + " has " +
                             std::to_string(streams[p].size()) + " bytes, the shape needs " +
                             std::to_string(index.stream_bytes()));
        }
    }
}

/// Decodes a beat that must be legal and zero beyond its first `used` lanes.
void checked_lanes(const StreamIndex& index, const StreamIndex::Place& place, StreamViews streams,
                   std::size_t used, Lanes& lanes) {
    const std::size_t bytes = index.layout().beat_bytes();
    if (!beat_to_lanes(streams[place.port].data() + place.byte, bytes, lanes.data())) {
        throw InputError("packed matrix: illegal trit code in the beat at " + place_name(place) +
                         "; the file is damaged or not T5");
    }
    if (std::any_of(lanes.begin() + static_cast<std::ptrdiff_t>(used),
                    lanes.begin() + static_cast<std::ptrdiff_t>(index.layout().lanes()),
                    [](std::int8_t w) { return w != 0; })) {
        throw InputError("packed matrix: padding is not zero in the beat at " + place_name(place) +
                         "; the file is damaged or was packed for another shape");
    }
}

void check_padding_rows(const StreamIndex& index, StreamViews streams) {
    Lanes lanes{};
    for (std::uint32_t row = index.m(); row < index.padded_rows(); ++row) {
        for (unsigned d = 0; d < index.planes(); ++d) {
            for (std::uint32_t c = 0; c < index.chunks(); ++c) {
                checked_lanes(index, index.place(row, d, c), streams, 0, lanes);
            }
        }
    }
}

/// Lanes of chunk c that stand for inputs below k.
std::size_t used_lanes(const StreamIndex& index, std::uint32_t c) {
    const std::uint64_t first = static_cast<std::uint64_t>(c) * index.layout().lanes();
    return std::min<std::uint64_t>(index.layout().lanes(), index.k() - first);
}

/// Throws for the first weight that the planes do not reach.
void check_reach(const StreamIndex& index, std::uint32_t row, std::span<const std::int8_t> weights) {
    const int reach = hls::max_of_planes(index.planes());
    const auto outside = [reach](int w) { return w < -reach || w > reach; };
    int bad = 0;  // a sum without early exit, which compilers turn into vector code
    for (const std::int8_t w : weights) {
        bad |= outside(w) ? 1 : 0;
    }
    if (bad != 0) {
        const auto first = std::find_if(weights.begin(), weights.end(), outside);
        throw InputError("matrix: weight " + std::to_string(*first) + " at row " + std::to_string(row) +
                         ", input " + std::to_string(first - weights.begin()) + " does not fit " +
                         std::to_string(index.planes()) + " digit planes, which reach " +
                         std::to_string(reach));
    }
}

PackedStreams empty_streams(const StreamIndex& index) {
    PackedStreams streams(index.layout().ports);
    for (auto& stream : streams) {  // in place: a prototype to copy from would double the peak memory
        stream.resize(index.stream_bytes());
    }
    return streams;
}

std::vector<std::span<std::byte>> writable(PackedStreams& streams) {
    return {streams.begin(), streams.end()};
}

/// splitmix64: a counter through a mixing function (Steele, Lea, Flood 2014).
class Random {
  public:
    explicit Random(std::uint64_t seed) : state_(seed) {}
    std::uint64_t next() {
        state_ += 0x9E3779B97F4A7C15ULL;
        std::uint64_t z = state_;
        z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9ULL;
        z = (z ^ (z >> 27)) * 0x94D049BB133111EBULL;
        return z ^ (z >> 31);
    }

  private:
    std::uint64_t state_;
};

/// Codes in the proportions of five independent trits: index it with 16 random bits.
std::vector<std::uint8_t> code_quantiles(double zero_share) {
    constexpr std::size_t kEntries = 65536;
    std::vector<std::uint8_t> table;
    table.reserve(kEntries);
    double cumulative = 0;
    std::uint8_t last = hls::kZeroCode;
    for (unsigned code = 0; code < 256; ++code) {
        if (tables().legal[code] == 0) {
            continue;
        }
        double probability = 1;
        for (const std::int8_t w : tables().trits_of[code]) {
            probability *= w == 0 ? zero_share : (1 - zero_share) / 2;
        }
        if (probability <= 0) {
            continue;
        }
        cumulative += probability;
        last = static_cast<std::uint8_t>(code);
        const auto end = static_cast<std::size_t>(std::lround(std::min(cumulative, 1.0) * kEntries));
        table.resize(std::max(table.size(), end), last);
    }
    table.resize(kEntries, last);
    return table;
}

void random_beat(Random& random, const std::vector<std::uint8_t>& quantiles, std::size_t bytes,
                 std::byte* beat) {
    std::array<std::uint8_t, kMaxBeat> codes{};
    for (std::size_t i = 0; i < bytes; i += 4) {
        const std::uint64_t r = random.next();
        codes[i] = quantiles[r & 0xFFFFU];
        codes[i + 1] = quantiles[(r >> 16) & 0xFFFFU];
        codes[i + 2] = quantiles[(r >> 32) & 0xFFFFU];
        codes[i + 3] = quantiles[r >> 48];
    }
    codes_to_beat(codes.data(), bytes, beat);
}

/// Makes the lanes from `used` on zero.
void clear_lanes(std::size_t used, std::size_t bytes, std::byte* beat) {
    Lanes lanes{};
    beat_to_lanes(beat, bytes, lanes.data());
    std::fill(lanes.begin() + static_cast<std::ptrdiff_t>(used), lanes.end(), std::int8_t{0});
    lanes_to_beat(lanes.data(), bytes, beat);
}

}  // namespace

std::vector<std::span<const std::byte>> views(const PackedStreams& streams) {
    return {streams.begin(), streams.end()};
}

StreamIndex::StreamIndex(const StreamLayout& layout, std::uint32_t m, std::uint32_t k, unsigned planes)
    : layout_(layout), m_(m), k_(k), planes_(planes), chunks_(0), groups_(0) {
    if (!std::has_single_bit(layout.ports) || layout.ports > 16) {
        throw InputError("layout: ports is " + std::to_string(layout.ports) + ", use 1, 2, 4, 8 or 16");
    }
    if (layout.port_bits != 128 && layout.port_bits != 256 && layout.port_bits != 512) {
        throw InputError("layout: port_bits is " + std::to_string(layout.port_bits) +
                         ", use 128, 256 or 512");
    }
    if (!std::has_single_bit(layout.tile_rows) || layout.tile_rows < 16 || layout.tile_rows > 4096) {
        throw InputError("layout: tile_rows is " + std::to_string(layout.tile_rows) +
                         ", use a power of two from 16 to 4096");
    }
    if (m == 0 || m > SETUN_MAX_M) {
        throw InputError("matrix: " + std::to_string(m) + " rows, the kernel takes 1 to " +
                         std::to_string(SETUN_MAX_M));
    }
    if (k == 0 || k > SETUN_MAX_K) {
        throw InputError("matrix: " + std::to_string(k) + " inputs, the kernel takes 1 to " +
                         std::to_string(SETUN_MAX_K));
    }
    if (planes == 0 || planes > SETUN_MAX_PLANES) {
        throw InputError("matrix: " + std::to_string(planes) + " digit planes, the kernel takes 1 to " +
                         std::to_string(SETUN_MAX_PLANES));
    }
    chunks_ = ceil_div(k, layout.lanes());
    groups_ = ceil_div(m, layout.ports);
}

StreamIndex::Place StreamIndex::place(std::uint32_t row, unsigned plane, std::uint32_t chunk) const {
    const std::uint32_t group = row / layout_.ports;
    const std::uint32_t tile_first =
        group / layout_.tile_rows * layout_.tile_rows;  // group that begins the tile
    const std::uint32_t in_tile = std::min(layout_.tile_rows, groups_ - tile_first);
    const std::uint64_t before = static_cast<std::uint64_t>(tile_first) * planes_ * chunks_;
    const std::uint64_t block = static_cast<std::uint64_t>(plane) * chunks_ + chunk;
    const std::uint64_t beat = before + block * in_tile + (group - tile_first);
    return {row % layout_.ports, beat * layout_.beat_bytes()};
}

std::uint64_t StreamIndex::beats_per_port() const {
    return static_cast<std::uint64_t>(planes_) * chunks_ * groups_;
}

std::uint64_t beats_per_port(const StreamLayout& layout, std::uint32_t m, std::uint32_t k, unsigned planes) {
    return StreamIndex(layout, m, k, planes).beats_per_port();
}

std::uint64_t stream_bytes(const StreamLayout& layout, std::uint32_t m, std::uint32_t k, unsigned planes) {
    return StreamIndex(layout, m, k, planes).stream_bytes();
}

PackedStreams pack_matrix(const StreamLayout& layout, std::uint32_t m, std::uint32_t k, unsigned planes,
                          std::span<const std::int8_t> weights) {
    const StreamIndex index(layout, m, k, planes);
    if (weights.size() != static_cast<std::uint64_t>(m) * k) {
        throw InputError("matrix: " + std::to_string(weights.size()) + " weights for " + std::to_string(m) +
                         " x " + std::to_string(k));
    }
    PackedStreams streams = empty_streams(index);
    const auto targets = writable(streams);
    for (std::uint32_t row = 0; row < m; ++row) {
        pack_row(index, row, weights.subspan(static_cast<std::size_t>(row) * k, k), targets);
    }
    fill_padding(index, targets);
    return streams;
}

PackedStreams pack_matrix(const StreamLayout& layout, std::uint32_t m, std::uint32_t k, unsigned planes,
                          const RowSource& source) {
    const StreamIndex index(layout, m, k, planes);
    PackedStreams streams = empty_streams(index);
    const auto targets = writable(streams);
    std::vector<std::int8_t> weights(k);
    for (std::uint32_t row = 0; row < m; ++row) {
        source(row, weights);
        pack_row(index, row, weights, targets);
    }
    fill_padding(index, targets);
    return streams;
}

void pack_row(const StreamIndex& index, std::uint32_t row, std::span<const std::int8_t> weights,
              std::span<const std::span<std::byte>> streams) {
    check_reach(index, row, weights);
    const std::size_t bytes = index.layout().beat_bytes();
    Lanes lanes{};
    for (unsigned d = 0; d < index.planes(); ++d) {
        const auto& digit = tables().digit[index.planes() - 1][d];
        for (std::uint32_t c = 0; c < index.chunks(); ++c) {
            const auto inputs = weights.subspan(c * index.layout().lanes(), used_lanes(index, c));
            if (inputs.size() < index.layout().lanes()) {
                lanes.fill(0);
            }
            if (index.planes() == 1) {
                std::copy(inputs.begin(), inputs.end(), lanes.begin());
            } else {
                std::transform(inputs.begin(), inputs.end(), lanes.begin(),
                               [&digit](std::int8_t w) { return digit[static_cast<std::uint8_t>(w)]; });
            }
            const auto place = index.place(row, d, c);
            lanes_to_beat(lanes.data(), bytes, streams[place.port].data() + place.byte);
        }
    }
}

void fill_padding(const StreamIndex& index, std::span<const std::span<std::byte>> streams) {
    for (std::uint32_t row = index.m(); row < index.padded_rows(); ++row) {
        for (unsigned d = 0; d < index.planes(); ++d) {
            for (std::uint32_t c = 0; c < index.chunks(); ++c) {
                const auto place = index.place(row, d, c);
                zero_beat(index.layout().beat_bytes(), streams[place.port].data() + place.byte);
            }
        }
    }
}

std::vector<std::int8_t> unpack_matrix(const StreamLayout& layout, std::uint32_t m, std::uint32_t k,
                                       unsigned planes, StreamViews streams) {
    const StreamIndex index(layout, m, k, planes);
    check_sizes(index, streams);
    std::vector<std::int8_t> weights(static_cast<std::size_t>(m) * k);
    for (std::uint32_t row = 0; row < m; ++row) {
        unpack_row(index, row, streams, std::span(weights).subspan(static_cast<std::size_t>(row) * k, k));
    }
    check_padding_rows(index, streams);
    return weights;
}

std::vector<std::int8_t> unpack_matrix(const StreamLayout& layout, std::uint32_t m, std::uint32_t k,
                                       unsigned planes, const PackedStreams& streams) {
    return unpack_matrix(layout, m, k, planes, views(streams));
}

void unpack_row(const StreamIndex& index, std::uint32_t row, StreamViews streams,
                std::span<std::int8_t> out) {
    std::fill(out.begin(), out.end(), std::int8_t{0});
    Lanes lanes{};
    for (unsigned d = 0; d < index.planes(); ++d) {
        for (std::uint32_t c = 0; c < index.chunks(); ++c) {
            const std::size_t used = used_lanes(index, c);
            checked_lanes(index, index.place(row, d, c), streams, used, lanes);
            std::int8_t* const target = out.data() + c * index.layout().lanes();
            for (std::size_t l = 0; l < used; ++l) {
                target[l] = static_cast<std::int8_t>(3 * target[l] + lanes[l]);
            }
        }
    }
}

void check_streams(const StreamIndex& index, StreamViews streams) {
    check_sizes(index, streams);
    // All codes at word speed; beats one by one only where there is padding, or an illegal code to name.
    const std::uint32_t last = index.chunks() - 1;
    const bool legal = all_legal(index, streams);
    const bool padded = used_lanes(index, last) < index.layout().lanes();
    Lanes lanes{};
    for (std::uint32_t row = 0; row < index.m() && (padded || !legal); ++row) {
        for (unsigned d = 0; d < index.planes(); ++d) {
            for (std::uint32_t c = legal ? last : 0; c <= last; ++c) {
                checked_lanes(index, index.place(row, d, c), streams, used_lanes(index, c), lanes);
            }
        }
    }
    check_padding_rows(index, streams);
}

bool decode_beat(std::span<const std::byte> beat, std::span<std::int8_t> lanes) {
    return beat_to_lanes(beat.data(), beat.size(), lanes.data());
}

void fill_zero_beat(std::span<std::byte> beat) { zero_beat(beat.size(), beat.data()); }

PackedStreams repack(const StreamLayout& from, const StreamLayout& to, std::uint32_t m, std::uint32_t k,
                     unsigned planes, StreamViews streams) {
    const StreamIndex source(from, m, k, planes);
    check_sizes(source, streams);
    check_padding_rows(source, streams);
    return pack_matrix(to, m, k, planes, [&](std::uint32_t row, std::span<std::int8_t> weights) {
        unpack_row(source, row, streams, weights);
    });
}

double TritCounts::zero_share() const {
    const std::uint64_t all = zero + nonzero;
    return all == 0 ? 0.0 : static_cast<double>(zero) / static_cast<double>(all);
}

TritCounts count_trits(const StreamIndex& index, StreamViews streams) {
    check_sizes(index, streams);
    const std::size_t lanes = index.layout().lanes();
    TritCounts counts;
    for (const auto stream : streams) {
        for_each_mask(stream, index.layout().beat_bytes(), [&counts, lanes](const auto& masks) {
            std::size_t zero = 0;
            for (const auto mask : masks.zero) {
                zero += static_cast<std::size_t>(std::popcount(mask));
            }
            counts.nonzero += lanes - zero;
        });
    }
    counts.zero = static_cast<std::uint64_t>(index.m()) * index.k() * index.planes() - counts.nonzero;
    return counts;
}

PackedStreams random_streams(const StreamLayout& layout, std::uint32_t m, std::uint32_t k, unsigned planes,
                             std::uint64_t seed, double zero_share) {
    const StreamIndex index(layout, m, k, planes);
    if (!(zero_share >= 0 && zero_share <= 1)) {
        throw InputError("random weights: the share of zeros must be between 0 and 1");
    }
    const std::vector<std::uint8_t> quantiles = code_quantiles(zero_share);
    const std::size_t bytes = layout.beat_bytes();
    PackedStreams streams = empty_streams(index);
    Random random(seed);
    for (auto& stream : streams) {
        for (std::size_t at = 0; at < stream.size(); at += bytes) {
            random_beat(random, quantiles, bytes, stream.data() + at);
        }
    }
    const std::uint32_t last = index.chunks() - 1;
    if (used_lanes(index, last) < layout.lanes()) {
        for (std::uint32_t row = 0; row < m; ++row) {
            for (unsigned d = 0; d < planes; ++d) {
                const auto place = index.place(row, d, last);
                clear_lanes(used_lanes(index, last), bytes, streams[place.port].data() + place.byte);
            }
        }
    }
    fill_padding(index, writable(streams));
    return streams;
}

}  // namespace setun
