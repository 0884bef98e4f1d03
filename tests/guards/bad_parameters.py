"""Wrong parameters stop elaboration in Verilator and in Yosys, with a message of ours that names the parameter."""

import re

import rtl

BAD = {
    "PortBits=96": ("PortBits", 96),
    "PortBits=1024": ("PortBits", 1024),
    "Tokens=3": ("Tokens", 3),
    "Tokens=16": ("Tokens", 16),
    "TileRows=7": ("TileRows", 7),
    "TileRows=8": ("TileRows", 8),
    "TileRows=8192": ("TileRows", 8192),
    "Leaf=4": ("Leaf", 4),
    "TreeCut=5": ("TreeCut", 5),
    "int8_tree.Group=3": ("Group", 3),
    "fp16_mul_pipe.Stages=3": ("Stages", 3),
    "fp16_add_pipe.Stages=1": ("Stages", 1),
    "fp16_tree.Lanes=3": ("Lanes", 3),
}


def config_of(name):
    """The configuration of an entry: of the kernel, or of the unit of rtl/baseline that stands before the dot."""
    unit = name.partition(".")[0] if "." in name else ""
    parameter, value = BAD[name]
    return (rtl.Config(name, f"setun_{unit}", {parameter: value}, rtl.BASELINE_LIST) if unit else
            rtl.Config(name, "setun_kernel", {parameter: value}))


def check(config):
    parameter, = config.parameters
    message = re.compile(rf"setun\w*:.*\b{parameter}\b")
    code, output = rtl.run(rtl.verilator_lint(config))
    if code == 0 or not message.search(output):
        return f"Verilator: exit code {code}, expected an error that names {parameter}\n{output}"
    code, output = rtl.yosys(f"{rtl.yosys_read(sources=config.sources)}; {rtl.yosys_hierarchy(config)}; proc")
    if code == 0 or not message.search(output):
        return f"Yosys: exit code {code}, expected an error that names {parameter}\n{output}"
    return None


if __name__ == "__main__":
    rtl.main(check, {name: config_of(name) for name in BAD})
