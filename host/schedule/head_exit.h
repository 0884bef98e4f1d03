// Exact early exit of the output head: which rows still need their lower digit planes (docs/numerics.md
// section 8).
#pragma once

#include <cstdint>
#include <span>
#include <vector>

#include "host/model/model.h"

namespace setun {

/// What one command reads of the head: rows first_row .., digit planes plane .., K-chunks chunk ... It is
/// either a whole tile with all chunks, or some row blocks of one tile with one plane and one chunk: only
/// these stand without gaps in the stream.
struct HeadPart {
    std::uint32_t first_row = 0;
    std::uint32_t rows = 0;
    std::uint32_t plane = 0;
    std::uint32_t planes = 0;
    std::uint32_t chunk = 0;
    std::uint32_t chunks = 0;

    bool operator==(const HeadPart&) const = default;
};

/// Inputs that a part multiplies: those of its chunks, without the padding of the last one.
std::uint32_t part_inputs(const PackedMatrix& head, const HeadPart& part);

struct HeadExitOptions {
    std::uint32_t block_rows = 8;  ///< rows of each port in a block, the unit that is finished; multiple of 4
    std::uint32_t round_beats =
        100;  ///< what one more command list costs, in beats of a port; steers, never decides
};

/// How much the missing planes of a row can still add, for any activations. Memory: 72 bytes a row.
class HeadBounds {
  public:
    /// Reads every weight once.
    explicit HeadBounds(const PackedMatrix& head);

    /// Planes that may be missing: bounds exist for 1 to this many.
    [[nodiscard]] unsigned max_missing() const { return max_missing_; }

    /// Sums of the n largest of |q|, n = 0 .. k: what bound() wants to know of an activation row.
    [[nodiscard]] static std::vector<std::int32_t> largest_sums(std::span<const std::int8_t> q);

    /// Largest value of |sum_j rest_j * q_j| over all orders and signs of the row's missing digits. 0 when
    /// nothing is missing.
    [[nodiscard]] std::int64_t bound(std::uint32_t row, unsigned missing,
                                     std::span<const std::int32_t> largest_sums) const;

  private:
    unsigned max_missing_;
    /// [row][level]: for each number of missing planes r and each v = 1 .. (3^r - 1) / 2, how many weights of
    /// the row have a rest of magnitude >= v.
    std::vector<std::uint32_t> counts_;
};

/// One row of activations for which the head is wanted.
struct HeadQuery {
    std::span<const std::int8_t> q;
    float scale = 1;         ///< of the quantiser
    std::uint32_t keep = 1;  ///< the largest so many logits are wanted; 1: only where the largest is
};

/// Rows that may be among the wanted ones, in ascending order, with their integers. The integers are exact,
/// except when only one row is left of a query with keep = 1.
struct HeadCandidates {
    std::vector<std::uint32_t> rows;
    std::vector<std::int32_t> sums;
};

/// Finds the largest logits of one step, command list by command list:
///
///     search.begin(queries);
///     while (!search.next().empty()) { ...run search.parts()...; search.absorb(y, columns); }
///     search.candidates(t)
///
/// No row that is dropped can be among the `keep` rows that the full head would give, ties included:
/// docs/numerics.md section 8 has the argument. How many planes are read at once at first is learnt from the
/// steps before.
class HeadSearch {
  public:
    /// `head` and `bounds` must outlive the search. Throws InputError when the head's scale is not positive
    /// and finite.
    HeadSearch(const PackedMatrix& head, const HeadBounds& bounds, const HeadExitOptions& options);

    /// q of each query must stay valid until the search is done.
    void begin(std::vector<HeadQuery> queries);

    /// Parts to run next; empty when the candidates are known.
    const std::vector<HeadPart>& next();
    [[nodiscard]] const std::vector<HeadPart>& parts() const { return parts_; }

    /// Takes the integers of parts(), y[rows][columns] of one part after the other; query t is column t.
    void absorb(std::span<const std::int32_t> y, unsigned columns);

    [[nodiscard]] const HeadCandidates& candidates(std::size_t query) const { return states_[query].live; }

    /// Weight beats read since begin(), in units of one plane of the whole head.
    [[nodiscard]] double planes_read() const;

    /// Commands and rows that next() returns at most.
    [[nodiscard]] std::size_t max_parts() const;
    [[nodiscard]] std::size_t max_rows() const;

  private:
    struct State {
        HeadQuery query;
        std::vector<std::int32_t> largest_sums;
        std::vector<std::int32_t> known;  ///< [row]: the planes read so far, at their place value
        HeadCandidates live;
        std::int64_t lowest = 0;  ///< a row whose upper bound is below is dropped
    };
    [[nodiscard]] std::uint32_t block_of(std::uint32_t row) const { return row / block_span_; }
    [[nodiscard]] bool can_split(std::uint32_t tile_first) const;
    [[nodiscard]] unsigned missing(std::uint32_t row) const { return planes_ - read_[block_of(row)]; }
    void read_all_tiles();
    void drop(State& state) const;
    void choose(const State& state, bool first);
    [[nodiscard]] std::uint64_t part_beats(std::uint64_t rows) const;
    void finish_if_cheap();
    void emit();
    void emit_plane(unsigned plane);
    void learn();

    const PackedMatrix* head_;
    const HeadBounds* bounds_;
    StreamIndex index_;
    HeadExitOptions options_;
    std::uint32_t planes_;
    std::uint32_t block_span_;    ///< rows in a block, all ports
    std::uint32_t tile_span_;     ///< rows in a tile
    std::uint32_t first_planes_;  ///< planes read at once at the begin
    std::size_t round_ = 0;
    std::uint64_t beats_ = 0;  ///< of a port, since begin()
    std::vector<State> states_;
    std::vector<std::uint8_t> read_;  ///< [block]: planes read
    std::vector<std::uint8_t> goal_;  ///< [block]: planes read after parts_
    std::vector<HeadPart> parts_;
};

}  // namespace setun
