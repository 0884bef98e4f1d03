"""Line, function and branch coverage of C++ by folder, from what gcovr merged over all tests.

usage: cpp_coverage.py GCOVR.json    the file that `gcovr --json` wrote
Prints folder | lines | functions | branches and every run of lines that no test reaches; branches that only throw were left out by gcovr.
Exits with 1 when one of the parts of GOALS is below its share of lines.
"""

import json
import sys
from collections import defaultdict
from itertools import groupby
from pathlib import PurePosixPath

# % of lines of a folder with all below it. energy_model/characterize needs the ASAP7 library: SETUN_LIBERTY_DIR=DIR.
GOALS = {"hls": 97.0, "sim": 97.0, "energy_model": 97.0, "report": 97.0, "host": 97.0}
APART = {"energy_model/characterize"}


def points(file):
    """Three lists of counts of a file: of its lines, functions and branches."""
    lines = [line for line in file["lines"] if not line.get("gcovr/noncode")]
    branches = [branch["count"] for line in lines for branch in line.get("branches", [])]
    return [line["count"] for line in lines], [f["execution_count"] for f in file.get("functions", [])], branches


def gaps(file):
    """[(first, last)] of neighbouring lines that were never executed; lines without code do not part them."""
    lines = {}
    for line in file["lines"]:
        if not line.get("gcovr/noncode"):
            lines[line["line_number"]] = max(lines.get(line["line_number"], 0), line["count"])
    for missing, run in groupby(sorted(lines.items()), key=lambda item: item[1] == 0):
        numbers = [number for number, _ in run]
        if missing:
            yield numbers[0], numbers[-1]


def main():
    if len(sys.argv) != 2:
        sys.exit("usage: cpp_coverage.py GCOVR.json")
    with open(sys.argv[1], encoding="utf-8") as stream:
        files = sorted(json.load(stream)["files"], key=lambda file: file["file"])
    if not files:
        sys.exit(f"cpp_coverage.py: {sys.argv[1]} holds no file: build with SETUN_COVERAGE and run the tests")
    table = defaultdict(lambda: [[0, 0], [0, 0], [0, 0]])  # folder -> lines, functions, branches -> [reached, all]
    parts = defaultdict(lambda: [0, 0])  # top folder -> [reached, all] of lines
    for file in files:
        folder = PurePosixPath(file["file"]).parent
        for column, counts in enumerate(points(file)):
            for name in (str(folder), "all"):
                table[name][column][0] += sum(count > 0 for count in counts)
                table[name][column][1] += len(counts)
            if column == 0 and str(folder) not in APART:
                parts[folder.parts[0]][0] += sum(count > 0 for count in counts)
                parts[folder.parts[0]][1] += len(counts)

    def cell(pair):
        return f"{pair[0]:6} / {pair[1]:6} {100 * pair[0] / pair[1]:5.1f} %" if pair[1] else f"{'-':>23}"

    print(f"{'folder':<26} | {'lines':>23} | {'functions':>23} | {'branches':>23}")
    for name in sorted(table, key=lambda name: (name == "all", name)):
        print(f"{name:<26} | " + " | ".join(cell(pair) for pair in table[name]))
    for file in files:
        runs = [f"{first}" if first == last else f"{first}-{last}" for first, last in gaps(file)]
        if runs:
            print(f"not covered: {file['file']}: {' '.join(runs)}")
    low = [part for part, goal in GOALS.items() if 100 * parts[part][0] < goal * parts[part][1]]
    for part in low:
        print(f"below the goal of {GOALS[part]} % of lines: {part}, {cell(parts[part]).strip()}")
    return 1 if low else 0


if __name__ == "__main__":
    sys.exit(main())
