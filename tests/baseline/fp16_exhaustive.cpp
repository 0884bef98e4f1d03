// All 2^32 operand pairs through the FP16 multipliers and adders of rtl/baseline: minutes of work, so it is
// run by hand.
//
// usage: baseline_fp16_exhaustive [PART PARTS]
// Part 0 of 1 by default. Exit code 0 and a PASS line only when every pair of the part was compared.
#include <charconv>
#include <cstdint>
#include <cstdlib>
#include <iostream>
#include <string_view>

#include "Varithmetic_top.h"
#include "tests/baseline/fp16_reference.h"

namespace setun::baseline {
namespace {

constexpr unsigned kValues = 65536;

/// The units side by side, on the same operands.
class Units {
  public:
    void edge(unsigned a, unsigned b) {
        model_.a_i = a;
        model_.b_i = b;
        model_.clk_i = 0;
        model_.eval();
        model_.clk_i = 1;
        model_.eval();
    }

    /// Compares every result for one a; false after a message at the first difference.
    bool check(unsigned a) {
        // Latencies of the modules' headers: 2 and 3 for products, 3 and 4 for sums; two older pairs are
        // kept.
        Fp16 last_mul = 0;
        Fp16 older_add = 0;
        Fp16 last_add = 0;
        for (unsigned step = 0; step < kValues + 3; ++step) {
            const unsigned b = step % kValues;
            edge(a, b);
            const auto given = static_cast<Fp16>(step - 1);
            const Fp16 mul = fp16_mul(static_cast<Fp16>(a), given);
            const Fp16 add = fp16_add(static_cast<Fp16>(a), given);
            const bool same = (step < 1 || model_.fp16_mul_1_o == mul) &&
                              (step < 2 || model_.fp16_mul_2_o == last_mul) &&
                              (step < 2 || model_.fp16_add_2_o == last_add) &&
                              (step < 3 || model_.fp16_add_3_o == older_add);
            if (!same) {
                std::cout << "FAIL: a " << std::hex << a << ", b " << b << " or up to three before\n";
                return false;
            }
            last_mul = mul;
            older_add = last_add;
            last_add = add;
        }
        return true;
    }

  private:
    Varithmetic_top model_;
};

unsigned number(std::string_view text) {
    unsigned value = 0;
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    if (error != std::errc{} || end != text.data() + text.size()) {
        std::cerr << "baseline_fp16_exhaustive: '" << text << "' is no number\n";
        std::exit(2);
    }
    return value;
}

int run(unsigned part, unsigned parts) {
    if (parts == 0 || part >= parts) {
        std::cerr << "baseline_fp16_exhaustive: PART must be less than PARTS\n";
        return 2;
    }
    Units units;
    std::uint64_t pairs = 0;
    for (unsigned a = part; a < kValues; a += parts) {
        if (!units.check(a)) {
            return 1;
        }
        pairs += kValues;
    }
    std::cout << "PASS: " << pairs << " pairs\n";
    return 0;
}

}  // namespace
}  // namespace setun::baseline

int main(int argc, char** argv) {
    if (argc != 1 && argc != 3) {
        std::cerr << "usage: baseline_fp16_exhaustive [PART PARTS]\n";
        return 2;
    }
    return argc == 1
               ? setun::baseline::run(0, 1)
               : setun::baseline::run(setun::baseline::number(argv[1]), setun::baseline::number(argv[2]));
}
