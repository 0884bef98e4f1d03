// Technology tables: energies of operations, of bits moved and of on-chip memories, each with its source.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

namespace setun::energy {

/// Something from outside (a table, a shape, a workload) is wrong. One line that names file, field and fix.
class BadInput : public std::runtime_error {
    using std::runtime_error::runtime_error;
};

/// A technology table could not be read, or a number that it does not hold was asked for. One-line message.
class TableError : public BadInput {
    using BadInput::BadInput;
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
    std::string accuracy;   ///< "published", "second-hand" (read in a source that reports it), "remembered"
                            ///< (not read again), "derived", "measured", "assumption" or "user"
    std::string condition;  ///< what the number covers and what not
};

/// One cited access energy of an on-chip memory.
struct SramPoint {
    std::uint64_t bytes = 0;  ///< capacity
    unsigned width_bits = 0;  ///< of one access
    double read_pj = 0;       ///< picojoule of one read
    std::string node;
    std::string source;
    std::string accuracy;  ///< as in Entry
    std::string condition;
};

/// What a chip draws whether it works or not, and the clock at which it is taken to run.
struct StaticPower {
    double power_w = 0;   ///< watt, whole chip
    double clock_hz = 0;  ///< used where no device says otherwise
    std::string source;
    std::string accuracy;  ///< as in Entry
    std::string condition;
};

/// A named set of energies. Value type; entries keep the order of the file.
class Table {
  public:
    Table(std::string name, std::string title, std::vector<Entry> entries, std::vector<SramPoint> sram = {},
          std::optional<StaticPower> static_power = std::nullopt);

    [[nodiscard]] const std::string& name() const noexcept { return name_; }
    [[nodiscard]] const std::string& title() const noexcept { return title_; }
    [[nodiscard]] const std::vector<Entry>& entries() const& noexcept { return entries_; }
    const std::vector<Entry>& entries() const&& = delete;  // the list dies with the table
    /// Cited SRAM energies, ascending in size; empty when the table has none.
    [[nodiscard]] const std::vector<SramPoint>& sram() const& noexcept { return sram_; }
    const std::vector<SramPoint>& sram() const&& = delete;
    [[nodiscard]] const std::optional<StaticPower>& static_power() const& noexcept { return static_power_; }
    const std::optional<StaticPower>& static_power() const&& = delete;

    /// The entry of `op`. Throws TableError that lists the operations that the table has.
    [[nodiscard]] const Entry& at(std::string_view op) const;
    /// The same, with the unit that the caller needs. Throws TableError also when the unit is another one.
    [[nodiscard]] const Entry& at(std::string_view op, Unit unit) const;
    [[nodiscard]] bool contains(std::string_view op) const noexcept;

  private:
    std::string name_;
    std::string title_;
    std::vector<Entry> entries_;
    std::vector<SramPoint> sram_;
    std::optional<StaticPower> static_power_;
};

/// Reads a table from JSON `text`; `origin` names it in errors. Throws TableError that names entry and field:
/// missing or empty citation, unknown or missing field, energy that is not positive and finite, both or
/// neither unit, an operation given twice.
[[nodiscard]] Table parse_table(std::string_view text, std::string_view origin);

/// Reads a table from a file, same rules and errors as parse_table.
[[nodiscard]] Table load_table(const std::filesystem::path& file);

/// Tables compiled into the library: "7nm" and "45nm" (operations, SRAM, static), "memory" (bits moved to or
/// from a memory device). Throws TableError that lists them.
[[nodiscard]] Table builtin_table(std::string_view name);
[[nodiscard]] std::vector<std::string> builtin_table_names();

/// A builtin name, or else a path to a user's table. Throws TableError that lists the builtin names.
[[nodiscard]] Table find_table(const std::string& name_or_path);

}  // namespace setun::energy
