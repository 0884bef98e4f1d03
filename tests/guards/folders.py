"""Folders keep their place: docs/architecture.md has a row for each folder with C or C++ in it, an include goes only where the row's
"may use" allows, and no folders include each other in a circle.

A row speaks for all folders below it, or for none where one of them has a row of its own; those may use what it may use and what
their own row adds. The rules are tried on bad examples first: a rule that finds nothing is no guard."""

import fnmatch
import re
import sys
from pathlib import Path, PurePosixPath

import rtl

MAP = rtl.ROOT / "docs" / "architecture.md"
SKIPPED = {"build", "docs", "tests"}  # tests may include anything; nothing may include them
SUFFIXES = {".h", ".c", ".cpp", ".S", ".inc", ".in"}
INCLUDE = re.compile(r'^\s*#\s*include\s+"([^"]+)"', flags=re.M)


def read_map(text):
    """{folder: [what it may use]} of every table row whose first cell is a folder in backticks and which has three cells."""
    rows = {}
    for line in text.splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split("|")]
        folder = re.match(r"`([\w/]+)/`$", cells[0])
        if folder and len(cells) == 3:
            rows[folder[1]] = [use.rstrip("/") for use in re.findall(r"`([^`]+)`", cells[2])]
    return rows


def read_includes(root):
    """[(file, included file)] of every include in quotes, as paths from the root."""
    pairs = []
    for path in sorted(root.rglob("*")):
        relative = path.relative_to(root)
        if path.suffix not in SUFFIXES or relative.parts[0] in SKIPPED or relative.parts[0].startswith("."):
            continue
        for include in INCLUDE.findall(path.read_text()):
            beside = relative.parent / include  # the compiler looks there first
            pairs.append((relative.as_posix(), beside.as_posix() if (root / beside).is_file() else include))
    return pairs


def folder_of(file):
    return str(PurePosixPath(file).parent)


def row_of(folder, rows):
    """The nearest folder at or above this one that has a row, or None."""
    while folder not in rows:
        if "/" not in folder:
            return None
        folder = folder_of(folder)
    return folder


def allowed(row, rows):
    while row is not None:
        yield from rows[row]
        row = row_of(folder_of(row), rows)


def map_findings(pairs, rows):
    """One line for each folder that the map lacks and each include that it does not allow."""
    found = []
    for folder in sorted({folder_of(file) for file, _ in pairs}):
        row = row_of(folder, rows)
        if row is None or (row != folder and any(other.startswith(row + "/") for other in rows)):
            found.append(f"{folder}/ has no row in {MAP.name}")
    for file, include in pairs:
        row = row_of(folder_of(file), rows)
        if row is None or row_of(folder_of(include), rows) == row:
            continue
        if not any(fnmatch.fnmatch(include, use) or include.startswith(use + "/") for use in allowed(row, rows)):
            found.append(f"{file}: {row}/ may not use {include}")
    return found


def find_circle(pairs):
    """Folders in the order in which they include each other, the first again at the end; empty when there is no circle."""
    uses = {}
    for file, include in pairs:
        if folder_of(file) != folder_of(include):
            uses.setdefault(folder_of(file), set()).add(folder_of(include))
    done = set()

    def walk(folder, trail):
        if folder in trail:
            return trail[trail.index(folder):] + [folder]
        if folder not in done:
            for use in sorted(uses.get(folder, ())):
                circle = walk(use, trail + [folder])
                if circle:
                    return circle
            done.add(folder)
        return []

    for folder in sorted(uses):
        circle = walk(folder, [])
        if circle:
            return circle
    return []


def missing_findings(pairs, root):
    """Includes in quotes that are no file of the project: this guard would not see what they lead to."""
    return [f'{file}: "{include}" is no path from the root; headers from elsewhere are included with <>'
            for file, include in pairs if not (root / include).is_file()]


def self_test():
    rows = read_map("| `a/` | x | `b/`, `c/*_abi.h` |\n| `a/sub/` | x | `c/own.h` |\n| `b/` | x | nothing |\n| `c/` | x | |\n| `d` | x |")
    if rows != {"a": ["b", "c/*_abi.h"], "a/sub": ["c/own.h"], "b": [], "c": []}:
        rtl.fail(f"the map is read wrongly: {rows}")
    good = [("a/x.h", "b/y.h"), ("a/x.h", "c/k_abi.h"), ("a/sub/z.h", "b/y.h"), ("a/sub/z.h", "c/own.h"), ("b/deep/w.h", "b/y.h")]
    if map_findings(good, rows) or find_circle(good):
        rtl.fail(f"what is allowed is refused: {map_findings(good, rows)} {find_circle(good)}")
    for bad in [("b/y.h", "a/x.h"), ("a/x.h", "c/own.h"), ("a/x.h", "a/sub/z.h"), ("a/x.h", "tests/t.h"), ("a/more/x.h", "b/y.h"), ("e/x.h", "e/y.h")]:
        if not map_findings([bad], rows):
            rtl.fail(f"the map does not refuse {bad}")
    if find_circle([("a/x.h", "b/y.h"), ("b/y.h", "c/z.h"), ("c/v.h", "a/w.h")]) != ["a", "b", "c", "a"]:
        rtl.fail("a circle of three folders is not found")
    if not missing_findings([("rtl/x.h", "no_such_file.h")], rtl.ROOT):
        rtl.fail("an include of no file is not found")


def main():
    self_test()
    rows = read_map(MAP.read_text())
    pairs = read_includes(rtl.ROOT)
    bad = [f"{MAP.name}: `{row}/` is no folder" for row in rows if not (rtl.ROOT / row).is_dir()]
    bad += missing_findings(pairs, rtl.ROOT) + map_findings(pairs, rows)
    circle = find_circle(pairs)
    if circle:
        bad.append("folders include each other in a circle: " + " -> ".join(circle))
        steps = set(zip(circle, circle[1:]))
        bad += [f"  {file} includes {include}" for file, include in pairs if (folder_of(file), folder_of(include)) in steps]
    for line in bad:
        print(line)
    if bad:
        rtl.fail(f"{len(bad)} findings")
    print(f"PASS: {len(pairs)} includes of {len({folder_of(file) for file, _ in pairs})} folders")
    return 0


if __name__ == "__main__":
    sys.exit(main())
