"""Every assertion of the RTL source reaches the formal netlist: Yosys drops some forms silently, and then a proof proves nothing."""

import re

import rtl
import source_rules


def modules_with_assertions():
    """{module: number of assertion macros in its source}"""
    counts = {}
    for path in rtl.files():
        text = source_rules.strip_comments(path.read_text())
        for match in re.finditer(r"^\s*module\s+(\w+)(.*?)^\s*endmodule", text, flags=re.M | re.S):
            count = len(re.findall(r"`SETUN_ASSERT(?:_HOLD|_IF)?\s*\(", match.group(2)))
            count += len(re.findall(r"\bassert\s*(?:property\s*)?\(", match.group(2)))
            if count:
                counts[match.group(1)] = count
    return counts


def main():
    counts = modules_with_assertions()
    if not counts:
        rtl.fail("no module has an assertion")
    for module, count in counts.items():
        # Generate loops multiply an assertion, so the text gives the smallest number.
        code, output = rtl.yosys(f"{rtl.yosys_read(formal=True)}; hierarchy -top {module}; proc; "
                                 f"select -assert-min {count} {module}/t:$assert")
        if code != 0:
            rtl.fail(f"{module}: fewer than {count} $assert cells\n{output}")
        print(f"{module}: {count} assertions or more")
    # The guard itself: a module that claims one assertion more than it has must be refused.
    module, count = next(iter(counts.items()))
    code, _ = rtl.yosys(f"{rtl.yosys_read(formal=True)}; hierarchy -top {module}; proc; "
                        f"select -assert-count 1000 {module}/t:$assert")
    if code == 0:
        rtl.fail("the count of $assert cells is not checked")
    print(f"PASS: {sum(counts.values())} assertions in {len(counts)} modules")


if __name__ == "__main__":
    main()
