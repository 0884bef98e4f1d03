// Yosys JSON to a netlist.
#include "energy_model/characterize/netlist.h"

#include <fmt/format.h>

#include <algorithm>
#include <nlohmann/json.hpp>
#include <unordered_map>

#include "energy_model/characterize/error.h"

namespace setun::characterize {
namespace {

using nlohmann::json;

class Reader {
  public:
    explicit Reader(const std::string& origin) : origin_(origin) {}

    Netlist read(const json& document) {
        const auto modules = document.find("modules");
        if (modules == document.end() || !modules->is_object() || modules->empty()) {
            fail("holds no module");
        }
        const json* top = nullptr;
        for (const auto& [name, module] : modules->items()) {
            if (modules->size() == 1 ||
                (module.contains("attributes") && module["attributes"].contains("top"))) {
                if (top != nullptr) {
                    fail("has two top modules");
                }
                top = &module;
                netlist_.name = name;
            }
        }
        if (top == nullptr) {
            fail("has several modules and no top");
        }
        for (const auto& [name, port] : member(*top, "ports").items()) {
            NetlistPort& added = netlist_.ports.emplace_back();
            added.name = name;
            const std::string direction = text(port, "direction");
            if (direction != "input" && direction != "output") {
                fail(fmt::format("port '{}' is neither input nor output", name));
            }
            added.input = direction == "input";
            for (const json& bit : member(port, "bits")) {
                added.bits.push_back(net(bit));
            }
        }
        for (const auto& [name, cell] : member(*top, "cells").items()) {
            NetlistCell& added = netlist_.cells.emplace_back();
            added.name = name;
            added.type = text(cell, "type");
            for (const auto& [pin, bits] : member(cell, "connections").items()) {
                if (!bits.is_array() || bits.size() > 1) {
                    fail(fmt::format("pin '{}' of cell '{}' is wider than a bit: not a gate", pin, name));
                }
                added.pins.emplace_back(pin, bits.empty() ? kNoNet : net(bits[0]));
            }
        }
        return std::move(netlist_);
    }

  private:
    [[noreturn]] void fail(const std::string& problem) const {
        throw CharacterizeError(fmt::format("{}: {}", origin_, problem));
    }

    const json& member(const json& object, const char* name) const {
        if (!object.is_object() || !object.contains(name)) {
            fail(fmt::format("'{}' is missing; is it from Yosys' write_json?", name));
        }
        return object[name];
    }

    std::string text(const json& object, const char* name) const {
        const json& value = member(object, name);
        if (!value.is_string()) {
            fail(fmt::format("'{}' is no text", name));
        }
        return value.get<std::string>();
    }

    Net net(const json& bit) {
        if (bit.is_string()) {
            return bit.get_ref<const std::string&>() == "1" ? kNetOne : kNetZero;
        }
        if (!bit.is_number_unsigned()) {
            fail("a bit is neither a net's number nor a constant");
        }
        const auto [it, fresh] = numbers_.try_emplace(bit.get<std::uint64_t>(), netlist_.nets);
        if (fresh) {
            ++netlist_.nets;
        }
        return it->second;
    }

    const std::string& origin_;
    Netlist netlist_;
    std::unordered_map<std::uint64_t, Net> numbers_;
};

}  // namespace

const NetlistPort& Netlist::port(std::string_view port_name) const {
    const auto it = std::find_if(ports.begin(), ports.end(),
                                 [port_name](const NetlistPort& port) { return port.name == port_name; });
    if (it == ports.end()) {
        throw CharacterizeError(fmt::format("netlist '{}' has no port '{}'", name, port_name));
    }
    return *it;
}

Netlist parse_netlist(std::string_view json_text, const std::string& origin) {
    const json document = json::parse(json_text, nullptr, false);
    if (document.is_discarded() || !document.is_object()) {
        throw CharacterizeError(fmt::format("{}: not valid JSON", origin));
    }
    return Reader(origin).read(document);
}

}  // namespace setun::characterize
