// Differential test of the RTL front ends: source and Yosys netlist get the same inputs and must agree in
// every output bit, every half cycle.
//
// usage: netlist_diff CONFIG SEED CYCLES
// The seed is printed. Exit code 0 and a PASS line only when every output was compared and most of them
// moved.
#include <array>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "Vdiff_top.h"
#include "diff_table.h"
#include "tests/guards/stimulus.h"
#include "verilated.h"

namespace setun::guards {
namespace {

class Diff {
  public:
    explicit Diff(std::string_view config) : pins_(config, kPorts, &model_.stimulus_i[0], &model_.gold_o[0]) {
        for (unsigned i = 0; i < kStimulusWords; ++i) {
            model_.stimulus_i[i] = 0;
        }
        moved_.resize(pins_.outputs().size(), false);
    }

    [[nodiscard]] const Pins& pins() const { return pins_; }

    // Returns false at the first difference.
    bool run(Stimulus& stimulus, std::uint64_t cycles) {
        for (std::uint64_t cycle = 0; cycle < cycles; ++cycle) {
            stimulus.drive(pins_, cycle);
            if (!half_cycle(0, cycle)) {
                return false;
            }
            stimulus.observe(pins_);
            if (!half_cycle(1, cycle)) {
                return false;
            }
        }
        return true;
    }

    // Outputs that never changed: they were compared, but nothing was learnt from them.
    [[nodiscard]] std::vector<std::string> still() const {
        std::vector<std::string> names;
        for (std::size_t i = 0; i < moved_.size(); ++i) {
            // Leaves without tables never fill any.
            if (!moved_[i] && pins_.outputs()[i].name != "fill_busy_o") {
                names.emplace_back(pins_.outputs()[i].name);
            }
        }
        return names;
    }

  private:
    bool half_cycle(unsigned clock, std::uint64_t cycle) {
        model_.clk_i = static_cast<CData>(clock);
        model_.eval();
        for (std::size_t o = 0; o < moved_.size(); ++o) {
            const DiffPort& port = pins_.outputs()[o];
            for (unsigned i = 0; i < (port.width + 31) / 32; ++i) {
                const unsigned at = port.offset / 32 + i;
                const std::uint32_t gold = model_.gold_o[at] & used_bits(port, i);
                const std::uint32_t gate = model_.gate_o[at] & used_bits(port, i);
                if (gold != gate) {
                    std::cout << "FAIL: cycle " << cycle << " clock " << clock << ": " << port.name
                              << " word " << i << std::hex << ": 0x" << gold << " here, 0x" << gate
                              << " there" << std::dec << '\n';
                    return false;
                }
                moved_[o] = moved_[o] || (cycle > 0 && gold != last_[at]);
                last_[at] = gold;
            }
        }
        return true;
    }

    Vdiff_top model_;
    Pins pins_;
    std::vector<bool> moved_;
    std::array<std::uint32_t, kOutputWords> last_{};
};

int run(std::string_view config, std::uint64_t seed, std::uint64_t cycles) {
    const auto diff = std::make_unique<Diff>(config);
    if (diff->pins().outputs().empty()) {
        std::cout << "FAIL: no configuration " << config << '\n';
        return 1;
    }
    std::cout << "seed " << seed << '\n';
    const bool kernel = diff->pins().has("s_axi_control_awaddr");
    const bool leaf = diff->pins().has("fill_busy_o");
    const std::unique_ptr<Stimulus> stimulus = kernel ? make_kernel_stimulus(seed)
                                               : leaf ? make_leaf_stimulus(seed)
                                                      : make_random_stimulus(seed);
    if (!diff->run(*stimulus, cycles)) {
        return 1;
    }
    const std::vector<std::string> still = diff->still();
    const std::size_t outputs = diff->pins().outputs().size();
    for (const std::string& name : still) {
        // A kernel ties most AXI signals to constants; these are what a run is about. Of a module's outputs
        // one in eight may rest (a rare event, a port number with one port).
        const bool vital = kernel ? name == "interrupt" || name == "m_axi_data_wdata" ||
                                        name == "m_axi_data_araddr" || name == "m_axi_w0_araddr" ||
                                        name == "s_axi_control_rdata"
                                  : still.size() * 8 > outputs;
        if (vital) {
            std::cout << "FAIL: output " << name << " never changed, so nothing was compared\n";
            return 1;
        }
    }
    std::cout << "PASS: " << cycles << " cycles, " << outputs - still.size() << " of " << outputs
              << " outputs moved\n";
    return 0;
}

}  // namespace
}  // namespace setun::guards

int main(int argc, char** argv) {
    if (argc != 4) {
        std::cerr << "usage: netlist_diff CONFIG SEED CYCLES\n";
        return 2;
    }
    return setun::guards::run(argv[1], std::strtoull(argv[2], nullptr, 10),
                              std::strtoull(argv[3], nullptr, 10));
}
