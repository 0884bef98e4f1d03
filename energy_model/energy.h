// What a token costs in joules: counted operations and bytes times published energies, each with its source.
//
// Three machines run the same model: `setun` (ternary adder tree), `fp16` and `int8` (a multiplier per
// weight). Method, sources and limits: docs/energy.md. Units are in the names: _pj is picojoule, _j is joule,
// bytes are bytes.
//
//     Table ops = builtin_table("7nm"), memories = builtin_table("memory");
//     WorkCounts work;
//     for (const Matrix& m : matrices) { work += count(m, engine); }
//     apply_measured(work, {nonzero, weight_bytes, data_read_bytes, data_write_bytes});
//     work.tokens = 1;
//     TokenEnergy e = per_token(ops, memories, "hbm2", work);
#pragma once

#include <cstdint>
#include <filesystem>
#include <span>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace setun::energy {

/// A technology table could not be read, or a number that it does not hold was asked for. One-line message.
class TableError : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// What one entry's energy is paid for.
enum class Unit { kOperation, kBit };

/// One published energy. `source` is never empty: the loader refuses a number that nobody can trace.
struct Entry {
    std::string op;        ///< what is paid for, e.g. "int8_add", "hbm2"
    double energy_pj = 0;  ///< picojoule per operation, or per bit moved when `unit` is kBit
    Unit unit = Unit::kOperation;
    std::string node;       ///< process or device class, e.g. "7nm"
    std::string source;     ///< full citation
    std::string accuracy;   ///< "published", "second-hand" (read in a source that reports it), "derived",
                            ///< "measured" or "user"
    std::string condition;  ///< what the number covers and what not
};

/// A named set of energies. Value type; entries keep the order of the file.
class Table {
  public:
    Table(std::string name, std::string title, std::vector<Entry> entries);

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const std::string& title() const noexcept { return title_; }
    [[nodiscard]] const std::vector<Entry>& entries() const& noexcept { return entries_; }
    const std::vector<Entry>& entries() const&& = delete;  // the list dies with the table

    /// The entry of `op`. Throws TableError that lists the operations that the table has.
    [[nodiscard]] const Entry& at(std::string_view op) const;
    [[nodiscard]] bool contains(std::string_view op) const noexcept;

  private:
    std::string name_;
    std::string title_;
    std::vector<Entry> entries_;
};

/// Reads a table from JSON `text`; `origin` names it in errors. Throws TableError that names entry and field:
/// missing or empty citation, unknown or missing field, energy that is not positive and finite, both or
/// neither unit, an operation given twice.
[[nodiscard]] Table parse_table(std::string_view text, std::string_view origin);

/// Reads a table from a file, same rules and errors as parse_table.
[[nodiscard]] Table load_table(const std::filesystem::path& file);

/// Tables compiled into the library: "7nm" and "45nm" (operations), "memory" (bits moved to or from a memory
/// device).
[[nodiscard]] Table builtin_table(std::string_view name);
[[nodiscard]] std::vector<std::string> builtin_table_names();

/// A builtin name, or else a path to a user's table. Throws TableError that lists the builtin names.
[[nodiscard]] Table find_table(const std::string& name_or_path);

/// One matrix times `tokens` activation vectors, in one command.
struct Matrix {
    std::uint64_t rows = 0;    ///< M: outputs
    std::uint64_t inputs = 0;  ///< K
    unsigned planes = 1;       ///< trits that make one weight on Setun; 1 = ternary
    unsigned tokens = 1;       ///< activation vectors that share one pass over the weights
};

/// Geometry of the engine as docs/memory-format.md defines it.
struct Engine {
    unsigned port_bits = 512;
    unsigned ports = 1;
    unsigned tokens = 1;  ///< columns of a result row, used or not
    unsigned tile_rows = 1024;

    [[nodiscard]] unsigned lanes() const noexcept { return port_bits / 8 * 5; }
};

/// Where a count comes from; reports print it.
enum class Basis { kShapes, kMeasured };

/// Work of any number of commands. Add counts with +=, then set `tokens` to the tokens of text that they paid
/// for.
struct WorkCounts {
    std::uint64_t tokens = 0;  ///< tokens of text; not summed by +=, must be set before per_token

    std::uint64_t macs = 0;  ///< weight x token pairs of the model, without padding
    std::uint64_t trit_macs =
        0;  ///< stored trit x token pairs: macs, times planes where a weight has several
    std::uint64_t nonzero_trit_macs = 0;  ///< of those, with a non-zero trit
    std::uint64_t accumulator_adds = 0;   ///< INT32: one per row (padding too), token, chunk and plane
    std::uint64_t plane_steps =
        0;  ///< INT32: acc = acc + 2 * acc, one per row, token and plane after the first
    std::uint64_t fp16_macs = 0;  ///< multiply-adds that every machine does in FP16, e.g. attention

    std::uint64_t weights = 0;  ///< weights fetched: each once per command, however many tokens share it
    std::uint64_t trits = 0;    ///< stored trits fetched: weights times planes
    std::uint64_t inputs = 0;   ///< activation elements in
    std::uint64_t outputs = 0;  ///< result elements out

    std::uint64_t weight_bytes = 0;      ///< Setun: bytes on the weight ports, padding included
    std::uint64_t activation_bytes = 0;  ///< Setun: bytes read on the data port (activations, commands)
    std::uint64_t result_bytes = 0;      ///< Setun: bytes written on the data port

    Basis nonzero_basis = Basis::kShapes;  ///< kShapes: nothing measured, every trit taken as non-zero
    Basis bytes_basis = Basis::kShapes;

    /// Sums everything but `tokens`. A basis stays kMeasured only if both sides (that hold work) are
    /// measured.
    WorkCounts& operator+=(const WorkCounts& other);
};

/// Counts of one command from its shape alone (docs/memory-format.md, sections 3 to 6). Bytes: every weight
/// stream in full; activation rows in whole 64-byte words, once per tile and plane; results of all columns
/// once; 64 bytes of command. Throws std::invalid_argument when a size is zero or matrix.tokens exceeds
/// engine.tokens.
[[nodiscard]] WorkCounts count(const Matrix& matrix, const Engine& engine);

/// What the device's counters say about the same work.
struct Measured {
    std::uint64_t nonzero =
        0;  ///< non-zero trits in the weight beats (each once, however many tokens share the beat)
    std::uint64_t weight_bytes = 0;      ///< bytes read on the weight ports
    std::uint64_t data_read_bytes = 0;   ///< bytes read on the data port (commands and activations)
    std::uint64_t data_write_bytes = 0;  ///< bytes written on the data port (results)
};

/// Replaces counted bytes and non-zeros by measured ones. Non-zero trits are scaled by trit_macs / trits, the
/// tokens that shared each beat. Throws std::invalid_argument when more non-zero trits are claimed than were
/// fetched.
void apply_measured(WorkCounts& work, const Measured& measured);

/// One line of a bill: count x energy, with the source of the energy.
struct Contribution {
    std::string what;   ///< e.g. "ternary adds"
    double count = 0;   ///< operations, or bits for memory; for one token
    Entry entry;        ///< what each costs and who says so
    double joules = 0;  ///< count * entry.energy_pj * 1e-12
};

/// Joules of one token on one machine. On-chip memory, control, clock and static energy are not included: no
/// source that fits every machine (docs/energy.md).
struct MachineEnergy {
    std::string machine;  ///< "setun", "fp16", "int8"
    std::string basis;    ///< one sentence: what counts as an operation on this machine
    double arithmetic_j = 0;
    double weights_j = 0;                     ///< off-chip memory: weights
    double activations_j = 0;                 ///< off-chip memory: activations in
    double results_j = 0;                     ///< off-chip memory: results out
    std::vector<Contribution> contributions;  ///< sums to total_j()

    [[nodiscard]] double memory_j() const noexcept { return weights_j + activations_j + results_j; }
    [[nodiscard]] double total_j() const noexcept { return arithmetic_j + memory_j(); }
};

/// One token on Setun and on the two baselines, with everything a reader needs to check it.
struct TokenEnergy {
    std::string operations;  ///< name of the operation table
    std::string memory;      ///< memory preset
    MachineEnergy setun;
    MachineEnergy fp16;
    MachineEnergy int8;
    double setun_nonzero_arithmetic_j =
        0;  ///< lower bound of setun.arithmetic_j: adds with a zero trit cost nothing
    std::vector<std::string> assumptions;  ///< sentences, for the reader of the report

    [[nodiscard]] double arithmetic_ratio() const noexcept { return fp16.arithmetic_j / setun.arithmetic_j; }
    [[nodiscard]] double total_ratio() const noexcept { return fp16.total_j() / setun.total_j(); }
};

/// Energy of one token. `operations` must hold int8_add, int32_add, int8_mul, fp16_add and fp16_mul per
/// operation, `memories` must hold `memory` per bit, or `memory` is "none": then off-chip traffic costs
/// nothing and the assumptions say so. Throws TableError when an entry is missing or has the wrong unit,
/// std::invalid_argument when work.tokens is 0.
[[nodiscard]] TokenEnergy per_token(const Table& operations, const Table& memories, const std::string& memory,
                                    const WorkCounts& work);

/// One way to count "one weight": what FP16 pays, what ternary pays, and what the quotient leaves out.
struct RatioStep {
    std::string name;
    std::string assumption;
    double ternary_pj = 0;
    double fp16_pj = 0;

    [[nodiscard]] double ratio() const noexcept { return fp16_pj / ternary_pj; }
};

/// What is left of the published 71.4x when more is counted, for one weight in a tree of `lanes` lanes: bare
/// operators; adders as wide as the tree needs (linear in bits); the row's INT32 accumulator; an INT32 add
/// for every weight; weights from memory. The memory step is left out when `memory` is "none". Throws
/// TableError; std::invalid_argument when lanes is 0.
[[nodiscard]] std::vector<RatioStep> ratio_ladder(const Table& operations, const Table& memories,
                                                  const std::string& memory, unsigned lanes);

/// Shape of a decoder as the BitNet papers count its energy.
struct PublishedShape {
    std::uint64_t hidden = 0;
    std::uint64_t ffn = 0;
    std::uint64_t layers = 0;
    std::uint64_t sequence = 512;  ///< tokens
};

/// Energy of a whole sequence counted the way of arXiv 2402.17764, Fig. 3: linear layers (4 hidden^2 + 3
/// hidden ffn a layer) at one INT8 add or one FP16 multiply-add a weight, full attention 2 * sequence *
/// hidden a layer and token in FP16, nothing else.
struct PublishedEnergy {
    double ternary_j = 0;
    double fp16_j = 0;
    [[nodiscard]] double ratio() const noexcept { return fp16_j / ternary_j; }
};
[[nodiscard]] PublishedEnergy published_energy(const Table& operations, const PublishedShape& shape);

}  // namespace setun::energy
