// Names of configurations and plain register accesses.
#include "sim/kernel_sim.h"

#include <charconv>

#include "rtl/setun_abi.h"
#include "sim/leaf_names.h"

namespace setun::sim {
namespace {

constexpr std::string_view kForm =
    "expected PORTSxPORT_BITSxTOKENS, optionally followed by -tree, -table or -bram, -rTILE_ROWS and "
    "-uncounted, "
    "e.g. 1x512x1 or 2x256x4-tree-r64";

std::string hex_offset(std::uint32_t offset) {
    char text[8];
    char* const end = std::to_chars(text, text + sizeof text, offset, 16).ptr;
    return "0x" + std::string(std::begin(text), end);
}

/// Takes a number from the front of `text`.
bool take_number(std::string_view& text, unsigned& value) {
    const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
    text.remove_prefix(static_cast<std::size_t>(end - text.data()));
    return error == std::errc();
}

bool take(std::string_view& text, std::string_view prefix) {
    if (text.substr(0, prefix.size()) != prefix) {
        return false;
    }
    text.remove_prefix(prefix.size());
    return true;
}

}  // namespace

std::string KernelConfig::name() const {
    std::string text = std::to_string(ports) + "x" + std::to_string(port_bits) + "x" + std::to_string(tokens);
    if (leaf != SETUN_LEAF_PLANES) {
        text += "-";
        text += kLeafNames.at(leaf);
    }
    if (tile_rows != KernelConfig{}.tile_rows) {
        text += "-r" + std::to_string(tile_rows);
    }
    if (!counts_nonzero) {
        text += "-uncounted";
    }
    return text;
}

unsigned KernelConfig::fill_cycles() const {
    switch (leaf) {
        case SETUN_LEAF_TABLE:
            return 32 * 8 + 2;  // steps of the walk x FillGroups, and its pipeline
        case SETUN_LEAF_BRAM:
            return 256 * 2 + 2;
        default:
            return 0;
    }
}

KernelConfig KernelConfig::parse(std::string_view name) {
    KernelConfig config;
    std::string_view rest = name;
    const bool shape = take_number(rest, config.ports) && take(rest, "x") &&
                       take_number(rest, config.port_bits) && take(rest, "x") &&
                       take_number(rest, config.tokens);
    for (unsigned leaf = SETUN_LEAF_TREE; leaf < kLeafNames.size(); ++leaf) {
        std::string_view after = rest;
        if (take(after, "-") && take(after, kLeafNames[leaf])) {
            config.leaf = leaf;
            rest = after;
            break;
        }
    }
    const bool rows = !take(rest, "-r") || take_number(rest, config.tile_rows);
    config.counts_nonzero = !take(rest, "-uncounted");
    if (!shape || !rows || !rest.empty()) {
        throw std::invalid_argument("kernel configuration '" + std::string(name) +
                                    "': " + std::string(kForm));
    }
    return config;
}

void KernelSim::write_register(std::uint32_t offset, std::uint32_t value) {
    LiteWrite write{.offset = offset, .value = value};
    access(&write, nullptr);
    if (write.response != Response::kOkay) {
        throw SimError("kernel " + config().name() + ": write of register " + hex_offset(offset) +
                       " was answered with an error");
    }
}

std::uint32_t KernelSim::read_register(std::uint32_t offset) {
    LiteRead read{.offset = offset};
    access(nullptr, &read);
    if (read.response != Response::kOkay) {
        throw SimError("kernel " + config().name() + ": read of register " + hex_offset(offset) +
                       " was answered with an error");
    }
    return read.value;
}

std::uint64_t KernelSim::read_counter(std::uint32_t offset) {
    const std::uint64_t low = read_register(offset);
    return low | std::uint64_t{read_register(offset + 4)} << 32U;
}

void KernelSim::write_address(std::uint32_t offset, std::uint64_t address) {
    write_register(offset, static_cast<std::uint32_t>(address));
    write_register(offset + 4, static_cast<std::uint32_t>(address >> 32U));
}

}  // namespace setun::sim
