// Kinds of random FP16 operand pairs.
#include "tests/baseline/operands.h"

#include <algorithm>

namespace setun::baseline {

Fp16 Fp16Pairs::make(int exponent, unsigned fraction) {
    const auto sign = static_cast<unsigned>(random_() & 1U);
    const auto kept = static_cast<unsigned>(std::clamp(exponent, 0, 31));
    return static_cast<Fp16>(sign << 15U | kept << 10U | (fraction & 1023U));
}

int Fp16Pairs::between(int low, int high) {
    return low + static_cast<int>(random_() % static_cast<unsigned>(high - low + 1));
}

unsigned Fp16Pairs::sparse(int bits) {
    return static_cast<unsigned>(random_()) << static_cast<unsigned>(10 - bits) & 1023U;
}

std::pair<Fp16, Fp16> Fp16Pairs::next() {
    const auto any = static_cast<unsigned>(random_() & 1023U);
    const auto other = static_cast<unsigned>(random_() & 1023U);
    const int exponent = between(0, 31);
    kind_ = (kind_ + 1) % 8;
    switch (kind_) {
        case 0:  // all bits random
            return {static_cast<Fp16>(random_()), static_cast<Fp16>(random_())};
        case 1:  // exponents close together
            return {make(exponent, any), make(exponent + between(-3, 3), other)};
        case 2: {  // cancellation: nearly the same magnitude, also across a power of two
            const Fp16 a = make(exponent, random_() % 2 == 0 ? any : any & 7U);
            const int delta = between(-4, 4);
            const auto b = static_cast<Fp16>(std::clamp((a & 0x7FFF) + delta, 0, 0x7FFF) | (~a & kFp16Sign));
            return {a, b};
        }
        case 3:  // ties of a sum: the smaller operand ends just below the greater one's last place
            return {make(exponent, any), make(exponent - between(1, 12), sparse(between(0, 4)))};
        case 4:  // ties of a product: 12 significant bits together
            return {make(exponent, sparse(5)), make(between(1, 30), sparse(6))};
        case 5:  // products and sums around the greatest number
            return random_() % 2 == 0
                       ? std::pair{make(between(28, 30), any | 0x3F0U), make(between(26, 30), other)}
                       : std::pair{make(exponent, any), make(45 - exponent + between(-1, 1), other)};
        case 6:  // products around 2^-14
            return {make(exponent, any), make(15 - exponent + between(-1, 1), other)};
        default:  // sums around 2^-14
            return {make(between(0, 3), any), make(between(0, 3), other)};
    }
}

}  // namespace setun::baseline
