"""Line and toggle coverage of the RTL, merged over all instances, configurations and tests.

usage: rtl_coverage.py FOLDER        the folder with Verilator's *.dat files
Prints file | lines | toggles | waived and every uncovered point, and exits with 1 below the goals: 100 % of lines, 95 % of toggles,
after the waivers of waivers.txt (file | pattern of the point | reason). A waiver that matches nothing uncovered is an error too.

A line point is a branch or a block; a toggle point is one bit of one signal of a module.
"""

import re
import sys
from collections import defaultdict
from pathlib import Path

HERE = Path(__file__).resolve().parent
LINE_GOAL, TOGGLE_GOAL = 100.0, 95.0


def read(folder):
    """{(kind, file, point): count}; a point is "line: what" or "signal[bit]"."""
    points = defaultdict(int)
    files = sorted(Path(folder).glob("*.dat"))
    if not files:
        sys.exit(f"rtl_coverage.py: no *.dat in {folder}: build with SETUN_COVERAGE and run the RTL tests")
    records = defaultdict(int)  # the same records come back in every file: they are taken apart once
    for path in files:
        for line in path.read_text(errors="replace").splitlines():
            if line.startswith("C '"):
                record, _, count = line.rpartition("' ")
                records[record] += int(count)
    for record, count in records.items():
        fields = dict(item.split("\x02", 1) for item in record[3:].split("\x01") if "\x02" in item)
        kind = fields["page"].split("/")[0]
        file = Path(fields["f"]).name
        point = fields["o"] if kind == "v_toggle" else f"{fields['l']}: {fields['o']}"
        points[kind, file, point] += count
    return points


def waivers():
    """[[file, compiled pattern, reason, uses]]"""
    rules = []
    for line in (HERE / "waivers.txt").read_text().splitlines():
        if line.strip() and not line.startswith("#"):
            file, pattern, reason = (part.strip() for part in line.split(" | "))
            rules.append([file, re.compile(pattern), reason, 0])
    return rules


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: rtl_coverage.py FOLDER")
    points = read(sys.argv[1])
    rules = waivers()
    table = defaultdict(lambda: defaultdict(lambda: [0, 0]))  # file -> kind -> [covered, all]
    waived = defaultdict(int)
    left = []
    for (kind, file, point), count in sorted(points.items()):
        if count == 0:
            rule = next((rule for rule in rules if rule[0] in (file, "*") and rule[1].fullmatch(point)), None)
            if rule:
                rule[3] += 1
                waived[file] += 1
                continue
            left.append((file, kind, point))
        cell = table[file][kind]
        cell[0] += count > 0
        cell[1] += 1

    def share(cell):
        return f"{100 * cell[0] / cell[1]:.1f} %" if cell[1] else "-"

    print(f"{'file':<28} | {'lines':>18} | {'toggles':>20} | waived")
    total = {"v_line": [0, 0], "v_branch": [0, 0], "v_toggle": [0, 0]}
    for file, kinds in sorted(table.items()):
        lines = [a + b for a, b in zip(kinds["v_line"], kinds["v_branch"])]
        toggles = kinds["v_toggle"]
        for kind in total:
            total[kind] = [a + b for a, b in zip(total[kind], kinds[kind])]
        print(f"{file:<28} | {lines[0]:4} / {lines[1]:4} {share(lines):>6} | {toggles[0]:5} / {toggles[1]:5} {share(toggles):>6} | {waived[file]:6}")
    lines = [a + b for a, b in zip(total["v_line"], total["v_branch"])]
    toggles = total["v_toggle"]
    print(f"{'all':<28} | {lines[0]:4} / {lines[1]:4} {share(lines):>6} | {toggles[0]:5} / {toggles[1]:5} {share(toggles):>6} | {sum(waived.values()):6}")
    for file, kind, point in left:
        print(f"not covered: {file}: {'toggle' if kind == 'v_toggle' else 'line'} {point}")
    unused = [rule for rule in rules if rule[3] == 0]
    for rule in unused:
        print(f"waiver without use: {rule[0]} | {rule[1].pattern}")
    good = 100 * lines[0] >= LINE_GOAL * lines[1] and 100 * toggles[0] >= TOGGLE_GOAL * toggles[1]
    return 0 if good and not unused else 1


if __name__ == "__main__":
    sys.exit(main())
