"""Generates the differential tests: two forms of each configuration side by side in one Verilator model, with the same inputs.
tests/guards/netlist_diff.cpp drives them and compares every output.

In most configurations the forms are the source and the netlist that Yosys makes of it; in group "leaves" they are one of the leaf
modules and setun_leaf_planes, which must agree.

usage: netlist_diff.py GROUP OUTPUT_FOLDER
Writes the netlists, diff_top.sv, sources.f (the file list) and diff_table.h (which bit of the model's vectors is which port).
"""

import json
import sys
from dataclasses import replace
from pathlib import Path

import rtl

GROUPS = {
    "units": [
        rtl.Config("decode_128", "setun_trit_decode", {"PortBits": 128}),
        rtl.Config("delay_0", "setun_delay", {"Width": 5, "Stages": 0}),
        rtl.Config("delay_3", "setun_delay", {"Width": 5, "Stages": 3}),
        rtl.Config("fifo_4", "setun_fifo", {"Width": 9, "Depth": 4}),
        rtl.Config("fifo_64", "setun_fifo", {"Width": 70, "Depth": 64}),
        rtl.Config("ram_16", "setun_ram", {"Width": 32, "Depth": 16}),
        rtl.Config("add_tree_80", "setun_add_tree", {"Inputs": 80, "Width": 8, "Cut": 3, "SumW": 15}),
        rtl.Config("add_tree_7", "setun_add_tree", {"Inputs": 7, "Width": 8, "Cut": 1, "SumW": 11}),
        rtl.Config("leaf_planes", "setun_leaf_planes", {"PortBits": 128, "Ports": 1, "Tokens": 2}),
        rtl.Config("leaf_tree", "setun_leaf_tree", {"PortBits": 128, "Ports": 2, "Tokens": 1}),
        rtl.Config("sum_tree_16", "setun_sum_tree", {"Inputs": 16, "Width": 11, "Max": 640, "Radix": 3, "Stages": 2, "SumW": 15}),
        rtl.Config("sum_tree_7", "setun_sum_tree", {"Inputs": 7, "Width": 3, "Max": 5, "Signed": 0, "Radix": 2, "Stages": 5, "SumW": 6}),
        rtl.Config("popcount_80", "setun_popcount", {"Inputs": 80, "Stages": 2, "CountW": 7}),
        rtl.Config("leaf_table_lut", "setun_leaf_table_lut", {"PortBits": 128, "Ports": 1, "Tokens": 2}),
        rtl.Config("leaf_table_bram", "setun_leaf_table_bram", {"PortBits": 128, "Ports": 1, "Tokens": 1}),
        rtl.Config("engine_planes", "setun_engine", {"PortBits": 128, "Ports": 2, "TileRows": 16, "Leaf": 0}),
        rtl.Config("engine_tree", "setun_engine", {"PortBits": 128, "Ports": 2, "Tokens": 2, "TileRows": 32, "Leaf": 1}),
        rtl.Config("miscompiled", "miscompiled"),
    ],
    "kernel": [
        rtl.Config("kernel_planes", "setun_kernel", {"PortBits": 128, "Tokens": 2, "TileRows": 16, "Leaf": 0}),
        rtl.Config("kernel_2p_tree", "setun_kernel_2p", {"PortBits": 128, "Tokens": 1, "TileRows": 16, "Leaf": 1}),
    ],
    "baseline": [replace(config, name=name.replace(".", "_")) for name, config in rtl.BASELINE.items()],
}

# Forms that are compared with planes for the same parameters; TreeCut sets the latency of both.
TABLES_ONLY = ("FillGroups", "Ram32m16")
LEAVES = [
    rtl.Config("leaves_tree_128", "setun_leaf_tree", {"PortBits": 128, "Ports": 2, "Tokens": 2, "TreeCut": 3}),
    rtl.Config("leaves_tree_256", "setun_leaf_tree", {"PortBits": 256, "Ports": 1, "Tokens": 1, "TreeCut": 2}),
    rtl.Config("leaves_tree_512", "setun_leaf_tree", {"PortBits": 512, "Ports": 1, "Tokens": 1, "TreeCut": 3}),
    rtl.Config("leaves_table_lut_128", "setun_leaf_table_lut", {"PortBits": 128, "Ports": 2, "Tokens": 2, "TreeCut": 4, "FillGroups": 1}),
    rtl.Config("leaves_table_lut_256", "setun_leaf_table_lut", {"PortBits": 256, "Ports": 1, "Tokens": 1, "TreeCut": 1, "FillGroups": 8}),
    rtl.Config("leaves_table_lut_512", "setun_leaf_table_lut", {"PortBits": 512, "Ports": 1, "Tokens": 1, "TreeCut": 3}),
    rtl.Config("leaves_table_lut_ram32m16_128", "setun_leaf_table_lut", {"PortBits": 128, "Ports": 2, "Tokens": 2, "TreeCut": 3, "FillGroups": 2, "Ram32m16": 1}),
    rtl.Config("leaves_table_lut_ram32m16_512", "setun_leaf_table_lut", {"PortBits": 512, "Ports": 1, "Tokens": 1, "TreeCut": 3, "Ram32m16": 1, "CountNonzero": 0}),
    rtl.Config("leaves_table_lut_uncounted", "setun_leaf_table_lut", {"PortBits": 128, "Ports": 1, "Tokens": 1, "TreeCut": 3, "CountNonzero": 0}),
    rtl.Config("leaves_table_bram_uncounted", "setun_leaf_table_bram", {"PortBits": 128, "Ports": 1, "Tokens": 1, "TreeCut": 3, "CountNonzero": 0}),
    rtl.Config("leaves_tree_uncounted", "setun_leaf_tree", {"PortBits": 128, "Ports": 1, "Tokens": 2, "TreeCut": 3, "CountNonzero": 0}),
    rtl.Config("leaves_table_bram_128", "setun_leaf_table_bram", {"PortBits": 128, "Ports": 2, "Tokens": 2, "TreeCut": 4, "FillGroups": 1}),
    rtl.Config("leaves_table_bram_256", "setun_leaf_table_bram", {"PortBits": 256, "Ports": 1, "Tokens": 1, "TreeCut": 1, "FillGroups": 4}),
    rtl.Config("leaves_table_bram_512", "setun_leaf_table_bram", {"PortBits": 512, "Ports": 1, "Tokens": 1, "TreeCut": 3}),
]

CLOCKS = ("clk_i", "ap_clk")
EXTRA_SOURCES = [Path(__file__).with_name("miscompiled.sv")]
MIN_BITS = 96  # wide enough for Verilator to use its array type for every vector


def make_netlist(config, folder):
    """Writes the flattened netlist as module netlist_<name>; returns {port: (direction, width)}."""
    verilog = folder / f"netlist_{config.name}.v"
    ports = folder / f"netlist_{config.name}.json"
    code, output = rtl.yosys(
        f"{rtl.yosys_read(extra=EXTRA_SOURCES, sources=config.sources)}; {rtl.yosys_hierarchy(config)}; proc; flatten; opt_clean; check -assert; "
        f"rename -top netlist_{config.name}; hierarchy -top netlist_{config.name}; "
        f"write_json {ports}; write_verilog -noattr {verilog}")
    if code != 0:
        rtl.fail(f"Yosys on {config.name}: exit code {code}\n{output}")
    module = json.loads(ports.read_text())["modules"][f"netlist_{config.name}"]
    return {name: (port["direction"], len(port["bits"])) for name, port in module["ports"].items()}


def make_primitive(folder):
    """Writes the chip primitive that setun_lut_rams names, from the models that Yosys comes with; returns its file."""
    verilog = folder / "ram32m16.v"
    code, output = rtl.run(["yosys", "-q", "-p", f"read_verilog +/xilinx/cells_sim.v; hierarchy -top RAM32M16; proc; write_verilog -noattr {verilog}"])
    if code != 0:
        rtl.fail(f"Yosys on RAM32M16: exit code {code}\n{output}")
    return verilog


def leaf_ports(config):
    """{port: (direction, width)} of a leaf, from its parameters (its netlist is not needed)."""
    bits, ports, tokens = (config.parameters[name] for name in ("PortBits", "Ports", "Tokens"))
    lanes = 5 * bits // 8
    sum_bits = (lanes * 128).bit_length() + 1
    count = {"nonzero_o": ("output", (ports * lanes).bit_length())} if config.parameters.get("CountNonzero", 1) else {}  # stuck at 0
    return {"rst_ni": ("input", 1), "load_i": ("input", 1), "load_last_i": ("input", 1), "load_token_i": ("input", 3), "load_group_i": ("input", 3), "load_data_i": ("input", bits),
            "swap_i": ("input", 1), "valid_i": ("input", 1), "beat_i": ("input", ports * bits), "fill_busy_o": ("output", 1),
            "sum_o": ("output", ports * tokens * sum_bits), "illegal_o": ("output", ports), **count}


def instance(kind, config, module, parameters, ports, offsets, masked):
    """One instance inside diff_top. Of leaves (masked), outputs count only where they mean something: with a valid input `latency` cycles
    ago, sums and counts without an illegal code. When they are busy is their own affair; the driver is shown the form under test."""
    connections, assigns, wires = [".clk_i(clk_i)"], [], []
    if "ap_clk" in ports:
        connections = [".ap_clk(clk_i)"]
    elif "clk_i" not in ports and not masked:
        connections = []
    for name, (direction, width) in ports.items():
        if name in CLOCKS:
            continue
        if direction == "input":
            connections.append(f".{name}(stimulus_i[{offsets[name]} +: {width}])")
        else:
            wire = f"{kind}_{config.name}_{name}"
            wires.append(f"  logic [{width - 1}:0] {wire};")
            connections.append(f".{name}({wire})")
            mask = f" & {{{width}{{valid_{config.name}}}}}" if masked else ""
            if masked and name in ("sum_o", "nonzero_o"):
                mask += f" & {{{width}{{~|{kind}_{config.name}_illegal_o}}}}"
            if masked and name == "fill_busy_o":
                wire, mask = f"gold_{config.name}_{name}", ""
            assigns.append(f"  assign {kind}_o[{offsets[name]} +: {width}] = {wire}{mask};")
    values = ", ".join(f".{name}({value})" for name, value in parameters.items())
    header = f"  {module} #({values}) " if values else f"  {module} "
    body = header + f"u_{kind}_{config.name} (\n      " + ",\n      ".join(connections) + "\n  );"
    return "\n".join(wires + [body] + assigns)


def valid_pipe(config, offsets):
    """valid_i of a leaf, delayed by its latency."""
    lanes = 5 * config.parameters["PortBits"] // 8
    levels = (lanes - 1).bit_length()
    cut = config.parameters["TreeCut"]
    latency = 1 + (levels + cut - 1) // cut
    name = f"pipe_{config.name}"
    return (f"  logic [{latency - 1}:0] {name};\n  logic valid_{config.name};\n"
            f"  always_ff @(posedge clk_i) {name} <= {{{name}[{latency - 2}:0], stimulus_i[{offsets['valid_i']}]}};\n"
            f"  assign valid_{config.name} = {name}[{latency - 1}];")


def generate(configs, folder, leaves):
    instances, table, sizes = [], [], {"input": 0, "output": 0}
    for config in configs:
        ports = leaf_ports(config) if leaves else make_netlist(config, folder)
        offsets = {}
        for name, (direction, width) in ports.items():
            if name in CLOCKS:
                continue
            # Every port starts a 32-bit word, so that the driver need not shift.
            sizes[direction] = (sizes[direction] + 31) // 32 * 32
            offsets[name] = sizes[direction]
            sizes[direction] += width
            table.append(f'    {{"{config.name}", "{name}", {str(direction == "input").lower()}, {offsets[name]}, {width}}},')
        if leaves:
            instances.append(valid_pipe(config, offsets))
        instances.append(instance("gold", config, config.module, config.parameters, ports, offsets, leaves))
        planes = {name: value for name, value in config.parameters.items() if name not in TABLES_ONLY}
        instances.append(instance("gate", config, "setun_leaf_planes", planes, ports, offsets, True) if leaves else
                         instance("gate", config, f"netlist_{config.name}", {}, ports, offsets, False))
    inputs, outputs = (max(MIN_BITS, (sizes[d] + 31) // 32 * 32) for d in ("input", "output"))
    (folder / "diff_top.sv").write_text(
        "/* verilator lint_off UNDRIVEN */\n/* verilator lint_off UNUSED */\n"
        f"module diff_top (\n  input wire logic clk_i,\n  input wire logic [{inputs - 1}:0] stimulus_i,\n"
        f"  output logic [{outputs - 1}:0] gold_o,\n  output logic [{outputs - 1}:0] gate_o\n);\n" +
        "\n".join(instances) + "\nendmodule\n")
    netlists = [make_primitive(folder)] if leaves else [folder / f"netlist_{config.name}.v" for config in configs]
    sources = rtl.files(configs[0].sources) + EXTRA_SOURCES + netlists + [folder / "diff_top.sv"]
    (folder / "sources.f").write_text("".join(f"{path}\n" for path in sources))
    (folder / "diff_table.h").write_text(
        "// Generated by tests/guards/netlist_diff.py: where each port stands in the vectors of diff_top.\n#pragma once\n\n"
        '#include "tests/guards/diff_port.h"\n\n'
        f"constexpr unsigned kStimulusWords = {inputs // 32};\nconstexpr unsigned kOutputWords = {outputs // 32};\n"
        f"constexpr setun::guards::DiffPort kPorts[] = {{\n" + "\n".join(table) + "\n};\n")


def main():
    groups = GROUPS | {"leaves": LEAVES}
    if len(sys.argv) != 3 or sys.argv[1] not in groups:
        rtl.fail(f"usage: netlist_diff.py {'|'.join(groups)} FOLDER")
    folder = Path(sys.argv[2])
    folder.mkdir(parents=True, exist_ok=True)
    generate(groups[sys.argv[1]], folder, leaves=sys.argv[1] == "leaves")


if __name__ == "__main__":
    main()
