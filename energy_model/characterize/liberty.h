// A standard-cell library as the characterisation uses it: functions, capacitances, delays and internal
// energies.
//
// Units everywhere: time in ps, capacitance in fF, energy in fJ, leakage in pW, area in um^2, voltage in V.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "energy_model/characterize/expression.h"
#include "energy_model/characterize/liberty_text.h"

namespace setun::characterize {

/// A table over one or two variables, or a constant. Between points and beyond the ends it is (bi)linear.
struct LookupTable {
    std::vector<double> index1;  ///< empty: a constant
    std::vector<double> index2;  ///< empty: one variable
    std::vector<double> values;  ///< row by row

    [[nodiscard]] double at(double x1, double x2) const;
};

/// Which way an output moves when an input rises.
enum class Sense { kPositive, kNegative, kEither };

/// Delays of one output after one input, in the states of `when`; or a constraint of a data pin (setup,
/// hold).
struct TimingArc {
    unsigned related = 0;  ///< number of the related pin among the cell's inputs
    std::optional<Expression>
        when;  ///< over inputs, then outputs; absent: every state that no other arc names
    Sense sense = Sense::kEither;
    std::string type;  ///< Liberty's timing_type
    std::optional<LookupTable> delay_rise, delay_fall, slew_rise,
        slew_fall;  ///< (input slew, load); of the output's edge
    std::optional<LookupTable> constraint_rise,
        constraint_fall;  ///< (data slew, clock slew); of the data's edge
};

/// Internal energy of a transition, per supply rail as the library gives it.
struct PowerGroup {
    std::optional<unsigned>
        related;  ///< of an output: the input that caused the transition; of an input: absent
    std::optional<Expression> when;         ///< over inputs, then outputs
    std::string rail;                       ///< related_pg_pin
    std::optional<LookupTable> rise, fall;  ///< by the pin's own edge
};

struct LibertyPin {
    std::string name;
    bool output = false;
    double capacitance = 0;      ///< nominal
    double capacitance_low = 0;  ///< low end of the range, mean of both edges; nominal when no range is given
    double max_capacitance = 0;  ///< of an output; 0 when not given
    bool clock_gate_clock = false, clock_gate_enable = false, clock_gate_test = false;
    std::string function;  ///< of an output; "" where it has none
    std::vector<TimingArc> arcs;
    std::vector<PowerGroup> powers;
};

/// What a cell does. kOther (latches, set or reset flip-flops) is kept for completeness and cannot be
/// simulated.
enum class CellKind { kCombinational, kFlipFlop, kClockGate, kOther };

struct LibertyCell {
    std::string name;
    CellKind kind = CellKind::kOther;
    double area = 0;
    double leakage = 0;                     ///< mean of the states given
    std::vector<LibertyPin> inputs;         ///< at most 10
    std::vector<LibertyPin> outputs;        ///< at most 4
    std::string state_name, state_inverse;  ///< of a flip-flop: names of the stored value and its inverse
    std::string clocked_on, next_state;     ///< of a flip-flop
    std::string origin;                     ///< FILE:LINE

    /// Names of the inputs, then of the outputs: the variables of `when`.
    [[nodiscard]] std::vector<std::string> pin_names() const;
    [[nodiscard]] std::vector<std::string> input_names() const;
};

struct LibertyLibrary {
    double voltage = 0;
    std::vector<LibertyCell> cells;  ///< sorted by name

    /// Throws CharacterizeError when there is no such cell.
    [[nodiscard]] const LibertyCell& at(std::string_view name) const;
    [[nodiscard]] const LibertyCell* find(std::string_view name) const;
};

/// Adds the cells of one Liberty text to `library`. Refuses other units than ps, fF, V, mA and pW, another
/// corner than that of the texts before, and a cell given twice. Throws CharacterizeError "FILE:LINE: ...".
void add_liberty(LibertyLibrary& library, std::string_view text, const std::string& origin);

/// The five files (SIMPLE, INVBUF, AO, OA, SEQ) of ASAP7's release 28, RVT, TT, 0.70 V, 25 C in `folder`, as
/// .lib, .lib.gz or .lib.xz. Throws CharacterizeError that names what is missing and where to fetch it, or
/// what is another corner.
[[nodiscard]] std::vector<std::filesystem::path> asap7_files(const std::filesystem::path& folder);

/// Reads asap7_files(folder) and checks that they are of the typical corner at 0.70 V, 25 C.
[[nodiscard]] LibertyLibrary read_asap7(const std::filesystem::path& folder);

}  // namespace setun::characterize
