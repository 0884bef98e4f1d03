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
}


def check(bad):
    parameter, value = bad
    config = rtl.Config("bad", "setun_kernel", {parameter: value})
    message = re.compile(rf"setun\w*:.*\b{parameter}\b")
    code, output = rtl.run(rtl.verilator_lint(config))
    if code == 0 or not message.search(output):
        return f"Verilator: exit code {code}, expected an error that names {parameter}\n{output}"
    code, output = rtl.yosys(f"{rtl.yosys_read()}; {rtl.yosys_hierarchy(config)}; proc")
    if code == 0 or not message.search(output):
        return f"Yosys: exit code {code}, expected an error that names {parameter}\n{output}"
    return None


if __name__ == "__main__":
    rtl.main(check, BAD)
