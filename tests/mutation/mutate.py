"""Mutation testing of the RTL: how many small faults do the RTL tests find?

usage: mutate.py [--mutants N] [--seed S] [--build FOLDER] [--only I[,I...]] [--list]
Needs a configured source tree's tools (CMake, Ninja, Verilator). Run it through scripts/mutate.

All mutants live in one model ("mutant schemata"): every changed expression E becomes `id == n ? changed E : E`, and the environment variable
SETUN_MUTANT chooses n when a simulation starts (none: the RTL as it is). So a thousand mutants cost one build, and a mutant costs one run of the tests.

Kinds: an operator or a constant exchanged, a negation dropped, a condition negated or stuck, an assignment left out. A mutant is killed when a test
fails, an assertion fires, or a test needs more than three times its processor time (it hangs). Each test runs in a process of its own, the shortest
first: most mutants die in the first seconds. Prints a table, writes result.json into the build folder, exits with 1 when fewer than 95 % of the mutants
that are not listed in equivalent.txt are killed.
"""

import argparse
import json
import os
import random
import re
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

HERE = Path(__file__).resolve().parent
ROOT = HERE.parents[1]
RTL = ROOT / "rtl"
# Small kernels that hold every leaf and both forms of the result packer.
CONFIGS = ("1x128x1-r16", "2x128x4-tree-r16", "1x128x1-table-r16", "1x128x1-bram-r16")
# Nothing to mutate: constants, port lists, a top that is not simulated.
SKIP = {"setun_pkg.sv", "setun_kernel.sv", "setun_kernel_2p.sv", "setun_kernel_4p.sv"}
TESTS = ("exact", "control", "error", "address", "timing", "system")
FIRST = 0x4D000000  # mutant n has id FIRST + n: a number that is found again in Verilator's output
GOAL = 0.95

SWAPS = [
    (r"&&", "||"), (r"\|\|", "&&"), (r"==", "!="), (r"!=", "=="), (r"(?<![<>])<(?![<=])", "<="), (r"(?<![<>])>(?![>=])", ">="), (r"<=", "<"),
    (r">=", ">"), (r"(?<![+\w(\[,?:=] )\+(?![+:])", "-"), (r"(?<=[\w)\]] )-(?![:>])", "+"), (r"<<", ">>"), (r"(?<!&)&(?!&)", "|"), (r"(?<!\|)\|(?!\|)", "&"),
    (r"\^", "|"), (r"!(?!=)", ""), (r"~(?!\^)", ""), (r"\b1'b0\b", "1'b1"), (r"\b1'b1\b", "1'b0"), (r"(?<![\w'])'0", "'1"),
]


class Span:
    """An expression of the source: text[start:end], with the target it is assigned to, if any."""

    def __init__(self, start, end, target=None, condition=False):
        self.start, self.end, self.target, self.condition = start, end, target, condition


def close(text, start):
    """Index of the parenthesis that closes the one at `start`."""
    depth = 0
    for i in range(start, len(text)):
        depth += {"(": 1, ")": -1}.get(text[i], 0)
        if depth == 0:
            return i
    raise ValueError("parenthesis is not closed")


def blank(text):
    """Comments, macro calls, parameter lists, declarations and loop headers as spaces: nothing in them is mutated."""
    def spaces(match):
        return re.sub(r"[^\n]", " ", match.group())
    text = re.sub(r"//[^\n]*", spaces, text)
    text = re.sub(r"\A.*?\n\);", spaces, text, count=1, flags=re.S)  # up to the end of the port list
    text = re.sub(r"^[ \t]*`\w+.*$", spaces, text, flags=re.M)
    text = re.sub(r"\b(?:localparam|parameter|typedef|genvar|enum)\b[^;]*;", spaces, text)
    text = re.sub(r'\$error\([^;]*;', spaces, text)
    head = re.compile(r"\bfor\s*\(")
    for match in list(head.finditer(text)):
        end = close(text, match.end() - 1)
        text = text[:match.start()] + re.sub(r"[^\n]", " ", text[match.start():end + 1]) + text[end + 1:]
    return text


def spans(masked):
    """Every expression that may be mutated, of a text whose other parts are blank."""
    found = []
    for match in list(re.finditer(r"\bif\s*\(", masked)):
        opening = match.end() - 1
        end = close(masked, opening)
        generated = re.match(r"\s*begin\s*:\s*gen_", masked[end + 1:])
        if not generated:
            found.append(Span(opening + 1, end, condition=True))
        masked = masked[:match.start()] + ";" + re.sub(r"[^\n]", " ", masked[match.start() + 1:end]) + ";" + masked[end + 1:]
    statement = re.compile(r"(?:(?<=[;:])|\b(?:begin|else|assign|end)\b)\s*(?:begin\b\s*(?::\s*\w+)?\s*)?(?:assign\s+)?"
                           r"(\w+(?:\[[^;=]*?\])?)\s*(<=|=)(?!=)\s*([^;]+);")
    position = 0
    while True:
        match = statement.search(masked, position)
        if not match:
            break
        position = match.end() - 1
        if not match[1].startswith("unused") and not re.match(r"(?:logic|int|begin|end)\b", match[1]):
            found.append(Span(match.start(3), match.end(3), target=match[1] if match[2] == "<=" else None))
    return found


def candidates(path):
    """(span, kind, mutated text) of every mutant of a file."""
    text = path.read_text()
    masked = blank(text)
    for span in spans(masked):
        original = text[span.start:span.end]
        code = masked[span.start:span.end]
        if "'{" in code or not code.strip():
            continue
        for pattern, replacement in SWAPS:
            for match in re.finditer(pattern, code):
                # Not inside a width, an index or a replication: those are for the elaboration.
                before = code[:match.start()]
                if before.count("[") > before.count("]") or re.search(r"\$clog2\([^)]*$", before):
                    continue
                changed = original[:match.start()] + replacement + original[match.end():]
                yield span, f"{match.group()} -> {replacement or 'nothing'}", changed
        for match in re.finditer(r"\b(\d+)'d(\d+)\b", code):
            value = (int(match[2]) + 1) % (1 << int(match[1]))
            changed = original[:match.start()] + f"{match[1]}'d{value}" + original[match.end():]
            yield span, f"{match.group()} -> {value}", changed
        if span.condition:
            yield span, "condition negated", f"!({original})"
            yield span, "condition stuck at 1", "1'b1"
            yield span, "condition stuck at 0", "1'b0"
        elif span.target:
            yield span, "assignment left out", span.target


def plan(count, seed):
    """`count` mutants and a reserve, drawn from all; each is a dict with id, file, line, kind, text."""
    every = []
    for path in sorted(RTL.glob("*.sv")):
        if path.name not in SKIP:
            every += [(path.name, *candidate) for candidate in candidates(path)]
    random.Random(seed).shuffle(every)
    return len(every), every[:count + count // 4 + 5]


def write_schemata(drawn, folder):
    """A copy of rtl/ with all drawn mutants in it; returns their descriptions."""
    folder.mkdir(parents=True, exist_ok=True)
    changes, mutants = {}, []
    for number, (name, span, kind, changed) in enumerate(drawn, 1):
        text = (RTL / name).read_text()
        mutants.append({"id": number, "file": name, "line": text.count("\n", 0, span.start) + 1, "kind": kind,
                        "original": " ".join(text[span.start:span.end].split()), "mutant": " ".join(changed.split())})
        changes.setdefault(name, {}).setdefault((span.start, span.end), []).append((number, changed))
    for path in filter(Path.is_file, RTL.iterdir()):  # not the folder of the baseline
        text = path.read_text()
        for (start, end), alternatives in sorted(changes.get(path.name, {}).items(), reverse=True):
            expression = text[start:end]
            for number, changed in alternatives:
                expression = f"(setun_mutant::id == 32'd{FIRST + number}) ? ({changed}) : ({expression})"
            text = text[:start] + expression + text[end:]
        if path.name == "setun.f":
            text = "setun_mutant.sv\n" + text
        write_if_changed(folder / path.name, text)
    write_if_changed(folder / "setun_mutant.sv", f"""// The mutant of this simulation, from the environment variable SETUN_MUTANT; 0: none.
package setun_mutant;
  int unsigned id = $c32("(std::getenv(\\"SETUN_MUTANT\\") ? {FIRST} + std::atoi(std::getenv(\\"SETUN_MUTANT\\")) : 0)");
endpackage
""")
    return mutants


def write_if_changed(path, text):
    if not path.exists() or path.read_text() != text:
        path.write_text(text)


def build(folder):
    """Builds the RTL tests over the schemata. The RTL in `folder`/rtl."""
    log = folder / "build.log"
    binary = folder / "build"
    targets = [f"rtl_{test}_test" for test in TESTS]
    with log.open("w") as out:
        for command in (["cmake", "-G", "Ninja", "-S", str(ROOT), "-B", str(binary), "-DCMAKE_BUILD_TYPE=Release", "-DSETUN_RTL_OPTIMIZE=-O1",
                         f"-DSETUN_RTL_DIR={folder / 'rtl'}",
                         f"-DSETUN_RTL_CONFIGS={';'.join(CONFIGS)}"],
                        ["cmake", "--build", str(binary), "--target", *targets]):
            if subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False).returncode != 0:
                sys.exit(f"mutate.py: the build failed; see {log}")
    return binary


def elaborated(binary, number):
    """Whether a mutant is in the simulated configurations at all (an unused branch of a generate is not)."""
    return f"0x{FIRST + number:x}U" in elaborated.text


def list_tests(binary):
    """[(program, filter)] of every test of the RTL; a filter takes the test in all configurations."""
    tests = []
    for test in TESTS:
        program = binary / f"tests/rtl/rtl_{test}_test"
        suite = None
        for line in subprocess.run([str(program), "--gtest_list_tests"], capture_output=True, text=True, check=True).stdout.splitlines():
            if not line.startswith(" "):
                suite = line.split("#")[0].strip()
            elif suite:
                case = line.split("#")[0].strip().split("/")[0]
                if (program, f"{suite}{case}*") not in tests:
                    tests.append((program, f"{suite}{case}*"))
    return [(program, name[:-1] + ("/*" if "/" in name else "")) for program, name in tests]


def run_test(test, number, limit):
    """(why a mutant, 0 for none, fails a (program, filter) of list_tests or None, processor seconds); over `limit` seconds it fails."""
    environment = os.environ | {"SETUN_MUTANT": str(number)} if number else {k: v for k, v in os.environ.items() if k != "SETUN_MUTANT"}
    program, name = test
    with tempfile.TemporaryFile("w+", errors="replace") as file:
        child = subprocess.Popen([str(program), "--gtest_fail_fast", "--gtest_brief=1", f"--gtest_filter={name}"], stdout=file, stderr=subprocess.STDOUT,
                                 env=environment, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_CPU, (int(limit) + 1, int(limit) + 2)))
        _, status, usage = os.wait4(child.pid, 0)
        child.returncode = os.waitstatus_to_exitcode(status)
        file.seek(0)
        output = file.read()
    seconds = usage.ru_utime + usage.ru_stime
    if child.returncode == 0 and re.search(r"\[  PASSED  \] [1-9]", output):
        return None, seconds
    failed = re.search(r"\[  FAILED  \] (\S+)", output)
    why = failed[1].rstrip(",") if failed else name + (": time limit" if child.returncode in (-24, -9) else f": exit code {child.returncode}")
    if "assertion failed" in output or "payload changed" in output or "VALID dropped" in output:
        why += " (RTL assertion)"
    return why, seconds


def judge(tests, number):
    """(what killed the mutant or None, processor seconds); `tests` is [(baseline seconds, test)], run in this order."""
    used = 0
    for baseline, test in tests:
        why, seconds = run_test(test, number, 3 * baseline + 2)
        used += seconds
        if why:
            return why, used
    return None, used


def known_equivalent():
    """{(file, mutant text, kind): reason} from equivalent.txt: file | original | mutant | reason."""
    known = {}
    for line in (HERE / "equivalent.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            file, original, mutant, reason = (part.strip() for part in line.split(" | "))
            known[file, original, mutant] = reason
    return known


def main():
    parser = argparse.ArgumentParser(description="Mutation testing of the RTL; see the head of this file.")
    parser.add_argument("--mutants", type=int, default=200)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--build", type=Path, default=ROOT / "build/mutation")
    parser.add_argument("--jobs", type=int, default=os.cpu_count(), help="mutants at once")
    parser.add_argument("--only", help="numbers of the mutants to run, of those that --list shows")
    parser.add_argument("--list", action="store_true", help="print the mutants and run nothing")
    options = parser.parse_args()
    total, drawn = plan(options.mutants, options.seed)
    folder = options.build.resolve()
    mutants = write_schemata(drawn, folder / "rtl")
    if options.list:
        for mutant in mutants:
            print(f"{mutant['id']:4} {mutant['file']}:{mutant['line']}: {mutant['kind']}: {mutant['original']}")
        return 0
    binary = build(folder)
    elaborated.text = "".join(path.read_text() for path in binary.glob("sim/verilated/*/V*.cpp") if "_fast" not in path.name)
    present = [mutant for mutant in mutants if elaborated(binary, mutant["id"])]
    absent = len(mutants) - len(present)
    present = present[:options.mutants]
    if options.only:
        wanted = {int(number) for number in options.only.split(",")}
        present = [mutant for mutant in mutants if mutant["id"] in wanted]
    tests = []
    for test in list_tests(binary):
        why, seconds = run_test(test, 0, 3600)
        if why:
            sys.exit(f"mutate.py: the tests fail without a mutant: {why}")
        tests.append((seconds, test))
    tests.sort(key=lambda entry: entry[0])
    print(f"{total} possible mutants, seed {options.seed}; {absent} of {len(mutants)} drawn are in branches that {', '.join(CONFIGS)} do not have; "
          f"{len(tests)} tests take {sum(seconds for seconds, _ in tests):.0f} s of processor time", flush=True)
    known = known_equivalent()
    survivors, equivalents = [], []
    start = time.monotonic()
    with ThreadPoolExecutor(options.jobs) as pool:
        results = pool.map(lambda mutant: judge(tests, mutant["id"]), present)
        for number, (mutant, result) in enumerate(zip(present, results), 1):
            mutant["killed_by"], mutant["seconds"] = result
            if mutant["killed_by"] is None:
                reason = known.get((mutant["file"], mutant["original"], mutant["mutant"]))
                (equivalents if reason else survivors).append(mutant)
                mutant["equivalent"] = reason
            verdict = mutant["killed_by"] or ("equivalent: " + mutant["equivalent"] if mutant.get("equivalent") else "SURVIVED")
            print(f"{number:4} {mutant['id']:4} {mutant['file']}:{mutant['line']}: {mutant['kind']} | {verdict}", flush=True)
            (folder / "result.json").write_text(json.dumps(present[:number], indent=1))
    killed = len(present) - len(survivors) - len(equivalents)
    counted = len(present) - len(equivalents)
    print(f"\n{'mutants':>8} {'killed':>7} {'equivalent':>11} {'survived':>9}   {time.monotonic() - start:.0f} s")
    print(f"{len(present):8} {killed:7} {len(equivalents):11} {len(survivors):9}   {100 * killed / max(counted, 1):.1f} % killed")
    for mutant in survivors:
        print(f"survived: {mutant['id']} {mutant['file']}:{mutant['line']}: {mutant['original']}  ->  {mutant['mutant']}")
    return 0 if counted and killed >= GOAL * counted else 1


if __name__ == "__main__":
    sys.exit(main())
