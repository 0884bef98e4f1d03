"""Verilator lint, all warnings on, of every top in every configuration. Waivers live in rtl/waivers.vlt."""

import rtl


def lint(config):
    code, output = rtl.run(rtl.verilator_lint(config))
    # Verilator exits with 0 on some warnings that only inform: any text is a finding.
    return output or f"exit code {code}" if code != 0 or output.strip() else None


if __name__ == "__main__":
    rtl.main(lint, rtl.TOPS | rtl.BASELINE)
