"""hls/ stays what synthesis tools take: each file is compiled as freestanding C++14 without heap, exceptions and RTTI, and its call
graph is read from the compiler. Refused are recursion, calls through pointers, stack frames of unknown size, calls of anything outside hls/ but
a few that tools know, loops other than `for` with a condition, and top functions with an argument that has no interface.
Each rule is tried on a bad example first: a rule that finds nothing is no guard."""

import os
import pathlib
import re
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parents[2]
HLS = ROOT / "hls"
FLAGS = ["-std=c++14", "-O0", "-ffreestanding", "-fno-exceptions", "-fno-rtti", "-fno-threadsafe-statics", "-ffp-contract=off",
         "-fno-stack-protector", "-Wall", "-Wextra", "-Wno-unknown-pragmas", "-Werror", "-DSETUN_HLS_PRAGMAS", f"-I{ROOT}"]

# What may be called outside hls/: copies of arrays, which the compiler makes, and the square root, which is hls::sqrtf in synthesis.
KNOWN = {"memcpy", "memset", "memmove", "sqrtf"}

# name, pattern, bad example
TEXT = [
    ("loops are `for` loops with a bound", r"\b(?:while|do|goto)\b", "while (n > 0) { --n; }"),
    ("a `for` needs a condition", r"\bfor\s*\([^;:]*;\s*;", "for (int i = 0;; ++i) {}"),
    ("no heap", r"\b(?:new|delete|malloc|free|calloc)\b", "int* p = new int[4];"),
    ("no exceptions", r"\b(?:throw|try|catch)\b", "throw 1;"),
    ("no library but fixed-width integers", r"#include\s*<(?!cstdint>|hls_math\.h>)", "#include <vector>"),
    ("no virtual functions", r"\bvirtual\b", "virtual void f();"),
]

BAD_CODE = [
    ("recursion", "int odd(int n); int even(int n) { return n == 0 ? 1 : odd(n - 1); } int odd(int n) { return n == 0 ? 0 : even(n - 1); }"),
    ("call through a pointer", "int f(int (*g)(int)) { return g(3); }"),
    ("stack frame of unknown size", "void g(char*); int f(int n) { char* p = static_cast<char*>(__builtin_alloca(n)); p[0] = 1; return p[0]; }"),
    ("call of cos", 'extern "C" double cos(double); double f(double x) { return cos(x); }'),
    ("call of _Znam", "int* f(int n) { return new int[static_cast<unsigned>(n)]; }"),
]


def fail(message):
    print(f"FAIL: {message}")
    sys.exit(1)


def strip(text):
    text = re.sub(r"/\*.*?\*/", lambda match: "\n" * match.group().count("\n"), text, flags=re.S)
    text = re.sub(r"//[^\n]*", "", text)
    return re.sub(r'"[^"\n]*"', lambda match: match.group() if "#include" in match.group() else '""', text)


def text_findings(text):
    found = []
    for number, line in enumerate(strip(text).splitlines(), 1):
        found += [(number, rule) for rule, pattern, _ in TEXT if re.search(pattern, line)]
    return found


def tops(text):
    """(name, arguments) of every extern "C" definition."""
    for match in re.finditer(r'extern "C" \w+ (\w+)\(([^)]*)\)\s*\{(.*?)^\}', text, flags=re.S | re.M):
        arguments = [argument.split()[-1] for argument in match.group(2).split(",")]
        pointers = [a for a, text_ in zip(arguments, match.group(2).split(",")) if "*" in text_]
        yield match.group(1), pointers, match.group(3)


def interface_findings(text):
    found = []
    for name, pointers, body in tops(text):
        found += [f"{name}: pointer '{p}' has no m_axi interface" for p in pointers
                  if not re.search(rf"INTERFACE mode = m_axi port = {p}\b", body)]
        if "mode = s_axilite port = return" not in body:
            found.append(f"{name}: no s_axilite interface")
    return found


class Graph:
    """Functions of all files: who calls whom, frames of unknown size."""

    def __init__(self):
        self.calls = {}
        self.defined = set()
        self.dynamic = set()

    def add(self, listing):
        for title, label in re.findall(r'node: \{ title: "([^"]*)" label: "([^"]*)"', listing):
            if re.search(r"\d+ bytes \(", label):
                self.defined.add(title)
                # "dynamic,bounded" is alignment of the frame; plain "dynamic" has no bound.
                if "(dynamic)" in label:
                    self.dynamic.add(title)
        for source, target in re.findall(r'edge: \{ sourcename: "([^"]*)" targetname: "([^"]*)"', listing):
            self.calls.setdefault(source, set()).add(target)

    def findings(self):
        short = lambda name: name.split(":")[-1]
        found = [f"stack frame of unknown size: {short(name)}" for name in sorted(self.dynamic)]
        for source, targets in sorted(self.calls.items()):
            for target in sorted(targets):
                if target == "__indirect_call":
                    found.append(f"call through a pointer: {short(source)}")
                elif target not in self.defined and short(target) not in KNOWN:
                    found.append(f"call of {short(target)}: {short(source)}")
        done, path = set(), []

        def visit(name):
            if name in path:
                found.append("recursion: " + " -> ".join(short(n) for n in path[path.index(name):] + [name]))
            elif name not in done:
                path.append(name)
                for target in sorted(self.calls.get(name, ())):
                    visit(target)
                path.pop()
                done.add(name)

        for name in sorted(self.calls):
            visit(name)
        return found


def compile_into(graph, compiler, source, folder):
    target = pathlib.Path(folder) / (source.stem + ".o")
    result = subprocess.run([compiler, *FLAGS, "-fcallgraph-info=su", "-c", str(source), "-o", str(target)],
                            capture_output=True, text=True, cwd=folder)
    if result.returncode != 0:
        fail(f"{source.name} does not compile as the subset:\n{result.stderr}")
    graph.add(target.with_suffix(".ci").read_text())


def self_test(compiler, folder):
    for rule, _, example in TEXT:
        if rule not in [name for _, name in text_findings(example)]:
            fail(f"the rule '{rule}' does not find its own example: {example}")
    if text_findings("for (unsigned i = 0; i < n; ++i) {} // while new\nint renew = 1;"):
        fail("harmless text is refused")
    for expected, code in BAD_CODE:
        source = pathlib.Path(folder) / "bad.cpp"
        source.write_text(code + "\n")
        graph = Graph()
        compile_into(graph, compiler, source, folder)
        if not any(line.startswith(expected) for line in graph.findings()):
            fail(f"'{expected}' is not found in: {code}: {graph.findings()}")
    top = 'extern "C" void f(const int* a, int* b, int n) {\n SETUN_HLS(HLS INTERFACE mode = m_axi port = a offset = slave)\n}\n'
    if len(interface_findings(top)) != 2:
        fail(f"interfaces: {interface_findings(top)}")


def main():
    compiler = os.environ.get("SETUN_GXX") or shutil.which("g++")
    if not compiler:
        fail("g++ is not in PATH")
    sources = sorted(HLS.rglob("*.cpp"))
    bad, graph, top_count = [], Graph(), 0
    with tempfile.TemporaryDirectory() as folder:
        self_test(compiler, folder)
        for path in sources + sorted(HLS.rglob("*.h")):
            text = path.read_text()
            bad += [f"{path.relative_to(ROOT)}:{line}: {rule}" for line, rule in text_findings(text)]
            bad += [f"{path.relative_to(ROOT)}: {finding}" for finding in interface_findings(text)]
            top_count += len(list(tops(text)))
        for path in sources:
            compile_into(graph, compiler, path, folder)
    bad += graph.findings()
    # A top that no script builds is no unit.
    script = (ROOT / "boards/vitis/synthesize_units.tcl").read_text()
    for path in sources:
        for name, _, _ in tops(path.read_text()):
            if name not in script:
                bad.append(f"{name}: not in boards/vitis/synthesize_units.tcl")
    for line in bad:
        print(line)
    if bad:
        fail(f"{len(bad)} findings")
    print(f"PASS: {len(sources)} files, {len(graph.defined)} functions, {top_count} tops")
    return 0


if __name__ == "__main__":
    sys.exit(main())
