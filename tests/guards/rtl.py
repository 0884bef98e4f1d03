"""What the RTL guards check: the file list, the tops with their configurations, the modules on their own."""

import re
import subprocess
import sys
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RTL = ROOT / "rtl"


@dataclass(frozen=True)
class Config:
    """A module with values for its parameters; parameters left out keep their defaults. `sources` is its file list in rtl/."""

    name: str
    module: str
    parameters: dict = field(default_factory=dict)
    sources: str = "setun.f"


def _tops():
    defaults = {"PortBits": 512, "Tokens": 1, "TileRows": 1024, "Leaf": 0}
    variants = {
        "default": {},
        "tree": {"Leaf": 1},
        "p128": {"PortBits": 128},
        "p256_t8": {"PortBits": 256, "Tokens": 8},
        "p128_t4_tree_rows16": {"PortBits": 128, "Tokens": 4, "TileRows": 16, "Leaf": 1},
        "table": {"Leaf": 2},
        "bram": {"Leaf": 3},
        "p256_t8_table": {"PortBits": 256, "Tokens": 8, "Leaf": 2},
        "p128_t4_bram_rows16": {"PortBits": 128, "Tokens": 4, "TileRows": 16, "Leaf": 3},
        "p128_table_uncounted": {"PortBits": 128, "Leaf": 2, "CountNonzero": 0},
        "t2_rows4096": {"Tokens": 2, "TileRows": 4096},
    }
    for top in ("setun_kernel", "setun_kernel_2p", "setun_kernel_4p"):
        for name, values in variants.items():
            yield Config(f"{top}.{name}", top, defaults | values)


BASELINE_LIST = "baseline/baseline.f"


def _baseline():
    variants = {
        "int_add": {"Width": 32},
        "int8_mul": {},
        "int8_mac": {},
        "int8_tree": {"Lanes": 8, "Group": 4},
        "ternary_mac": {},
        "fp16_mul": {"Stages": 1},
        "fp16_add": {"Stages": 2},
        "fp16_mac": {"MulStages": 2, "AddStages": 3},
        "fp16_tree": {"Lanes": 4, "MulStages": 2, "AddStages": 3},
    }
    for name, values in variants.items():
        yield Config(f"baseline.{name}", f"setun_{name}", values, BASELINE_LIST)


TOPS = {config.name: config for config in _tops()}
BASELINE = {config.name: config for config in _baseline()}


def files(sources="setun.f"):
    """RTL sources in compile order, from a file list in rtl/."""
    names = []
    for line in (RTL / sources).read_text().splitlines():
        line = re.sub(r"(//|#).*", "", line).strip()
        if line and not line.startswith(("+", "-")):
            names.append(line)
    return [((RTL / sources).parent / name).resolve() for name in names]


def yosys_read(formal=False, extra=(), sources="setun.f"):
    """The Yosys command that reads all sources; modules are built later, with the parameters that are asked for."""
    options = "-sv -defer -formal" if formal else "-sv -defer"
    return f"read_verilog {options} -I{RTL} " + " ".join(str(path) for path in [*files(sources), *extra])


def yosys_hierarchy(config):
    """The Yosys commands that elaborate a configuration. Not `hierarchy -chparam`: Yosys 0.23 stops with a failed assertion when
    a top with changed parameters must be read twice (instances connected to elements of an array)."""
    values = "".join(f" -set {name} {value}" for name, value in config.parameters.items())
    chparam = f"chparam{values} $abstract\\{config.module}; " if values else ""
    return f"{chparam}hierarchy -check -top {config.module}"


def verilator_lint(config):
    """The Verilator command line that lints a configuration."""
    values = [f"-G{name}={value}" for name, value in config.parameters.items()]
    waivers = RTL / "waivers.vlt"
    return (["verilator", "--lint-only", "-Wall", f"-I{RTL}", "--top-module", config.module] + values +
            ([str(waivers)] if waivers.exists() else []) + [str(path) for path in files(config.sources)])


def run(command, **kwargs):
    """Runs a command and returns (exit code, combined output)."""
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, **kwargs)
    return done.returncode, done.stdout


def yosys(script):
    """Runs a Yosys script in which an undeclared name or an undriven wire is an error."""
    return run(["yosys", "-q", "-e", "implicitly declared|no driver", "-p", script])


def fail(message):
    """Ends a guard with a failure."""
    print(f"FAIL: {message}")
    sys.exit(1)


def main(check, configs):
    """Runs `check` on the configurations named on the command line, or on all; `check` returns an error text or None."""
    names = sys.argv[1:] or list(configs)
    for name in names:
        if name not in configs:
            fail(f"unknown configuration {name}; known are {', '.join(configs)}")
        error = check(configs[name])
        if error:
            fail(f"{name}: {error}")
        print(f"PASS: {name}")
