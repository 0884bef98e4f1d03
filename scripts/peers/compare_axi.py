#!/usr/bin/env python3
# SPDX-License-Identifier: Apache-2.0
"""Runs the kernel against AXI models that others wrote (cocotbext-axi) with a driver written from the documents.

Prints a table, and exits with 1 when a test failed, 2 when something it needs is missing. See README.md beside this file.
"""
import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import xml.etree.ElementTree as xml
from pathlib import Path

HERE = Path(__file__).resolve().parent
LEAVES = {"planes": 0, "tree": 1, "table": 2, "bram": 3}
CONFIGS = ["1x128x1-r16", "2x128x4-tree-r16", "4x128x2-r16", "1x256x2-table-r16", "2x128x1-bram-r32", "1x512x8-r64", "1x128x2-r16-icarus"]


def parse(name):
    """A configuration's name and what it says, for axi_bench.SHAPE."""
    match = re.fullmatch(r"([124])x(128|256|512)x([1248])(?:-(tree|table|bram))?(?:-r(\d+))?(-icarus)?", name)
    if not match:
        raise argparse.ArgumentTypeError(f"{name} is not PORTSxBITSxTOKENS[-LEAF][-rROWS][-icarus]")
    ports, bits, tokens, leaf, rows, icarus = match.groups()
    return name, dict(ports=int(ports), port_bits=int(bits), tokens=int(tokens), tile_rows=int(rows or 1024), leaf=LEAVES[leaf or "planes"],
                      icarus=bool(icarus), beat=int(bits) // 8, lanes=int(bits) // 8 * 5)


def build(setup, rtl, folder, cocotb_share, libraries):
    """Builds a simulation of `rtl` in `folder`; returns the top's name and the command that runs it."""
    top = "setun_kernel" + {1: "", 2: "_2p", 4: "_4p"}[setup["ports"]]
    values = dict(PortBits=setup["port_bits"], Tokens=setup["tokens"], TileRows=setup["tile_rows"], Leaf=setup["leaf"])
    sources = [str(rtl / name) for name in (rtl / "setun.f").read_text().split()]
    if setup["icarus"]:  # Yosys' netlist: Icarus 11 does not know all of the SystemVerilog in rtl/
        (folder / "time.v").write_text("`timescale 1ns/1ps\n")
        changes = " ".join(f"-set {name} {value}" for name, value in values.items())
        script = (f"read_verilog -sv -defer -I{rtl} {' '.join(sources)}; chparam {changes} $abstract\\{top}; hierarchy -check -top {top}; "
                  f"proc; opt_clean; rename -top {top}; write_verilog -noattr netlist.v")
        commands = [["yosys", "-q", "-p", script], ["iverilog", "-g2005", "-s", top, "-o", "sim.vvp", "time.v", "netlist.v"]]
        simulate = ["vvp", "-M", libraries, "-m", "libcocotbvpi_icarus", "sim.vvp"]
    else:
        (folder / "public.vlt").write_text(f'`verilator_config\npublic_flat_rw -module "{top}*" -var "*"\n')
        commands = [["verilator", "--cc", "--exe", "--vpi", "--prefix", "Vtop", "-Mdir", "model", "-o", "sim", "--top-module", top, "--assert",
                     "--x-initial", "unique", f"-I{rtl}", *(f"-G{name}={value}" for name, value in values.items()), "-CFLAGS", "-w",
                     "-LDFLAGS", f"-Wl,-rpath,{libraries} -L{libraries} -lcocotbvpi_verilator",
                     f"{cocotb_share}/lib/verilator/verilator.cpp", "public.vlt", str(rtl / "waivers.vlt"), *sources],
                    ["make", "-s", "-C", "model", "-f", "Vtop.mk", "OPT_FAST=-O1", "OPT_SLOW=-O0", "OPT_GLOBAL=-O1"]]
        simulate = ["model/sim", "+verilator+rand+reset+2", "+verilator+seed+1"]
    environment = os.environ | ({"OBJCACHE": "ccache"} if shutil.which("ccache") else {})
    for command in commands:
        done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise SystemExit(f"compare_axi.py: {command[0]} failed in {folder}:\n{done.stdout}{done.stderr}")
    return top, simulate


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--configs", nargs="+", type=parse, default=[parse(name) for name in CONFIGS], help=f"default: {' '.join(CONFIGS)}")
    parser.add_argument("--seeds", type=int, default=4, help="seeds 0 .. SEEDS-1 (default 4); a quarter for Icarus, which is slow")
    parser.add_argument("--tests", default="", help="names of tests, with commas (default: all)")
    parser.add_argument("--build", type=Path, default=Path("build/peers-axi"), help="for builds and logs (default: build/peers-axi)")
    parser.add_argument("--rtl", type=Path, default=HERE.parents[1] / "rtl", help="the kernel's sources, to check a changed copy")
    options = parser.parse_args()
    setups = dict(options.configs)
    try:
        import cocotb.config
        import cocotbext.axi  # noqa: F401
        import find_libpython
        import numpy  # noqa: F401
    except ImportError as error:
        print(f"compare_axi.py: {error.name} is missing; pip install 'cocotb<2' cocotbext-axi numpy", file=sys.stderr)
        return 2
    for tool in ["verilator"] * any(not s["icarus"] for s in setups.values()) + ["yosys", "iverilog"] * any(s["icarus"] for s in setups.values()):
        if not shutil.which(tool):
            print(f"compare_axi.py: {tool} is missing", file=sys.stderr)
            return 2

    print("| configuration | tests | failed | lists | commands | beats | cycles |\n|---|---|---|---|---|---|---|")
    bad = False
    for name, setup in setups.items():
        setup["seeds"] = max(1, options.seeds // (4 if setup["icarus"] else 1))
        folder = (options.build / name).resolve()
        folder.mkdir(parents=True, exist_ok=True)
        top, simulate = build(setup, options.rtl.resolve(), folder, cocotb.config.share_dir, cocotb.config.libs_dir)
        results, totals = folder / "results.xml", folder / "totals.json"
        results.unlink(missing_ok=True)
        totals.unlink(missing_ok=True)
        environment = os.environ | {
            "MODULE": "axi_tests", "TOPLEVEL": top, "TOPLEVEL_LANG": "verilog", "TESTCASE": options.tests, "RANDOM_SEED": "0",
            "COCOTB_RESULTS_FILE": str(results), "COCOTB_LOG_LEVEL": "INFO", "SETUN_AXI": json.dumps(setup), "PYGPI_PYTHON_BIN": sys.executable,
            "LIBPYTHON_LOC": find_libpython.find_libpython(), "PYTHONPATH": os.pathsep.join([str(HERE), *filter(None, sys.path)])}
        with open(folder / "log", "w", encoding="utf-8") as log:
            code = subprocess.run(simulate, cwd=folder, env=environment, stdout=log, stderr=log, check=False).returncode
        cases = list(xml.parse(results).iter("testcase")) if results.exists() else []
        failed = [case.get("name") for case in cases if len(case)]
        counts = json.loads(totals.read_text()).values() if totals.exists() else []
        print(f"| {name} | {len(cases)} | {len(failed)} | " + " | ".join(f"{count:,}" for count in counts) + " |", flush=True)
        if failed or not cases or code != 0:
            bad = True
            print(f"{name}: exit code {code}, failed: {' '.join(failed) or '-'}; see {folder}/log", file=sys.stderr)
    return int(bad)


if __name__ == "__main__":
    sys.exit(main())
