// Names of the kernel's AXI ports, so that one template serves every port of every Verilated configuration.
#pragma once

namespace setun::sim {

// The port names are fixed by the XRT convention and differ only in their prefix; C++ offers no way but token
// pasting to go from a prefix to a member. Each accessor is an inline reference to the member of the
// Verilated root.
// NOLINTBEGIN(bugprone-macro-parentheses): a member's name cannot stand in parentheses.
#define SETUN_PIN(prefix, signal)      \
    template <class Root>              \
    static auto& signal(Root& root) {  \
        return root.prefix##_##signal; \
    }
#define SETUN_ADDRESS_PINS(prefix, channel) \
    SETUN_PIN(prefix, channel##id)          \
    SETUN_PIN(prefix, channel##addr)        \
    SETUN_PIN(prefix, channel##len)         \
    SETUN_PIN(prefix, channel##size)        \
    SETUN_PIN(prefix, channel##burst)       \
    SETUN_PIN(prefix, channel##lock)        \
    SETUN_PIN(prefix, channel##valid)       \
    SETUN_PIN(prefix, channel##ready)
#define SETUN_AXI_PINS(Name, prefix)                  \
    struct Name {                                     \
        static constexpr const char* kName = #prefix; \
        SETUN_ADDRESS_PINS(prefix, ar)                \
        SETUN_ADDRESS_PINS(prefix, aw)                \
        SETUN_PIN(prefix, rid)                        \
        SETUN_PIN(prefix, rdata)                      \
        SETUN_PIN(prefix, rresp)                      \
        SETUN_PIN(prefix, rlast)                      \
        SETUN_PIN(prefix, rvalid)                     \
        SETUN_PIN(prefix, rready)                     \
        SETUN_PIN(prefix, wdata)                      \
        SETUN_PIN(prefix, wstrb)                      \
        SETUN_PIN(prefix, wlast)                      \
        SETUN_PIN(prefix, wvalid)                     \
        SETUN_PIN(prefix, wready)                     \
        SETUN_PIN(prefix, bid)                        \
        SETUN_PIN(prefix, bresp)                      \
        SETUN_PIN(prefix, bvalid)                     \
        SETUN_PIN(prefix, bready)                     \
    }

// NOLINTEND(bugprone-macro-parentheses)

SETUN_AXI_PINS(PinsW0, m_axi_w0);
SETUN_AXI_PINS(PinsW1, m_axi_w1);
SETUN_AXI_PINS(PinsW2, m_axi_w2);
SETUN_AXI_PINS(PinsW3, m_axi_w3);
SETUN_AXI_PINS(PinsData, m_axi_data);

#undef SETUN_AXI_PINS
#undef SETUN_ADDRESS_PINS
#undef SETUN_PIN

/// Pins of weight port `Port`.
template <unsigned Port>
struct WeightPinsOf;
template <>
struct WeightPinsOf<0> {
    using Type = PinsW0;
};
template <>
struct WeightPinsOf<1> {
    using Type = PinsW1;
};
template <>
struct WeightPinsOf<2> {
    using Type = PinsW2;
};
template <>
struct WeightPinsOf<3> {
    using Type = PinsW3;
};
template <unsigned Port>
using WeightPins = typename WeightPinsOf<Port>::Type;

}  // namespace setun::sim
