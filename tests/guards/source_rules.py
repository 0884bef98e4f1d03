"""Rules on the text of the RTL: constructs that Yosys 0.23 builds wrongly without a warning are refused, and so are files
without a purpose or with implicit nets. The rules are tried on known bad snippets first: a rule that finds nothing is no guard."""

import re
import sys

import rtl

# name, pattern, bad example
FORBIDDEN = [
    ("package import: write pkg::name", r"\bimport\s+\w+\s*::", "import setun_pkg::*;"),
    ("bind is dropped silently", r"^\s*bind\s", "bind dut checker u_checker (.*);"),
    ("interfaces rest on implicit nets", r"^\s*(?:interface|modport)\b", "interface bus_if;"),
    ("array of a typedef'd vector becomes single bits: use a flat vector", r"\b(?:\w+::)?\w+_t\s*\[",
     "byte_t [3:0] data;"),
    ("memory of a typedef'd type vanishes: use a flat vector", r"\b(?:\w+::)?\w+_t\s+\w+\s*\[", "word_t mem [0:3];"),
    ("packed array of vectors: use a flat vector", r"\blogic\s*(?:signed\s*)?\[[^\]]*\]\s*\[", "logic [3:0][7:0] lanes;"),
    ("unpacked array port: use a flat vector", r"^\s*(?:input|output|inout)\b[^;,()]*\w\s*\[[^\]]*\]\s*[,)]?\s*$",
     "    input  wire logic [7:0] data_i [4],"),
    ("minus before a cast is read into the cast's size: extend first", r"[-~]\s*(?:\w+|\([^()]*\))'\(",
     "assign y = -(W+1)'(x);"),
    ("X literal: define every value", r"\b\d*'[bhd][0-9a-fA-F_]*[xX]", "y = 4'bxxxx;"),
    ("async reset: resets are synchronous", r"always_ff\s*@\s*\([^)]*\bor\b", "always_ff @(posedge clk_i or negedge rst_ni)"),
]

# A subtraction of a cast is what the minus rule means to allow: it has an operand on its left.
SUBTRACTION = re.compile(r"[\w\])']\s*-\s*(?:\w+|\([^()]*\))'\(")


def strip_comments(text):
    text = re.sub(r"/\*.*?\*/", lambda match: "\n" * match.group().count("\n"), text, flags=re.S)
    return re.sub(r"//[^\n]*", "", text)


def findings(text):
    """(line number, rule) of every forbidden construct in the text of a file."""
    found = []
    for number, line in enumerate(strip_comments(text).splitlines(), 1):
        for rule, pattern, _ in FORBIDDEN:
            subject = SUBTRACTION.sub("", line) if rule.startswith("minus") else line
            if re.search(pattern, subject):
                found.append((number, rule))
    return found


def header_findings(text):
    found = []
    if not re.match(r"//+ \S.{20,}", text):
        found.append((1, "the first line must be a comment that says what the file is for"))
    code = strip_comments(text)
    first = re.search(r"^\s*(module|package)\b", code, flags=re.M)
    if first and "`default_nettype none" not in code[: first.start()]:
        found.append((1, "`default_nettype none must stand before the first module"))
    return found


def self_test():
    for rule, _, example in FORBIDDEN:
        if rule not in [name for _, name in findings(example)]:
            rtl.fail(f"the rule '{rule}' does not find its own example: {example}")
    harmless = "assign y = a - W'(b); logic [W-1:0] mem [0:3]; localparam logic [3:0] ERR = 4'hA; // import x::y"
    if findings(harmless):
        rtl.fail(f"harmless text is refused: {findings(harmless)}")
    if not header_findings("module m;\nendmodule\n") or header_findings("/// What this module does in full.\n`default_nettype none\nmodule m;\n"):
        rtl.fail("the header rule is broken")


def main():
    self_test()
    listed = set(rtl.files()) | set(rtl.files(rtl.BASELINE_LIST))
    sources = sorted(rtl.RTL.rglob("*.sv")) + sorted(rtl.RTL.rglob("*.svh"))
    bad = [f"{path.name}: in no file list" for path in sources if path.suffix == ".sv" and path not in listed]
    bad += [f"{path.name}: in a file list but missing" for path in listed if not path.exists()]
    for path in sources:
        text = path.read_text()
        bad += [f"{path.name}:{line}: {rule}" for line, rule in findings(text) + header_findings(text)]
    for line in bad:
        print(line)
    if bad:
        rtl.fail(f"{len(bad)} findings")
    print(f"PASS: {len(sources)} files, {len(FORBIDDEN)} rules")
    return 0


if __name__ == "__main__":
    sys.exit(main())
