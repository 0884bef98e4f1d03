"""Yosys elaborates every top in every configuration without an undeclared name, an undriven wire, a second driver or a loop."""

import rtl


def elaborate(config):
    code, output = rtl.yosys(f"{rtl.yosys_read(sources=config.sources)}; {rtl.yosys_hierarchy(config)}; proc; check -assert; "
                             "flatten; opt_clean; check -assert")
    return f"exit code {code}\n{output}" if code != 0 else None


if __name__ == "__main__":
    rtl.main(elaborate, rtl.TOPS | rtl.BASELINE)
