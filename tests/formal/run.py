"""Proves properties of the RTL with Yosys and z3, and shows for each proof that it can fail: a broken copy of the unit must be refuted.

usage: run.py [--list] [--verbose] [NAME...]        all proofs without a name
Prints one line a task: proof | kind | depth | asserts | processor seconds | result. Exit code 1 when one is not as expected.

A proof names a top module in this folder, the kinds of search, and how many assertions and covers its netlist must hold: a proof of nothing is an
error. `inside` ties wires of the top to registers of the unit, for induction. A mutant is a replacement in one RTL file, whose old text must be found
exactly once; mutants are refuted by the bounded search of the proof.
"""

import argparse
import re
import resource
import subprocess
import sys
import tempfile
from dataclasses import dataclass, field
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RTL = ROOT / "rtl"
TIMEOUT = 1800  # seconds; the slowest takes less than one


@dataclass(frozen=True)
class Proof:
    top: str
    sources: tuple          # modules of rtl/ without the prefix setun_
    asserts: int
    covers: int
    bound: int              # depth of the bounded proof
    induction: int = 0      # depth of the induction; 0: the bounded proof is all there is, or is complete (see the module's head)
    cover: int = 0          # depth within which all covers are reached
    file: str = ""          # source in this folder, when it is not called like the top
    shared: tuple = ()      # further sources in this folder
    parameters: dict = field(default_factory=dict)
    inside: dict = field(default_factory=dict)
    map_memory: bool = False
    cut: str = ""           # cells of which the search may choose the outputs: what is proven for any outputs holds for the right ones
    cuts: int = 0           # how many these are
    sat: bool = False       # bounded search and induction by Yosys' own SAT solver, which is far better at sums; z3 has the rest
    mutants: tuple = ()     # (RTL file, old text, new text)


FIFO_MUTANTS = (
    ("setun_fifo.sv", "full_q  <= (wptr - rptr) == (AW + 1)'(Depth);", "full_q  <= 1'b0;"),
    ("setun_fifo.sv", "more = wptr_q != rptr;", "more = wptr != rptr;"),
    ("setun_fifo.sv", "fresh_q <= push && !more;", "fresh_q <= 1'b0;"),
)
FIFO_INSIDE = {"wptr": "wptr_q", "rptr": "rptr_q", "fresh": "fresh_q", "mem": "mem"}
SPLIT_INSIDE = {"left": "left_q", "state": "state_q", "address": "addr_q", "kept": "user_q"}
SPLIT_MUTANTS = (
    ("setun_burst_split.sv", "limit   = (to_page < 9'(MaxBeats)) ? to_page : 9'(MaxBeats);", "limit   = 9'(MaxBeats);"),
    ("setun_burst_split.sv", "left_q <= CountW'(limit);", "left_q < CountW'(limit);"),
    ("setun_burst_split.sv", "addr_q <= addr_q + (64'(beats_q) << OffsetW);", "addr_q <= addr_q + (64'(MaxBeats) << OffsetW);"),
)
ROOM_INSIDE = {
    "room": "room_q", "queued": "queued", "queued_valid": "queued_valid", "jobs_wptr": "dut.u_jobs.wptr_q",
    "jobs_rptr": "dut.u_jobs.rptr_q", "track_valid": "track_valid", "beats_wptr": "dut.u_beats.wptr_q",
    "beats_rptr": "dut.u_beats.rptr_q", "beats_fresh": "dut.u_beats.fresh_q", "track_wptr": "dut.u_track.wptr_q",
    "track_rptr": "dut.u_track.rptr_q", "track_fresh": "dut.u_track.fresh_q", "state": "dut.u_split.state_q", "left": "dut.u_split.left_q",
    "address": "dut.u_split.addr_q", "burst": "dut.u_split.beats_q", "last": "dut.u_split.last_q",
}
TABLE = ("delay", "ram", "sum_tree", "table_fill", "trit_decode", "leaf")


def table_inside(leaf, wires):
    """Wires of table_watch and of its top, tied to the leaf's, which are called the same unless `wires` says otherwise."""
    place = f"watch.u_leaf.{leaf}.u_leaf"
    return {f"watch.{wire}": f"{place}.{wire}" for wire in ("walk_clear", "walk_subtract", "walk_lane")} | {
        wire: f"{place}.{name}" for wire, name in wires.items()}


BYTE_INSIDE = table_inside("gen_table_bram", {wire: wire for wire in ("write", "write_count", "write_byte", "write_illegal")} | {
    "read_byte": "gen_port[0].gen_token[0].gen_group[0].code"})
PARTS_INSIDE = table_inside("gen_table_lut", {wire: wire for wire in ("write", "write_low", "write_entry")} | {
    "leaf_illegal": "gen_port[0].illegals", "counts": "gen_count.counts"} | {
    wire: f"gen_port[0].{wire}_q" for wire in ("esc", "b7", "b6", "b5", "i3", "i2", "i1", "i0", "minus")})
PORT = ("pkg", "fifo", "burst_split", "weight_port")
CONTROL_INSIDE = {
    "aw_full": "aw_full_q", "w_full": "w_full_q", "automatic_restart": "auto_q", "done": "done_q", "ready": "ready_q", "enable": "gie_q",
    "address": "awaddr_q", "data": "wdata_q", "strobe": "wstrb_q", "mask_bits": "ier_q", "status": "isr_q",
}
COMMAND_INSIDE = {"state": "state_q", "command": "command_q", "address": "addr_q", "groups": "groups_q", "k_beats": "k_beats_q",
                  "chunks": "chunks_q", "last_beats": "last_beats_q", "area": "area_q", "beats": "beats_q", "x_rows": "x_rows_q",
                  "port": "port_q", "x_addr": "x_addr_q", "y_addr": "y_addr_q", "w_addr": "w_addr_q"}
RUN_INSIDE = {wire: f"{wire}_q" for wire in ("state", "stuck", "stopped", "list", "count", "idle_cycles")}
TREE = ("add_tree",)
SUM = ("delay", "sum_tree")
LEAF = ("delay", "trit_decode", "add_tree", "sum_tree", "popcount", "leaf_planes", "leaf_tree")

LEAF_INSIDE = {f"gen_all.part[{12 * group + 11}:{12 * group}]": f"planes.gen_port[0].gen_group[{group}].gen_token[0].part_q" for group in range(5)} | {
    "gen_all.selected": "tree.gen_port[0].gen_token[0].selected", "gen_all.carry": "tree.gen_port[0].s_q"}

PROOFS = {
    "decode": Proof("decode_check", ("trit_decode",), 161, 2, 2, cover=2, mutants=(
        ("setun_trit_decode.sv", "assign nz1_o = a | ~c3;", "assign nz1_o = a | ~c2;"),
        ("setun_trit_decode.sv", "(a | (esc & c4))", "(a | esc)"))),
    "tree_2": Proof("tree_check", TREE, 1, 1, 3, cover=3, parameters={"Inputs": 2, "Width": 16, "Cut": 1}, sat=True, mutants=(
        ("setun_add_tree.sv", "$signed(W'(gen_level[l-1].c[1]))", "$signed(W'(gen_level[l-1].c[0]))"),)),
    "tree_3": Proof("tree_check", TREE, 1, 1, 4, cover=4, parameters={"Inputs": 3, "Width": 8, "Cut": 3}, sat=True, mutants=(
        ("setun_add_tree.sv", "s[(PrevN-1)*PrevW +: PrevW]", "s[(PrevN-2)*PrevW +: PrevW]"),)),
    "tree_4": Proof("tree_check", TREE, 1, 1, 4, cover=4, parameters={"Inputs": 4, "Width": 8, "Cut": 1}, sat=True, mutants=(
        ("setun_add_tree.sv", "wide = {a, gen_level[l-1].c[i]} + {b, gen_level[l-1].c[i]};",
         "wide = {a, gen_level[l-1].c[0]} + {b, gen_level[l-1].c[i]};"),)),
    "tree_nodes": Proof("tree_nodes", (), 9, 0, 2, file="tree_steps.sv", sat=True, mutants=(
        ("tree_steps.sv", "assign {sum, unused_low} = {a_i[W-1], a_i, c_i} +", "assign {sum, unused_low} = {1'b0, a_i, c_i} +"),)),
    "tree_steps": Proof("tree_steps", TREE, 21, 0, 11, sat=True),
    # The same steps at a size at which a broken tree, whose two sides no longer merge, is refuted in little memory.
    "tree_steps_5": Proof("tree_steps", TREE, 2, 0, 11, sat=True, parameters={"Words": 5, "Trees": 1}, mutants=(
        ("setun_add_tree.sv", "c <= (l == Levels) ? '0 : gen_level[l-1].c[PrevN-1 -: N];", "c <= (l == Levels) ? '0 : gen_level[l-1].c[N-1:0];"),
        ("setun_add_tree.sv", "wide = {a, gen_level[l-1].c[i]} + {b, gen_level[l-1].c[i]};",
         "wide = {a, gen_level[l-1].c[i]} + {b, gen_level[l-1].c[0]};"),
        ("setun_add_tree.sv", "sum[Half*W +: W] = W'($signed(gen_level[l-1].s[(PrevN-1)*PrevW +: PrevW]));",
         "sum[Half*W +: W] = W'(gen_level[l-1].s[(PrevN-1)*PrevW +: PrevW]);"))),
    "sum_small": Proof("sum_check", SUM, 24, 2, 4, cover=5, sat=True, mutants=(
        ("setun_sum_tree.sv", "assign word_b = gen_level[l-1].s[(i+N)*PrevW +: PrevW];", "assign word_b = gen_level[l-1].s[(i+1)*PrevW +: PrevW];"),
        ("setun_sum_tree.sv", "assign c = Signed ? W'($signed(word_c)) : W'(word_c);", "assign c = W'(word_c);"),
        ("setun_sum_tree.sv", ".Stages(l * Stages / Levels - (l - 1) * Stages / Levels)", ".Stages(1)"))),
    # The trees of setun_leaf_table_lut and setun_leaf_table_bram, their counts of weights, and the largest count of setun_popcount.
    "sum_lut": Proof("sum_steps", SUM, 18, 0, 7, sat=True, parameters={"Words": 48, "Max": 896}),
    "sum_bram": Proof("sum_steps", SUM, 19, 0, 7, sat=True, parameters={"Words": 64, "Max": 640}),
    "sum_radix_2": Proof("sum_steps", SUM, 18, 0, 7, sat=True, parameters={"Words": 64, "Trees": 1, "Max": 640, "Radix": 2}),
    "sum_count": Proof("sum_steps", SUM, 27, 0, 8, sat=True, parameters={"Words": 256, "Trees": 3, "Width": 3, "Max": 5, "Signed": 0}),
    "sum_ones": Proof("sum_steps", SUM, 20, 0, 8, sat=True, parameters={"Words": 214, "Trees": 2, "Width": 3, "Max": 6, "Signed": 0}),
    "popcount": Proof("popcount_check", (*SUM, "popcount"), 55, 1, 3, cover=3, inside={"counts": "counts"}, sat=True,
                      parameters={"Inputs": 320, "Stages": 1}, mutants=(
        ("setun_popcount.sv", "assign carry      = sum_low & sum_high;", "assign carry      = sum_low | sum_high;"),
        ("setun_popcount.sv", "assign {f, e, d, c, b, a} = bits[6*i +: 6];", "assign {f, e, d, c, b, a} = bits[6*(i/2) +: 6];"))),
    "leaf": Proof("leaf_check", LEAF, 18, 1, 12, cover=13, inside=LEAF_INSIDE, sat=True, mutants=(
        ("setun_leaf_tree.sv", "s_q       <= s & nz;", "s_q       <= s;"),
        ("setun_leaf_planes.sv", "part_q <= SumW'(negatives)", "part_q <= SumW'(gen_count.count_q)"),
        ("setun_popcount.sv", "assign sum_high   = d ^ e ^ f;", "assign sum_high   = d ^ e;"))),
    "leaf_lane": Proof("leaf_check", LEAF, 4, 1, 12, parameters={"PortBits": 32, "TreeCut": 3, "OneLane": 1}, sat=True, mutants=(
        ("setun_leaf_planes.sv", "load_planes_q[b*B+i] <= load_data_i[i*8+b];", "load_planes_q[b*B+i] <= load_data_i[(i%2)*8+b];"),
        ("setun_leaf_tree.sv", "(gen_x[t].chunk_q[l*8 +: 8] ^ {8{s_q[l]}})", "(gen_x[t].chunk_q[l*8 +: 8] ^ {8{nz_q[l]}})"))),
    "table_byte": Proof("table_byte_check", (*TABLE, "table_walk_byte", "leaf_table_bram"), 7, 0, 262, shared=("table_watch.sv",), inside=BYTE_INSIDE,
                        sat=True, mutants=(
        ("setun_table_walk_byte.sv", "assign c4 = a ? minus_q[1] : minus_q[2];", "assign c4 = minus_q[2];"),
        ("setun_table_walk_byte.sv", "up_q    <= up_q ^ below;", "up_q    <= up_q;"),
        ("setun_table_walk_byte.sv", "localparam logic [7:0] SUBTRACT = 8'd9;", "localparam logic [7:0] SUBTRACT = 8'd10;"))),
    "table_parts": Proof("table_parts_check", (*TABLE, "table_walk_parts", "lut_rams", "leaf_table_lut"), 7, 0, 38, shared=("table_watch.sv",), inside=PARTS_INSIDE,
                         sat=True, mutants=(
        ("setun_table_walk_parts.sv", "step = {2'b01, 3'd1, 4'b1000};", "step = {2'b01, 3'd2, 4'b1000};"),
        ("setun_leaf_table_lut.sv", "i2_q    <= c2 ^ (c4 & ~c3);", "i2_q    <= c2 ^ c4;"),
        ("setun_leaf_table_lut.sv", "assign pair_zero  = gen_port[p].b6_q[i] & ~both_zero;", "assign pair_zero  = gen_port[p].b6_q[i];"))),
    "fifo_4": Proof("fifo_check", ("fifo",), 13, 2, 8, induction=4, cover=13, parameters={"Depth": 4}, inside=FIFO_INSIDE, map_memory=True,
                    mutants=FIFO_MUTANTS),
    "fifo_8": Proof("fifo_check", ("fifo",), 13, 2, 10, induction=4, cover=21, parameters={"Depth": 8}, inside=FIFO_INSIDE, map_memory=True,
                           mutants=FIFO_MUTANTS[1:2]),
    "split_64": Proof("split_check", ("burst_split",), 15, 2, 12, induction=3, cover=12, inside=SPLIT_INSIDE,
                      parameters={"BeatBytes": 64, "MaxBeats": 64, "CountW": 34}, mutants=SPLIT_MUTANTS),
    "split_16": Proof("split_check", ("burst_split",), 15, 2, 12, induction=3, cover=12, inside=SPLIT_INSIDE,
                      parameters={"BeatBytes": 16, "MaxBeats": 64, "CountW": 34}, mutants=SPLIT_MUTANTS[:1]),
    "split_short": Proof("split_check", ("burst_split",), 15, 2, 12, induction=3, cover=12, inside=SPLIT_INSIDE,
                         parameters={"BeatBytes": 32, "MaxBeats": 8, "CountW": 9}, mutants=SPLIT_MUTANTS[:1]),
    "control": Proof("control_check", ("pkg", "control"), 22, 4, 8, induction=4, cover=8, inside=CONTROL_INSIDE, mutants=(
        ("setun_control.sv", "if (done_i) begin\n        done_q  <= 1'b1;", "if (done_i && !read_ctrl) begin\n        done_q  <= 1'b1;"),
        ("setun_control.sv", "bvalid_o  = bvalid_q;", "bvalid_o  = bvalid_q && bready_i;"),
        ("setun_control.sv", "else if (rready_i) rvalid_q <= 1'b0;", "else rvalid_q <= 1'b0;"),
        ("setun_control.sv", "setun_pkg::REG_LIST_HI: value = list_q[63:32];", "setun_pkg::REG_LIST_HI: value = list_q[31:0];"))),
    "command": Proof("command_check", ("pkg", "command_decode"), 38, 7, 6, induction=2, cover=10, inside=COMMAND_INSIDE, sat=True,
                     cut="t:$mul r:Y_WIDTH>=32 %i", cuts=4, mutants=(
        ("setun_command_decode.sv", "k > setun_pkg::MAX_K", "k >= setun_pkg::MAX_K"),
        ("setun_command_decode.sv", "for (int unsigned p = 0; p < Ports; p++) base_bits", "for (int unsigned p = 0; p < 1; p++) base_bits"))),
    "command_fifths": Proof("command_fifths", (), 1, 0, 2, file="command_check.sv", sat=True, mutants=(
        ("command_check.sv", "(((32'(beats_i) + 32'd4) * 32'd52429) >> 18)", "(((32'(beats_i) + 32'd4) * 32'd52428) >> 18)"),)),
    "run": Proof("run_check", ("pkg", "run_control"), 36, 4, 8, induction=2, cover=11, inside=RUN_INSIDE, mutants=(
        ("setun_run_control.sv", "if (run_error_i || expired || list_end) state_d = S_DRAIN;", "if (expired || list_end) state_d = S_DRAIN;"),
        ("setun_run_control.sv", "stopped_q || accepted_i == count_q", "stopped_q || accepted_i != count_q"),
        ("setun_run_control.sv", "if (axi_idle_i) begin\n          state_d = S_CLEAR;", "if (axi_idle_i || progress_i) begin\n          state_d = S_CLEAR;"),
        ("setun_run_control.sv", "end else if (expired) begin\n          state_d = S_DONE;", "end else if (expired && stuck_q) begin\n          state_d = S_DONE;"))),
    "weight_port": Proof("port_check", PORT, 26, 3, 10, cover=14, map_memory=True, mutants=(
        ("setun_weight_port.sv", "arlen_q  <= 8'(burst_beats - 9'd1);", "arlen_q  <= 8'(burst_beats);"),)),
    "weight_port_room": Proof("room_check", PORT, 28, 1, 3, induction=3, parameters={"FifoBeats": 256, "MaxBeats": 64}, inside=ROOM_INSIDE),
    # The same in a small FIFO, in which a broken port overflows after a few cycles.
    "weight_port_room_4": Proof("room_check", PORT, 28, 1, 13, induction=3, cover=13, inside=ROOM_INSIDE, mutants=(
        ("setun_weight_port.sv", "room_q >= LevelW'(burst_beats)", "room_q != '0"),
        ("setun_weight_port.sv", "room_q - LevelW'(burst_beats) + LevelW'(pop)", "room_q - LevelW'(burst_beats)"))),
}


class Failure(Exception):
    """A proof did not come out as expected; the text says which and why."""


def trit_table():
    """The table of docs/memory-format.md as a SystemVerilog function of the byte: {illegal, signs of 4..0, non-zeros of 4..0}.
    Also checks what the page says of it: 243 codes, every combination of five weights once."""
    text = (ROOT / "docs/memory-format.md").read_text()
    rows = {int(m[1]): (m[2], m[3]) for m in re.finditer(r"^ {4}([0-4]) {2,}(\S.*?) {2,}(\S.*)$", text, flags=re.M)}
    illegal = re.search(r"^ {4}illegal = (.*)$", text, flags=re.M)
    if sorted(rows) != [0, 1, 2, 3, 4] or not illegal:
        raise Failure("docs/memory-format.md: the table of the T5 code was not found")

    def value(formula, bits):
        """~ & | ?: on single bits."""
        choice = re.fullmatch(r"(\w+) \? (.*) : (.*)", formula)
        if choice:
            return value(choice[2] if bits[choice[1]] else choice[3], bits)
        return eval(formula.replace("~", " not ").replace("&", " and ").replace("|", " or "), {"__builtins__": {}}, bits)  # pylint: disable=eval-used

    lines, seen = [], {}
    for code in range(256):
        bits = {f"b{j}": bool(code >> j & 1) for j in range(8)}
        bits["esc"] = bits["b4"] and bits["b3"] and bits["b2"]
        for j in (2, 3, 4):
            bits[f"c{j}"] = bits[f"b{j + 3}"] if bits["esc"] else bits[f"b{j}"]
        bits |= {"c1": bits["b1"], "c0": bits["b0"], "a": bits["b1"] and bits["b0"]}
        word = bool(value(illegal[1], bits)) << 10
        trits = []
        for j, (nonzero, sign) in rows.items():
            nz, minus = bool(value(nonzero, bits)), bool(value(sign, bits))
            word |= nz << j | minus << (5 + j)
            trits.append((j, (-1 if minus else 1) if nz else 0))
        if not word >> 10:
            if seen.setdefault(tuple(sorted(trits)), code) != code:
                raise Failure(f"docs/memory-format.md: codes {code} and {seen[tuple(sorted(trits))]} are the same weights")
        lines.append(f"    8'd{code}: trit_row = 11'd{word};")
    if len(seen) != 3 ** 5:
        raise Failure(f"docs/memory-format.md: {len(seen)} legal codes, 243 expected")
    return ("function [10:0] trit_row(input [7:0] code);\n  case (code)\n" + "\n".join(lines) +
            "\n    default: trit_row = 11'd0;\n  endcase\nendfunction\n")


def run(command, folder):
    try:
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, check=False, timeout=TIMEOUT, cwd=folder)
    except subprocess.TimeoutExpired:
        return None, f"no answer in {TIMEOUT} s"
    return done.returncode, done.stdout


def build(name, proof, folder, mutant=None):
    """Writes d.smt2 of a proof, or of its mutant, into `folder`."""
    paths = [RTL / f"setun_{module}.sv" for module in proof.sources] + [HERE / name for name in (proof.file or f"{proof.top}.sv", *proof.shared)]
    for path in paths:
        text = path.read_text()
        if mutant and mutant[0] == path.name:
            if text.count(mutant[1]) != 1:
                raise Failure(f"{name}: mutant of {mutant[0]}: found {text.count(mutant[1])} times, not once: {mutant[1]}")
            text = text.replace(mutant[1], mutant[2])
        (folder / path.name).write_text(text)
    (folder / "trit_table.svh").write_text(trit_table())
    sources = [path.name for path in paths]
    defines = "-D INDUCTION" if proof.inside else ""
    values = "".join(f" -set {key} {value}" for key, value in proof.parameters.items())
    chparam = f"chparam{values} $abstract\\{proof.top}; " if values else ""
    script = (f"read_verilog -sv -formal -defer {defines} -I{folder} -I{RTL} {' '.join(sources)}; {chparam}"
              f"hierarchy -check -top {proof.top}; proc; flatten; ")
    if proof.map_memory:
        script += "memory_collect; memory_map; "
    if "mem" in proof.inside:
        for place in range(proof.parameters["Depth"]):
            script += f"connect -set mem[{4 * place + 3}:{4 * place}] \\dut.mem[{place}]; "
    for wire, register in proof.inside.items():
        if not (proof.map_memory and wire == "mem"):
            script += f"connect -set {wire} \\{register if '.' in register else 'dut.' + register}; "
    # Merging equal cells, until nothing changes, is what proves the steps of the tree.
    script += "opt_clean; check -assert; opt; "
    if proof.cut:
        script += f"select -assert-count {proof.cuts} {proof.cut}; delete {proof.cut}; setundef -undriven -anyseq; "
    script += (f"prep -top {proof.top}; select -assert-count {proof.asserts} t:$assert; "
               f"select -assert-count {proof.covers} t:$cover; async2sync; dffunmap; write_smt2 -wires d.smt2; write_ilang d.il")
    code, output = run(["yosys", "-q", "-e", "implicitly declared|no driver", "-p", script], folder)
    if code != 0:
        raise Failure(f"{name}: Yosys: exit code {code}\n{output}")


def smtbmc(folder, *options):
    return run(["yosys-smtbmc", "-s", "z3", "--unroll", "--noprogress", *options, "d.smt2"], folder)


def clock():
    """Processor seconds of the programs run so far."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


def sat(search, folder):
    """(exit code, output) of Yosys' own solver"""
    return run(["yosys", "-p", f"read_ilang d.il; chformal -cover -remove; sat -verify -prove-asserts -set-assumes {search}"], folder)


def bounded(proof, folder):
    """(whether the assertions hold, whether one was refuted, output)"""
    if proof.sat:
        code, output = sat(f"-seq {proof.bound}", folder)
        return code == 0 and "SUCCESS" in output, code == 1 and "proof did fail" in output, output
    code, output = smtbmc(folder, "--presat", "-t", str(proof.bound))
    return code == 0, code == 1 and "Assert failed" in output, output


def induction(proof, folder):
    """(whether the step holds from every state, whether it was shown not to, output)"""
    if proof.sat:
        code, output = sat(f"-tempinduct -tempinduct-inductonly -seq 1 -maxsteps {proof.induction}", folder)
        return code == 0 and "Induction step proven" in output, code == 1 and "Reached maximum number of time steps" in output, output
    code, output = smtbmc(folder, "-i", "-t", str(proof.induction))
    return code == 0, code == 1 and "Assert failed" in output, output


def report(name, kind, depth, asserts, start, result):
    print(f"{name:<15} | {kind:<9} | {depth:>5} | {asserts:>7} | {clock() - start:7.1f} | {result}", flush=True)


def prove(name, proof, verbose):
    """Runs every task of a proof; raises Failure at the first that is not as expected."""
    with tempfile.TemporaryDirectory(prefix="setun-formal-") as work:
        start = clock()
        build(name, proof, Path(work))
        good, _, output = bounded(proof, work)
        report(name, "bounded", proof.bound, proof.asserts, start, "pass" if good else "FAIL")
        if not good or verbose:
            print(output)
        if not good:
            raise Failure(f"{name}: bounded failed")
        if proof.induction:
            start = clock()
            good, _, output = induction(proof, work)
            report(name, "induction", proof.induction, proof.asserts, start, "pass" if good else "FAIL")
            if not good or verbose:
                print(output)
            if not good:
                raise Failure(f"{name}: induction failed")
        if proof.cover:
            start = clock()
            code, output = smtbmc(work, "-c", "-t", str(proof.cover))
            report(name, "cover", proof.cover, proof.covers, start, "pass" if code == 0 else "FAIL")
            if code != 0 or verbose:
                print(output)
            if code != 0:
                raise Failure(f"{name}: cover failed")
    for number, mutant in enumerate(proof.mutants, 1):
        with tempfile.TemporaryDirectory(prefix="setun-formal-") as work:
            start = clock()
            build(name, proof, Path(work), mutant)
            _, refuted, output = bounded(proof, work)
            report(name, f"mutant {number}", proof.bound, proof.asserts, start, "refuted, as it must be" if refuted else "FAIL: not refuted")
            if not refuted:
                raise Failure(f"{name}: mutant {number} was not refuted: {mutant[2]}\n{output}")


def prove_paths(verbose):
    """No output of the kernel depends on an input in the same cycle: no VALID can wait for its READY, and no loop can close outside.
    Walks the netlist from every output back to registers. The mutant lets BVALID wait for BREADY."""
    mutant = ("setun_control.sv", "bvalid_o  = bvalid_q;", "bvalid_o  = bvalid_q && bready_i;")
    for kind in ("netlist", "mutant 1"):
        with tempfile.TemporaryDirectory(prefix="setun-formal-") as work:
            start = clock()
            names = (RTL / "setun.f").read_text().split()
            for line in names:
                text = (RTL / line).read_text()
                if line == mutant[0] and kind != "netlist":
                    if text.count(mutant[1]) != 1:
                        raise Failure(f"paths: mutant: not found once: {mutant[1]}")
                    text = text.replace(mutant[1], mutant[2])
                (Path(work) / line).write_text(text)
            code, output = run(["yosys", "-q", "-e", "implicitly declared|no driver", "-p",
                                f"read_verilog -sv -defer -I{RTL} {' '.join(names)}; chparam -set PortBits 128 -set Leaf 1 -set TileRows 16 "
                                "$abstract\\setun_kernel; hierarchy -check -top setun_kernel; proc; flatten; opt_clean; "
                                "select -assert-min 60 o:*_axi_*; select -assert-none o:* %ci*:-$dff i:* %i"], work)
            expected = (code == 0) if kind == "netlist" else (code != 0 and "s_axi_control_bready" in output)
            report("paths", kind, 0, 1, start, ("pass" if kind == "netlist" else "refuted, as it must be") if expected else "FAIL")
            if verbose or not expected:
                print(output)
            if not expected:
                raise Failure(f"paths: {kind}")


def main():
    parser = argparse.ArgumentParser(description="Formal proofs of the RTL; see the head of this file.")
    parser.add_argument("names", nargs="*", metavar="NAME", help="proofs to run; all when none is given")
    parser.add_argument("--list", action="store_true", help="print the names and stop")
    parser.add_argument("--verbose", action="store_true", help="also print what the solver says")
    options = parser.parse_args()
    if options.list:
        print("\n".join([*PROOFS, "paths"]))
        return 0
    for name in options.names:
        if name not in PROOFS and name != "paths":
            print(f"run.py: unknown proof {name}; known are {', '.join(PROOFS)}, paths")
            return 2
    print(f"{'proof':<15} | {'kind':<9} | depth | asserts | seconds | result")
    failures = []
    for name in options.names or [*PROOFS, "paths"]:
        try:
            if name == "paths":
                prove_paths(options.verbose)
            else:
                prove(name, PROOFS[name], options.verbose)
        except Failure as failure:
            print(f"FAIL: {failure}")
            failures.append(name)
    print(f"FAIL: {', '.join(failures)}" if failures else "PASS")
    return 1 if failures else 0


if __name__ == "__main__":
    sys.exit(main())
