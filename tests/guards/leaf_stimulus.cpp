// Drives a leaf of the engine as the engine does: chunks of activations into the shadow, swaps when it is
// ready, a beat in most cycles.
#include <array>
#include <cstddef>

#include "hls/trit.h"
#include "tests/guards/stimulus.h"

namespace setun::guards {
namespace {

class LeafStimulus : public Stimulus {
  public:
    explicit LeafStimulus(std::uint64_t seed) : random_(seed) {}

    void drive(const Pins& pins, std::uint64_t cycle) override {
        pins.set("rst_ni", cycle >= kReset ? 1 : 0);
        drive_load(pins, cycle);
        // Nothing is defined before the first chunk is current.
        pins.set("valid_i", started_ && !one_in(8) ? 1 : 0);
        if (cycle % 16 == 0) {
            weights_ = random_() % kWeightMoods;
        }
        drive_weights(pins);
    }

    void observe(const Pins& /*pins*/) override {}

  private:
    static constexpr std::uint64_t kReset = 4;       // cycles
    static constexpr std::uint64_t kLoadToSwap = 2;  // cycles, of every leaf
    static constexpr unsigned kWeightMoods = 8;
    static constexpr unsigned kActivationMoods = 6;

    [[nodiscard]] bool one_in(unsigned n) { return random_() % n == 0; }

    void drive_load(const Pins& pins, std::uint64_t cycle) {
        pins.set("load_i", 0);
        pins.set("load_last_i", one_in(2) ? 1 : 0);  // means nothing without load_i
        pins.set("swap_i", 0);
        if (cycle < kReset) {
            return;
        }
        if (words_ > 0) {
            if (!one_in(3)) {
                pins.set("load_i", 1);
                pins.set("load_last_i", words_ == 1 ? 1 : 0);
                pins.set("load_group_i", random_() % 5);
                pins.set("load_token_i", random_() % 2);
                for (std::uint32_t& word : pins.words(pins.input("load_data_i"))) {
                    word = activations();
                }
                --words_;
                last_load_ = cycle;
            }
        } else if (cycle >= last_load_ + kLoadToSwap && pins.get("fill_busy_o") == 0 && !one_in(4)) {
            pins.set("swap_i", 1);
            started_ = true;
            words_ = 1 + static_cast<unsigned>(random_() % 12);
            activations_ = random_() % kActivationMoods;
        }
    }

    std::uint32_t activations() {
        switch (activations_) {
            case 0:
                return 0x80808080U;
            case 1:
                return 0x7F7F7F7FU;
            case 2:
                return static_cast<std::uint32_t>(random_()) | 0x80808080U;
            case 3: {  // -128 and 127 mixed
                const auto signs = static_cast<std::uint32_t>(random_()) & 0x80808080U;
                return signs | (~signs >> 7U & 0x01010101U) * 0x7FU;
            }
            default:
                return static_cast<std::uint32_t>(random_());
        }
    }

    std::uint8_t code() {
        const auto byte = static_cast<std::uint8_t>(random_());
        std::array<std::int8_t, 5> trits{};
        switch (weights_) {
            case 0:
                trits.fill(1);
                break;
            case 1:
                trits.fill(-1);
                break;
            case 2:
                return byte;  // illegal ones among them
            case 3:
                return 0xFF;
            default:
                for (std::int8_t& trit : trits) {
                    trit = static_cast<std::int8_t>(static_cast<int>(random_() % 3) - 1);
                }
        }
        return hls::encode_trits(trits.data());
    }

    void drive_weights(const Pins& pins) {
        const DiffPort& port = pins.input("beat_i");
        const unsigned bits = pins.input("load_data_i").width;  // of one weight port
        const std::span<std::uint32_t> words = pins.words(port);
        for (std::uint32_t& word : words) {
            word = 0;
        }
        const unsigned codes = bits / 8;
        for (unsigned base = 0; base < port.width; base += bits) {
            const unsigned bad = one_in(16) ? static_cast<unsigned>(random_()) % codes : codes;
            for (unsigned i = 0; i < codes; ++i) {
                const unsigned byte = i == bad ? 0xFCU : code();
                for (unsigned j = 0; j < 8; ++j) {
                    const unsigned at = base + j * codes + i;
                    words[at / 32] |= (byte >> j & 1U) << (at % 32);
                }
            }
        }
    }

    Random random_;
    unsigned words_ = 10;  // of the chunk, still to be loaded
    std::uint64_t last_load_ = 0;
    std::uint64_t weights_ = 0;
    std::uint64_t activations_ = kActivationMoods;
    bool started_ = false;
};

}  // namespace

std::unique_ptr<Stimulus> make_leaf_stimulus(std::uint64_t seed) {
    return std::make_unique<LeafStimulus>(seed);
}

}  // namespace setun::guards
