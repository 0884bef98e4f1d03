// LUTs and block RAMs of the ternary engine, estimated from synthesised configurations.
#pragma once

#include <array>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace setun::area {

/// One configuration as Yosys built it (docs/area.md): UltraScale+, partial sums for 1024 rows, without AXI
/// ports and command processor.
struct MeasuredEngine {
    std::string leaf;  ///< "tree", "table", "bram"
    unsigned ports = 1;
    unsigned port_bits = 128;
    unsigned tokens = 1;
    double luts = 0;       ///< packed, an estimate itself: docs/area.md
    double luts_raw = 0;   ///< cells of Yosys
    double block_ram = 0;  ///< RAMB18

    /// Weights x activations a clock.
    [[nodiscard]] unsigned products() const noexcept { return ports * port_bits / 8 * 5 * tokens; }
};

/// What an engine of any size should take. Not a synthesis, and no statement about routing or clock.
struct Estimate {
    double luts = 0;            ///< packed
    double block_ram = 0;       ///< RAMB18
    bool extrapolated = false;  ///< larger than every engine that was synthesised with this leaf
};

/// LUTs = a + b P T + c P L T + d P L + e L T by least squares of the relative error, with P ports, T tokens,
/// L lanes of a port: P L are decoders, which tokens share, L T generators of tables, which ports share.
/// Block RAM follows from the sizes of the memories and equals every synthesised engine: 2 P T for partial
/// sums, the result FIFO where a result is wider than a port, L T / 20 for activations
/// (`table`, `bram`), P L T / 5 for tables (`bram`).
class Model {
  public:
    /// From the engines that are compiled into the library (energy_model/area/engines.json).
    static Model builtin();
    /// Throws std::invalid_argument for a leaf with fewer engines than coefficients.
    Model(std::vector<MeasuredEngine> engines, std::string source);

    /// Throws std::invalid_argument for a leaf without engines; it lists those that have some.
    [[nodiscard]] Estimate estimate(std::string_view leaf, unsigned ports, unsigned port_bits,
                                    unsigned tokens) const;
    /// Largest relative difference between the fit's LUTs and a synthesised engine's.
    [[nodiscard]] double worst_fit(std::string_view leaf) const;
    [[nodiscard]] const std::vector<MeasuredEngine>& engines() const& noexcept { return engines_; }
    const std::vector<MeasuredEngine>& engines() const&& = delete;
    /// How the engines were synthesised.
    [[nodiscard]] const std::string& source() const& noexcept { return source_; }
    const std::string& source() const&& = delete;

  private:
    static constexpr std::size_t kTerms = 5;
    using Terms = std::array<double, kTerms>;
    struct Fit {
        std::string leaf;
        Terms coefficients{};
        unsigned largest = 0;  ///< products a clock
    };

    static Terms terms(unsigned ports, unsigned port_bits, unsigned tokens);
    static Terms least_squares(std::span<const MeasuredEngine> engines, std::string_view leaf);
    [[nodiscard]] const Fit& fit(std::string_view leaf) const;

    std::vector<MeasuredEngine> engines_;
    std::string source_;
    std::vector<Fit> fits_;
};

/// Whether there is an estimate for a leaf.
[[nodiscard]] bool has_leaf(std::string_view leaf) noexcept;
/// "tree, table, bram": the leaves with an estimate.
[[nodiscard]] std::string leaf_names();

}  // namespace setun::area
